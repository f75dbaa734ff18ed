/* SPDX-License-Identifier: MIT */
/*
 * screen: see screen.h. Talks to /dev/tty, so that standard input and output may
 * be anything.
 */
#define _XOPEN_SOURCE_EXTENDED 1
#include "tools/screen.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "tools/text.h"

#define ESCAPE_MS 25	/* between ESC and the rest of a key's sequence */

static struct {
	SCREEN *terminal;
	FILE *in, *out;
	gboolean is_open, has_color, mouse;
	attr_t attributes[SCREEN_STYLES];
	short pairs[SCREEN_STYLES];
	const ScreenFuncs *funcs;
	gpointer data;
	guint sources[5];
	MEVENT event;
} screen;

/* What a crash needs: all of it is there before. */
static struct {
	volatile sig_atomic_t armed;
	int fd;
	struct termios before;
	char sequence[256];
	size_t size;
} rescue;

static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT,
			       SIGQUIT, SIGTRAP, SIGSYS };

/* --- crashes ----------------------------------------------------------------- */

/* In a signal handler: write() and tcsetattr() are safe there. */
static void rescue_terminal(int signo)
{
	gssize left;

	if (rescue.armed) {
		rescue.armed = 0;
		left = write(rescue.fd, rescue.sequence, rescue.size);
		(void)left;	/* nothing can be done about it */
		tcsetattr(rescue.fd, TCSANOW, &rescue.before);
	}
	raise(signo);	/* SA_RESETHAND: this time it is deadly */
}

static void add_capability(const char *capability)
{
	const char *text = tigetstr(capability);
	gsize size;

	if (!text || text == (char *)-1)
		return;
	size = strlen(text);
	if (rescue.size + size > sizeof(rescue.sequence))
		return;
	memcpy(rescue.sequence + rescue.size, text, size);
	rescue.size += size;
}

/* Mouse off, colours off, cursor on, the screen that was there before. */
static void arm_rescue(void)
{
	static const char mouse_off[] = "\033[?1000l\033[?1002l\033[?1006l";
	struct sigaction action = { .sa_handler = rescue_terminal,
				    .sa_flags = SA_RESETHAND | SA_NODEFER };
	gsize i;

	rescue.size = sizeof(mouse_off) - 1;
	memcpy(rescue.sequence, mouse_off, rescue.size);
	add_capability("sgr0");
	add_capability("cnorm");
	add_capability("rmkx");
	add_capability("rmcup");
	rescue.armed = 1;
	sigemptyset(&action.sa_mask);
	for (i = 0; i < G_N_ELEMENTS(crashes); i++)
		sigaction(crashes[i], &action, NULL);
}

static void disarm_rescue(void)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(crashes); i++)
		signal(crashes[i], SIG_DFL);
	rescue.armed = 0;
}

/* --- styles ------------------------------------------------------------------ */

static void set_style(ScreenStyle style, attr_t attributes, short front,
		      short back)
{
	screen.attributes[style] = attributes;
	screen.pairs[style] = 0;
	if (!screen.has_color || (front < 0 && back < 0))
		return;
	if (front > 7 && COLORS < 16) {
		front -= 8;
		screen.attributes[style] |= A_BOLD;
	}
	init_pair((short)style, front, back);
	screen.pairs[style] = (short)style;
}

static void make_styles(void)
{
	const char *none = g_getenv("NO_COLOR");
	attr_t head;

	screen.has_color = (!none || !none[0]) && has_colors() &&
			   start_color() == OK;
	if (screen.has_color)
		use_default_colors();
	head = screen.has_color ? A_NORMAL : A_REVERSE;
	set_style(SCREEN_PLAIN, A_NORMAL, -1, -1);
	set_style(SCREEN_WEAK, A_DIM, -1, -1);
	set_style(SCREEN_ZERO, A_NORMAL, COLOR_GREEN + 8, -1);
	set_style(SCREEN_NOTICE, A_NORMAL, COLOR_GREEN, -1);
	set_style(SCREEN_WARNING, A_NORMAL, COLOR_YELLOW, -1);
	set_style(SCREEN_CAUTION, A_NORMAL, COLOR_RED + 8, -1);
	set_style(SCREEN_DANGER, A_NORMAL, COLOR_RED, -1);
	set_style(SCREEN_HEAD_ACTIVE, head, COLOR_BLACK, COLOR_CYAN);
	set_style(SCREEN_HEAD_PAUSED, head, COLOR_WHITE, COLOR_RED);
	set_style(SCREEN_HEAD_INACTIVE, head, COLOR_BLACK, COLOR_YELLOW);
}

/* --- opening ----------------------------------------------------------------- */

gboolean screen_is_possible(void)
{
	const char *term = g_getenv("TERM");
	int fd;

	if (!term || !term[0] || strcmp(term, "dumb") == 0 ||
	    isatty(STDOUT_FILENO) != 1)
		return FALSE;
	fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return FALSE;
	close(fd);
	return TRUE;
}

static gboolean open_terminal(GError **error)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	if (fd < 0 || tcgetattr(fd, &rescue.before) != 0) {
		g_set_error(error, G_FILE_ERROR,
			    g_file_error_from_errno(errno),
			    "no terminal: %s", g_strerror(errno));
		if (fd >= 0)
			close(fd);
		return FALSE;
	}
	rescue.fd = fd;
	screen.in = fdopen(fd, "r");
	screen.out = fdopen(fcntl(fd, F_DUPFD_CLOEXEC, 3), "w");
	return screen.in && screen.out;
}

static void close_files(void)
{
	g_clear_pointer(&screen.in, fclose);
	g_clear_pointer(&screen.out, fclose);
}

gboolean screen_open(GError **error)
{
	static gboolean at_exit;

	if (!open_terminal(error))
		return FALSE;
	screen.terminal = newterm(NULL, screen.out, screen.in);
	if (!screen.terminal) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
			    "the terminal '%s' is not known",
			    g_getenv("TERM"));
		close_files();
		return FALSE;
	}
	set_term(screen.terminal);
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	make_styles();
	screen_set_mouse(TRUE);
	arm_rescue();
	screen.is_open = TRUE;
	if (!at_exit)
		atexit(screen_close);
	at_exit = TRUE;
	return TRUE;
}

void screen_close(void)
{
	if (!screen.is_open)
		return;
	screen.is_open = FALSE;
	screen_unwatch();
	screen_set_mouse(FALSE);
	endwin();
	delscreen(screen.terminal);
	screen.terminal = NULL;
	disarm_rescue();
	tcsetattr(rescue.fd, TCSADRAIN, &rescue.before);
	close_files();
}

/* --- events ------------------------------------------------------------------ */

static gboolean key_pressed(gint fd, GIOCondition condition, gpointer data)
{
	(void)fd;
	(void)data;
	if (condition & (G_IO_HUP | G_IO_ERR | G_IO_NVAL)) {
		screen.sources[0] = 0;
		screen.funcs->ended(screen.data, SIGHUP);
		return G_SOURCE_REMOVE;
	}
	screen.funcs->key(screen.data);
	return G_SOURCE_CONTINUE;
}

static gboolean size_changed(gpointer data)
{
	(void)data;
	screen.funcs->changed(screen.data);
	return G_SOURCE_CONTINUE;
}

static gboolean asked_to_end(gpointer data)
{
	screen.funcs->ended(screen.data, GPOINTER_TO_INT(data));
	return G_SOURCE_CONTINUE;
}

void screen_watch(const ScreenFuncs *funcs, gpointer data)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	gsize i;

	screen.funcs = funcs;
	screen.data = data;
	screen.sources[0] = g_unix_fd_add(fileno(screen.in),
					  G_IO_IN | G_IO_HUP | G_IO_ERR,
					  key_pressed, NULL);
	screen.sources[1] = g_unix_signal_add(SIGWINCH, size_changed, NULL);
	for (i = 0; i < G_N_ELEMENTS(ends); i++)
		screen.sources[2 + i] = g_unix_signal_add(
			ends[i], asked_to_end, GINT_TO_POINTER(ends[i]));
}

void screen_unwatch(void)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(screen.sources); i++) {
		if (screen.sources[i] != 0)
			g_source_remove(screen.sources[i]);
		screen.sources[i] = 0;
	}
}

/* --- keys -------------------------------------------------------------------- */

static gint special_key(wint_t key)
{
	static const struct {
		wint_t curses;
		gint ours;
	} keys[] = {
		{ KEY_UP, SCREEN_KEY_UP }, { KEY_DOWN, SCREEN_KEY_DOWN },
		{ KEY_LEFT, SCREEN_KEY_LEFT }, { KEY_RIGHT, SCREEN_KEY_RIGHT },
		{ KEY_PPAGE, SCREEN_KEY_PAGE_UP },
		{ KEY_NPAGE, SCREEN_KEY_PAGE_DOWN },
		{ KEY_HOME, SCREEN_KEY_HOME }, { KEY_END, SCREEN_KEY_END },
		{ KEY_ENTER, SCREEN_KEY_ENTER },
		{ KEY_BACKSPACE, SCREEN_KEY_BACKSPACE },
		{ KEY_MOUSE, SCREEN_KEY_MOUSE },
	};
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(keys); i++)
		if (keys[i].curses == key)
			return keys[i].ours;
	return SCREEN_KEY_OTHER;
}

static gint character(wint_t c)
{
	switch (c) {
	case '\r':
	case '\n':
		return SCREEN_KEY_ENTER;
	case 27:
		return SCREEN_KEY_ESCAPE;
	case 8:
	case 127:
		return SCREEN_KEY_BACKSPACE;
	default:
		return (gint)c;
	}
}

gint screen_key(void)
{
	wint_t key;
	int kind = wget_wch(stdscr, &key);

	if (kind == KEY_CODE_YES && key == KEY_MOUSE &&
	    getmouse(&screen.event) != OK)
		return SCREEN_KEY_OTHER;
	if (kind == KEY_CODE_YES)
		return special_key(key);
	return kind == OK ? character(key) : SCREEN_KEY_NONE;
}

ScreenMouse screen_mouse(guint *row, guint *column)
{
	static const struct {
		mmask_t mask;
		ScreenMouse what;
	} kinds[] = {
		{ BUTTON1_DOUBLE_CLICKED | BUTTON1_TRIPLE_CLICKED,
		  SCREEN_MOUSE_DOUBLE },
		{ BUTTON1_CLICKED | BUTTON1_PRESSED, SCREEN_MOUSE_CLICK },
		{ BUTTON4_PRESSED, SCREEN_MOUSE_UP },
		{ BUTTON5_PRESSED, SCREEN_MOUSE_DOWN },
	};
	gsize i;

	*row = (guint)MAX(screen.event.y, 0);
	*column = (guint)MAX(screen.event.x, 0);
	for (i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (screen.event.bstate & kinds[i].mask)
			return kinds[i].what;
	return SCREEN_MOUSE_OTHER;
}

void screen_set_mouse(gboolean on)
{
	screen.mouse = on;
	mousemask(on ? BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED |
			       BUTTON4_PRESSED | BUTTON5_PRESSED
		     : 0, NULL);
}

/* --- drawing ----------------------------------------------------------------- */

guint screen_rows(void)
{
	return (guint)LINES;
}

guint screen_columns(void)
{
	return (guint)COLS;
}

void screen_begin(void)
{
	struct winsize size;

	if (ioctl(rescue.fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
	    size.ws_col > 0 && (size.ws_row != LINES || size.ws_col != COLS))
		resizeterm(size.ws_row, size.ws_col);
	erase();
}

void screen_end(void)
{
	refresh();
}

/* A terminal that is not UTF-8 shows what it cannot write as '?'. */
static char *to_locale(const char *text)
{
	const char *charset;

	if (g_get_charset(&charset))
		return g_strdup(text);
	return g_convert_with_fallback(text, -1, charset, "UTF-8", "?", NULL,
				       NULL, NULL);
}

void screen_put(guint row, guint column, guint columns, const char *text,
		guint style)
{
	guint kind = style & SCREEN_STYLE, width;
	attr_t attributes = screen.attributes[kind];
	short pair = screen.pairs[kind];
	g_autofree char *fitting = NULL;
	g_autofree char *written = NULL;

	if (columns == 0 || row >= screen_rows() || column >= screen_columns())
		return;
	columns = MIN(columns, screen_columns() - column);
	if (style & SCREEN_FOCUS) {
		attributes = A_REVERSE;
		pair = 0;
	}
	attributes |= style & SCREEN_UNDERLINE ? A_UNDERLINE : 0;
	attributes |= style & SCREEN_BOLD ? A_BOLD : 0;
	attr_set(attributes, pair, NULL);
	fitting = text_fit(text, columns);
	written = to_locale(fitting);
	move((int)row, (int)column);
	addstr(written ? written : "?");
	for (width = text_columns(fitting); width < columns; width++)
		addch(' ');
	attr_set(A_NORMAL, 0, NULL);
}
