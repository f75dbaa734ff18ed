/* SPDX-License-Identifier: MIT */
/* live-viewer: see live-viewer.h. */
#include "tools/live-viewer.h"

#include <string.h>

#include "tools/control-stream.h"
#include "tools/live.h"
#include "tools/process-tree.h"
#include "tools/sockets.h"
#include "tools/symbols.h"
#include "tools/watch.h"

#define LAST_SECONDS 10			/* a span that can be chosen */
#define REDRAW_MS 100			/* after a fragment: others may follow */
#define TICK_MS 1000
#define SEEK_MS 100			/* until a program is there that starts */
#define STALE_US (5 * G_USEC_PER_SEC)	/* older data say how old they are */
#define PAUSED_MAX (64u << 20)		/* bytes kept back while paused */

typedef enum { WINDOW_ALL, WINDOW_LAST, WINDOW_STEP, WINDOWS } Window;

static const char *const window_names[] = {
	"all time", "last 10 s", "last step",
};

/* One process, or those that follow it. */
typedef struct {
	LiveViewer *owner;
	Watch *watch;
	gint32 pid;
	char *program;
	gint64 start_unix_ns;		/* of the one that is connected */
	gboolean again, connected, anew;
} Source;

/* What came while it was paused. */
typedef struct {
	Source *source;
	GBytes *fragment;
	gint64 at_us;
	gboolean anew;
} Arrival;

struct _LiveViewer {
	const LiveViewerFuncs *funcs;
	gpointer data;
	Selection *selection;
	GMainLoop *loop;
	GError *error;
	int signo;
	Viewer *viewer;			/* NULL: no screen */
	char *title, *state, *lost;
	Live *live;
	Symbols *symbols;
	GPtrArray *sources;		/* Source * */
	GArray *arrivals;		/* Arrival */
	gsize kept_back;		/* bytes in them */
	Window window;
	gint64 paused_us;		/* since then; 0: it is not */
	guint redraw, tick, seek;	/* source ids */
	gint32 follow;			/* pid, 0: none */
	guint64 missed;
};

/* --- showing ----------------------------------------------------------------- */

static gint64 window_begin(const LiveViewer *l)
{
	gint64 now = l->paused_us ? l->paused_us : g_get_monotonic_time();

	if (l->window == WINDOW_ALL)
		return 0;
	if (l->window == WINDOW_LAST)
		return now - LAST_SECONDS * G_USEC_PER_SEC;
	return live_last_step(l->live);
}

static gboolean is_connected(const LiveViewer *l)
{
	guint i;

	for (i = 0; i < l->sources->len; i++)
		if (((Source *)l->sources->pdata[i])->connected)
			return TRUE;
	return FALSE;
}

static char *state_text(const LiveViewer *l)
{
	if (l->state)
		return g_strdup(l->state);
	if (is_connected(l))
		return g_strdup("running");
	if (l->lost)
		return g_strdup_printf("reconnecting (%s)", l->lost);
	return g_strdup("connecting");
}

static char *missing_text(const LiveViewer *l)
{
	if (is_connected(l))
		return g_strdup("waiting for data: no sample yet, it uses no "
				"CPU time");
	if (l->lost)
		return g_strdup_printf("waiting for data: %s", l->lost);
	return g_strdup("waiting for data: nothing is connected yet");
}

static char *title_text(const LiveViewer *l)
{
	const Source *s = l->sources->len > 0 ? l->sources->pdata[0] : NULL;

	if (!s)
		return g_strdup(l->title);
	if (l->sources->len > 1)
		return g_strdup_printf("%s, %u processes", l->title,
				       l->sources->len);
	return g_strdup_printf("%s %d", s->program, s->pid);
}

static void fill_info(LiveViewer *l, const Profile *p, gint64 from_us)
{
	ViewerInfo *info = viewer_info(l->viewer);
	LiveSpan span = live_span(l->live, from_us);
	gint64 age = g_get_monotonic_time() - span.latest_us;

	viewer_info_count(info, p);
	info->cpu_ns = span.cpu_ns;
	info->wall_ns = span.wall_ns;
	info->at_us = info->age_us = 0;
	if (span.latest_us > 0)
		info->at_us = g_get_real_time() - age;
	if (span.latest_us > 0 && age > STALE_US)
		info->age_us = age;
	viewer_info_set(&info->title, title_text(l));
	viewer_info_set(&info->state, state_text(l));
	viewer_info_set(&info->missing, missing_text(l));
	viewer_info_set(&info->window, g_strdup(window_names[l->window]));
	viewer_set_state(l->viewer, is_connected(l) ? VIEWER_ACTIVE
						    : VIEWER_INACTIVE);
}

/* FALSE: the loop ends with l->error. */
static gboolean apply_selection(LiveViewer *l, Profile *p)
{
	if (l->error || selection_apply(l->selection, p, &l->error))
		return l->error == NULL;
	g_main_loop_quit(l->loop);
	return FALSE;
}

/* While it is paused the rows stay, but the header lives. */
static void show(LiveViewer *l)
{
	gint64 from_us = window_begin(l);
	Profile *p = live_view(l->live, from_us);
	gboolean any = p->type_count > 0;

	if (!l->viewer)
		return;
	if (any && !apply_selection(l, p))
		return;
	if (any)
		symbols_resolve(l->symbols, p);
	fill_info(l, p, from_us);
	viewer_set_profile(l->viewer, any ? p : NULL,
			   &l->selection->options);
	viewer_draw(l->viewer);
}

void live_viewer_refresh(LiveViewer *l)
{
	if (l->paused_us == 0) {
		show(l);
	} else if (l->viewer) {
		viewer_info_set(&viewer_info(l->viewer)->state,
				state_text(l));
		viewer_draw(l->viewer);
	}
}

static gboolean redraw(gpointer data)
{
	LiveViewer *l = data;

	l->redraw = 0;
	live_viewer_refresh(l);
	return G_SOURCE_REMOVE;
}

static void redraw_soon(LiveViewer *l)
{
	if (l->redraw == 0 && l->viewer)
		l->redraw = g_timeout_add(REDRAW_MS, redraw, l);
}

/* --- what comes -------------------------------------------------------------- */

/* The profile of one that was started again does not mix with the old one. */
static void begin_anew(LiveViewer *l)
{
	if (l->viewer)
		viewer_set_profile(l->viewer, NULL, NULL);
	live_free(l->live);
	l->live = live_new(FALSE);
}

static void add_arrival(LiveViewer *l, const Arrival *a)
{
	g_autoptr(GError) error = NULL;

	if (a->anew && l->sources->len == 1)
		begin_anew(l);
	if (!live_add(l->live, a->fragment, a->at_us, &error))
		viewer_info_set(&l->lost, g_strdup(error->message));
}

static void add_arrivals(LiveViewer *l)
{
	guint i;

	for (i = 0; i < l->arrivals->len; i++) {
		Arrival *a = &g_array_index(l->arrivals, Arrival, i);

		add_arrival(l, a);
		g_bytes_unref(a->fragment);
	}
	g_array_set_size(l->arrivals, 0);
	l->kept_back = 0;
}

static void fragment(gpointer data, GBytes *bytes, guint64 missed)
{
	Source *s = data;
	LiveViewer *l = s->owner;
	Arrival a = { s, g_bytes_ref(bytes), g_get_monotonic_time(), s->anew };

	s->anew = FALSE;
	l->missed += missed;
	g_array_append_val(l->arrivals, a);
	l->kept_back += g_bytes_get_size(bytes);
	if (l->paused_us == 0 || l->kept_back > PAUSED_MAX)
		add_arrivals(l);
	redraw_soon(l);
}

static void connected(gpointer data, JsonObject *status)
{
	Source *s = data;
	gint64 start = control_stream_number(status, "start_unix_ns");

	s->anew = s->start_unix_ns != 0 && s->start_unix_ns != start;
	s->start_unix_ns = start;
	s->connected = TRUE;
	viewer_info_set(&s->program,
			g_strdup(control_stream_text(status, "program")));
	redraw_soon(s->owner);
}

static void lost(gpointer data, const char *why)
{
	Source *s = data;
	LiveViewer *l = s->owner;

	s->connected = FALSE;
	viewer_info_set(&l->lost, g_strdup(why));
	redraw_soon(l);
	if (!is_connected(l) && l->funcs && l->funcs->all_lost)
		l->funcs->all_lost(l->data);
}

/* --- finding it again -------------------------------------------------------- */

static gboolean is_watched(const LiveViewer *l, gint32 pid)
{
	guint i;

	for (i = 0; i < l->sources->len; i++)
		if (((Source *)l->sources->pdata[i])->pid == pid)
			return TRUE;
	return FALSE;
}

/* Itself, after an exec or a lost connection; else the next of its program. */
static char *find(gpointer data)
{
	Source *s = data;
	g_autoptr(Socket) same = sockets_find(s->pid, NULL);
	g_autoptr(GPtrArray) all = NULL;
	guint i;

	if (same)
		return g_strdup(same->path);
	all = targets_list();
	for (i = 0; i < all->len; i++) {
		const Target *t = all->pdata[i];

		if (!t->status || is_watched(s->owner, t->pid) ||
		    strcmp(target_program(t), s->program) != 0 ||
		    control_stream_number(t->status, "start_unix_ns") <=
			    s->start_unix_ns)
			continue;
		s->pid = t->pid;
		return g_strdup(t->path);
	}
	return NULL;
}

static const WatchFuncs watch_funcs = {
	.connected = connected, .fragment = fragment, .lost = lost,
};

void live_viewer_add(LiveViewer *l, const Target *t, gboolean again)
{
	Source *s;

	if (!t->client || is_watched(l, t->pid))
		return;
	s = g_new0(Source, 1);
	s->owner = l;
	s->pid = t->pid;
	s->again = again;
	s->program = g_strdup(target_program(t));
	s->watch = watch_new(t->path, again ? find : NULL, &watch_funcs, s);
	g_ptr_array_add(l->sources, s);
}

static void look_for_children(LiveViewer *l)
{
	g_autoptr(GHashTable) parents = process_tree_parents();
	g_autoptr(GPtrArray) all = sockets_list();
	guint i;

	for (i = 0; i < all->len; i++) {
		const Socket *s = all->pdata[i];
		char *words[2] = { g_strdup_printf("%d", s->pid), NULL };
		const TargetQuery q = { .words = words };
		g_autoptr(GPtrArray) found = NULL;

		if (!is_watched(l, s->pid) &&
		    process_tree_is_below(parents, s->pid, l->follow))
			found = targets_find(&q, NULL);
		if (found)
			live_viewer_add(l, found->pdata[0], FALSE);
		g_free(words[0]);
	}
}

static gboolean seek(gpointer data)
{
	LiveViewer *l = data;

	look_for_children(l);
	if (l->sources->len == 0)
		return G_SOURCE_CONTINUE;
	l->seek = 0;
	return G_SOURCE_REMOVE;
}

void live_viewer_follow(LiveViewer *l, gint32 pid, gboolean first)
{
	if (first)
		live_count_all(l->live);
	l->follow = pid;
	look_for_children(l);
	if (l->sources->len == 0)
		l->seek = g_timeout_add(SEEK_MS, seek, l);
}

/* --- the user ---------------------------------------------------------------- */

static void quit(gpointer data, int signo)
{
	LiveViewer *l = data;

	if (signo != 0 && l->funcs && l->funcs->signal &&
	    !l->funcs->signal(l->data, signo))
		return;
	l->signo = signo;
	g_main_loop_quit(l->loop);
}

static void paused(gpointer data, gboolean yes)
{
	LiveViewer *l = data;

	l->paused_us = yes ? g_get_monotonic_time() : 0;
	if (yes)
		return;
	add_arrivals(l);
	show(l);
}

static void next_window(gpointer data)
{
	LiveViewer *l = data;

	l->window = (l->window + 1) % WINDOWS;
	show(l);
}

static GPtrArray *pane(gpointer data, guint rows)
{
	LiveViewer *l = data;

	return l->funcs->pane(l->data, rows);
}

static const ViewerFuncs viewer_funcs = { quit, paused, next_window, NULL };
static const ViewerFuncs viewer_funcs_with_pane = {
	quit, paused, next_window, pane,
};

/* --- all of it --------------------------------------------------------------- */

static gboolean tick(gpointer data)
{
	LiveViewer *l = data;

	if (l->follow != 0)
		look_for_children(l);
	live_viewer_refresh(l);
	return G_SOURCE_CONTINUE;
}

static void source_free(gpointer data)
{
	Source *s = data;

	watch_free(s->watch);
	g_free(s->program);
	g_free(s);
}

LiveViewer *live_viewer_new(const char *title, Selection *selection,
			    gboolean screen, const LiveViewerFuncs *funcs,
			    gpointer data)
{
	const SymbolsOptions options = { .quiet = TRUE };
	LiveViewer *l = g_new0(LiveViewer, 1);

	l->title = g_strdup(title);
	l->selection = selection;
	l->funcs = funcs;
	l->data = data;
	l->loop = g_main_loop_new(NULL, FALSE);
	l->live = live_new(FALSE);
	l->symbols = symbols_new(&options);
	l->sources = g_ptr_array_new_with_free_func(source_free);
	l->arrivals = g_array_new(FALSE, FALSE, sizeof(Arrival));
	if (screen)
		l->viewer = viewer_new(funcs && funcs->pane
					       ? &viewer_funcs_with_pane
					       : &viewer_funcs, l);
	return l;
}

void live_viewer_free(LiveViewer *l)
{
	guint i;

	if (l->redraw != 0)
		g_source_remove(l->redraw);
	if (l->tick != 0)
		g_source_remove(l->tick);
	if (l->seek != 0)
		g_source_remove(l->seek);
	g_clear_pointer(&l->viewer, viewer_free);
	g_ptr_array_unref(l->sources);
	for (i = 0; i < l->arrivals->len; i++)
		g_bytes_unref(g_array_index(l->arrivals, Arrival, i).fragment);
	g_array_unref(l->arrivals);
	symbols_free(l->symbols);
	live_free(l->live);
	g_main_loop_unref(l->loop);
	g_clear_error(&l->error);
	g_free(l->title);
	g_free(l->state);
	g_free(l->lost);
	g_free(l);
}

void live_viewer_set_state(LiveViewer *l, const char *state)
{
	viewer_info_set(&l->state, g_strdup(state));
}

int live_viewer_run(LiveViewer *l, GError **error)
{
	l->tick = g_timeout_add(TICK_MS, tick, l);
	show(l);
	g_main_loop_run(l->loop);
	if (l->error) {
		g_propagate_error(error, g_steal_pointer(&l->error));
		return -1;
	}
	return l->signo;
}

void live_viewer_quit(LiveViewer *l)
{
	g_main_loop_quit(l->loop);
}

Profile *live_viewer_profile(LiveViewer *l)
{
	Profile *p;

	add_arrivals(l);
	p = live_view(l->live, 0);
	if (p->type_count == 0)
		return NULL;
	symbols_resolve(l->symbols, p);
	return p;
}
