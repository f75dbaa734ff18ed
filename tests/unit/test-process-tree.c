/* SPDX-License-Identifier: MIT */
#include "tools/process-tree.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static pid_t child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

START_TEST(as_proc_says)
{
	pid_t pid = child();
	g_autoptr(GHashTable) parents = process_tree_parents();

	ck_assert_int_eq(GPOINTER_TO_INT(g_hash_table_lookup(
		parents, GINT_TO_POINTER(pid))), getpid());
	ck_assert(process_tree_is_below(parents, pid, getpid()));
	ck_assert(process_tree_is_below(parents, pid, pid));
	ck_assert(!process_tree_is_below(parents, getpid(), pid));
	ck_assert(!process_tree_is_below(parents, 0, pid));
	end(pid);
}
END_TEST

static void put(GHashTable *parents, gint32 pid, gint32 ppid)
{
	g_hash_table_insert(parents, GINT_TO_POINTER(pid),
			    GINT_TO_POINTER(ppid));
}

/* Numbers that are used again while we look may make a circle. */
START_TEST(a_circle_ends)
{
	g_autoptr(GHashTable) parents = g_hash_table_new(NULL, NULL);

	put(parents, 5, 4);
	put(parents, 4, 3);
	put(parents, 3, 5);
	put(parents, 9, 8);
	ck_assert(process_tree_is_below(parents, 5, 3));
	ck_assert(!process_tree_is_below(parents, 5, 7));
	ck_assert(!process_tree_is_below(parents, 9, 7));
	ck_assert(process_tree_is_below(parents, 9, 8));
}
END_TEST

START_TEST(stopped_or_not)
{
	pid_t pid = child();
	siginfo_t info;

	ck_assert(!process_is_stopped(pid));
	kill(pid, SIGSTOP);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED), 0);
	ck_assert(process_is_stopped(pid));
	end(pid);
	ck_assert(!process_is_stopped(pid));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("process-tree");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_test(all, as_proc_says);
	tcase_add_test(all, a_circle_ends);
	tcase_add_test(all, stopped_or_not);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
