/* SPDX-License-Identifier: MIT */
/*
 * compare: whether two measurements differ by more than chance.
 *
 * One run on each side. Samples are counts: `a` of `all_a` before, `b` of
 * `all_b` after (effective numbers, tools/stats.h; rounded). If nothing changed,
 * then given a + b, b is hypergeometric; the two-sided p-value is twice the
 * smaller tail (R. A. Fisher's exact test, "Statistical methods for research
 * workers", 5th ed. 1934, section 21.02; doubling: J. O. Irwin, Metron 12, 1935).
 * Unlike the score test with pooled variance it holds its level when one run is
 * much longer than the other and the count is small; for large counts it is the
 * same test.
 *
 * Rates per time are compared likewise: given a + b, b is binomial with the
 * probability time_b / (time_a + time_b) (J. Przyborowski, H. Wilenski,
 * "Homogeneity of results in testing samples from Poisson series", Biometrika
 * 31, 1940, p. 313-323).
 *
 * Repeated runs. Runs differ by more than sampling explains, so their values
 * are compared as well: B. L. Welch's t (Biometrika 34, 1947, p. 28-35) with F.
 * E. Satterthwaite's degrees of freedom, rounded down:
 *
 *	t = (mean_b - mean_a) / sqrt(u + v),  u = s_a^2 / n_a,  v = s_b^2 / n_b
 *	df = (u + v)^2 / (u^2 / (n_a - 1) + v^2 / (n_b - 1))
 *
 * With one run on one side its variance is taken to be that of the other side
 * (Student's t, df = n - 1). Values of t for whole df are finite sums
 * (M. Abramowitz, I. Stegun, "Handbook of mathematical functions", 26.7.3-4).
 *
 * Many comparisons. Holm's step-down (S. Holm, "A simple sequentially rejective
 * multiple test procedure", Scand. J. Statistics 6, 1979, p. 65-70, section 4 for
 * weights) keeps the probability that anything is called a change when nothing
 * is one below the level, however the tests depend on each other.
 *
 * Pure functions: no state, no allocation but in compare_holm().
 */
#ifndef PROFAGENT_TOOLS_COMPARE_H
#define PROFAGENT_TOOLS_COMPARE_H

#include <glib.h>

#include "tools/stats.h"

/* Two-sided p-values in (0, 1]. Counts >= 0 and at most their whole. */
double compare_counts(double a, double all_a, double b, double all_b);

/* Times in any unit, the same for both; 0: there is nothing to compare, 1. */
double compare_rates(double a, double time_a, double b, double time_b);

typedef struct {
	double change;			/* mean of b less mean of a */
	double p;			/* two-sided; 1 if it cannot be said */
	double error;			/* half the 95 % interval, or INFINITY */
	guint df;			/* 0: one run on each side */
} CompareRuns;

CompareRuns compare_runs(const double *a, guint runs_a, const double *b,
			 guint runs_b);

/* P(|T| > |t|) of Student's t with df >= 1 degrees of freedom. */
double compare_t(double t, guint df);

/* The t for which compare_t() is `p`. */
double compare_t_quantile(double p, guint df);

/*
 * 95 % interval of b - a from that of each: "square and add" (R. G. Newcombe,
 * Statistics in Medicine 17, 1998, p. 873-890, method 10, for shares; G. Zou, A.
 * Donner, ibid. 27, 2008, p. 1693-1702, for others).
 */
void compare_interval(const StatsShare *a, const StatsShare *b, double *low,
		      double *high);

/*
 * 95 % interval of a Poisson count: that of the score test, n + z^2 / 2
 * -+ z sqrt(n + z^2 / 4).
 */
void compare_poisson(double count, double *low, double *high);

typedef struct {
	double p;			/* in */
	double weight;			/* in: >= 0; 0: not tested */
	double adjusted;		/* out: significant if <= the level */
} CompareTest;

/* Fills `adjusted` (1 where not tested). */
void compare_holm(CompareTest *tests, guint count);

#endif
