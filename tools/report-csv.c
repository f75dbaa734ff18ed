/* SPDX-License-Identifier: MIT */
/* report-csv: the flat table for spreadsheets. */
#include "tools/csv.h"
#include "tools/report.h"

static double percent(const Report *r, gint64 value)
{
	double whole = report_whole(r);

	return whole > 0 ? 100 * (double)value / whole : 0;
}

static void put_row(const Report *r, Csv *csv, const CalltreeItem *item)
{
	csv_text(csv, profile_text(r->profile, item->name));
	csv_text(csv, profile_text(r->profile, item->module));
	csv_text(csv, profile_text(r->profile, item->file));
	csv_int(csv, item->line > 0 ? (guint64)item->line : 0);
	csv_int(csv, item->self > 0 ? (guint64)item->self : 0);
	csv_double(csv, percent(r, item->self));
	csv_int(csv, item->total > 0 ? (guint64)item->total : 0);
	csv_double(csv, percent(r, item->total));
	csv_int(csv, (guint64)item->self_count);
	csv_int(csv, (guint64)item->total_count);
	csv_end_row(csv);
}

void report_print_csv(const Report *r, FILE *to)
{
	static const char *const titles[] = {
		"name", "module", "file", "line", "self", "self_percent",
		"total", "total_percent", "self_samples", "total_samples",
		NULL
	};
	g_autoptr(GArray) rows = report_rows(r);
	g_autoptr(GString) text = g_string_new(NULL);
	guint n = r->limit ? MIN(r->limit, rows->len) : rows->len, i;
	Csv csv;

	csv_init(&csv, text);
	csv_titles(&csv, titles);
	for (i = 0; i < n; i++)
		put_row(r, &csv, &g_array_index(
			r->tree->items, CalltreeItem,
			g_array_index(rows, guint32, i)));
	fputs(text->str, to);
}
