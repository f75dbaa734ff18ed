/* SPDX-License-Identifier: MIT */
/* serve-view: see serve-view.h. */
#include "tools/serve-view.h"

#include <string.h>

#include "tools/page.h"
#include "tools/selection.h"

#define HOLD_S 10		/* that a document keeps its view */
#define STATUS_MS 2000		/* between two looks at the agents */
#define RESCAN_US (2 * G_USEC_PER_SEC)	/* for new processes of a tree */
#define WINDOW_S 60		/* of a document, unless asked otherwise */
#define ROWS 50

struct _Views {
	GHashTable *by_key;		/* "PID" or "PID/tree" -> View */
	Feeds *feeds;
};

/* One process of a view. */
typedef struct {
	View *view;
	Feed *feed;
	char *status;			/* JSON */
} Source;

typedef struct {
	const ViewFuncs *funcs;
	gpointer data;
} Follower;

/* A document that is there, or is being made for some. */
typedef struct {
	View *view;			/* NULL: it is gone meanwhile */
	guint window;
	GBytes *bytes;
	guint64 generation;		/* of bytes */
	gboolean is_building;
	GPtrArray *waiters;		/* ServeRequest *, references */
} Document;

struct _View {
	Views *all;
	Builder *builder;
	char *key, *title;
	GPtrArray *sources;		/* Source * */
	GPtrArray *followers;		/* Follower * */
	GPtrArray *documents;		/* Document * */
	guint hold, status, telling;
	guint64 generation, status_generation;
	gint64 scanned_us;
};

/* --- documents ---------------------------------------------------------------------- */

static void document_free(Document *d)
{
	g_clear_pointer(&d->bytes, g_bytes_unref);
	g_ptr_array_unref(d->waiters);
	g_free(d);
}

/* They answer when the client is still there; the array is emptied first. */
static void tell_waiters(Document *d, const GError *error)
{
	g_autoptr(GPtrArray) waiters = g_steal_pointer(&d->waiters);
	guint i;

	d->waiters = g_ptr_array_new();
	for (i = 0; i < waiters->len; i++) {
		ServeRequest *r = waiters->pdata[i];

		if (error)
			serve_refuse_error(r, error);
		else
			serve_answer(r, "application/json", d->bytes);
		serve_request_unref(r);
	}
}

static GPtrArray *fragments(View *v, guint window)
{
	gint64 from = g_get_monotonic_time() - window * G_USEC_PER_SEC;
	GPtrArray *feeds = g_ptr_array_new_with_free_func(
		(GDestroyNotify)g_ptr_array_unref);
	guint i;

	for (i = 0; i < v->sources->len; i++)
		g_ptr_array_add(feeds, feed_since(
			((Source *)v->sources->pdata[i])->feed, from));
	return feeds;
}

static void document_built(gpointer data, GBytes *bytes, const GError *error)
{
	Document *d = data;

	d->is_building = FALSE;
	if (bytes) {
		g_clear_pointer(&d->bytes, g_bytes_unref);
		d->bytes = g_bytes_ref(bytes);
	}
	tell_waiters(d, error);
	if (!d->view)
		document_free(d);
}

/* Nothing came yet: it is built when the first fragment does. */
static void build_document(Document *d)
{
	View *v = d->view;
	g_autoptr(GPtrArray) feeds = NULL;
	Build what = { .kind = BUILD_PAGE, .title = v->title };

	if (d->is_building || v->generation == 0)
		return;
	feeds = fragments(v, d->window);
	what.feeds = feeds;
	d->generation = v->generation;
	d->is_building = TRUE;
	build(v->builder, &what, document_built, d);
}

static Document *document_of(View *v, guint window)
{
	Document *d;
	guint i;

	for (i = 0; i < v->documents->len; i++) {
		d = v->documents->pdata[i];
		if (d->window == window)
			return d;
	}
	d = g_new0(Document, 1);
	d->view = v;
	d->window = window;
	d->waiters = g_ptr_array_new();
	g_ptr_array_add(v->documents, d);
	return d;
}

/* --- life --------------------------------------------------------------------------- */

static void source_free(gpointer data)
{
	Source *s = data;

	feed_unlisten(s->feed, s);
	feed_close(s->feed);
	g_free(s->status);
	g_free(s);
}

static void release_documents(View *v)
{
	g_autoptr(GError) gone = g_error_new_literal(
		G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "it is no longer watched");
	guint i;

	for (i = 0; i < v->documents->len; i++) {
		Document *d = v->documents->pdata[i];

		d->view = NULL;
		if (d->is_building)
			continue;	/* freed when it is done */
		tell_waiters(d, gone);
		document_free(d);
	}
	g_ptr_array_unref(v->documents);
}

static void view_free(gpointer data)
{
	View *v = data;

	g_clear_handle_id(&v->hold, g_source_remove);
	g_clear_handle_id(&v->status, g_source_remove);
	release_documents(v);
	g_ptr_array_unref(v->sources);
	g_ptr_array_unref(v->followers);
	g_free(v->key);
	g_free(v->title);
	g_free(v);
}

static void close_unused(View *v)
{
	if (v->followers->len == 0 && v->hold == 0)
		g_hash_table_remove(v->all->by_key, v->key);
}

static gboolean hold_ends(gpointer data)
{
	View *v = data;

	v->hold = 0;
	close_unused(v);
	return G_SOURCE_REMOVE;
}

static void hold(View *v)
{
	g_clear_handle_id(&v->hold, g_source_remove);
	v->hold = g_timeout_add_seconds(HOLD_S, hold_ends, v);
}

Views *views_new(Feeds *feeds)
{
	Views *all = g_new(Views, 1);

	all->feeds = feeds;
	all->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
					    view_free);
	return all;
}

void views_free(Views *all)
{
	g_hash_table_unref(all->by_key);
	g_free(all);
}

/* --- what comes ----------------------------------------------------------------------- */

/* A follower may leave while it is told, but not the view: it is held. */
static void tell_followers(View *v)
{
	guint i;

	for (i = v->followers->len; i-- > 0;) {
		const Follower *f = v->followers->pdata[i];

		f->funcs->changed(f->data);
		i = MIN(i, v->followers->len);
	}
}

static void fragment(gpointer data, GBytes *bytes)
{
	View *v = ((Source *)data)->view;
	guint i;

	(void)bytes;
	v->generation++;
	for (i = 0; i < v->documents->len; i++)
		if (((Document *)v->documents->pdata[i])->waiters->len > 0)
			build_document(v->documents->pdata[i]);
	tell_followers(v);
}

const char *view_ended(const View *v)
{
	const char *why = NULL;
	guint i;

	for (i = 0; i < v->sources->len; i++) {
		why = feed_ended(((Source *)v->sources->pdata[i])->feed);
		if (!why)
			return NULL;
	}
	return why ? why : "there is no process";
}

static void ended(gpointer data)
{
	View *v = ((Source *)data)->view;
	g_autoptr(GError) over = NULL;
	guint i;

	v->status_generation++;
	if (view_ended(v) && v->generation == 0) {
		over = g_error_new(G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
				   "it ended before anything came: %s",
				   view_ended(v));
		for (i = 0; i < v->documents->len; i++)
			tell_waiters(v->documents->pdata[i], over);
	}
	tell_followers(v);
}

static void took_status(gpointer data, JsonObject *status)
{
	Source *s = data;
	g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

	json_object_set_int_member(status, "pid", feed_pid(s->feed));
	json_object_set_int_member(status, "missed",
				   (gint64)feed_missed(s->feed));
	json_node_set_object(node, status);
	g_free(s->status);
	s->status = json_to_string(node, FALSE);
	s->view->status_generation++;
	tell_followers(s->view);
}

static const FeedFuncs feed_funcs = {
	.fragment = fragment, .ended = ended, .status = took_status,
};

char *view_statuses(const View *v)
{
	g_autoptr(GString) text = g_string_new("[");
	guint i;

	for (i = 0; i < v->sources->len; i++) {
		const Source *s = v->sources->pdata[i];

		if (!s->status)
			continue;
		if (text->len > 1)
			g_string_append_c(text, ',');
		g_string_append(text, s->status);
	}
	g_string_append_c(text, ']');
	return g_strdup(text->str);
}

guint64 view_generation(const View *v)
{
	return v->generation;
}

guint64 view_status_generation(const View *v)
{
	return v->status_generation;
}

/* --- opening --------------------------------------------------------------------------- */

static gboolean has_source(const View *v, gint32 pid)
{
	guint i;

	for (i = 0; i < v->sources->len; i++) {
		const Source *s = v->sources->pdata[i];

		if (feed_pid(s->feed) == pid && !feed_ended(s->feed))
			return TRUE;
	}
	return FALSE;
}

static void add_sources(View *v, const ServeTargets *targets)
{
	guint i;

	for (i = 0; i < targets->count; i++) {
		Source *s;

		if (has_source(v, targets->pids[i]))
			continue;
		s = g_new0(Source, 1);
		s->view = v;
		s->feed = feed_open(v->all->feeds, targets->pids[i],
				    targets->paths[i]);
		feed_listen(s->feed, &feed_funcs, s);
		g_ptr_array_add(v->sources, s);
	}
	v->scanned_us = g_get_monotonic_time();
}

static char *key_of(const ServeRequest *r)
{
	return g_strdup_printf("%d%s", r->pid, r->tree ? "/tree" : "");
}

static View *lookup(ServeRequest *r)
{
	g_autofree char *key = key_of(r);

	return g_hash_table_lookup(r->serve->views->by_key, key);
}

static char *make_title(const ServeRequest *r, const ServeTargets *targets)
{
	const char *program = targets->programs[0];
	guint i;

	for (i = 0; i < targets->count; i++)
		if (targets->pids[i] == r->pid)
			program = targets->programs[i];
	return g_strdup_printf("%s (%d%s)", program, r->pid,
			       r->tree ? " and what came from it" : "");
}

View *view_open(ServeRequest *r, const ServeTargets *targets)
{
	View *v = lookup(r);

	if (!v) {
		v = g_new0(View, 1);
		v->all = r->serve->views;
		v->builder = r->serve->builder;
		v->key = key_of(r);
		v->title = make_title(r, targets);
		v->sources = g_ptr_array_new_with_free_func(source_free);
		v->followers = g_ptr_array_new_with_free_func(g_free);
		v->documents = g_ptr_array_new();
		g_hash_table_insert(v->all->by_key, v->key, v);
	}
	add_sources(v, targets);
	hold(v);
	return v;
}

static gboolean ask_statuses(gpointer data)
{
	View *v = data;
	guint i;

	for (i = 0; i < v->sources->len; i++)
		feed_ask_status(((Source *)v->sources->pdata[i])->feed);
	return G_SOURCE_CONTINUE;
}

void view_follow(View *v, const ViewFuncs *funcs, gpointer data)
{
	Follower *f = g_new(Follower, 1);

	*f = (Follower){ funcs, data };
	g_ptr_array_add(v->followers, f);
	if (v->status == 0)
		v->status = g_timeout_add(STATUS_MS, ask_statuses, v);
}

void view_unfollow(View *v, gpointer data)
{
	guint i;

	for (i = v->followers->len; i-- > 0;)
		if (((Follower *)v->followers->pdata[i])->data == data)
			g_ptr_array_remove_index(v->followers, i);
	if (v->followers->len > 0)
		return;
	g_clear_handle_id(&v->status, g_source_remove);
	/* whoever follows is the last to go: no need to wait */
	g_clear_handle_id(&v->hold, g_source_remove);
	v->hold = g_idle_add(hold_ends, v);
}

/* --- routes: the document ----------------------------------------------------------------- */

static void give_document(ServeRequest *r, View *v)
{
	Document *d;
	guint window;

	if (!serve_query_number(r, "window", 1, FEED_SECONDS, WINDOW_S,
				&window))
		return;
	hold(v);
	d = document_of(v, window);
	if (d->bytes && d->generation == v->generation && !d->is_building) {
		serve_answer(r, "application/json", d->bytes);
		return;
	}
	serve_wait(r, NULL);
	g_ptr_array_add(d->waiters, serve_request_ref(r));
	build_document(d);
}

static void found_for_document(ServeRequest *r, const ServeTargets *targets)
{
	give_document(r, view_open(r, targets));
}

/* Looks again for processes only where there may be new ones. */
void serve_view_document(ServeRequest *r)
{
	View *v = lookup(r);
	guint window;

	if (!serve_query_number(r, "window", 1, FEED_SECONDS, WINDOW_S,
				&window))
		return;
	if (v && ((view_ended(v) && v->generation > 0) ||
		  (!view_ended(v) &&
		   (!r->tree || g_get_monotonic_time() - v->scanned_us <
					RESCAN_US))))
		give_document(r, v);
	else
		serve_find(r, found_for_document);
}

/* --- routes: what was seen so far, as a file and as a table ---------------------------------- */

static gboolean is_csv(const ServeRequest *r)
{
	return g_str_has_suffix(r->route->path, ".csv");
}

static BuildKind kind_of(const ServeRequest *r)
{
	if (r->route->handle != serve_view_table)
		return BUILD_FILE;
	return is_csv(r) ? BUILD_TABLE_CSV : BUILD_TABLE;
}

static void built(gpointer data, GBytes *result, const GError *error)
{
	ServeRequest *r = data;
	gboolean csv = is_csv(r);
	g_autofree char *name = g_strdup_printf("%d.%s", r->pid,
						csv ? "csv" : "pb.gz");

	if (!result) {
		serve_refuse_error(r, error);
	} else if (kind_of(r) == BUILD_TABLE) {
		serve_answer(r, "application/json", result);
	} else {
		serve_as_file(r, name);
		serve_answer(r, csv ? "text/csv; charset=utf-8"
				    : "application/octet-stream", result);
	}
	serve_request_unref(r);
}

static void give_result(ServeRequest *r, GRegex *filter, guint limit,
			guint window)
{
	View *v = lookup(r);
	g_autoptr(GPtrArray) feeds = NULL;
	Build what = { .filter = filter, .limit = limit };

	if (!v || v->generation == 0) {
		serve_refuse(r, SOUP_STATUS_NOT_FOUND, "nobody watches it now, "
			     "so nothing was seen; /processes/%d/ does, and "
			     "/processes/%d/debug/pprof/profile?seconds=10 "
			     "takes a new profile", r->pid, r->pid);
		return;
	}
	feeds = fragments(v, window);
	what.kind = kind_of(r);
	what.feeds = feeds;
	serve_wait(r, NULL);
	build(v->builder, &what, built, serve_request_ref(r));
}

void serve_view_file(ServeRequest *r)
{
	guint window;

	if (serve_query_number(r, "window", 1, FEED_SECONDS, FEED_SECONDS,
			       &window))
		give_result(r, NULL, 0, window);
}

void serve_view_table(ServeRequest *r)
{
	const char *source = serve_query(r, "filter");
	g_autoptr(GError) error = NULL;
	g_autoptr(GRegex) filter = NULL;
	guint window, limit;

	if (!serve_query_number(r, "window", 1, FEED_SECONDS, WINDOW_S,
				&window) ||
	    !serve_query_number(r, "limit", 1, 100000, ROWS, &limit))
		return;
	filter = source ? selection_regex("filter", source, &error) : NULL;
	if (error)
		serve_refuse(r, SOUP_STATUS_BAD_REQUEST, "%s",
			     error->message);
	else
		give_result(r, filter, limit, window);
}

/* --- routes: the page --------------------------------------------------------------------------- */

static void replace_once(GString *text, const char *what, const char *with)
{
	/* a page that lacks it was changed without this; a test sees it */
	g_string_replace(text, what, with, 1);
}

static void found_for_page(ServeRequest *r, const ServeTargets *targets)
{
	g_autoptr(GBytes) part = page_part("index.html");
	gsize size;
	const char *html = g_bytes_get_data(part, &size);
	g_autoptr(GString) page = g_string_new_len(html, (gssize)size);
	g_autofree char *head = g_strdup_printf(
		"<html lang=\"en\" data-profile=\"/api/processes/%d%s/"
		"profile.json\" data-events=\"/api/processes/%d%s/events\" "
		"data-process=\"%d%s\" data-role=\"%s\">",
		r->pid, r->tree ? "/tree" : "", r->pid, r->tree ? "/tree" : "",
		r->pid, r->tree ? "/tree" : "",
		r->role == ROLE_CONTROL ? "control" : "view");

	(void)targets;
	replace_once(page, "<html lang=\"en\">", head);
	replace_once(page, "<link rel=\"stylesheet\" href=\"style.css\">",
		     "<link rel=\"stylesheet\" href=\"/web/style.css\">\n"
		     "<link rel=\"stylesheet\" href=\"/web/live.css\">");
	replace_once(page, "src=\"app.js\"", "src=\"/web/app.js\"");
	serve_answer_text(r, "text/html; charset=utf-8", page->str);
}

void serve_view_page(ServeRequest *r)
{
	serve_find(r, found_for_page);
}

static const struct {
	const char *suffix, *type;
} part_types[] = {
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".html", "text/html; charset=utf-8" },
	{ ".json", "application/json" },
};

void serve_view_part(ServeRequest *r)
{
	g_autoptr(GBytes) part = page_part(r->name);
	gsize i;

	for (i = 0; part && i < G_N_ELEMENTS(part_types); i++) {
		if (!g_str_has_suffix(r->name, part_types[i].suffix))
			continue;
		serve_answer(r, part_types[i].type, part);
		return;
	}
	serve_refuse(r, SOUP_STATUS_NOT_FOUND, "the page has no part %s",
		     r->name);
}
