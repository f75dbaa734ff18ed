/* SPDX-License-Identifier: MIT */
/*
 * weights: what the keys of a file weigh, however many there are, to
 * tell the heaviest.
 *
 * A table of a fixed size: small numbers have a cell of their own, others share
 * one with whom chance says. Two in a cell are both taken for heavier than
 * they are, so that more may be kept than had to be, never less.
 */
#ifndef PROFAGENT_TOOLS_WEIGHTS_H
#define PROFAGENT_TOOLS_WEIGHTS_H

#include <glib.h>

/* Cells: 32 for each key that is kept, in these bounds. */
#define WEIGHTS_CELLS_MIN (1u << 20)
#define WEIGHTS_CELLS (1u << 24)	/* 64 MiB while weighing, then 2 */

typedef struct {
	guint32 count;			/* of cells, a power of two */
	guint room;			/* keys that are kept */
	float *cells;			/* until weights_cut() */
	guint8 *heavy;			/* then a bit for each cell */
} Weights;

/* The `room` heaviest will be kept. */
void weights_init(Weights *w, guint room);
void weights_release(Weights *w);

/* `weight` above 0. */
void weights_add(Weights *w, guint64 key, double weight);

/* All has been added. Of equal ones as many are kept as there is room for. */
void weights_cut(Weights *w);

gboolean weights_is_heavy(const Weights *w, guint64 key);

#endif
