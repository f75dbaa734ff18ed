/* SPDX-License-Identifier: MIT */
/*
 * Children that only wait: one, one whose exec failed at once, and one that is
 * woken and forks another; and children that exec at once.
 *
 *	expect wall FUNCTION MS		of all processes
 */
#include "tests/programs/truth.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

NOINLINE static void wait_long(void)
{
	struct timespec ts = { 2, 0 };

	nanosleep(&ts, NULL);
	__asm__ volatile("");
}

/* Two that are alike would be made one. */
NOINLINE static void wait_after_exec(void)
{
	wait_long();
	__asm__ volatile("# after exec");
}

NOINLINE static void wait_as_grandchild(void)
{
	wait_long();
	__asm__ volatile("# grandchild");
}

static void only_waits(void)
{
	wait_long();
	_exit(0);
}

static void execs_in_vain(void)
{
	char *argv[] = { (char *)"true", NULL };

	REQUIRE(execve("/nowhere/true", argv, environ) == -1 &&
		errno == ENOENT);
	wait_after_exec();
	_exit(1);
}

static void has_a_child(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		wait_as_grandchild();
		exit(3);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid);
	_exit(WEXITSTATUS(status));
}

static void execs(void)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"exit 4", NULL };

	execve("/bin/sh", argv, environ);
	_exit(98);
}

static void (*const kinds[])(void) = {
	only_waits, execs_in_vain, has_a_child, execs, execs, execs,
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

int main(void)
{
	int sum = 0, status;

	for (unsigned i = 0; i < KINDS; i++) {
		pid_t pid = fork();

		REQUIRE(pid >= 0);
		if (pid == 0)
			kinds[i]();
	}
	while (wait(&status) > 0)
		sum += WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
	printf("sum of exit codes %d\n", sum);
	puts("expect wall wait_long 6000");
	puts("expect wall wait_after_exec 2000");
	puts("expect wall wait_as_grandchild 2000");
	return 0;
}
