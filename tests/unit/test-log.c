/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static int real_stderr;	/* where check itself writes */
static int reader;	/* the other end of what is stderr now */

/* Makes a pipe descriptor 2 and logs to it. */
static void setup(void)
{
	int ends[2];

	real_stderr = dup(2);
	ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
	reader = ends[0];
	ck_assert_int_eq(dup2(ends[1], 2), 2);
	close(ends[1]);
	log_init("stderr");
}

static void teardown(void)
{
	dup2(real_stderr, 2);
}

/* What arrived since the last call, "" if nothing. */
static const char *heard(void)
{
	static char text[8192];
	ssize_t n = read(reader, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

START_TEST(a_line_has_a_name_and_an_end)
{
	errno = 42;
	log_line(LOG_WARNING, "%s %d", "hello", 7);
	ck_assert_int_eq(errno, 42);
	ck_assert_str_eq(heard(), "profagent: hello 7\n");
}
END_TEST

START_TEST(stderr_hears_no_chatter)
{
	log_line(LOG_INFO, "info");
	log_line(LOG_DEBUG, "debug");
	ck_assert_str_eq(heard(), "");
	log_line(LOG_ERROR, "error");
	ck_assert_str_eq(heard(), "profagent: error\n");
}
END_TEST

START_TEST(long_lines_are_cut_but_end)
{
	char text[2000];
	const char *line;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_line(LOG_ERROR, "%s", text);
	line = heard();
	ck_assert_uint_eq(strlen(line), LOG_LINE_MAX - 1);
	ck_assert_int_eq(line[strlen(line) - 1], '\n');
}
END_TEST

START_TEST(once_is_once)
{
	unsigned char said = 0;

	for (int i = 0; i < 5; i++)
		log_once(&said, LOG_WARNING, "number %d", i);
	ck_assert_str_eq(heard(), "profagent: number 0\n");
}
END_TEST

START_TEST(off_is_off)
{
	log_init("off");
	log_line(LOG_ERROR, "error");
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(a_full_pipe_does_not_block)
{
	char fill[4096] = { 0 };

	fcntl(2, F_SETFL, O_NONBLOCK);
	while (write(2, fill, sizeof(fill)) > 0)
		;
	fcntl(2, F_SETFL, 0);
	alarm(5); /* a line that waits is a test that dies */
	log_line(LOG_ERROR, "error");
	alarm(0);
}
END_TEST

START_TEST(no_sigpipe_reaches_the_program)
{
	sigset_t pending, old;

	signal(SIGPIPE, SIG_DFL);
	close(reader);
	log_line(LOG_ERROR, "error"); /* or we are dead */
	sigpending(&pending);
	ck_assert(!sigismember(&pending, SIGPIPE));
	sigprocmask(SIG_BLOCK, NULL, &old);
	ck_assert(!sigismember(&old, SIGPIPE));
	ck_assert(!sigismember(&old, SIGTERM));
}
END_TEST

START_TEST(the_programs_own_sigpipe_stays_pending)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGPIPE);
	close(reader);
	log_line(LOG_ERROR, "error");
	sigpending(&set);
	ck_assert(sigismember(&set, SIGPIPE));
}
END_TEST

/* A program that closes descriptor 2 and opens its data there. */
START_TEST(another_file_at_descriptor_2_is_left_alone)
{
	char path[] = "/tmp/test-log.XXXXXX";
	struct stat st;
	int fd;

	close(2);
	fd = mkstemp(path);
	ck_assert_int_eq(fd, 2);
	log_line(LOG_ERROR, "error");
	ck_assert_int_eq(fstat(2, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
	unlink(path);
}
END_TEST

START_TEST(started_without_stderr_stays_silent)
{
	char path[] = "/tmp/test-log.XXXXXX";
	struct stat st;

	close(2);
	log_init("stderr");
	ck_assert_int_eq(mkstemp(path), 2);
	log_line(LOG_ERROR, "error");
	ck_assert_int_eq(fstat(2, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
	unlink(path);
}
END_TEST

START_TEST(a_file_hears_everything)
{
	char path[] = "/tmp/test-log.XXXXXX", text[256] = "";
	int fd = mkstemp(path), next;

	next = open("/dev/null", O_RDONLY);
	close(next);
	log_init(path);
	log_line(LOG_ERROR, "one");
	log_line(LOG_DEBUG, "two");
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	ck_assert_str_eq(text, "profagent: one\nprofagent: two\n");
	ck_assert_str_eq(heard(), "");
	fd = open("/dev/null", O_RDONLY); /* no descriptor stayed */
	ck_assert_int_eq(fd, next);
	unlink(path);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_no_harm)
{
	log_init("/nonexistent/dir/log");
	errno = 7;
	log_line(LOG_ERROR, "one");
	ck_assert_int_eq(errno, 7);
	ck_assert_str_eq(heard(), "");
}
END_TEST

/* A thread with a descriptor table of its own, which it empties. */
static void *apart(void *arg)
{
	bool *ok = arg;

	*ok = unshare(CLONE_FILES) == 0 &&
	      syscall(SYS_close_range, 0, ~0u, 0) == 0;
	log_set_flusher((int)syscall(SYS_gettid));
	log_line(LOG_WARNING, "from apart");
	log_set_flusher(0);
	return NULL;
}

static void say_from_apart(void)
{
	pthread_t thread;
	bool ok;

	ck_assert_int_eq(pthread_create(&thread, NULL, apart, &ok), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert(ok);
}

START_TEST(the_flusher_is_heard)
{
	say_from_apart();
	ck_assert_str_eq(heard(), "profagent: from apart\n");
}
END_TEST

/* A socket cannot be opened through /proc, only fetched. */
START_TEST(the_flusher_is_heard_on_a_socket)
{
	char text[100] = "";
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(dup2(ends[1], 2), 2);
	log_init("stderr");
	say_from_apart();
	ck_assert_int_gt(recv(ends[0], text, sizeof(text) - 1, MSG_DONTWAIT),
			 0);
	ck_assert_str_eq(text, "profagent: from apart\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_line_has_a_name_and_an_end);
	tcase_add_test(tc, stderr_hears_no_chatter);
	tcase_add_test(tc, long_lines_are_cut_but_end);
	tcase_add_test(tc, once_is_once);
	tcase_add_test(tc, off_is_off);
	tcase_add_test(tc, a_full_pipe_does_not_block);
	tcase_add_test(tc, no_sigpipe_reaches_the_program);
	tcase_add_test(tc, the_programs_own_sigpipe_stays_pending);
	tcase_add_test(tc, another_file_at_descriptor_2_is_left_alone);
	tcase_add_test(tc, started_without_stderr_stays_silent);
	tcase_add_test(tc, a_file_hears_everything);
	tcase_add_test(tc, a_file_that_cannot_be_written_is_no_harm);
	tcase_add_test(tc, the_flusher_is_heard);
	tcase_add_test(tc, the_flusher_is_heard_on_a_socket);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
