/* SPDX-License-Identifier: MIT */
/*
 * seqtable: see seqtable.h. Open addressing, linear probing, half full at
 * most.
 */
#include "tools/seqtable.h"

#include <string.h>

#include "tools/numhash.h"

#define FIRST_SLOTS 256u

void seqtable_init(Seqtable *t, GArray *array)
{
	t->array = array;
	t->size = g_array_get_element_size(array);
	t->slots = g_new0(SeqtableSlot, FIRST_SLOTS);
	t->mask = FIRST_SLOTS - 1;
	t->used = 0;
	t->seed = (guint64)g_random_int() << 32 | g_random_int();
}

void seqtable_release(Seqtable *t)
{
	g_clear_pointer(&t->slots, g_free);
}

gsize seqtable_memory(const Seqtable *t)
{
	return ((gsize)t->mask + 1) * sizeof(SeqtableSlot);
}

static guint32 hash_run(const Seqtable *t, const guint8 *run, gsize size)
{
	guint64 h = t->seed, x;

	for (; size >= sizeof(x); size -= sizeof(x), run += sizeof(x)) {
		memcpy(&x, run, sizeof(x));
		h = numhash_mix(h, x);
	}
	x = size;
	memcpy(&x, run, size);
	h = numhash_mix(numhash_mix(h, x), size);
	return (guint32)(h >> 32);
}

static void grow(Seqtable *t)
{
	guint32 old = t->mask + 1, i, at;
	SeqtableSlot *slots = t->slots;

	t->mask = old * 2 - 1;
	t->slots = g_new0(SeqtableSlot, (gsize)old * 2);
	for (i = 0; i < old; i++) {
		if (slots[i].count == 0)
			continue;
		at = slots[i].hash & t->mask;
		while (t->slots[at].count != 0)
			at = (at + 1) & t->mask;
		t->slots[at] = slots[i];
	}
	g_free(slots);
}

static gboolean is_equal(const Seqtable *t, const SeqtableSlot *slot,
			 gconstpointer run, guint32 count)
{
	return slot->count == count &&
	       memcmp(t->array->data + (gsize)slot->first * t->size, run,
		      (gsize)count * t->size) == 0;
}

/* The slot of a run: with an equal one, or free. */
static SeqtableSlot *slot_find(Seqtable *t, gconstpointer run, guint32 count,
			       guint32 hash)
{
	guint32 at;

	if (t->used > t->mask / 2)
		grow(t);
	for (at = hash & t->mask; t->slots[at].count != 0;
	     at = (at + 1) & t->mask)
		if (t->slots[at].hash == hash &&
		    is_equal(t, &t->slots[at], run, count))
			break;
	return &t->slots[at];
}

guint32 seqtable_intern(Seqtable *t, gconstpointer run, guint32 count)
{
	guint32 hash;
	SeqtableSlot *slot;

	if (count == 0)
		return 0;
	hash = hash_run(t, run, (gsize)count * t->size);
	slot = slot_find(t, run, count, hash);
	if (slot->count != 0)
		return slot->first;
	*slot = (SeqtableSlot){ t->array->len, count, hash };
	t->used++;
	g_array_append_vals(t->array, run, count);
	return slot->first;
}

void seqtable_adopt(Seqtable *t, guint32 first, guint32 count)
{
	const char *run = t->array->data + (gsize)first * t->size;
	guint32 hash = hash_run(t, (const guint8 *)run, (gsize)count * t->size);
	SeqtableSlot *slot = slot_find(t, run, count, hash);

	if (slot->count != 0)
		return;
	*slot = (SeqtableSlot){ first, count, hash };
	t->used++;
}
