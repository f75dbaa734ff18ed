/* SPDX-License-Identifier: MIT */
/*
 * client: talks to one agent and waits for its answers.
 */
#ifndef PROFAGENT_TOOLS_CLIENT_H
#define PROFAGENT_TOOLS_CLIENT_H

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#define CLIENT_TIMEOUT 5	/* seconds an agent may take to answer */

typedef struct _Client Client;

/* Connects and reads the greeting. */
Client *client_new(const char *path, GError **error);
void client_free(Client *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

/* From the greeting: its pid as it sees itself, 16 hex digits. */
gint32 client_pid(const Client *c);
const char *client_run_id(const Client *c);

/*
 * Asks and waits for the answer. NULL: it failed, or the agent refused, and
 * *error says why in a clause.
 */
JsonObject *client_ask(Client *c, const char *request, GError **error);

/*
 * The same for a request that is answered by a fragment before the answer
 * (snapshot). The caller's.
 */
GBytes *client_ask_frame(Client *c, const char *request, GError **error);

/* Whether an answer says yes; *error has the agent's words otherwise. */
gboolean client_is_ok(JsonObject *answer, GError **error);

/* Whether a greeting is one that we understand. */
gboolean client_check_greeting(JsonObject *greeting, GError **error);

#endif
