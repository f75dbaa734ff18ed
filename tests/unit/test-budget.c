/* SPDX-License-Identifier: MIT */
#include "agent/budget.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/runner.h"

#define PPM 10000u	/* 1 % */
#define ASKED 1000000u	/* 1 kHz */

START_TEST(a_rate_within_the_budget_stays)
{
	/* 0.8 of the budget is what it aims at */
	ck_assert_uint_eq(budget_steer(ASKED, ASKED, 8000, PPM), ASKED);
	ck_assert_uint_eq(budget_steer(2 * ASKED, ASKED, 8000, PPM),
			  2 * ASKED);
}
END_TEST

START_TEST(too_much_cost_lowers_the_rate)
{
	ck_assert_uint_eq(budget_steer(ASKED, ASKED, 16000, PPM), 2 * ASKED);
	/* at most to a quarter at once */
	ck_assert_uint_eq(budget_steer(ASKED, ASKED, 1000000, PPM),
			  4 * ASKED);
	/* one sample a second is the least */
	ck_assert_uint_eq(budget_steer(900000000, ASKED, 1000000, PPM),
			  1000000000);
}
END_TEST

START_TEST(too_little_raises_it_to_what_was_asked)
{
	ck_assert_uint_eq(budget_steer(10 * ASKED, ASKED, 0, PPM), 8 * ASKED);
	ck_assert_uint_eq(budget_steer(ASKED, ASKED, 0, PPM), ASKED);
	ck_assert_uint_eq(budget_steer(ASKED + 1, ASKED, 0, PPM), ASKED);
}
END_TEST

/* Cost is in proportion to the rate, with a part that is not. */
START_TEST(it_settles_below_the_budget)
{
	uint64_t period = 100000, cost = 0;
	int i;

	for (i = 0; i < 60; i++) {
		/* 17 us a sample, and 0.1 % whatever the rate */
		cost = 17000 * 1000000ull / period + 1000;
		period = budget_steer(period, 100000, cost, PPM);
	}
	ck_assert_uint_gt(cost, 6000);
	ck_assert_uint_le(cost, PPM);
}
END_TEST

START_TEST(without_a_budget_nothing_is_done)
{
	budget_init(0);
	ck_assert_uint_eq(budget_round(1), UINT64_MAX);
	ck_assert_ptr_null(budget_note(true));
	ck_assert_uint_eq(budget_steer(5, 7, 100, 0), 20);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("budget");
	TCase *tc = tcase_create("budget");

	tcase_add_test(tc, a_rate_within_the_budget_stays);
	tcase_add_test(tc, too_much_cost_lowers_the_rate);
	tcase_add_test(tc, too_little_raises_it_to_what_was_asked);
	tcase_add_test(tc, it_settles_below_the_budget);
	tcase_add_test(tc, without_a_budget_nothing_is_done);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
