/* SPDX-License-Identifier: MIT */
/*
 * stack-tree: many stacks as one tree, each beginning of a stack stored once.
 */
#ifndef PROFAGENT_TOOLS_STACK_TREE_H
#define PROFAGENT_TOOLS_STACK_TREE_H

#include <glib.h>

typedef struct {
	guint32 parent, frame;
} StackNode;

typedef struct {
	GArray *nodes;			/* StackNode; [0] is the root, parents
					 * come before their children */
	guint32 *slots;			/* nodes by parent and frame, 0: free */
	guint32 mask;			/* slots - 1, a power of two - 1 */
	guint64 seed;			/* against chosen collisions */
} StackTree;

void stack_tree_init(StackTree *t);
void stack_tree_release(StackTree *t);

/* The node of `frame` below `parent`, made if there is none yet. */
guint32 stack_tree_add(StackTree *t, guint32 parent, guint32 frame);

/* The same, 0 if there is none. */
guint32 stack_tree_find(const StackTree *t, guint32 parent, guint32 frame);

#define stack_tree_node(t, i) (&g_array_index((t)->nodes, StackNode, (i)))

#endif
