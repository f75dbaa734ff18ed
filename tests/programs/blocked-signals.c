/* SPDX-License-Identifier: MIT */
/*
 * A thread that blocks every signal and burns three quarters of the CPU time,
 * beside one that does not; their masks read back as they were set.
 */
#include "tests/programs/truth.h"

#include <pthread.h>
#include <signal.h>

BURNER(burn_blocked)
BURNER(burn_open)

static void *thread_main(void *arg)
{
	uint64_t *used = arg;
	sigset_t all, now;

	sigfillset(&all);
	REQUIRE(!pthread_sigmask(SIG_SETMASK, &all, NULL));
	*used = burn_blocked(900 * MS);
	REQUIRE(!pthread_sigmask(SIG_SETMASK, NULL, &now));
	printf("SIGPROF %d, SIGTERM %d, SIGKILL %d\n",
	       sigismember(&now, SIGPROF), sigismember(&now, SIGTERM),
	       sigismember(&now, SIGKILL));
	return NULL;
}

int main(void)
{
	uint64_t blocked = 0, open, all;
	pthread_t id;

	REQUIRE(!pthread_create(&id, NULL, thread_main, &blocked));
	open = burn_open(300 * MS);
	pthread_join(id, NULL);
	all = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	truth_share("share", "burn_blocked", blocked, all, 8);
	truth_share("share", "burn_open", open, all, 8);
	truth_cpu(4);
	return 0;
}
