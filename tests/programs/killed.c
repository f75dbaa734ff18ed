/* SPDX-License-Identifier: MIT */
/*
 * Two threads that burn until the process is killed by its own SIGKILL, with
 * the last samples never flushed. What it used it says before.
 * killed [MILLISECONDS]
 */
#include "tests/programs/truth.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

BURNER(burn_main)
BURNER(burn_other)

static uint64_t length;

static void *thread_main(void *arg)
{
	burn_other(length);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t id;

	length = truth_argument(argc, argv, 1, 1600) * MS;
	REQUIRE(!pthread_create(&id, NULL, thread_main, NULL));
	burn_main(length);
	pthread_join(id, NULL);
	puts("about to die");
	puts("expect share burn_main 50 8");
	puts("expect share burn_other 50 8");
	truth_cpu(4);
	fflush(stdout);
	kill(getpid(), SIGKILL);
	return 0;
}
