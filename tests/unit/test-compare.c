/* SPDX-License-Identifier: MIT */
/* Tests of two measurements against known values and against themselves. */
#include "tools/compare.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "tests/unit/runner.h"

START_TEST(counts_have_known_values)
{
	/* the lady tasting tea: 3 of 4 and 1 of 4, one tail is 17/70 */
	ck_assert_double_eq_tol(compare_counts(3, 4, 1, 4), 2 * 17 / 70.0,
				1e-9);
	ck_assert_double_eq_tol(compare_counts(1, 4, 3, 4), 2 * 17 / 70.0,
				1e-9);
	/* Fisher's twins: 2 of 17 and 10 of 13, one tail 619/1330665 */
	ck_assert_double_eq_tol(compare_counts(2, 17, 10, 13),
				2 * 619 / 1330665.0, 1e-9);
	/* equal shares, and none at all */
	ck_assert_double_eq(compare_counts(10, 100, 10, 100), 1);
	ck_assert_double_eq(compare_counts(0, 100, 0, 100), 1);
	ck_assert_double_eq(compare_counts(100, 100, 50, 50), 1);
	ck_assert_double_eq(compare_counts(0, 0, 5, 10), 1);
}
END_TEST

/* For large counts the exact test is the score test with pooled variance. */
START_TEST(large_counts_are_normal)
{
	double a = 100000, b = 101500, n = 500000;
	double pooled = (a + b) / (2 * n);
	double z = ((b - a) / n - 1 / n) / sqrt(2 * pooled * (1 - pooled) / n);
	double expected = erfc(z / sqrt(2));

	ck_assert_double_eq_tol(compare_counts(a, n, b, n) / expected, 1,
				0.01);
	/* whole larger than the table of sums is meant for */
	ck_assert_double_gt(compare_counts(1e17, 1e18, 1e17, 1e18), 0.9);
	ck_assert_double_lt(compare_counts(1e17, 1e18, 2e17, 1e18), 1e-9);
	ck_assert_double_gt(compare_counts(1e17, 1e18, 2e17, 1e18), 0);
}
END_TEST

/* A short run and a long one: two samples where none was expected are no news. */
START_TEST(unequal_runs_keep_the_level)
{
	double exact = 1000.0 / 11000 * 999 / 10999;

	ck_assert_double_eq_tol(compare_counts(0, 10000, 2, 1000), 2 * exact,
				1e-9);
}
END_TEST

START_TEST(rates_have_known_values)
{
	/* 0 and 5 in equal times: 2 / 2^5 */
	ck_assert_double_eq_tol(compare_rates(0, 3, 5, 3), 2 / 32.0, 1e-12);
	ck_assert_double_eq_tol(compare_rates(5, 3, 0, 3), 2 / 32.0, 1e-12);
	/* 4 of 4 in a fifth of the time */
	ck_assert_double_eq_tol(compare_rates(0, 4, 4, 1), 2 / 625.0, 1e-12);
	ck_assert_double_eq(compare_rates(0, 4, 0, 1), 1);
	ck_assert_double_eq(compare_rates(7, 4, 7, 4), 1);
	ck_assert_double_eq(compare_rates(7, 0, 7, 4), 1);
}
END_TEST

START_TEST(t_has_known_values)
{
	static const struct {
		guint df;
		double t, p;
	} table[] = {
		{ 1, 12.7062, 0.05 }, { 2, 4.30265, 0.05 },
		{ 3, 3.18245, 0.05 }, { 4, 2.77645, 0.05 },
		{ 5, 4.03214, 0.01 }, { 10, 2.22814, 0.05 },
		{ 29, 2.75639, 0.01 }, { 120, 1.97993, 0.05 },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		ck_assert_double_eq_tol(compare_t(table[i].t, table[i].df),
					table[i].p, 2e-6);
		ck_assert_double_eq_tol(compare_t(-table[i].t, table[i].df),
					table[i].p, 2e-6);
		ck_assert_double_eq_tol(compare_t_quantile(table[i].p,
							   table[i].df),
					table[i].t, 1e-4);
	}
	ck_assert_double_eq(compare_t(0, 7), 1);
}
END_TEST

START_TEST(runs_are_compared)
{
	static const double a[] = { 1, 2, 3 }, b[] = { 5, 6, 7 };
	CompareRuns r = compare_runs(a, 3, b, 3);

	/* t = 4 / sqrt(2/3) = 4.898979, df 4 */
	ck_assert_uint_eq(r.df, 4);
	ck_assert_double_eq_tol(r.change, 4, 1e-12);
	ck_assert_double_eq_tol(r.p, 0.008049893, 1e-8);
	ck_assert_double_eq_tol(r.error, 2.776445 * sqrt(2.0 / 3), 1e-5);
	/* one run after: its spread is taken from the others */
	r = compare_runs(a, 3, b, 1);
	ck_assert_uint_eq(r.df, 2);
	ck_assert_double_eq_tol(r.p, compare_t(3 / sqrt(4.0 / 3), 2), 1e-12);
	/* one each: nothing to say */
	r = compare_runs(a, 1, b, 1);
	ck_assert_uint_eq(r.df, 0);
	ck_assert_double_eq(r.p, 1);
	ck_assert(isinf(r.error));
}
END_TEST

START_TEST(intervals_have_known_values)
{
	StatsShare a = { .share = 48.0 / 80 }, b = { .share = 56.0 / 70 };
	double low, high;

	/* Newcombe, Statistics in Medicine 17 (1998), p. 873, table II, (a) */
	stats_wilson(a.share, 80, &a.low, &a.high);
	stats_wilson(b.share, 70, &b.low, &b.high);
	compare_interval(&b, &a, &low, &high);
	ck_assert_double_eq_tol(low, -0.3339, 5e-5);
	ck_assert_double_eq_tol(high, -0.0524, 5e-5);
	compare_poisson(0, &low, &high);
	ck_assert_double_eq_tol(low, 0, 1e-9);
	ck_assert_double_eq_tol(high, 3.8415, 5e-5);
}
END_TEST

START_TEST(holm_takes_what_is_left)
{
	CompareTest even[] = { { 0.02, 1 }, { 0.01, 1 }, { 0.5, 1 },
			       { 0.001, 0 } };
	CompareTest heavy[] = { { 0.02, 3 }, { 0.02, 1 } };

	compare_holm(even, 4);
	ck_assert_double_eq_tol(even[1].adjusted, 0.03, 1e-12);
	ck_assert_double_eq_tol(even[0].adjusted, 0.04, 1e-12);
	ck_assert_double_eq_tol(even[2].adjusted, 0.5, 1e-12);
	ck_assert_double_eq(even[3].adjusted, 1);
	compare_holm(heavy, 2);
	ck_assert_double_eq_tol(heavy[0].adjusted, 0.02 * 4 / 3, 1e-12);
	ck_assert_double_eq_tol(heavy[1].adjusted, 0.02 * 4 / 3, 1e-12);
	compare_holm(NULL, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("compare");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, counts_have_known_values);
	tcase_add_test(tcase, large_counts_are_normal);
	tcase_add_test(tcase, unequal_runs_keep_the_level);
	tcase_add_test(tcase, rates_have_known_values);
	tcase_add_test(tcase, t_has_known_values);
	tcase_add_test(tcase, runs_are_compared);
	tcase_add_test(tcase, intervals_have_known_values);
	tcase_add_test(tcase, holm_takes_what_is_left);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
