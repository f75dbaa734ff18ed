/* SPDX-License-Identifier: MIT */
/*
 * diff-print: a difference as a table or as JSON. Members of the JSON are only
 * ever added: scripts rely on them (profagent-diff(1), "JSON").
 */
#include "tools/compare.h"
#include "tools/diff.h"
#include "tools/json-out.h"
#include "tools/text.h"

static const char *const side_names[] = { "before", "after" };

/* --- text ------------------------------------------------------------------- */

static void print_side(const Diff *d, DiffSide side, FILE *to)
{
	g_autofree char *cpu = NULL, *wall = NULL, *path = NULL;
	double value = 0, seconds = 0;
	guint64 samples = 0;
	guint i;

	for (i = 0; i < d->run->len; i++) {
		const DiffRun *run = d->run->pdata[i];

		if (run->side != side)
			continue;
		if (!path)
			path = text_escape(run->path ? run->path : "");
		value += run->all.value;
		seconds += run->seconds;
		samples += run->samples;
	}
	cpu = text_time(value);
	wall = text_time(seconds * 1e9);
	fprintf(to, "%-7s %s", side_names[side], path);
	if (d->runs[side] > 1)
		fprintf(to, " and %u more runs", d->runs[side] - 1);
	fprintf(to, ": %" G_GUINT64_FORMAT " samples in %s\n", samples, wall);
}

/* What was tested, how, and what it does not know. */
static void print_tests(const Diff *d, FILE *to)
{
	gboolean repeated = d->run->len > 2;

	fprintf(to, "changed %u of %u, marked *: at a chance of 5 %% for one "
		"false mark among all\n        (%s%s, Holm's correction)\n",
		d->significant, d->tested,
		d->absolute ? "exact test of rates" : "Fisher's exact test",
		repeated ? " and Welch's t between runs" : "");
	if (!repeated)
		fputs("        One run each: how runs differ from each other "
		      "is not in the error bars.\n", to);
	fputc('\n', to);
}

static char *p_text(const DiffRow *row)
{
	if (!row->tested)
		return g_strdup("");
	return row->adjusted < 1e-4 ? g_strdup("<.0001") :
	       g_strdup_printf("%.4f", row->adjusted);
}

static char *change_text(const DiffRow *row)
{
	if (!row->tested)
		return g_strdup_printf("%+.2f", 100 * row->change);
	return g_strdup_printf("%+.2f ±%.2f", 100 * row->change,
			       100 * row->error);
}

static void add_row(TextTable *t, const DiffRow *row)
{
	const char *color = !row->significant ? NULL :
			    row->change > 0 ? text_share_color(1) :
					      text_share_color(0.2);

	text_table_row(t);
	text_table_cell(t, g_strdup(row->significant ? "*" : ""), color);
	text_table_cell(t, g_strdup_printf("%.2f", 100 * row->before), NULL);
	text_table_cell(t, g_strdup_printf("%.2f", 100 * row->after), NULL);
	text_table_cell(t, change_text(row), color);
	text_table_cell(t, p_text(row), NULL);
	text_table_cell(t, text_escape(row->name), NULL);
	text_table_cell(t, text_escape(row->place), text_dim);
}

void diff_print(const Diff *d, const GPtrArray *rows, guint limit,
		const char *const titles[2], FILE *to)
{
	const TextColumn columns[] = {
		{ "", FALSE, 0, 0 }, { "before %", TRUE, 0, 2 },
		{ "after %", TRUE, 0, 3 }, { "change", TRUE, 0, 0 },
		{ "p", TRUE, 0, 1 }, { titles[0], FALSE, 16, 0 },
		{ titles[1], FALSE, 15, 4 },
	};
	g_autoptr(TextTable) t = text_table_new(columns,
						G_N_ELEMENTS(columns));
	guint n = limit ? MIN(limit, rows->len) : rows->len, i;

	print_side(d, DIFF_BEFORE, to);
	print_side(d, DIFF_AFTER, to);
	print_tests(d, to);
	for (i = 0; i < n; i++)
		add_row(t, rows->pdata[i]);
	text_table_print(t, to);
	if (rows->len == 0)
		fputs("(no name matches)\n", to);
	if (n < rows->len)
		fprintf(to, "(%u more; --limit 0 shows all)\n", rows->len - n);
}

/* --- JSON -------------------------------------------------------------------- */

static void json_text(JsonOut *out, const char *key, const char *text)
{
	json_out_key(out, key);
	json_out_string(out, text);
}

static void json_double(JsonOut *out, const char *key, double x)
{
	json_out_key(out, key);
	json_out_double(out, x);
}

static void json_bool(JsonOut *out, const char *key, gboolean b)
{
	json_out_key(out, key);
	json_out_bool(out, b);
}

static void json_runs(const Diff *d, JsonOut *out, DiffSide side)
{
	guint i;

	json_out_key(out, side_names[side]);
	json_out_open(out, '[');
	for (i = 0; i < d->run->len; i++) {
		const DiffRun *run = d->run->pdata[i];

		if (run->side != side)
			continue;
		json_out_open(out, '{');
		json_text(out, "path", run->path);
		json_double(out, "total", run->all.value);
		json_double(out, "seconds", run->seconds);
		json_out_key(out, "samples");
		json_out_int(out, (gint64)run->samples);
		json_out_close(out, '}');
	}
	json_out_close(out, ']');
}

static void json_row(JsonOut *out, const DiffRow *row)
{
	json_out_open(out, '{');
	json_text(out, "name", row->name);
	json_text(out, "file", row->file);
	json_out_key(out, "line");
	json_out_int(out, row->line);
	json_text(out, "module", row->module);
	json_text(out, "place", row->place);
	json_double(out, "before_percent", 100 * row->before);
	json_double(out, "after_percent", 100 * row->after);
	json_double(out, "change", 100 * row->change);
	json_double(out, "change_error", 100 * row->error);
	json_double(out, "change_low", 100 * row->low);
	json_double(out, "change_high", 100 * row->high);
	json_double(out, "p", row->p);
	json_double(out, "p_adjusted", row->adjusted);
	json_bool(out, "tested", row->tested);
	json_bool(out, "significant", row->significant);
	json_out_close(out, '}');
}

void diff_print_json(const Diff *d, const GPtrArray *rows, guint limit,
		     FILE *to)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint n = limit ? MIN(limit, rows->len) : rows->len, i;
	JsonOut out;

	json_out_init(&out, text);
	json_out_open(&out, '{');
	json_text(&out, "measure", d->total ? "total" : "self");
	json_bool(&out, "absolute", d->absolute);
	json_double(&out, "level", DIFF_LEVEL);
	json_runs(d, &out, DIFF_BEFORE);
	json_runs(d, &out, DIFF_AFTER);
	json_out_key(&out, "tested");
	json_out_int(&out, d->tested);
	json_out_key(&out, "significant");
	json_out_int(&out, d->significant);
	json_out_key(&out, "rows");
	json_out_open(&out, '[');
	for (i = 0; i < n; i++)
		json_row(&out, rows->pdata[i]);
	json_out_close(&out, ']');
	json_out_close(&out, '}');
	fwrite(text->str, 1, text->len, to);
	fputc('\n', to);
}
