/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/thread.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/region-fixture.h"
#include "tests/unit/runner.h"

static uint32_t live(uint64_t start_routine)
{
	uint32_t slot = thread_claim_now(1234, start_routine, 0);

	ck_assert_uint_ne(slot, THREAD_NO_SLOT);
	thread_publish(slot);
	return slot;
}

START_TEST(a_cookie_stands_for_one_thread_only)
{
	uint32_t slot = live(1), found;
	uint64_t cookie = thread_cookie(slot);

	ck_assert_ptr_eq(thread_from_cookie(cookie, &found),
			 region_record(slot));
	ck_assert_uint_eq(found, slot);
	thread_end(slot, 0, NULL);
	ck_assert_ptr_null(thread_from_cookie(cookie, &found));
	ck_assert_uint_eq(live(1), slot);
	ck_assert_ptr_null(thread_from_cookie(cookie, &found));
	ck_assert_ptr_nonnull(thread_from_cookie(thread_cookie(slot), &found));
}
END_TEST

START_TEST(foreign_values_are_no_cookies)
{
	uint64_t values[] = { 0, 1, 0x7ffff7fcd000, ~0ull,
			      0x5afeull << 48 | 0x1ffff };
	uint32_t found;

	live(1);
	for (size_t i = 0; i < 5; i++)
		ck_assert_ptr_null(thread_from_cookie(values[i], &found));
}
END_TEST

START_TEST(no_slot_is_counted_and_survived)
{
	uint64_t routine = 0, regs = 0;
	uint32_t slots = region_slots(), i;

	for (i = 0; i < slots; i++)
		live(1);
	ck_assert(!thread_was_refused(1, &routine, &regs));
	ck_assert_uint_eq(thread_claim_now(1, 7, 0), THREAD_NO_SLOT);
	ck_assert(thread_was_refused(1, &routine, &regs));
	ck_assert_uint_eq(routine, 7);
	/* a thread says itself where its TLS is */
	ck_assert_uint_eq(regs, 0);
	ck_assert_uint_eq(thread_claim(1, 1, 0), THREAD_NO_SLOT);
	ck_assert(thread_was_refused(1, &routine, &regs));
	ck_assert_uint_eq(regs, (uint64_t)&thread_call_regs);
	ck_assert_uint_eq(atomic_load(&thread_totals.refused), 2);
	ck_assert_uint_eq(atomic_load(&thread_totals.threads), slots + 2);
	/* the next round finds one for it */
	thread_free(0);
	ck_assert_uint_eq(thread_claim_now(1, 7, THREAD_FOREIGN), 0);
	ck_assert(!thread_was_refused(1, &routine, &regs));
}
END_TEST

START_TEST(a_thread_without_samples_frees_its_slot_at_once)
{
	uint32_t slot = live(1);

	thread_end(slot, 5000, NULL);
	ck_assert_uint_eq(atomic_load(&region_record(slot)->state), SLOT_FREE);
	ck_assert_uint_eq(atomic_load(&thread_totals.cpu_ns), 5000);
}
END_TEST

START_TEST(a_thread_with_samples_waits_for_the_flusher)
{
	uint32_t slot = live(1);
	struct thread_record *t = region_record(slot);

	atomic_store(&t->samples, 3);
	atomic_store(&t->weight_ns, 3000);
	thread_end(slot, 5000, "worker");
	ck_assert_uint_eq(atomic_load(&t->state), SLOT_ENDED);
	ck_assert_str_eq(t->name, "worker");
	ck_assert_uint_eq(thread_account_take(1), 2000);
	thread_free(slot);
	ck_assert_uint_eq(atomic_load(&thread_totals.samples), 3);
	ck_assert_uint_eq(atomic_load(&thread_totals.weight_ns), 3000);
}
END_TEST

START_TEST(a_thread_that_ended_is_remembered_until_another_has_its_number)
{
	uint32_t slot = live(1);
	int tid = region_record(slot)->tid;

	ck_assert(!thread_is_leaving(tid));
	thread_end(slot, 5000, NULL);
	ck_assert(thread_is_leaving(tid));
	ck_assert(!thread_is_leaving(tid + 4096));
	ck_assert_uint_ne(thread_claim_now(tid, 1, 0), THREAD_NO_SLOT);
	ck_assert(!thread_is_leaving(tid));
}
END_TEST

START_TEST(expected_threads_are_counted)
{
	ck_assert(thread_none_expected());
	thread_expect();
	thread_expect();
	thread_expect_over();
	ck_assert(!thread_none_expected());
	thread_expect_over();
	ck_assert(thread_none_expected());
	thread_expect();
	thread_reset_after_fork();
	ck_assert(thread_none_expected());
}
END_TEST

/* What one thread ends with is owed by the next of the same routine. */
START_TEST(accounts_conserve_cpu_time)
{
	uint64_t owed = 0, granted = 0;

	for (uint32_t i = 0; i < 5000; i++) {
		uint64_t routine = 0x1000 + i % 700;	/* more than accounts */
		uint32_t slot = live(routine);
		struct thread_record *t = region_record(slot);
		uint64_t cpu = 10 + i % 97;

		t->granted_ns = thread_account_take(routine);
		granted += t->granted_ns;
		ck_assert_uint_eq(thread_unsampled(t, cpu),
				  cpu + t->granted_ns);
		thread_end(slot, cpu, NULL);
		owed += cpu;
	}
	ck_assert_uint_gt(granted, 0);
	ck_assert_uint_eq(atomic_load(&thread_totals.cpu_ns), owed);
	granted = 0;
	for (uint64_t routine = 0x1000; routine < 0x1000 + 700; routine++)
		granted += thread_account_take(routine);
	ck_assert_uint_eq(granted, owed);
}
END_TEST

START_TEST(unsampled_never_wraps)
{
	uint32_t slot = live(1);
	struct thread_record *t = region_record(slot);

	t->cpu_start_ns = 100;
	ck_assert_uint_eq(thread_unsampled(t, 50), 0);
	ck_assert_uint_eq(thread_unsampled(t, 250), 150);
	atomic_store(&t->weight_ns, 1000);
	ck_assert_uint_eq(thread_unsampled(t, 250), 0);
}
END_TEST

/* --- many threads: the sanitizer looks on ---------------------------------- */

#define WORKERS 6
#define ROUNDS 20000

static void *come_and_go(void *arg)
{
	uint64_t routine = (uint64_t)(uintptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t slot = thread_claim_now((int)routine, routine, 0);

		ck_assert_uint_ne(slot, THREAD_NO_SLOT);
		thread_publish(slot);
		ck_assert_int_eq(region_record(slot)->tid, (int)routine);
		region_record(slot)->granted_ns = thread_account_take(routine);
		thread_end(slot, 7, NULL);
	}
	return NULL;
}

START_TEST(slots_are_never_shared)
{
	pthread_t thread[WORKERS];
	uint64_t rest = 0;

	for (uintptr_t i = 0; i < WORKERS; i++)
		pthread_create(&thread[i], NULL, come_and_go, (void *)(i + 1));
	for (int i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_uint_eq(atomic_load(&thread_totals.cpu_ns),
			  7ull * WORKERS * ROUNDS);
	for (uint64_t i = 0; i < WORKERS; i++)
		rest += thread_account_take(i + 1);
	ck_assert_uint_eq(rest, 7ull * WORKERS * ROUNDS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("thread");
	TCase *tc = tcase_create("thread");

	tcase_add_checked_fixture(tc, region_fixture_begin,
				  region_fixture_end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_cookie_stands_for_one_thread_only);
	tcase_add_test(tc, foreign_values_are_no_cookies);
	tcase_add_test(tc, no_slot_is_counted_and_survived);
	tcase_add_test(tc, a_thread_without_samples_frees_its_slot_at_once);
	tcase_add_test(tc, a_thread_with_samples_waits_for_the_flusher);
	tcase_add_test(
		tc, a_thread_that_ended_is_remembered_until_another_has_its_number);
	tcase_add_test(tc, expected_threads_are_counted);
	tcase_add_test(tc, accounts_conserve_cpu_time);
	tcase_add_test(tc, unsampled_never_wraps);
	tcase_add_test(tc, slots_are_never_shared);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
