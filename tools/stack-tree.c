/* SPDX-License-Identifier: MIT */
/*
 * stack-tree: see stack-tree.h. A hash table with linear probing whose slots
 * are indices of nodes: with tens of millions of them, room matters.
 */
#include "tools/stack-tree.h"

#define FIRST_SLOTS 1024u

void stack_tree_init(StackTree *t)
{
	StackNode root = { 0, 0 };

	t->nodes = g_array_new(FALSE, FALSE, sizeof(StackNode));
	g_array_append_val(t->nodes, root);
	t->slots = g_new0(guint32, FIRST_SLOTS);
	t->mask = FIRST_SLOTS - 1;
	t->seed = (guint64)g_random_int() << 32 | g_random_int();
}

void stack_tree_release(StackTree *t)
{
	g_array_free(t->nodes, TRUE);
	g_free(t->slots);
}

/* The slot that holds the node, or the free one where it belongs. */
static guint32 find_slot(const StackTree *t, guint32 parent, guint32 frame)
{
	guint64 h = ((guint64)parent << 32 | frame) ^ t->seed;
	guint32 at;

	/* Two rounds of multiply and fold: every bit reaches every other. */
	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
	for (at = (guint32)(h >> 32) & t->mask; t->slots[at] != 0;
	     at = (at + 1) & t->mask) {
		const StackNode *n = stack_tree_node(t, t->slots[at]);

		if (n->parent == parent && n->frame == frame)
			break;
	}
	return at;
}

static void grow(StackTree *t)
{
	guint32 slots = (t->mask + 1) * 2;

	g_free(t->slots);
	t->slots = g_new0(guint32, slots);
	t->mask = slots - 1;
	for (guint32 i = 1; i < t->nodes->len; i++) {
		const StackNode *n = stack_tree_node(t, i);

		t->slots[find_slot(t, n->parent, n->frame)] = i;
	}
}

guint32 stack_tree_find(const StackTree *t, guint32 parent, guint32 frame)
{
	return t->slots[find_slot(t, parent, frame)];
}

guint32 stack_tree_add(StackTree *t, guint32 parent, guint32 frame)
{
	guint32 slot = find_slot(t, parent, frame);
	guint32 made = t->nodes->len;
	StackNode node = { parent, frame };

	if (t->slots[slot] != 0)
		return t->slots[slot];
	g_array_append_val(t->nodes, node);
	t->slots[slot] = made;
	if (made > t->mask / 4 * 3)
		grow(t);
	return made;
}
