/* SPDX-License-Identifier: MIT */
/*
 * fork(), _exit() in the child, and the wait for it; prints the CPU time of
 * parent and child in us a round.
 */
#include "tests/programs/truth.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 2000

static double children_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

int main(void)
{
	uint64_t begin = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	double us;

	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		REQUIRE(pid > 0 && waitpid(pid, NULL, 0) == pid);
	}
	us = (double)(truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin) / 1e3;
	printf("%.4f\n", (us + children_us()) / ROUNDS);
	return 0;
}
