/* SPDX-License-Identifier: MIT */
/*
 * Fixed work on a deep stack with memory traffic, in THREADS threads; prints
 * the CPU time that the process took for it, in milliseconds.
 * bench-cpu [THREADS [ROUNDS [HZ]]]
 *
 * HZ: each thread gets SIGTRAP from an event of the kernel's perf subsystem at
 * that rate, as with PROFAGENT_CLOCK=perf, and a handler that does nothing.
 */
#include "tests/programs/truth.h"

#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORDS 8192

static unsigned long rounds, hz;

static void on_trap(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
}

static void tick(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.sample_period = 1000000000 / hz,
		.exclude_hv = 1,
		.wakeup_events = 1,
		.remove_on_exec = 1,
		.sigtrap = 1,
	};
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_RESTART |
					    SA_ONSTACK };

	sa.sa_sigaction = on_trap;
	sigfillset(&sa.sa_mask);
	REQUIRE(!sigaction(SIGTRAP, &sa, NULL));
	REQUIRE(syscall(SYS_perf_event_open, &attr, 0, -1, -1,
			PERF_FLAG_FD_CLOEXEC) >= 0);
}

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
	if (hz > 0)
		tick();
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
	hz = truth_argument(argc, argv, 3, 0);
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
