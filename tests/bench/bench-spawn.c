/* SPDX-License-Identifier: MIT */
/*
 * Starts PROGRAM with each of the given LD_PRELOADs in turn ("-": none), COUNT
 * times; prints one line a turn with the milliseconds of each.
 * bench-spawn COUNT PROGRAM PRELOAD...
 */
#include "tests/programs/truth.h"

#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

static double start_once(char *program, const char *preload)
{
	char *argv[] = { program, NULL };
	uint64_t begin;
	int status;
	pid_t pid;

	if (strcmp(preload, "-"))
		setenv("LD_PRELOAD", preload, 1);
	else
		unsetenv("LD_PRELOAD");
	begin = truth_clock_ns(CLOCK_MONOTONIC);
	REQUIRE(!posix_spawn(&pid, program, NULL, NULL, argv, environ));
	REQUIRE(waitpid(pid, &status, 0) == pid && status == 0);
	return (double)(truth_clock_ns(CLOCK_MONOTONIC) - begin) / 1e6;
}

int main(int argc, char **argv)
{
	unsigned long count = truth_argument(argc, argv, 1, 100);
	double ms[16];

	REQUIRE(argc > 3 && argc - 3 <= 16);
	for (unsigned long n = 0; n < count; n++) {
		/* Another one is first each time. */
		for (int i = 0; i < argc - 3; i++) {
			int k = (i + (int)n) % (argc - 3);

			ms[k] = start_once(argv[2], argv[3 + k]);
		}
		for (int i = 0; i < argc - 3; i++)
			printf("%.4f%c", ms[i], i == argc - 4 ? '\n' : ' ');
	}
	return 0;
}
