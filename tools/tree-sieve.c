/* SPDX-License-Identifier: MIT */
/*
 * tree-sieve: see tree-sieve.h. A node is known by the hash of the frames from
 * the root to it.
 */
#include "tools/tree-sieve.h"

#include "tools/numhash.h"

/* Frames after which a node counts half, so that of nodes that weigh the same
 * those nearer to the root are heavier, and a child never is than its parent. */
#define HALF_DEPTH 1000.0

void tree_sieve_init(TreeSieve *s, guint room)
{
	weights_init(&s->weights, room);
}

void tree_sieve_release(TreeSieve *s)
{
	weights_release(&s->weights);
}

/* The key of the node that one more frame leads to. */
static guint64 step(TreePath *at, guint32 frame)
{
	at->hash = numhash_mix(at->hash ^ numhash_seed(), frame);
	at->depth++;
	/* all share cells by chance alone */
	return at->hash | WEIGHTS_CELLS;
}

void tree_sieve_weigh(TreeSieve *s, TreePath *at, guint32 frame,
		      double weight)
{
	guint64 key = step(at, frame);

	weights_add(&s->weights, key,
		    weight * HALF_DEPTH / (HALF_DEPTH + at->depth));
}

void tree_sieve_cut(TreeSieve *s)
{
	weights_cut(&s->weights);
}

gboolean tree_sieve_has(const TreeSieve *s, TreePath *at, guint32 frame)
{
	return weights_is_heavy(&s->weights, step(at, frame));
}
