/* SPDX-License-Identifier: MIT */
/* top: see top.h. */
#include "tools/top.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/control-stream.h"
#include "tools/period.h"
#include "tools/symbols.h"
#include "tools/text.h"
#include "tools/viewer-format.h"

static const struct {
	const char *title;
	guint width;
	gboolean right;
	gboolean wide;	/* left out where there is little room */
} columns[TOP_COLUMNS] = {
	[TOP_PID] = { "PID", 7, TRUE },
	[TOP_PROGRAM] = { "PROGRAM", 16, FALSE },
	[TOP_STATE] = { "STATE", 8, FALSE },
	[TOP_CPU] = { "CPU%", 6, TRUE },
	[TOP_THREADS] = { "THREADS", 7, TRUE, TRUE },
	[TOP_RATE] = { "RATE", 8, TRUE, TRUE },
	[TOP_SAMPLES] = { "SAMPLES", 7, TRUE, TRUE },
	[TOP_LOST] = { "LOST", 6, TRUE },
	[TOP_COST] = { "COST%", 6, TRUE },
	[TOP_HOTTEST] = { "HOTTEST", 40, FALSE },
};

const char *top_title(TopColumn column)
{
	return columns[column].title;
}

gboolean top_is_right(TopColumn column)
{
	return columns[column].right;
}

guint top_width(TopColumn column)
{
	return columns[column].width;
}

gboolean top_has_room(TopColumn column, guint screen)
{
	guint all = 0, i;

	for (i = 0; i < TOP_COLUMNS; i++)
		all += columns[i].width + 1;
	return !columns[column].wide || all <= screen + 1;
}

/* --- a look ------------------------------------------------------------------ */

/* Fields 14 and 15, in clock ticks (proc(5)); the second may have blanks. */
guint64 top_cpu_ns(const char *stat)
{
	const char *end = strrchr(stat, ')');
	unsigned long long user, system;

	if (!end || sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
			   "%*u %llu %llu", &user, &system) != 2)
		return 0;
	return (user + system) * (G_GUINT64_CONSTANT(1000000000) /
				  (guint64)sysconf(_SC_CLK_TCK));
}

static guint64 read_cpu_ns(gint32 pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
	g_autofree char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	return top_cpu_ns(text);
}

static void row_free(gpointer data)
{
	TopRow *r = data;

	g_free(r->program);
	g_free(r->state);
	g_free(r->hottest);
	g_free(r);
}

void top_ask_hottest(const GPtrArray *targets)
{
	guint i;

	for (i = 0; i < targets->len; i++) {
		const Target *t = targets->pdata[i];
		g_autoptr(JsonObject) answer = NULL;
		g_autofree char *function = NULL;

		if (t->client && t->status)
			answer = client_ask(t->client, "hottest", NULL);
		if (!answer)
			continue;	/* gone, or an older agent */
		function = symbols_demangle(
			control_stream_text(answer, "name"), FALSE);
		json_object_set_string_member(t->status, "hottest", function);
		json_object_set_int_member(t->status, "hottest_permille",
			control_stream_number(answer, "permille"));
	}
}

static double number(const Target *t, const char *name)
{
	return t->status ? (double)control_stream_number(t->status, name) : 0;
}

static const TopRow *find(const GPtrArray *rows, gint32 pid)
{
	guint i;

	for (i = 0; rows && i < rows->len; i++)
		if (((const TopRow *)rows->pdata[i])->pid == pid)
			return rows->pdata[i];
	return NULL;
}

static double share(guint64 now, guint64 before, gint64 passed_us)
{
	if (passed_us <= 0 || now < before)
		return -1;
	return (double)(now - before) / ((double)passed_us * 1e3);
}

static TopRow *make_row(const Target *t, const GPtrArray *rows, gint64 now_us)
{
	const TopRow *before = find(rows, t->pid);
	double period = number(t, "period_ns");
	TopRow *r = g_new0(TopRow, 1);

	r->pid = t->pid;
	r->program = g_strdup(target_program(t));
	r->state = g_strdup(t->status ? control_stream_text(t->status, "state")
				      : "no answer");
	r->hottest = g_strdup(t->status ? control_stream_text(t->status,
							      "hottest") : "");
	r->cpu_ns = read_cpu_ns(t->pid);
	r->own_ns = (guint64)(number(t, "handler_ns") +
			      number(t, "flusher_cpu_ns"));
	r->at_us = now_us;
	r->value[TOP_PID] = t->pid;
	r->value[TOP_CPU] = r->value[TOP_COST] = -1;
	if (before) {
		gint64 passed = now_us - before->at_us;

		r->value[TOP_CPU] = share(r->cpu_ns, before->cpu_ns, passed);
		r->value[TOP_COST] = share(r->own_ns, before->own_ns, passed);
	}
	r->value[TOP_THREADS] = number(t, "threads");
	r->value[TOP_RATE] = period > 0 ? 1e9 / period : 0;
	r->value[TOP_SAMPLES] = number(t, "samples");
	r->value[TOP_LOST] = number(t, "lost");
	r->value[TOP_HOTTEST] = number(t, "hottest_permille") / 1000;
	return r;
}

GPtrArray *top_rows(const GPtrArray *targets, const GPtrArray *before,
		    gint64 now_us)
{
	GPtrArray *rows = g_ptr_array_new_with_free_func(row_free);
	guint i;

	for (i = 0; i < targets->len; i++)
		g_ptr_array_add(rows, make_row(targets->pdata[i], before,
					       now_us));
	return rows;
}

/* --- order ------------------------------------------------------------------- */

typedef struct {
	TopColumn by;
	gboolean reverse;
} Order;

static gint compare(gconstpointer a, gconstpointer b, gpointer data)
{
	const Order *o = data;
	const TopRow *x = *(TopRow *const *)a, *y = *(TopRow *const *)b;
	gint result = 0;

	if (o->by == TOP_PROGRAM)
		result = strcmp(x->program, y->program);
	else if (o->by == TOP_STATE)
		result = strcmp(x->state, y->state);
	else if (o->by == TOP_HOTTEST)
		result = strcmp(x->hottest, y->hottest);
	else if (x->value[o->by] != y->value[o->by])
		result = x->value[o->by] > y->value[o->by] ? -1 : 1;
	if (result == 0)
		return x->pid < y->pid ? -1 : x->pid > y->pid;
	return o->reverse ? -result : result;
}

void top_sort(GPtrArray *rows, TopColumn by, gboolean reverse)
{
	Order o = { by, reverse };

	g_ptr_array_sort_with_data(rows, compare, &o);
}

/* --- text -------------------------------------------------------------------- */

/* "62% name" */
static char *hottest_text(const TopRow *row)
{
	g_autofree char *safe = text_escape(row->hottest);

	if (row->value[TOP_HOTTEST] <= 0)
		return g_strdup("-");
	return g_strdup_printf("%.0f%% %s", row->value[TOP_HOTTEST] * 100,
			       safe);
}

char *top_text(const TopRow *row, TopColumn column)
{
	char text[VIEWER_FORMAT_SIZE];
	double value = row->value[column];

	switch (column) {
	case TOP_PID:
		return g_strdup_printf("%d", row->pid);
	case TOP_PROGRAM:
		return text_escape(row->program);
	case TOP_STATE:
		return text_escape(row->state);
	case TOP_HOTTEST:
		return hottest_text(row);
	case TOP_RATE:
		return value > 0 ? period_rate((guint64)(1e9 / value + 0.5))
				 : g_strdup("-");
	case TOP_CPU:
	case TOP_COST:
		if (value < 0)
			return g_strdup("-");
		viewer_format_percent(text, value);
		return g_strdup(text);
	default:
		viewer_format_int(text, value);
		return g_strdup(text);
	}
}
