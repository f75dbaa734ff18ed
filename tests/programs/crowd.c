/* SPDX-License-Identifier: MIT */
/*
 * Many threads, each with as much to do; as many as there may be.
 * crowd [THREADS [MILLISECONDS]]
 */
#include "tests/programs/truth.h"

#include <pthread.h>

BURNER(burn_crowd)

#define MOST 1024

static uint64_t each_ns;

static void *thread_main(void *arg)
{
	(void)arg;
	burn_crowd(each_ns);
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t i, made, wanted = truth_argument(argc, argv, 1, 64);
	pthread_t id[MOST];

	each_ns = truth_argument(argc, argv, 2, 20) * MS;
	REQUIRE(wanted <= MOST);
	for (made = 0; made < wanted; made++)
		if (pthread_create(&id[made], NULL, thread_main, NULL))
			break;
	for (i = 0; i < made; i++)
		pthread_join(id[i], NULL);
	puts("a crowd");
	fprintf(stderr, "%d threads\n", (int)made);
	truth_cpu(3);
	return 0;
}
