/* SPDX-License-Identifier: MIT */
/*
 * profagent top: all preloaded processes and how they do, once a second. They
 * are asked in a thread: one that does not answer holds nothing up.
 */
#include <signal.h>

#include "tools/cmd.h"
#include "tools/live-viewer.h"
#include "tools/screen.h"
#include "tools/text.h"
#include "tools/top.h"
#include "tools/view.h"
#include "tools/viewer-format.h"

static const char name[] = "top";

#define EACH_MS 1000
#define HEAD_ROWS 2

typedef struct {
	GMainLoop *loop;
	GPtrArray *rows;		/* TopRow; NULL: not yet */
	TopColumn by;
	gboolean reverse, asking;
	gint32 focus;			/* pid */
	guint top;			/* first row that is shown */
	int signo;
	gint32 chosen;			/* to be viewed; 0: none */
	char *message;
} Top;

/* --- drawing ----------------------------------------------------------------- */

static guint focus_index(const Top *t)
{
	guint i;

	for (i = 0; t->rows && i < t->rows->len; i++)
		if (((TopRow *)t->rows->pdata[i])->pid == t->focus)
			return i;
	return 0;
}

/* Returns where the next one begins. */
static guint draw_cell(guint line, guint at, const TopRow *row,
		       TopColumn column, gboolean sorts, guint style)
{
	g_autofree char *text = row ? top_text(row, column)
				    : g_strdup(top_title(column));
	guint width = top_width(column);
	guint columns = MIN(text_columns(text), width);
	guint more = !row && sorts ? SCREEN_UNDERLINE | SCREEN_BOLD : 0;

	screen_put(line, at + (top_is_right(column) ? width - columns : 0),
		   columns, text, style | more);
	return at + width + 1;
}

static void draw_line(guint line, const TopRow *row, TopColumn by,
		      guint style)
{
	guint at = 0, i;

	screen_put(line, 0, screen_columns(), "", style);
	for (i = 0; i < TOP_COLUMNS; i++)
		if (top_has_room(i, screen_columns()))
			at = draw_cell(line, at, row, i, i == by, style);
}

static void draw_summary(const Top *t)
{
	g_autofree char *text = NULL;
	double cpu = 0;
	guint i;

	for (i = 0; t->rows && i < t->rows->len; i++)
		cpu += MAX(((TopRow *)t->rows->pdata[i])->value[TOP_CPU], 0);
	text = g_strdup_printf("%u preloaded processes, CPU %.1f%% of one "
			       "core", t->rows ? t->rows->len : 0, cpu * 100);
	screen_put(0, 0, screen_columns(), text, SCREEN_PLAIN);
}

static void draw(Top *t)
{
	guint focus = focus_index(t), body, i;

	screen_begin();
	body = screen_rows() > HEAD_ROWS + 1 ? screen_rows() - HEAD_ROWS - 1
					     : 1;
	if (focus < t->top)
		t->top = focus;
	if (focus >= t->top + body)
		t->top = focus - body + 1;
	draw_summary(t);
	draw_line(1, NULL, t->by, SCREEN_HEAD_ACTIVE);
	for (i = 0; t->rows && i < body && t->top + i < t->rows->len; i++)
		draw_line(HEAD_ROWS + i, t->rows->pdata[t->top + i], t->by,
			  t->top + i == focus ? SCREEN_FOCUS : 0);
	if (t->rows && t->rows->len == 0)
		screen_put(HEAD_ROWS + 1, 2, screen_columns() - 2,
			   "there is no preloaded process", SCREEN_WEAK);
	screen_put(screen_rows() - 1, 0, screen_columns(),
		   t->message ? t->message
			      : "q quit  Enter view  [ ] sort  r reverse",
		   SCREEN_WEAK);
	screen_end();
}

/* --- asking ------------------------------------------------------------------ */

static GPtrArray *list(void)
{
	GPtrArray *targets = targets_list();

	top_ask_hottest(targets);
	return targets;
}

static void list_in_thread(GTask *task, gpointer source, gpointer data,
			   GCancellable *cancel)
{
	(void)source;
	(void)data;
	(void)cancel;
	g_task_return_pointer(task, list(), (GDestroyNotify)g_ptr_array_unref);
}

static void listed(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GPtrArray) targets = targets_list_finish(result);
	Top *t = data;
	GPtrArray *rows = top_rows(targets, t->rows, g_get_monotonic_time());

	(void)source;
	t->asking = FALSE;
	g_clear_pointer(&t->rows, g_ptr_array_unref);
	t->rows = rows;
	top_sort(rows, t->by, t->reverse);
	/* while one is viewed the screen is not ours */
	if (t->loop && t->chosen == 0)
		draw(t);
}

static gboolean ask(gpointer data)
{
	g_autoptr(GTask) task = NULL;
	Top *t = data;

	if (t->asking)
		return G_SOURCE_CONTINUE;
	t->asking = TRUE;
	task = g_task_new(NULL, NULL, listed, t);
	g_task_run_in_thread(task, list_in_thread);
	return G_SOURCE_CONTINUE;
}

/* --- keys -------------------------------------------------------------------- */

static void move(Top *t, gint by)
{
	gint at = (gint)focus_index(t) + by, n = t->rows ? (gint)t->rows->len
							 : 0;

	if (n > 0)
		t->focus = ((TopRow *)t->rows->pdata[CLAMP(at, 0, n - 1)])
				   ->pid;
}

static void sort_by(Top *t, guint by, gboolean reverse)
{
	t->by = by % TOP_COLUMNS;
	t->reverse = reverse;
	if (t->rows)
		top_sort(t->rows, t->by, t->reverse);
}

static void choose(Top *t)
{
	if (!t->rows || t->rows->len == 0)
		return;
	t->chosen = ((TopRow *)t->rows->pdata[focus_index(t)])->pid;
	g_main_loop_quit(t->loop);
}

static void take_key(Top *t, gint key)
{
	gint page = (gint)MAX(screen_rows(), HEAD_ROWS + 2) - HEAD_ROWS - 2;

	g_clear_pointer(&t->message, g_free);
	if (key == 'q' || key == 'Q')
		g_main_loop_quit(t->loop);
	else if (key == SCREEN_KEY_UP || key == 'k')
		move(t, -1);
	else if (key == SCREEN_KEY_DOWN || key == 'j')
		move(t, 1);
	else if (key == SCREEN_KEY_PAGE_UP)
		move(t, -page);
	else if (key == SCREEN_KEY_PAGE_DOWN)
		move(t, page);
	else if (key == SCREEN_KEY_HOME || key == 'g')
		move(t, -G_MAXINT / 2);
	else if (key == SCREEN_KEY_END || key == 'G')
		move(t, G_MAXINT / 2);
	else if (key == '[' || key == ']')
		sort_by(t, t->by + (key == ']' ? 1 : TOP_COLUMNS - 1),
			t->reverse);
	else if (key == 'r')
		sort_by(t, t->by, !t->reverse);
	else if (key == SCREEN_KEY_ENTER || key == SCREEN_KEY_RIGHT ||
		 key == 'l')
		choose(t);
}

static void key_pressed(gpointer data)
{
	gint key;

	while ((key = screen_key()) != SCREEN_KEY_NONE)
		take_key(data, key);
	draw(data);
}

static void changed(gpointer data)
{
	draw(data);
}

static void asked_to_end(gpointer data, int signo)
{
	Top *t = data;

	t->signo = signo;
	g_main_loop_quit(t->loop);
}

/* --- both screens ------------------------------------------------------------ */

/* Until the user leaves it, back to the list. */
static void view_chosen(Top *t)
{
	g_autofree char *word = g_strdup_printf("%d", t->chosen);
	char *words[] = { word, NULL };
	const TargetQuery query = { .words = words };
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) targets = targets_find(&query, &error);
	Selection selection = { 0 };
	const Target *target = targets ? targets->pdata[0] : NULL;
	LiveViewer *l;

	if (!target || !target->client) {
		t->message = g_strdup(target ? target->error->message
					     : error->message);
		return;
	}
	l = live_viewer_new(target_program(target), &selection, TRUE, NULL,
			    NULL);
	live_viewer_add(l, target, TRUE);
	t->signo = live_viewer_run(l, NULL);
	live_viewer_free(l);
	selection_release(&selection);
}

static int run_screen(void)
{
	static const ScreenFuncs funcs = {
		key_pressed, changed, asked_to_end,
	};
	Top t = { .by = TOP_CPU, .loop = g_main_loop_new(NULL, FALSE) };
	guint each = g_timeout_add(EACH_MS, ask, &t);

	ask(&t);
	do {
		t.chosen = 0;
		screen_watch(&funcs, &t);
		draw(&t);
		g_main_loop_run(t.loop);
		screen_unwatch();
		if (t.chosen != 0)
			view_chosen(&t);
	} while (t.chosen != 0 && t.signo == 0);
	g_source_remove(each);
	g_clear_pointer(&t.loop, g_main_loop_unref);
	while (t.asking)
		g_main_context_iteration(NULL, TRUE);
	g_clear_pointer(&t.rows, g_ptr_array_unref);
	g_free(t.message);
	return view_end(t.signo);
}

/* --- text -------------------------------------------------------------------- */

/* Two looks, a second apart. */
static int print(void)
{
	TextColumn columns[TOP_COLUMNS];
	g_autoptr(GPtrArray) first = targets_list(), second = NULL;
	g_autoptr(GPtrArray) before = NULL, rows = NULL;
	g_autoptr(TextTable) table = NULL;
	guint i, k;

	before = top_rows(first, NULL, g_get_monotonic_time());
	g_usleep(EACH_MS * 1000);
	second = list();
	rows = top_rows(second, before, g_get_monotonic_time());
	if (rows->len == 0) {
		cmd_say(name, "there is no preloaded process");
		return CMD_DONE;
	}
	top_sort(rows, TOP_CPU, FALSE);
	for (i = 0; i < TOP_COLUMNS; i++)
		columns[i] = (TextColumn){ top_title(i), top_is_right(i),
					   i == TOP_PROGRAM ? 8 :
					   i == TOP_HOTTEST ? 12 : 0 };
	table = text_table_new(columns, TOP_COLUMNS);
	for (i = 0; i < rows->len; i++) {
		text_table_row(table);
		for (k = 0; k < TOP_COLUMNS; k++)
			text_table_cell(table, top_text(rows->pdata[i], k),
					NULL);
	}
	text_table_row(table);
	text_table_print(table, stdout);
	return CMD_DONE;
}

int cmd_top(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context, "Shows all preloaded processes "
		"and how they do, once a second; Enter looks into one. Where "
		"there is no terminal it writes a table.");
	g_option_context_set_description(context,
		"Read more in the manual page profagent-top(1).");
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return cmd_usage(name, "%s", error->message);
	if (argc > 1)
		return cmd_usage(name, "'%s' is too much: it shows all",
				 argv[1]);
	if (!screen_is_possible())
		return print();
	if (!screen_open(&error))
		return cmd_fail(name, "%s", error->message);
	return run_screen();
}
