/* SPDX-License-Identifier: MIT */
/*
 * What a collector takes: it refuses a whole answer for one line that is not as
 * it should be, or for a series that comes twice.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#ifdef HAVE_SOUP
#include "tests/unit/serve-fixture.h"

#define AGENT_LABELS "pid=\"" AGENT "\",program=\"app\""

/* The body of an answer of which each line is fit; g_free() it. */
static char *metrics(void)
{
	g_autofree char *answer = ask("GET /metrics", BEARER);
	g_autofree char *type = http_header(answer, "Content-Type");
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GRegex) line = g_regex_new(
		"^(?:# (?:HELP|TYPE) profagent_[a-z_]+ .+|"
		"profagent_[a-z_]+(?:\\{(?:[a-z]+=\"(?:[^\"\\\\\n]|\\\\.)*\","
		"?)+\\})? -?[0-9][0-9.e+-]*)$", 0, 0, NULL);
	g_auto(GStrv) lines = g_strsplit(http_body(answer), "\n", -1);

	ck_assert_uint_eq(http_status(answer), 200);
	ck_assert(g_str_has_prefix(type, "text/plain; version=0.0.4"));
	for (guint i = 0; *lines[i] || lines[i + 1]; i++) {
		char *value = strrchr(lines[i], ' ');

		ck_assert_msg(g_regex_match(line, lines[i], 0, NULL), "%s",
			      lines[i]);
		/* others may run on this machine meanwhile */
		if (*lines[i] == '#' || (strstr(lines[i], "{pid=") &&
					 !strstr(lines[i], AGENT)))
			continue;
		*value = '\0';
		ck_assert_msg(g_hash_table_add(seen, lines[i]), "twice: %s",
			      lines[i]);
	}
	return g_strdup(http_body(answer));
}

static gboolean has(const char *text, const char *line)
{
	return strstr(text, line) != NULL;
}

START_TEST(an_agent_in_numbers)
{
	g_autofree char *text = NULL;

	fake_agent_status(serve_fixture_agent,
		"{\"ok\":true,\"state\":\"running\",\"program\":\"app\","
		"\"samples\":12,\"cpu_ns\":2500000000,\"period_ns\":10000000,"
		"\"lost_by\":[3,4],\"truncated_by\":[100,5]}");
	text = metrics();
	ck_assert(has(text, "\nprofagent_up{" AGENT_LABELS "} 1\n"));
	ck_assert(has(text, "\nprofagent_running{" AGENT_LABELS "} 1\n"));
	ck_assert(has(text, "\nprofagent_samples_total{" AGENT_LABELS
		      "} 12\n"));
	ck_assert(has(text, "\nprofagent_program_cpu_seconds_total{"
		      AGENT_LABELS "} 2.5\n"));
	ck_assert(has(text, "\nprofagent_period_seconds{" AGENT_LABELS
		      "} 0.01\n"));
	ck_assert(has(text, "\nprofagent_lost_total{" AGENT_LABELS
		      ",reason=\"ring-full\"} 3\n"));
	/* the first is of those that are whole */
	ck_assert(!has(text, "_truncated_total{" AGENT_LABELS
		       ",reason=\"complete\"}"));
	ck_assert(has(text, "_truncated_total{" AGENT_LABELS ",reason="));
	ck_assert(!has(text, AGENT_LABELS ",reason=\"other\""));
	ck_assert(has(text, "\nprofagent_serve_requests_total 1\n"));
}
END_TEST

/* Of one that is newer than we are: more reasons than we can name. */
START_TEST(reasons_that_nobody_knows)
{
	g_autoptr(GString) status = g_string_new(
		"{\"ok\":true,\"program\":\"app\",\"lost_by\":[");
	g_autofree char *text = NULL;

	for (guint i = 0; i < 300; i++)
		g_string_append(status, i ? ",1" : "1");
	g_string_append(status, "],\"truncated_by\":[[],{},null,\"x\"]}");
	fake_agent_status(serve_fixture_agent, status->str);
	text = metrics();
	ck_assert(has(text, "profagent_lost_total{" AGENT_LABELS
		      ",reason=\"other\"} 2"));
	ck_assert(has(text, "profagent_running{" AGENT_LABELS "} 0\n"));
}
END_TEST

START_TEST(names_are_escaped)
{
	g_autofree char *text = NULL;

	fake_agent_status(serve_fixture_agent,
		"{\"ok\":true,\"program\":\"a\\\\b\\\"c\\nprofagent_up 7\"}");
	text = metrics();
	ck_assert(has(text, "program=\"a\\\\b\\\"c\\nprofagent_up 7\"} 1\n"));
}
END_TEST

START_TEST(one_that_does_not_answer)
{
	g_autofree char *text = NULL;

	fake_agent_status(serve_fixture_agent, "no JSON");
	text = metrics();
	ck_assert(has(text, "profagent_up{pid=\"" AGENT
		      "\",program=\"\"} 0\n"));
	ck_assert(!has(text, "profagent_running{pid=\"" AGENT));
	ck_assert(!has(text, "profagent_samples_total{pid=\"" AGENT));
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("serve-metrics");
#ifdef HAVE_SOUP
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, serve_fixture_begin,
				  serve_fixture_end);
	tcase_add_test(all, an_agent_in_numbers);
	tcase_add_test(all, reasons_that_nobody_knows);
	tcase_add_test(all, names_are_escaped);
	tcase_add_test(all, one_that_does_not_answer);
	suite_add_tcase(suite, all);
#endif
	return runner_run(suite);
}
