/* SPDX-License-Identifier: MIT */
/*
 * csv: comma-separated values as RFC 4180 has them, for spreadsheets and
 * scripts. A row is written cell by cell and ended.
 */
#ifndef PROFAGENT_TOOLS_CSV_H
#define PROFAGENT_TOOLS_CSV_H

#include <glib.h>

typedef struct {
	GString *text;			/* not owned */
	gboolean follows;		/* a comma before the next cell */
} Csv;

/* Appends to `text`, which outlives it. */
void csv_init(Csv *csv, GString *text);

/* Quoted where that is needed. What is no UTF-8 becomes U+FFFD. */
void csv_text(Csv *csv, const char *s);
void csv_int(Csv *csv, guint64 n);
void csv_double(Csv *csv, double x);	/* six digits */
void csv_end_row(Csv *csv);

/* A first row of titles; ended by NULL. */
void csv_titles(Csv *csv, const char *const *titles);

#endif
