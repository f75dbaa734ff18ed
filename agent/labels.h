/* SPDX-License-Identifier: MIT */
/*
 * labels: what the program says that its threads work on, for example
 * route=/checkout. Samples taken meanwhile carry it.
 *
 * A set of labels is a number: that of a node in a tree whose root, 0, is the
 * empty set, and of which each node adds one pair to its parent's. Nodes are
 * never changed nor freed, so a signal handler reads a thread's set as one
 * load of its record. A set costs memory once, however often it comes; there is
 * room for LABELS_SETS of them, and what comes later is not labelled.
 *
 * All functions are async-signal-safe and lock-free; any thread.
 */
#ifndef PROFAGENT_AGENT_LABELS_H
#define PROFAGENT_AGENT_LABELS_H

#include <stdint.h>

#define LABELS_SETS 16384u	/* ids fit a ring_sample's 16 bits */
#define LABELS_TEXT (1u << 20)	/* bytes of all keys and values */
#define LABELS_KEY_MAX 63u	/* bytes */
#define LABELS_VALUE_MAX 255u
#define LABELS_DEPTH 16u	/* pairs in one set, at most */

struct label {
	const char *key, *value;	/* constant, never freed */
};

/* 0, -EINVAL (no key, or one that profiles use themselves), -E2BIG. */
int labels_check(const char *key, const char *value);

/*
 * The set that has one pair more than `parent`; a key that is in it already
 * hides the older one. 0: there is no room. The strings are copied.
 */
uint16_t labels_add(uint16_t parent, const char *key, const char *value);

/*
 * Keeps all sets there are in the region of a forked child, which is another than
 * those were kept in. Flusher.
 */
void labels_keep_all(void);

/* What it was added to; 0 for 0 and for a number that is no set. */
uint16_t labels_parent(uint16_t set);

/*
 * The pairs of a set that are not hidden, innermost first, at most LABELS_DEPTH.
 * Returns how many.
 */
unsigned labels_get(uint16_t set, struct label to[LABELS_DEPTH]);

/*
 * The set with another value of a key, in the place where that was; NULL: without
 * it. -1: there is no room.
 */
int labels_with(uint16_t set, const char *key, const char *value);

#endif
