/* SPDX-License-Identifier: MIT */
/* viewer-table: see viewer-table.h. */
#include "tools/viewer-table.h"

#include <string.h>

#include "tools/screen.h"
#include "tools/text.h"
#include "tools/viewer-format.h"

#define WITH_TIMES 100	/* columns a screen needs for the times as well */
#define NUMBER 6
#define TIME 7
#define SHARE 4

/* As they stand from left to right. */
static const struct {
	ViewerColumn column;
	gboolean is_time;
} all[] = {
	{ { VIEWER_CELL_FUNCTION, "FUNCTION", 0, 0, FALSE,
	    VIEWER_BY_FUNCTION }, FALSE },
	{ { VIEWER_CELL_OWN, "OWN", 0, NUMBER, TRUE, VIEWER_BY_OWN }, FALSE },
	{ { VIEWER_CELL_OWN_TIME, "TIME", 0, TIME, TRUE, -1 }, TRUE },
	{ { VIEWER_CELL_OWN_SHARE, "%", 0, SHARE, FALSE, -1 }, FALSE },
	{ { VIEWER_CELL_DEEP, "DEEP", 0, NUMBER, TRUE, VIEWER_BY_DEEP },
	  FALSE },
	{ { VIEWER_CELL_DEEP_TIME, "TIME", 0, TIME, TRUE, -1 }, TRUE },
	{ { VIEWER_CELL_DEEP_SHARE, "%", 0, SHARE, FALSE, -1 }, FALSE },
};

void viewer_table_init(ViewerTable *t, guint width, const char *unit)
{
	gboolean times = strcmp(unit, "nanoseconds") == 0;
	guint at = width, i;

	*t = (ViewerTable){ .counts = times };
	for (i = 0; i < G_N_ELEMENTS(all); i++)
		if (!all[i].is_time || (times && width >= WITH_TIMES))
			t->columns[t->count++] = all[i].column;
	for (i = t->count; i-- > 1;) {
		ViewerColumn *c = &t->columns[i];

		at -= MIN(at, c->width);
		c->column = at;
		at -= MIN(at, 1);
	}
	t->columns[0].width = at;
}

/* --- cells ------------------------------------------------------------------- */

guint viewer_table_style(ViewerGrade grade)
{
	static const guint styles[] = {
		[VIEWER_GRADE_NONE] = SCREEN_PLAIN,
		[VIEWER_GRADE_ZERO] = SCREEN_ZERO,
		[VIEWER_GRADE_NOTICE] = SCREEN_NOTICE,
		[VIEWER_GRADE_WARNING] = SCREEN_WARNING,
		[VIEWER_GRADE_CAUTION] = SCREEN_CAUTION,
		[VIEWER_GRADE_DANGER] = SCREEN_DANGER,
		[VIEWER_GRADE_USEC] = SCREEN_ZERO,
		[VIEWER_GRADE_MSEC] = SCREEN_PLAIN,
		[VIEWER_GRADE_SEC] = SCREEN_WARNING,
		[VIEWER_GRADE_MIN] = SCREEN_DANGER,
	};

	return styles[grade];
}

static void put_number(ViewerCell *cell, double n)
{
	viewer_format_int_or_na(cell->text, n);
	cell->style = viewer_table_style(viewer_grade_int(n));
}

static void put_time(ViewerCell *cell, double ns)
{
	viewer_format_time(cell->text, ns);
	cell->style = viewer_table_style(viewer_grade_time(ns));
}

static void put_share(ViewerCell *cell, double part, double base)
{
	double share = base > 0 ? part / base : 0;

	viewer_format_percent(cell->text, share);
	cell->style = viewer_table_style(viewer_grade_percent(share));
}

void viewer_table_cell(const ViewerTable *t, ViewerCellKind kind,
		       const ViewerRow *row, ViewerCell *cell)
{
	switch (kind) {
	case VIEWER_CELL_OWN:
		put_number(cell, t->counts ? row->own_count : row->own);
		break;
	case VIEWER_CELL_OWN_TIME:
		put_time(cell, row->own);
		break;
	case VIEWER_CELL_OWN_SHARE:
		put_share(cell, row->own, row->base);
		break;
	case VIEWER_CELL_DEEP:
		put_number(cell, t->counts ? row->deep_count : row->deep);
		break;
	case VIEWER_CELL_DEEP_TIME:
		put_time(cell, row->deep);
		break;
	case VIEWER_CELL_DEEP_SHARE:
		put_share(cell, row->deep, row->base);
		break;
	default:
		cell->text[0] = '\0';
		cell->style = SCREEN_PLAIN;
	}
}

/* --- the function ------------------------------------------------------------ */

static char *base_name(const char *path)
{
	return path[0] ? g_path_get_basename(path) : g_strdup("");
}

/* What is in the parentheses, "" for nothing. */
static char *place_of(const Calltree *t, const CalltreeItem *item)
{
	g_autofree char *object = base_name(profile_text(t->profile,
							   item->module));
	const char *place = profile_text(t->profile,
					 calltree_place(t, item));

	if (!object[0] || strcmp(object, place) == 0)
		return g_strdup(place);
	if (!place[0])
		return g_steal_pointer(&object);
	return g_strdup_printf("%s:%s", object, place);
}

char *viewer_table_name(const Calltree *t, const CalltreeItem *item,
			char **place)
{
	g_autofree char *raw = place_of(t, item);
	g_autofree char *safe = text_escape(raw);
	const char *name = profile_text(t->profile, item->name);

	*place = NULL;
	if (!name[0])
		return g_steal_pointer(&safe);
	/* unknown code is called by its module: "libx.so+0x12" */
	if (safe[0] && !g_str_has_prefix(name, raw))
		*place = g_strdup_printf("(%s)", safe);
	return text_escape(name);
}

/* Deep rows go no further right than where a third is left for the name. */
guint viewer_table_indent(guint depth, guint width)
{
	return MIN(depth, width / 3 * 2);
}
