/* SPDX-License-Identifier: MIT */
#include "tools/client.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>

#include "tests/unit/fake-agent.h"
#include "tests/unit/runner.h"
#include "tools/control-stream.h"

static char *dir, *path;

static void setup(void)
{
	dir = g_dir_make_tmp("test-client-XXXXXX", NULL);
	path = g_build_filename(dir, "1.sock", NULL);
}

static void teardown(void)
{
	g_rmdir(dir);
	g_free(dir);
	g_free(path);
}

START_TEST(it_is_asked_and_answers)
{
	FakeAgent *a = fake_agent_new(path, NULL);
	g_autoptr(GError) error = NULL;
	Client *c = client_new(path, &error);
	int i;

	ck_assert_msg(c != NULL, "%s", error ? error->message : "");
	ck_assert_int_eq(client_pid(c), 4711);
	ck_assert_str_eq(client_run_id(c), "0123456789abcdef");
	for (i = 1; i <= 100; i++) {
		g_autoptr(JsonObject) status = client_ask(c, "status", NULL);

		ck_assert_ptr_nonnull(status);
		ck_assert_int_eq(control_stream_number(status, "n"), i);
	}
	client_free(c);
	fake_agent_free(a);
}
END_TEST

START_TEST(a_refusal_is_its_words)
{
	FakeAgent *a = fake_agent_new(path, NULL);
	g_autoptr(GError) error = NULL;
	Client *c = client_new(path, NULL);

	ck_assert_ptr_null(client_ask(c, "wrong", &error));
	ck_assert_str_eq(error->message, "not so");
	client_free(c);
	fake_agent_free(a);
}
END_TEST

START_TEST(one_that_goes_is_noticed)
{
	FakeAgent *a = fake_agent_new(path, NULL);
	g_autoptr(GError) error = NULL;
	Client *c = client_new(path, NULL);

	ck_assert_ptr_null(client_ask(c, "quit", &error));
	ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CLOSED));
	client_free(c);
	fake_agent_free(a);
}
END_TEST

START_TEST(a_fragment_before_the_answer)
{
	FakeAgent *a = fake_agent_new(path, NULL);
	g_autoptr(GError) error = NULL;
	Client *c = client_new(path, NULL);
	g_autoptr(GBytes) frame = client_ask_frame(c, "snapshot", &error);

	ck_assert_msg(frame != NULL, "%s", error ? error->message : "");
	ck_assert_uint_eq(g_bytes_get_size(frame), 5);
	ck_assert_mem_eq(g_bytes_get_data(frame, NULL), "whole", 5);
	ck_assert_ptr_null(client_ask_frame(c, "status", &error));
	ck_assert_str_eq(error->message,
			 "its agent answered without a fragment");
	client_free(c);
	fake_agent_free(a);
}
END_TEST

static const struct {
	const char *greeting, *says;
} strangers[] = {
	{ "{\"profagent\":2,\"version\":\"9.9\"}",
	  "its agent is of another version (9.9)" },
	{ "{\"profagent\":0}", "refused without a reason" },
	{ "{\"ok\":true}", "what answers is no agent of ours" },
	{ "{\"ok\":false,\"error\":\"not for you\"}", "not for you" },
	{ "220 smtp ready", "what answers is no agent of ours: a line that is "
			    "no JSON object" },
};

START_TEST(strangers_are_told_apart)
{
	FakeAgent *a = fake_agent_new(path, strangers[_i].greeting);
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(client_new(path, &error));
	ck_assert_str_eq(error->message, strangers[_i].says);
	fake_agent_free(a);
}
END_TEST

START_TEST(nobody_there)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(client_new(path, &error));
	ck_assert_ptr_nonnull(error);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, it_is_asked_and_answers);
	tcase_add_test(all, a_refusal_is_its_words);
	tcase_add_test(all, one_that_goes_is_noticed);
	tcase_add_test(all, a_fragment_before_the_answer);
	tcase_add_loop_test(all, strangers_are_told_apart, 0,
			    G_N_ELEMENTS(strangers));
	tcase_add_test(all, nobody_there);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
