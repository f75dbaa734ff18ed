/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/command.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/arena.h"
#include "agent/control-proto.h"
#include "tests/unit/agent-fixture.h"
#include "tests/unit/runner.h"

#define ASKERS 4
#define ROUNDS 25

static void setup(void)
{
	agent_fixture_begin("PROFAGENT_START=0");
}

START_TEST(nobody_is_there)
{
	uint8_t *frame = (uint8_t *)1;
	size_t size;

	ck_assert_int_eq(command_do("status", &frame, &size), -ESRCH);
	ck_assert_ptr_null(frame);
	ck_assert_int_eq(command_do("status", NULL, NULL), -ESRCH);
}
END_TEST

static const struct {
	const char *line;
	int err;
} requests[] = {
	{ "status", 0 },
	{ "resume", 0 },
	{ "pause", 0 },
	{ "interval 5000000", 0 },
	{ "interval 5ms", -ERANGE },
	{ "nonsense", -ENOSYS },
	{ "", -ENOSYS },
	{ "statusx", -ENOSYS },
};

START_TEST(a_request_is_obeyed)
{
	ck_assert_int_eq(command_do(requests[_i].line, NULL, NULL),
			 requests[_i].err);
	/* and none is in the way of the next */
	ck_assert_int_eq(command_do("status", NULL, NULL), 0);
}
END_TEST

START_TEST(what_it_does_is_done_when_it_returns)
{
	ck_assert_int_eq(agent_state(), AGENT_PAUSED);
	ck_assert_int_eq(command_do("start", NULL, NULL), 0);
	ck_assert_int_eq(agent_state(), AGENT_RUNNING);
	ck_assert_int_eq(command_do("pause", NULL, NULL), 0);
	ck_assert_int_eq(agent_state(), AGENT_PAUSED);
}
END_TEST

START_TEST(one_that_is_too_long)
{
	char line[CONTROL_LINE + 1];

	memset(line, 'x', sizeof(line));
	line[CONTROL_LINE] = '\0';
	ck_assert_int_eq(command_do(line, NULL, NULL), -E2BIG);
	line[CONTROL_LINE - 1] = '\0';
	ck_assert_int_eq(command_do(line, NULL, NULL), -ENOSYS);
}
END_TEST

/* The message is the caller's; who does not want it need not have it. */
START_TEST(what_comes_before_the_answer)
{
	uint8_t *frame = NULL;
	size_t size = 0;

	ck_assert_int_eq(command_do("snapshot", &frame, &size), 0);
	ck_assert_ptr_nonnull(frame);
	ck_assert_uint_gt(size, 100);
	arena_block_free(frame, size);
	ck_assert_int_eq(command_do("snapshot", NULL, NULL), 0);
	ck_assert_int_eq(command_do("status", &frame, &size), 0);
	ck_assert_ptr_null(frame);
}
END_TEST

/* Each gets the answer to its own question. */
static void *ask(void *arg)
{
	const char *line = (uintptr_t)arg % 2 ? "status" : "nonsense";
	int wanted = (uintptr_t)arg % 2 ? 0 : -ENOSYS;
	uintptr_t i, wrong = 0;

	for (i = 0; i < ROUNDS; i++)
		wrong += command_do(line, NULL, NULL) != wanted;
	return (void *)wrong;
}

START_TEST(many_at_once)
{
	pthread_t id[ASKERS];
	void *wrong;
	uintptr_t i;

	for (i = 0; i < ASKERS; i++)
		ck_assert_int_eq(pthread_create(&id[i], NULL, ask, (void *)i),
				 0);
	for (i = 0; i < ASKERS; i++) {
		ck_assert_int_eq(pthread_join(id[i], &wrong), 0);
		ck_assert_ptr_null(wrong);
	}
}
END_TEST

/* In a child nobody asks, whoever asked in the parent. */
START_TEST(a_forked_child)
{
	int status, i;
	pid_t pid;

	for (i = 0; i < 5; i++) {
		pid = fork();
		if (pid == 0) {
			agent_forked();
			_exit(command_do("status", NULL, NULL) == 0 ? 7 : 8);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(WEXITSTATUS(status), 7);
		ck_assert_int_eq(command_do("status", NULL, NULL), 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("command");
	TCase *none = tcase_create("without a flusher");
	TCase *all = tcase_create("all");

	tcase_add_test(none, nobody_is_there);
	suite_add_tcase(suite, none);
	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, agent_fixture_end);
	tcase_add_loop_test(all, a_request_is_obeyed, 0,
			    sizeof(requests) / sizeof(*requests));
	tcase_add_test(all, what_it_does_is_done_when_it_returns);
	tcase_add_test(all, one_that_is_too_long);
	tcase_add_test(all, what_comes_before_the_answer);
	tcase_add_test(all, many_at_once);
	tcase_add_test(all, a_forked_child);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
