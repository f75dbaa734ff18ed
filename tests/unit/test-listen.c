/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/listen.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/flusher.h"
#include "tests/unit/agent-fixture.h"
#include "tests/unit/runner.h"

static unsigned batches;
static size_t bytes;
static int inner;		/* what a dispatch within a batch returned */

static void take(const void *message, size_t size, void *arg)
{
	ck_assert_ptr_eq(arg, &batches);
	ck_assert_ptr_nonnull(message);
	ck_assert_uint_gt(size, 0);
	batches++;
	bytes += size;
	inner = listen_dispatch(take, arg);
}

static void setup(void)
{
	agent_fixture_begin("PROFAGENT_START=0");
}

/* Has a message sent, and waits for it. */
static void await(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ck_assert(flusher_ask(FLUSHER_FLUSH, 10000));
	ck_assert_int_eq(poll(&p, 1, 30000), 1);
}

/* Until one message has come; the line that answers "subscribe" is none. */
static void dispatch_one(int fd)
{
	int n = 0;

	while (n == 0) {
		await(fd);
		n = listen_dispatch(take, &batches);
		ck_assert_int_ge(n, 0);
	}
}

START_TEST(nobody_is_there)
{
	ck_assert_int_eq(listen_fd(), -ESRCH);
	ck_assert_int_eq(listen_dispatch(take, &batches), -ESRCH);
	ck_assert_int_eq(listen_dispatch(NULL, NULL), -EINVAL);
}
END_TEST

START_TEST(a_descriptor_for_an_event_loop)
{
	int fd = listen_fd();

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(listen_fd(), fd);
	close(fd);
}
END_TEST

START_TEST(messages_come)
{
	int fd = listen_fd();

	dispatch_one(fd);
	ck_assert_uint_ge(batches, 1);
	ck_assert_uint_gt(bytes, 50);
	/* who is in it already is told so, and nothing is lost by it */
	ck_assert_int_eq(inner, -EBUSY);
	dispatch_one(fd);
	ck_assert_uint_ge(batches, 2);
	close(fd);
}
END_TEST

/* Nothing there is no error. */
START_TEST(it_does_not_wait)
{
	int fd = listen_fd(), n = 1;

	dispatch_one(fd);
	/* each flush may bring more; there are fewer of them than rounds */
	while (n > 0)
		n = listen_dispatch(take, &batches);
	ck_assert_int_eq(n, 0);
	close(fd);
}
END_TEST

/* The number may be a file of the program by now: it is left alone. */
START_TEST(one_that_the_program_closed)
{
	int fd = listen_fd(), file, again;
	char text[8] = "";

	close(fd);
	ck_assert_int_eq(listen_dispatch(take, &batches), -ESRCH);
	file = memfd_create("file", 0);
	ck_assert_int_eq(file, fd);
	ck_assert_int_eq(write(file, "precious", 8), 8);
	ck_assert_int_eq(lseek(file, 0, SEEK_SET), 0);
	ck_assert_int_eq(listen_dispatch(take, &batches), -ESRCH);
	again = listen_fd();
	ck_assert_int_ge(again, 0);
	ck_assert_int_ne(again, file);
	dispatch_one(again);
	ck_assert_int_eq(read(file, text, 8), 8);
	ck_assert_int_eq(memcmp(text, "precious", 8), 0);
	close(again);
	close(file);
}
END_TEST

/* That of the parent leads to the parent's agent: the child gets its own. */
START_TEST(a_forked_child)
{
	int fd = listen_fd(), status, own;
	pid_t pid = fork();

	if (pid == 0) {
		agent_forked();
		ck_assert_int_eq(listen_dispatch(take, &batches), -ESRCH);
		own = listen_fd();
		_exit(own >= 0 && own != fd ? 7 : 8);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 7);
	dispatch_one(fd);
	close(fd);
}
END_TEST

/* The agent has left: that is said, not waited for. */
START_TEST(the_agent_ends)
{
	int fd = listen_fd(), n = 1;

	agent_end();
	while (n > 0)
		n = listen_dispatch(take, &batches);
	ck_assert_int_lt(n, 0);
	ck_assert_int_eq(listen_fd(), -ESRCH);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("listen");
	TCase *none = tcase_create("without a flusher");
	TCase *all = tcase_create("all");

	tcase_add_test(none, nobody_is_there);
	suite_add_tcase(suite, none);
	tcase_set_timeout(all, 100);
	tcase_add_checked_fixture(all, setup, agent_fixture_end);
	tcase_add_test(all, a_descriptor_for_an_event_loop);
	tcase_add_test(all, messages_come);
	tcase_add_test(all, it_does_not_wait);
	tcase_add_test(all, one_that_the_program_closed);
	tcase_add_test(all, a_forked_child);
	tcase_add_test(all, the_agent_ends);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
