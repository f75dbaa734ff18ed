/* SPDX-License-Identifier: MIT */
/*
 * Children made in five ways, vfork and exec, posix_spawn, system, popen and
 * clone with CLONE_VM | CLONE_VFORK; each burns, and so does the parent.
 */
#include "tests/programs/truth.h"

#include <sched.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char self[4096];
static char *child_argv[] = { self, (char *)"child", NULL };

BURNER(burn_spawner)
BURNER(burn_spawned)

static int status_of(pid_t pid)
{
	int status = -1;

	REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static int by_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execv(self, child_argv);
		_exit(127);
	}
	return status_of(pid);
}

static int by_posix_spawn(void)
{
	pid_t pid;

	REQUIRE(!posix_spawn(&pid, self, NULL, NULL, child_argv, environ));
	return status_of(pid);
}

static int by_system(void)
{
	char command[4200];
	int status;

	snprintf(command, sizeof(command), "'%s' child", self);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static int by_popen(void)
{
	char command[4200], line[64] = "";
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "'%s' child", self);
	pipe = popen(command, "r");
	REQUIRE(pipe && fgets(line, sizeof(line), pipe));
	REQUIRE(!strcmp(line, "child\n"));
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static int clone_main(void *arg)
{
	execv(self, child_argv);
	return arg != NULL;
}

static int by_clone(void)
{
	static char stack[65536] __attribute__((aligned(16)));

	return status_of(clone(clone_main, stack + sizeof(stack),
			       CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
}

int main(int argc, char **argv)
{
	static int (*const ways[])(void) = {
		by_vfork, by_posix_spawn, by_system, by_popen, by_clone
	};
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	REQUIRE(n > 0);
	if (argc > 1) {
		burn_spawned(150 * MS);
		printf("%s\n", argv[1]);
		return 7;
	}
	for (int i = 0; i < 5; i++) {
		burn_spawner(150 * MS);
		printf("way %d: %d\n", i, ways[i]());
		fflush(stdout);
	}
	puts("expect share burn_spawner 49 9");
	puts("expect share burn_spawned 49 9");
	puts("expect process spawn 6");
	return 0;
}
