/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/ring.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#define DEPTH 4096u

static struct ring ring;
static uint8_t *buffer;

static void setup(void)
{
	memset(&ring, 0, sizeof(ring));
	atomic_store(&ring.resident, RING_BYTES);
	buffer = aligned_alloc(4096, RING_BYTES);
	ck_assert_ptr_nonnull(buffer);
	memset(buffer, 0, RING_BYTES);
}

static void teardown(void)
{
	free(buffer);
}

/* Frames whose content says which sample they belong to. */
static void fill(struct ring_sample *s, uint32_t frames, uint64_t serial)
{
	s->frames = frames;
	s->time_ns = serial;
	s->count = 1;
	for (uint32_t i = 0; i < frames; i++)
		s->pcs[i] = serial * 1000003u + i;
}

static bool is_whole(const struct ring_sample *s, uint64_t serial)
{
	if (s->time_ns != serial)
		return false;
	for (uint32_t i = 0; i < s->frames; i++)
		if (s->pcs[i] != serial * 1000003u + i)
			return false;
	return true;
}

static int push(uint32_t frames, uint64_t serial)
{
	struct ring_place place;
	int err = ring_reserve(&ring, buffer, frames, DEPTH, &place);

	if (err != 0)
		return err;
	ck_assert_uint_ge(place.frames, frames);
	fill(place.sample, frames, serial);
	return ring_commit(&ring, &place);
}

/* Reads all there is; the serials must follow on `serial`. */
static uint64_t read_all(uint64_t serial, bool release)
{
	uint64_t head, pos = ring_oldest(&ring, &head);
	const struct ring_sample *s;
	bool bad;

	while ((s = ring_next(buffer, head, &pos, &bad)))
		ck_assert(is_whole(s, serial++));
	ck_assert(!bad);
	ck_assert_uint_eq(pos, head);
	if (release)
		ring_release(&ring, pos);
	return serial;
}

START_TEST(samples_come_out_as_they_went_in)
{
	for (uint64_t i = 0; i < 100; i++)
		ck_assert_int_ge(push((uint32_t)i * 5, i), 0);
	ck_assert_uint_eq(read_all(0, true), 100);
	ck_assert_uint_eq(read_all(100, true), 100);
}
END_TEST

START_TEST(reading_without_release_reads_again)
{
	push(10, 0);
	push(10, 1);
	ck_assert_uint_eq(read_all(0, false), 2);
	ck_assert_uint_eq(read_all(0, true), 2);
}
END_TEST

START_TEST(a_full_ring_refuses_and_loses_nothing)
{
	uint64_t n = 0;

	while (push(100, n) >= 0)
		n++;
	/* 832 bytes each: header 32, 100 frames */
	ck_assert_uint_eq(n, RING_BYTES / 832);
	ck_assert_int_eq(push(100, n), -ENOSPC);
	ck_assert_uint_eq(read_all(0, true), n);
	ck_assert_int_eq(push(100, n), 0);
	ck_assert_uint_eq(read_all(n, true), n + 1);
}
END_TEST

START_TEST(an_empty_ring_goes_back_to_its_first_bytes)
{
	struct ring_place place;

	for (uint64_t i = 0; i < 1000; i++) {
		ck_assert_int_eq(ring_reserve(&ring, buffer, 50, DEPTH,
					      &place), 0);
		ck_assert_ptr_eq(place.sample, buffer);
		fill(place.sample, 50, i);
		ck_assert(!ring_commit(&ring, &place));
		ck_assert_uint_eq(read_all(i, true), i + 1);
	}
}
END_TEST

START_TEST(it_wakes_once_as_it_becomes_half_full)
{
	int wakes = 0;
	uint64_t n, read = 0;

	for (int round = 0; round < 5; round++) {
		wakes = 0;
		for (n = read; n < read + 250; n++)
			wakes += push(100, n);
		ck_assert_int_eq(wakes, 1);
		read = read_all(read, true);
	}
}
END_TEST

START_TEST(only_resident_bytes_are_used)
{
	struct ring_place place;
	uint64_t n = 0;

	atomic_store(&ring.resident, 8192);
	while (push(100, n) == 0)
		n++;
	ck_assert_uint_eq(n, 8192 / 832);
	ck_assert_int_eq(ring_reserve(&ring, buffer, 100, DEPTH, &place),
			 -EAGAIN);
	ck_assert_uint_gt(place.need, 8192);
	ck_assert_uint_le(place.need, RING_BYTES);
	atomic_store(&ring.resident, place.need);
	ck_assert_int_eq(push(100, n), 0);
	ck_assert_uint_eq(read_all(0, true), n + 1);
}
END_TEST

START_TEST(what_fits_no_ring_is_refused)
{
	struct ring_place place;

	ck_assert_int_eq(ring_reserve(&ring, buffer, RING_BYTES / 8, RING_BYTES,
				      &place), -ENOSPC);
}
END_TEST

START_TEST(damage_is_noticed_not_followed)
{
	uint64_t pos = 0;
	bool bad;

	push(10, 0);
	for (size_t i = 0; i < 32; i++) {
		for (int value = 0; value < 256; value += 51) {
			uint8_t before = buffer[i];

			buffer[i] = (uint8_t)value;
			pos = 0;
			while (ring_next(buffer, atomic_load(&ring.head), &pos,
					 &bad))
				ck_assert_uint_le(pos, RING_BYTES);
			buffer[i] = before;
		}
	}
	((struct ring_sample *)(void *)buffer)->size = 24;
	pos = 0;
	ck_assert_ptr_null(ring_next(buffer, atomic_load(&ring.head), &pos,
				     &bad));
	ck_assert(bad);
}
END_TEST

/* --- two threads: the sanitizer looks on -------------------------------------- */

#define SERIALS 200000u

static void *produce(void *arg)
{
	uint64_t serial = 0;
	uint32_t seed = 1;

	(void)arg;
	while (serial < SERIALS) {
		seed = seed * 1664525u + 1013904223u;
		if (push(seed >> 26, serial) >= 0)
			serial++;
		else
			sched_yield();
	}
	return NULL;
}

START_TEST(nothing_is_lost_or_torn_between_threads)
{
	uint64_t serial = 0;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, produce, NULL), 0);
	while (serial < SERIALS)
		serial = read_all(serial, true);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(read_all(serial, true), SERIALS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring");
	TCase *tc = tcase_create("ring");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, samples_come_out_as_they_went_in);
	tcase_add_test(tc, reading_without_release_reads_again);
	tcase_add_test(tc, a_full_ring_refuses_and_loses_nothing);
	tcase_add_test(tc, an_empty_ring_goes_back_to_its_first_bytes);
	tcase_add_test(tc, it_wakes_once_as_it_becomes_half_full);
	tcase_add_test(tc, only_resident_bytes_are_used);
	tcase_add_test(tc, what_fits_no_ring_is_refused);
	tcase_add_test(tc, damage_is_noticed_not_followed);
	tcase_add_test(tc, nothing_is_lost_or_torn_between_threads);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
