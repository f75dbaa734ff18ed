/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#ifdef HAVE_SOUP
#include "tests/unit/serve-fixture.h"
#include "tools/serve-users.h"

/* --- finding ------------------------------------------------------------------------ */

static const struct {
	const char *line;
	guint status;
	const char *part;		/* of the answer, head or body */
} found[] = {
	{ "GET /healthz", 200, "{\"ok\":true}" },
	{ "GET /api/processes/" AGENT, 200, "\"state\":\"running\"" },
	{ "GET /api/processes/" AGENT "/tree", 200, "\"state\":\"running\"" },
	{ "POST /api/processes/" AGENT "/pause", 200, "\"pid\":" AGENT },
	{ "GET /api/openapi.json", 200, "\"openapi\"" },
	{ "GET /processes/" AGENT "/", 200, "<html" },
	{ "GET /web/app.js", 200, "javascript" },
	/* a slash that was forgotten, and no more than that */
	{ "GET /processes/5", 303, "Location: /processes/5/\r\n" },
	{ "GET /processes/5/tree", 303, "Location: /processes/5/tree/\r\n" },
	{ "GET /processes/5/debug/pprof", 303,
	  "Location: /processes/5/debug/pprof/\r\n" },
	{ "GET //elsewhere.example/processes/5", 404, "there is no //" },
	{ "GET /nothing", 404, "there is no /nothing here" },
	{ "GET //", 404, "there is no // here" },
	{ "GET /processes/5/x", 404, "there is no" },
	{ "GET /processes/5/tree/tree/", 404, "there is no" },
	{ "GET /web/", 404, "there is no /web/" },
	{ "GET /web/app.js/x", 404, "there is no" },
	{ "GET /web/..%2f..%2fetc%2fpasswd", 400, "" },
	{ "GET /api/nothing", 404, "{\"error\":\"there is no /api/nothing" },
	/* another method */
	{ "POST /api/processes", 405, "Allow: GET\r\n" },
	{ "GET /api/processes/5/pause", 405, "Allow: POST\r\n" },
	{ "DELETE /processes/5/", 405, "Allow: GET\r\n" },
	{ "HEAD /nothing", 404, "" },
	/* a process has a number */
	{ "GET /processes/abc/", 400, "by its number" },
	{ "GET /processes/0/", 400, "by its number" },
	{ "GET /processes/-1/", 400, "by its number" },
	{ "GET /processes/+1/", 400, "by its number" },
	{ "GET /processes/1x/", 400, "by its number" },
	{ "GET /processes/2147483648/", 400, "by its number" },
	{ "GET /processes/99999999999999999999/", 400, "by its number" },
	{ "GET /api/processes/abc", 400, "{\"error\":\"a process is named" },
	/* one that is not there */
	{ "GET /api/processes/" NOBODY, 404,
	  "{\"error\":\"there is no process " NOBODY },
	{ "POST /api/processes/" NOBODY "/pause", 404, "there is no process" },
};

START_TEST(each_path_leads_somewhere)
{
	expect(found[_i].line, BEARER, found[_i].status, found[_i].part);
}
END_TEST

/* Escape sequences and quotes of an address stay what they are: text. */
START_TEST(an_address_is_only_text)
{
	g_autofree char *answer =
		ask("GET /api/%1b%5b31m%22%0d%0aX-Evil:%20yes", BEARER);
	g_autofree char *evil = http_header(answer, "X-Evil");

	ck_assert_uint_eq(http_status(answer), 404);
	ck_assert_ptr_null(evil);
	ck_assert_ptr_null(strchr(answer, '\x1b'));
}
END_TEST

/* --- letting in ----------------------------------------------------------------------- */

/* Whatever is added to the table: only /healthz is for everybody. */
START_TEST(nothing_is_open)
{
	const ServeRoute *route;

	for (route = serve_routes; route->method; route++) {
		g_auto(GStrv) parts = g_strsplit(route->path, "{pid}", -1);
		g_autofree char *at = g_strjoinv("5", parts);
		g_autofree char *line = g_strdup_printf("%s %s",
							route->method, at);

		expect(line, "", strcmp(at, "/healthz") == 0 ? 200 : 401, "");
		/* what looks changes nothing, what changes takes a POST */
		ck_assert_msg((route->role == ROLE_CONTROL) ==
			      (strcmp(route->method, "POST") == 0), "%s",
			      line);
	}
	expect("GET /nothing", "", 401, "who are you?");
	expect("DELETE /", "", 401, "who are you?");
	ck_assert_uint_eq(serve_fixture.requests,
			  (guint)(route - serve_routes) + 2);
	ck_assert_uint_eq(serve_fixture.refused, serve_fixture.requests - 1);
}
END_TEST

#define OWN "http://" HTTP_HOST

static const struct {
	const char *headers;
	guint status;
} origins[] = {
	{ BEARER, 200 },
	{ BEARER "Origin: " OWN "\r\n", 200 },
	{ BEARER "Origin: " OWN "\r\nSec-Fetch-Site: same-origin\r\n", 200 },
	{ BEARER "Sec-Fetch-Site: none\r\n", 200 },
	{ BEARER "Origin: http://elsewhere.example\r\n", 403 },
	{ BEARER "Origin: https://" HTTP_HOST "\r\n", 403 },
	{ BEARER "Origin: " OWN ".example\r\n", 403 },
	{ BEARER "Origin: null\r\n", 403 },
	{ BEARER "Origin:\r\n", 403 },
	{ BEARER "Sec-Fetch-Site: cross-site\r\n", 403 },
	{ BEARER "Sec-Fetch-Site: same-site\r\n", 403 },
	{ BEARER "Origin: " OWN "\r\nSec-Fetch-Site: cross-site\r\n", 403 },
};

START_TEST(a_page_of_another_site_changes_nothing)
{
	expect("POST /api/processes/" AGENT "/pause", origins[_i].headers,
	       origins[_i].status, "");
	/* but nobody is kept from looking by it */
	expect("GET /api/processes/" AGENT, origins[_i].headers, 200, "");
}
END_TEST

#define HTML "Accept: text/html,*/*\r\n"

/* From the address bar into a cookie; the address is then without it. */
START_TEST(a_browser_gets_a_cookie)
{
	g_autofree char *answer = ask("GET /?token=" TOKEN, HTML);
	g_autofree char *cookie = http_header(answer, "Set-Cookie");
	g_autofree char *to = http_header(answer, "Location");
	g_autofree char *wanted = g_strdup_printf(
		"%s=" TOKEN "; Path=/; HttpOnly; SameSite=Strict",
		auth_cookie(serve_fixture.auth));

	ck_assert_uint_eq(http_status(answer), 303);
	ck_assert_str_eq(cookie, wanted);
	ck_assert_str_eq(to, "/");
	/* a tool does not, and is answered at once */
	expect("GET /healthz?token=" TOKEN, HTML, 200, "ok");
	expect("GET /api/openapi.json?token=" TOKEN, "", 200, "");
}
END_TEST

START_TEST(over_tls_the_cookie_stays_there)
{
	serve_fixture.scheme = "https";
	expect("GET /?token=" TOKEN, HTML, 303, "SameSite=Strict; Secure\r\n");
}
END_TEST

/* Who is in by a header may have followed a link with anything in it. */
START_TEST(a_link_does_not_write_the_cookie)
{
	static const char *const links[] = {
		"GET /?token=x", "GET /?token=x;%20Domain=elsewhere.example",
		"GET /?token=x%0d%0aX-Evil:%20yes", "GET /?token=",
	};
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(links); i++) {
		g_autofree char *cookie = g_strdup_printf(
			HTML "Cookie: %s=" TOKEN "\r\n",
			auth_cookie(serve_fixture.auth));
		g_autofree char *answer = ask(links[i], cookie);
		g_autofree char *set = http_header(answer, "Set-Cookie");

		ck_assert_uint_eq(http_status(answer), 303);
		ck_assert_msg(set && strstr(set, "=" TOKEN "; Path=/"),
			      "%s: %s", links[i], answer);
	}
}
END_TEST

/* --- users who only look ------------------------------------------------------------------- */

static void let_in_users(void)
{
	g_autofree char *users = g_build_filename(serve_fixture_dir, "users",
						  NULL);
	g_autofree char *ann = users_make_line("ann", "a secret", "view", NULL);

	ck_assert(g_file_set_contents(users, ann, -1, NULL));
	ck_assert_int_eq(g_chmod(users, 0600), 0);
	auth_free(serve_fixture.auth);
	serve_fixture.auth = auth_new_users(users, NULL);
	ck_assert_ptr_nonnull(serve_fixture.auth);
}

/* base64 of "ann:a secret" */
#define ANN "Authorization: Basic YW5uOmEgc2VjcmV0\r\n"

START_TEST(who_may_look_may_not_change)
{
	let_in_users();
	expect("GET /api/processes/" AGENT, ANN, 200, "running");
	expect("POST /api/processes/" AGENT "/pause", ANN, 403,
	       "{\"error\":\"ann may look, but not change anything\"}");
	expect("GET /", "", 401, "A name and a password are needed");
	/* and no address makes a cookie */
	expect("GET /processes/" AGENT "/?token=x", ANN HTML, 200, "<html");
}
END_TEST

/* The eleventh wrong guess is told how long to wait. */
START_TEST(too_many_guesses)
{
	guint i;

	for (i = 0; i < 10; i++)
		expect("GET /?token=x", "", 401, "WWW-Authenticate: Bearer");
	expect("GET /?token=x", "", 429, "Retry-After: 1\r\n");
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("serve-routes");
#ifdef HAVE_SOUP
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, serve_fixture_begin,
				  serve_fixture_end);
	tcase_add_loop_test(all, each_path_leads_somewhere, 0,
			    G_N_ELEMENTS(found));
	tcase_add_test(all, an_address_is_only_text);
	tcase_add_test(all, nothing_is_open);
	tcase_add_loop_test(all, a_page_of_another_site_changes_nothing, 0,
			    G_N_ELEMENTS(origins));
	tcase_add_test(all, a_browser_gets_a_cookie);
	tcase_add_test(all, over_tls_the_cookie_stays_there);
	tcase_add_test(all, a_link_does_not_write_the_cookie);
	tcase_add_test(all, who_may_look_may_not_change);
	tcase_add_test(all, too_many_guesses);
	suite_add_tcase(suite, all);
#endif
	return runner_run(suite);
}
