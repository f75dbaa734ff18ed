/* SPDX-License-Identifier: MIT */
/*
 * Handlers that burn on an alternate stack of the smallest size libc
 * advises, in two threads.
 */
#include "tests/programs/truth.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static _Atomic int handled;

BURNER(burn_handler)
BURNER(burn_outside)

static void on_usr1(int sig)
{
	burn_handler(5 * MS);
	handled += sig == SIGUSR1;
}

static void *thread_main(void *arg)
{
	stack_t ss = { .ss_size = (size_t)sysconf(_SC_SIGSTKSZ) };

	ss.ss_sp = malloc(ss.ss_size);
	REQUIRE(ss.ss_sp && !sigaltstack(&ss, NULL));
	for (int i = 0; i < 100; i++) {
		burn_outside(5 * MS);
		pthread_kill(pthread_self(), SIGUSR1);
	}
	ss.ss_flags = SS_DISABLE;
	REQUIRE(!sigaltstack(&ss, NULL));
	free(ss.ss_sp);
	return arg;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_usr1,
				.sa_flags = SA_ONSTACK };
	pthread_t id[2];

	REQUIRE(!sigaction(SIGUSR1, &sa, NULL));
	for (int i = 0; i < 2; i++)
		REQUIRE(!pthread_create(&id[i], NULL, thread_main, NULL));
	for (int i = 0; i < 2; i++)
		pthread_join(id[i], NULL);
	printf("%d signals\n", handled);
	/*
	 * Two frames of the kernel may burst a small alternate stack: the
	 * sampler waits until the handler is done, and its time counts for
	 * the function that it interrupted.
	 */
	puts("expect share thread_main 100 3");
	truth_cpu(4);
	return 0;
}
