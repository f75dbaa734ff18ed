/* SPDX-License-Identifier: MIT */
/*
 * serve-users: the file of users: a line NAME:HASH:ROLE for each, where HASH is
 * what crypt(5) makes of the password ("profagent serve --new-user" or mkpasswd
 * do it) and ROLE is view or control. Empty lines and those with # are skipped.
 * It is read again whenever it has changed.
 */
#ifndef PROFAGENT_TOOLS_SERVE_USERS_H
#define PROFAGENT_TOOLS_SERVE_USERS_H

#include "tools/serve-auth.h"

typedef struct _Users Users;

/* Errors name the line. A file that others may read is refused. */
Users *users_new(const char *path, GError **error);
void users_free(Users *u);

/*
 * The hash and role of a user; FALSE: there is none of that name, and *hash is
 * one that no password fits, to be checked all the same: the time does not tell
 * who exists. *hash is the caller's. A changed file that is wrong keeps what was.
 */
gboolean users_find(Users *u, const char *name, char **hash, ServeRole *role);

/* Counts how often the file was read: what was let in before is checked anew. */
guint users_generation(Users *u);

/* Whether the password fits. Takes long; any thread. */
gboolean users_password_fits(const char *password, const char *hash);

/* A line of the file, g_free() it; NULL: *error says what is wrong. */
char *users_make_line(const char *name, const char *password, const char *role,
		      GError **error);

#endif
