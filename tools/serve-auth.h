/* SPDX-License-Identifier: MIT */
/*
 * serve-auth: who may see, and who may change.
 *
 * One of three ways: a token that whoever started the server knows, which is good
 * for all; the users of a file (serve-users.h), by HTTP's Basic scheme; or, on a
 * Unix socket, the user at its other end, who must be ours or root. Who guesses
 * wrong has to wait, longer each time; who is right never waits for others.
 */
#ifndef PROFAGENT_TOOLS_SERVE_AUTH_H
#define PROFAGENT_TOOLS_SERVE_AUTH_H

#include <libsoup/soup.h>

/* Not among those that libsoup names. */
#define STATUS_TOO_MANY 429u

typedef enum { ROLE_NONE, ROLE_VIEW, ROLE_CONTROL } ServeRole;

typedef struct _Auth Auth;

Auth *auth_new_token(void);
Auth *auth_new_peer(void);
Auth *auth_new_users(const char *path, GError **error);
void auth_free(Auth *a);

/* NULL unless it is by token. Until auth_set_token() a new random one. */
const char *auth_token(const Auth *a);
void auth_set_token(Auth *a, const char *token);

/* The name of the cookie that carries the token, apart for each port. */
void auth_set_cookie(Auth *a, const char *address);
const char *auth_cookie(const Auth *a);

typedef struct {
	guint status;		/* 200: let in; 401, 403, or 429 */
	ServeRole role;
	const char *name;	/* of the user, for the log */
	guint wait_s;		/* with 429 */
} AuthResult;

/*
 * Looks at a request; `token` is that of its query or NULL. `done` is called
 * once, maybe before this returns; checking a password takes a thread a while.
 */
typedef void (*AuthDone)(gpointer data, const AuthResult *result);
void auth_check(Auth *a, SoupServerMessage *msg, const char *token,
		AuthDone done, gpointer data);

/* Adds what a client must do to be let in to a 401. */
void auth_challenge(const Auth *a, SoupServerMessage *msg);

#endif
