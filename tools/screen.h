/* SPDX-License-Identifier: MIT */
/*
 * screen: the terminal, and the only file that talks curses. One at a time, in
 * the main thread.
 *
 * However the process ends, by exit(), by a signal or by a crash, the terminal is
 * as it was before screen_open().
 */
#ifndef PROFAGENT_TOOLS_SCREEN_H
#define PROFAGENT_TOOLS_SCREEN_H

#include <gio/gio.h>

/* How something looks; flags may be added. */
typedef enum {
	SCREEN_PLAIN,
	SCREEN_WEAK,			/* less bright */
	SCREEN_ZERO,			/* light green */
	SCREEN_NOTICE,			/* dark green */
	SCREEN_WARNING,			/* brown */
	SCREEN_CAUTION,			/* light red */
	SCREEN_DANGER,			/* dark red */
	SCREEN_HEAD_ACTIVE,		/* on cyan */
	SCREEN_HEAD_PAUSED,		/* on dark red */
	SCREEN_HEAD_INACTIVE,		/* on brown */
	SCREEN_STYLES,
	SCREEN_STYLE = 0xff,
	SCREEN_FOCUS = 0x100,		/* reversed */
	SCREEN_UNDERLINE = 0x200,
	SCREEN_BOLD = 0x400,
} ScreenStyle;

/* Keys that are no characters. */
enum {
	SCREEN_KEY_NONE = -1,		/* nothing was pressed */
	SCREEN_KEY_UP = 0x110000, SCREEN_KEY_DOWN,
	SCREEN_KEY_LEFT, SCREEN_KEY_RIGHT,
	SCREEN_KEY_PAGE_UP, SCREEN_KEY_PAGE_DOWN,
	SCREEN_KEY_HOME, SCREEN_KEY_END,
	SCREEN_KEY_ENTER, SCREEN_KEY_ESCAPE, SCREEN_KEY_BACKSPACE,
	SCREEN_KEY_MOUSE,		/* see ScreenMouse */
	SCREEN_KEY_OTHER,
};

typedef enum {
	SCREEN_MOUSE_CLICK, SCREEN_MOUSE_DOUBLE,
	SCREEN_MOUSE_UP, SCREEN_MOUSE_DOWN, SCREEN_MOUSE_OTHER,
} ScreenMouse;

/* Whether there is a terminal that can show more than lines of text. */
gboolean screen_is_possible(void);

/* FALSE: *error says why there is no screen. */
gboolean screen_open(GError **error);
void screen_close(void);

/*
 * Closes when the process is asked to end (SIGINT, SIGTERM, SIGHUP): `ended` is
 * called in the main loop with the signal. `changed`: the size has, or it was
 * stopped and goes on. `key`: screen_key() has something.
 */
typedef struct {
	void (*key)(gpointer data);
	void (*changed)(gpointer data);
	void (*ended)(gpointer data, int signo);
} ScreenFuncs;

void screen_watch(const ScreenFuncs *funcs, gpointer data);
void screen_unwatch(void);

/* What was pressed next: a character, or one of the above. */
gint screen_key(void);

/* Of the last SCREEN_KEY_MOUSE. */
ScreenMouse screen_mouse(guint *row, guint *column);
void screen_set_mouse(gboolean on);

guint screen_rows(void);
guint screen_columns(void);

/* Begins an empty picture, and shows it. */
void screen_begin(void);
void screen_end(void);

/*
 * Puts text where it fits: `columns` are filled up with blanks, what is longer
 * is cut. Text is safe and valid (tools/text.h).
 */
void screen_put(guint row, guint column, guint columns, const char *text,
		guint style);

#endif
