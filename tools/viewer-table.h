/* SPDX-License-Identifier: MIT */
/*
 * viewer-table: which columns a screen of some width has, and what is in them.
 * Knows nothing of curses but the names of styles.
 */
#ifndef PROFAGENT_TOOLS_VIEWER_TABLE_H
#define PROFAGENT_TOOLS_VIEWER_TABLE_H

#include "tools/viewer-format.h"
#include "tools/viewer-model.h"

#define VIEWER_TABLE_COLUMNS 7

typedef enum {
	VIEWER_CELL_FUNCTION,
	VIEWER_CELL_OWN, VIEWER_CELL_OWN_TIME, VIEWER_CELL_OWN_SHARE,
	VIEWER_CELL_DEEP, VIEWER_CELL_DEEP_TIME, VIEWER_CELL_DEEP_SHARE,
} ViewerCellKind;

typedef struct {
	ViewerCellKind kind;
	const char *title;
	guint column, width;		/* on the screen */
	gboolean right;			/* aligned */
	gint order;			/* ViewerOrder it sorts by, -1: none */
} ViewerColumn;

typedef struct {
	ViewerColumn columns[VIEWER_TABLE_COLUMNS];
	guint count;
	gboolean counts;		/* OWN and DEEP are samples, not values */
} ViewerTable;

/* For a screen of `width` columns; `unit` is that of the sample type. */
void viewer_table_init(ViewerTable *t, guint width, const char *unit);

/* A number and the style it has. */
typedef struct {
	char text[32];
	guint style;			/* ScreenStyle */
} ViewerCell;

/* The ScreenStyle that shows a grade. */
guint viewer_table_style(ViewerGrade grade);

void viewer_table_cell(const ViewerTable *t, ViewerCellKind kind,
		       const ViewerRow *row, ViewerCell *cell);

/*
 * The name of a row and where it is, "(object:file:line)", safe for a terminal;
 * g_free() both. *place may be NULL.
 */
char *viewer_table_name(const Calltree *t, const CalltreeItem *item,
			char **place);

/* How far a row at `depth` is indented in a column of `width`. */
guint viewer_table_indent(guint depth, guint width);

#endif
