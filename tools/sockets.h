/* SPDX-License-Identifier: MIT */
/*
 * sockets: where the control sockets of preloaded processes lie.
 *
 * Each is in the directory of its process's shared region (agent/region.h): one
 * of a few known ones, or what the map of the process says, which also finds
 * those of other containers and of programs with an environment of their own.
 */
#ifndef PROFAGENT_TOOLS_SOCKETS_H
#define PROFAGENT_TOOLS_SOCKETS_H

#include <glib.h>

typedef struct {
	gint32 pid;			/* as we see it; 0: not known */
	char *path;			/* of the socket */
} Socket;

void socket_free(Socket *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Socket, socket_free)

/*
 * All that this user may use, and root those of all users, but our own, where
 * we are preloaded ourselves: Socket *, by pid.
 * What a dead process left behind is removed.
 */
GPtrArray *sockets_list(void);

/*
 * That of one process; NULL: it has none, and *error says whether there is
 * such a process at all.
 */
Socket *sockets_find(gint32 pid, GError **error);

#endif
