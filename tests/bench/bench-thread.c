/* SPDX-License-Identifier: MIT */
/*
 * pthread_create() and pthread_join() of an empty thread; prints the CPU time
 * of both threads in us a pair.
 */
#include "tests/programs/truth.h"

#include <pthread.h>

#define ROUNDS 20000

static void *thread_main(void *arg)
{
	return arg;
}

int main(void)
{
	uint64_t begin = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID), used;

	for (int i = 0; i < ROUNDS; i++) {
		pthread_t id;

		REQUIRE(!pthread_create(&id, NULL, thread_main, NULL));
		pthread_join(id, NULL);
	}
	used = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin;
	printf("%.4f\n", (double)used / 1e3 / ROUNDS);
	return 0;
}
