/* SPDX-License-Identifier: MIT */
/* The list of processes, whatever those say of themselves. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#ifdef HAVE_SOUP
#include <json-glib/json-glib.h>

#include "tests/unit/serve-fixture.h"

#define HTML BEARER "Accept: text/html\r\n"

/* Ours in the list for programs, NULL: it is not there; the parser owns it.
 * Others may run on this machine meanwhile. */
static JsonObject *find_agent(JsonParser *parser)
{
	g_autofree char *answer = ask("GET /api/processes", BEARER);
	JsonArray *all;
	guint i;

	ck_assert_uint_eq(http_status(answer), 200);
	ck_assert_msg(json_parser_load_from_data(parser, http_body(answer), -1,
						 NULL), "%s", answer);
	all = json_node_get_array(json_parser_get_root(parser));
	for (i = 0; i < json_array_get_length(all); i++) {
		JsonObject *o = json_array_get_object_element(all, i);

		if (json_object_get_int_member(o, "pid") == atoll(AGENT))
			return o;
	}
	return NULL;
}

static gint64 number(JsonObject *o, const char *name)
{
	return json_object_get_int_member(o, name);
}

static const char *text(JsonObject *o, const char *name)
{
	return json_object_get_string_member(o, name);
}

START_TEST(for_programs)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonObject *o;

	fake_agent_status(serve_fixture_agent,
		"{\"ok\":true,\"state\":\"paused\",\"program\":\"a\\\"\\n<b>\","
		"\"samples\":9223372036854775807,\"lost\":-1}");
	o = find_agent(parser);
	ck_assert_ptr_nonnull(o);
	ck_assert_str_eq(text(o, "run_id"), "0123456789abcdef");
	ck_assert_str_eq(text(o, "state"), "paused");
	ck_assert_str_eq(text(o, "program"), "a\"\n<b>");
	ck_assert_int_eq(number(o, "samples"), G_MAXINT64);
	ck_assert_int_eq(number(o, "lost"), -1);
	/* what it does not say is nothing, but there */
	ck_assert_int_eq(number(o, "threads"), 0);
	ck_assert_str_eq(text(o, "clock"), "");
}
END_TEST

/* What is of another kind than it should be counts as not said. */
START_TEST(of_strange_kinds)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonObject *o;

	fake_agent_status(serve_fixture_agent,
		"{\"ok\":true,\"state\":[1],\"program\":7,\"samples\":\"x\","
		"\"lost\":null,\"threads\":{\"a\":1},\"cpu_ns\":[]}");
	o = find_agent(parser);
	ck_assert_str_eq(text(o, "state"), "");
	ck_assert_str_eq(text(o, "program"), "");
	ck_assert_int_eq(number(o, "samples"), 0);
	ck_assert_int_eq(number(o, "lost"), 0);
	ck_assert_int_eq(number(o, "threads"), 0);
	ck_assert_int_eq(number(o, "cpu_ns"), 0);
	expect("GET /processes", HTML, 200, AGENT);
}
END_TEST

START_TEST(for_people)
{
	g_autofree char *page = NULL;

	fake_agent_status(serve_fixture_agent,
		"{\"ok\":true,\"state\":\"<i>up\",\"program\":\"a<b>&\\\"\","
		"\"period_ns\":10000000,\"samples\":1234,"
		"\"cpu_ns\":2500000000}");
	page = ask("GET /processes", HTML);
	ck_assert_uint_eq(http_status(page), 200);
	ck_assert(strstr(page, "<a href=\"/processes/" AGENT "/\">"
			 "a&lt;b&gt;&amp;&quot;</a>") != NULL);
	ck_assert(strstr(page, "<td>&lt;i&gt;up</td>") != NULL);
	ck_assert(strstr(page, "100 Hz") != NULL);
	ck_assert(strstr(page, "2.50 s") != NULL);
	ck_assert(strstr(page, "a<b>") == NULL);
	ck_assert(strstr(page, "</tbody></table>") != NULL);
}
END_TEST

/* One that does not answer sensibly is in the list, and says why. */
START_TEST(one_that_is_no_agent)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autofree char *page = NULL;
	JsonObject *o;

	fake_agent_status(serve_fixture_agent, "<script>");
	o = find_agent(parser);
	ck_assert_ptr_nonnull(o);
	ck_assert(strstr(text(o, "error"), "no agent of ours") != NULL);
	ck_assert(!json_object_has_member(o, "samples"));
	page = ask("GET /processes", HTML);
	ck_assert(strstr(page, "<td colspan=\"7\">") != NULL);
	ck_assert(strstr(page, "no agent of ours") != NULL);
	ck_assert(strstr(page, "<script>") == NULL);
}
END_TEST

START_TEST(one_that_has_gone)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autofree char *page = NULL;

	ck_assert_ptr_nonnull(find_agent(parser));
	g_clear_pointer(&serve_fixture_agent, fake_agent_free);
	ck_assert_ptr_null(find_agent(parser));
	page = ask("GET /processes", HTML);
	ck_assert_uint_eq(http_status(page), 200);
	ck_assert(strstr(page, AGENT) == NULL);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("serve-list");
#ifdef HAVE_SOUP
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, serve_fixture_begin,
				  serve_fixture_end);
	tcase_add_test(all, for_programs);
	tcase_add_test(all, of_strange_kinds);
	tcase_add_test(all, for_people);
	tcase_add_test(all, one_that_is_no_agent);
	tcase_add_test(all, one_that_has_gone);
	suite_add_tcase(suite, all);
#endif
	return runner_run(suite);
}
