/* SPDX-License-Identifier: MIT */
/*
 * remote: where a profagent serve is, and which process there is meant, as a
 * command line has it.
 */
#ifndef PROFAGENT_TOOLS_REMOTE_H
#define PROFAGENT_TOOLS_REMOTE_H

#include <gio/gio.h>

typedef struct {
	char *base;			/* "http://127.0.0.1:8912" */
	char *token;			/* NULL: none */
	gint32 pid;			/* 0: the only one there is */
} Remote;

/* Whether it is meant as an address: HOST:PORT, or a URL. */
gboolean remote_is_address(const char *word);

/*
 * "HOST:PORT", "HOST:PORT/PID", "http://HOST:PORT/processes/PID/?token=T".
 * `token` is used where the address has none; may be NULL.
 */
gboolean remote_init(Remote *r, const char *word, const char *token,
		     GError **error);
void remote_release(Remote *r);

#endif
