/* SPDX-License-Identifier: MIT */
#include "tools/watch.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake-agent.h"
#include "tests/unit/runner.h"
#include "tools/control-stream.h"

static char *dir, *path;
static FakeAgent *agent;

static void setup(void)
{
	dir = g_dir_make_tmp("test-watch-XXXXXX", NULL);
	path = g_build_filename(dir, "1.sock", NULL);
	agent = fake_agent_new(path, NULL);
}

static void teardown(void)
{
	if (agent)
		fake_agent_free(agent);
	g_rmdir(dir);
	g_free(path);
	g_free(dir);
}

/* What was called, and how often. */
typedef struct {
	Watch *watch;
	guint connected, fragment, answer, lost, found;
	guint64 missed;
	GString *answers;
	char *why;
	gboolean frees;			/* itself, with the first fragment */
} Seen;

static void connected(gpointer data, JsonObject *status)
{
	Seen *s = data;

	ck_assert_str_eq(control_stream_text(status, "state"), "running");
	s->connected++;
}

static void fragment(gpointer data, GBytes *bytes, guint64 missed)
{
	Seen *s = data;

	ck_assert_uint_gt(g_bytes_get_size(bytes), 0);
	s->fragment++;
	s->missed += missed;
	if (s->frees)
		g_clear_pointer(&s->watch, watch_free);
}

static void answer(gpointer data, JsonObject *object)
{
	Seen *s = data;

	g_string_append_printf(s->answers, "%d%s ",
			       (int)control_stream_number(object, "n"),
			       control_stream_text(object, "error"));
	s->answer++;
}

static void lost(gpointer data, const char *why)
{
	Seen *s = data;

	g_free(s->why);
	s->why = g_strdup(why);
	s->lost++;
}

static const WatchFuncs funcs = { connected, fragment, answer, lost };

static char *find(gpointer data)
{
	((Seen *)data)->found++;
	return g_strdup(path);
}

static void begin(Seen *s, WatchFind how)
{
	*s = (Seen){ .answers = g_string_new(NULL) };
	s->watch = watch_new(path, how, &funcs, s);
}

static void end(Seen *s)
{
	g_clear_pointer(&s->watch, watch_free);
	g_string_free(s->answers, TRUE);
	g_free(s->why);
}

static void wait_for(const guint *n, guint least)
{
	while (*n < least)
		g_main_context_iteration(NULL, TRUE);
}

static void wait_until_connected(const Seen *s)
{
	while (!watch_is_connected(s->watch))
		g_main_context_iteration(NULL, TRUE);
}

START_TEST(it_subscribes_and_asks)
{
	Seen s;

	begin(&s, NULL);
	ck_assert_uint_eq(s.connected, 0);	/* not before the loop runs */
	wait_until_connected(&s);
	ck_assert_uint_eq(s.connected, 1);
	ck_assert_uint_eq(s.fragment, 1);
	watch_ask(s.watch, "status");
	watch_ask(s.watch, "wrong");
	watch_ask(s.watch, "flush");
	watch_ask(s.watch, "status");
	wait_for(&s.answer, 4);
	ck_assert_str_eq(s.answers->str, "2 0not so 0 3 ");
	ck_assert_uint_eq(s.fragment, 2);
	ck_assert_uint_eq(s.missed, 0);
	ck_assert_uint_eq(s.lost, 0);
	end(&s);
}
END_TEST

START_TEST(it_comes_back)
{
	Seen s;

	begin(&s, find);
	wait_until_connected(&s);
	fake_agent_cut(agent);
	wait_for(&s.lost, 1);
	ck_assert_ptr_nonnull(s.why);
	ck_assert(!watch_is_connected(s.watch));
	watch_ask(s.watch, "status");		/* nobody hears it */
	wait_for(&s.connected, 2);
	ck_assert_uint_eq(s.found, 1);
	ck_assert_uint_eq(s.answer, 0);
	end(&s);
}
END_TEST

/* The program restarts: for a while there is no socket at all. */
START_TEST(it_waits_for_who_is_away)
{
	Seen s;

	begin(&s, find);
	wait_until_connected(&s);
	fake_agent_free(agent);
	agent = NULL;
	wait_for(&s.lost, 2);
	agent = fake_agent_new(path, NULL);
	wait_for(&s.connected, 2);
	end(&s);
}
END_TEST

START_TEST(it_stays_away_if_nobody_looks)
{
	Seen s;
	guint i;

	begin(&s, NULL);
	wait_until_connected(&s);
	fake_agent_cut(agent);
	wait_for(&s.lost, 1);
	for (i = 0; i < 100; i++)
		g_main_context_iteration(NULL, FALSE);
	ck_assert_uint_eq(s.lost, 1);
	ck_assert_uint_eq(fake_agent_accepted(agent), 1);
	end(&s);
}
END_TEST

START_TEST(freed_while_it_speaks)
{
	Seen s;

	begin(&s, find);
	s.frees = TRUE;
	wait_for(&s.fragment, 1);
	ck_assert_ptr_null(s.watch);
	while (fake_agent_subscribed(agent) > 0) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(1000);
	}
	ck_assert_uint_eq(s.lost, 0);
	end(&s);
}
END_TEST

START_TEST(another_version_is_told)
{
	Seen s;

	fake_agent_free(agent);
	agent = fake_agent_new(path, "{\"profagent\":9,\"version\":\"x\"}");
	begin(&s, NULL);
	wait_for(&s.lost, 1);
	ck_assert_str_eq(s.why, "its agent is of another version (x)");
	ck_assert_uint_eq(s.connected, 0);
	end(&s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watch");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, it_subscribes_and_asks);
	tcase_add_test(all, it_comes_back);
	tcase_add_test(all, it_waits_for_who_is_away);
	tcase_add_test(all, it_stays_away_if_nobody_looks);
	tcase_add_test(all, freed_while_it_speaks);
	tcase_add_test(all, another_version_is_told);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
