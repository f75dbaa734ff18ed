/* SPDX-License-Identifier: MIT */
/*
 * serve-fixture: the server with all its routes in this process, in a runtime
 * directory of its own with one agent in it.
 */
#ifndef PROFAGENT_TESTS_UNIT_SERVE_FIXTURE_H
#define PROFAGENT_TESTS_UNIT_SERVE_FIXTURE_H

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake-agent.h"
#include "tests/unit/http-client.h"
#include "tools/serve-view.h"
#include "tools/serve.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define BEARER "Authorization: Bearer " TOKEN "\r\n"

/* No process has these numbers: beyond pid_max. */
#define AGENT "2000000001"
#define NOBODY "2000000002"

static char *serve_fixture_dir;		/* its runtime directory */
static FakeAgent *serve_fixture_agent;
static Serve serve_fixture;

static inline void serve_fixture_begin(void)
{
	Serve *s = &serve_fixture;
	g_autofree char *dir = NULL, *path = NULL;

	serve_fixture_dir = g_dir_make_tmp("test-serve-XXXXXX", NULL);
	dir = g_build_filename(serve_fixture_dir, "profagent", NULL);
	path = g_build_filename(dir, AGENT ".sock", NULL);
	g_mkdir(dir, 0700);
	g_setenv("XDG_RUNTIME_DIR", serve_fixture_dir, TRUE);
	g_setenv("XDG_CACHE_HOME", serve_fixture_dir, TRUE);
	serve_fixture_agent = fake_agent_new(path, NULL);
	s->auth = auth_new_token();
	auth_set_token(s->auth, TOKEN);
	s->scheme = "http";
	s->soup = soup_server_new(NULL, NULL);
	s->connections = connections_new(s->soup, NULL);
	s->feeds = feeds_new();
	s->builder = builder_new();
	s->views = views_new(s->feeds);
	serve_attach(s);
	ck_assert(connections_listen(s->connections, "127.0.0.1:0", NULL));
	auth_set_cookie(s->auth, connections_address(s->connections));
}

static inline void serve_fixture_end(void)
{
	g_autofree char *command = g_strdup_printf("rm -rf %s",
						   serve_fixture_dir);
	Serve *s = &serve_fixture;

	views_free(s->views);
	connections_free(s->connections);
	g_object_unref(s->soup);
	builder_free(s->builder);
	feeds_free(s->feeds);
	auth_free(s->auth);
	g_clear_pointer(&serve_fixture_agent, fake_agent_free);
	ck_assert_int_eq(system(command), 0);
	g_free(serve_fixture_dir);
}

static inline char *ask(const char *line, const char *headers)
{
	return http_ask(connections_address(serve_fixture.connections), line,
			headers);
}

static inline void expect(const char *line, const char *headers, guint status,
			  const char *part)
{
	g_autofree char *answer = ask(line, headers);

	ck_assert_msg(http_status(answer) == status &&
		      strstr(answer, part) != NULL,
		      "%s: not %u with '%s' but:\n%s", line, status, part,
		      answer);
}

#endif
