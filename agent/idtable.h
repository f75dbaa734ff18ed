/* SPDX-License-Identifier: MIT */
/*
 * idtable: finds the id of what was seen before, by its hash.
 *
 * An open-addressing table of (hash, id). What an id stands for lies in an
 * array of the owner's, who compares it:
 *
 *	for (at = idtable_start(t, hash);
 *	     (id = idtable_probe(t, hash, &at)) != 0; at++)
 *		if (record[id] is the one)
 *			return id;
 *	idtable_add(t, hash, new_id);
 *
 * Nothing is ever removed, but all of it can be (idtable_clear). Memory comes
 * from arena_block(). One thread at a time.
 */
#ifndef PROFAGENT_AGENT_IDTABLE_H
#define PROFAGENT_AGENT_IDTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idtable_slot {
	uint32_t id;	/* 0: empty */
	uint32_t hash;
};

struct idtable {
	struct idtable_slot *slots;
	uint32_t size;	/* slots, a power of two; 0 before the first id */
	uint32_t used;
};

static inline uint32_t idtable_start(const struct idtable *t, uint32_t hash)
{
	return t->size == 0 ? 0 : hash & (t->size - 1);
}

/* The next id with that hash from slot *at on, 0 if there is no more. */
static inline uint32_t idtable_probe(const struct idtable *t, uint32_t hash,
				     uint32_t *at)
{
	const struct idtable_slot *s;

	if (t->size == 0)
		return 0;
	for (;; (*at)++) {
		s = &t->slots[*at & (t->size - 1)];
		if (s->id == 0 || s->hash == hash)
			return s->id;
	}
}

/* Adds an id, not 0. False without memory: then it is not in the table. */
bool idtable_add(struct idtable *t, uint32_t hash, uint32_t id);

/* Forgets all ids, keeps the memory: as many can be added without failure. */
void idtable_clear(struct idtable *t);

void idtable_release(struct idtable *t);

/* Bytes held. */
size_t idtable_memory(const struct idtable *t);

#endif
