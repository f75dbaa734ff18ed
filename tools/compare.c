/* SPDX-License-Identifier: MIT */
/* compare: see compare.h, which has the formulas and where they come from. */
#include "tools/compare.h"

#include <math.h>
#include <stdlib.h>

/* More is scaled down: lgamma() would run out of digits, sums of time. */
#define COUNT_MAX 1e9

/* Terms below this part of their sum no longer change it. */
#define NEGLIGIBLE 1e-17

/* --- one run on each side -------------------------------------------------- */

/*
 * A distribution of the count x after, known up to a factor: neighbours by
 * their ratio. Hypergeometric: `hits` of `draws + rest` are drawn with `draws`;
 * binomial: `hits` thrown with odds of p / (1 - p).
 */
typedef struct {
	double hits, draws, rest;
	double odds;			/* 0: hypergeometric */
} Distribution;

/* P(x + 1) / P(x) */
static double ratio(const Distribution *d, double x)
{
	if (d->odds > 0)
		return (d->hits - x) / (x + 1) * d->odds;
	return (d->hits - x) * (d->draws - x) /
	       ((x + 1) * (d->rest - d->hits + x + 1));
}

/* Sum of P(y) / P(x) for y from x to where `step` (-1 or 1) leads. */
static double tail(const Distribution *d, double x, int step)
{
	double least = d->odds > 0 ? 0 : fmax(0, d->hits - d->rest);
	double most = d->odds > 0 ? d->hits : fmin(d->hits, d->draws);
	double sum = 1, term = 1;

	while (step < 0 ? x > least : x < most) {
		term *= step < 0 ? 1 / ratio(d, x - 1) : ratio(d, x);
		sum += term;
		/* beyond the mode terms fall ever faster */
		if (term < sum * NEGLIGIBLE)
			break;
		x += step;
	}
	return sum;
}

static double log_choose(double n, double k)
{
	return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

static double log_probability(const Distribution *d, double x)
{
	if (d->odds > 0)
		return log_choose(d->hits, x) + x * log(d->odds) -
		       d->hits * log1p(d->odds);
	return log_choose(d->draws, x) +
	       log_choose(d->rest, d->hits - x) -
	       log_choose(d->draws + d->rest, d->hits);
}

static double two_sided(const Distribution *d, double x)
{
	/* the smaller tail alone is a sum that ends soon */
	double up = ratio(d, x) < 1 ? tail(d, x, 1) : INFINITY;
	double down = x <= 0 ? 1 :
		      ratio(d, x - 1) > 1 ? tail(d, x, -1) : INFINITY;
	double less = fmin(up, down);

	if (!isfinite(less))
		return 1;
	return fmin(1, fmax(2 * exp(log_probability(d, x)) * less,
			    G_MINDOUBLE));
}

double compare_counts(double a, double all_a, double b, double all_b)
{
	double scale = fmin(1, COUNT_MAX / fmax(all_a + all_b, 1));
	Distribution d = { .draws = round(all_b * scale),
			   .rest = round(all_a * scale) };
	double before = fmin(fmax(round(a * scale), 0), d.rest);
	double after = fmin(fmax(round(b * scale), 0), d.draws);

	d.hits = before + after;
	if (!(d.draws > 0) || !(d.rest > 0) || d.hits <= 0 ||
	    d.hits >= d.draws + d.rest)
		return 1;
	return two_sided(&d, after);
}

double compare_rates(double a, double time_a, double b, double time_b)
{
	double scale = fmin(1, COUNT_MAX / fmax(a + b, 1));
	double before = fmax(round(a * scale), 0);
	double after = fmax(round(b * scale), 0);
	Distribution d = { .hits = before + after };

	if (!(time_a > 0) || !(time_b > 0) || d.hits <= 0)
		return 1;
	d.odds = time_b / time_a;
	return two_sided(&d, after);
}

/* --- repeated runs ----------------------------------------------------------- */

double compare_t(double t, guint df)
{
	double angle = atan(fabs(t) / sqrt(df)), cosine = cos(angle);
	double term = df % 2 ? cosine : 1, sum = df == 1 ? 0 : term;
	guint i;

	for (i = df % 2 ? 3 : 2; i < df; i += 2) {
		term *= cosine * cosine * (i - 1) / i;
		sum += term;
		if (term < sum * NEGLIGIBLE)
			break;
	}
	sum *= sin(angle);
	if (df % 2)
		sum = M_2_PI * (angle + sum);
	return fmin(1, fmax(1 - sum, G_MINDOUBLE));
}

double compare_t_quantile(double p, guint df)
{
	double low = 0, high = 1;
	int i;

	while (compare_t(high, df) > p && high < 1e15)
		high *= 2;
	for (i = 0; i < 60; i++) {
		double middle = (low + high) / 2;

		if (compare_t(middle, df) > p)
			low = middle;
		else
			high = middle;
	}
	return high;
}

static double mean_of(const double *x, guint n)
{
	double sum = 0;
	guint i;

	for (i = 0; i < n; i++)
		sum += x[i];
	return n ? sum / n : 0;
}

static double variance_of(const double *x, guint n)
{
	double mean = mean_of(x, n), sum = 0;
	guint i;

	for (i = 0; i < n; i++)
		sum += (x[i] - mean) * (x[i] - mean);
	return n > 1 ? sum / (n - 1) : 0;
}

static double satterthwaite(double u, guint runs_a, double v, guint runs_b)
{
	double fewer = MIN(runs_a, runs_b) - 1.0;
	double parts = u * u / (runs_a - 1.0) + v * v / (runs_b - 1.0);

	return parts > 0 ? (u + v) * (u + v) / parts : fewer;
}

CompareRuns compare_runs(const double *a, guint runs_a, const double *b,
			 guint runs_b)
{
	CompareRuns r = { .change = mean_of(b, runs_b) - mean_of(a, runs_a),
			  .p = 1, .error = INFINITY };
	double var_a = variance_of(a, runs_a), var_b = variance_of(b, runs_b);
	double u, v, deviation;

	if (runs_a == 0 || runs_b == 0 || runs_a + runs_b < 3)
		return r;
	u = (runs_a > 1 ? var_a : var_b) / runs_a;
	v = (runs_b > 1 ? var_b : var_a) / runs_b;
	if (runs_a > 1 && runs_b > 1)
		/* a hair above: 4 runs of equal spread have 6, not 5.99.. */
		r.df = (guint)(satterthwaite(u, runs_a, v, runs_b) + 1e-9);
	else
		r.df = MAX(runs_a, runs_b) - 1;
	deviation = sqrt(u + v);
	r.error = deviation * compare_t_quantile(0.05, r.df);
	if (deviation > 0)
		r.p = compare_t(r.change / deviation, r.df);
	else
		r.p = r.change == 0 ? 1 : G_MINDOUBLE;
	return r;
}

/* --- intervals ------------------------------------------------------------------ */

void compare_interval(const StatsShare *a, const StatsShare *b, double *low,
		      double *high)
{
	double change = b->share - a->share;

	*low = change - hypot(b->share - b->low, a->high - a->share);
	*high = change + hypot(b->high - b->share, a->share - a->low);
}

void compare_poisson(double count, double *low, double *high)
{
	double middle = count + STATS_Z95 * STATS_Z95 / 2;
	double half = STATS_Z95 * sqrt(count + STATS_Z95 * STATS_Z95 / 4);

	*low = fmax(0, middle - half);
	*high = middle + half;
}

/* --- many comparisons -------------------------------------------------------------- */

static int by_weighted_p(const void *x, const void *y)
{
	const CompareTest *a = *(CompareTest *const *)x;
	const CompareTest *b = *(CompareTest *const *)y;
	double left = a->p * b->weight, right = b->p * a->weight;

	return left < right ? -1 : left > right;
}

void compare_holm(CompareTest *tests, guint count)
{
	g_autofree CompareTest **order = g_new(CompareTest *, count + 1);
	double rest = 0, last = 0;
	guint n = 0, i;

	for (i = 0; i < count; i++) {
		tests[i].adjusted = 1;
		if (!(tests[i].weight > 0))
			continue;
		order[n++] = &tests[i];
		rest += tests[i].weight;
	}
	qsort(order, n, sizeof(order[0]), by_weighted_p);
	for (i = 0; i < n; i++) {
		double p = order[i]->p * fmax(rest, order[i]->weight) /
			   order[i]->weight;

		last = fmin(1, fmax(last, p));
		order[i]->adjusted = last;
		rest -= order[i]->weight;
	}
}
