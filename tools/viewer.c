/* SPDX-License-Identifier: MIT */
/* viewer: see viewer.h. */
#include "tools/viewer.h"

#include <string.h>

#include "tools/screen.h"
#include "tools/text.h"
#include "tools/viewer-format.h"
#include "tools/viewer-spans.h"
#include "tools/viewer-table.h"

#define WHEEL_ROWS 3
#define HEAD_ROWS 3		/* two lines and the titles */
#define PANE_SHARE 4		/* the pane has a quarter of the rows */

typedef enum { MODE_ROWS, MODE_SEARCH, MODE_HELP, MODE_SPANS } Mode;

struct _Viewer {
	const ViewerFuncs *funcs;
	gpointer data;
	ViewerModel *model;
	Profile *profile;
	const char *unit;		/* of the sample type */
	ViewerInfo info;
	ViewerState state;
	gboolean paused, mouse, pane;
	Mode mode;
	guint top;			/* first row that is shown */
	guint span_top;			/* the same of the spans */
	guint body;			/* rows of the screen for rows, as drawn */
	guint focus;			/* the row that had it then */
	ViewerTable table;
	GString *search;		/* as it is typed */
	char *found;			/* what was searched for last */
	char *message;
};

/* --- keys -------------------------------------------------------------------- */

static void do_quit(Viewer *v)
{
	v->funcs->quit(v->data, 0);
}

static void do_pause(Viewer *v)
{
	v->paused = !v->paused;
	if (v->funcs->paused)
		v->funcs->paused(v->data, v->paused);
}

static void do_layout(Viewer *v)
{
	viewer_model_set_layout(v->model, (viewer_model_layout(v->model) + 1) %
						  VIEWER_LAYOUTS);
}

static void do_threads(Viewer *v)
{
	viewer_model_set_threads(v->model, !viewer_model_threads(v->model));
}

static void do_up(Viewer *v)
{
	viewer_model_move(v->model, -1);
}

static void do_down(Viewer *v)
{
	viewer_model_move(v->model, 1);
}

static gint page(const Viewer *v)
{
	return (gint)MAX(v->body, 2) - 1;
}

static void do_page_up(Viewer *v)
{
	viewer_model_move(v->model, -page(v));
}

static void do_page_down(Viewer *v)
{
	viewer_model_move(v->model, page(v));
}

static void do_home(Viewer *v)
{
	viewer_model_move_to(v->model, 0);
}

static void do_end(Viewer *v)
{
	guint n = viewer_model_rows(v->model)->len;

	viewer_model_move_to(v->model, n - MIN(n, 1));
}

static void do_expand(Viewer *v)
{
	viewer_model_expand(v->model);
}

static void do_fold(Viewer *v)
{
	viewer_model_fold(v->model);
}

static void do_hotspot(Viewer *v)
{
	viewer_model_hotspot(v->model);
}

static void do_defocus(Viewer *v)
{
	viewer_model_defocus(v->model);
	v->top = 0;
}

static void shift_order(Viewer *v, guint by)
{
	viewer_model_set_order(v->model, (viewer_model_order(v->model) + by) %
						 VIEWER_ORDERS,
			       viewer_model_reverse(v->model));
}

static void do_order_before(Viewer *v)
{
	shift_order(v, VIEWER_ORDERS - 1);
}

static void do_order_next(Viewer *v)
{
	shift_order(v, 1);
}

static void do_reverse(Viewer *v)
{
	viewer_model_set_order(v->model, viewer_model_order(v->model),
			       !viewer_model_reverse(v->model));
}

static void do_base(Viewer *v)
{
	gboolean parent = viewer_model_base(v->model) == VIEWER_OF_PARENT;

	viewer_model_set_base(v->model, parent ? VIEWER_OF_ALL
					       : VIEWER_OF_PARENT);
	viewer_say(v, parent ? "per cent of all" : "per cent of the parent");
}

static void do_window(Viewer *v)
{
	if (v->funcs->window)
		v->funcs->window(v->data);
	else
		viewer_say(v, "a file has all its time only");
}

static void do_pane(Viewer *v)
{
	v->pane = !v->pane;
}

static void do_mouse(Viewer *v)
{
	v->mouse = !v->mouse;
	screen_set_mouse(v->mouse);
	viewer_say(v, v->mouse ? "mouse: ours" : "mouse: the terminal's");
}

static void do_search(Viewer *v)
{
	g_string_truncate(v->search, 0);
	v->mode = MODE_SEARCH;
}

static void find(Viewer *v, gboolean backwards)
{
	g_autofree char *text = NULL;
	guint n;

	if (!v->found)
		return;
	n = viewer_model_search(v->model, v->found, backwards);
	if (n == 0)
		text = g_strdup_printf("'%s' is nowhere", v->found);
	else
		text = g_strdup_printf("'%s': %u row%s", v->found, n,
				       n == 1 ? "" : "s");
	viewer_say(v, text);
}

static void do_next(Viewer *v)
{
	find(v, FALSE);
}

static void do_before(Viewer *v)
{
	find(v, TRUE);
}

static void do_spans(Viewer *v)
{
	v->mode = MODE_SPANS;
}

static void do_help(Viewer *v)
{
	v->mode = MODE_HELP;
}

typedef struct {
	gint keys[5];			/* up to a 0 */
	void (*act)(Viewer *v);
	const char *shown, *help;
} Key;

static const Key keys[] = {
	{ { 'q', 'Q' }, do_quit, "q", "quit" },
	{ { ' ', SCREEN_KEY_ENTER }, do_pause, "space",
	  "pause, or go on" },
	{ { '\\' }, do_layout, "\\", "nested, flat, callers" },
	{ { 't' }, do_threads, "t", "by thread, or all together" },
	{ { 'i' }, do_window, "i", "all, last 10 s, last step" },
	{ { SCREEN_KEY_UP, 'k', 'w' }, do_up, "up k w", "a row up" },
	{ { SCREEN_KEY_DOWN, 'j', 's' }, do_down, "down j s", "a row down" },
	{ { SCREEN_KEY_RIGHT, 'l', 'd' }, do_expand, "right l d",
	  "expand; to the first callee" },
	{ { SCREEN_KEY_LEFT, 'h', 'a' }, do_fold, "left h a",
	  "fold; to the caller" },
	{ { SCREEN_KEY_PAGE_UP }, do_page_up, "PgUp", "a screen up" },
	{ { SCREEN_KEY_PAGE_DOWN }, do_page_down, "PgDn", "a screen down" },
	{ { SCREEN_KEY_HOME, 'g' }, do_home, "Home g", "the first row" },
	{ { SCREEN_KEY_END, 'G' }, do_end, "End G", "the last row" },
	{ { '>' }, do_hotspot, ">", "down to the hotspot" },
	{ { SCREEN_KEY_ESCAPE }, do_defocus, "esc", "leave the row" },
	{ { '[' }, do_order_before, "[", "sort by the column before" },
	{ { ']' }, do_order_next, "]", "sort by the next column" },
	{ { 'r' }, do_reverse, "r", "the other way round" },
	{ { '%' }, do_base, "%", "% of all, or of the parent" },
	{ { '/' }, do_search, "/", "search, folded rows too" },
	{ { 'n' }, do_next, "n", "the next one found" },
	{ { 'N' }, do_before, "N", "the one found before" },
	{ { 'S' }, do_spans, "S", "spans, or functions" },
	{ { 'o' }, do_pane, "o", "the program's output" },
	{ { 'm' }, do_mouse, "m", "whose the mouse is" },
	{ { '?' }, do_help, "?", "this list" },
};

static void take_row_key(Viewer *v, gint key)
{
	gsize i, k;

	for (i = 0; i < G_N_ELEMENTS(keys); i++)
		for (k = 0; keys[i].keys[k] != 0; k++)
			if (keys[i].keys[k] == key) {
				keys[i].act(v);
				return;
			}
}

static void take_search_key(Viewer *v, gint key)
{
	const char *before;

	if (key == SCREEN_KEY_ENTER && v->search->len > 0) {
		viewer_info_set(&v->found, g_strdup(v->search->str));
		v->mode = MODE_ROWS;
		find(v, FALSE);
	} else if (key == SCREEN_KEY_ENTER || key == SCREEN_KEY_ESCAPE) {
		v->mode = MODE_ROWS;
	} else if (key == SCREEN_KEY_BACKSPACE && v->search->len > 0) {
		before = g_utf8_prev_char(v->search->str + v->search->len);
		g_string_truncate(v->search, (gsize)(before -
						     v->search->str));
	} else if (key >= ' ' && key < SCREEN_KEY_UP &&
		   g_unichar_isprint((gunichar)key)) {
		g_string_append_unichar(v->search, (gunichar)key);
	}
}

static void scroll_spans(Viewer *v, gint by)
{
	if (by < 0)
		v->span_top -= MIN(v->span_top, (guint)-by);
	else
		v->span_top = MIN(v->span_top + (guint)by, G_MAXINT32);
}

/* What moves over the rows moves here as well. */
static void take_span_key(Viewer *v, gint key)
{
	if (key == SCREEN_KEY_UP || key == 'k' || key == 'w')
		scroll_spans(v, -1);
	else if (key == SCREEN_KEY_DOWN || key == 'j' || key == 's')
		scroll_spans(v, 1);
	else if (key == SCREEN_KEY_PAGE_UP)
		scroll_spans(v, -page(v));
	else if (key == SCREEN_KEY_PAGE_DOWN)
		scroll_spans(v, page(v));
	else if (key == SCREEN_KEY_HOME || key == 'g')
		v->span_top = 0;
	else if (key == SCREEN_KEY_END || key == 'G')
		v->span_top = G_MAXINT32;
	else if (key == 'S' || key == SCREEN_KEY_ESCAPE)
		v->mode = MODE_ROWS;
	else if (key == 'q' || key == 'Q' || key == ' ' || key == 'o' ||
		 key == '?' || key == SCREEN_KEY_ENTER)
		take_row_key(v, key);
}

/* A click on the mark of the focused row, or two on any, expand it. */
static void take_click(Viewer *v, guint row, guint column, gboolean twice)
{
	const GArray *rows = viewer_model_rows(v->model);
	const ViewerRow *r;
	guint at = v->top + row - HEAD_ROWS;

	if (row < HEAD_ROWS || row >= HEAD_ROWS + v->body || at >= rows->len)
		return;
	viewer_model_move_to(v->model, at);
	r = &g_array_index(rows, ViewerRow, at);
	if (twice || column == viewer_table_indent(
				       r->depth, v->table.columns[0].width))
		viewer_model_toggle(v->model);
}

static void take_mouse(Viewer *v)
{
	guint row, column;

	switch (screen_mouse(&row, &column)) {
	case SCREEN_MOUSE_UP:
		viewer_model_move(v->model, -WHEEL_ROWS);
		break;
	case SCREEN_MOUSE_DOWN:
		viewer_model_move(v->model, WHEEL_ROWS);
		break;
	case SCREEN_MOUSE_CLICK:
		take_click(v, row, column, FALSE);
		break;
	case SCREEN_MOUSE_DOUBLE:
		take_click(v, row, column, TRUE);
		break;
	default:
		break;
	}
}

static void take_key(Viewer *v, gint key)
{
	g_clear_pointer(&v->message, g_free);
	if (v->mode == MODE_HELP && key != SCREEN_KEY_OTHER)
		v->mode = MODE_ROWS;
	else if (v->mode == MODE_SEARCH)
		take_search_key(v, key);
	else if (v->mode == MODE_SPANS)
		take_span_key(v, key);
	else if (key == SCREEN_KEY_MOUSE)
		take_mouse(v);
	else
		take_row_key(v, key);
}

static void key_pressed(gpointer data)
{
	Viewer *v = data;
	gint key;

	while ((key = screen_key()) != SCREEN_KEY_NONE)
		take_key(v, key);
	viewer_draw(v);
}

/* --- the head ---------------------------------------------------------------- */

static guint put(guint row, guint column, const char *text, guint style)
{
	guint columns = text_columns(text);

	screen_put(row, column, columns, text, style);
	return column + columns;
}

/* Right-aligned where it fits beside what ends at `left`. */
static void put_right(guint row, guint left, const char *text)
{
	guint width = screen_columns(), columns = text_columns(text);
	guint room = width > left + 2 ? width - left - 2 : 0;

	if (room == 0)
		return;
	columns = MIN(columns, room);
	screen_put(row, width - columns, columns, text, SCREEN_PLAIN);
}

static guint share_style(double share)
{
	const ViewerRow row = { .own = share, .base = 1 };
	ViewerCell cell;

	viewer_table_cell(&(ViewerTable){ 0 }, VIEWER_CELL_OWN_SHARE, &row,
			  &cell);
	return cell.style;
}

static void draw_header(Viewer *v)
{
	double cpu = viewer_info_cpu(&v->info);
	char percent[VIEWER_FORMAT_SIZE];
	g_autofree char *fraction = viewer_header_fraction(&v->info);
	g_autofree char *status = viewer_header_status(&v->info);
	g_autofree char *raw = viewer_header_title(&v->info);
	g_autofree char *title = text_escape(raw);
	guint at;

	viewer_format_percent(percent, cpu);
	at = put(0, 0, "CPU ", SCREEN_PLAIN);
	at = put(0, at, percent, share_style(cpu));
	at = put(0, at, "% ", share_style(cpu));
	at = put(0, at, fraction, SCREEN_WEAK);
	put_right(0, at, title);
	screen_put(1, 0, screen_columns(), status, SCREEN_WEAK);
}

static guint head_style(const Viewer *v)
{
	return v->paused ? SCREEN_HEAD_PAUSED
	       : v->state == VIEWER_ACTIVE ? SCREEN_HEAD_ACTIVE
					   : SCREEN_HEAD_INACTIVE;
}

static void draw_titles(Viewer *v, guint row)
{
	guint style = head_style(v), i;

	screen_put(row, 0, screen_columns(), "", style);
	for (i = 0; i < v->table.count; i++) {
		const ViewerColumn *c = &v->table.columns[i];
		guint columns = text_columns(c->title);
		guint at = c->right ? c->column + c->width - columns
				    : c->column;
		gboolean sorted = c->order ==
				  (gint)viewer_model_order(v->model);

		put(row, at, c->title, style | (sorted ? SCREEN_UNDERLINE |
							 SCREEN_BOLD : 0));
	}
}

/* --- rows -------------------------------------------------------------------- */

static void draw_function(Viewer *v, guint line, const ViewerRow *row,
			  guint focus)
{
	guint width = v->table.columns[0].width;
	guint at = viewer_table_indent(row->depth, width);
	g_autofree char *place = NULL;
	g_autofree char *name = viewer_table_name(
		viewer_model_tree(v->model), row->item, &place);
	guint used = at + 2, columns = text_columns(name);

	screen_put(line, at, 1, !row->has_children ? " "
				: row->expanded ? "-" : "+", focus);
	if (used >= width)
		return;
	columns = MIN(columns, width - used);
	screen_put(line, used, columns, name, focus);
	used += columns + 1;
	if (place && used < width)
		screen_put(line, used, MIN(text_columns(place), width - used),
			   place, SCREEN_WEAK | focus);
}

static void draw_row(Viewer *v, guint line, const ViewerRow *row,
		     gboolean has_focus)
{
	guint focus = has_focus ? SCREEN_FOCUS : 0, i;
	ViewerCell cell;

	screen_put(line, 0, screen_columns(), "", focus);
	draw_function(v, line, row, focus);
	for (i = 1; i < v->table.count; i++) {
		const ViewerColumn *c = &v->table.columns[i];
		guint columns, at;

		viewer_table_cell(&v->table, c->kind, row, &cell);
		columns = MIN(text_columns(cell.text), c->width);
		at = c->right ? c->column + c->width - columns : c->column;
		screen_put(line, at, columns, cell.text, cell.style | focus);
	}
}

/* Keeps the focus on the screen. */
static void scroll(Viewer *v, guint rows, guint focus)
{
	if (focus != VIEWER_NO_ROW && focus < v->top)
		v->top = focus;
	if (focus != VIEWER_NO_ROW && focus >= v->top + v->body)
		v->top = focus - v->body + 1;
	v->top = MIN(v->top, rows > v->body ? rows - v->body : 0);
}

static void draw_rows(Viewer *v)
{
	const GArray *rows = viewer_model_rows(v->model);
	guint focus = viewer_model_focus(v->model), i;

	scroll(v, rows->len, focus);
	v->focus = focus;
	for (i = 0; i < v->body && v->top + i < rows->len; i++)
		draw_row(v, HEAD_ROWS + i,
			 &g_array_index(rows, ViewerRow, v->top + i),
			 v->top + i == focus);
}

static void draw_missing(Viewer *v)
{
	const char *text = v->info.missing ? v->info.missing
					   : "- Not Available -";
	guint columns = MIN(text_columns(text), screen_columns());

	if (v->body > 0)
		screen_put(HEAD_ROWS + MIN(1, v->body - 1),
			   (screen_columns() - columns) / 2, columns, text,
			   SCREEN_WEAK);
}

/* Leaves out from the end what there is no room for, keys being two blanks
 * apart. */
static void drop_keys(char *text, guint columns)
{
	char *at;

	while (text_columns(text) > columns && (at = g_strrstr(text, "  ")))
		*at = '\0';
}

/* --- the rest of the screen -------------------------------------------------- */

static void draw_footer(Viewer *v)
{
	static const char *const layouts[] = { "NESTED", "FLAT", "CALLERS" };
	guint row = screen_rows() - 1;
	g_autofree char *text = NULL;

	if (v->mode == MODE_SEARCH)
		text = g_strdup_printf("/%s_", v->search->str);
	else if (v->message)
		text = text_escape(v->message);
	else if (v->mode == MODE_SPANS)
		text = g_strdup("SPANS  S functions  q quit");
	else
		text = g_strdup_printf(
			"%s%s%s  ? help  q quit  space %s  \\ layout  "
			"> hotspot  [ ] sort  / search",
			layouts[viewer_model_layout(v->model)],
			viewer_model_threads(v->model) ? " BY THREAD" : "",
			viewer_model_reverse(v->model) ? " REVERSED" : "",
			v->paused ? "go on" : "pause");
	if (!v->message && v->mode != MODE_SEARCH)
		drop_keys(text, screen_columns());
	screen_put(row, 0, MIN(text_columns(text), screen_columns()), text,
		   SCREEN_WEAK);
}

/* The program's output below the rows. */
static void draw_pane(Viewer *v, guint row, guint rows)
{
	g_autoptr(GPtrArray) lines = NULL;
	guint i;

	if (rows < 2)
		return;
	lines = v->funcs->pane(v->data, rows - 1);
	screen_put(row, 0, screen_columns(), "OUTPUT", SCREEN_UNDERLINE);
	for (i = 0; i < lines->len; i++)
		screen_put(row + 1 + i, 0, screen_columns(), lines->pdata[i],
			   SCREEN_PLAIN);
}

/* Two keys a row where one would not do. */
static void draw_help(Viewer *v)
{
	guint rows = MAX(v->body, 1), i;
	guint width = screen_columns() / (G_N_ELEMENTS(keys) > rows ? 2 : 1);

	for (i = 0; i < G_N_ELEMENTS(keys); i++) {
		guint row = HEAD_ROWS + i % rows, at = i / rows * width;

		screen_put(row, at, 10, keys[i].shown, SCREEN_BOLD);
		if (at + 11 < screen_columns())
			screen_put(row, at + 11, MAX(width, 14) - 13,
				   keys[i].help, SCREEN_PLAIN);
	}
}

void viewer_draw(Viewer *v)
{
	guint rows, pane;

	screen_begin();
	rows = screen_rows();
	pane = v->pane && v->funcs->pane ? rows / PANE_SHARE : 0;
	v->body = rows > HEAD_ROWS + 1 + pane ? rows - HEAD_ROWS - 1 - pane
					      : 0;
	viewer_table_init(&v->table, screen_columns(), v->unit);
	draw_header(v);
	draw_titles(v, HEAD_ROWS - 1);
	if (v->mode == MODE_HELP)
		draw_help(v);
	else if (v->mode == MODE_SPANS)
		viewer_spans_draw(v->profile, HEAD_ROWS - 1, v->body,
				  head_style(v), &v->span_top);
	else if (viewer_model_rows(v->model)->len > 0)
		draw_rows(v);
	else
		draw_missing(v);
	if (pane > 0)
		draw_pane(v, HEAD_ROWS + v->body, pane);
	draw_footer(v);
	screen_end();
}

/* --- its owner --------------------------------------------------------------- */

static void size_changed(gpointer data)
{
	viewer_draw(data);
}

static void asked_to_end(gpointer data, int signo)
{
	Viewer *v = data;

	v->funcs->quit(v->data, signo);
}

static const ScreenFuncs screen_funcs = {
	key_pressed, size_changed, asked_to_end,
};

Viewer *viewer_new(const ViewerFuncs *funcs, gpointer data)
{
	Viewer *v = g_new0(Viewer, 1);

	v->funcs = funcs;
	v->data = data;
	v->model = viewer_model_new();
	v->unit = "nanoseconds";
	v->focus = VIEWER_NO_ROW;
	v->search = g_string_new(NULL);
	v->mouse = v->pane = TRUE;
	screen_watch(&screen_funcs, v);
	return v;
}

void viewer_free(Viewer *v)
{
	screen_unwatch();
	viewer_model_free(v->model);
	viewer_info_release(&v->info);
	g_string_free(v->search, TRUE);
	g_free(v->found);
	g_free(v->message);
	g_free(v);
}

/* The focused row stays where it is on the screen. */
void viewer_set_profile(Viewer *v, Profile *p, const CalltreeOptions *options)
{
	guint before = v->focus, now;

	v->profile = p;
	v->unit = p ? profile_text(p, p->type[options->type].unit)
		    : "nanoseconds";
	viewer_model_update(v->model, p, options);
	now = viewer_model_focus(v->model);
	if (before != VIEWER_NO_ROW && now != VIEWER_NO_ROW && before >= v->top)
		v->top = now > before - v->top ? now - (before - v->top) : 0;
}

ViewerInfo *viewer_info(Viewer *v)
{
	return &v->info;
}

void viewer_set_state(Viewer *v, ViewerState state)
{
	v->state = state;
}

gboolean viewer_is_paused(const Viewer *v)
{
	return v->paused;
}

void viewer_say(Viewer *v, const char *text)
{
	viewer_info_set(&v->message, g_strdup(text));
}
