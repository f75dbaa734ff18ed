/* SPDX-License-Identifier: MIT */
/* text: see text.h. */
#include "tools/text.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

const char text_plain[] = "\033[0m", text_bold[] = "\033[1m",
	   text_dim[] = "\033[2m";

/* --- names ----------------------------------------------------------------- */

/* Marks that reorder what follows them (Unicode, UAX #9, "Directional
 * Formatting Characters"), and line separators. */
static gboolean is_mark(gunichar c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0x200e || c == 0x200f || c == 0x061c || c == 0x2028 ||
	       c == 0x2029;
}

gboolean text_is_unsafe(gunichar c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || is_mark(c);
}

char *text_escape(const char *s)
{
	g_autofree char *valid = g_utf8_make_valid(s, -1);
	GString *out = g_string_sized_new(strlen(valid) + 1);
	const char *at;

	for (at = valid; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		if (!text_is_unsafe(c))
			g_string_append_unichar(out, c);
		else if (c < 0x100)
			g_string_append_printf(out, "\\x%02x", c);
		else
			g_string_append_printf(out, "\\u%04x", c);
	}
	return g_string_free(out, FALSE);
}

static guint char_columns(gunichar c)
{
	if (g_unichar_iszerowidth(c))
		return 0;
	return g_unichar_iswide(c) ? 2 : 1;
}

guint text_columns(const char *s)
{
	guint n = 0;

	for (; *s; s = g_utf8_next_char(s))
		n += char_columns(g_utf8_get_char(s));
	return n;
}

/* Bytes of the longest beginning of `s` that takes at most `columns`. */
static gsize head_bytes(const char *s, guint columns)
{
	const char *at = s;
	guint n = 0;

	for (; *at; at = g_utf8_next_char(at)) {
		n += char_columns(g_utf8_get_char(at));
		if (n > columns)
			break;
	}
	return (gsize)(at - s);
}

/* Where the longest end of `s` that takes at most `columns` begins. */
static const char *tail_start(const char *s, guint columns)
{
	const char *at = s + strlen(s), *before;
	guint n = 0;

	while (at > s) {
		before = g_utf8_prev_char(at);
		n += char_columns(g_utf8_get_char(before));
		if (n > columns)
			break;
		at = before;
	}
	return at;
}

/* The end says more: which function of a class, which line of a file. */
char *text_fit(const char *s, guint columns)
{
	guint indent = (guint)strspn(s, " "), tail;

	if (text_columns(s) <= columns)
		return g_strdup(s);
	if (columns < 8)
		return g_strndup(s, head_bytes(s, columns));
	indent = MIN(indent, columns / 2);
	tail = 2 * (columns - indent - 3) / 3;
	return g_strdup_printf("%.*s...%s",
			       (int)head_bytes(s, columns - 3 - tail), s,
			       tail_start(s, tail));
}

/* --- terminal ----------------------------------------------------------------- */

/* What standard output was before a pager took its place. */
static struct {
	pid_t pid;			/* of the pager, 0: none */
	guint width;
	gboolean color;
} page;

static gboolean is_paged(FILE *f)
{
	return page.pid > 0 && f == stdout;
}

gboolean text_is_terminal(FILE *f)
{
	return is_paged(f) || isatty(fileno(f)) == 1;
}

guint text_width(FILE *f)
{
	const char *columns = g_getenv("COLUMNS");
	struct winsize size;
	guint64 n;

	if (is_paged(f))
		return page.width;
	if (!text_is_terminal(f))
		return 0;
	if (columns && g_ascii_string_to_unsigned(columns, 10, 20, 10000, &n,
						  NULL))
		return (guint)n;
	if (ioctl(fileno(f), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

gboolean text_has_color(FILE *f)
{
	const char *none = g_getenv("NO_COLOR");

	if (is_paged(f))
		return page.color;
	return text_is_terminal(f) && (!none || !none[0]) &&
	       g_strcmp0(g_getenv("TERM"), "dumb") != 0;
}

/* In the child: the pager reads what we write. */
static void exec_pager(const char *pager, int from) __attribute__((noreturn));

static void exec_pager(const char *pager, int from)
{
	/* leave at once if it fits, keep colours, keep the screen */
	g_setenv("LESS", "FRX", FALSE);
	dup2(from, STDIN_FILENO);
	execl("/bin/sh", "sh", "-c", pager, (char *)NULL);
	_exit(127);
}

void text_page_begin(void)
{
	const char *pager = g_getenv("PAGER");
	guint width = text_width(stdout);
	gboolean color = text_has_color(stdout);
	int ends[2];
	pid_t pid;

	if (!pager)
		pager = "less";
	if (!text_is_terminal(stdout) || !pager[0] ||
	    strcmp(pager, "cat") == 0 || pipe2(ends, O_CLOEXEC) != 0)
		return;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		exec_pager(pager, ends[0]);
	close(ends[0]);
	if (pid > 0 && dup2(ends[1], STDOUT_FILENO) >= 0) {
		page.pid = pid;
		page.width = width;
		page.color = color;
	}
	close(ends[1]);
}

void text_page_end(void)
{
	if (page.pid <= 0)
		return;
	fflush(stdout);
	close(STDOUT_FILENO);
	while (waitpid(page.pid, NULL, 0) < 0 && errno == EINTR)
		;
	/* what comes later has a place to go */
	if (open("/dev/tty", O_WRONLY | O_CLOEXEC) < 0)
		open("/dev/null", O_WRONLY | O_CLOEXEC);
	page.pid = 0;
}

const char *text_share_color(double share)
{
	static const struct {
		double above;
		const char *color;
	} steps[] = {
		{ 0.9, "\033[31m" },	/* red */
		{ 0.7, "\033[91m" },	/* light red */
		{ 0.3, "\033[33m" },	/* brown */
		{ 0.1, "\033[32m" },	/* green */
	};
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(steps); i++)
		if (share > steps[i].above)
			return steps[i].color;
	return "";
}

/* --- numbers --------------------------------------------------------------------- */

/* Three digits, whatever comes before the point. */
static char *three_digits(double n, const char *unit)
{
	double size = fabs(n);

	if (size < 9.995)
		return g_strdup_printf("%.2f%s", n, unit);
	if (size < 99.95)
		return g_strdup_printf("%.1f%s", n, unit);
	return g_strdup_printf("%.0f%s", n, unit);
}

char *text_time(double ns)
{
	double size = fabs(ns);
	gint64 s = (gint64)fmin(size / 1e9 + 0.5, 9e15);
	const char *sign = ns < 0 ? "-" : "";

	if (size < 0.5)
		return g_strdup("0");
	if (size < 999.5)
		return g_strdup_printf("%.0f ns", ns);
	if (size < 999.5e3)
		return three_digits(ns / 1e3, " us");
	if (size < 999.5e6)
		return three_digits(ns / 1e6, " ms");
	if (size < 119.95e9)
		return three_digits(ns / 1e9, " s");
	if (s < 7200)
		return g_strdup_printf("%s%" G_GINT64_FORMAT "m%02ds", sign,
				       s / 60, (int)(s % 60));
	return g_strdup_printf("%s%" G_GINT64_FORMAT "h%02dm", sign, s / 3600,
			       (int)(s / 60 % 60));
}

static char *scaled(double n, double step, const char *const *units,
		    guint count)
{
	guint i = 0;

	while (i + 1 < count && fabs(n) >= 0.9995 * step) {
		n /= step;
		i++;
	}
	if (i == 0)
		return g_strdup_printf("%.0f%s", n, units[0]);
	return three_digits(n, units[i]);
}

char *text_rate(double hz)
{
	return g_strdup_printf(hz < 999.95 ? "%.4g" : "%.0f", hz);
}

char *text_count(double n)
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P",
					     "E" };

	if (fabs(n) < 99999.5)
		return g_strdup_printf("%.0f", n);
	return scaled(n, 1000, units, G_N_ELEMENTS(units));
}

char *text_value(double value, const char *unit)
{
	static const char *const bytes[] = { " B", " KiB", " MiB", " GiB",
					     " TiB", " PiB", " EiB" };
	static const struct {
		const char *unit;
		double ns;
	} times[] = {
		{ "nanoseconds", 1 }, { "microseconds", 1e3 },
		{ "milliseconds", 1e6 }, { "seconds", 1e9 },
	};
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(times); i++)
		if (strcmp(unit, times[i].unit) == 0)
			return text_time(value * times[i].ns);
	if (strcmp(unit, "bytes") == 0)
		return scaled(value, 1024, bytes, G_N_ELEMENTS(bytes));
	return text_count(value);
}

/* --- tables ------------------------------------------------------------------------ */

typedef struct {
	char *text;
	const char *color;
} Cell;

#define GAP 2			/* between columns */
#define LEFT_OUT G_MAXUINT	/* width of a column that is not shown */

struct _TextTable {
	const TextColumn *columns;
	guint count;
	GArray *cells;			/* Cell, row by row */
};

static void cell_clear(gpointer data)
{
	g_free(((Cell *)data)->text);
}

TextTable *text_table_new(const TextColumn *columns, guint count)
{
	TextTable *t = g_new0(TextTable, 1);

	t->columns = columns;
	t->count = count;
	t->cells = g_array_new(FALSE, TRUE, sizeof(Cell));
	g_array_set_clear_func(t->cells, cell_clear);
	return t;
}

void text_table_free(TextTable *t)
{
	g_array_free(t->cells, TRUE);
	g_free(t);
}

/* Fills up the last row, so that the next cell begins a new one. */
void text_table_row(TextTable *t)
{
	Cell empty = { NULL, NULL };

	while (t->cells->len % t->count != 0)
		g_array_append_val(t->cells, empty);
}

void text_table_cell(TextTable *t, char *text, const char *color)
{
	Cell cell = { text, color };

	g_array_append_val(t->cells, cell);
}

/* Takes from the columns that shrink, the last one first, until it fits. */
static void shrink(const TextTable *t, guint *widths, guint total, guint limit)
{
	guint i, too_wide;

	for (i = t->count; i-- > 0 && total > limit;) {
		guint least = t->columns[i].shrinks;

		if (least == 0 || widths[i] <= least ||
		    widths[i] == LEFT_OUT)
			continue;
		too_wide = MIN(total - limit, widths[i] - least);
		widths[i] -= too_wide;
		total -= too_wide;
	}
}

/* The column to be left out next; t->count: none is. */
static guint find_drop(const TextTable *t, const guint *widths)
{
	guint found = t->count, i;

	for (i = 0; i < t->count; i++)
		if (widths[i] != LEFT_OUT && t->columns[i].drops > 0 &&
		    (found == t->count ||
		     t->columns[i].drops > t->columns[found].drops))
			found = i;
	return found;
}

/* What is left of the widest that a row can be cut down to. */
static guint least_width(const TextTable *t, const guint *widths)
{
	guint total = 0, i;

	for (i = 0; i < t->count; i++) {
		guint least = t->columns[i].shrinks;

		if (widths[i] != LEFT_OUT)
			total += (total > 0 ? GAP : 0) +
				 (least > 0 ? MIN(widths[i], least)
					    : widths[i]);
	}
	return total;
}

static void drop(const TextTable *t, guint *widths, guint limit)
{
	guint i;

	while (least_width(t, widths) > limit &&
	       (i = find_drop(t, widths)) < t->count)
		widths[i] = LEFT_OUT;
}

static guint *measure(const TextTable *t, guint limit)
{
	guint *widths = g_new0(guint, t->count);
	guint i, total = 0;

	for (i = 0; i < t->count; i++)
		widths[i] = text_columns(t->columns[i].title);
	for (i = 0; i < t->cells->len; i++) {
		const Cell *c = &g_array_index(t->cells, Cell, i);
		guint *width = &widths[i % t->count];

		if (c->text)
			*width = MAX(*width, text_columns(c->text));
	}
	if (limit > 0)
		drop(t, widths, limit);
	for (i = 0; i < t->count; i++)
		if (widths[i] != LEFT_OUT)
			total += widths[i] + (total > 0 ? GAP : 0);
	if (limit > 0)
		shrink(t, widths, total, limit);
	return widths;
}

static void print_cell(FILE *to, const char *text, const char *color,
		       guint width, gboolean right, gboolean is_last)
{
	g_autofree char *fitted = text_fit(text, width);
	guint pad = width - text_columns(fitted);
	gboolean colored = color && color[0];

	if (right)
		fprintf(to, "%*s", (int)pad, "");
	fprintf(to, "%s%s%s", colored ? color : "", fitted,
		colored ? text_plain : "");
	if (!right && !is_last)
		fprintf(to, "%*s", (int)pad, "");
	fputs(is_last ? "\n" : "  ", to);
}

void text_table_print(const TextTable *t, FILE *to)
{
	g_autofree guint *widths = measure(t, text_width(to));
	const char *bold = text_has_color(to) ? text_bold : "";
	guint last = t->count - 1, i;

	while (last > 0 && widths[last] == LEFT_OUT)
		last--;
	for (i = 0; i <= last; i++)
		if (widths[i] != LEFT_OUT)
			print_cell(to, t->columns[i].title, bold, widths[i],
				   t->columns[i].right, i == last);
	for (i = 0; i < t->cells->len; i++) {
		const Cell *c = &g_array_index(t->cells, Cell, i);
		guint k = i % t->count;

		if (widths[k] != LEFT_OUT)
			print_cell(to, c->text ? c->text : "",
				   text_has_color(to) ? c->color : "",
				   widths[k], t->columns[k].right, k == last);
	}
}
