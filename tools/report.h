/* SPDX-License-Identifier: MIT */
/*
 * report: a call tree as people and scripts want to read it: a flat table, a
 * tree, folded stacks, JSON.
 */
#ifndef PROFAGENT_TOOLS_REPORT_H
#define PROFAGENT_TOOLS_REPORT_H

#include <stdio.h>

#include "tools/calltree.h"
#include "tools/health.h"
#include "tools/stats.h"

typedef enum { REPORT_BY_SELF, REPORT_BY_TOTAL, REPORT_BY_NAME } ReportSort;

typedef struct {
	Profile *profile;
	const CalltreeOptions *options;
	const Calltree *tree;
	const Health *health;
	ReportSort sort;
	GRegex *filter;			/* rows by name, NULL: all; of a tree
					 * those it begins with */
	guint limit;			/* rows, 0: all */
	double min_percent;		/* rows by total */
	gboolean with_tree;		/* JSON: the tree as well */
	gboolean with_timeline;		/* JSON: the timeline as well */
	guint64 interval_ns;		/* of the timeline, 0: by itself */
} Report;

/* Rows that pass filter and min_percent, sorted: indices of items. */
GArray *report_rows(const Report *r);

/* What 100 % is: value, and sum of squared weights. */
double report_whole(const Report *r);

/* "42.1 ±1.9", per cent. g_free() it. */
char *report_share(const StatsShare *s);

/* Whose profile it is: "nginx (3 processes), redis-server (42):
 * 4 processes". g_free() it. */
char *report_programs(const Profile *p);

/* Who and how long: a line or two, and the health line below. */
void report_print_head(const Report *r, FILE *to);
void report_print_flat(const Report *r, FILE *to);

/* The profile's time in pieces: how busy it was, and with what. */
void report_print_timeline(const Report *r, FILE *to);
void report_print_tree(const Report *r, FILE *to);

/* "main;work;inner 1234" a line, root first; the value in the type's unit. */
void report_print_folded(const Report *r, FILE *to);

/*
 * The flat table as comma-separated values: name, module, file, line, own and all
 * in the type's unit and in per cent, samples.
 */
void report_print_csv(const Report *r, FILE *to);

/* One object; its members are in profagent-report(1). */
void report_print_json(const Report *r, FILE *to);

#endif
