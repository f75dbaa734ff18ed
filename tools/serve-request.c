/* SPDX-License-Identifier: MIT */
/* serve-request: what all routes need of a request and its answer; see serve.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "tools/json-out.h"
#include "tools/serve.h"
#include "tools/sockets.h"
#include "tools/targets.h"
#include "tools/text.h"

/* All that a page of ours may do is load its own parts and ask this server. */
static const char *const safe_headers[][2] = {
	{ "Content-Security-Policy", "default-src 'none'; script-src 'self'; "
	  "style-src 'self'; connect-src 'self'; img-src 'self' data:; "
	  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Cache-Control", "no-store" },
};

/* --- life ------------------------------------------------------------------------ */

ServeRequest *serve_request_ref(ServeRequest *r)
{
	r->refs++;
	return r;
}

static void stop_peeking(ServeRequest *r)
{
	if (r->peek)
		g_source_destroy(r->peek);
	g_clear_pointer(&r->peek, g_source_unref);
}

void serve_request_unref(ServeRequest *r)
{
	if (--r->refs > 0)
		return;
	stop_peeking(r);
	g_object_unref(r->msg);
	g_hash_table_unref(r->query);
	g_free(r->name);
	g_free(r->user);
	g_free(r);
}

/* The answer is out, or nobody is there to take it. */
static void finished(SoupServerMessage *msg, ServeRequest *r)
{
	(void)msg;
	r->is_gone = TRUE;
	stop_peeking(r);
	if (r->left)
		r->left(r);
	r->left = NULL;
	serve_request_unref(r);
}

/* --- waiting ---------------------------------------------------------------------- */

/*
 * libsoup does not look at a connection that waits. Bytes that come are the next
 * request; an end is one who does not want this one any more.
 */
static gboolean peek(GSocket *socket, GIOCondition condition, gpointer data)
{
	ServeRequest *r = data;
	char byte;
	gssize got = recv(g_socket_get_fd(socket), &byte, 1,
			  MSG_PEEK | MSG_DONTWAIT);

	(void)condition;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	g_clear_pointer(&r->peek, g_source_unref);
	if (got > 0)
		return G_SOURCE_REMOVE;
	r->is_gone = TRUE;
	if (r->left)
		r->left(r);
	r->left = NULL;
	if (!r->is_answered)
		soup_server_message_set_status(r->msg, SOUP_STATUS_REQUEST_TIMEOUT,
					       NULL);
	soup_message_body_complete(
		soup_server_message_get_response_body(r->msg));
	soup_server_message_unpause(r->msg);
	return G_SOURCE_REMOVE;
}

void serve_wait(ServeRequest *r, void (*left)(ServeRequest *r))
{
	Connection *c = connection_of(r->msg);

	r->left = left;
	if (r->is_paused || r->is_gone)
		return;
	r->is_paused = TRUE;
	soup_server_message_pause(r->msg);
	if (!c || r->peek)
		return;
	r->peek = g_socket_create_source(connection_socket(c), G_IO_IN, NULL);
	g_source_set_callback(r->peek, G_SOURCE_FUNC(peek), r, NULL);
	g_source_attach(r->peek, NULL);
}

/* --- answering --------------------------------------------------------------------- */

void serve_header(ServeRequest *r, const char *name, const char *value)
{
	soup_message_headers_replace(
		soup_server_message_get_response_headers(r->msg), name, value);
}

static void answer(ServeRequest *r, guint status, const char *type,
		   GBytes *body)
{
	if (r->is_gone || r->is_answered)
		return;
	r->is_answered = TRUE;
	r->left = NULL;
	soup_server_message_set_status(r->msg, status, NULL);
	serve_header(r, "Content-Type", type);
	if (g_bytes_get_size(body) > 0)
		soup_message_body_append_bytes(
			soup_server_message_get_response_body(r->msg), body);
	if (r->is_paused)
		soup_server_message_unpause(r->msg);
	r->is_paused = FALSE;
	stop_peeking(r);
}

void serve_answer(ServeRequest *r, const char *type, GBytes *body)
{
	answer(r, SOUP_STATUS_OK, type, body);
}

void serve_answer_text(ServeRequest *r, const char *type, const char *text)
{
	g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));

	serve_answer(r, type, body);
}

void serve_redirect(ServeRequest *r, const char *to)
{
	g_autoptr(GBytes) none = g_bytes_new(NULL, 0);

	serve_header(r, "Location", to);
	answer(r, SOUP_STATUS_SEE_OTHER, "text/plain; charset=utf-8", none);
}

static gboolean speaks_json(const ServeRequest *r)
{
	return g_str_has_prefix(
		g_uri_get_path(soup_server_message_get_uri(r->msg)), "/api/");
}

void serve_refuse(ServeRequest *r, guint status, const char *format, ...)
{
	g_autoptr(GString) body = g_string_new(NULL);
	g_autoptr(GBytes) bytes = NULL;
	g_autofree char *raw = NULL, *line = NULL;
	gboolean json = speaks_json(r);
	JsonOut out;
	va_list args;

	va_start(args, format);
	raw = g_strdup_vprintf(format, args);
	va_end(args);
	line = text_escape(raw);
	json_out_init(&out, body);
	if (json) {
		json_out_open(&out, '{');
		json_out_key(&out, "error");
		json_out_string(&out, line);
		json_out_close(&out, '}');
	} else {
		g_string_append(body, line);
		/* go tool pprof then shows the line, not the number alone */
		serve_header(r, "X-Go-Pprof", "1");
	}
	g_string_append_c(body, '\n');
	bytes = g_bytes_new(body->str, body->len);
	answer(r, status, json ? "application/json" :
	       "text/plain; charset=utf-8", bytes);
}

void serve_refuse_error(ServeRequest *r, const GError *error)
{
	static const struct {
		gint code;
		guint status;
	} kinds[] = {
		{ G_IO_ERROR_NOT_FOUND, SOUP_STATUS_NOT_FOUND },
		{ G_IO_ERROR_PERMISSION_DENIED, SOUP_STATUS_FORBIDDEN },
		{ G_IO_ERROR_NOT_SUPPORTED, SOUP_STATUS_NOT_IMPLEMENTED },
	};
	guint status = SOUP_STATUS_BAD_GATEWAY;
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (g_error_matches(error, G_IO_ERROR, kinds[i].code))
			status = kinds[i].status;
	serve_refuse(r, status, "%s", error->message);
}

void serve_as_file(ServeRequest *r, const char *filename)
{
	g_autofree char *value = NULL;
	g_autofree char *safe = g_strdup(filename);

	g_strcanon(safe, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		   "0123456789-_.", '_');
	value = g_strdup_printf("attachment; filename=\"%s\"", safe);
	serve_header(r, "Content-Disposition", value);
}

/* --- asking --------------------------------------------------------------------------- */

gboolean serve_wants_html(const ServeRequest *r)
{
	const char *accept = soup_message_headers_get_list(
		soup_server_message_get_request_headers(r->msg), "Accept");

	return accept && strstr(accept, "text/html") && !speaks_json(r);
}

const char *serve_query(const ServeRequest *r, const char *name)
{
	return g_hash_table_lookup(r->query, name);
}

gboolean serve_query_number(ServeRequest *r, const char *name, guint least,
			    guint most, guint preset, guint *n)
{
	const char *text = serve_query(r, name);
	guint64 got;

	*n = preset;
	if (!text)
		return TRUE;
	if (g_ascii_string_to_unsigned(text, 10, least, most, &got, NULL)) {
		*n = (guint)got;
		return TRUE;
	}
	serve_refuse(r, SOUP_STATUS_BAD_REQUEST,
		     "%s=%s is no whole number from %u to %u", name, text,
		     least, most);
	return FALSE;
}

char *serve_process_path(const ServeRequest *r)
{
	return g_strdup_printf("/processes/%d%s", r->pid,
			       r->tree ? "/tree" : "");
}

void serve_audit(const ServeRequest *r, const char *what)
{
	Connection *c = connection_of(r->msg);
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format_iso8601(now);
	g_autofree char *user = text_escape(r->user ? r->user : "");
	g_autofree char *text = text_escape(what);

	g_printerr("profagent serve: audit time=%s user=%s from=%s "
		   "process=%d%s %s\n", time, user,
		   c ? connection_peer(c) : "-", r->pid,
		   r->tree ? "/tree" : "", text);
}

/* --- processes ------------------------------------------------------------------------- */

typedef struct {
	ServeRequest *request;
	gint32 pid;
	gboolean tree;
	void (*found)(ServeRequest *r, const ServeTargets *targets);
} Find;

static void targets_free(gpointer data)
{
	ServeTargets *t = data;

	g_free(t->pids);
	g_strfreev(t->paths);
	g_strfreev(t->programs);
	g_free(t);
}

static char *word_of(gint32 pid)
{
	return g_strdup_printf("%d", pid);
}

static ServeTargets *find_targets(const Find *f, GError **error)
{
	char *words[] = { word_of(f->pid), NULL };
	const TargetQuery query = { .words = words, .tree = f->tree };
	g_autoptr(GPtrArray) list = targets_find(&query, error);
	g_autofree ServeTargets *t = g_new0(ServeTargets, 1);
	guint i;

	g_free(words[0]);
	if (!list)
		return NULL;
	t->pids = g_new0(gint32, list->len + 1);
	t->paths = g_new0(char *, list->len + 1);
	t->programs = g_new0(char *, list->len + 1);
	for (i = 0; i < list->len; i++) {
		const Target *one = list->pdata[i];

		if (!one->client) {
			if (list->len > 1)
				continue;
			g_propagate_error(error, g_error_copy(one->error));
			targets_free(g_steal_pointer(&t));
			return NULL;
		}
		t->pids[t->count] = one->pid;
		t->paths[t->count] = g_strdup(one->path);
		t->programs[t->count] = g_strdup(target_program(one));
		t->count++;
	}
	return g_steal_pointer(&t);
}

static void run_find(GTask *task, gpointer source, gpointer data,
		     GCancellable *cancel)
{
	GError *error = NULL;
	ServeTargets *t = find_targets(data, &error);

	(void)source;
	(void)cancel;
	if (t)
		g_task_return_pointer(task, t, targets_free);
	else
		g_task_return_error(task, error);
}

static void did_find(GObject *source, GAsyncResult *result, gpointer data)
{
	Find *f = g_task_get_task_data(G_TASK(result));
	g_autoptr(GError) error = NULL;
	ServeTargets *t = g_task_propagate_pointer(G_TASK(result), &error);

	(void)source;
	(void)data;
	if (!t)
		serve_refuse_error(f->request, error);
	else if (t->count == 0)
		serve_refuse(f->request, SOUP_STATUS_NOT_FOUND,
			     "none of these processes answers");
	else if (!f->request->is_gone)
		f->found(f->request, t);
	g_clear_pointer(&t, targets_free);
	serve_request_unref(f->request);
}

void serve_find(ServeRequest *r,
		void (*found)(ServeRequest *r, const ServeTargets *targets))
{
	g_autoptr(GTask) task = g_task_new(NULL, NULL, did_find, NULL);
	Find *f = g_new(Find, 1);

	*f = (Find){ serve_request_ref(r), r->pid, r->tree, found };
	serve_wait(r, NULL);
	g_task_set_task_data(task, f, g_free);
	g_task_run_in_thread(task, run_find);
}

/* --- coming in --------------------------------------------------------------------------- */

/* Nobody's body is of interest: what there is to say is in the address. */
static void ignore_body(SoupServer *soup, SoupServerMessage *msg,
			const char *path, GHashTable *query, gpointer data)
{
	(void)soup;
	(void)path;
	(void)query;
	(void)data;
	soup_message_body_set_accumulate(
		soup_server_message_get_request_body(msg), FALSE);
}

static void come_in(SoupServer *soup, SoupServerMessage *msg,
		    const char *path, GHashTable *query, gpointer data)
{
	ServeRequest *r = g_new0(ServeRequest, 1);
	gsize i;

	(void)soup;
	(void)path;
	r->refs = 2;			/* until it is finished, and for us */
	r->serve = data;
	r->msg = g_object_ref(msg);
	r->query = query ? g_hash_table_ref(query)
			 : g_hash_table_new(g_str_hash, g_str_equal);
	for (i = 0; i < G_N_ELEMENTS(safe_headers); i++)
		serve_header(r, safe_headers[i][0], safe_headers[i][1]);
	g_signal_connect(msg, "finished", G_CALLBACK(finished), r);
	serve_dispatch(r);
	if (!r->is_answered)
		serve_wait(r, r->left);
	serve_request_unref(r);
}

void serve_attach(Serve *s)
{
	soup_server_add_early_handler(s->soup, NULL, ignore_body, s, NULL);
	soup_server_add_handler(s->soup, NULL, come_in, s, NULL);
}
