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

#endif
