/* SPDX-License-Identifier: MIT */
/*
 * The flusher is stopped and this thread stands for it: who obeys is who asks,
 * so that each answer is seen. Lines that come over a socket: test-control.c.
 */
#include "agent/verbs.h"

#include <check.h>
#include <errno.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "agent/arena.h"
#include "agent/clock.h"
#include "agent/flusher.h"
#include "agent/spans.h"
#include "tests/unit/agent-fixture.h"
#include "tests/unit/runner.h"

static char text[VERBS_ANSWER_MAX];
static struct verbs_reply reply;
static JsonParser *parser;

static void setup(void)
{
	agent_fixture_begin("PROFAGENT_START=0");
	agent_suspend_flusher();
	ck_assert_int_eq(flusher_tid(), 0);
	parser = json_parser_new();
}

static void teardown(void)
{
	g_object_unref(parser);
	agent_fixture_end();
}

/* The answer, which is one line of JSON whatever is in it. */
static JsonObject *obey(const char *line)
{
	char request[64];
	JsonNode *root;

	snprintf(request, sizeof(request), "%s", line);
	format_init(&reply.answer, text, sizeof(text));
	reply.frame = (uint8_t *)1;
	verbs_obey(request, &reply);
	ck_assert(!reply.answer.cut);
	ck_assert_ptr_eq(strchr(text, '\n'), text + reply.answer.used - 1);
	ck_assert_msg(json_parser_load_from_data(parser, text, -1, NULL), "%s",
		      text);
	root = json_parser_get_root(parser);
	ck_assert(JSON_NODE_HOLDS_OBJECT(root));
	return json_node_get_object(root);
}

static void obeyed(const char *line)
{
	ck_assert_msg(json_object_get_boolean_member(obey(line), "ok"), "%s",
		      text);
	ck_assert_int_eq(reply.err == 0 || reply.err == -EALREADY, 1);
}

static void refused(const char *line, int err, const char *part)
{
	JsonObject *answer = obey(line);

	ck_assert(!json_object_get_boolean_member(answer, "ok"));
	ck_assert_int_eq(reply.err, err);
	ck_assert_ptr_null(reply.frame);
	ck_assert_msg(strstr(json_object_get_string_member(answer, "error"),
			     part) != NULL, "%s", text);
}

static gint64 status_number(const char *name)
{
	return json_object_get_int_member(obey("status"), name);
}

static gboolean status_is(const char *state, gboolean for_subscribers)
{
	JsonObject *status = obey("status");

	return strcmp(json_object_get_string_member(status, "state"),
		      state) == 0 &&
	       json_object_get_boolean_member(status, "for_subscribers") ==
		       for_subscribers;
}

START_TEST(started_and_stopped)
{
	ck_assert(status_is("paused", FALSE));
	obeyed("start");
	ck_assert_int_eq(agent_state(), AGENT_RUNNING);
	ck_assert(status_is("running", FALSE));
	obeyed("start");
	obeyed("resume");
	ck_assert(status_is("running", FALSE));
	obeyed("stop");
	obeyed("pause");
	ck_assert(status_is("paused", FALSE));
	verbs_toggle();
	ck_assert(status_is("running", FALSE));
	verbs_toggle();
	ck_assert(status_is("paused", FALSE));
	agent_end();
	refused("start", -ESRCH, "the profiler has ended");
	ck_assert(status_is("ended", FALSE));
}
END_TEST

/* --- who watches ----------------------------------------------------------------- */

START_TEST(it_runs_as_long_as_somebody_watches)
{
	verbs_watched(0);
	ck_assert(status_is("paused", FALSE));
	verbs_watched(1);
	ck_assert(status_is("running", TRUE));
	ck_assert_int_eq(status_number("subscribers"), 1);
	verbs_watched(2);
	verbs_watched(1);
	ck_assert(status_is("running", TRUE));
	verbs_watched(0);
	ck_assert(status_is("paused", FALSE));
	/* and once more */
	verbs_watched(3);
	ck_assert(status_is("running", TRUE));
	verbs_watched(0);
	ck_assert(status_is("paused", FALSE));
}
END_TEST

/* What somebody asked for stays when the last watcher leaves. */
START_TEST(what_was_asked_for_outlives_them)
{
	obeyed("start");
	verbs_watched(1);
	ck_assert(status_is("running", FALSE));
	verbs_watched(0);
	ck_assert(status_is("running", FALSE));
	obeyed("stop");
	verbs_watched(1);
	obeyed("start");
	ck_assert(status_is("running", FALSE));
	verbs_watched(0);
	ck_assert(status_is("running", FALSE));
	verbs_watched(1);
	obeyed("stop");
	verbs_watched(2);	/* not the first: it stays as asked */
	ck_assert(status_is("paused", FALSE));
	verbs_watched(0);
	ck_assert(status_is("paused", FALSE));
	verbs_watched(1);
	verbs_toggle();
	ck_assert(status_is("paused", FALSE));
	verbs_toggle();
	verbs_watched(0);
	ck_assert(status_is("running", FALSE));
}
END_TEST

START_TEST(nobody_watches_a_forked_child)
{
	verbs_watched(2);
	ck_assert(status_is("running", TRUE));
	verbs_reset_after_fork();
	ck_assert_int_eq(status_number("subscribers"), 0);
	verbs_watched(0);
	ck_assert(status_is("running", FALSE));
}
END_TEST

/* --- requests --------------------------------------------------------------------- */

START_TEST(intervals_and_their_bounds)
{
	obeyed("interval 100000");
	ck_assert_int_eq(status_number("period_ns"), 100000);
	refused("interval 99999", -ERANGE, "from 100000 to 10000000000");
	refused("interval 10000000001", -ERANGE, "from 100000");
	refused("interval 18446744073709651616", -ERANGE, "from 100000");
	refused("interval 100000 ", -ERANGE, "from 100000");
	refused("interval +100000", -ERANGE, "from 100000");
	refused("interval ", -ERANGE, "from 100000");
	refused("interval", -EINVAL, "takes an argument");
	ck_assert_int_eq(status_number("period_ns"), 100000);
	obeyed("interval 10000000000");
	ck_assert_uint_eq(clock_period_ns(), 10000000000);
}
END_TEST

/* Each verb that a refusal names is known. */
START_TEST(all_verbs_are_named)
{
	g_auto(GStrv) names = NULL;
	const char *error;
	guint n = 0;

	error = json_object_get_string_member(obey("Status"), "error");
	ck_assert_int_eq(reply.err, -ENOSYS);
	names = g_strsplit(strstr(error, "are ") + 4, ", ", -1);
	for (; names[n]; n++) {
		g_autofree char *line = g_strconcat(names[n], " x", NULL);

		if (strcmp(names[n], "interval") != 0)
			refused(line, -EINVAL, "takes no argument");
	}
	ck_assert_uint_eq(n, 14);
	refused("", -ENOSYS, "unknown verb");
	refused(" status", -ENOSYS, "unknown verb");
	refused("statu", -ENOSYS, "unknown verb");
	obeyed("subscribe");
	ck_assert(reply.subscribes);
	obeyed("hottest");
	ck_assert(!reply.subscribes);
}
END_TEST

START_TEST(names_are_escaped)
{
	static const char name[] = "a\"\\\n\t\x01</b>\x7f";
	JsonObject *status;

	strcpy(agent_process.program, name);
	status = obey("status");
	ck_assert_str_eq(json_object_get_string_member(status, "program"),
			 name);
}
END_TEST

START_TEST(frames_are_the_callers)
{
	obeyed("functions");
	ck_assert_ptr_nonnull(reply.frame);
	ck_assert_uint_eq(strlen((char *)reply.frame) + 1, reply.frame_size);
	arena_block_free(reply.frame, reply.frame_size);
	obeyed("span-counts");
	ck_assert_ptr_nonnull(reply.frame);
	ck_assert_uint_gt(reply.frame_size, 0);
	arena_block_free(reply.frame, reply.frame_size);
	obeyed("flush");
	ck_assert_ptr_null(reply.frame);
}
END_TEST

/* --- spans ------------------------------------------------------------------------- */

START_TEST(spans_are_told)
{
	JsonObject *answer = obey("spans"), *row;
	JsonArray *spans;

	ck_assert_uint_eq(json_array_get_length(
		json_object_get_array_member(answer, "spans")), 0);
	spans_begin("begun only");
	spans_end(spans_begin("say \"hi\"\n"));
	spans_end(spans_begin("say \"hi\"\n"));
	answer = obey("spans");
	spans = json_object_get_array_member(answer, "spans");
	ck_assert_uint_eq(json_array_get_length(spans), 1);
	row = json_array_get_object_element(spans, 0);
	ck_assert_str_eq(json_object_get_string_member(row, "name"),
			 "say \"hi\"\n");
	ck_assert_int_eq(json_object_get_int_member(row, "n"), 2);
	ck_assert_int_eq(json_object_get_int_member(answer, "left_out"), 0);
}
END_TEST

/* The middle of a bucket may be above all that is in it. */
START_TEST(no_quantile_is_above_the_maximum)
{
	static const char *const rising[] = { "p50_ns", "p95_ns", "p99_ns",
					      "max_ns" };
	JsonArray *spans;
	char name[] = "a";
	guint i, k;

	for (; *name <= 'z'; ++*name)
		ck_assert_int_eq(spans_end(spans_begin(name)), 0);
	spans = json_object_get_array_member(obey("spans"), "spans");
	ck_assert_uint_eq(json_array_get_length(spans), 26);
	for (i = 0; i < 26; i++) {
		JsonObject *row = json_array_get_object_element(spans, i);

		for (k = 1; k < G_N_ELEMENTS(rising); k++)
			ck_assert_int_le(
				json_object_get_int_member(row, rising[k - 1]),
				json_object_get_int_member(row, rising[k]));
		ck_assert_int_eq(json_object_get_int_member(row, "mean_ns"),
				 json_object_get_int_member(row, "max_ns"));
	}
}
END_TEST

/* The longest names that there are, which take six bytes for each of theirs. */
START_TEST(spans_that_do_not_fit_are_counted)
{
	JsonObject *answer;
	char name[SPANS_NAME_MAX + 1];
	gint64 there, left_out;
	unsigned i;

	memset(name, '\x01', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (i = 0; i < SPANS_NAMES; i++) {
		name[0] = (char)('A' + i % 32);
		name[1] = (char)('A' + i / 32);
		ck_assert_int_eq(spans_end(spans_begin(name)), 0);
	}
	answer = obey("spans");
	there = json_array_get_length(json_object_get_array_member(answer,
								   "spans"));
	left_out = json_object_get_int_member(answer, "left_out");
	ck_assert_int_gt(there, 50);
	ck_assert_int_gt(left_out, 0);
	ck_assert_int_eq(there + left_out, SPANS_NAMES);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verbs");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, started_and_stopped);
	tcase_add_test(t, it_runs_as_long_as_somebody_watches);
	tcase_add_test(t, what_was_asked_for_outlives_them);
	tcase_add_test(t, nobody_watches_a_forked_child);
	tcase_add_test(t, intervals_and_their_bounds);
	tcase_add_test(t, all_verbs_are_named);
	tcase_add_test(t, names_are_escaped);
	tcase_add_test(t, frames_are_the_callers);
	tcase_add_test(t, spans_are_told);
	tcase_add_test(t, no_quantile_is_above_the_maximum);
	tcase_add_test(t, spans_that_do_not_fit_are_counted);
	suite_add_tcase(suite, t);
	return runner_run(suite);
}
