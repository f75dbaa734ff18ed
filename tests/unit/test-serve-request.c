/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/runner.h"

#ifdef HAVE_SOUP
#include "tests/unit/http-client.h"
#include "tools/serve.h"

static SoupServer *soup;
static Connections *connections;
static void (*handle)(ServeRequest *r);	/* what the test does with one */
static ServeRequest *kept;		/* by a handler that answers later */
static guint lefts;

/* --- a server whose requests all go to the test ------------------------------------- */

static void come_in(SoupServer *server, SoupServerMessage *msg,
		    const char *at, GHashTable *query, gpointer data)
{
	ServeRequest *r = g_new0(ServeRequest, 1);

	(void)server;
	(void)at;
	(void)data;
	r->refs = 1;
	r->msg = g_object_ref(msg);
	r->query = query ? g_hash_table_ref(query)
			 : g_hash_table_new(g_str_hash, g_str_equal);
	handle(r);
	serve_request_unref(r);
}

static void setup(void)
{
	soup = soup_server_new(NULL, NULL);
	connections = connections_new(soup, NULL);
	soup_server_add_handler(soup, NULL, come_in, NULL, NULL);
	ck_assert(connections_listen(connections, "127.0.0.1:0", NULL));
}

static void teardown(void)
{
	connections_free(connections);
	g_object_unref(soup);
}

static char *ask(void (*how)(ServeRequest *r), const char *line,
		 const char *headers)
{
	handle = how;
	return http_ask(connections_address(connections), line, headers);
}

/* --- answers ---------------------------------------------------------------------------- */

static void answer_twice(ServeRequest *r)
{
	serve_answer_text(r, "text/csv", "first\n");
	serve_refuse(r, 500, "second");
	serve_redirect(r, "/third");
}

START_TEST(the_first_answer_counts)
{
	g_autofree char *answer = ask(answer_twice, "GET /", "");
	g_autofree char *type = http_header(answer, "Content-Type");

	ck_assert_uint_eq(http_status(answer), 200);
	ck_assert_str_eq(type, "text/csv");
	ck_assert_str_eq(http_body(answer), "first\n");
}
END_TEST

/* Of names that anybody may have given. */
static void refuse_name(ServeRequest *r)
{
	serve_refuse(r, 404, "no \"%s\"", "a\x1b[2J\r\nb%s\xff");
}

START_TEST(a_refusal_is_one_line)
{
	g_autofree char *answer = ask(refuse_name, "GET /x", "");
	g_autofree char *type = http_header(answer, "Content-Type");
	g_autofree char *go = http_header(answer, "X-Go-Pprof");
	const char *body = http_body(answer);

	ck_assert_uint_eq(http_status(answer), 404);
	ck_assert_str_eq(type, "text/plain; charset=utf-8");
	ck_assert_str_eq(go, "1");
	ck_assert(g_str_has_prefix(body, "no \"a\\x1b[2J"));
	ck_assert_ptr_eq(strchr(body, '\n'), body + strlen(body) - 1);
	ck_assert_ptr_null(strpbrk(body, "\x1b\r"));
	ck_assert(g_utf8_validate(body, -1, NULL));
}
END_TEST

START_TEST(below_api_it_is_json)
{
	g_autofree char *answer = ask(refuse_name, "GET /api/x", "");
	g_autofree char *type = http_header(answer, "Content-Type");
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonObject *said;

	ck_assert_str_eq(type, "application/json");
	ck_assert_msg(json_parser_load_from_data(parser, http_body(answer),
						 -1, NULL), "%s", answer);
	said = json_node_get_object(json_parser_get_root(parser));
	ck_assert(g_str_has_prefix(
		json_object_get_string_member(said, "error"), "no \"a\\x1b"));
}
END_TEST

static const struct {
	gint code;
	guint status;
} kinds[] = {
	{ G_IO_ERROR_NOT_FOUND, 404 },
	{ G_IO_ERROR_PERMISSION_DENIED, 403 },
	{ G_IO_ERROR_NOT_SUPPORTED, 501 },
	{ G_IO_ERROR_TIMED_OUT, 502 },
};

static gint code;

static void refuse_error(ServeRequest *r)
{
	g_autoptr(GError) error = g_error_new(G_IO_ERROR, code, "it is so");

	serve_refuse_error(r, error);
}

START_TEST(an_error_has_its_status)
{
	g_autofree char *answer = NULL;

	code = kinds[_i].code;
	answer = ask(refuse_error, "GET /", "");
	ck_assert_uint_eq(http_status(answer), kinds[_i].status);
	ck_assert_str_eq(http_body(answer), "it is so\n");
}
END_TEST

static void give_file(ServeRequest *r)
{
	serve_as_file(r, "a b\"\r\nX: ../\xc3\xa9.pb.gz");
	serve_answer_text(r, "text/plain", "");
}

START_TEST(a_file_has_a_harmless_name)
{
	g_autofree char *answer = ask(give_file, "GET /", "");
	g_autofree char *name = http_header(answer, "Content-Disposition");

	ck_assert_str_eq(name, "attachment; filename=\"a_b___X__..___.pb.gz\"");
	ck_assert_str_eq(http_body(answer), "");
}
END_TEST

/* --- questions --------------------------------------------------------------------------- */

static const struct {
	const char *line;
	guint status;
	const char *body;
} numbers[] = {
	{ "GET /", 200, "30" },
	{ "GET /?m=7", 200, "30" },
	{ "GET /?n=1", 200, "1" },
	{ "GET /?n=3600", 200, "3600" },
	{ "GET /?n=007", 200, "7" },
	{ "GET /?n=0", 400, "n=0 is no whole number from 1 to 3600\n" },
	{ "GET /?n=3601", 400, "n=3601 is no whole number from 1 to 3600\n" },
	{ "GET /?n=", 400, "n= is no whole number from 1 to 3600\n" },
	{ "GET /?n=-1", 400, "n=-1 is no whole number from 1 to 3600\n" },
	{ "GET /?n=%2b1", 400, "n=+1 is no whole number from 1 to 3600\n" },
	{ "GET /?n=1.5", 400, "n=1.5 is no whole number from 1 to 3600\n" },
	{ "GET /?n=1s", 400, "n=1s is no whole number from 1 to 3600\n" },
	{ "GET /?n=18446744073709551617", 400,
	  "n=18446744073709551617 is no whole number from 1 to 3600\n" },
	{ "GET /?n=%0a1", 400,
	  "n=\\x0a1 is no whole number from 1 to 3600\n" },
};

static void say_number(ServeRequest *r)
{
	g_autofree char *text = NULL;
	guint n;

	if (!serve_query_number(r, "n", 1, 3600, 30, &n))
		return;
	text = g_strdup_printf("%u", n);
	serve_answer_text(r, "text/plain", text);
}

START_TEST(a_number_of_the_query)
{
	g_autofree char *answer = ask(say_number, numbers[_i].line, "");

	ck_assert_uint_eq(http_status(answer), numbers[_i].status);
	ck_assert_str_eq(http_body(answer), numbers[_i].body);
}
END_TEST

static const struct {
	const char *line, *headers, *body;
} wishes[] = {
	{ "GET /", "Accept: text/html,application/xml;q=0.9,*/*\r\n", "html" },
	{ "GET /", "Accept: */*\r\n", "other" },
	{ "GET /", "", "other" },
	{ "GET /api/x", "Accept: text/html\r\n", "other" },
	{ "GET /apix", "Accept: text/html\r\n", "html" },
};

static void say_wish(ServeRequest *r)
{
	serve_answer_text(r, "text/plain", serve_wants_html(r) ? "html"
							      : "other");
}

START_TEST(who_wants_html)
{
	g_autofree char *answer = ask(say_wish, wishes[_i].line,
				      wishes[_i].headers);

	ck_assert_str_eq(http_body(answer), wishes[_i].body);
}
END_TEST

static void say_path(ServeRequest *r)
{
	g_autofree char *one = NULL, *all = NULL, *both = NULL;

	r->pid = 4711;
	one = serve_process_path(r);
	r->tree = TRUE;
	all = serve_process_path(r);
	both = g_strdup_printf("%s %s", one, all);
	serve_answer_text(r, "text/plain", both);
}

START_TEST(where_a_process_lies)
{
	g_autofree char *answer = ask(say_path, "GET /", "");

	ck_assert_str_eq(http_body(answer),
			 "/processes/4711 /processes/4711/tree");
}
END_TEST

/* --- waiting -------------------------------------------------------------------------------- */

static void left(ServeRequest *r)
{
	ck_assert_ptr_eq(r, kept);
	lefts++;
}

static gboolean answer_later(gpointer data)
{
	ServeRequest *r = data;

	serve_answer_text(r, "text/plain", "late");
	serve_request_unref(r);
	return G_SOURCE_REMOVE;
}

static void wait_and_answer(ServeRequest *r)
{
	kept = serve_request_ref(r);
	serve_wait(r, left);
	g_timeout_add(20, answer_later, r);
}

START_TEST(an_answer_may_come_later)
{
	g_autofree char *answer = ask(wait_and_answer, "GET /", "");

	ck_assert_str_eq(http_body(answer), "late");
	ck_assert_uint_eq(lefts, 0);
}
END_TEST

static void wait_on(ServeRequest *r)
{
	kept = serve_request_ref(r);
	serve_wait(r, left);
}

static int send_and_wait(const char *line)
{
	int fd;

	handle = wait_on;
	fd = http_send(connections_address(connections), line, "");
	while (!kept)
		g_main_context_iteration(NULL, TRUE);
	return fd;
}

/* It is told of once, and what is said then goes nowhere. */
START_TEST(who_leaves_is_noticed)
{
	int fd = send_and_wait("GET /");

	close(fd);
	while (lefts == 0)
		g_main_context_iteration(NULL, TRUE);
	ck_assert(kept->is_gone);
	serve_answer_text(kept, "text/plain", "too late");
	ck_assert(!kept->is_answered);
	serve_wait(kept, NULL);		/* without effect as well */
	serve_request_unref(kept);
	while (connections_count(connections) > 0)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_uint_eq(lefts, 1);
}
END_TEST

/* Bytes of a next request are no leaving. */
START_TEST(who_asks_on_has_not_left)
{
	char text[1024] = "";
	gsize used = 0;
	gssize n;
	int fd = send_and_wait("GET /");

	ck_assert_int_eq(write(fd, "GET /2 HTTP/1.1\r\n", 17), 17);
	while (kept->peek)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_uint_eq(lefts, 0);
	ck_assert(!kept->is_gone);
	answer_later(kept);
	while (!strstr(text, "late") && used < sizeof(text) - 1) {
		n = recv(fd, text + used, sizeof(text) - 1 - used,
			 MSG_DONTWAIT);
		ck_assert_int_ne(n, 0);
		used += (gsize)MAX(n, 0);
		g_main_context_iteration(NULL, FALSE);
	}
	ck_assert_uint_eq(http_status(text), 200);
	ck_assert_uint_eq(lefts, 0);
	close(fd);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("serve-request");
#ifdef HAVE_SOUP
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, the_first_answer_counts);
	tcase_add_test(all, a_refusal_is_one_line);
	tcase_add_test(all, below_api_it_is_json);
	tcase_add_loop_test(all, an_error_has_its_status, 0,
			    G_N_ELEMENTS(kinds));
	tcase_add_test(all, a_file_has_a_harmless_name);
	tcase_add_loop_test(all, a_number_of_the_query, 0,
			    G_N_ELEMENTS(numbers));
	tcase_add_loop_test(all, who_wants_html, 0, G_N_ELEMENTS(wishes));
	tcase_add_test(all, where_a_process_lies);
	tcase_add_test(all, an_answer_may_come_later);
	tcase_add_test(all, who_leaves_is_noticed);
	tcase_add_test(all, who_asks_on_has_not_left);
	suite_add_tcase(suite, all);
#endif
	return runner_run(suite);
}
