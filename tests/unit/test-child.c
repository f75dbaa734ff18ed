/* SPDX-License-Identifier: MIT */
/* Each case runs in a process of its own: child_end_likewise() ends it. */
#include "tools/child.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static int run(const char *program, const char *script)
{
	char *argv[] = { (char *)(guintptr)program, (char *)"-c",
			 (char *)(guintptr)script, NULL };
	Child child;

	child_run(&child, argv, environ);
	return child.error ? -child.error : child.status;
}

START_TEST(ends_are_told)
{
	int status = run("sh", "exit 7");

	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 7);
	status = run("sh", "kill -KILL $$");
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	ck_assert_int_eq(run("/nonexistent/program", ""), -ENOENT);
	ck_assert_int_eq(run("/", ""), -EACCES);
}
END_TEST

START_TEST(an_ignored_child_signal_does_not_lose_the_end)
{
	signal(SIGCHLD, SIG_IGN);
	ck_assert_int_eq(WEXITSTATUS(run("sh", "exit 9")), 9);
	/* and it is ours again */
	ck_assert_ptr_eq(signal(SIGCHLD, SIG_DFL), SIG_IGN);
}
END_TEST

START_TEST(dispositions_and_masks_are_inherited)
{
	sigset_t set, now;

	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* SigIgn has bit 9 for SIGUSR1, SigBlk bit 11 for SIGUSR2 */
	ck_assert_int_eq(WEXITSTATUS(run("sh",
		"while read -r name value; do case $name in"
		" SigIgn:) ign=$((0x$value >> 9 & 1));;"
		" SigBlk:) blk=$((0x$value >> 11 & 1));;"
		" esac; done </proc/self/status; exit $ign$blk")), 11);
	sigprocmask(SIG_SETMASK, NULL, &now);
	ck_assert(sigismember(&now, SIGUSR2));
	ck_assert(!sigismember(&now, SIGTERM));
	ck_assert_ptr_eq(signal(SIGUSR1, SIG_DFL), SIG_IGN);
}
END_TEST

START_TEST(a_signal_for_us_is_passed_on)
{
	g_autofree char *script = g_strdup_printf(
		"trap 'exit 12' TERM; kill -TERM %d; while :; do :; done",
		getpid());

	ck_assert_int_eq(WEXITSTATUS(run("sh", script)), 12);
}
END_TEST

/* Each as often as it was sent, whether to us or to the whole group. */
START_TEST(a_signal_for_the_group_comes_once)
{
	g_autofree char *script = NULL;
	int i;

	ck_assert_int_eq(setpgid(0, 0), 0);
	for (i = 0; i < 10; i++) {
		g_free(script);
		script = g_strdup_printf(
			"n=0; trap 'n=$((n + 1))' USR1; trap 'exit $n' TERM;"
			" kill -s USR1 -- -%d; sleep 0.05; kill -USR1 %d;"
			" sleep 0.05; kill -s USR1 -- -%d; sleep 0.05;"
			" kill -TERM %d; while :; do sleep 0.01; done",
			getpid(), getpid(), getpid(), getpid());
		ck_assert_int_eq(WEXITSTATUS(run("sh", script)), 3);
	}
}
END_TEST

START_TEST(nothing_stays_behind)
{
	ck_assert_int_eq(WEXITSTATUS(run("sh", "exit 1")), 1);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

static int end_of(const Child *child)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		child_end_likewise(child);
	waitpid(pid, &status, 0);
	return status;
}

START_TEST(we_end_likewise)
{
	Child child = { .error = ENOENT };
	int status;

	ck_assert_int_eq(WEXITSTATUS(end_of(&child)), CHILD_MISSING);
	child.error = EACCES;
	ck_assert_int_eq(WEXITSTATUS(end_of(&child)), CHILD_NOT_EXECUTABLE);
	child = (Child){ .status = 5 << 8 };
	ck_assert_int_eq(WEXITSTATUS(end_of(&child)), 5);
	child = (Child){ .status = SIGTERM };
	status = end_of(&child);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGTERM);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("child");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, ends_are_told);
	tcase_add_test(tcase, an_ignored_child_signal_does_not_lose_the_end);
	tcase_add_test(tcase, dispositions_and_masks_are_inherited);
	tcase_add_test(tcase, a_signal_for_us_is_passed_on);
	tcase_add_test(tcase, a_signal_for_the_group_comes_once);
	tcase_add_test(tcase, nothing_stays_behind);
	tcase_add_test(tcase, we_end_likewise);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
