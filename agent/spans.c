/* SPDX-License-Identifier: MIT */
/*
 * spans: see spans.h. Begin and end run on threads of the program, maybe in a
 * handler of theirs. No libc beyond mem* and str*.
 */
#include "agent/spans.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "agent/fork.h"

/*
 * A span is number << 52 | ns of its beginning: nothing is kept of it until it
 * ends. 52 bits of ns wrap after 52 days; one that is longer counts as shorter.
 */
#define TIME_BITS 52
#define TIME_MASK ((1ull << TIME_BITS) - 1)

enum name_state { NAME_FREE = 0, NAME_TAKEN, NAME_READY };

struct span {
	_Atomic uint32_t state;		/* enum name_state */
	uint32_t hash;
	char name[SPANS_NAME_MAX + 1];
	_Atomic uint64_t count, sum_ns, max_ns;
	_Atomic uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t written, asked;	/* counts that the file has, will have */
};

/* Number 0 is no span. Pages are touched as names come. */
static FORK_LARGE struct span spans[SPANS_NAMES + 1];

static FORK_DATA _Atomic int used;	/* is there a name? */

static uint64_t get(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static void add(_Atomic uint64_t *n, uint64_t by)
{
	/* relaxed: a statistic, read whenever */
	atomic_fetch_add_explicit(n, by, memory_order_relaxed);
}

/* libc's: it asks the vdso, and sets errno only where it fails. */
static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec) &
	       TIME_MASK;
}

static uint32_t hash_name(const char *name, size_t size)
{
	uint32_t hash = 2166136261u;
	size_t i;

	for (i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return hash;
}

/*
 * Names are found by walking the array, in order of appearance: a program has
 * few. A name that two threads bring at once may take two places;
 * they are one for every reader.
 */
static uint32_t find(const char *name, size_t size)
{
	uint32_t hash = hash_name(name, size), i, state;

	for (i = 1; i <= SPANS_NAMES; i++) {
		struct span *s = &spans[i];

		/* acquire: pairs with the release below; the name is whole */
		state = atomic_load_explicit(&s->state, memory_order_acquire);
		if (state == NAME_FREE && atomic_compare_exchange_strong_explicit(
						  &s->state, &state, NAME_TAKEN,
						  memory_order_acquire,
						  memory_order_acquire)) {
			atomic_store_explicit(&used, 1, memory_order_relaxed);
			s->hash = hash;
			memcpy(s->name, name, size);
			atomic_store_explicit(&s->state, NAME_READY,
					      memory_order_release);
			return i;
		}
		if (state == NAME_READY && s->hash == hash &&
		    memcmp(s->name, name, size) == 0 && s->name[size] == '\0')
			return i;
	}
	return 0;
}

uint64_t spans_begin(const char *name)
{
	size_t size = strlen(name);
	uint32_t i = find(name, size < SPANS_NAME_MAX ? size : SPANS_NAME_MAX);

	return i ? (uint64_t)i << TIME_BITS | now_ns() : 0;
}

int spans_end(uint64_t span)
{
	uint64_t i = span >> TIME_BITS, ns, max;
	struct span *s;

	if (i == 0 || i > SPANS_NAMES ||
	    atomic_load_explicit(&spans[i].state, memory_order_acquire) !=
		    NAME_READY)
		return -EINVAL;
	s = &spans[i];
	ns = (now_ns() - (span & TIME_MASK)) & TIME_MASK;
	add(&s->counts[histogram_bucket(ns)], 1);
	add(&s->sum_ns, ns);
	max = get(&s->max_ns);
	while (ns > max && !atomic_compare_exchange_weak_explicit(
				   &s->max_ns, &max, ns, memory_order_relaxed,
				   memory_order_relaxed))
		;
	add(&s->count, 1);
	return 0;
}

/* --- what was counted ----------------------------------------------------------- */

uint32_t spans_count(void)
{
	uint32_t i = 1;

	/* relaxed: who sees none looks again; the array is not even touched */
	if (!atomic_load_explicit(&used, memory_order_relaxed))
		return 0;
	while (i <= SPANS_NAMES &&
	       atomic_load_explicit(&spans[i].state, memory_order_acquire) !=
		       NAME_FREE)
		i++;
	return i - 1;
}

bool spans_get(uint32_t i, bool changed, struct span_stats *to)
{
	struct span *s = &spans[i + 1];
	uint32_t k;

	if (atomic_load_explicit(&s->state, memory_order_acquire) !=
		    NAME_READY || get(&s->count) == 0 ||
	    (changed && get(&s->count) == s->written))
		return false;
	memcpy(to->name, s->name, sizeof(to->name));
	to->sum_ns = get(&s->sum_ns);
	to->max_ns = get(&s->max_ns);
	to->count = 0;		/* as many as are in the buckets */
	for (k = 0; k < HISTOGRAM_BUCKETS; k++)
		to->count += to->counts[k] = get(&s->counts[k]);
	s->asked = to->count;
	return true;
}

void spans_written(void)
{
	uint32_t i;

	for (i = 1; i <= spans_count(); i++)
		spans[i].written = spans[i].asked;
}

void spans_all_changed(void)
{
	uint32_t i;

	for (i = 1; i <= spans_count(); i++)
		spans[i].written = 0;
}

FORK_CODE void spans_reset_after_fork(void)
{
	uint32_t i, n;

	if (!atomic_load_explicit(&used, memory_order_relaxed))
		return;
	n = spans_count();
	for (i = 1; i <= n; i++) {
		struct span *s = &spans[i];

		s->written = s->asked = 0;
		atomic_store_explicit(&s->count, 0, memory_order_relaxed);
		atomic_store_explicit(&s->sum_ns, 0, memory_order_relaxed);
		atomic_store_explicit(&s->max_ns, 0, memory_order_relaxed);
		memset((void *)s->counts, 0, sizeof(s->counts));
	}
}
