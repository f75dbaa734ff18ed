/* SPDX-License-Identifier: MIT */
/* serve-auth: see serve-auth.h. */
#include "tools/serve-auth.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "tools/serve-connections.h"
#include "tools/serve-users.h"

#define TOKEN_BYTES 16
#define GUESSES 10		/* that cost nothing */
#define WAIT_MAX 60		/* seconds */
#define REMEMBERED 4096		/* peers, and logins */
#define LOGIN_S 600		/* that a password is good for without crypt() */

/* Who guessed wrong, how often, and until when nothing more is looked at. */
typedef struct {
	guint wrong;
	gint64 until_us;
} Guesses;

typedef struct {
	ServeRole role;
	guint generation;		/* of the file */
	gint64 until_us;
} Login;

struct _Auth {
	char *token, *cookie;
	Users *users;
	GHashTable *guesses;		/* peer -> Guesses */
	GHashTable *logins;		/* digest of name and password -> Login */
	guint8 salt[TOKEN_BYTES];	/* of the digests */
};

/* --- life ------------------------------------------------------------------------ */

static void fill_random(guint8 *to, gsize size)
{
	if (getrandom(to, size, 0) != (gssize)size)
		g_error("getrandom: no randomness");
}

static Auth *auth_new(void)
{
	Auth *a = g_new0(Auth, 1);

	a->guesses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					   g_free);
	a->logins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					  g_free);
	a->cookie = g_strdup("profagent");
	fill_random(a->salt, sizeof(a->salt));
	return a;
}

Auth *auth_new_token(void)
{
	Auth *a = auth_new();
	guint8 bytes[TOKEN_BYTES];
	g_autoptr(GString) text = g_string_new(NULL);
	gsize i;

	fill_random(bytes, sizeof(bytes));
	for (i = 0; i < sizeof(bytes); i++)
		g_string_append_printf(text, "%02x", bytes[i]);
	a->token = g_strdup(text->str);
	return a;
}

Auth *auth_new_peer(void)
{
	return auth_new();
}

Auth *auth_new_users(const char *path, GError **error)
{
	Users *users = users_new(path, error);
	Auth *a;

	if (!users)
		return NULL;
	a = auth_new();
	a->users = users;
	return a;
}

void auth_free(Auth *a)
{
	g_clear_pointer(&a->users, users_free);
	g_hash_table_unref(a->guesses);
	g_hash_table_unref(a->logins);
	g_free(a->token);
	g_free(a->cookie);
	g_free(a);
}

const char *auth_token(const Auth *a)
{
	return a->token;
}

void auth_set_token(Auth *a, const char *token)
{
	g_free(a->token);
	a->token = g_strdup(token);
}

void auth_set_cookie(Auth *a, const char *address)
{
	const char *port = strrchr(address, ':');

	g_free(a->cookie);
	a->cookie = g_strconcat("profagent-", port ? port + 1 : "", NULL);
}

const char *auth_cookie(const Auth *a)
{
	return a->cookie;
}

/* --- guessing ----------------------------------------------------------------------- */

static const char *peer_of(SoupServerMessage *msg)
{
	const Connection *c = connection_of(msg);

	return c ? connection_peer(c) : "";
}

static Guesses *guesses_of(Auth *a, SoupServerMessage *msg)
{
	return g_hash_table_lookup(a->guesses, peer_of(msg));
}

/* Seconds that the next guess has to wait. */
static guint must_wait(Auth *a, SoupServerMessage *msg)
{
	const Guesses *g = guesses_of(a, msg);
	gint64 left = g ? g->until_us - g_get_monotonic_time() : 0;

	return left > 0 ? (guint)(left / G_USEC_PER_SEC) + 1 : 0;
}

/* One, two, four seconds after each guess beyond the free ones. */
static void count_guess(Auth *a, SoupServerMessage *msg)
{
	Guesses *g = guesses_of(a, msg);
	guint wait;

	if (!g) {
		if (g_hash_table_size(a->guesses) >= REMEMBERED)
			g_hash_table_remove_all(a->guesses);
		g = g_new0(Guesses, 1);
		g_hash_table_insert(a->guesses, g_strdup(peer_of(msg)), g);
	}
	if (++g->wrong < GUESSES)
		return;
	wait = MIN(1u << MIN(g->wrong - GUESSES, 10), WAIT_MAX);
	g->until_us = g_get_monotonic_time() + wait * G_USEC_PER_SEC;
}

static void forget_guesses(Auth *a, SoupServerMessage *msg)
{
	g_hash_table_remove(a->guesses, peer_of(msg));
}

/* --- answers ------------------------------------------------------------------------- */

static void refuse(AuthDone done, gpointer data, guint status, guint wait_s)
{
	const AuthResult result = { status, ROLE_NONE, "", wait_s };

	done(data, &result);
}

static void let_in(AuthDone done, gpointer data, ServeRole role,
		   const char *name)
{
	const AuthResult result = { SOUP_STATUS_OK, role, name, 0 };

	done(data, &result);
}

/* --- tokens -------------------------------------------------------------------------- */

/* The time it takes does not tell how much of it is right. */
static gboolean equal_secret(const char *got, const char *wanted)
{
	gsize i, size = strlen(wanted);
	guint8 differ = 0;

	if (strlen(got) != size)
		return FALSE;
	for (i = 0; i < size; i++)
		differ |= (guint8)(got[i] ^ wanted[i]);
	return differ == 0;
}

static const char *header(SoupServerMessage *msg, const char *name)
{
	return soup_message_headers_get_one(
		soup_server_message_get_request_headers(msg), name);
}

/* What a scheme of the header Authorization is followed by; NULL: another. */
static const char *authorization(SoupServerMessage *msg, const char *scheme)
{
	const char *text = header(msg, "Authorization");
	gsize size = strlen(scheme);

	if (!text || g_ascii_strncasecmp(text, scheme, size) != 0 ||
	    text[size] != ' ')
		return NULL;
	return text + size + strspn(text + size, " ");
}

static char *cookie_of(const Auth *a, SoupServerMessage *msg)
{
	const char *text = soup_message_headers_get_list(
		soup_server_message_get_request_headers(msg), "Cookie");
	g_auto(GStrv) part = g_strsplit(text ? text : "", ";", -1);
	guint i;

	for (i = 0; part[i]; i++) {
		const char *one = g_strstrip(part[i]);

		if (g_str_has_prefix(one, a->cookie) &&
		    one[strlen(a->cookie)] == '=')
			return g_strdup(one + strlen(a->cookie) + 1);
	}
	return NULL;
}

/* A cookie that is no longer good is no guess: a server that began anew. */
static void check_token(Auth *a, SoupServerMessage *msg, const char *token,
			AuthDone done, gpointer data)
{
	g_autofree char *cookie = cookie_of(a, msg);
	const char *said = authorization(msg, "Bearer");
	guint wait;

	if (!said)
		said = token;
	if ((said && equal_secret(said, a->token)) ||
	    (cookie && equal_secret(cookie, a->token))) {
		let_in(done, data, ROLE_CONTROL, "token");
		return;
	}
	wait = must_wait(a, msg);
	if (said && wait == 0)
		count_guess(a, msg);
	refuse(done, data, wait > 0 ? STATUS_TOO_MANY
				    : SOUP_STATUS_UNAUTHORIZED, wait);
}

/* --- users of Unix sockets -------------------------------------------------------------- */

static void check_peer(SoupServerMessage *msg, AuthDone done, gpointer data)
{
	const Connection *c = connection_of(msg);
	gint64 uid = c ? connection_uid(c) : -1;

	if (uid == 0 || (uid >= 0 && uid == (gint64)geteuid()))
		let_in(done, data, ROLE_CONTROL, connection_peer(c));
	else
		refuse(done, data, SOUP_STATUS_FORBIDDEN, 0);
}

/* --- users of the file ----------------------------------------------------------------- */

/* A password that is being checked. */
typedef struct {
	Auth *auth;
	SoupServerMessage *msg;
	char *name, *password, *hash, *key;
	ServeRole role;
	gboolean exists;
	guint generation;
	AuthDone done;
	gpointer data;
} Attempt;

static void attempt_free(gpointer data)
{
	Attempt *t = data;

	g_free(t->name);
	g_free(t->password);
	g_free(t->hash);
	g_free(t->key);
	g_free(t);
}

static void run_crypt(GTask *task, gpointer source, gpointer data,
		      GCancellable *cancel)
{
	const Attempt *t = data;

	(void)source;
	(void)cancel;
	g_task_return_boolean(task, users_password_fits(t->password, t->hash));
}

static void remember(Attempt *t)
{
	Login *login = g_new(Login, 1);

	*login = (Login){ t->role, t->generation,
			  g_get_monotonic_time() + LOGIN_S * G_USEC_PER_SEC };
	if (g_hash_table_size(t->auth->logins) >= REMEMBERED)
		g_hash_table_remove_all(t->auth->logins);
	g_hash_table_replace(t->auth->logins, g_strdup(t->key), login);
}

/*
 * The message is let go here: the attempt itself may be freed by the thread, in
 * which the end of a connection has no place.
 */
static void crypt_done(GObject *source, GAsyncResult *result, gpointer data)
{
	GTask *task = G_TASK(result);
	Attempt *t = g_task_get_task_data(task);

	(void)source;
	(void)data;
	if (g_task_propagate_boolean(task, NULL) && t->exists) {
		forget_guesses(t->auth, t->msg);
		remember(t);
		let_in(t->done, t->data, t->role, t->name);
	} else {
		refuse(t->done, t->data, SOUP_STATUS_UNAUTHORIZED, 0);
	}
	g_object_unref(t->msg);
}

static char *digest(const Auth *a, const char *credentials)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

	g_checksum_update(sum, a->salt, sizeof(a->salt));
	g_checksum_update(sum, (const guchar *)credentials, -1);
	return g_strdup(g_checksum_get_string(sum));
}

static gboolean knows_login(Auth *a, const char *key, AuthDone done,
			    gpointer data, const char *name)
{
	const Login *login = g_hash_table_lookup(a->logins, key);

	if (!login || login->until_us < g_get_monotonic_time() ||
	    login->generation != users_generation(a->users))
		return FALSE;
	let_in(done, data, login->role, name);
	return TRUE;
}

static void try_password(Auth *a, SoupServerMessage *msg, const char *name,
			 const char *password, char *key, AuthDone done,
			 gpointer data)
{
	g_autoptr(GTask) task = g_task_new(NULL, NULL, crypt_done, NULL);
	Attempt *t = g_new0(Attempt, 1);

	t->auth = a;
	t->msg = g_object_ref(msg);
	t->name = g_strdup(name);
	t->password = g_strdup(password);
	t->key = key;
	t->done = done;
	t->data = data;
	t->exists = users_find(a->users, name, &t->hash, &t->role);
	t->generation = users_generation(a->users);
	g_task_set_task_data(task, t, attempt_free);
	g_task_run_in_thread(task, run_crypt);
}

/* "NAME:PASSWORD"; NULL: it is no such text. */
static char *decode_basic(const char *base64)
{
	gsize size;
	g_autofree guchar *bytes = g_base64_decode(base64, &size);
	g_autofree char *text = g_strndup((const char *)bytes, size);

	if (size > 1024 || strlen(text) != size || !strchr(text, ':'))
		return NULL;
	return g_steal_pointer(&text);
}

static void check_user(Auth *a, SoupServerMessage *msg, AuthDone done,
		       gpointer data)
{
	const char *basic = authorization(msg, "Basic");
	g_autofree char *text = basic ? decode_basic(basic) : NULL;
	g_autofree char *key = text ? digest(a, text) : NULL;
	char *password = text ? strchr(text, ':') : NULL;
	guint wait;

	if (!text) {
		refuse(done, data, SOUP_STATUS_UNAUTHORIZED, 0);
		return;
	}
	*password++ = '\0';
	if (knows_login(a, key, done, data, text))
		return;
	wait = must_wait(a, msg);
	if (wait > 0)
		refuse(done, data, STATUS_TOO_MANY, wait);
	if (wait > 0)
		return;
	/* now, not when it is found wrong: many may come at once */
	count_guess(a, msg);
	try_password(a, msg, text, password, g_steal_pointer(&key), done,
		     data);
}

/* --- all ----------------------------------------------------------------------------------- */

void auth_check(Auth *a, SoupServerMessage *msg, const char *token,
		AuthDone done, gpointer data)
{
	if (a->users)
		check_user(a, msg, done, data);
	else if (a->token)
		check_token(a, msg, token, done, data);
	else
		check_peer(msg, done, data);
}

void auth_challenge(const Auth *a, SoupServerMessage *msg)
{
	soup_message_headers_replace(
		soup_server_message_get_response_headers(msg),
		"WWW-Authenticate", a->users
			? "Basic realm=\"profagent\", charset=\"UTF-8\""
			: "Bearer realm=\"profagent\"");
}
