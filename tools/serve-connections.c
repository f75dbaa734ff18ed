/* SPDX-License-Identifier: MIT */
/* serve-connections: see serve-connections.h. */
#include "tools/serve-connections.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGAIN_MS 100		/* after an accept() that failed */
#define OTHER_FILES 200		/* descriptors that are not connections */
#define KEY "profagent-connection"

struct _Connections {
	SoupServer *server;
	GTlsCertificate *certificate;
	GSocketListener *listener;
	GCancellable *cancel;
	GQueue fresh;			/* Connection: nothing proven yet */
	guint count, max, again;
	char *address, *unlink;
};

/*
 * Belongs to its stream, and to the address by which a request finds it. The
 * stream may be gone: `socket` is NULL then.
 */
struct _Connection {
	Connections *all;
	GSocketConnection *socket;
	GList *link;			/* in fresh, or NULL */
	gint64 uid;
	char *peer;
};

/* --- one -------------------------------------------------------------------------- */

static void connection_clear(gpointer data)
{
	g_free(((Connection *)data)->peer);
}

static void connection_release(gpointer data)
{
	g_rc_box_release_full(data, connection_clear);
}

void connection_prove(Connection *c)
{
	if (c->link)
		g_queue_delete_link(&c->all->fresh, c->link);
	c->link = NULL;
}

static void stream_gone(gpointer data)
{
	Connection *c = data;

	connection_prove(c);
	c->socket = NULL;
	c->all->count--;
	connection_release(c);
}

Connection *connection_of(SoupServerMessage *msg)
{
	GSocketAddress *address = soup_server_message_get_remote_address(msg);
	Connection *c = address ? g_object_get_data(G_OBJECT(address), KEY)
				: NULL;

	return c && c->socket ? c : NULL;
}

gint64 connection_uid(const Connection *c)
{
	return c->uid;
}

const char *connection_peer(const Connection *c)
{
	return c->peer;
}

GSocket *connection_socket(const Connection *c)
{
	return g_socket_connection_get_socket(c->socket);
}

static void identify(Connection *c, GSocketAddress *remote)
{
	g_autoptr(GCredentials) who = NULL;

	c->uid = -1;
	if (G_IS_INET_SOCKET_ADDRESS(remote)) {
		c->peer = g_inet_address_to_string(
			g_inet_socket_address_get_address(
				G_INET_SOCKET_ADDRESS(remote)));
		return;
	}
	who = g_socket_get_credentials(connection_socket(c), NULL);
	if (who)
		c->uid = g_credentials_get_unix_user(who, NULL);
	c->peer = g_strdup_printf("uid %" G_GINT64_FORMAT, c->uid);
}

/* --- coming in ------------------------------------------------------------------------ */

static void make_room(Connections *all)
{
	Connection *oldest = g_queue_peek_head(&all->fresh);

	if (all->count <= all->max || !oldest)
		return;
	connection_prove(oldest);	/* not chosen twice */
	g_socket_shutdown(connection_socket(oldest), TRUE, TRUE, NULL);
}

static void serve(Connections *all, GSocketConnection *socket)
{
	g_autoptr(GSocketAddress) remote =
		g_socket_connection_get_remote_address(socket, NULL);
	g_autoptr(GSocketAddress) local =
		g_socket_connection_get_local_address(socket, NULL);
	g_autoptr(GIOStream) stream = NULL;
	Connection *c;

	if (!remote || !local || (all->count >= all->max + OTHER_FILES / 2))
		return;			/* it has left again, or is too much */
	c = g_rc_box_new0(Connection);
	c->all = all;
	c->socket = socket;
	identify(c, remote);
	g_socket_set_timeout(connection_socket(c), CONNECTIONS_IDLE);
	g_object_set_data_full(G_OBJECT(socket), KEY, c, stream_gone);
	g_object_set_data_full(G_OBJECT(remote), KEY, g_rc_box_acquire(c),
			       connection_release);
	g_queue_push_tail(&all->fresh, c);
	c->link = all->fresh.tail;
	all->count++;
	stream = all->certificate
		? g_tls_server_connection_new(G_IO_STREAM(socket),
					      all->certificate, NULL)
		: g_object_ref(G_IO_STREAM(socket));
	if (stream)
		soup_server_accept_iostream(all->server, stream, local, remote,
					    NULL);
	make_room(all);
}

static void accept_next(Connections *all);

static gboolean try_again(gpointer data)
{
	Connections *all = data;

	all->again = 0;
	accept_next(all);
	return G_SOURCE_REMOVE;
}

static void accepted(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GSocketConnection) socket = g_socket_listener_accept_finish(
		G_SOCKET_LISTENER(source), result, NULL, &error);
	Connections *all = data;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;			/* `all` is gone */
	if (socket)
		serve(all, socket);
	if (socket)
		accept_next(all);
	else
		all->again = g_timeout_add(AGAIN_MS, try_again, all);
}

static void accept_next(Connections *all)
{
	g_socket_listener_accept_async(all->listener, all->cancel, accepted,
				       all);
}

/* --- addresses ------------------------------------------------------------------------- */

static GSocketAddress *parse(const char *address, GError **error)
{
	g_autoptr(GSocketConnectable) name = NULL;
	g_autoptr(GSocketAddressEnumerator) found = NULL;
	GSocketAddress *first;

	if (g_str_has_prefix(address, "unix:") && address[5])
		return g_unix_socket_address_new(address + 5);
	name = g_network_address_parse(address, 8912, error);
	if (!name)
		return NULL;
	found = g_socket_connectable_enumerate(name);
	first = g_socket_address_enumerator_next(found, NULL, error);
	if (!first && error && !*error)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
			    "there is no such address");
	return first;
}

gboolean connections_is_address(const char *text)
{
	g_autoptr(GSocketConnectable) name = NULL;

	if (g_str_has_prefix(text, "unix:"))
		return text[5] != '\0';
	name = g_network_address_parse(text, 8912, NULL);
	return name && g_network_address_get_hostname(
			       G_NETWORK_ADDRESS(name))[0] != '\0';
}

gboolean connections_is_local(const char *address)
{
	g_autoptr(GSocketAddress) parsed = parse(address, NULL);

	if (!parsed || !G_IS_INET_SOCKET_ADDRESS(parsed))
		return TRUE;		/* a path, or refused when it is used */
	return g_inet_address_get_is_loopback(
		g_inet_socket_address_get_address(
			G_INET_SOCKET_ADDRESS(parsed)));
}

/* Only a socket to which nobody listens may be taken away. */
static void remove_stale(const char *path)
{
	g_autoptr(GSocketClient) client = g_socket_client_new();
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
	g_autoptr(GSocketConnection) there = NULL;
	g_autoptr(GError) error = NULL;
	struct stat st;

	if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	there = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address),
					NULL, &error);
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
		unlink(path);
}

static char *write_address(GSocketAddress *address)
{
	GInetAddress *host;
	g_autofree char *text = NULL;

	if (!G_IS_INET_SOCKET_ADDRESS(address))
		return g_strconcat("unix:", g_unix_socket_address_get_path(
			G_UNIX_SOCKET_ADDRESS(address)), NULL);
	host = g_inet_socket_address_get_address(
		G_INET_SOCKET_ADDRESS(address));
	text = g_inet_address_to_string(host);
	return g_strdup_printf(
		g_inet_address_get_family(host) == G_SOCKET_FAMILY_IPV6
			? "[%s]:%u" : "%s:%u", text,
		g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address)));
}

gboolean connections_listen(Connections *all, const char *address,
			    GError **error)
{
	g_autoptr(GSocketAddress) wanted = parse(address, error);
	g_autoptr(GSocketAddress) got = NULL;
	gboolean unix_socket = wanted && G_IS_UNIX_SOCKET_ADDRESS(wanted);
	mode_t mask = umask(unix_socket ? 0177 : 0);
	gboolean ok;

	if (!unix_socket)
		umask(mask);
	else
		remove_stale(address + 5);
	ok = wanted && g_socket_listener_add_address(
		all->listener, wanted, G_SOCKET_TYPE_STREAM,
		G_SOCKET_PROTOCOL_DEFAULT, NULL, &got, error);
	umask(mask);
	if (!ok) {
		g_prefix_error(error, "cannot listen on %s: ", address);
		return FALSE;
	}
	all->address = write_address(got);
	if (unix_socket)
		all->unlink = g_strdup(address + 5);
	accept_next(all);
	return TRUE;
}

const char *connections_address(const Connections *all)
{
	return all->address;
}

gboolean connections_is_unix(const Connections *all)
{
	return all->unlink != NULL;
}

guint connections_count(const Connections *all)
{
	return all->count;
}

/* --- all of them --------------------------------------------------------------------------- */

static guint raise_limit(void)
{
	struct rlimit limit;
	rlim_t wanted = CONNECTIONS_MAX + OTHER_FILES;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return OTHER_FILES;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = MIN(wanted, limit.rlim_max);
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= wanted)
		return CONNECTIONS_MAX;
	return limit.rlim_cur > 2 * OTHER_FILES
		       ? (guint)limit.rlim_cur - OTHER_FILES
		       : (guint)limit.rlim_cur / 2;
}

Connections *connections_new(SoupServer *server, GTlsCertificate *certificate)
{
	Connections *all = g_new0(Connections, 1);

	all->server = g_object_ref(server);
	if (certificate)
		all->certificate = g_object_ref(certificate);
	all->listener = g_socket_listener_new();
	g_socket_listener_set_backlog(all->listener, 256);
	all->cancel = g_cancellable_new();
	all->max = raise_limit();
	g_queue_init(&all->fresh);
	return all;
}

/* Its connections are those of libsoup, and go with the server. */
void connections_free(Connections *all)
{
	g_cancellable_cancel(all->cancel);
	g_clear_handle_id(&all->again, g_source_remove);
	g_socket_listener_close(all->listener);
	soup_server_disconnect(all->server);
	g_object_unref(all->listener);
	g_object_unref(all->cancel);
	g_clear_object(&all->certificate);
	g_object_unref(all->server);
	if (all->unlink)
		unlink(all->unlink);
	g_free(all->unlink);
	g_free(all->address);
	g_free(all);
}
