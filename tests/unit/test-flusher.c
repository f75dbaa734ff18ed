/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/flusher.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/region.h"
#include "tests/unit/agent-fixture.h"
#include "tests/unit/runner.h"

#define ASKERS 4
#define ROUNDS 25

static void setup(void)
{
	agent_fixture_begin("PROFAGENT_START=0");
}

/* A line of /proc/self/task/TID/status. */
static unsigned long long status_of(int tid, const char *name)
{
	char path[64], line[256];
	unsigned long long value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoull(line + strlen(name), NULL, 16);
	fclose(f);
	return value;
}

START_TEST(nobody_is_there)
{
	flusher_wake();
	flusher_nudge();
	flusher_dismiss(1);
	ck_assert_int_eq(flusher_tid(), 0);
	ck_assert(!flusher_ask(FLUSHER_FLUSH, 10));
	ck_assert_int_eq(flusher_ask_for(FLUSHER_STOP, 10),
			 FLUSHER_NOT_ASKED);
}
END_TEST

START_TEST(there_is_one)
{
	int tid = flusher_tid();

	ck_assert_int_gt(tid, 0);
	ck_assert_int_ne(tid, gettid());
	ck_assert_int_eq(flusher_start(-1), -EBUSY);
	ck_assert_int_eq(flusher_tid(), tid);
}
END_TEST

/* No signal of the program is ever handled by it. */
START_TEST(it_blocks_all_signals)
{
	/* but two that cannot be, and the one that it waits for */
	unsigned long long most = ~(1ull << (SIGKILL - 1) |
				    1ull << (SIGSTOP - 1) |
				    1ull << (FLUSHER_WAKE_SIGNAL - 1));

	ck_assert_uint_eq(status_of(flusher_tid(), "SigBlk:") & most, most);
}
END_TEST

/* Who closes the last end of a pipe is seen to: the thread holds no copy. */
START_TEST(it_holds_nothing_of_the_program)
{
	int fds[2];
	char byte;
	pid_t pid;
	int status;

	ck_assert(flusher_ask(FLUSHER_STOP, 10000));
	ck_assert_int_eq(pipe(fds), 0);
	agent_resume_flusher();
	ck_assert(flusher_ask(FLUSHER_FLUSH, 10000));
	pid = fork();
	if (pid == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], &byte, 1), 0);
	close(fds[0]);
}
END_TEST

/* And the program never meets a descriptor of ours. */
START_TEST(the_program_holds_nothing_of_it)
{
	struct dirent *e;
	DIR *dir = opendir("/proc/self/fd");
	char path[300], target[256];
	ssize_t n;

	ck_assert_ptr_nonnull(dir);
	while ((e = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		ck_assert_msg(strstr(target, agent_fixture_dir) == NULL,
			      "%s", target);
	}
	closedir(dir);
}
END_TEST

/* Stopped it is gone, at once and for the kernel; then there is another. */
START_TEST(it_stops_and_begins_again)
{
	int i, before;
	char path[64];

	for (i = 0; i < 5; i++) {
		before = flusher_tid();
		snprintf(path, sizeof(path), "/proc/self/task/%d", before);
		ck_assert_int_eq(flusher_ask_for(FLUSHER_STOP, 10000),
				 FLUSHER_DONE);
		ck_assert_int_eq(flusher_tid(), 0);
		ck_assert_int_ne(access(path, F_OK), 0);
		ck_assert_int_eq(flusher_ask_for(FLUSHER_FLUSH, 10),
				 FLUSHER_NOT_ASKED);
		agent_resume_flusher();
		ck_assert_int_gt(flusher_tid(), 0);
		ck_assert_int_eq(flusher_ask_for(FLUSHER_FLUSH, 10000),
				 FLUSHER_DONE);
	}
}
END_TEST

/* Requests of many threads: one after the other, none forgotten. */
static void *ask(void *arg)
{
	uintptr_t i, wrong = 0;

	(void)arg;
	for (i = 0; i < ROUNDS; i++)
		wrong += !flusher_ask(FLUSHER_FLUSH, 30000);
	return (void *)wrong;
}

START_TEST(many_at_once)
{
	pthread_t id[ASKERS];
	void *wrong;
	int i;

	for (i = 0; i < ASKERS; i++)
		ck_assert_int_eq(pthread_create(&id[i], NULL, ask, NULL), 0);
	for (i = 0; i < ASKERS; i++) {
		ck_assert_int_eq(pthread_join(id[i], &wrong), 0);
		ck_assert_ptr_null(wrong);
	}
}
END_TEST

/* What was sampled is in the file when the answer has come. */
START_TEST(a_flush_is_written)
{
	char path[64];
	struct stat st;
	volatile unsigned x = 0;
	uint64_t samples = 0;

	snprintf(path, sizeof(path), "%s/out.pb.gz", agent_fixture_dir);
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_assert_int_eq(agent_run(), 0);
	while (samples == 0) {
		x = x * 31 + 7;
		samples = atomic_load(&region_record(0)->samples);
	}
	ck_assert(flusher_ask(FLUSHER_FLUSH, 10000));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_gt((int)st.st_size, 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("flusher");
	TCase *none = tcase_create("without one");
	TCase *all = tcase_create("all");

	tcase_add_test(none, nobody_is_there);
	suite_add_tcase(suite, none);
	tcase_set_timeout(all, 100);
	tcase_add_checked_fixture(all, setup, agent_fixture_end);
	tcase_add_test(all, there_is_one);
	tcase_add_test(all, it_blocks_all_signals);
	tcase_add_test(all, it_holds_nothing_of_the_program);
	tcase_add_test(all, the_program_holds_nothing_of_it);
	tcase_add_test(all, it_stops_and_begins_again);
	tcase_add_test(all, many_at_once);
	tcase_add_test(all, a_flush_is_written);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
