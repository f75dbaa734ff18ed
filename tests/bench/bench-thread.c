/* SPDX-License-Identifier: MIT */
/* pthread_create() and pthread_join() of an empty thread; prints us a pair. */
#include "tests/programs/truth.h"

#include <pthread.h>

#define ROUNDS 20000

static void *thread_main(void *arg)
{
	return arg;
}

int main(void)
{
	uint64_t begin = truth_clock_ns(CLOCK_MONOTONIC);

	for (int i = 0; i < ROUNDS; i++) {
		pthread_t id;

		REQUIRE(!pthread_create(&id, NULL, thread_main, NULL));
		pthread_join(id, NULL);
	}
	printf("%.4f\n", (double)(truth_clock_ns(CLOCK_MONOTONIC) - begin) /
				 1e3 / ROUNDS);
	return 0;
}
