/* SPDX-License-Identifier: MIT */
/*
 * numhash: a GHashFunc for 64-bit numbers that a file may have chosen.
 * g_int64_hash() takes the lower half of a number alone: ids of 1 << 32, 2 << 32
 * ... are all the same to it, and so are pairs of numbers put into one.
 */
#ifndef PROFAGENT_TOOLS_NUMHASH_H
#define PROFAGENT_TOOLS_NUMHASH_H

#include <glib.h>

/* `key` is a guint64 *. The value is good for one run of one program. */
guint numhash(gconstpointer key);

/* What numbers are hashed with: random, the same throughout a run. */
guint64 numhash_seed(void);

/* An odd number without pattern: 2^64 divided by the golden ratio. */
#define NUMHASH_MULTIPLIER G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)

/* The hash of a run with one number more; begins with a seed. */
static inline guint64 numhash_mix(guint64 hash, guint64 n)
{
	hash = (hash ^ n) * NUMHASH_MULTIPLIER;
	return hash ^ hash >> 29;
}

#endif
