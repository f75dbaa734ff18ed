/* SPDX-License-Identifier: MIT */
/* watch: see watch.h. */
#include "tools/watch.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>

#include "tools/client.h"
#include "tools/control-stream.h"

#define CHUNK 65536
#define AGAIN_MS 1000		/* between two attempts to connect */

typedef enum {
	WATCH_AWAY,		/* no connection */
	WATCH_CONNECTING,
	WATCH_GREETING,		/* connected, says hello */
	WATCH_STATUS,		/* "status" was asked for */
	WATCH_SUBSCRIBING,
	WATCH_FLUSHING,
	WATCH_WATCHING,
} WatchState;

struct _Watch {
	guint refs;			/* one for each Pending, one for its owner */
	guint serial;			/* of the connection: what was begun on
					 * an earlier one is of no interest */
	char *path;
	WatchFind find;
	const WatchFuncs *funcs;
	gpointer data;
	WatchState state;
	GCancellable *cancel;		/* of what is under way */
	GSocketConnection *connection;
	ControlStream stream;
	guint again;			/* source id of the next attempt */
	guint64 number;			/* of the last fragment, 0: none yet */
	GString *out;			/* not yet sent */
	gboolean sending;
};

/* Something that was begun and will call back, whatever happens meanwhile. */
typedef struct {
	Watch *watch;
	guint serial;
	gpointer buffer;
} Pending;

static void begin(Watch *w);

static Pending *pending_new(Watch *w, gpointer buffer)
{
	Pending *p = g_new(Pending, 1);

	*p = (Pending){ w, w->serial, buffer };
	w->refs++;
	return p;
}

static void watch_unref(Watch *w)
{
	if (--w->refs > 0)
		return;
	g_string_free(w->out, TRUE);
	g_free(w->path);
	g_free(w);
}

static void pending_free(Pending *p)
{
	watch_unref(p->watch);
	g_free(p->buffer);
	g_free(p);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pending, pending_free)

static gboolean is_current(const Pending *p)
{
	return p->serial == p->watch->serial;
}

/* --- losing it ------------------------------------------------------------------ */

static void disconnect(Watch *w)
{
	w->serial++;
	if (w->cancel)
		g_cancellable_cancel(w->cancel);
	g_clear_object(&w->cancel);
	if (w->connection)
		g_io_stream_close(G_IO_STREAM(w->connection), NULL, NULL);
	g_clear_object(&w->connection);
	control_stream_release(&w->stream);
	g_string_truncate(w->out, 0);
	w->sending = FALSE;
	w->state = WATCH_AWAY;
}

static gboolean try_again(gpointer data)
{
	Watch *w = data;
	char *path = w->find(w->data);

	if (!path)
		return G_SOURCE_CONTINUE;
	w->again = 0;
	g_free(w->path);
	w->path = path;
	begin(w);
	return G_SOURCE_REMOVE;
}

static void lose(Watch *w, const char *why)
{
	disconnect(w);
	if (w->find && w->again == 0)
		w->again = g_timeout_add(AGAIN_MS, try_again, w);
	if (w->funcs->lost)
		w->funcs->lost(w->data, why);
}

/* --- sending ---------------------------------------------------------------------- */

static void send_next(Watch *w);

static void sent(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(Pending) p = data;
	g_autoptr(GError) error = NULL;
	gboolean ok = g_output_stream_write_all_finish(
		G_OUTPUT_STREAM(source), result, NULL, &error);

	if (!is_current(p))
		return;
	p->watch->sending = FALSE;
	if (ok)
		send_next(p->watch);
	else
		lose(p->watch, error->message);
}

/* Requests are few and short: what is asked meanwhile goes with the next. */
static void send_next(Watch *w)
{
	gsize size = w->out->len;
	char *text;

	if (w->sending || size == 0)
		return;
	w->sending = TRUE;
	text = g_strndup(w->out->str, size);
	g_string_truncate(w->out, 0);
	g_output_stream_write_all_async(
		g_io_stream_get_output_stream(G_IO_STREAM(w->connection)),
		text, size, G_PRIORITY_DEFAULT, w->cancel, sent,
		pending_new(w, text));
}

static void request(Watch *w, const char *line)
{
	g_string_append_printf(w->out, "%s\n", line);
	send_next(w);
}

void watch_ask(Watch *w, const char *line)
{
	if (w->state >= WATCH_SUBSCRIBING)
		request(w, line);
}

gboolean watch_is_connected(const Watch *w)
{
	return w->state == WATCH_WATCHING;
}

/* --- reading ------------------------------------------------------------------------ */

static void read_more(Watch *w);

static void greet(Watch *w, JsonObject *answer)
{
	g_autoptr(GError) error = NULL;

	if (!client_check_greeting(answer, &error)) {
		lose(w, error->message);
		return;
	}
	w->state = WATCH_STATUS;
	request(w, "status");
}

static gboolean is_refused(Watch *w, JsonObject *answer)
{
	g_autoptr(GError) error = NULL;

	if (client_is_ok(answer, &error))
		return FALSE;
	lose(w, error->message);
	return TRUE;
}

/* The flush brings a first fragment at once: what was counted before. */
static void take_answer(Watch *w, JsonObject *answer)
{
	switch (w->state) {
	case WATCH_GREETING:
		greet(w, answer);
		break;
	case WATCH_STATUS:
		w->state = WATCH_SUBSCRIBING;
		request(w, "subscribe\nflush");
		if (w->funcs->connected)
			w->funcs->connected(w->data, answer);
		break;
	case WATCH_SUBSCRIBING:
		if (is_refused(w, answer))
			break;
		w->state = WATCH_FLUSHING;
		break;
	case WATCH_FLUSHING:
		w->state = WATCH_WATCHING;
		break;
	default:
		if (w->funcs->answer)
			w->funcs->answer(w->data, answer);
	}
}

static void take_fragment(Watch *w, GBytes *fragment)
{
	guint64 number = w->stream.number;
	guint64 missed = w->number > 0 && number > w->number
				 ? number - w->number - 1
				 : 0;

	w->number = number;
	if (w->funcs->fragment)
		w->funcs->fragment(w->data, fragment, missed);
}

/* FALSE: bytes are wanted. */
static gboolean take_one(Watch *w)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(JsonObject) answer = NULL;
	g_autoptr(GBytes) fragment = NULL;

	switch (control_stream_next(&w->stream, &answer, &fragment, &error)) {
	case CONTROL_STREAM_ANSWER:
		take_answer(w, answer);
		return TRUE;
	case CONTROL_STREAM_MEMBER:
		take_fragment(w, fragment);
		return TRUE;
	case CONTROL_STREAM_BROKEN:
		lose(w, error->message);
		return FALSE;
	default:
		return FALSE;
	}
}

static void did_read(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(Pending) p = data;
	g_autoptr(GError) error = NULL;
	gssize got = g_input_stream_read_finish(G_INPUT_STREAM(source), result,
						&error);

	if (!is_current(p))
		return;
	if (got <= 0) {
		lose(p->watch, error ? error->message : "it has ended");
		return;
	}
	control_stream_push(&p->watch->stream, p->buffer, (gsize)got);
	/* what is called may free the Watch */
	while (is_current(p) && take_one(p->watch))
		;
	if (is_current(p))
		read_more(p->watch);
}

static void read_more(Watch *w)
{
	guint8 *chunk = g_malloc(CHUNK);

	g_input_stream_read_async(
		g_io_stream_get_input_stream(G_IO_STREAM(w->connection)),
		chunk, CHUNK, G_PRIORITY_DEFAULT, w->cancel, did_read,
		pending_new(w, chunk));
}

/* --- connecting ----------------------------------------------------------------------- */

static void did_connect(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(Pending) p = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GSocketConnection) connection =
		g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result,
					       &error);
	Watch *w = p->watch;

	if (!is_current(p))
		return;
	if (!connection) {
		lose(w, error->message);
		return;
	}
	w->connection = g_steal_pointer(&connection);
	w->state = WATCH_GREETING;
	w->number = 0;
	control_stream_init(&w->stream);
	read_more(w);
}

static void begin(Watch *w)
{
	g_autoptr(GSocketClient) client = g_socket_client_new();
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(w->path);

	g_socket_client_set_enable_proxy(client, FALSE);
	w->cancel = g_cancellable_new();
	w->state = WATCH_CONNECTING;
	g_socket_client_connect_async(client, G_SOCKET_CONNECTABLE(address),
				      w->cancel, did_connect,
				      pending_new(w, NULL));
}

static gboolean begin_later(gpointer data)
{
	Watch *w = data;

	w->again = 0;
	begin(w);
	return G_SOURCE_REMOVE;
}

Watch *watch_new(const char *path, WatchFind find, const WatchFuncs *funcs,
		 gpointer data)
{
	Watch *w = g_new0(Watch, 1);

	w->refs = 1;
	w->path = g_strdup(path);
	w->find = find;
	w->funcs = funcs;
	w->data = data;
	w->out = g_string_new(NULL);
	if (path)
		w->again = g_idle_add(begin_later, w);
	else
		w->again = g_timeout_add(AGAIN_MS, try_again, w);
	return w;
}

void watch_free(Watch *w)
{
	disconnect(w);
	if (w->again != 0)
		g_source_remove(w->again);
	w->again = 0;
	w->find = NULL;
	watch_unref(w);
}
