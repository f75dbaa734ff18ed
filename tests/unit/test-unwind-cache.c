/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/unwind-cache.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/runner.h"

START_TEST(every_field_comes_back)
{
	static const uint64_t cfa[] = { 0, 1, 2, 100, UNWIND_CACHE_CFA_MAX };
	static const uint64_t rbp[] = { 0, 1, 2, 77, UNWIND_CACHE_RBP_MAX };
	uint32_t g = unwind_cache_begin();
	uint64_t word;

	for (int i = 0; i < 5 * 5 * 4; i++) {
		uint64_t ra = 0x7ffff7a01000 + (uint64_t)i * 12345;
		uint64_t bits = (uint64_t)i % 4;

		unwind_cache_store(ra, g, cfa[i / 20], rbp[i / 4 % 5], bits);
		ck_assert(unwind_cache_find(ra, g, &word));
		ck_assert_uint_eq(unwind_cache_cfa_offset(word),
				  8 * cfa[i / 20]);
		ck_assert_uint_eq(unwind_cache_rbp_offset(word),
				  8 * rbp[i / 4 % 5]);
		ck_assert_uint_eq(word & 3, bits);
	}
}
END_TEST

START_TEST(no_other_address_is_taken_for_it)
{
	const uint64_t ra = 0x555555554321;
	uint32_t g = unwind_cache_begin();
	uint64_t word;

	unwind_cache_store(ra, g, 2, 2, 0);
	for (int bit = 0; bit < 64; bit++)
		ck_assert_msg(!unwind_cache_find(ra ^ 1ull << bit, g, &word),
			      "bit %d", bit);
	for (uint32_t other = 0; other < UNWIND_CACHE_GENERATIONS; other++)
		ck_assert_int_eq(unwind_cache_find(ra, other, &word),
				 other == g);
	ck_assert(unwind_cache_find(ra, g, &word));
}
END_TEST

START_TEST(addresses_beyond_47_bits_are_not_kept)
{
	static const uint64_t far[] = { 1ull << 47, 0xffffffffff600001,
					UINT64_MAX, 1ull << 63 };
	uint32_t g = unwind_cache_begin();
	uint64_t word;

	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		unwind_cache_store(far[i], g, 1, 1, 0);
		ck_assert(!unwind_cache_find(far[i], g, &word));
	}
}
END_TEST

START_TEST(an_empty_cache_has_nothing)
{
	uint64_t word;

	unwind_cache_forget();
	for (uint64_t ra = 0; ra < UNWIND_CACHE_ENTRIES; ra++)
		ck_assert(!unwind_cache_find(ra, unwind_cache_begin(),
					     &word));
}
END_TEST

START_TEST(forgetting_forgets_at_every_turn)
{
	const uint64_t ra = 0x401234;
	uint64_t word;

	for (uint32_t i = 0; i < 3 * UNWIND_CACHE_GENERATIONS; i++) {
		uint32_t g = unwind_cache_begin();

		ck_assert_uint_ge(g, 1);
		ck_assert_uint_lt(g, UNWIND_CACHE_GENERATIONS);
		ck_assert(!unwind_cache_find(ra, g, &word));
		unwind_cache_store(ra, g, i % 100, 0, 0);
		ck_assert(unwind_cache_find(ra, g, &word));
		unwind_cache_forget();
		ck_assert_uint_ne(unwind_cache_begin(), g);
		/* What a late walk stores is of the old generation. */
		unwind_cache_store(ra, g, 1, 1, 0);
		ck_assert(!unwind_cache_find(ra, unwind_cache_begin(),
					     &word));
	}
}
END_TEST

/* --- many threads ------------------------------------------------------- */

static _Atomic int stop;
static _Atomic unsigned long hits;	/* of all threads */

/* The rule of an address follows from it, so that a wrong one is seen. */
static uint64_t cfa_of(uint64_t ra)
{
	return (ra * 7 >> 3) % UNWIND_CACHE_CFA_MAX;
}

static void *walker(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	unsigned long wrong = 0;

	while (!atomic_load(&stop)) {
		uint64_t ra = 0x7f0000000000 +
			      (uint64_t)(rand_r(&seed) % 100000) * 32771;
		uint32_t g = unwind_cache_begin();
		uint64_t word;

		if (unwind_cache_find(ra, g, &word)) {
			atomic_fetch_add(&hits, 1);
			wrong += unwind_cache_cfa_offset(word) / 8 !=
				 cfa_of(ra);
		} else {
			unwind_cache_store(ra, g, cfa_of(ra), 3, 1);
		}
	}
	return (void *)(uintptr_t)wrong;
}

START_TEST(threads_never_see_a_wrong_rule)
{
	pthread_t threads[4];

	atomic_store(&stop, 0);
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, walker, (void *)(i + 1));
	/* However busy the machine is: until they have really met. */
	for (int i = 0; i < 300 || atomic_load(&hits) < 20000; i++) {
		unwind_cache_forget();
		usleep(100);
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < 4; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		ck_assert_uint_eq((uintptr_t)wrong, 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unwind-cache");
	TCase *tc = tcase_create("unwind-cache");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, every_field_comes_back);
	tcase_add_test(tc, no_other_address_is_taken_for_it);
	tcase_add_test(tc, addresses_beyond_47_bits_are_not_kept);
	tcase_add_test(tc, an_empty_cache_has_nothing);
	tcase_add_test(tc, forgetting_forgets_at_every_turn);
	tcase_add_test(tc, threads_never_see_a_wrong_rule);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
