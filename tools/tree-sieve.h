/* SPDX-License-Identifier: MIT */
/*
 * tree-sieve: of a tree of stacks with more nodes than anyone can look at,
 * which are made.
 *
 * All stacks are walked twice, from their roots. First each says what it
 * weighs; then it asks at each frame whether to go on. What is behind becomes
 * one node, PROFILE_SMALL_STACKS, so that all sums stay. Kept are the heaviest
 * nodes, of equal ones those nearer to the root; always with all that is above
 * them. Memory is fixed, whatever the stacks.
 */
#ifndef PROFAGENT_TOOLS_TREE_SIEVE_H
#define PROFAGENT_TOOLS_TREE_SIEVE_H

#include <glib.h>

#include "tools/weights.h"

typedef struct {
	Weights weights;
} TreeSieve;

/* How far a walk has come; zeroed at the root. */
typedef struct {
	guint64 hash;
	guint32 depth;
} TreePath;

/* `room` nodes are kept. */
void tree_sieve_init(TreeSieve *s, guint room);
void tree_sieve_release(TreeSieve *s);

/* First: the next frame of a stack. */
void tree_sieve_weigh(TreeSieve *s, TreePath *at, guint32 frame,
		      double weight);

/* Then: all has been weighed. */
void tree_sieve_cut(TreeSieve *s);

/* And whether the next frame has a node of its own. */
gboolean tree_sieve_has(const TreeSieve *s, TreePath *at, guint32 frame);

#endif
