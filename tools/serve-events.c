/* SPDX-License-Identifier: MIT */
/*
 * serve-events: a stream of server-sent events for each viewer of a page. Events
 * say that there is something new, not what: a viewer that does not read misses
 * some, and gets the latest when it does.
 *
 *	data: {"number":N}		samples came
 *	event: status, data: [...]	of each process, as /api/processes/PID
 *	event: end, data: {"why":...}	nothing more will come
 */
#include <string.h>

#include "tools/json-out.h"
#include "tools/serve-view.h"

typedef struct {
	ServeRequest *request;
	View *view;
	guint64 sent, sent_status;	/* generations */
	gboolean is_writing, is_over;
} Viewer;

static void write_text(Viewer *w, const GString *text)
{
	SoupServerMessage *msg = w->request->msg;

	w->is_writing = TRUE;
	soup_message_body_append(soup_server_message_get_response_body(msg),
				 SOUP_MEMORY_COPY, text->str, text->len);
	if (w->is_over)
		soup_message_body_complete(
			soup_server_message_get_response_body(msg));
	soup_server_message_unpause(msg);
}

static void add_end(GString *text, const char *why)
{
	JsonOut out;

	g_string_append(text, "event: end\ndata: ");
	json_out_init(&out, text);
	json_out_open(&out, '{');
	json_out_key(&out, "why");
	json_out_string(&out, why);
	json_out_close(&out, '}');
	g_string_append(text, "\n\n");
}

static void send_news(Viewer *w)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const char *why = view_ended(w->view);

	if (w->is_writing || w->is_over)
		return;
	if (w->sent != view_generation(w->view)) {
		w->sent = view_generation(w->view);
		g_string_append_printf(text, "data: {\"number\":%"
				       G_GUINT64_FORMAT "}\n\n", w->sent);
	}
	if (w->sent_status != view_status_generation(w->view)) {
		g_autofree char *statuses = view_statuses(w->view);

		w->sent_status = view_status_generation(w->view);
		g_string_append_printf(text, "event: status\ndata: %s\n\n",
				       statuses);
	}
	if (why) {
		add_end(text, why);
		w->is_over = TRUE;
	}
	if (text->len > 0)
		write_text(w, text);
}

static void changed(gpointer data)
{
	send_news(data);
}

static const ViewFuncs funcs = { changed };

static void wrote(SoupServerMessage *msg, Viewer *w)
{
	(void)msg;
	w->is_writing = FALSE;
	send_news(w);
}

static void left(ServeRequest *r)
{
	Viewer *w = r->data;

	g_signal_handlers_disconnect_by_data(r->msg, w);
	view_unfollow(w->view, w);
	g_free(w);
	r->data = NULL;
	serve_request_unref(r);
}

static void found(ServeRequest *r, const ServeTargets *targets)
{
	SoupMessageHeaders *headers =
		soup_server_message_get_response_headers(r->msg);
	g_autoptr(GString) text = g_string_new("retry: 2000\n\n");
	Viewer *w = g_new0(Viewer, 1);

	w->request = serve_request_ref(r);
	w->view = view_open(r, targets);
	r->data = w;
	soup_server_message_set_status(r->msg, SOUP_STATUS_OK, NULL);
	soup_message_headers_set_encoding(headers, SOUP_ENCODING_CHUNKED);
	serve_header(r, "Content-Type", "text/event-stream");
	soup_message_body_set_accumulate(
		soup_server_message_get_response_body(r->msg), FALSE);
	g_signal_connect(r->msg, "wrote-chunk", G_CALLBACK(wrote), w);
	serve_wait(r, left);
	r->is_answered = TRUE;
	view_follow(w->view, &funcs, w);
	write_text(w, text);
}

void serve_view_events(ServeRequest *r)
{
	serve_find(r, found);
}
