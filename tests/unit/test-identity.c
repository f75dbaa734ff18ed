/* SPDX-License-Identifier: MIT */
#include "agent/identity.h"

#include <check.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/runner.h"

/* In a child: what it becomes is no concern of the other cases. */
static int in_child(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(run());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(who_we_are)
{
	ck_assert_int_eq(identity_capture(), 0);
	ck_assert_uint_eq(identity_user(), geteuid());
	ck_assert_uint_eq(identity_group(), getegid());
	/* already the same: nothing to be done, nothing refused */
	ck_assert_int_eq(identity_adopt(), 0);
}
END_TEST

/*
 * Two threads by raw system calls, which change the one that makes them alone:
 * a child process stands for the flusher, whose identity stays behind.
 */
static int adopt_another(void)
{
	static const gid_t groups[] = { 7, 8 };
	uid_t r, e, s;
	gid_t found[4];

	/* as the program: */
	if (syscall(SYS_setgroups, 2, groups) != 0 ||
	    syscall(SYS_setresgid, 5, 5, 5) != 0 ||
	    syscall(SYS_setresuid, 1234, 1234, 0) != 0 ||
	    identity_capture() != 0)
		return 1;
	if (identity_user() != 1234 || identity_group() != 5)
		return 2;
	/* as who it was before: */
	if (syscall(SYS_setresuid, 0, 0, 0) != 0 ||
	    syscall(SYS_setresgid, 0, 0, 0) != 0 ||
	    syscall(SYS_setgroups, 0, NULL) != 0)
		return 3;
	if (identity_adopt() != 0)
		return 4;
	if (getresuid(&r, &e, &s) != 0 || r != 1234 || e != 1234 || s != 0)
		return 5;
	if (getegid() != 5 || getgroups(4, found) != 2 || found[0] != 7)
		return 6;
	return 0;
}

START_TEST(another_is_taken_over)
{
	if (geteuid() != 0) {
		fprintf(stderr, "skipped: needs root\n");
		return;
	}
	ck_assert_int_eq(in_child(adopt_another), 0);
}
END_TEST

/* The captured one has rights that we have not: then we stay without. */
static int adopt_root(void)
{
	if (identity_capture() != 0 ||
	    syscall(SYS_setresuid, 1234, 1234, 1234) != 0)
		return 1;
	return identity_adopt() == -EPERM && geteuid() == 1234 ? 0 : 2;
}

START_TEST(no_rights_are_gained)
{
	if (geteuid() != 0) {
		fprintf(stderr, "skipped: needs root\n");
		return;
	}
	ck_assert_int_eq(in_child(adopt_root), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("identity");
	TCase *all = tcase_create("all");

	tcase_add_test(all, who_we_are);
	tcase_add_test(all, another_is_taken_over);
	tcase_add_test(all, no_rights_are_gained);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
