/* SPDX-License-Identifier: MIT */
/*
 * Threads on small stacks, by default the smallest that pthread allows, which
 * take signals of their own while they burn. Where there is no room for a
 * handler beside the kernel's frame their time has to be counted all the same.
 * small-stacks [KIB]
 */
#include "tests/programs/truth.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>

#define THREADS 40

static _Atomic int handled;

BURNER(burn_small)

static void on_usr1(int sig)
{
	handled += sig == SIGUSR1;
}

static void *thread_main(void *arg)
{
	char room[2048];

	/* Touched, so that it is there. */
	for (size_t i = 0; i < sizeof(room); i++)
		((volatile char *)room)[i] = (char)i;
	for (int i = 0; i < 10; i++) {
		burn_small(4 * MS);
		pthread_kill(pthread_self(), SIGUSR1);
	}
	return arg;
}

int main(int argc, char **argv)
{
	unsigned long kib = truth_argument(argc, argv, 1, 16);
	struct sigaction sa = { .sa_handler = on_usr1 };
	pthread_attr_t attr;
	pthread_t id[THREADS];

	sigaction(SIGUSR1, &sa, NULL);
	pthread_attr_init(&attr);
	REQUIRE(!pthread_attr_setstacksize(&attr, kib * 1024));
	for (int i = 0; i < THREADS; i++)
		REQUIRE(!pthread_create(&id[i], &attr, thread_main, NULL));
	for (int i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
	printf("%d threads, %d signals\n", THREADS, handled);
	if (kib >= 24)
		puts("expect sampled-share burn_small 96 6");
	truth_start_routine("thread_main", 4);
	truth_cpu(5);
	return 0;
}
