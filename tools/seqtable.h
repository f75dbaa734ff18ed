/* SPDX-License-Identifier: MIT */
/*
 * seqtable: keeps one copy of each run of elements in an array.
 *
 * Stacks and sets of labels repeat from sample to sample; a run that is in the
 * array already is found instead of stored again. Elements are compared byte
 * by byte: padding must be zero.
 */
#ifndef PROFAGENT_TOOLS_SEQTABLE_H
#define PROFAGENT_TOOLS_SEQTABLE_H

#include <glib.h>

typedef struct {
	guint32 first, count;		/* in the array; count 0: free */
	guint32 hash;
} SeqtableSlot;

typedef struct {
	GArray *array;			/* not owned */
	guint size;			/* bytes of an element */
	SeqtableSlot *slots;
	guint32 mask, used;
	guint64 seed;			/* against chosen collisions */
} Seqtable;

/* `array` outlives it; what others append to it has to be adopted. */
void seqtable_init(Seqtable *t, GArray *array);
void seqtable_release(Seqtable *t);

/*
 * Index of the first element of a run equal to `run`, appended if it is new;
 * 0 for an empty run.
 */
guint32 seqtable_intern(Seqtable *t, gconstpointer run, guint32 count);

/* Makes a run found that is in the array already; not if an equal one is. */
void seqtable_adopt(Seqtable *t, guint32 first, guint32 count);

/* Bytes held besides the array. */
gsize seqtable_memory(const Seqtable *t);

#endif
