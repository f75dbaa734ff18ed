/* SPDX-License-Identifier: MIT */
/*
 * profagent serve: the running programs of this machine in a browser, and for
 * the tools that collect profiles and metrics.
 */
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/number.h"
#include "tools/selection.h"
#include "tools/serve-always.h"
#include "tools/serve-push.h"
#include "tools/serve-users.h"
#include "tools/serve-view.h"
#include "tools/serve.h"

static const char name[] = "serve";

#define ADDRESS "127.0.0.1:8912"
#define PUSH_S 15		/* what Pyroscope's own agents take */
#define PUSH_S_MAX 3600
#define LAST_PROFILES_MS 2000	/* for what was not pushed yet, at the end */
#define SPOOL_MIB 64
#define SPOOL_MIB_MAX 65536

typedef struct {
	char *listen, *token, *users, *cert, *key, *new_user;
	char *push, *push_labels, *spool_dir, *only;
	char *push_interval_text, *spool_text;
	GRegex *only_regex;
	gint push_interval, spool;
	gboolean insecure, always, quiet;
} Options;

/* --- command line ------------------------------------------------------------------ */

static gboolean parse(Options *o, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "listen", 'l', 0, G_OPTION_ARG_STRING, &o->listen,
		  "Where: HOST:PORT (" ADDRESS "), or unix:PATH", "ADDRESS" },
		{ "token", 0, 0, G_OPTION_ARG_FILENAME, &o->token,
		  "The token is the first line of FILE, not a new one",
		  "FILE" },
		{ "users", 0, 0, G_OPTION_ARG_FILENAME, &o->users,
		  "Let the users of FILE in: lines NAME:HASH:ROLE", "FILE" },
		{ "new-user", 0, 0, G_OPTION_ARG_STRING, &o->new_user,
		  "Read a password and print a line for the file of users; "
		  "ROLE is view or control", "NAME:ROLE" },
		{ "cert", 0, 0, G_OPTION_ARG_FILENAME, &o->cert,
		  "TLS: the certificate, in PEM", "FILE" },
		{ "key", 0, 0, G_OPTION_ARG_FILENAME, &o->key,
		  "TLS: its private key, in PEM", "FILE" },
		{ "insecure", 0, 0, G_OPTION_ARG_NONE, &o->insecure,
		  "Listen beyond this machine without TLS", NULL },
		{ "always", 0, 0, G_OPTION_ARG_NONE, &o->always,
		  "Profile all the time, not only while somebody looks",
		  NULL },
		{ "only", 0, 0, G_OPTION_ARG_STRING, &o->only,
		  "Of --always and --push: programs whose name matches",
		  "REGEX" },
		{ "push", 0, 0, G_OPTION_ARG_STRING, &o->push,
		  "Send profiles of all processes to a Pyroscope", "URL" },
		{ "push-interval", 0, 0, G_OPTION_ARG_STRING,
		  &o->push_interval_text,
		  "Seconds of each of them (15)", "N" },
		{ "push-labels", 0, 0, G_OPTION_ARG_STRING, &o->push_labels,
		  "Labels of all of them", "KEY=VALUE,..." },
		{ "spool", 0, 0, G_OPTION_ARG_STRING, &o->spool_text,
		  "MiB of profiles that wait for being sent (64)", "N" },
		{ "spool-dir", 0, 0, G_OPTION_ARG_FILENAME, &o->spool_dir,
		  "Keep them in DIR, for the next start as well", "DIR" },
		{ "quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet,
		  "Do not print the address", NULL },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_summary(context, "Shows the running programs of "
		"this machine in a browser, and hands their profiles and "
		"metrics to other tools.");
	g_option_context_set_description(context,
		"Read more in the manual page profagent-serve(1).");
	g_option_context_add_main_entries(context, entries, NULL);
	return g_option_context_parse(context, argc, argv, error);
}

static gboolean is_labels(const char *text)
{
	return !text || g_regex_match_simple(
		"^[A-Za-z_][A-Za-z0-9_]*=[^,{}=\"]+"
		"(,[A-Za-z_][A-Za-z0-9_]*=[^,{}=\"]+)*$", text, 0, 0);
}

/* What an open door would be; NULL: it is none. */
static const char *find_danger(const Options *o)
{
	if (connections_is_local(o->listen))
		return NULL;
	if (!o->users)
		return "others can reach that address: --users FILE says who "
		       "may use it";
	if (!o->cert && !o->insecure)
		return "others can reach that address: it takes --cert and "
		       "--key for TLS, or --insecure, which shows passwords "
		       "to the network";
	return NULL;
}

static const char *find_mistake(Options *o, int argc)
{
	if (argc > 1)
		return "it takes options only";
	if (!connections_is_address(o->listen))
		return "--listen is HOST:PORT, such as " ADDRESS
		       ", or unix:PATH";
	if (!o->cert != !o->key)
		return "--cert and --key go together";
	if (o->users && o->token)
		return "either --users or --token";
	if (o->users && g_str_has_prefix(o->listen, "unix:"))
		return "a Unix socket knows who is there: no --users";
	if (o->spool_dir && !o->push)
		return "--spool-dir goes with --push";
	if (!is_labels(o->push_labels))
		return "--push-labels is KEY=VALUE,KEY=VALUE";
	return find_danger(o);
}

static gboolean check(Options *o, int argc, GError **error)
{
	const char *wrong;

	if (!o->listen)
		o->listen = g_strdup(ADDRESS);
	if (!number_take_int("--push-interval", o->push_interval_text, 1,
			     PUSH_S_MAX, "in seconds", &o->push_interval,
			     error) ||
	    !number_take_int("--spool", o->spool_text, 1, SPOOL_MIB_MAX,
			     "in MiB", &o->spool, error))
		return FALSE;
	wrong = find_mistake(o, argc);
	if (!wrong && o->only) {
		o->only_regex = selection_regex("--only", o->only, error);
		return o->only_regex != NULL;
	}
	if (!wrong)
		return TRUE;
	g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    wrong);
	return FALSE;
}

static void options_release(Options *o)
{
	char *texts[] = { o->listen, o->token, o->users, o->cert, o->key,
			  o->new_user, o->push, o->push_labels, o->spool_dir,
			  o->only, o->push_interval_text,
			  o->spool_text };
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_clear_pointer(&o->only_regex, g_regex_unref);
}

/* --- a new user --------------------------------------------------------------------- */

/* A line of standard input, not shown on a terminal. */
static char *read_password(void)
{
	struct termios before, silent;
	gboolean terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	char line[512];
	char *got;

	if (terminal) {
		fputs("Password: ", stderr);
		silent = before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	got = fgets(line, sizeof(line), stdin);
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	if (got)
		line[strcspn(line, "\n")] = '\0';
	return got ? g_strdup(line) : NULL;
}

static int make_user(const char *text)
{
	g_auto(GStrv) part = g_strsplit(text, ":", -1);
	g_autoptr(GError) error = NULL;
	g_autofree char *password = NULL, *line = NULL;

	if (g_strv_length(part) != 2)
		return cmd_usage(name, "--new-user takes NAME:ROLE, where ROLE "
				 "is view or control");
	password = read_password();
	if (!password)
		return cmd_fail(name, "no password on standard input");
	line = users_make_line(part[0], password, part[1], &error);
	if (!line)
		return cmd_usage(name, "--new-user: %s", error->message);
	puts(line);
	return CMD_DONE;
}

/* --- the server ----------------------------------------------------------------------- */

static gboolean take_token(Auth *auth, const char *path, GError **error)
{
	g_autofree char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, error))
		return FALSE;
	text[strcspn(text, "\r\n")] = '\0';
	if (strlen(text) >= 16 && g_str_is_ascii(text) &&
	    !strpbrk(text, " \t;,\"&#%+")) {
		auth_set_token(auth, text);
		return TRUE;
	}
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
		    "%s: a token is at least 16 letters or digits", path);
	return FALSE;
}

static Auth *make_auth(const Options *o, GError **error)
{
	Auth *auth;

	if (o->users)
		return auth_new_users(o->users, error);
	if (g_str_has_prefix(o->listen, "unix:"))
		return auth_new_peer();
	auth = auth_new_token();
	if (!o->token || take_token(auth, o->token, error))
		return auth;
	auth_free(auth);
	return NULL;
}

static gboolean open_server(Serve *s, const Options *o, GError **error)
{
	g_autoptr(GTlsCertificate) certificate = NULL;

	if (o->cert) {
		certificate = g_tls_certificate_new_from_files(o->cert, o->key,
							       error);
		if (!certificate) {
			g_prefix_error(error, "%s, %s: ", o->cert, o->key);
			return FALSE;
		}
	}
	s->auth = make_auth(o, error);
	if (!s->auth)
		return FALSE;
	s->scheme = certificate ? "https" : "http";
	s->soup = soup_server_new("server-header", "profagent", NULL);
	s->connections = connections_new(s->soup, certificate);
	s->feeds = feeds_new();
	s->builder = builder_new();
	s->views = views_new(s->feeds);
	serve_attach(s);
	if (!connections_listen(s->connections, o->listen, error))
		return FALSE;
	auth_set_cookie(s->auth, connections_address(s->connections));
	return TRUE;
}

static void close_server(Serve *s)
{
	g_clear_pointer(&s->views, views_free);
	if (s->connections)
		connections_free(s->connections);
	g_clear_object(&s->soup);
	g_clear_pointer(&s->auth, auth_free);
}

static void print_address(const Serve *s)
{
	const char *token = auth_token(s->auth);

	if (connections_is_unix(s->connections))
		printf("profagent serve: at %s, for this user and root\n",
		       connections_address(s->connections));
	else
		printf("profagent serve: at %s://%s/%s%s\n", s->scheme,
		       connections_address(s->connections),
		       token ? "?token=" : "", token ? token : "");
	fflush(stdout);
}

/* --- all of it ---------------------------------------------------------------------------- */

static gboolean quit(gpointer loop)
{
	g_main_loop_quit(loop);
	return G_SOURCE_REMOVE;
}

static void run_loop(void)
{
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

	g_unix_signal_add(SIGINT, quit, loop);
	g_unix_signal_add(SIGTERM, quit, loop);
	g_main_loop_run(loop);
}

static int serve(const Options *o)
{
	const PushOptions pushing = {
		.url = o->push, .interval_s = (guint)o->push_interval,
		.spool_bytes = (gsize)o->spool << 20, .labels = o->push_labels,
		.only = o->only_regex, .spool_dir = o->spool_dir,
	};
	g_autoptr(GError) error = NULL;
	Serve s = { 0 };
	Always *always = NULL;
	Push *push = NULL;
	int status = CMD_DONE;

	if (!open_server(&s, o, &error) ||
	    (o->push && !(push = push_new(s.feeds, s.builder, &pushing,
					  &error)))) {
		status = cmd_fail(name, "%s", error->message);
	} else {
		always = o->always ? always_new(s.feeds, o->only_regex, NULL,
						    NULL) : NULL;
		s.push = push;
		if (!o->quiet)
			print_address(&s);
		run_loop();
		if (push)
			push_finish(push, LAST_PROFILES_MS);
	}
	g_clear_pointer(&always, always_free);
	g_clear_pointer(&push, push_free);
	close_server(&s);
	return status;
}

int cmd_serve(int argc, char **argv)
{
	Options o = { .push_interval = PUSH_S, .spool = SPOOL_MIB };
	g_autoptr(GError) error = NULL;
	int status;

	if (!parse(&o, &argc, &argv, &error) || !check(&o, argc, &error))
		status = cmd_usage(name, "%s", error->message);
	else if (o.new_user)
		status = make_user(o.new_user);
	else
		status = serve(&o);
	options_release(&o);
	return status;
}
