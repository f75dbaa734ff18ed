/* SPDX-License-Identifier: MIT */
/*
 * serve-connections: who is connected to the server, and how many may be.
 *
 * Accepts, puts TLS on, and hands over to libsoup. There is room for a fixed
 * number; when it is used up, the oldest of those that never sent a request that
 * was let in makes room for the next: who scans or opens halves of connections
 * keeps nobody out. A connection that is silent for CONNECTIONS_IDLE seconds
 * while something is expected of it is closed.
 */
#ifndef PROFAGENT_TOOLS_SERVE_CONNECTIONS_H
#define PROFAGENT_TOOLS_SERVE_CONNECTIONS_H

#include <libsoup/soup.h>

#define CONNECTIONS_MAX 1000
#define CONNECTIONS_IDLE 30

typedef struct _Connections Connections;
typedef struct _Connection Connection;

/* `certificate` NULL: no TLS. Raises the limit of descriptors as far as needed. */
Connections *connections_new(SoupServer *server, GTlsCertificate *certificate);
void connections_free(Connections *all);

/*
 * HOST:PORT, [HOST]:PORT, or unix:PATH. A socket that is left over at PATH is
 * replaced, and removed by connections_free(). Errors name the address.
 */
gboolean connections_listen(Connections *all, const char *address,
			    GError **error);

/* Whether it is "HOST:PORT", "HOST" or "unix:PATH"; nothing is looked up. */
gboolean connections_is_address(const char *text);

/* Whether an address can be reached from this machine alone; it is not used. */
gboolean connections_is_local(const char *address);

/* "127.0.0.1:8912" with the port that was given for 0, or "unix:PATH". */
const char *connections_address(const Connections *all);
gboolean connections_is_unix(const Connections *all);

guint connections_count(const Connections *all);

/* That of a request; NULL if it is closed already. */
Connection *connection_of(SoupServerMessage *msg);

/* The user at the other end of a Unix socket; -1: not known. */
gint64 connection_uid(const Connection *c);

/* Who it is for a log: "127.0.0.1", "uid 1000". Owned by it. */
const char *connection_peer(const Connection *c);

/* It may stay as long as it likes. */
void connection_prove(Connection *c);

GSocket *connection_socket(const Connection *c);

#endif
