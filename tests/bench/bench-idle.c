/* SPDX-License-Identifier: MIT */
/*
 * THREADS threads that wait; prints the CPU time of the whole process in
 * percent of one core, from FROM to TO seconds after all of them are there.
 * bench-idle [THREADS [FROM [TO]]]
 */
#include "tests/programs/truth.h"

#include <pthread.h>
#include <unistd.h>

static pthread_barrier_t all_there;
static pthread_mutex_t never = PTHREAD_MUTEX_INITIALIZER;

static void *thread_main(void *arg)
{
	pthread_barrier_wait(&all_there);
	pthread_mutex_lock(&never);
	return arg;
}

int main(int argc, char **argv)
{
	unsigned long threads = truth_argument(argc, argv, 1, 1000);
	unsigned long from = truth_argument(argc, argv, 2, 0);
	unsigned long to = truth_argument(argc, argv, 3, 5);
	uint64_t cpu, wall;
	pthread_attr_t attr;

	REQUIRE(to > from);
	pthread_barrier_init(&all_there, NULL, (unsigned)threads + 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_mutex_lock(&never);
	for (unsigned long i = 0; i < threads; i++) {
		pthread_t id;

		REQUIRE(!pthread_create(&id, &attr, thread_main, NULL));
	}
	pthread_barrier_wait(&all_there);
	sleep((unsigned)from);
	cpu = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	wall = truth_clock_ns(CLOCK_MONOTONIC);
	sleep((unsigned)(to - from));
	cpu = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = truth_clock_ns(CLOCK_MONOTONIC) - wall;
	printf("%.3f\n", 100.0 * (double)cpu / (double)wall);
	fflush(stdout);
	_exit(0);
}
