/* SPDX-License-Identifier: MIT */
/* client: see client.h. */
#include "tools/client.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>

#include "agent/control-proto.h"
#include "tools/control-stream.h"

#define CHUNK 65536	/* bytes read at once */

struct _Client {
	GSocketConnection *connection;
	ControlStream stream;
	gint32 pid;
	char *run_id;
};

gboolean client_is_ok(JsonObject *answer, GError **error)
{
	JsonNode *ok = json_object_get_member(answer, "ok");
	const char *text = control_stream_text(answer, "error");

	if (ok && JSON_NODE_HOLDS_VALUE(ok) && json_node_get_boolean(ok))
		return TRUE;
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED,
			    text[0] ? text : "refused without a reason");
	return FALSE;
}

gboolean client_check_greeting(JsonObject *greeting, GError **error)
{
	gint64 protocol = control_stream_number(greeting, "profagent");

	if (protocol == CONTROL_PROTOCOL)
		return TRUE;
	if (protocol > 0)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
			    "its agent is of another version (%s)",
			    control_stream_text(greeting, "version"));
	else if (client_is_ok(greeting, error))
		g_set_error_literal(error, G_IO_ERROR,
				    G_IO_ERROR_INVALID_DATA,
				    "what answers is no agent of ours");
	return FALSE;
}

/* The last fragment before the answer goes to *before, the others away. */
static JsonObject *read_answer(Client *c, GBytes **before, GError **error)
{
	GInputStream *in = g_io_stream_get_input_stream(
		G_IO_STREAM(c->connection));
	guint8 chunk[CHUNK];
	gssize got;

	for (;;) {
		g_autoptr(GBytes) fragment = NULL;
		JsonObject *answer = NULL;
		ControlStreamEvent event = control_stream_next(
			&c->stream, &answer, &fragment, error);

		if (event == CONTROL_STREAM_ANSWER)
			return answer;
		if (event == CONTROL_STREAM_BROKEN)
			return NULL;
		if (event == CONTROL_STREAM_MEMBER) {
			g_clear_pointer(before, g_bytes_unref);
			*before = g_steal_pointer(&fragment);
			continue;
		}
		got = g_input_stream_read(in, chunk, sizeof(chunk), NULL,
					  error);
		if (got > 0) {
			control_stream_push(&c->stream, chunk, (gsize)got);
			continue;
		}
		if (got == 0)
			g_set_error_literal(error, G_IO_ERROR,
					    G_IO_ERROR_CLOSED, "it has ended");
		return NULL;
	}
}

static gboolean connect_to(Client *c, const char *path, GError **error)
{
	g_autoptr(GSocketClient) client = g_socket_client_new();
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);

	g_socket_client_set_timeout(client, CLIENT_TIMEOUT);
	g_socket_client_set_enable_proxy(client, FALSE);
	c->connection = g_socket_client_connect(
		client, G_SOCKET_CONNECTABLE(address), NULL, error);
	return c->connection != NULL;
}

Client *client_new(const char *path, GError **error)
{
	g_autoptr(Client) c = g_new0(Client, 1);
	g_autoptr(JsonObject) greeting = NULL;
	g_autoptr(GBytes) none = NULL;

	control_stream_init(&c->stream);
	if (!connect_to(c, path, error))
		return NULL;
	greeting = read_answer(c, &none, error);
	if (!greeting || !client_check_greeting(greeting, error))
		return NULL;
	c->pid = (gint32)control_stream_number(greeting, "pid");
	c->run_id = g_strdup(control_stream_text(greeting, "run_id"));
	return g_steal_pointer(&c);
}

void client_free(Client *c)
{
	g_clear_object(&c->connection);
	control_stream_release(&c->stream);
	g_free(c->run_id);
	g_free(c);
}

gint32 client_pid(const Client *c)
{
	return c->pid;
}

const char *client_run_id(const Client *c)
{
	return c->run_id;
}

static JsonObject *ask(Client *c, const char *request, GBytes **before,
		       GError **error)
{
	GOutputStream *out = g_io_stream_get_output_stream(
		G_IO_STREAM(c->connection));
	g_autofree char *line = g_strconcat(request, "\n", NULL);
	g_autoptr(JsonObject) answer = NULL;

	if (!g_output_stream_write_all(out, line, strlen(line), NULL, NULL,
				       error))
		return NULL;
	answer = read_answer(c, before, error);
	if (!answer || !client_is_ok(answer, error))
		return NULL;
	return g_steal_pointer(&answer);
}

JsonObject *client_ask(Client *c, const char *request, GError **error)
{
	g_autoptr(GBytes) before = NULL;

	return ask(c, request, &before, error);
}

GBytes *client_ask_frame(Client *c, const char *request, GError **error)
{
	g_autoptr(GBytes) before = NULL;
	g_autoptr(JsonObject) answer = ask(c, request, &before, error);

	if (!answer)
		return NULL;
	if (!before)
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
				    "its agent answered without a fragment");
	return g_steal_pointer(&before);
}
