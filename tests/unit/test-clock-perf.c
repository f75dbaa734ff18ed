/* SPDX-License-Identifier: MIT */
#include "agent/clock-perf.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/clock.h"
#include "tests/unit/runner.h"

START_TEST(what_is_permitted_is_known)
{
	enum perf_sight sight = perf_probe();

	ck_assert_int_ne(sight, PERF_UNKNOWN);
	ck_assert_int_eq(perf_probe(), sight);
	if (sight == PERF_REFUSED)
		ck_assert_int_lt(perf_refusal(), 0);
	/* SIGTRAP was not borrowed: what needs it is not offered */
	ck_assert_int_ne(perf_sight_now(), PERF_KERNEL_TOO);
}
END_TEST

/* Descriptors that run out are no reason to believe in a refusal for ever. */
START_TEST(the_probe_leaves_no_descriptor_behind)
{
	int before = dup(0), after;

	close(before);
	perf_probe();
	after = dup(0);
	close(after);
	ck_assert_int_eq(before, after);
}
END_TEST

START_TEST(an_interrupt_costs_something_and_not_much)
{
	uint64_t ns;

	if (perf_probe() == PERF_REFUSED)
		return;
	ns = perf_interrupt_ns();
	/* each 100 us: it cannot take longer */
	ck_assert_uint_lt(ns, 100000);
}
END_TEST

START_TEST(foreign_descriptors_have_no_cookie)
{
	ck_assert_uint_eq(perf_cookie_of(0), 0);
	ck_assert_uint_eq(perf_cookie_of(65535), 0);
	ck_assert_uint_eq(perf_cookie_of(UINT32_MAX), 0);
}
END_TEST

START_TEST(periods_vary_around_the_one_asked_for)
{
	double sum = 0;
	uint64_t ns;
	int i, above = 0;

	ck_assert_int_eq(clock_init("perf", 1000000), 0);
	for (i = 0; i < 4000; i++) {
		ns = perf_vary_period(1000000);
		sum += (double)ns;
		above += ns > 1000000;
		ck_assert_uint_ge(ns > 1000000 ? ns - 1000000 : 1000000 - ns,
				  20000);
		ck_assert_uint_ge(ns, 950000);
		ck_assert_uint_le(ns, 1050000);
	}
	ck_assert(above > 1700 && above < 2300);
	ck_assert(sum / 4000 > 995000 && sum / 4000 < 1005000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("clock-perf");
	TCase *tc = tcase_create("clock-perf");

	tcase_add_test(tc, what_is_permitted_is_known);
	tcase_add_test(tc, the_probe_leaves_no_descriptor_behind);
	tcase_add_test(tc, an_interrupt_costs_something_and_not_much);
	tcase_add_test(tc, foreign_descriptors_have_no_cookie);
	tcase_add_test(tc, periods_vary_around_the_one_asked_for);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
