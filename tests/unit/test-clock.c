/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/clock.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/clock-cputime.h"
#include "agent/region.h"
#include "agent/sys.h"
#include "agent/thread.h"
#include "agent/wall.h"
#include "tests/unit/region-fixture.h"
#include "tests/unit/runner.h"

#define PERIOD 1000000u

static volatile sig_atomic_t signals;
static siginfo_t last;

static void handler(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	last = *info;
	signals++;
}

static void setup(void)
{
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	act.sa_sigaction = handler;
	act.sa_flags = SA_SIGINFO | SA_RESTART;
	sigaction(SIGPROF, &act, NULL);
	region_fixture_begin();
}

static uint32_t register_self(uint64_t start_routine)
{
	uint32_t slot = thread_claim_now(gettid(), start_routine, 0);

	region_record(slot)->cpu_start_ns =
		sys_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	thread_publish(slot);
	return slot;
}

static void burn(uint64_t ns)
{
	uint64_t end = sys_clock_ns(CLOCK_THREAD_CPUTIME_ID) + ns;

	while (sys_clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

/*
 * The kernel looks at its timers when it ticks: whose every turn on a busy CPU
 * lies between two ticks waits for long.
 */
static void burn_until_signal(void)
{
	for (unsigned i = 0; i < 250 && signals == 0; i++)
		burn_until_signal();
}

static int arm_now(uint32_t slot)
{
	return clock_arm(slot, SIGPROF,
			 sys_clock_ns(CLOCK_THREAD_CPUTIME_ID));
}

START_TEST(every_name_of_the_message_is_known)
{
	char names[] = CLOCK_NAMES, *name;

	for (name = strtok(names, ", "); name; name = strtok(NULL, ", "))
		ck_assert_int_eq(clock_init(name, PERIOD), 0);
	ck_assert_int_eq(clock_init("sundial", PERIOD), -EINVAL);
	ck_assert_int_eq(clock_init("", PERIOD), -EINVAL);
}
END_TEST

START_TEST(wall_says_what_it_shows)
{
	ck_assert(!wall_is_on());
	ck_assert(wall_shows_cpu());
	clock_init("wall", PERIOD);
	ck_assert(wall_is_on());
	ck_assert(!wall_shows_cpu());
	clock_init("cpu+wall", PERIOD);
	ck_assert(wall_shows_cpu());
	ck_assert_ptr_nonnull(strstr(clock_name(), "cpu+wall"));
}
END_TEST

START_TEST(a_timer_brings_our_cookie)
{
	uint32_t slot = register_self(0);
	struct thread_record *t = region_record(slot);

	clock_init("cputime", PERIOD);
	ck_assert_int_eq(arm_now(slot), 0);
	ck_assert_int_eq(t->clock, CLOCK_CPUTIME);
	burn_until_signal();
	ck_assert(clock_owns(last.si_code));
	ck_assert(clock_fits(t, &last));
	ck_assert(!clock_weighs_cpu(t));
	ck_assert_uint_eq(clock_cookie(SIGPROF, &last), thread_cookie(slot));
	clock_disarm(slot);
	ck_assert_int_eq(t->clock, CLOCK_NONE);
	ck_assert(!clock_fits(t, &last));
	signals = 0;
	burn(20 * PERIOD);
	ck_assert_int_eq(signals, 0);
	ck_assert_str_eq(clock_name(), "cputime");
}
END_TEST

/* One that was on its way when the timer was replaced. */
START_TEST(a_late_signal_is_not_the_new_timers)
{
	uint32_t slot = register_self(0);
	siginfo_t late;

	clock_init("cputime", PERIOD);
	ck_assert_int_eq(arm_now(slot), 0);
	burn_until_signal();
	late = last;
	/* the number of a deleted timer may be given again, but not at once */
	clock_disarm(slot);
	ck_assert_int_eq(arm_now(slot), 0);
	if (region_record(slot)->timer != late.si_timerid)
		ck_assert(!clock_fits(region_record(slot), &late));
	late.si_timerid = region_record(slot)->timer;
	ck_assert(clock_fits(region_record(slot), &late));
	clock_disarm(slot);
}
END_TEST

/* The weight of the first expiry is all that no sample stands for then. */
START_TEST(the_first_expiry_comes_earlier_by_the_account)
{
	uint32_t slot;
	struct thread_record *t;
	uint64_t first;

	clock_init("cputime", 1000000000);
	thread_account_add(0x1234, 900000000);
	slot = register_self(0x1234);
	t = region_record(slot);
	ck_assert_int_eq(arm_now(slot), 0);
	first = atomic_load(&t->first_ns);
	ck_assert_uint_eq(t->granted_ns, 900000000);
	ck_assert_uint_gt(first, 900000000);
	ck_assert_uint_lt(first, 1020000000);
	ck_assert_uint_eq(thread_account_take(0x1234), 0);
	clock_disarm(slot);
}
END_TEST

/* Half of the signals that may be queued are left to others. */
START_TEST(timers_take_half_of_the_limit)
{
	struct rlimit limit = { 8, 8 };
	uint32_t slot[8];
	unsigned i;

	/* the limit is of a user's signals: root has others */
	if (geteuid() == 0)
		ck_assert_int_eq(setreuid(61234, (uid_t)-1), 0);
	clock_init("cputime", PERIOD);
	cputime_reset_after_fork();
	ck_assert_int_eq(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
	for (i = 0; i < 4; i++) {
		slot[i] = register_self(0);
		ck_assert_int_eq(arm_now(slot[i]), 0);
	}
	slot[4] = register_self(0);
	ck_assert_int_eq(arm_now(slot[4]), -EAGAIN);
	/* it asks the flusher for the next clock */
	ck_assert_int_eq(region_record(slot[4])->wish, CLOCK_PERF);
	ck_assert_ptr_nonnull(clock_said(CLOCK_NOTE_TIMERS));
	ck_assert_ptr_null(clock_said(CLOCK_NOTE_NO_TIMERS));
	/* given back, given again */
	clock_disarm(slot[0]);
	ck_assert_int_eq(arm_now(slot[0]), 0);
	for (i = 0; i < 4; i++)
		clock_disarm(slot[i]);
}
END_TEST

START_TEST(the_tick_is_a_plausible_one)
{
	/* 100 to 1000 Hz */
	ck_assert_uint_ge(clock_tick_ns(), 1000000);
	ck_assert_uint_le(clock_tick_ns(), 10000000);
}
END_TEST

START_TEST(random_numbers_keep_to_their_range)
{
	unsigned low = 0, i;
	uint64_t x;

	for (i = 0; i < 10000; i++) {
		x = clock_random(1000);
		ck_assert_uint_ge(x, 1);
		ck_assert_uint_le(x, 1000);
		low += x <= 100;
	}
	ck_assert_uint_gt(low, 850);
	ck_assert_uint_lt(low, 1150);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("clock");
	TCase *tc = tcase_create("clock");

	tcase_add_checked_fixture(tc, setup, region_fixture_end);
	tcase_add_test(tc, every_name_of_the_message_is_known);
	tcase_add_test(tc, wall_says_what_it_shows);
	tcase_add_test(tc, a_timer_brings_our_cookie);
	tcase_add_test(tc, a_late_signal_is_not_the_new_timers);
	tcase_add_test(tc, the_first_expiry_comes_earlier_by_the_account);
	tcase_add_test(tc, timers_take_half_of_the_limit);
	tcase_add_test(tc, the_tick_is_a_plausible_one);
	tcase_add_test(tc, random_numbers_keep_to_their_range);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
