/* SPDX-License-Identifier: MIT */
/* viewer-spans: see viewer-spans.h. */
#include "tools/viewer-spans.h"

#include "tools/screen.h"
#include "tools/span-list.h"
#include "tools/text.h"
#include "tools/viewer-format.h"
#include "tools/viewer-table.h"

#define NUMBER_WIDTH 6u
#define NAME_LEAST 16u		/* columns; numbers are left out for it */

static double value_of(const ProfileSpan *s, guint column)
{
	static const double shares[] = { 0.5, 0.95, 0.99 };

	switch (column) {
	case 0:
		return (double)s->count;
	case 1:
		return (double)s->sum_ns;
	case 2:
		return (double)span_list_mean(s);
	case 6:
		return (double)s->max_ns;
	default:
		return (double)span_list_quantile(s, shares[column - 3]);
	}
}

static const char *const titles[] = {
	"CALLS", "DEEP", "/CALL", "P50", "P95", "P99", "MAX",
};

/* Those on the right that do not fit are left out. */
static guint count_columns(void)
{
	guint n = G_N_ELEMENTS(titles);

	while (n > 0 && n * (NUMBER_WIDTH + 1) + NAME_LEAST > screen_columns())
		n--;
	return n;
}

static guint name_width(guint columns)
{
	guint numbers = columns * (NUMBER_WIDTH + 1);

	return screen_columns() > numbers ? screen_columns() - numbers : 0;
}

static void put_right(guint line, guint at, const char *text, guint style)
{
	guint columns = MIN(text_columns(text), NUMBER_WIDTH);

	screen_put(line, at + 1 + NUMBER_WIDTH - columns, columns, text,
		   style);
}

static void draw_titles(guint line, guint columns, guint style)
{
	guint at = name_width(columns), i;

	screen_put(line, 0, screen_columns(), "SPAN", style);
	for (i = 0; i < columns; i++, at += NUMBER_WIDTH + 1)
		/* they are in the order of the time in all */
		put_right(line, at, titles[i], style |
			  (i == 1 ? SCREEN_UNDERLINE | SCREEN_BOLD : 0));
}

static void draw_row(guint line, guint columns, const ProfileSpan *s)
{
	g_autofree char *name = text_escape(s->name);
	guint at = name_width(columns), i;
	char number[VIEWER_FORMAT_SIZE];

	screen_put(line, 0, MIN(text_columns(name), at), name, SCREEN_PLAIN);
	for (i = 0; i < columns; i++, at += NUMBER_WIDTH + 1) {
		double value = value_of(s, i);

		if (i == 0)
			viewer_format_int(number, value);
		else
			viewer_format_time(number, value);
		put_right(line, at, number, i == 0 ? SCREEN_PLAIN :
			  viewer_table_style(viewer_grade_time(value)));
	}
}

void viewer_spans_draw(const Profile *p, guint line, guint rows, guint style,
		       guint *top)
{
	g_autoptr(SpanList) list = span_list_new();
	g_autoptr(GPtrArray) spans = NULL;
	guint columns = count_columns(), i;

	if (p)
		span_list_add(list, p);
	spans = span_list_rows(list);
	draw_titles(line, columns, style);
	*top = MIN(*top, spans->len > rows ? spans->len - rows : 0);
	for (i = 0; i < rows && *top + i < spans->len; i++)
		draw_row(line + 1 + i, columns, spans->pdata[*top + i]);
	if (spans->len == 0 && rows > 1)
		screen_put(line + 2, 2, MAX(screen_columns(), 3) - 2,
			   "the program counts no spans: see profagent(3)",
			   SCREEN_WEAK);
}
