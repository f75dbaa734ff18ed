/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#ifdef HAVE_SOUP
#include "tools/serve-feed.h"

#include "tests/unit/fake-agent.h"
#include "tools/control-stream.h"

static char *dir, *path;
static FakeAgent *agent;
static Feeds *feeds;

static void setup(void)
{
	dir = g_dir_make_tmp("test-serve-feed-XXXXXX", NULL);
	path = g_build_filename(dir, "1.sock", NULL);
	agent = fake_agent_new(path, NULL);
	feeds = feeds_new();
}

static void teardown(void)
{
	ck_assert_uint_eq(feeds_count(feeds), 0);
	feeds_free(feeds);
	fake_agent_free(agent);
	g_rmdir(dir);
	g_free(path);
	g_free(dir);
}

/* The main loop, until *n is as large as that. */
static void wait_for(const guint *n, guint least)
{
	while (*n < least)
		g_main_context_iteration(NULL, TRUE);
}

/* The agent's threads follow when they get a CPU. */
static void wait_for_agent(guint (*get)(FakeAgent *), guint wanted)
{
	while (get(agent) != wanted) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(1000);
	}
}

typedef struct {
	GString *fragments;
	guint fragment, ended, status, state_n;
	Feed *leaves;			/* with the first fragment */
} Heard;

static void took_fragment(gpointer data, GBytes *bytes)
{
	Heard *h = data;

	g_string_append_printf(h->fragments, "%.*s;",
			       (int)g_bytes_get_size(bytes),
			       (const char *)g_bytes_get_data(bytes, NULL));
	h->fragment++;
	if (h->leaves) {
		feed_unlisten(h->leaves, h);
		feed_close(g_steal_pointer(&h->leaves));
	}
}

static void took_end(gpointer data)
{
	((Heard *)data)->ended++;
}

static void took_status(gpointer data, JsonObject *status)
{
	((Heard *)data)->status++;
	((Heard *)data)->state_n =
		(guint)control_stream_number(status, "n");
}

static const FeedFuncs funcs = { took_fragment, took_end, took_status };

static void heard_init(Heard *h)
{
	*h = (Heard){ .fragments = g_string_new(NULL) };
}

static void flushed(gpointer data)
{
	(*(guint *)data)++;
}

static void flush(Feed *f)
{
	guint done = 0;

	feed_flush(f, flushed, &done);
	ck_assert_uint_eq(done, 0);	/* not before it returned */
	wait_for(&done, 1);
}

static guint count_kept(Feed *f)
{
	g_autoptr(GPtrArray) all = feed_since(f, 0);

	return all->len;
}

/* A feed that is connected: a flush asked for before brings nothing. */
static Feed *open_feed(void)
{
	Feed *f = feed_open(feeds, 1, path);
	guint before;

	do {
		before = count_kept(f);
		flush(f);
	} while (before == 0 || count_kept(f) == before);
	return f;
}

START_TEST(all_share_one_subscription)
{
	Feed *a = feed_open(feeds, 1, path), *b = feed_open(feeds, 1, path);
	int i;

	ck_assert_ptr_eq(a, b);
	ck_assert_uint_eq(feeds_count(feeds), 1);
	ck_assert_int_eq(feed_pid(a), 1);
	wait_for_agent(fake_agent_subscribed, 1);
	for (i = 0; i < 1000; i++)
		feed_close(feed_open(feeds, 1, path));
	ck_assert_uint_eq(fake_agent_accepted(agent), 1);
	feed_close(a);
	ck_assert_uint_eq(feeds_count(feeds), 1);
	feed_close(b);
	/* the last one ends it: the program is not profiled any more */
	wait_for_agent(fake_agent_subscribed, 0);
}
END_TEST

START_TEST(each_gets_the_same)
{
	Feed *f = open_feed();
	Heard a, b;
	int i;

	heard_init(&a);
	heard_init(&b);
	feed_listen(f, &funcs, &a);
	feed_listen(f, &funcs, &b);
	for (i = 0; i < 5; i++)
		flush(f);
	ck_assert_uint_eq(a.fragment, 5);
	ck_assert_str_eq(a.fragments->str, b.fragments->str);
	ck_assert_uint_eq(feed_missed(f), 0);
	feed_close(f);
	g_string_free(a.fragments, TRUE);
	g_string_free(b.fragments, TRUE);
}
END_TEST

/* Who leaves in the midst of it, with the last reference but one. */
START_TEST(who_leaves_changes_nothing_for_others)
{
	Feed *f = open_feed();
	Heard a, b;

	heard_init(&a);
	heard_init(&b);
	a.leaves = feed_open(feeds, 1, path);
	feed_listen(f, &funcs, &a);
	feed_listen(f, &funcs, &b);
	flush(f);
	flush(f);
	flush(f);
	ck_assert_uint_eq(a.fragment, 1);
	ck_assert_uint_eq(b.fragment, 3);
	ck_assert(g_str_has_prefix(b.fragments->str, a.fragments->str));
	feed_close(f);
	g_string_free(a.fragments, TRUE);
	g_string_free(b.fragments, TRUE);
}
END_TEST

START_TEST(what_came_is_kept)
{
	g_autoptr(GPtrArray) all = NULL, last = NULL;
	Feed *f = open_feed();
	guint before = count_kept(f);
	Heard h;
	gint64 from;

	heard_init(&h);
	feed_listen(f, &funcs, &h);
	flush(f);
	flush(f);
	ck_assert_uint_eq(h.fragment, 2);
	/* the clock must move on: fragments of one microsecond are one time */
	g_usleep(1000);
	from = g_get_monotonic_time();
	flush(f);
	all = feed_since(f, 0);
	ck_assert_uint_eq(all->len, before + 3);
	/* that which counts till then, and what is new */
	last = feed_since(f, from);
	ck_assert_uint_eq(last->len, 2);
	ck_assert(g_bytes_equal(last->pdata[1], all->pdata[all->len - 1]));
	feed_close(f);
	g_string_free(h.fragments, TRUE);
}
END_TEST

START_TEST(a_status_is_for_everybody)
{
	Feed *f = open_feed();
	Heard a, b;

	heard_init(&a);
	heard_init(&b);
	feed_listen(f, &funcs, &a);
	feed_listen(f, &funcs, &b);
	feed_ask_status(f);
	wait_for(&a.status, 1);
	ck_assert_uint_eq(b.status, 1);
	ck_assert_uint_gt(a.state_n, 0);
	ck_assert_uint_eq(a.state_n, b.state_n);
	feed_close(f);
	g_string_free(a.fragments, TRUE);
	g_string_free(b.fragments, TRUE);
}
END_TEST

START_TEST(the_end_is_told_once)
{
	Feed *f = open_feed(), *again;
	guint done = 0;
	Heard h;

	heard_init(&h);
	feed_listen(f, &funcs, &h);
	feed_flush(f, flushed, &done);
	fake_agent_cut(agent);
	wait_for(&h.ended, 1);
	ck_assert_uint_eq(h.ended, 1);
	ck_assert_ptr_nonnull(feed_ended(f));
	wait_for(&done, 1);
	/* what is asked of one that ended is answered as well */
	flush(f);
	feed_ask_status(f);
	/* who comes now gets a new one */
	again = feed_open(feeds, 1, path);
	ck_assert_ptr_ne(again, f);
	wait_for_agent(fake_agent_subscribed, 1);
	feed_close(f);
	ck_assert_uint_eq(feeds_count(feeds), 1);
	feed_close(again);
	g_string_free(h.fragments, TRUE);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("serve-feed");
#ifdef HAVE_SOUP
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, all_share_one_subscription);
	tcase_add_test(all, each_gets_the_same);
	tcase_add_test(all, who_leaves_changes_nothing_for_others);
	tcase_add_test(all, what_came_is_kept);
	tcase_add_test(all, a_status_is_for_everybody);
	tcase_add_test(all, the_end_is_told_once);
	suite_add_tcase(suite, all);
#endif
	return runner_run(suite);
}
