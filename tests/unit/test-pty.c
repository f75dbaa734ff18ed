/* SPDX-License-Identifier: MIT */
#include "tools/pty.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static Pty p;
static char said[4096];

static void start_program(const char *path, const char *first,
			  const char *second)
{
	char *argv[] = { (char *)path, (char *)first, (char *)second, NULL };
	g_autoptr(GError) error = NULL;

	ck_assert_msg(pty_start(&p, argv, &error), "%s",
		      error ? error->message : "");
}

static void start(const char *script)
{
	start_program("/bin/sh", "-c", script);
}

/* All it says, until the last of it is gone; its wait status. */
static int finish(void)
{
	gsize used = 0;
	gssize n;
	int status;

	while ((n = read(p.fd, said + used, sizeof(said) - 1 - used)) > 0 ||
	       (n < 0 && errno == EINTR))
		used += (gsize)MAX(n, 0);
	ck_assert_int_eq(n, -1);
	ck_assert_int_eq(errno, EIO);
	said[used] = '\0';
	ck_assert_int_eq(waitpid(p.pid, &status, 0), p.pid);
	pty_release(&p);
	return status;
}

/* Until it has said that word. */
static void hear(const char *word)
{
	gsize used = 0;

	memset(said, 0, sizeof(said));
	while (!strstr(said, word)) {
		gssize n = read(p.fd, said + used, sizeof(said) - 1 - used);

		ck_assert_int_gt(n, 0);
		used += (gsize)n;
	}
}

START_TEST(it_is_on_a_terminal)
{
	start("test -t 1 && test -t 2 && echo yes; echo no >&2; exit 3");
	ck_assert_int_eq(WEXITSTATUS(finish()), 3);
	ck_assert_str_eq(said, "yes\r\nno\r\n");
	ck_assert_int_eq(p.fd, -1);
	pty_release(&p);		/* any number of times */
}
END_TEST

/* It leads a session of its own, whose terminal this is. */
START_TEST(the_terminal_is_its_own)
{
	start("echo here >/dev/tty; exec sleep 1000");
	hear("here");
	ck_assert_int_eq(getsid(p.pid), p.pid);
	ck_assert_int_eq(tcgetpgrp(p.fd), p.pid);
	ck_assert_int_ne(getsid(0), p.pid);
	kill(p.pid, SIGTERM);
	ck_assert_int_eq(WTERMSIG(finish()), SIGTERM);
}
END_TEST

/* What blocks our signals must not block those of the program. */
START_TEST(no_signal_is_blocked)
{
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	/* no shell: some begin by letting all signals in */
	start_program("/bin/grep", "SigBlk", "/proc/self/status");
	sigprocmask(SIG_SETMASK, &before, NULL);
	ck_assert_int_eq(WEXITSTATUS(finish()), 0);
	ck_assert_str_eq(said, "SigBlk:\t0000000000000000\r\n");
}
END_TEST

/* Ctrl-C: to all of them, as on any terminal. */
START_TEST(an_interrupt_reaches_it)
{
	int status;

	start("echo ready; exec sleep 1000");
	hear("ready");
	pty_interrupt(&p);
	status = finish();
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGINT);
}
END_TEST

START_TEST(one_that_takes_it_goes_on)
{
	start("trap 'echo caught; exit 5' INT; echo ready; "
	      "while :; do sleep 1; done");
	hear("ready");
	pty_interrupt(&p);
	ck_assert_int_eq(WEXITSTATUS(finish()), 5);
	ck_assert_ptr_nonnull(strstr(said, "caught"));
}
END_TEST

/* What we are given on standard input, that is no terminal, it reads. */
START_TEST(its_input_is_ours)
{
	int fds[2], before = dup(STDIN_FILENO);

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write(fds[1], "words\n", 6), 6);
	close(fds[1]);
	dup2(fds[0], STDIN_FILENO);
	close(fds[0]);
	start("cat");
	dup2(before, STDIN_FILENO);
	close(before);
	ck_assert_int_eq(WEXITSTATUS(finish()), 0);
	ck_assert_str_eq(said, "words\r\n");
}
END_TEST

/* A terminal of ours it is not to read from: it is for our own keys. */
START_TEST(a_terminal_of_ours_is_not)
{
	int ours = posix_openpt(O_RDWR | O_NOCTTY), theirs;
	int before = dup(STDIN_FILENO);

	ck_assert_int_eq(grantpt(ours) | unlockpt(ours), 0);
	theirs = open(ptsname(ours), O_RDWR | O_NOCTTY);
	ck_assert_int_eq(write(ours, "keys\n", 5), 5);
	dup2(theirs, STDIN_FILENO);
	close(theirs);
	start("cat");
	dup2(before, STDIN_FILENO);
	close(before);
	ck_assert_int_eq(WEXITSTATUS(finish()), 0);
	ck_assert_str_eq(said, "");
	close(ours);
}
END_TEST

/* It gets none of ours but the three. */
START_TEST(no_descriptor_is_left_open)
{
	start("ls -l /proc/self/fd | grep -c ptmx");
	finish();
	ck_assert_str_eq(said, "0\r\n");
}
END_TEST

START_TEST(a_program_that_is_not_there)
{
	char *argv[] = { (char *)"/nowhere/at/all", NULL };

	ck_assert(pty_start(&p, argv, NULL));
	ck_assert_int_eq(WEXITSTATUS(finish()), 127);
	ck_assert_str_eq(said, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pty");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_test(all, it_is_on_a_terminal);
	tcase_add_test(all, the_terminal_is_its_own);
	tcase_add_test(all, no_signal_is_blocked);
	tcase_add_test(all, an_interrupt_reaches_it);
	tcase_add_test(all, one_that_takes_it_goes_on);
	tcase_add_test(all, its_input_is_ours);
	tcase_add_test(all, a_terminal_of_ours_is_not);
	tcase_add_test(all, no_descriptor_is_left_open);
	tcase_add_test(all, a_program_that_is_not_there);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
