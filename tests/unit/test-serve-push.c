/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#ifdef HAVE_SOUP
#include <libsoup/soup.h>

#include "tests/unit/fake-agent.h"
#include "tests/unit/messages.h"
#include "tools/serve-push.h"

/* No process has it: beyond pid_max. */
#define NOBODY "2000000001.sock"
#define SPOOL 2000u		/* bytes: of some of these profiles */

static char *runtime, *dir, *path;
static FakeAgent *agent;
static Feeds *feeds;
static Builder *builder;
static SoupServer *store;
static guint status, got;
static char *url;

static void took(SoupServer *server, SoupServerMessage *msg, const char *at,
		 GHashTable *query, gpointer data)
{
	(void)server;
	(void)query;
	(void)data;
	soup_server_message_set_status(msg, status, NULL);
	got += status == 200 && g_str_has_suffix(at, "/ingest");
}

static void start_store(void)
{
	GSList *uris;

	store = soup_server_new(NULL, NULL);
	soup_server_add_handler(store, NULL, took, NULL, NULL);
	ck_assert(soup_server_listen_local(store, 0,
					   SOUP_SERVER_LISTEN_IPV4_ONLY, NULL));
	uris = soup_server_get_uris(store);
	url = g_uri_to_string(uris->data);
	g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
}

static void give_profile(void)
{
	g_autoptr(GBytes) fragment = NULL;
	Messages m;

	messages_init(&m);
	messages_process(&m, "0123456789abcdef", 1);
	messages_small(&m);
	messages_strings(&m);
	fragment = g_bytes_new(m.bytes->data, m.bytes->len);
	fake_agent_send(agent, fragment);
	messages_release(&m);
}

static void setup(void)
{
	runtime = g_dir_make_tmp("test-serve-push-XXXXXX", NULL);
	dir = g_build_filename(runtime, "profagent", NULL);
	path = g_build_filename(dir, NOBODY, NULL);
	g_mkdir(dir, 0700);
	g_setenv("XDG_RUNTIME_DIR", runtime, TRUE);
	g_setenv("XDG_CACHE_HOME", runtime, TRUE);
	agent = fake_agent_new(path, NULL);
	give_profile();
	feeds = feeds_new();
	builder = builder_new();
	start_store();
}

static void teardown(void)
{
	g_autofree char *command = g_strdup_printf("rm -rf %s", runtime);

	builder_free(builder);
	feeds_free(feeds);
	if (agent)
		fake_agent_free(agent);
	g_object_unref(store);
	ck_assert_int_eq(system(command), 0);
	g_free(url);
	g_free(path);
	g_free(dir);
	g_free(runtime);
}

/* Not of those that other tests run beside this one. */
static Push *begin(gsize spool)
{
	GRegex *only = g_regex_new("^$", 0, 0, NULL);
	const PushOptions options = { .url = url, .interval_s = 1,
				      .spool_bytes = spool, .only = only };
	Push *p = push_new(feeds, builder, &options, NULL);

	ck_assert_ptr_nonnull(p);
	g_regex_unref(only);
	return p;
}

static void end(Push *p)
{
	push_free(p);
	while (feeds_count(feeds) > 0)
		g_main_context_iteration(NULL, TRUE);
}

/* So that the loop turns while nothing happens. */
static gboolean tick(gpointer data)
{
	(void)data;
	return G_SOURCE_CONTINUE;
}

/* What cannot be sent waits, but not without end; then it is sent. */
START_TEST(a_spool_of_bounded_size)
{
	guint timer = g_timeout_add(50, tick, NULL);
	PushCounters c;
	Push *p;

	status = 503;
	p = begin(SPOOL);
	while (push_counters(p).dropped < 2) {
		g_main_context_iteration(NULL, TRUE);
		c = push_counters(p);
		ck_assert_msg(c.spooled <= SPOOL + 1000, "%zu bytes",
			      c.spooled);
	}
	c = push_counters(p);
	ck_assert_uint_eq(c.sent, 0);
	ck_assert_uint_gt(c.failed, 0);
	ck_assert_uint_gt(c.spooled, 0);
	status = 200;
	while (push_counters(p).sent < 2)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_uint_ge(got, 2);
	end(p);
	g_source_remove(timer);
}
END_TEST

/* Of a process that has ended nothing more is asked, at once or ever. */
START_TEST(the_end_of_a_process_is_quiet)
{
	guint timer = g_timeout_add(50, tick, NULL), turns = 0;
	gint64 until;
	Push *p;

	status = 200;
	p = begin(SPOOL);
	while (push_counters(p).sent < 1)
		g_main_context_iteration(NULL, TRUE);
	fake_agent_free(g_steal_pointer(&agent));
	until = g_get_monotonic_time() + 2 * G_USEC_PER_SEC;
	while (g_get_monotonic_time() < until) {
		g_main_context_iteration(NULL, TRUE);
		turns++;
	}
	/* 40 ticks, and what the end itself takes */
	ck_assert_uint_lt(turns, 300);
	end(p);
	g_source_remove(timer);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("serve-push");
#ifdef HAVE_SOUP
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 200);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, a_spool_of_bounded_size);
	tcase_add_test(all, the_end_of_a_process_is_quiet);
	suite_add_tcase(suite, all);
#endif
	return runner_run(suite);
}
