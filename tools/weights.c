/* SPDX-License-Identifier: MIT */
/*
 * weights: see weights.h. Floats above 0 are in the order of their
 * bits taken as numbers: the least weight that is kept is found by counting
 * their upper halves, then the lower halves of those that have its upper half.
 */
#include "tools/weights.h"

#include <string.h>

#include "tools/numhash.h"

#define HALF_BITS 16
#define HALVES (1u << HALF_BITS)
#define CELLS_PER_KEY 32u

void weights_init(Weights *w, guint room)
{
	w->room = room;
	w->count = WEIGHTS_CELLS_MIN;
	while (w->count < WEIGHTS_CELLS && w->count / CELLS_PER_KEY < room)
		w->count *= 2;
	w->cells = g_new0(float, w->count);
	w->heavy = NULL;
}

void weights_release(Weights *w)
{
	g_clear_pointer(&w->cells, g_free);
	g_clear_pointer(&w->heavy, g_free);
}

static guint32 cell_of(const Weights *w, guint64 key)
{
	return key < w->count ? (guint32)key : numhash(&key) % w->count;
}

void weights_add(Weights *w, guint64 key, double weight)
{
	w->cells[cell_of(w, key)] += (float)weight;
}

static guint32 bits_of(float weight)
{
	guint32 bits;

	memcpy(&bits, &weight, sizeof(bits));
	return bits;
}

/*
 * The half of a weight that the `*room` heaviest reach, of those whose bits
 * above `shift` + HALF_BITS are `above`; *room is then for those that have it.
 */
static guint32 find_half(const Weights *w, guint64 above, int shift,
			 guint *room)
{
	g_autofree guint32 *counts = g_new0(guint32, HALVES);
	guint32 half, i;

	for (i = 0; i < w->count; i++) {
		guint64 bits = bits_of(w->cells[i]);

		if (bits != 0 && bits >> (shift + HALF_BITS) == above)
			counts[bits >> shift & (HALVES - 1)]++;
	}
	for (half = HALVES - 1; half > 0 && counts[half] <= *room; half--)
		*room -= counts[half];
	return half;
}

void weights_cut(Weights *w)
{
	guint room = w->room;
	guint32 upper = find_half(w, 0, HALF_BITS, &room);
	guint32 least = upper << HALF_BITS |
			find_half(w, upper, 0, &room);
	guint32 i;

	w->heavy = g_new0(guint8, w->count / 8);
	for (i = 0; i < w->count; i++) {
		guint32 bits = bits_of(w->cells[i]);

		if (bits == 0 || bits < least || (bits == least && room == 0))
			continue;
		room -= bits == least;
		w->heavy[i / 8] |= (guint8)(1u << i % 8);
	}
	g_clear_pointer(&w->cells, g_free);
}

gboolean weights_is_heavy(const Weights *w, guint64 key)
{
	guint32 cell = cell_of(w, key);

	return w->heavy[cell / 8] >> cell % 8 & 1;
}
