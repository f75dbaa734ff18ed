/* SPDX-License-Identifier: MIT */
/* Rows of spans on screens of all sizes; the screen is an array here. */
#include "tools/viewer-spans.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"
#include "tools/screen.h"

#define LINES 12
#define COLUMNS 200

static char screen[LINES][COLUMNS + 1];
static guint styles[LINES][COLUMNS];
static guint columns, farthest;		/* the latter: of all that was put */

/* In place of those of tools/screen.c. */
guint screen_columns(void)
{
	return columns;
}

void screen_put(guint line, guint column, guint width, const char *text,
		guint style)
{
	guint i;

	ck_assert_uint_lt(line, LINES);
	ck_assert_uint_le(column + width, MAX(columns, 3));
	farthest = MAX(farthest, line);
	for (i = 0; i < width; i++) {
		screen[line][column + i] = *text ? *text++ : ' ';
		styles[line][column + i] = style;
	}
}

static void clear(guint width)
{
	columns = width;
	farthest = 0;
	memset(screen, ' ', sizeof(screen));
	for (guint i = 0; i < LINES; i++)
		screen[i][COLUMNS] = '\0';
}

/* A Profile whose first span took 1 s in all, the next 2 s, ... */
static Profile *spans_new(guint count)
{
	Profile *p = profile_new();
	guint32 at = profile_add_process(p);

	for (guint i = 0; i < count; i++) {
		ProfileSpan span = { .number = i, .count = 10 };

		g_snprintf(span.name, sizeof(span.name), "span-%u", i);
		span.sum_ns = (i + 1) * G_GUINT64_CONSTANT(1000000000);
		span.max_ns = span.sum_ns;
		span.counts[histogram_bucket(span.sum_ns / 20)] = 9;
		span.counts[histogram_bucket(span.sum_ns / 2)] = 1;
		profile_put_span(profile_at(p->processes, ProfileProcess, at),
				 &span);
	}
	return p;
}

/* A line of the screen without the blanks at its end. */
static const char *line(guint i)
{
	return g_strchomp(screen[i]);
}

START_TEST(the_most_time_first)
{
	g_autoptr(Profile) p = spans_new(3);
	guint top = 0;

	clear(80);
	viewer_spans_draw(p, 1, 5, SCREEN_WEAK, &top);
	ck_assert_str_eq(line(1), "SPAN                             "
			 "CALLS   DEEP  /CALL    P50    P95    P99    MAX");
	ck_assert(g_str_has_prefix(line(2), "span-2 "));
	ck_assert(g_str_has_prefix(line(3), "span-1 "));
	ck_assert(g_str_has_prefix(line(4), "span-0 "));
	ck_assert_str_eq(line(4), "span-0                              10 "
			 "1.0sec  100ms   49ms  495ms  495ms 1.0sec");
	ck_assert_uint_eq(farthest, 4);
	/* what they are in the order of is marked */
	ck_assert(styles[1][43] & SCREEN_UNDERLINE);
	ck_assert(!(styles[1][36] & SCREEN_UNDERLINE));
}
END_TEST

START_TEST(on_screens_of_all_widths)
{
	g_autoptr(Profile) p = spans_new(3);

	for (guint width = 0; width <= COLUMNS; width++) {
		guint top = 0;

		clear(width);
		viewer_spans_draw(p, 1, 5, SCREEN_PLAIN, &top);
		if (width >= 23)	/* a name and one column */
			ck_assert(strstr(line(1), "CALLS") != NULL);
		ck_assert(g_str_has_suffix(line(1), "MAX") ==
			  (width >= 16 + 7 * 7));
		if (width >= 6)
			ck_assert(g_str_has_prefix(line(2), "span-2"));
	}
}
END_TEST

START_TEST(on_screens_of_all_heights)
{
	g_autoptr(Profile) p = spans_new(20);

	for (guint rows = 0; rows + 2 < LINES; rows++) {
		guint top = 0;

		clear(80);
		viewer_spans_draw(p, 1, rows, SCREEN_PLAIN, &top);
		ck_assert_uint_eq(farthest, 1 + rows);
		ck_assert_uint_eq(top, 0);
	}
}
END_TEST

START_TEST(rolled)
{
	g_autoptr(Profile) p = spans_new(20);
	guint top = 3;

	clear(80);
	viewer_spans_draw(p, 1, 5, SCREEN_PLAIN, &top);
	ck_assert_uint_eq(top, 3);
	ck_assert(g_str_has_prefix(line(2), "span-16 "));
	/* not beyond the last */
	top = G_MAXUINT;
	clear(80);
	viewer_spans_draw(p, 1, 5, SCREEN_PLAIN, &top);
	ck_assert_uint_eq(top, 15);
	ck_assert(g_str_has_prefix(line(6), "span-0 "));
	ck_assert_uint_eq(farthest, 6);
}
END_TEST

START_TEST(nothing_to_show)
{
	g_autoptr(Profile) p = profile_new();
	guint top = 7;

	clear(80);
	viewer_spans_draw(p, 1, 5, SCREEN_PLAIN, &top);
	ck_assert_str_eq(line(3), "  the program counts no spans: see "
			 "profagent(3)");
	ck_assert_uint_eq(top, 0);
	clear(80);
	viewer_spans_draw(NULL, 1, 5, SCREEN_PLAIN, &top);
	ck_assert(strstr(line(3), "no spans") != NULL);
	clear(80);
	viewer_spans_draw(NULL, 1, 1, SCREEN_PLAIN, &top);
	ck_assert_uint_eq(farthest, 1);
	for (guint width = 0; width < 60; width++) {
		clear(width);
		viewer_spans_draw(NULL, 1, 5, SCREEN_PLAIN, &top);
	}
}
END_TEST

/* Names are of the program: they do not steer the terminal, nor run into what
 * is on their right. */
START_TEST(names_of_all_kinds)
{
	g_autoptr(Profile) p = spans_new(1);
	ProfileProcess *process = profile_at(p->processes, ProfileProcess, 0);
	ProfileSpan *span = profile_at(process->spans, ProfileSpan, 0);
	guint top = 0;

	g_strlcpy(span->name, "a\x1b[31mb\nc", sizeof(span->name));
	clear(80);
	viewer_spans_draw(p, 1, 5, SCREEN_PLAIN, &top);
	ck_assert(g_str_has_prefix(line(2), "a\\x1b[31mb\\x0ac "));
	memset(span->name, 'x', sizeof(span->name) - 1);
	clear(80);
	viewer_spans_draw(p, 1, 5, SCREEN_PLAIN, &top);
	ck_assert_int_eq(strspn(line(2), "x"), 80 - 7 * 7);
	ck_assert(g_str_has_suffix(line(2), " 1.0sec"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("viewer-spans");
	TCase *t = tcase_create("all");

	tcase_add_test(t, the_most_time_first);
	tcase_add_test(t, on_screens_of_all_widths);
	tcase_add_test(t, on_screens_of_all_heights);
	tcase_add_test(t, rolled);
	tcase_add_test(t, nothing_to_show);
	tcase_add_test(t, names_of_all_kinds);
	suite_add_tcase(suite, t);
	return runner_run(suite);
}
