/* SPDX-License-Identifier: MIT */
/*
 * view-remote: see view.h. Follows the events of a process at a profagent serve,
 * which has it profiled meanwhile, and asks for all there is once a second.
 */
#include "tools/cmd.h"
#include "tools/remote.h"
#include "tools/view.h"

static const char name[] = "view";

#ifdef HAVE_SOUP

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>
#include <string.h>

#include "tools/pprof-read.h"
#include "tools/screen.h"
#include "tools/text.h"
#include "tools/viewer-text.h"
#include "tools/viewer.h"

#define EACH_MS 1000
#define CHUNK 4096		/* of events: that they come is all we need */
#define TIMEOUT_S 30		/* of one answer, beyond what it is to wait */

static const struct {
	const char *text, *query;
} windows[] = {
	{ "all it has", "" },
	{ "last 10 s", "?window=10" },
	{ "last second", "?window=1" },
};

typedef struct {
	View *view;
	Remote *remote;
	SoupSession *session;
	GCancellable *cancel;
	GMainLoop *loop;
	Viewer *viewer;
	Profile *profile;		/* that is shown; NULL: none yet */
	guint window, again;		/* again: source id */
	gboolean asking, following;
	GInputStream *events;
	guint follow;			/* source id: to connect again */
	int signo;
	char *wrong;			/* what ends it, said when it has */
} RemoteView;

/* --- asking ------------------------------------------------------------------ */

static SoupMessage *make_message(const Remote *r, const char *path)
{
	g_autofree char *url = g_strconcat(r->base, path, NULL);
	SoupMessage *msg = soup_message_new("GET", url);
	g_autofree char *bearer = NULL;

	if (msg && r->token) {
		bearer = g_strconcat("Bearer ", r->token, NULL);
		soup_message_headers_replace(
			soup_message_get_request_headers(msg),
			"Authorization", bearer);
	}
	return msg;
}

/* The server's own words, if it has any: a line of text or {"error":...}. */
static char *words_of(SoupMessage *msg, GBytes *body)
{
	gsize size;
	const char *data = g_bytes_get_data(body, &size);
	g_autofree char *raw = g_strndup(data ? data : "", MIN(size, 500));
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonObject *object = NULL;

	if (json_parser_load_from_data(parser, raw, -1, NULL) &&
	    JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser)))
		object = json_node_get_object(json_parser_get_root(parser));
	g_strchomp(raw);
	if (object && json_object_has_member(object, "error"))
		return text_escape(json_object_get_string_member_with_default(
			object, "error", ""));
	if (raw[0] && !strchr(raw, '<'))
		return text_escape(raw);
	return g_strdup(soup_message_get_reason_phrase(msg));
}

/* NULL: *error says why, in a clause. */
static GBytes *check_answer(SoupMessage *msg, GBytes *body, GError **error)
{
	guint status = soup_message_get_status(msg);
	g_autofree char *words = NULL;

	if (!body)
		return NULL;
	if (status == SOUP_STATUS_OK)
		return g_bytes_ref(body);
	words = words_of(msg, body);
	g_set_error(error, G_IO_ERROR, status == SOUP_STATUS_UNAUTHORIZED ||
				       status == SOUP_STATUS_FORBIDDEN
			    ? G_IO_ERROR_PERMISSION_DENIED
			    : G_IO_ERROR_FAILED, "%u: %s", status, words);
	return NULL;
}

static GBytes *ask_and_wait(RemoteView *v, const char *path, GError **error)
{
	g_autoptr(SoupMessage) msg = make_message(v->remote, path);
	g_autoptr(GBytes) body = NULL;

	if (!msg) {
		g_set_error_literal(error, G_IO_ERROR,
				    G_IO_ERROR_INVALID_ARGUMENT,
				    "this is no address");
		return NULL;
	}
	body = soup_session_send_and_read(v->session, msg, NULL, error);
	return check_answer(msg, body, error);
}

static Profile *read_profile(GBytes *body, GError **error)
{
	g_autoptr(Profile) p = profile_new();
	gsize size;
	const guint8 *data = g_bytes_get_data(body, &size);

	if (!pprof_read_bytes(p, "answer", data, size,
			      PPROF_READ_NO_REGION | PPROF_READ_NO_MOMENTS,
			      error))
		return NULL;
	return g_steal_pointer(&p);
}

/* --- which process ----------------------------------------------------------- */

/* The only one, or *error names all. */
static gboolean choose(RemoteView *v, JsonArray *all, GError **error)
{
	g_autoptr(GString) list = g_string_new(NULL);
	guint n = json_array_get_length(all), i;

	for (i = 0; i < n; i++) {
		JsonObject *o = json_array_get_object_element(all, i);

		v->remote->pid = (gint32)json_object_get_int_member(o, "pid");
		g_string_append_printf(list, "%s%d", i ? ", " : "",
				       v->remote->pid);
		if (json_object_has_member(o, "program"))
			g_string_append_printf(list, " %s",
				json_object_get_string_member(o, "program"));
	}
	if (n == 1)
		return TRUE;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, n == 0
		    ? "there is no preloaded process%s"
		    : "which process? Add /PID; there are %s",
		    n == 0 ? "" : list->str);
	return FALSE;
}

static gboolean find_process(RemoteView *v, GError **error)
{
	g_autoptr(GBytes) body = ask_and_wait(v, "/api/processes", error);
	g_autoptr(JsonParser) parser = json_parser_new();
	const char *data;
	gsize size;

	if (!body)
		return FALSE;
	data = g_bytes_get_data(body, &size);
	if (!json_parser_load_from_data(parser, data, (gssize)size, error))
		return FALSE;
	if (!JSON_NODE_HOLDS_ARRAY(json_parser_get_root(parser))) {
		g_set_error_literal(error, G_IO_ERROR,
				    G_IO_ERROR_INVALID_DATA,
				    "that is no profagent serve");
		return FALSE;
	}
	return v->remote->pid != 0 ||
	       choose(v, json_node_get_array(json_parser_get_root(parser)),
		      error);
}

/* --- the screen -------------------------------------------------------------- */

static void fill_info(RemoteView *v)
{
	ViewerInfo *info = viewer_info(v->viewer);
	const Profile *p = v->profile;
	const ProfileProcess *row = profile_at(p->processes, ProfileProcess,
					       0);

	viewer_info_count(info, p);
	info->cpu_ns = row->cpu_ns;
	info->wall_ns = row->duration_ns;
	info->at_us = g_get_real_time();
	viewer_info_set(&info->title, g_strdup_printf(
		"%s %d on %s", profile_text(p, row->program),
		v->remote->pid, v->remote->base));
	viewer_info_set(&info->state, g_strdup("running"));
	viewer_info_set(&info->window, g_strdup(windows[v->window].text));
}

/* Takes `p`. */
static void show(RemoteView *v, Profile *p)
{
	g_autoptr(GError) error = NULL;

	if (p->processes->len == 0 ||
	    !selection_apply(&v->view->selection, p, &error)) {
		v->wrong = g_strdup(error ? error->message
					  : "the answer is of no process");
		profile_free(p);
		g_main_loop_quit(v->loop);
		return;
	}
	viewer_set_profile(v->viewer, NULL, NULL);
	g_clear_pointer(&v->profile, profile_free);
	v->profile = p;
	fill_info(v);
	viewer_set_state(v->viewer, VIEWER_ACTIVE);
	viewer_set_profile(v->viewer, p, &v->view->selection.options);
	viewer_draw(v->viewer);
}

/* The last data stay. */
static void show_failure(RemoteView *v, const GError *error)
{
	ViewerInfo *info = viewer_info(v->viewer);

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)) {
		v->wrong = g_strdup(error->message);
		g_main_loop_quit(v->loop);
		return;
	}
	viewer_set_state(v->viewer, VIEWER_INACTIVE);
	viewer_info_set(&info->state, g_strdup_printf("reconnecting (%s)",
						      error->message));
	viewer_info_set(&info->missing, g_strdup_printf(
		"waiting for data: %s", error->message));
	viewer_draw(v->viewer);
}

static gboolean ask(gpointer data);

static void answered(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) body = soup_session_send_and_read_finish(
		SOUP_SESSION(source), result, &error);
	SoupMessage *msg = soup_session_get_async_result_message(
		SOUP_SESSION(source), result);
	g_autoptr(GBytes) good = NULL;
	RemoteView *v = data;
	Profile *p = NULL;

	v->asking = FALSE;
	if (g_cancellable_is_cancelled(v->cancel))
		return;
	if (body)
		good = check_answer(msg, body, &error);
	if (good)
		p = read_profile(good, &error);
	/* paused meanwhile: what is shown stays */
	if (p && viewer_is_paused(v->viewer))
		profile_free(p);
	else if (p)
		show(v, p);
	else if (!viewer_is_paused(v->viewer))
		show_failure(v, error);
	if (v->again == 0)
		v->again = g_timeout_add(EACH_MS, ask, v);
}

static gboolean ask(gpointer data)
{
	RemoteView *v = data;
	g_autofree char *path = g_strdup_printf(
		"/api/processes/%d/profile.pb.gz%s", v->remote->pid,
		windows[v->window].query);
	g_autoptr(SoupMessage) msg = NULL;

	v->again = 0;
	if (v->asking)
		return G_SOURCE_REMOVE;
	msg = make_message(v->remote, path);
	v->asking = TRUE;
	soup_session_send_and_read_async(v->session, msg, G_PRIORITY_DEFAULT,
					 v->cancel, answered, v);
	return G_SOURCE_REMOVE;
}

/* --- events ------------------------------------------------------------------ */

static gboolean follow(gpointer data);

static void did_read(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GBytes) got = g_input_stream_read_bytes_finish(
		G_INPUT_STREAM(source), result, NULL);
	RemoteView *v = data;

	if (got && g_bytes_get_size(got) > 0 &&
	    !g_cancellable_is_cancelled(v->cancel)) {
		g_input_stream_read_bytes_async(v->events, CHUNK,
						G_PRIORITY_DEFAULT, v->cancel,
						did_read, v);
		return;
	}
	v->following = FALSE;
	g_clear_object(&v->events);
	if (!g_cancellable_is_cancelled(v->cancel))
		v->follow = g_timeout_add(EACH_MS, follow, v);
}

/* What is wrong is said by the answer to what is asked once a second. */
static void followed(GObject *source, GAsyncResult *result, gpointer data)
{
	RemoteView *v = data;

	v->events = soup_session_send_finish(SOUP_SESSION(source), result,
					     NULL);
	if (v->events) {
		g_input_stream_read_bytes_async(v->events, CHUNK,
						G_PRIORITY_DEFAULT, v->cancel,
						did_read, v);
		return;
	}
	v->following = FALSE;
	if (!g_cancellable_is_cancelled(v->cancel))
		v->follow = g_timeout_add(EACH_MS, follow, v);
}

static gboolean follow(gpointer data)
{
	RemoteView *v = data;
	g_autofree char *path = g_strdup_printf("/api/processes/%d/events",
						v->remote->pid);
	g_autoptr(SoupMessage) msg = make_message(v->remote, path);

	v->follow = 0;
	v->following = TRUE;
	soup_session_send_async(v->session, msg, G_PRIORITY_DEFAULT, v->cancel,
				followed, v);
	return G_SOURCE_REMOVE;
}

/* --- the user ---------------------------------------------------------------- */

static void quit(gpointer data, int signo)
{
	RemoteView *v = data;

	v->signo = signo;
	g_main_loop_quit(v->loop);
}

static void next_window(gpointer data)
{
	RemoteView *v = data;

	v->window = (v->window + 1) % G_N_ELEMENTS(windows);
	if (v->again != 0)
		g_source_remove(v->again);
	ask(v);
}

static int run_screen(RemoteView *v)
{
	static const ViewerFuncs funcs = {
		.quit = quit, .window = next_window,
	};
	g_autoptr(GError) error = NULL;

	if (!screen_open(&error))
		return cmd_fail(name, "%s", error->message);
	v->loop = g_main_loop_new(NULL, FALSE);
	v->viewer = viewer_new(&funcs, v);
	viewer_set_state(v->viewer, VIEWER_INACTIVE);
	viewer_info_set(&viewer_info(v->viewer)->missing,
			g_strdup("waiting for data"));
	viewer_draw(v->viewer);
	follow(v);
	v->again = g_timeout_add(EACH_MS, ask, v);
	g_main_loop_run(v->loop);
	if (v->again != 0)
		g_source_remove(v->again);
	if (v->follow != 0)
		g_source_remove(v->follow);
	g_cancellable_cancel(v->cancel);
	while (v->asking || v->following)
		g_main_context_iteration(NULL, TRUE);
	viewer_free(v->viewer);
	g_clear_pointer(&v->profile, profile_free);
	g_main_loop_unref(v->loop);
	if (!v->wrong)
		return view_end(v->signo);
	screen_close();
	return cmd_fail(name, "%s", v->wrong);
}

/* --- text -------------------------------------------------------------------- */

static int print(RemoteView *v)
{
	guint seconds = (guint)MAX(v->view->duration_ns / 1000000000, 1);
	g_autofree char *path = g_strdup_printf(
		"/processes/%d/debug/pprof/profile?seconds=%u",
		v->remote->pid, seconds);
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) body = NULL;
	g_autoptr(Profile) p = NULL;

	soup_session_set_timeout(v->session, seconds + TIMEOUT_S);
	body = ask_and_wait(v, path, &error);
	if (body)
		p = read_profile(body, &error);
	if (!p)
		return cmd_fail(name, "%s: %s", v->remote->base,
				error->message);
	if (!selection_apply(&v->view->selection, p, &error))
		return cmd_usage(name, "%s", error->message);
	viewer_text_print(p, &v->view->selection.options, NULL);
	return CMD_DONE;
}

int view_remote(View *view, Remote *remote)
{
	RemoteView v = { .view = view, .remote = remote };
	g_autoptr(GError) error = NULL;
	int status;

	v.session = soup_session_new();
	soup_session_set_timeout(v.session, TIMEOUT_S);
	v.cancel = g_cancellable_new();
	if (!find_process(&v, &error))
		status = cmd_fail(name, "%s: %s", remote->base,
				  error->message);
	else if (screen_is_possible())
		status = run_screen(&v);
	else
		status = print(&v);
	g_object_unref(v.session);
	g_object_unref(v.cancel);
	g_free(v.wrong);
	return status;
}

#else /* !HAVE_SOUP */

int view_remote(View *view, Remote *remote)
{
	(void)view;
	return cmd_fail(name, "%s: this build of profagent has no libsoup, "
			"so it cannot look at other machines", remote->base);
}

#endif
