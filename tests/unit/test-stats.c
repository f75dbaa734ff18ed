/* SPDX-License-Identifier: MIT */
/*
 * Error bars against simulation: how often a 95 % interval holds the truth.
 * Seeds are fixed: a run is the same as any other.
 */
#include "tools/stats.h"

#include <check.h>
#include <glib.h>
#include <math.h>
#include <stdlib.h>

#include "tests/unit/runner.h"

#define RUNS 20000

START_TEST(wilson_has_known_values)
{
	double low, high;

	/* Newcombe, Statistics in Medicine 17 (1998), table I, method 3 */
	stats_wilson(81.0 / 263, 263, &low, &high);
	ck_assert_double_eq_tol(low, 0.2553, 5e-5);
	ck_assert_double_eq_tol(high, 0.3662, 5e-5);
	stats_wilson(15.0 / 148, 148, &low, &high);
	ck_assert_double_eq_tol(low, 0.0624, 5e-5);
	ck_assert_double_eq_tol(high, 0.1605, 5e-5);
	stats_wilson(0, 20, &low, &high);
	ck_assert_double_eq_tol(low, 0, 1e-12);
	ck_assert_double_eq_tol(high, 0.1611, 5e-5);
	stats_wilson(1.0 / 29, 29, &low, &high);
	ck_assert_double_eq_tol(low, 0.0061, 5e-5);
	ck_assert_double_eq_tol(high, 0.1718, 5e-5);
}
END_TEST

START_TEST(nothing_sampled_is_no_knowledge)
{
	StatsShare s = stats_share(0, 0, 0, 0);

	ck_assert_double_eq(s.low, 0);
	ck_assert_double_eq(s.high, 1);
	s = stats_share(5, 0, 10, 0);
	ck_assert_double_eq(s.share, 0.5);
	ck_assert_double_eq(s.high - s.low, 1);
}
END_TEST

START_TEST(equal_weights_are_counts)
{
	StatsShare s = stats_share(81e7, 81e14, 263e7, 263e14);

	ck_assert_double_eq_tol(s.n, 263, 1e-6);
	ck_assert_double_eq_tol(s.low, 0.2553, 5e-5);
	ck_assert_double_eq_tol(s.error, (s.high - s.low) / 2, 1e-12);
	/* a share of all of it, and of nothing */
	ck_assert_double_eq_tol(stats_share(5, 5, 5, 5).n, 5, 1e-9);
	ck_assert_double_eq_tol(stats_share(0, 0, 5, 5).n, 5, 1e-9);
}
END_TEST

/* Percentage of runs whose interval holds p; `n` samples of weights that depend
 * (`tied`), or not, on which side they are. */
static double coverage(double p, int n, int spread, int tied, guint32 seed)
{
	GRand *rand = g_rand_new_with_seed(seed);
	int run, i, held = 0;
	double truth = p;

	/* with tied weights the side weighs (1 + spread) / 2 times as much */
	if (tied)
		truth = p * (1 + spread) / 2 /
			(p * (1 + spread) / 2 + (1 - p));
	for (run = 0; run < RUNS; run++) {
		double in = 0, in2 = 0, all = 0, all2 = 0;
		StatsShare s;

		for (i = 0; i < n; i++) {
			int is_in = g_rand_double(rand) < p;
			double w = 1;

			if (!tied || is_in)
				w += floor(g_rand_double(rand) * spread);
			all += w;
			all2 += w * w;
			in += is_in ? w : 0;
			in2 += is_in ? w * w : 0;
		}
		s = stats_share(in, in2, all, all2);
		held += s.low <= truth && truth <= s.high;
	}
	g_rand_free(rand);
	return 100.0 * held / RUNS;
}

/*
 * Coverage where `unsampled` times the sampled value has no samples: the truth
 * of a share is then p of the sampled part. Weights are 1 to 4.
 */
static double coverage_partly(double p, int n, double unsampled,
			      guint32 seed)
{
	GRand *rand = g_rand_new_with_seed(seed);
	int run, i, held = 0;

	for (run = 0; run < RUNS; run++) {
		StatsSum part = { 0, 0, 0 }, all = { 0, 0, 0 };
		double sampled, truth;
		StatsShare s;

		for (i = 0; i < n; i++) {
			double w = 1 + floor(g_rand_double(rand) * 4);
			int is_in = g_rand_double(rand) < p;

			all.value += w;
			all.square += w * w;
			part.value += is_in ? w : 0;
			part.square += is_in ? w * w : 0;
		}
		sampled = all.value;
		all.exact = sampled * unsampled;
		all.value += all.exact;
		truth = p * sampled / all.value;
		s = stats_share_of(&part, &all);
		held += s.low <= truth && truth <= s.high;
	}
	g_rand_free(rand);
	return 100.0 * held / RUNS;
}

START_TEST(bars_cover_where_time_was_not_sampled)
{
	static const double p[] = { 0.05, 0.5, 0.95, 0.99 };
	static const double unsampled[] = { 0.005, 0.03, 0.5 };

	for (size_t i = 0; i < G_N_ELEMENTS(p); i++)
		for (size_t k = 0; k < G_N_ELEMENTS(unsampled); k++) {
			double held = coverage_partly(p[i], 2000,
						      unsampled[k],
						      (guint32)(i * 3 + k));

			ck_assert_msg(held >= 94 && held <= 96,
				      "p %g, %g not sampled: %.2f %%", p[i],
				      unsampled[k], held);
		}
}
END_TEST

START_TEST(what_was_not_sampled_is_certain)
{
	const StatsSum all = { 110, 100, 10 }, most = { 100, 100, 0 };
	const StatsSum rest = { 10, 0, 10 }, everything = { 110, 100, 10 };
	StatsShare s = stats_share_of(&rest, &all);

	ck_assert_double_eq_tol(s.share, 10.0 / 110, 1e-12);
	ck_assert_double_eq_tol(s.low, 10.0 / 110, 1e-12);
	ck_assert_double_eq_tol(s.high, 10.0 / 110, 1e-12);
	ck_assert_double_eq(s.error, 0);
	/* that something else had samples is not excluded by 100 of them */
	s = stats_share_of(&most, &all);
	ck_assert_double_eq_tol(s.high, 100.0 / 110, 1e-12);
	ck_assert_double_eq_tol(s.low, 100.0 / 110 * 0.96301, 1e-4);
	s = stats_share_of(&everything, &all);
	ck_assert_double_eq_tol(s.share, 1, 1e-12);
	ck_assert_double_eq_tol(s.high, 1, 1e-12);
}
END_TEST

START_TEST(bars_cover_95_percent)
{
	static const double p[] = { 0.05, 0.1, 0.2, 0.35, 0.5, 0.8, 0.97 };
	size_t i;

	for (i = 0; i < sizeof(p) / sizeof(p[0]); i++) {
		double equal = coverage(p[i], 500, 1, 0, i + 1);
		double mixed = coverage(p[i], 500, 4, 0, i + 101);
		double tied = coverage(p[i], 500, 4, 1, i + 201);

		ck_assert_msg(equal >= 94 && equal <= 96,
			      "p %g, equal weights: %.2f %%", p[i], equal);
		ck_assert_msg(mixed >= 94 && mixed <= 96,
			      "p %g, weights 1-4: %.2f %%", p[i], mixed);
		ck_assert_msg(tied >= 94 && tied <= 96,
			      "p %g, tied weights: %.2f %%", p[i], tied);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stats");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, wilson_has_known_values);
	tcase_add_test(tcase, nothing_sampled_is_no_knowledge);
	tcase_add_test(tcase, equal_weights_are_counts);
	tcase_add_test(tcase, what_was_not_sampled_is_certain);
	if (RUNNER_SIMULATES) {
		tcase_add_test(tcase, bars_cover_95_percent);
		tcase_add_test(tcase, bars_cover_where_time_was_not_sampled);
	}
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
