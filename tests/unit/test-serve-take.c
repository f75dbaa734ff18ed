/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#ifdef HAVE_SOUP
#include "tools/serve-take.h"

#include "tests/unit/fake-agent.h"

static char *dir, *paths[2];
static FakeAgent *agents[2];
static Feeds *feeds;
static const gint32 pids[] = { 1, 2 };

static void setup(void)
{
	dir = g_dir_make_tmp("test-serve-take-XXXXXX", NULL);
	paths[0] = g_build_filename(dir, "1.sock", NULL);
	paths[1] = g_build_filename(dir, "2.sock", NULL);
	agents[0] = fake_agent_new(paths[0], NULL);
	feeds = feeds_new();
}

static void teardown(void)
{
	ck_assert_uint_eq(feeds_count(feeds), 0);
	feeds_free(feeds);
	for (int i = 0; i < 2; i++) {
		if (agents[i])
			fake_agent_free(agents[i]);
		g_free(paths[i]);
	}
	g_rmdir(dir);
	g_free(dir);
}

typedef struct {
	guint done;
	guint lists, fragments[2];
	gboolean last_is_flush;
	char *failed;
	Take *take;
} Taken;

static void took(gpointer data, GPtrArray *result)
{
	Taken *t = data;
	static const char flushed[] = "flushed";
	const gsize length = sizeof(flushed) - 1;
	const GPtrArray *list;
	GBytes *last;

	t->done++;
	t->lists = result->len;
	for (guint i = 0; i < result->len && i < 2; i++) {
		list = result->pdata[i];
		t->fragments[i] = list->len;
		last = list->len ? list->pdata[list->len - 1] : NULL;
		t->last_is_flush = last && g_bytes_get_size(last) >= length &&
			memcmp(g_bytes_get_data(last, NULL), flushed,
			       length) == 0;
	}
	t->failed = g_strdup(take_failed(t->take));
	take_free(t->take);
}

static void run(Taken *t)
{
	while (t->done == 0)
		g_main_context_iteration(NULL, TRUE);
}

static gboolean has_fragment(Feed *f)
{
	g_autoptr(GPtrArray) all = feed_since(f, 0);

	return all->len > 0;
}

START_TEST(what_the_last_flush_brought_is_in_it)
{
	Taken t = { 0 };
	Feed *first = feed_open(feeds, pids[0], paths[0]);
	gint64 begun;

	/* connected already: a second is not much on a busy machine */
	do
		g_main_context_iteration(NULL, TRUE);
	while (!has_fragment(first));
	begun = g_get_monotonic_time();
	t.take = take_new(feeds, pids, paths, 1, 1, took, &t);
	ck_assert(!take_is_cut(t.take));
	run(&t);
	ck_assert_int_ge(g_get_monotonic_time() - begun, 900000);
	ck_assert_uint_eq(t.lists, 1);
	ck_assert_uint_ge(t.fragments[0], 1);
	ck_assert(t.last_is_flush);
	ck_assert_ptr_null(t.failed);
	feed_close(first);
}
END_TEST

START_TEST(it_ends_with_the_last_process)
{
	Taken t = { 0 };

	agents[1] = fake_agent_new(paths[1], NULL);
	t.take = take_new(feeds, pids, paths, 2, 3600, took, &t);
	while (fake_agent_subscribed(agents[0]) == 0 ||
	       fake_agent_subscribed(agents[1]) == 0) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(1000);
	}
	fake_agent_cut(agents[0]);
	fake_agent_cut(agents[1]);
	run(&t);
	ck_assert_uint_eq(t.lists, 2);
	g_free(t.failed);
}
END_TEST

START_TEST(nobody_answers)
{
	Taken t = { 0 };

	/* nobody listens at the second path */
	t.take = take_new(feeds, pids + 1, paths + 1, 1, 3600, took, &t);
	run(&t);
	ck_assert_uint_eq(t.fragments[0], 0);
	ck_assert_ptr_nonnull(t.failed);
	g_free(t.failed);
}
END_TEST

START_TEST(given_up_at_any_time)
{
	Taken t = { 0 };

	t.take = take_new(feeds, pids, paths, 1, 3600, took, &t);
	take_free(t.take);
	while (feeds_count(feeds) > 0)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_uint_eq(t.done, 0);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("serve-take");
#ifdef HAVE_SOUP
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, what_the_last_flush_brought_is_in_it);
	tcase_add_test(all, it_ends_with_the_last_process);
	tcase_add_test(all, nobody_answers);
	tcase_add_test(all, given_up_at_any_time);
	suite_add_tcase(suite, all);
#endif
	return runner_run(suite);
}
