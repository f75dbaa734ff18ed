/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/runner.h"

#ifdef HAVE_SOUP
#include <crypt.h>

#include "tests/unit/http-client.h"
#include "tools/serve-auth.h"
#include "tools/serve-connections.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define FREE_GUESSES 10		/* see GUESSES in serve-auth.c */
#define NOBODY_UID 65534

static char *dir, *path, *users;
static SoupServer *soup;
static Connections *connections;
static Auth *auth;
static guint outcomes;		/* how often auth_check() called back */

/* --- a server whose only answer is what auth_check() found ------------------------ */

static void found(gpointer data, const AuthResult *result)
{
	SoupServerMessage *msg = data;
	g_autofree char *text = g_strdup_printf(
		"%s role=%d wait=%u", result->name, result->role,
		result->wait_s);

	outcomes++;
	soup_server_message_set_status(msg, result->status, NULL);
	if (result->status == SOUP_STATUS_UNAUTHORIZED)
		auth_challenge(auth, msg);
	soup_server_message_set_response(msg, "text/plain", SOUP_MEMORY_COPY,
					 text, strlen(text));
	soup_server_message_unpause(msg);
	g_object_unref(msg);
}

static void come_in(SoupServer *server, SoupServerMessage *msg,
		    const char *at, GHashTable *query, gpointer data)
{
	(void)server;
	(void)at;
	(void)data;
	soup_server_message_pause(msg);
	auth_check(auth, msg, query ? g_hash_table_lookup(query, "token")
				    : NULL, found, g_object_ref(msg));
}

static void listen_at(const char *address)
{
	g_autoptr(GError) error = NULL;

	connections = connections_new(soup, NULL);
	ck_assert_msg(connections_listen(connections, address, &error), "%s",
		      error ? error->message : "");
}

static void setup(void)
{
	dir = g_dir_make_tmp("test-serve-auth-XXXXXX", NULL);
	path = g_build_filename(dir, "socket", NULL);
	users = g_build_filename(dir, "users", NULL);
	soup = soup_server_new(NULL, NULL);
	soup_server_add_handler(soup, NULL, come_in, NULL, NULL);
}

static void teardown(void)
{
	connections_free(connections);
	g_object_unref(soup);
	auth_free(auth);
	g_unlink(users);
	ck_assert_int_eq(g_rmdir(dir), 0);
	g_free(users);
	g_free(path);
	g_free(dir);
}

static char *ask(const char *line, const char *header)
{
	g_autofree char *headers = header ? g_strconcat(header, "\r\n", NULL)
					  : g_strdup("");

	return http_ask(connections_address(connections), line, headers);
}

static guint status_of(const char *line, const char *header)
{
	g_autofree char *answer = ask(line, header);

	return http_status(answer);
}

/* --- by token ---------------------------------------------------------------------- */

static void by_token(void)
{
	auth = auth_new_token();
	auth_set_token(auth, TOKEN);
	listen_at("127.0.0.1:0");
	auth_set_cookie(auth, "127.0.0.1:8912");
}

/* What each request says for itself, and what comes of it. */
static const struct {
	const char *line, *header;
	guint status;
} tokens[] = {
	{ "GET /", NULL, 401 },
	{ "GET /", "Authorization: Bearer " TOKEN, 200 },
	{ "GET /", "Authorization: bearer   " TOKEN, 200 },
	{ "GET /", "Authorization: Bearer " TOKEN "0", 401 },
	{ "GET /", "Authorization: Bearer 0123456789abcdef", 401 },
	{ "GET /", "Authorization: Bearer ", 401 },
	{ "GET /", "Authorization: Bearer", 401 },
	{ "GET /", "Authorization: Bearer" TOKEN, 401 },
	{ "GET /", "Authorization: Basic " TOKEN, 401 },
	{ "GET /?token=" TOKEN, NULL, 200 },
	{ "GET /?token=", NULL, 401 },
	{ "GET /?tokens=" TOKEN, NULL, 401 },
	/* what a header says goes before the address */
	{ "GET /?token=" TOKEN, "Authorization: Bearer x", 401 },
	{ "GET /", "Cookie: profagent-8912=" TOKEN, 200 },
	{ "GET /", "Cookie: a=b; profagent-8912=" TOKEN "; c=d", 200 },
	{ "GET /", "Cookie: profagent-8913=" TOKEN, 401 },
	{ "GET /", "Cookie: profagent-89120=" TOKEN, 401 },
	{ "GET /", "Cookie: profagent-89120" TOKEN, 401 },
	{ "GET /", "Cookie: profagent-8912=", 401 },
	{ "GET /", "Cookie: ;;=;profagent-8912", 401 },
};

START_TEST(who_has_the_token_comes_in)
{
	g_autofree char *answer = NULL;

	by_token();
	answer = ask(tokens[_i].line, tokens[_i].header);
	ck_assert_msg(http_status(answer) == tokens[_i].status, "%s",
		      answer);
	ck_assert_uint_eq(outcomes, 1);
	if (tokens[_i].status == 200)
		ck_assert_str_eq(http_body(answer), "token role=2 wait=0");
	else
		ck_assert_str_eq(http_body(answer), " role=0 wait=0");
}
END_TEST

START_TEST(who_does_not_is_asked_for_it)
{
	g_autofree char *answer = NULL, *challenge = NULL;

	by_token();
	answer = ask("GET /", NULL);
	challenge = http_header(answer, "WWW-Authenticate");
	ck_assert_str_eq(challenge, "Bearer realm=\"profagent\"");
}
END_TEST

START_TEST(a_new_one_is_another_each_time)
{
	Auth *other = auth_new_token();

	auth = auth_new_token();
	listen_at("127.0.0.1:0");
	ck_assert_uint_eq(strlen(auth_token(auth)), 32);
	ck_assert_str_ne(auth_token(auth), auth_token(other));
	ck_assert_str_eq(auth_cookie(auth), "profagent");
	auth_free(other);
}
END_TEST

/* Beyond the free guesses each waits; who knows the token never does. */
START_TEST(guessing_takes_longer_and_longer)
{
	g_autofree char *answer = NULL;
	guint i;

	by_token();
	for (i = 0; i < FREE_GUESSES; i++)
		ck_assert_uint_eq(status_of("GET /?token=wrong", NULL), 401);
	answer = ask("GET /?token=wrong", NULL);
	ck_assert_uint_eq(http_status(answer), STATUS_TOO_MANY);
	ck_assert_str_eq(http_body(answer), " role=0 wait=1");
	ck_assert_uint_eq(status_of("GET /?token=" TOKEN, NULL), 200);
	ck_assert_uint_eq(status_of("GET /?token=wrong", NULL),
			  STATUS_TOO_MANY);
}
END_TEST

/* A page left open asks again and again with the cookie of yesterday. */
START_TEST(an_old_cookie_is_no_guess)
{
	guint i;

	by_token();
	for (i = 0; i < 2 * FREE_GUESSES; i++)
		ck_assert_uint_eq(status_of("GET /", "Cookie: "
					    "profagent-8912=old"), 401);
}
END_TEST

/* --- by the user of a socket --------------------------------------------------------- */

static void by_peer(void)
{
	g_autofree char *address = g_strconcat("unix:", path, NULL);

	auth = auth_new_peer();
	listen_at(address);
}

START_TEST(our_own_user_comes_in)
{
	g_autofree char *answer = NULL, *wanted = NULL;

	by_peer();
	ck_assert_ptr_null(auth_token(auth));
	answer = ask("GET /", NULL);
	wanted = g_strdup_printf("uid %u role=2 wait=0", geteuid());
	ck_assert_uint_eq(http_status(answer), 200);
	ck_assert_str_eq(http_body(answer), wanted);
}
END_TEST

/* Where nothing says who is there, a token does not help. */
START_TEST(a_port_knows_no_user)
{
	auth = auth_new_peer();
	listen_at("127.0.0.1:0");
	ck_assert_uint_eq(status_of("GET /?token=" TOKEN, NULL), 403);
}
END_TEST

/* In a child: the number of the answer, as its exit status. */
static void ask_as_nobody(const char *address)
{
	char text[64];
	ssize_t n;
	int fd;

	if (setgid(NOBODY_UID) != 0 || setuid(NOBODY_UID) != 0)
		_exit(1);
	fd = http_send(address, "GET /", "");
	n = read(fd, text, sizeof(text) - 1);
	text[MAX(n, 0)] = '\0';
	_exit((int)(http_status(text) % 256));
}

/* Even if somebody made the socket one that all may open. */
START_TEST(another_user_stays_out)
{
	int status = 0;
	pid_t pid;

	by_peer();
	ck_assert_int_eq(chmod(dir, 0711), 0);
	ck_assert_int_eq(chmod(path, 0666), 0);
	pid = fork();
	if (pid == 0)
		ask_as_nobody(connections_address(connections));
	while (waitpid(pid, &status, WNOHANG) == 0)
		g_main_context_iteration(NULL, FALSE);
	ck_assert_int_eq(WEXITSTATUS(status), 403 % 256);
}
END_TEST

/* --- by the users of a file ------------------------------------------------------------ */

/* A hash that takes no time to check. */
static void write_users(const char *password, const char *role)
{
	struct crypt_data *room = g_new0(struct crypt_data, 1);
	g_autofree char *text = g_strdup_printf(
		"# who may\nann:%s:%s\n",
		crypt_r(password, "$2b$04$abcdefghijklmnopqrstuu", room), role);

	ck_assert(g_file_set_contents(users, text, -1, NULL));
	ck_assert_int_eq(g_chmod(users, 0600), 0);
	g_free(room);
}

static void by_users(const char *role)
{
	g_autoptr(GError) error = NULL;

	write_users("a secret", role);
	auth = auth_new_users(users, &error);
	ck_assert_msg(auth != NULL, "%s", error ? error->message : "");
	listen_at("127.0.0.1:0");
}

static char *ask_as(const char *credentials)
{
	g_autofree char *base64 = g_base64_encode(
		(const guchar *)credentials, strlen(credentials));
	g_autofree char *header = g_strconcat("Authorization: Basic ", base64,
					      NULL);

	return ask("GET /", header);
}

static guint status_as(const char *credentials)
{
	g_autofree char *answer = ask_as(credentials);

	return http_status(answer);
}

static const struct {
	const char *role, *credentials, *body;
} logins[] = {
	{ "view", "ann:a secret", "ann role=1 wait=0" },
	{ "control", "ann:a secret", "ann role=2 wait=0" },
	{ "control", "ann:", " role=0 wait=0" },
	{ "control", "ann:a secret ", " role=0 wait=0" },
	{ "control", "Ann:a secret", " role=0 wait=0" },
	{ "control", "bob:a secret", " role=0 wait=0" },
	{ "control", ":a secret", " role=0 wait=0" },
	{ "control", "ann", " role=0 wait=0" },
	{ "control", "", " role=0 wait=0" },
};

START_TEST(who_knows_the_password_comes_in)
{
	g_autofree char *answer = NULL;

	by_users(logins[_i].role);
	answer = ask_as(logins[_i].credentials);
	ck_assert_str_eq(http_body(answer), logins[_i].body);
	ck_assert_uint_eq(outcomes, 1);
}
END_TEST

/* Bytes that are no name and password at all; none reaches crypt(). */
START_TEST(what_is_no_name_and_password)
{
	g_autofree char *long_one = g_strnfill(2000, 'x');
	g_autofree char *with_colon = g_strconcat("ann:", long_one, NULL);
	static const char *const headers[] = {
		NULL, "Authorization: Basic", "Authorization: Basic ====",
		"Authorization: Basic \x01\xff",
		"Authorization: Bearer " TOKEN,
		/* "ann:a secret\0more" */
		"Authorization: Basic YW5uOmEgc2VjcmV0AG1vcmU=",
	};
	gsize i;

	by_users("control");
	for (i = 0; i < G_N_ELEMENTS(headers); i++)
		ck_assert_uint_eq(status_of("GET /", headers[i]), 401);
	ck_assert_uint_eq(status_as(with_colon), 401);
	/* nor was any of them a guess */
	for (i = 0; i < FREE_GUESSES; i++)
		ck_assert_uint_eq(status_of("GET /", headers[1]), 401);
	ck_assert_uint_eq(status_as("ann:a secret"), 200);
}
END_TEST

/* Who was let in once is let in while others guess; no new one is. */
START_TEST(who_is_known_does_not_wait)
{
	guint i;

	by_users("control");
	ck_assert_uint_eq(status_as("ann:a secret"), 200);
	for (i = 0; i < FREE_GUESSES; i++)
		ck_assert_uint_eq(status_as("ann:wrong"), 401);
	ck_assert_uint_eq(status_as("ann:wrong"), STATUS_TOO_MANY);
	ck_assert_uint_eq(status_as("bob:a secret"), STATUS_TOO_MANY);
	ck_assert_uint_eq(status_as("ann:a secret"), 200);
}
END_TEST

/* A password that was changed is good no longer, remembered or not. */
START_TEST(a_changed_file_counts_at_once)
{
	by_users("control");
	ck_assert_uint_eq(status_as("ann:a secret"), 200);
	write_users("another one", "view");
	ck_assert_uint_eq(status_as("ann:a secret"), 401);
	ck_assert_uint_eq(status_as("ann:another one"), 200);
}
END_TEST

START_TEST(the_challenge_is_for_browsers)
{
	g_autofree char *answer = NULL, *challenge = NULL;

	by_users("view");
	answer = ask("GET /", NULL);
	challenge = http_header(answer, "WWW-Authenticate");
	ck_assert_str_eq(challenge,
			 "Basic realm=\"profagent\", charset=\"UTF-8\"");
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("serve-auth");
#ifdef HAVE_SOUP
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_loop_test(all, who_has_the_token_comes_in, 0,
			    G_N_ELEMENTS(tokens));
	tcase_add_test(all, who_does_not_is_asked_for_it);
	tcase_add_test(all, a_new_one_is_another_each_time);
	tcase_add_test(all, guessing_takes_longer_and_longer);
	tcase_add_test(all, an_old_cookie_is_no_guess);
	tcase_add_test(all, our_own_user_comes_in);
	tcase_add_test(all, a_port_knows_no_user);
	if (geteuid() == 0)		/* only root can be another one */
		tcase_add_test(all, another_user_stays_out);
	tcase_add_loop_test(all, who_knows_the_password_comes_in, 0,
			    G_N_ELEMENTS(logins));
	tcase_add_test(all, what_is_no_name_and_password);
	tcase_add_test(all, who_is_known_does_not_wait);
	tcase_add_test(all, a_changed_file_counts_at_once);
	tcase_add_test(all, the_challenge_is_for_browsers);
	suite_add_tcase(suite, all);
#endif
	return runner_run(suite);
}
