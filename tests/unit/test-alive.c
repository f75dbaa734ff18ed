/* SPDX-License-Identifier: MIT */
#include "tools/alive.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/runner.h"

/* Field 22 of /proc/PID/stat, counted from behind the name. */
static guint64 start_of(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
	g_autofree char *stat = NULL;
	g_auto(GStrv) fields = NULL;

	ck_assert(g_file_get_contents(path, &stat, NULL, NULL));
	fields = g_strsplit(strrchr(stat, ')') + 2, " ", -1);
	return g_ascii_strtoull(fields[19], NULL, 10);
}

START_TEST(we_live)
{
	ck_assert(alive_pid(getpid(), start_of(getpid())));
	ck_assert(!alive_pid(getpid(), start_of(getpid()) + 1));
	ck_assert_uint_eq(alive_start(getpid()), start_of(getpid()));
	ck_assert_uint_eq(alive_start(0), 0);
	ck_assert(!alive_pid(0, 0));
	ck_assert(!alive_pid(-1, 0));
}
END_TEST

START_TEST(a_zombie_does_not)
{
	siginfo_t info;
	guint64 start;
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	start = start_of(pid);
	ck_assert(alive_pid(pid, start));
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT),
			 0);
	ck_assert(!alive_pid(pid, start));
	waitpid(pid, NULL, 0);
	ck_assert(!alive_pid(pid, start));
}
END_TEST

START_TEST(another_boot_is_not_ours)
{
	g_autofree char *boot = NULL;

	ck_assert(alive_is_this_boot(""));
	ck_assert(!alive_is_this_boot("00000000-0000-0000-0000-000000000000"));
	if (g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL,
				NULL))
		ck_assert(alive_is_this_boot(g_strstrip(boot)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("alive");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, we_live);
	tcase_add_test(tcase, a_zombie_does_not);
	tcase_add_test(tcase, another_boot_is_not_ours);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
