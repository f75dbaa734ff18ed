/* SPDX-License-Identifier: MIT */
/* fork(), _exit() in the child, and the wait for it; prints us a round. */
#include "tests/programs/truth.h"

#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 2000

int main(void)
{
	uint64_t begin = truth_clock_ns(CLOCK_MONOTONIC);

	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		REQUIRE(pid > 0 && waitpid(pid, NULL, 0) == pid);
	}
	printf("%.4f\n", (double)(truth_clock_ns(CLOCK_MONOTONIC) - begin) /
				 1e3 / ROUNDS);
	return 0;
}
