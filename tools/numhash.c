/* SPDX-License-Identifier: MIT */
/*
 * Who writes a file does not know the seed, and so cannot choose numbers that
 * fall together.
 */
#include "tools/numhash.h"

/* An odd number without pattern: 2^64 divided by the golden ratio. */
#define MULTIPLIER G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)

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
	hash = (hash ^ hash >> 29) * MULTIPLIER;
	return (guint)(hash >> 32);
}
