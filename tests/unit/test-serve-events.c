/* SPDX-License-Identifier: MIT */
/* What a viewer hears, one that reads and one that leaves. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#ifdef HAVE_SOUP
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/serve-fixture.h"

#define EVENTS "/api/processes/" AGENT "/events"
#define PATIENCE_US (60 * G_USEC_PER_SEC)

static GString *heard;
static int fd;

static void setup(void)
{
	serve_fixture_begin();
	heard = g_string_new(NULL);
	fd = http_send(connections_address(serve_fixture.connections),
		       "GET " EVENTS, BEARER);
}

static void teardown(void)
{
	if (fd >= 0)
		close(fd);
	g_string_free(heard, TRUE);
	serve_fixture_end();
}

/* What has come; FALSE: it was the last. */
static gboolean hear(void)
{
	char part[4096];
	gssize n = recv(fd, part, sizeof(part), MSG_DONTWAIT);

	if (n > 0)
		g_string_append_len(heard, part, n);
	return n != 0;
}

static gboolean wake(gpointer data)
{
	(void)data;
	return G_SOURCE_CONTINUE;
}

/* Turns the server until `done`; FALSE: it takes forever. */
static gboolean await(gboolean (*done)(const char *text), const char *text)
{
	gint64 end = g_get_monotonic_time() + PATIENCE_US;
	guint timer = g_timeout_add(5, wake, NULL);
	gboolean is_done;

	while (!(is_done = done(text)) && g_get_monotonic_time() < end)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(timer);
	return is_done;
}

static gboolean has(const char *text)
{
	hear();
	return strstr(heard->str, text) != NULL;
}

static gboolean is_over(const char *text)
{
	(void)text;
	return !hear();
}

static gboolean is_unwatched(const char *text)
{
	(void)text;
	return feeds_count(serve_fixture.feeds) == 0;
}

START_TEST(samples_statuses_and_the_end)
{
	g_autofree char *type = NULL;

	ck_assert(await(has, "\ndata: {\"number\":"));
	ck_assert(await(has, "\nevent: status\ndata: [{"));
	ck_assert(await(has, "\"pid\":" AGENT));
	type = http_header(heard->str, "Content-Type");
	ck_assert_uint_eq(http_status(heard->str), 200);
	ck_assert_str_eq(type, "text/event-stream");
	ck_assert(has("retry: 2000\n\n"));
	ck_assert(!has("event: end"));
	ck_assert_uint_eq(feeds_count(serve_fixture.feeds), 1);
	g_clear_pointer(&serve_fixture_agent, fake_agent_free);
	ck_assert(await(has, "event: end\ndata: {\"why\":\""));
	/* and so it is: the answer is whole */
	ck_assert(await(is_over, NULL));
	ck_assert(g_str_has_suffix(heard->str, "\r\n0\r\n\r\n"));
}
END_TEST

/* With the last viewer goes the profiling. */
START_TEST(a_viewer_that_leaves)
{
	ck_assert(await(has, "\ndata: {\"number\":"));
	ck_assert_uint_eq(feeds_count(serve_fixture.feeds), 1);
	close(fd);
	fd = -1;
	ck_assert(await(is_unwatched, NULL));
}
END_TEST

/* Two who look are one for the agent. */
START_TEST(viewers_share)
{
	int other = http_send(connections_address(serve_fixture.connections),
			      "GET " EVENTS, BEARER);

	ck_assert(await(has, "\ndata: {\"number\":"));
	ck_assert_uint_eq(feeds_count(serve_fixture.feeds), 1);
	ck_assert_uint_eq(fake_agent_subscribed(serve_fixture_agent), 1);
	close(fd);
	fd = other;
	g_string_set_size(heard, 0);
	ck_assert(await(has, "\nevent: status\ndata: [{"));
	ck_assert_uint_eq(feeds_count(serve_fixture.feeds), 1);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("serve-events");
#ifdef HAVE_SOUP
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 120);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, samples_statuses_and_the_end);
	tcase_add_test(all, a_viewer_that_leaves);
	tcase_add_test(all, viewers_share);
	suite_add_tcase(suite, all);
#endif
	return runner_run(suite);
}
