/* SPDX-License-Identifier: MIT */
/*
 * text: what goes to a terminal or a pipe: escaped names, widths, colours,
 * numbers with units, tables.
 *
 * Strings are UTF-8. Names come from files that anybody may have made, so
 * nothing of them reaches a terminal but through text_escape().
 */
#ifndef PROFAGENT_TOOLS_TEXT_H
#define PROFAGENT_TOOLS_TEXT_H

#include <glib.h>
#include <stdio.h>

/*
 * A copy in which control characters, and those that change the direction of
 * writing, are visible: "\x1b", "\u202e". g_free() it.
 */
char *text_escape(const char *s);

/* Whether it is one of those. */
gboolean text_is_unsafe(gunichar c);

/* Columns it takes on a terminal. */
guint text_columns(const char *s);

/* A copy of at most `columns` (>= 1); if cut, the middle becomes "...". */
char *text_fit(const char *s, guint columns);

/* Whether `f` is a terminal, and its width in columns (0: none, no limit). */
gboolean text_is_terminal(FILE *f);
guint text_width(FILE *f);

/* A terminal, NO_COLOR is unset or empty, and TERM is not "dumb". */
gboolean text_has_color(FILE *f);

/*
 * From here on standard output goes through $PAGER (less), if it is a terminal;
 * for the functions above it stays the terminal that it is. text_page_end()
 * waits until whoever reads it is done.
 */
void text_page_begin(void);
void text_page_end(void);

/*
 * Colours by share: above 0.9, 0.7, 0.3 and 0.1. Escape sequence, "" for
 * none; text_plain ends it.
 */
const char *text_share_color(double share);
extern const char text_plain[], text_bold[], text_dim[];

/* "950 ns", "12.3 ms", "4.50 s", "2m03s", "3h05m". g_free() it. */
char *text_time(double ns);

/* A value of a sample type by its unit: time, bytes ("1.5 MiB"), or a number. */
char *text_value(double value, const char *unit);

/* Of something a second: "0.5", "99", "172.3", "10000". */
char *text_rate(double hz);

/* "1187", "12.3k", "4.56M". */
char *text_count(double n);

/* --- tables ---------------------------------------------------------------- */

typedef struct {
	const char *title;
	gboolean right;			/* aligned */
	guint shrinks;			/* > 0: may be cut down to so many columns
					 * where a terminal is too narrow */
	guint drops;			/* > 0: is left out where that is not
					 * enough, the greatest first */
} TextColumn;

typedef struct _TextTable TextTable;

TextTable *text_table_new(const TextColumn *columns, guint count);
void text_table_free(TextTable *t);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TextTable, text_table_free)

/* Adds a cell to the last row; takes `text` over. `color` "" or NULL: none. */
void text_table_row(TextTable *t);
void text_table_cell(TextTable *t, char *text, const char *color);

/* Writes all rows below their titles. */
void text_table_print(const TextTable *t, FILE *to);

#endif
