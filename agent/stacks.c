/* SPDX-License-Identifier: MIT */
/*
 * stacks: merges equal samples between two flushes. Runs on the flusher; one
 * probe, one compare and one moment a sample.
 *
 * Buckets hold chains, so that a table that cannot grow for want of memory
 * becomes slower, not full.
 */
#include "agent/stacks.h"

#include <errno.h>
#include <string.h>

#include "agent/arena.h"
#include "agent/ring.h"

/* 8 KiB of buckets: what a program with few stacks costs. */
#define BUCKETS_MIN 1024u
/* Kept between flushes: 64 KiB, so that a busy program does not regrow. */
#define BUCKETS_KEPT 8192u

struct stacks {
	struct arena arena;
	struct stacks_entry **bucket;
	size_t buckets;			/* a power of two */
	size_t entries;
	struct stacks_entry *first, *last;
};

/* Both 64-bit halves of a product: every input bit reaches every output bit. */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Odd constants with as many ones as zeros: digits of pi. */
#define K0 0x243f6a8885a308d3ull
#define K1 0x13198a2e03707345ull
#define K2 0xa4093822299f31d1ull

/*
 * Two lanes, because one multiplication has to wait for the one before it.
 * The lanes begin and multiply differently, so that order matters.
 */
static uint64_t hash_sample(uint32_t slot, uint32_t generation,
			    const struct stacks_sample *s)
{
	uint64_t a = K0 ^ ((uint64_t)slot << 32 | generation);
	uint64_t b = K1 ^ ((uint64_t)s->end << 32 | s->frames) ^
		     ((uint64_t)s->state << 48 | (uint64_t)(uint32_t)s->call) ^
		     (uint64_t)s->label << 12;
	uint32_t i;

	for (i = 0; i + 1 < s->frames; i += 2) {
		a = mix(a ^ s->pcs[i], K1);
		b = mix(b ^ s->pcs[i + 1], K2);
	}
	if (i < s->frames)
		a = mix(a ^ s->pcs[i], K2);
	return mix(a, b ^ K0);
}

static bool equal(const struct stacks_entry *e, uint64_t hash, uint32_t slot,
		  uint32_t generation, const struct stacks_sample *s)
{
	return e->hash == hash && e->slot == slot &&
	       e->generation == generation && e->end == s->end &&
	       e->state == s->state && e->call == s->call &&
	       e->label == s->label &&
	       e->frames == s->frames &&
	       memcmp(e->pcs, s->pcs, s->frames * sizeof(s->pcs[0])) == 0;
}

/* Doubles the buckets; without memory they stay as they are. */
static void grow(struct stacks *t)
{
	size_t buckets = t->buckets * 2, at;
	struct stacks_entry **bucket, *e;

	bucket = arena_block(NULL, 0, buckets * sizeof(bucket[0]));
	if (bucket == NULL)
		return;
	for (e = t->first; e != NULL; e = e->next) {
		at = e->hash & (buckets - 1);
		e->chain = bucket[at];
		bucket[at] = e;
	}
	arena_block_free(t->bucket, t->buckets * sizeof(bucket[0]));
	t->bucket = bucket;
	t->buckets = buckets;
}

static void link_entry(struct stacks *t, struct stacks_entry *e)
{
	struct stacks_entry **bucket = &t->bucket[e->hash & (t->buckets - 1)];

	e->chain = *bucket;
	*bucket = e;
	if (t->last != NULL)
		t->last->next = e;
	else
		t->first = e;
	t->last = e;
	if (++t->entries > t->buckets - t->buckets / 4)
		grow(t);
}

static struct stacks_entry *find(const struct stacks *t, uint64_t hash,
				 uint32_t slot, uint32_t generation,
				 const struct stacks_sample *s)
{
	struct stacks_entry *e = t->bucket[hash & (t->buckets - 1)];

	while (e != NULL && !equal(e, hash, slot, generation, s))
		e = e->chain;
	return e;
}

/* Not linked: the caller may still have to give up. */
static struct stacks_entry *new_entry(struct stacks *t, uint64_t hash,
				      uint32_t slot, uint32_t generation,
				      const struct stacks_sample *s)
{
	size_t pcs_bytes = s->frames * sizeof(s->pcs[0]);
	struct stacks_entry *e = arena_alloc(&t->arena,
					     sizeof(*e) + pcs_bytes);

	if (e == NULL)
		return NULL;
	e->hash = hash;
	e->slot = slot;
	e->generation = generation;
	e->end = s->end;
	e->state = s->state;
	e->call = s->call;
	e->label = s->label;
	e->frames = s->frames;
	memcpy(e->pcs, s->pcs, pcs_bytes);
	return e;
}

static void add_moment(struct stacks_entry *e, struct stacks_moment *m,
		       const struct stacks_sample *s)
{
	m->time_ns = s->time_ns;
	m->cpu_ns = s->cpu_ns ? s->cpu_ns : s->wall_ns;
	if (e->last != NULL)
		e->last->next = m;
	else
		e->first = m;
	e->last = m;
}

struct stacks_entry *stacks_put(struct stacks *t, uint32_t slot,
				uint32_t generation,
				const struct stacks_sample *s)
{
	uint64_t hash = hash_sample(slot, generation, s);
	struct stacks_entry *e = find(t, hash, slot, generation, s);
	struct stacks_moment *m = arena_alloc(&t->arena, sizeof(*m));

	if (m == NULL)
		return NULL;
	if (e == NULL) {
		e = new_entry(t, hash, slot, generation, s);
		if (e == NULL)
			return NULL;
		link_entry(t, e);
	}
	add_moment(e, m, s);
	e->count += s->count;
	e->cpu_ns += s->cpu_ns;
	e->wall_ns += s->wall_ns;
	return e;
}

int stacks_add(struct stacks *t, uint32_t slot, uint32_t generation,
	       const struct ring_sample *s)
{
	struct stacks_sample sample = {
		.pcs = s->pcs,
		.frames = s->frames,
		.end = s->end,
		.call = -1,
		.label = s->label,
		.time_ns = s->time_ns,
		.count = s->count,
		.cpu_ns = s->cpu_ns,
	};

	return stacks_put(t, slot, generation, &sample) ? 0 : -ENOMEM;
}

struct stacks *stacks_new(void)
{
	struct stacks *t = arena_block(NULL, 0, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->buckets = BUCKETS_MIN;
	t->bucket = arena_block(NULL, 0, BUCKETS_MIN * sizeof(t->bucket[0]));
	if (t->bucket == NULL) {
		arena_block_free(t, sizeof(*t));
		return NULL;
	}
	return t;
}

void stacks_free(struct stacks *t)
{
	if (t == NULL)
		return;
	arena_release(&t->arena);
	arena_block_free(t->bucket, t->buckets * sizeof(t->bucket[0]));
	arena_block_free(t, sizeof(*t));
}

const struct stacks_entry *stacks_first(const struct stacks *t)
{
	return t->first;
}

struct stacks_entry *stacks_entries(struct stacks *t)
{
	return t->first;
}

void stacks_clear(struct stacks *t)
{
	struct stacks_entry **bucket;

	arena_clear(&t->arena);
	if (t->buckets > BUCKETS_KEPT) {
		bucket = arena_block(t->bucket,
				     t->buckets * sizeof(bucket[0]),
				     BUCKETS_KEPT * sizeof(bucket[0]));
		if (bucket != NULL) {
			t->bucket = bucket;
			t->buckets = BUCKETS_KEPT;
		}
	}
	if (t->entries > 0)
		memset(t->bucket, 0, t->buckets * sizeof(t->bucket[0]));
	t->entries = 0;
	t->first = t->last = NULL;
}

size_t stacks_memory(const struct stacks *t)
{
	return sizeof(*t) + t->arena.mapped +
	       t->buckets * sizeof(t->bucket[0]);
}
