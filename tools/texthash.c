/* SPDX-License-Identifier: MIT */
#include "tools/texthash.h"

#include <string.h>

#include "tools/numhash.h"

/* An odd number without pattern: 2^64 divided by the golden ratio. */
#define MULTIPLIER G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)

static guint64 mix(guint64 hash, guint64 word)
{
	hash = (hash ^ word) * MULTIPLIER;
	return hash ^ (hash >> 29);
}

guint texthash(gconstpointer key)
{
	const char *at = key;
	gsize left = strlen(at);
	guint64 hash = left ^ numhash_seed(), word;

	for (; left >= sizeof(word); left -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = mix(hash, word);
		at += sizeof(word);
	}
	word = 0;
	memcpy(&word, at, left);
	return mix(hash, word) >> 32;
}
