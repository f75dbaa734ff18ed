/* SPDX-License-Identifier: MIT */
/*
 * labels: see labels.h. Runs on threads of the program, maybe in a handler of
 * theirs; the flusher reads sets. No libc beyond mem* and str*.
 */
#include "agent/labels.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "agent/fork.h"
#include "agent/region.h"

#define BUCKETS (4u * LABELS_SETS)	/* a power of two */
#define PROBES 64u

struct node {
	uint32_t hash;
	uint16_t parent;
	uint16_t depth;			/* pairs in the set */
	const char *key, *value;	/* in text[] */
};

/* Pages of these are touched as they are used. */
static struct node nodes[LABELS_SETS];		/* [0] is the empty set */
static _Atomic uint16_t buckets[BUCKETS];	/* ids, 0: free */
static FORK_LARGE char text[LABELS_TEXT];
static _Atomic uint32_t nodes_used = 1, text_used;

/* --- sets --------------------------------------------------------------------- */

int labels_check(const char *key, const char *value)
{
	/* agent/pprof.h: labels that the agent writes itself */
	static const char *const reserved[] = { "thread", "tid", "state",
						"call" };
	unsigned i;

	if (!key || !value || key[0] == '\0')
		return -EINVAL;
	for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcmp(key, reserved[i]) == 0)
			return -EINVAL;
	return strlen(key) > LABELS_KEY_MAX || strlen(value) > LABELS_VALUE_MAX
		       ? -E2BIG : 0;
}

static uint32_t hash_text(uint32_t hash, const char *s)
{
	/* FNV-1a; the NUL keeps "ab","c" and "a","bc" apart */
	do
		hash = (hash ^ (uint8_t)*s) * 16777619u;
	while (*s++ != '\0');
	return hash;
}

static bool is_node(const struct node *n, uint32_t hash, uint16_t parent,
		    const char *key, const char *value)
{
	return n->hash == hash && n->parent == parent &&
	       strcmp(n->key, key) == 0 && strcmp(n->value, value) == 0;
}

static const char *copy_text(const char *s)
{
	uint32_t size = (uint32_t)strlen(s) + 1;
	uint32_t at = atomic_load_explicit(&text_used, memory_order_relaxed);

	do {
		if (size > LABELS_TEXT - at)
			return NULL;
		/* relaxed: published with the node */
	} while (!atomic_compare_exchange_weak_explicit(
		&text_used, &at, at + size, memory_order_relaxed,
		memory_order_relaxed));
	memcpy(text + at, s, size);
	return text + at;
}

/* A node that nobody sees yet. 0 without room. */
static uint16_t new_node(uint32_t hash, uint16_t parent, const char *key,
			 const char *value)
{
	uint32_t id = atomic_load_explicit(&nodes_used, memory_order_relaxed);
	struct node *n;

	do {
		if (id == LABELS_SETS)
			return 0;
	} while (!atomic_compare_exchange_weak_explicit(
		&nodes_used, &id, id + 1, memory_order_relaxed,
		memory_order_relaxed));
	n = &nodes[id];
	n->hash = hash;
	n->parent = parent;
	n->depth = (uint16_t)(nodes[parent].depth + 1);
	n->key = copy_text(key);
	n->value = copy_text(value);
	return n->key && n->value ? (uint16_t)id : 0;
}

uint16_t labels_add(uint16_t parent, const char *key, const char *value)
{
	uint32_t hash = hash_text(hash_text(2166136261u ^ parent, key), value);
	uint16_t made = 0, found;
	uint32_t i;

	if (nodes[parent].depth == LABELS_DEPTH)
		return 0;
	for (i = 0; i < PROBES; i++) {
		_Atomic uint16_t *b = &buckets[(hash + i) & (BUCKETS - 1)];

		/* acquire: pairs with the release below; the node is whole */
		found = atomic_load_explicit(b, memory_order_acquire);
		if (found == 0 && made == 0)
			made = new_node(hash, parent, key, value);
		if (found == 0 && made == 0)
			return 0;
		if (found == 0 && atomic_compare_exchange_strong_explicit(
					  b, &found, made,
					  memory_order_release,
					  memory_order_acquire)) {
			region_keep_label(made, parent, key, value);
			return made;
		}
		if (is_node(&nodes[found], hash, parent, key, value))
			return found;	/* `made`, if any, is never used */
	}
	return 0;
}

/* By the buckets: what is in one is whole. */
void labels_keep_all(void)
{
	uint32_t i;
	uint16_t id;

	/* relaxed: nothing was ever added */
	if (atomic_load_explicit(&nodes_used, memory_order_relaxed) == 1)
		return;
	for (i = 0; i < BUCKETS; i++) {
		/* acquire: pairs with the release in labels_add() */
		id = atomic_load_explicit(&buckets[i], memory_order_acquire);
		if (id != 0)
			region_keep_label(id, nodes[id].parent, nodes[id].key,
					  nodes[id].value);
	}
}

uint16_t labels_parent(uint16_t set)
{
	return set < LABELS_SETS ? nodes[set].parent : 0;
}

static bool is_hidden(const struct label *inner, unsigned count,
		      const char *key)
{
	while (count-- > 0)
		if (strcmp(inner[count].key, key) == 0)
			return true;
	return false;
}

unsigned labels_get(uint16_t set, struct label to[LABELS_DEPTH])
{
	unsigned count = 0;

	for (; set != 0 && set < LABELS_SETS; set = nodes[set].parent) {
		const struct node *n = &nodes[set];

		if (count < LABELS_DEPTH && n->key && n->value &&
		    !is_hidden(to, count, n->key))
			to[count++] = (struct label){ n->key, n->value };
	}
	return count;
}

int labels_with(uint16_t set, const char *key, const char *value)
{
	const struct node *n = &nodes[set];
	int parent;

	if (set == 0 && !value)
		return 0;
	if (set == 0) {
		set = labels_add(0, key, value);
		return set ? set : -1;
	}
	if (strcmp(n->key, key) == 0)
		return !value ? n->parent :
		       (set = labels_add(n->parent, key, value)) ? set : -1;
	parent = labels_with(n->parent, key, value);
	if (parent < 0)
		return -1;
	set = labels_add((uint16_t)parent, n->key, n->value);
	return set ? set : -1;
}
