/* SPDX-License-Identifier: MIT */
/*
 * Differences: rows and sorting, and by simulation how often a change is seen
 * that is none, how often one that is, and how often error bars hold it. Seeds
 * are fixed: a run is the same as any other.
 */
#include "tools/diff.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"

#define HZ 99
#define SECONDS 30
#define SAMPLES (HZ * SECONDS)
#define PERIOD (1e9 / HZ)
#define FUNCTIONS_MAX 2001
#define RUNS 1000

/* --- a program of known shares, sampled ------------------------------------- */

typedef struct {
	guint count;
	double up_to[FUNCTIONS_MAX];	/* cumulated shares; the first is f0 */
} Program;

static char names[FUNCTIONS_MAX][8];

/* f0 has `share`, the others share the rest as 1, 1/2, 1/3, ... */
static void program_init(Program *g, guint count, double share)
{
	double rest = 0, sum = share;
	guint i;

	g->count = count;
	for (i = 1; i < count; i++)
		rest += 1.0 / i;
	g->up_to[0] = share;
	for (i = 1; i < count; i++) {
		sum += (1 - share) / rest / i;
		g->up_to[i] = sum;
	}
	g->up_to[count - 1] = 1;
}

static void name_functions(void)
{
	guint i;

	for (i = 0; i < FUNCTIONS_MAX; i++)
		g_snprintf(names[i], sizeof(names[i]), "f%u", i);
}

static guint pick(const Program *g, GRand *rand)
{
	double x = g_rand_double(rand);
	guint low = 0, high = g->count - 1;

	while (low < high) {
		guint middle = (low + high) / 2;

		if (g->up_to[middle] > x)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void sample(Diff *d, DiffSide side, const Program *g, guint n,
		   GRand *rand)
{
	g_autofree double *counts = g_new0(double, g->count);
	DiffSum all = { n * PERIOD, n * PERIOD * PERIOD };
	guint i;

	for (i = 0; i < n; i++)
		counts[pick(g, rand)]++;
	diff_add_run(d, side, &all, SECONDS);
	for (i = 0; i < g->count; i++) {
		DiffRow name = { .name = names[i] };
		DiffSum sum = { counts[i] * PERIOD,
				counts[i] * PERIOD * PERIOD };

		if (counts[i] > 0)
			diff_add(d, &name, &sum);
	}
}

/* Samples of a period in which a program of half a CPU is seen: about n. */
static guint about(guint n, GRand *rand)
{
	guint i, seen = 0;

	for (i = 0; i < 2 * n; i++)
		seen += g_rand_double(rand) < 0.5;
	return seen;
}

static const DiffRow *row_named(const Diff *d, const char *name)
{
	guint i;

	for (i = 0; i < d->rows->len; i++) {
		const DiffRow *row = d->rows->pdata[i];

		if (strcmp(row->name, name) == 0)
			return row;
	}
	return NULL;
}

typedef struct {
	guint functions;
	double before, after;		/* shares of f0 */
	guint samples_before, samples_after, runs;
	gboolean absolute, noisy;	/* noisy: f0's share is another in each run */
} Case;

static Diff *simulate(const Case *c, GRand *rand)
{
	static Program g;
	Diff *d = diff_new(2 * c->runs);
	guint i, side;

	for (side = 0; side < DIFF_SIDES; side++)
		for (i = 0; i < c->runs; i++) {
			double share = side ? c->after : c->before;
			guint n = side ? c->samples_after : c->samples_before;

			if (c->noisy)
				share += 0.1 * (g_rand_double(rand) - 0.5);
			program_init(&g, c->functions, share);
			sample(d, (DiffSide)side, &g,
			       c->absolute ? about(n, rand) : n, rand);
		}
	d->absolute = c->absolute;
	diff_test(d);
	return d;
}

/* In per cent of RUNS: any change seen, that of f0, its error bar right. */
typedef struct {
	double any, found, covered;
} Rates;

static Rates rates_of(const Case *c, guint32 seed)
{
	GRand *rand = g_rand_new_with_seed(seed);
	Rates r = { 0, 0, 0 };
	guint i;

	for (i = 0; i < RUNS; i++) {
		g_autoptr(Diff) d = simulate(c, rand);
		const DiffRow *f0 = row_named(d, "f0");
		double truth = c->after - c->before;

		/* half a CPU is sampled with n = CPUs x seconds x Hz */
		if (c->absolute)
			truth = (c->after * c->samples_after -
				 c->before * c->samples_before) / SAMPLES;
		r.any += d->significant > 0;
		r.found += f0->significant;
		r.covered += f0->low <= truth && truth <= f0->high;
	}
	g_rand_free(rand);
	r.any *= 100.0 / RUNS;
	r.found *= 100.0 / RUNS;
	r.covered *= 100.0 / RUNS;
	return r;
}

/* --- by simulation ------------------------------------------------------------ */

START_TEST(no_change_is_seldom_one)
{
	static const Case cases[] = {
		{ 2, 0.5, 0.5, SAMPLES, SAMPLES, 1, FALSE, FALSE },
		{ 20, 0.3, 0.3, SAMPLES, SAMPLES, 1, FALSE, FALSE },
		{ 200, 0.1, 0.1, SAMPLES, SAMPLES, 1, FALSE, FALSE },
		{ 2000, 0.1, 0.1, SAMPLES, SAMPLES, 1, FALSE, FALSE },
		/* one run ten times as long */
		{ 200, 0.2, 0.2, 10 * SAMPLES, SAMPLES, 1, FALSE, FALSE },
		{ 200, 0.2, 0.2, SAMPLES, SAMPLES / 10, 1, FALSE, FALSE },
		{ 200, 0.2, 0.2, SAMPLES, SAMPLES, 1, TRUE, FALSE },
		/* runs that differ more than samples say */
		{ 50, 0.3, 0.3, SAMPLES, SAMPLES, 3, FALSE, TRUE },
		{ 50, 0.3, 0.3, SAMPLES, SAMPLES, 5, FALSE, FALSE },
	};
	Rates r = rates_of(&cases[_i], (guint32)_i + 1);

	ck_assert_msg(r.any <= 5, "case %d: a change in %.1f %%", _i, r.any);
}
END_TEST

START_TEST(five_points_are_found)
{
	static const Case cases[] = {
		{ 200, 0.00, 0.05, SAMPLES, SAMPLES, 1, FALSE, FALSE },
		{ 200, 0.05, 0.10, SAMPLES, SAMPLES, 1, FALSE, FALSE },
		{ 2000, 0.10, 0.15, SAMPLES, SAMPLES, 1, FALSE, FALSE },
		{ 200, 0.20, 0.25, SAMPLES, SAMPLES, 1, FALSE, FALSE },
		{ 200, 0.35, 0.30, SAMPLES, SAMPLES, 1, FALSE, FALSE },
		/* where it is hardest */
		{ 200, 0.475, 0.525, SAMPLES, SAMPLES, 1, FALSE, FALSE },
		{ 200, 0.85, 0.90, SAMPLES, SAMPLES, 1, FALSE, FALSE },
		{ 200, 0.20, 0.25, SAMPLES, SAMPLES, 1, TRUE, FALSE },
		{ 200, 0.20, 0.25, SAMPLES, SAMPLES, 5, FALSE, FALSE },
	};
	Rates r = rates_of(&cases[_i], (guint32)_i + 101);

	ck_assert_msg(r.found >= 95, "case %d: found in %.1f %%", _i, r.found);
}
END_TEST

START_TEST(bars_of_a_change_cover_95_percent)
{
	static const Case cases[] = {
		{ 20, 0.05, 0.10, SAMPLES, SAMPLES, 1, FALSE, FALSE },
		{ 20, 0.30, 0.30, SAMPLES, SAMPLES, 1, FALSE, FALSE },
		{ 20, 0.20, 0.25, SAMPLES, SAMPLES / 10, 1, FALSE, FALSE },
		{ 20, 0.50, 0.55, SAMPLES / 3, SAMPLES, 1, FALSE, FALSE },
	};
	Rates r = { 0, 0, 0 };
	int i;

	/* of a thousand, 95 % are 95 +-1.4: eight thousand, +-0.5 */
	for (i = 0; i < 8; i++)
		r.covered += rates_of(&cases[_i], (guint32)(_i * 10 + i +
							    201)).covered / 8;
	ck_assert_msg(r.covered >= 94 && r.covered <= 96,
		      "case %d: %.2f %%", _i, r.covered);
}
END_TEST

/* What one run each would call a change is none when runs differ as much. */
START_TEST(noise_between_runs_is_seen)
{
	static const Case once = { 20, 0.3, 0.3, SAMPLES, SAMPLES, 1, FALSE,
				   TRUE };
	static const Case thrice = { 20, 0.3, 0.3, SAMPLES, SAMPLES, 3, FALSE,
				     TRUE };

	ck_assert_double_gt(rates_of(&once, 301).any, 30);
	ck_assert_double_le(rates_of(&thrice, 302).any, 5);
}
END_TEST

/* --- rows ------------------------------------------------------------------------ */

static Diff *of_profiles(CalltreeBy by, gboolean total)
{
	CalltreeOptions o = { .flat = TRUE, .by = by };
	Diff *d = diff_new(2);
	guint side;

	d->total = total;
	for (side = 0; side < DIFF_SIDES; side++) {
		g_autoptr(Profile) p = sample_profile_new(side ? "play" :
							  "work");
		g_autoptr(Calltree) t = NULL;

		profile_at(p->processes, ProfileProcess, 0)->pid += (gint32)side;
		o.type = p->default_type;
		t = calltree_new(p, &o);
		diff_add_calltree(d, (DiffSide)side, t, by, 2);
	}
	diff_test(d);
	return d;
}

START_TEST(rows_are_matched_by_name)
{
	g_autoptr(Diff) d = of_profiles(CALLTREE_BY_FUNCTION, TRUE);
	const DiffRow *row = row_named(d, "work");

	ck_assert_uint_eq(d->rows->len, 6);
	ck_assert_double_eq_tol(row->before, 0.9, 1e-9);
	ck_assert_double_eq(row->after, 0);
	ck_assert_double_eq_tol(row->change, -0.9, 1e-9);
	/* it was in all that was sampled: there is no more to lose */
	ck_assert_double_eq_tol(row->low, row->change, 1e-9);
	ck_assert_double_gt(row->high, row->change);
	/* 9 of 9 samples, then none: a change even so */
	ck_assert(row->significant);
	ck_assert(row_named(d, "play")->significant);
	row = row_named(d, "memcpy");
	ck_assert_double_eq(row->change, 0);
	ck_assert(!row->significant);
	ck_assert(row->tested);
	ck_assert(!row_named(d, PROFILE_NOT_SAMPLED)->tested);
}
END_TEST

/* main is in every sample; that less was not sampled is no news of it. */
static void add_row(Diff *d, const char *name, const char *module,
		    const char *file)
{
	const DiffRow row = { .name = name, .module = module, .file = file };
	const DiffSum sum = { 50 * PERIOD, 50 * PERIOD * PERIOD };

	diff_add(d, &row, &sum);
}

/* One side has debug information, the other only names. */
START_TEST(functions_without_a_place_are_the_same_ones)
{
	g_autoptr(Diff) d = diff_new(2);
	const DiffSum all = { 200 * PERIOD, 200 * PERIOD * PERIOD };
	g_autoptr(GPtrArray) rows = NULL;

	diff_add_run(d, DIFF_BEFORE, &all, 1);
	add_row(d, "work", "/lib/libx.so", "");
	add_row(d, "other", "/lib/liby.so", "");
	add_row(d, "twice", "/lib/libx.so", "");
	add_row(d, "both", "/lib/libx.so", "");
	add_row(d, "both", "/lib/libx.so", "/src/both.c");
	diff_add_run(d, DIFF_AFTER, &all, 1);
	add_row(d, "work", "/opt/libx.so", "/src/work.c");
	add_row(d, "other", "/lib/libx.so", "/src/other.c");
	add_row(d, "twice", "/lib/libx.so", "/src/one.c");
	add_row(d, "twice", "/lib/libx.so", "/src/two.c");
	diff_test(d);
	rows = diff_sorted(d, DIFF_BY_NAME, NULL);
	/* both, both; other, other; twice * 3; work */
	ck_assert_uint_eq(rows->len, 8);
	ck_assert_str_eq(((DiffRow *)rows->pdata[7])->name, "work");
	ck_assert_str_eq(((DiffRow *)rows->pdata[7])->file, "/src/work.c");
	ck_assert_double_eq(((DiffRow *)rows->pdata[7])->change, 0);
}
END_TEST

START_TEST(time_without_samples_is_no_change)
{
	static const DiffSum all = { 1000e7, 990e14 };
	static const double missing[] = { 1e9, 1e8 };
	g_autoptr(Diff) d = diff_new(2);
	const DiffRow *row;
	int side;

	for (side = 0; side < DIFF_SIDES; side++) {
		DiffSum sampled = { all.value - missing[side], all.square };
		DiffSum rest = { missing[side], 0 };
		DiffSum half = { sampled.value / 2, sampled.square / 2 };

		diff_add_run(d, (DiffSide)side, &all, 10)->unsampled =
			missing[side];
		diff_add(d, &(DiffRow){ .name = "main" }, &sampled);
		diff_add(d, &(DiffRow){ .name = "half" }, &half);
		diff_add(d, &(DiffRow){ .name = PROFILE_NOT_SAMPLED }, &rest);
	}
	diff_test(d);
	row = row_named(d, "main");
	ck_assert_double_eq_tol(row->change, 0.09, 1e-9);
	ck_assert(!row->significant);
	row = row_named(d, "half");
	ck_assert_double_eq_tol(row->before, 0.45, 1e-9);
	ck_assert_double_eq_tol(row->p, 1, 1e-9);
	row = row_named(d, PROFILE_NOT_SAMPLED);
	ck_assert_double_eq_tol(row->change, -0.09, 1e-9);
	ck_assert(!row->tested);
	ck_assert_uint_eq(d->significant, 0);
}
END_TEST

START_TEST(processes_have_no_number)
{
	g_autoptr(Diff) d = of_profiles(CALLTREE_BY_PROCESS, TRUE);

	ck_assert_uint_eq(d->rows->len, 1);
	ck_assert_ptr_nonnull(row_named(d, "prog"));
}
END_TEST

START_TEST(absolute_is_in_cpus)
{
	static const DiffSum all = { 2e9, 2e16 }, part = { 1e9, 1e16 };
	static const DiffRow name = { .name = "f" };
	g_autoptr(Diff) d = diff_new(2);
	const DiffRow *row;

	diff_add_run(d, DIFF_BEFORE, &all, 4);
	diff_add(d, &name, &part);
	diff_add_run(d, DIFF_AFTER, &all, 2);
	diff_add(d, &name, &part);
	diff_test(d);
	row = row_named(d, "f");
	ck_assert_double_eq(row->change, 0);
	d->absolute = TRUE;
	diff_test(d);
	ck_assert_double_eq_tol(row->before, 0.25, 1e-12);
	ck_assert_double_eq_tol(row->after, 0.5, 1e-12);
	ck_assert(row->significant);
}
END_TEST

static char *order(const Diff *d, DiffSort sort, const char *filter)
{
	g_autoptr(GRegex) regex = filter ? g_regex_new(filter, 0, 0, NULL) :
					   NULL;
	g_autoptr(GPtrArray) rows = diff_sorted(d, sort, regex);
	GString *text = g_string_new(NULL);
	guint i;

	for (i = 0; i < rows->len; i++)
		g_string_append_printf(text, "%s ", ((const DiffRow *)
						     rows->pdata[i])->name);
	return g_string_free(text, FALSE);
}

/* a: 50 -> 40 %, b: 30 -> 30 %, c: 20 -> 30 % of `n` samples. */
static Diff *three(double n)
{
	static const double shares[][3] = { { 0.5, 0.3, 0.2 },
					    { 0.4, 0.3, 0.3 } };
	static const char *const called[] = { "a", "b", "c" };
	Diff *d = diff_new(2);
	guint side, i;

	for (side = 0; side < DIFF_SIDES; side++) {
		diff_add_run(d, (DiffSide)side, &(DiffSum){ n, n }, 1);
		for (i = 0; i < 3; i++)
			diff_add(d, &(DiffRow){ .name = called[i] },
				 &(DiffSum){ n * shares[side][i],
					     n * shares[side][i] });
	}
	diff_test(d);
	return d;
}

START_TEST(rows_are_sorted_and_limits_found)
{
	g_autoptr(Diff) many = three(10000), few = three(20);
	g_autoptr(GPtrArray) all = diff_sorted(many, DIFF_BY_CHANGE, NULL);
	g_autoptr(GPtrArray) none = diff_sorted(few, DIFF_BY_CHANGE, NULL);
	g_autoptr(GRegex) only_a = g_regex_new("a", 0, 0, NULL);
	g_autoptr(GPtrArray) a = diff_sorted(many, DIFF_BY_CHANGE, only_a);
	g_autofree char *change = order(many, DIFF_BY_CHANGE, NULL);
	g_autofree char *growth = order(many, DIFF_BY_GROWTH, NULL);
	g_autofree char *name = order(many, DIFF_BY_NAME, "[bc]");

	ck_assert_str_eq(growth, "c b a ");
	ck_assert_str_eq(name, "b c ");
	ck_assert(g_str_has_suffix(change, "b "));
	ck_assert_uint_eq(many->significant, 2);
	ck_assert(diff_exceeds(all, 0.09, FALSE));
	ck_assert(diff_exceeds(all, 0.09, TRUE));
	ck_assert(!diff_exceeds(all, 0.11, FALSE));
	ck_assert(diff_exceeds(a, 0.09, FALSE));
	ck_assert(!diff_exceeds(a, 0.09, TRUE));
	ck_assert(!diff_exceeds(none, 0.05, FALSE));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("diff");
	TCase *tcase = tcase_create("all");

	name_functions();
	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, rows_are_matched_by_name);
	tcase_add_test(tcase,
		functions_without_a_place_are_the_same_ones);
	tcase_add_test(tcase, time_without_samples_is_no_change);
	tcase_add_test(tcase, processes_have_no_number);
	tcase_add_test(tcase, absolute_is_in_cpus);
	tcase_add_test(tcase, rows_are_sorted_and_limits_found);
	if (RUNNER_SIMULATES) {
		tcase_add_loop_test(tcase, no_change_is_seldom_one, 0, 9);
		tcase_add_loop_test(tcase, five_points_are_found, 0, 9);
		tcase_add_loop_test(tcase, bars_of_a_change_cover_95_percent,
				    0, 4);
	}
	tcase_add_test(tcase, noise_between_runs_is_seen);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
