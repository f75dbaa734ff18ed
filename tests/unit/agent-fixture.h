/* SPDX-License-Identifier: MIT */
/*
 * agent-fixture: the agent in this process as it is in a preloaded program, with
 * its own thread; but for the functions that are interposed there.
 */
#ifndef PROFAGENT_TESTS_AGENT_FIXTURE_H
#define PROFAGENT_TESTS_AGENT_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"

static char agent_fixture_dir[] = "/tmp/test-agent-XXXXXX";

/* `setting`: one of its variables, "PROFAGENT_START=0". It must live on. */
static inline void agent_fixture_begin(const char *setting)
{
	static char *argv[] = { (char *)"test", NULL };
	static char output[64], runtime[64];
	char *envp[] = { (char *)setting, output, runtime,
			 (char *)"PROFAGENT_FLUSH=100ms", NULL };

	ck_assert_ptr_nonnull(mkdtemp(agent_fixture_dir));
	snprintf(output, sizeof(output), "PROFAGENT_OUTPUT=%s/out.pb.gz",
		 agent_fixture_dir);
	snprintf(runtime, sizeof(runtime), "XDG_RUNTIME_DIR=%s",
		 agent_fixture_dir);
	agent_init(argv, envp);
	ck_assert(agent_has_flusher());
}

static inline void agent_fixture_end(void)
{
	char command[64];

	agent_end();
	snprintf(command, sizeof(command), "rm -rf %s", agent_fixture_dir);
	ck_assert_int_eq(system(command), 0);
}

#endif
