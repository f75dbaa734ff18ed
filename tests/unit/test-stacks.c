/* SPDX-License-Identifier: MIT */
#include "agent/stacks.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/arena.h"
#include "agent/ring.h"
#include "tests/unit/runner.h"

#define FRAMES_MAX 64

static _Alignas(8) uint8_t storage[sizeof(struct ring_sample) +
				   FRAMES_MAX * sizeof(uint64_t)];

/* A sample of `frames` pcs counting up from `pc`; overwritten by the next. */
static struct ring_sample *sample(uint64_t pc, uint32_t frames, uint64_t time)
{
	struct ring_sample *s = (struct ring_sample *)storage;

	ck_assert_uint_le(frames, FRAMES_MAX);
	memset(s, 0, sizeof(*s));
	s->kind = RING_SAMPLE;
	s->frames = frames;
	s->count = 1;
	s->time_ns = time;
	s->cpu_ns = 10;
	for (uint32_t i = 0; i < frames; i++)
		s->pcs[i] = pc + i;
	return s;
}

static size_t length(const struct stacks *t)
{
	const struct stacks_entry *e = stacks_first(t);
	size_t n = 0;

	for (; e != NULL; e = e->next)
		n++;
	return n;
}

START_TEST(equal_samples_merge)
{
	struct stacks *t = stacks_new();
	const struct stacks_entry *e;
	const struct stacks_moment *m;
	struct ring_sample *s;

	ck_assert_ptr_null(stacks_first(t));
	for (uint64_t i = 0; i < 100; i++) {
		s = sample(0x1000, 30, 7 + i);
		s->count = (uint32_t)i + 1;
		s->cpu_ns = i * i;
		ck_assert_int_eq(stacks_add(t, 3, 4, s), 0);
	}
	e = stacks_first(t);
	ck_assert_ptr_null(e->next);
	ck_assert_uint_eq(e->slot, 3);
	ck_assert_uint_eq(e->generation, 4);
	ck_assert_uint_eq(e->frames, 30);
	ck_assert_uint_eq(e->count, 100 * 101 / 2);
	ck_assert_uint_eq(e->cpu_ns, 99 * 100 * 199 / 6);
	ck_assert_uint_eq(e->wall_ns, 0);
	ck_assert_int_eq(memcmp(e->pcs, s->pcs, 30 * 8), 0);
	m = e->first;
	for (uint64_t i = 0; i < 100; i++, m = m->next) {
		ck_assert_uint_eq(m->time_ns, 7 + i);
		ck_assert_uint_eq(m->cpu_ns, i * i);
		ck_assert_int_eq(m->next == NULL, i == 99);
	}
	ck_assert_ptr_eq(e->last->next, NULL);
	stacks_free(t);
}
END_TEST

START_TEST(every_part_of_the_key_separates)
{
	struct stacks *t = stacks_new();
	struct ring_sample *s;
	uint64_t swap;

	stacks_add(t, 1, 1, sample(0x1000, 4, 1));
	stacks_add(t, 2, 1, sample(0x1000, 4, 1));
	stacks_add(t, 1, 2, sample(0x1000, 4, 1));
	stacks_add(t, 1, 1, sample(0x1000, 3, 1));
	stacks_add(t, 1, 1, sample(0x1000, 0, 1));
	s = sample(0x1000, 4, 1);
	s->end = 1;
	stacks_add(t, 1, 1, s);
	for (int i = 0; i < 3; i++) { /* every neighbour swapped */
		s = sample(0x1000, 4, 1);
		swap = s->pcs[i];
		s->pcs[i] = s->pcs[i + 1];
		s->pcs[i + 1] = swap;
		stacks_add(t, 1, 1, s);
	}
	ck_assert_uint_eq(length(t), 9);
	stacks_add(t, 1, 1, sample(0x1000, 4, 1));
	ck_assert_uint_eq(length(t), 9);
	ck_assert_uint_eq(stacks_first(t)->count, 2);
	stacks_free(t);
}
END_TEST

START_TEST(a_hundred_thousand_distinct_stacks)
{
	struct stacks *t = stacks_new();
	const struct stacks_entry *e;
	uint64_t n = 100000, i;

	for (int round = 0; round < 2; round++)
		for (i = 0; i < n; i++)
			ck_assert_int_eq(stacks_add(t, 0, 1,
				sample(0x400000 + i * 64, 20, i)), 0);
	i = 0;
	for (e = stacks_first(t); e != NULL; e = e->next, i++) {
		ck_assert_uint_eq(e->count, 2);
		ck_assert_uint_eq(e->pcs[0], 0x400000 + i * 64);
		ck_assert_uint_eq(e->pcs[19], 0x400000 + i * 64 + 19);
	}
	ck_assert_uint_eq(i, n);
	ck_assert_uint_ge(stacks_memory(t), n * 20 * 8);
	stacks_clear(t);
	ck_assert_ptr_null(stacks_first(t));
	/* One chunk, the buckets kept, and the table itself. */
	ck_assert_uint_le(stacks_memory(t), 512 * 1024);
	stacks_free(t);
	ck_assert_uint_eq(arena_total(), 0);
}
END_TEST

/*
 * Stacks of a real program differ in few low bits of few frames. An average
 * chain that is walked further than a random hash predicts is a bad hash.
 */
START_TEST(similar_stacks_spread_over_the_buckets)
{
	struct stacks *t = stacks_new();
	const struct stacks_entry *e;
	static uint32_t hits[65536];
	double expected, chi = 0;
	uint32_t n = 0;

	for (uint64_t a = 0; a < 64; a++)
		for (uint64_t b = 0; b < 32; b++)
			for (uint64_t c = 0; c < 32; c++) {
				struct ring_sample *s = sample(0x555500, 12, 1);

				s->pcs[0] += a * 4;
				s->pcs[5] += b * 16;
				s->pcs[11] += c << 20;
				stacks_add(t, 0, 1, s);
			}
	for (e = stacks_first(t); e != NULL; e = e->next, n++)
		hits[e->hash & 65535]++;
	ck_assert_uint_eq(n, 65536);
	expected = 1.0;
	for (size_t i = 0; i < 65536; i++)
		chi += (hits[i] - expected) * (hits[i] - expected) / expected;
	/* chi-square of 65535 degrees: mean 65535, deviation 362 */
	ck_assert_double_lt(chi, 65535 + 6 * 362);
	stacks_free(t);
}
END_TEST

START_TEST(clear_starts_anew)
{
	struct stacks *t = stacks_new();

	for (int round = 0; round < 50; round++) {
		for (uint64_t i = 0; i < 500; i++)
			stacks_add(t, 0, 1, sample(i * 8, 5, i));
		ck_assert_uint_eq(length(t), 500);
		ck_assert_uint_eq(stacks_first(t)->count, 1);
		stacks_clear(t);
		ck_assert_uint_eq(length(t), 0);
	}
	stacks_free(t);
}
END_TEST

START_TEST(no_memory_refuses_the_sample_whole)
{
	struct stacks *t = stacks_new();
	const struct stacks_entry *e;
	uint64_t added = 0, seen = 0, refused = 0;

	arena_set_limit(arena_total() + (1u << 20));
	for (uint64_t i = 0; i < 20000; i++) {
		int ret = stacks_add(t, 0, 1, sample(i * 8, 20, i));

		ck_assert(ret == 0 || ret == -ENOMEM);
		if (ret == 0)
			added++;
		else
			refused++;
	}
	ck_assert_uint_gt(refused, 0);
	for (e = stacks_first(t); e != NULL; e = e->next) {
		ck_assert_ptr_nonnull(e->first);
		seen += e->count;
	}
	ck_assert_uint_eq(seen, added);
	stacks_clear(t);
	ck_assert_int_eq(stacks_add(t, 0, 1, sample(1, 20, 1)), 0);
	arena_set_limit(SIZE_MAX);
	stacks_free(t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stacks");
	TCase *tc = tcase_create("stacks");

	tcase_add_test(tc, equal_samples_merge);
	tcase_add_test(tc, every_part_of_the_key_separates);
	tcase_add_test(tc, a_hundred_thousand_distinct_stacks);
	tcase_add_test(tc, similar_stacks_spread_over_the_buckets);
	tcase_add_test(tc, clear_starts_anew);
	tcase_add_test(tc, no_memory_refuses_the_sample_whole);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
