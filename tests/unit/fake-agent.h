/* SPDX-License-Identifier: MIT */
/*
 * fake-agent: the other end of a control socket, for the tests of who talks to
 * agents. In threads of its own.
 *
 * It greets; answers "status" with {"ok":true,"state":"running","n":COUNT} of
 * status requests so far, "wrong" with a refusal, "quit" by closing; sends
 * whoever subscribed the fragment "flushed N" before the answer to "flush"; and
 * the fragment "whole" before that to "snapshot".
 */
#ifndef PROFAGENT_TESTS_FAKE_AGENT_H
#define PROFAGENT_TESTS_FAKE_AGENT_H

#include <glib.h>

typedef struct _FakeAgent FakeAgent;

/* Listens at `path`. `greeting`: a line, NULL: that of a real one, pid 4711. */
FakeAgent *fake_agent_new(const char *path, const char *greeting);

/* Cuts all off, and removes the socket. */
void fake_agent_free(FakeAgent *a);

/* What a flush sends from now on; NULL: "flushed N" again. */
void fake_agent_send(FakeAgent *a, GBytes *fragment);

/* What "status" is answered with from now on, one line. */
void fake_agent_status(FakeAgent *a, const char *answer);

/* Connections so far; of those now there, who subscribed. */
guint fake_agent_accepted(FakeAgent *a);
guint fake_agent_subscribed(FakeAgent *a);

/* Cuts all clients off; new ones may come. */
void fake_agent_cut(FakeAgent *a);

#endif
