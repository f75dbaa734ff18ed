/* SPDX-License-Identifier: MIT */
#include "tools/process-root.h"

#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/runner.h"
#include "tools/alive.h"

static guint32 add_process(Profile *p, gint32 pid, guint64 start)
{
	guint32 index = profile_add_process(p);
	ProfileProcess *process = profile_at(p->processes, ProfileProcess,
					     index);

	process->pid = pid;
	process->pid_start = start;
	return index;
}

/* --- a process of another container ------------------------------------------ */

/* Process 1 of name spaces of its own, until `end` is closed. */
static struct {
	pid_t parent, pid;	/* pid: as we see it */
	int end;
} other;

static void live_there(int ready, int end)
{
	char byte;
	pid_t pid;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) != 0)
		_exit(errno);
	pid = fork();
	if (pid == 0) {
		byte = (char)read(end, &byte, 1);
		_exit(0);
	}
	if (write(ready, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	waitpid(pid, NULL, 0);
	_exit(0);
}

/* FALSE: there are no such name spaces to be had. */
static gboolean begin_other(void)
{
	int ready[2], end[2];

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(end), 0);
	other.parent = fork();
	if (other.parent == 0) {
		close(end[1]);
		live_there(ready[1], end[0]);
	}
	close(ready[1]);
	close(end[0]);
	other.end = end[1];
	if (read(ready[0], &other.pid, sizeof(other.pid)) !=
	    sizeof(other.pid))
		other.pid = 0;
	close(ready[0]);
	if (other.pid == 0)
		waitpid(other.parent, NULL, 0);
	return other.pid != 0;
}

static void end_other(void)
{
	close(other.end);
	waitpid(other.parent, NULL, 0);
}

/* --- cases ------------------------------------------------------------------------- */

START_TEST(what_we_see_needs_no_prefix)
{
	g_autofree char *prefix = process_root_prefix(getpid());

	ck_assert_str_eq(prefix, "");
	ck_assert_int_eq(process_root_inner_pid(getpid()), getpid());
	/* nobody: the number stays */
	ck_assert_int_eq(process_root_inner_pid(G_MAXINT32), G_MAXINT32);
}
END_TEST

START_TEST(ours_and_the_dead_have_none)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(ProcessRoots) r = process_roots_new();
	guint64 start = alive_start(getpid());

	add_process(p, getpid(), start);
	add_process(p, getpid(), start + 1);
	add_process(p, 0, 0);
	for (guint32 i = 0; i < 4; i++)
		ck_assert_ptr_null(process_roots_find(r, p, i));
}
END_TEST

START_TEST(another_name_space)
{
	g_autofree char *expected = NULL;
	g_autofree char *prefix = NULL;

	if (!begin_other()) {
		fprintf(stderr, "skipped: no user name spaces here\n");
		return;
	}
	expected = g_strdup_printf("/proc/%d/root", other.pid);
	prefix = process_root_prefix(other.pid);
	ck_assert_str_eq(prefix, expected);
	ck_assert_int_eq(process_root_inner_pid(other.pid), 1);
	end_other();
}
END_TEST

START_TEST(found_by_its_inner_number)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(ProcessRoots) r = process_roots_new();
	g_autofree char *expected = NULL;
	const char *found;

	if (!begin_other()) {
		fprintf(stderr, "skipped: no user name spaces here\n");
		return;
	}
	expected = g_strdup_printf("/proc/%d/root", other.pid);
	add_process(p, 1, alive_start(other.pid));
	add_process(p, 1, alive_start(other.pid) + 1000);
	found = process_roots_find(r, p, 0);
	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(found, expected);
	ck_assert_ptr_eq(process_roots_find(r, p, 0), found);
	ck_assert_ptr_null(process_roots_find(r, p, 1));
	end_other();
}
END_TEST

START_TEST(another_boot_is_not_looked_for)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(ProcessRoots) r = process_roots_new();

	if (!begin_other()) {
		fprintf(stderr, "skipped: no user name spaces here\n");
		return;
	}
	add_process(p, 1, alive_start(other.pid));
	profile_at(p->processes, ProfileProcess, 0)->boot_id =
		profile_string(p, "11111111-2222-3333-4444-555555555555", -1);
	ck_assert_ptr_null(process_roots_find(r, p, 0));
	end_other();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("process-root");
	TCase *tcase = tcase_create("process-root");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, what_we_see_needs_no_prefix);
	tcase_add_test(tcase, ours_and_the_dead_have_none);
	tcase_add_test(tcase, another_name_space);
	tcase_add_test(tcase, found_by_its_inner_number);
	tcase_add_test(tcase, another_boot_is_not_looked_for);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
