/* SPDX-License-Identifier: MIT */
#include "agent/clock-ticker.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "agent/clock.h"
#include "tests/unit/runner.h"

#define DRAWS 200000
#define MEAN 1000000u

START_TEST(times_between_looks_are_exponential)
{
	double sum = 0, squares = 0, x;
	unsigned below = 0, i;

	ck_assert_int_eq(clock_init("ticker", MEAN), 0);
	for (i = 0; i < DRAWS; i++) {
		x = (double)ticker_random(MEAN) / MEAN;
		sum += x;
		squares += x * x;
		below += x < 0.5;
	}
	/* mean 1, second moment 2, 1 - e^-1/2 below a half: 5 sigma each */
	ck_assert_double_lt(fabs(sum / DRAWS - 1), 5 / sqrt(DRAWS));
	ck_assert_double_lt(fabs(squares / DRAWS - 2), 5 * sqrt(20. / DRAWS));
	ck_assert_double_lt(fabs((double)below / DRAWS - 0.39347),
			    5 * 0.49 / sqrt(DRAWS));
}
END_TEST

START_TEST(without_threads_there_is_no_look)
{
	ck_assert_uint_eq(ticker_round(1), UINT64_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("clock-ticker");
	TCase *tc = tcase_create("clock-ticker");

	tcase_add_test(tc, times_between_looks_are_exponential);
	tcase_add_test(tc, without_threads_there_is_no_look);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
