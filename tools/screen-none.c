/* SPDX-License-Identifier: MIT */
/* screen: see screen.h; of a build without ncurses: there never is one. */
#include "tools/screen.h"

gboolean screen_is_possible(void)
{
	return FALSE;
}

gboolean screen_open(GError **error)
{
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
			    "this build of profagent has no terminal viewer");
	return FALSE;
}

void screen_close(void)
{
}

void screen_watch(const ScreenFuncs *funcs, gpointer data)
{
	(void)funcs;
	(void)data;
}

void screen_unwatch(void)
{
}

gint screen_key(void)
{
	return SCREEN_KEY_NONE;
}

ScreenMouse screen_mouse(guint *row, guint *column)
{
	*row = *column = 0;
	return SCREEN_MOUSE_OTHER;
}

void screen_set_mouse(gboolean on)
{
	(void)on;
}

guint screen_rows(void)
{
	return 1;
}

guint screen_columns(void)
{
	return 1;
}

void screen_begin(void)
{
}

void screen_end(void)
{
}

void screen_put(guint row, guint column, guint columns, const char *text,
		guint style)
{
	(void)row;
	(void)column;
	(void)columns;
	(void)text;
	(void)style;
}
