/* SPDX-License-Identifier: MIT */
/*
 * targets: the preloaded processes that a command line means: by pid, by name,
 * with all that came from them, or all there are.
 */
#ifndef PROFAGENT_TOOLS_TARGETS_H
#define PROFAGENT_TOOLS_TARGETS_H

#include "tools/client.h"

/* Zeroed to begin with; filled by GOption, freed by target_query_release(). */
typedef struct {
	char **words;			/* PID or program name */
	gboolean tree, all;
} TargetQuery;

/* One process. Without a client `error` says why it does not answer. */
typedef struct {
	gint32 pid;			/* as we see it */
	char *path;			/* of its socket */
	Client *client;
	JsonObject *status;		/* at the time it was found */
	GError *error;
} Target;

/* --tree, --all and the words themselves. */
void target_query_add_options(TargetQuery *q, GOptionContext *context);
void target_query_release(TargetQuery *q);

/* Errors are those of GOption: nothing was named. */
gboolean target_query_check(const TargetQuery *q, GError **error);

/*
 * Target *, by pid, at least one; NULL: *error names the word that means
 * nothing.
 */
GPtrArray *targets_find(const TargetQuery *q, GError **error);

/* All there are: Target *, by pid, maybe none. Asks each, and waits for it. */
GPtrArray *targets_list(void);

/*
 * The same in a thread. `done` is called in the main context, also when it was
 * cancelled: then targets_list_finish() returns NULL. Else the list is the
 * caller's.
 */
void targets_list_async(GCancellable *cancel, GAsyncReadyCallback done,
			gpointer data);
GPtrArray *targets_list_finish(GAsyncResult *result);

void target_free(Target *t);

/* Its program's name, "" if it does not answer. */
const char *target_program(const Target *t);

/* "PID program" for messages, g_free() it. */
char *target_name(const Target *t);

#endif
