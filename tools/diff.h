/* SPDX-License-Identifier: MIT */
/*
 * diff: two sets of runs compared, function by function (or line, module, ...).
 *
 * Things of the same name in all runs are one row. A name is what stays the
 * same from build to build: not the directory it was built in, not the name of
 * the program, not the process id. What is compared is the share of all CPU time of a run, or, absolute, the
 * CPU time per second of wall-clock time; the tests are those of
 * tools/compare.h, with a family-wise level of 5 % over all rows.
 *
 * Rows do not get equal parts of that level: the weight of one with a pooled
 * share q of effective samples is (q (1 - q))^1.5, absolute q^1.5. A change of
 * some points is hardest to see where the variance q (1 - q) is largest, and
 * thousands of functions with a sample or two cannot take the level from the few
 * where the time goes. Given q, which the exact tests hold fixed, the weights say
 * nothing of the change (C. Genovese, K. Roeder, L. Wasserman, "False discovery
 * control with p-value weighting", Biometrika 93, 2006, p. 509-524).
 *
 * Time that no sample stands for ([not sampled]) is part of the whole, but known
 * and not drawn: what is tested are shares of the rest. Otherwise main, which is
 * in every sample, would have changed whenever that time did.
 *
 * With repeated runs a change must be more than sampling explains (all runs of a
 * side as one) and more than runs differ from each other: the larger p-value and
 * the wider interval count.
 */
#ifndef PROFAGENT_TOOLS_DIFF_H
#define PROFAGENT_TOOLS_DIFF_H

#include <stdio.h>

#include "tools/calltree.h"

#define DIFF_LEVEL 0.05		/* chance of a false change among all rows */
#define DIFF_RUNS_MAX 1000

typedef enum { DIFF_BEFORE, DIFF_AFTER, DIFF_SIDES } DiffSide;

/* Value in the type's unit, and the sum of the squared weights behind it. */
typedef struct {
	double value, square;
} DiffSum;

typedef struct {
	DiffSide side;
	DiffSum all;			/* 100 % */
	double unsampled;		/* of it, known without samples */
	double seconds;			/* of wall-clock time, 0: unknown */
	guint64 samples;		/* stacks taken, to be told */
	char *path;			/* owned */
} DiffRun;

/* Texts are owned by the Diff; "" for none. */
typedef struct {
	const char *name, *place, *module, *file;
	gint32 line;
	gboolean program;		/* the module is the program itself */
	/* Shares from 0 to 1; absolute: CPUs, that is seconds per second. */
	double before, after, change;
	double low, high, error;	/* of change: 95 % interval, half of it */
	double p, adjusted;		/* adjusted: for all comparisons */
	gboolean tested;		/* there are samples to compare */
	gboolean significant;		/* adjusted <= DIFF_LEVEL */
	DiffSum *sum;			/* per run */
} DiffRow;

typedef struct {
	gboolean absolute, total;	/* set before diff_test() */
	guint runs[DIFF_SIDES];
	GPtrArray *run;			/* DiffRun, owned */
	GPtrArray *rows;		/* DiffRow, owned */
	guint tested, significant;	/* rows */
	guint expected;			/* private: runs to come in all */
	GHashTable *index;		/* private: key -> DiffRow */
	GStringChunk *texts;		/* private */
} Diff;

/* For `runs` runs of both sides together, at most 2 * DIFF_RUNS_MAX. */
Diff *diff_new(guint runs);
void diff_free(Diff *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Diff, diff_free)

/* The next run; the result is owned by `d`. */
DiffRun *diff_add_run(Diff *d, DiffSide side, const DiffSum *all,
		      double seconds);

/* Adds to the row of that name, of the last run. Copies the texts. */
void diff_add(Diff *d, const DiffRow *name, const DiffSum *sum);

/* A run and all its rows: by total if d->total, else by self. */
DiffRun *diff_add_calltree(Diff *d, DiffSide side, const Calltree *t,
			   CalltreeBy by, double seconds);

/* Fills in what rows say, once all runs are there. */
void diff_test(Diff *d);

typedef enum {
	DIFF_BY_CHANGE,			/* the largest first, up or down */
	DIFF_BY_GROWTH,			/* the largest increase first */
	DIFF_BY_P,			/* the most certain first */
	DIFF_BY_NAME,
} DiffSort;

/* Rows whose name matches (NULL: all), sorted. Rows stay owned by `d`. */
GPtrArray *diff_sorted(const Diff *d, DiffSort sort, GRegex *filter);

/* Whether one of `rows` changed significantly by `least` or more: up, or, unless
 * `growth`, down. `least` as in DiffRow.change. */
gboolean diff_exceeds(const GPtrArray *rows, double least, gboolean growth);

/* `limit` rows, 0: all. `titles`: of the last two columns. */
void diff_print(const Diff *d, const GPtrArray *rows, guint limit,
		const char *const titles[2], FILE *to);

/* One object; its members are in profagent-diff(1). */
void diff_print_json(const Diff *d, const GPtrArray *rows, guint limit,
		     FILE *to);

#endif
