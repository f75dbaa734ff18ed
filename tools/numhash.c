/* SPDX-License-Identifier: MIT */
/*
 * Who writes a file does not know the seed, and so cannot choose numbers that
 * fall together.
 */
#include "tools/numhash.h"

guint64 numhash_seed(void)
{
	static gsize seed;

	G_STATIC_ASSERT(sizeof(seed) == sizeof(guint64));
	if (g_once_init_enter(&seed))
		g_once_init_leave(&seed, (gsize)g_random_int() << 32 |
				  (gsize)g_random_int() | 1);
	return seed;
}

guint numhash(gconstpointer key)
{
	guint64 seed = numhash_seed();
	guint64 hash = *(const guint64 *)key + seed;

	/* the seed is odd: the product loses nothing, whatever the number */
	hash = (hash ^ hash >> 32) * seed;
	hash = (hash ^ hash >> 29) * NUMHASH_MULTIPLIER;
	/* numbers in sequence are still in steps that are all alike */
	hash = (hash ^ hash >> 32) * NUMHASH_MULTIPLIER;
	return (guint)(hash >> 32);
}
