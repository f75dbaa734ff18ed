/* SPDX-License-Identifier: MIT */
/*
 * Fixed work on a deep stack with memory traffic, in THREADS threads; prints
 * the CPU time that the process took for it, in milliseconds.
 * bench-cpu [THREADS [ROUNDS]]
 */
#include "tests/programs/truth.h"

#include <pthread.h>
#include <string.h>

#define WORDS 8192

static unsigned long rounds;

NOINLINE uint64_t work(uint32_t *words, unsigned depth);
NOINLINE uint64_t work(uint32_t *words, unsigned depth)
{
	uint64_t sum = 0;

	if (depth) {
		sum = work(words, depth - 1);
		__asm__ volatile("" : "+r"(sum));
		return sum;
	}
	for (unsigned i = 0; i < WORDS; i++) {
		words[i] = words[i] * 1664525u + 1013904223u;
		sum += words[words[i] % WORDS];
	}
	return sum;
}

static void *thread_main(void *arg)
{
	static _Atomic uint64_t sink;
	uint32_t *words = calloc(WORDS, sizeof(*words));

	REQUIRE(words);
	for (unsigned long i = 0; i < rounds; i++)
		sink += work(words, 20);
	free(words);
	return arg;
}

int main(int argc, char **argv)
{
	unsigned long threads = truth_argument(argc, argv, 1, 1);
	pthread_t id[64];

	rounds = truth_argument(argc, argv, 2, 20000);
	REQUIRE(threads <= 64);
	for (unsigned long i = 1; i < threads; i++)
		REQUIRE(!pthread_create(&id[i], NULL, thread_main, NULL));
	thread_main(NULL);
	for (unsigned long i = 1; i < threads; i++)
		pthread_join(id[i], NULL);
	printf("%.3f\n",
	       (double)truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e6);
	return 0;
}
