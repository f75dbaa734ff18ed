/* SPDX-License-Identifier: MIT */
/*
 * THREADS threads that each work for some milliseconds and then stay; prints
 * the memory of the process at that time in KiB (Pss of /proc/self/smaps).
 * bench-memory [THREADS]
 */
#include "tests/programs/truth.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static pthread_barrier_t all_there, all_done;

BURNER(burn_memory)

static void *thread_main(void *arg)
{
	burn_memory((uintptr_t)arg * 1000);
	pthread_barrier_wait(&all_there);
	pthread_barrier_wait(&all_done);
	return NULL;
}

static long pss_kib(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	long kib = -1;

	REQUIRE(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "Pss:", 4))
			kib = strtol(line + 4, NULL, 10);
	fclose(f);
	return kib;
}

int main(int argc, char **argv)
{
	unsigned long threads = truth_argument(argc, argv, 1, 1);
	/* About as much work in all, but 2 ms at least. */
	uintptr_t us = threads ? 1000000 / threads : 0;
	pthread_t *id = calloc(threads + 1, sizeof(*id));
	pthread_attr_t attr;

	REQUIRE(id);
	pthread_barrier_init(&all_there, NULL, (unsigned)threads + 1);
	pthread_barrier_init(&all_done, NULL, (unsigned)threads + 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (unsigned long i = 0; i < threads; i++)
		REQUIRE(!pthread_create(&id[i], &attr, thread_main,
					(void *)(us < 2000 ? 2000 : us)));
	burn_memory(300 * MS);
	pthread_barrier_wait(&all_there);
	usleep(1200000);	/* one flush at least */
	printf("%ld\n", pss_kib());
	pthread_barrier_wait(&all_done);
	for (unsigned long i = 0; i < threads; i++)
		pthread_join(id[i], NULL);
	free(id);
	return 0;
}
