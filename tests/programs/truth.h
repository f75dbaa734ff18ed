/* SPDX-License-Identifier: MIT */
/*
 * truth: what the programs of this folder share.
 *
 * A program burns CPU time in functions of known names, measures by the clock
 * of its thread how much each really took, and at its end prints what a right
 * profile of it contains, one line each:
 *
 *	expect share FUNCTION PERCENT TOLERANCE	of all CPU time, inclusive
 *	expect sampled-share ...		of what was sampled: threads that
 *		live for few periods of the clock leave a rest, [not sampled]
 *	expect share-at-least FUNCTION PERCENT
 *	expect thread NAME PERCENT TOLERANCE	of all CPU time
 *	expect cpu-ns TOTAL TOLERANCE-PERCENT	sum of the weights
 *	expect depth FUNCTION COUNT		times on one stack, the most
 *	expect process NAME COUNT		with samples
 *
 * Every other line must be the same with and without the agent. Times are
 * nanoseconds of CPU, shares percent, tolerances points.
 */
#ifndef PROFAGENT_TESTS_TRUTH_H
#define PROFAGENT_TESTS_TRUTH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MS UINT64_C(1000000)
#define NOINLINE __attribute__((noinline, noclone))

static inline uint64_t truth_clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline uint64_t truth_thread_ns(void)
{
	return truth_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/*
 * The body of every burner, inlined into it: computes until the thread used
 * `ns` more, and returns what it really used. Some 30 us pass between two
 * looks at the clock, so that almost all samples fall into the burner itself.
 */
__attribute__((always_inline)) static inline uint64_t truth_burn(uint64_t ns)
{
	uint64_t begin = truth_thread_ns(), now;
	volatile uint32_t x = 1;

	do {
		for (int i = 0; i < 10000; i++)
			x = x * 1664525u + 1013904223u;
		now = truth_thread_ns();
	} while (now - begin < ns);
	return now - begin;
}

/* A function NAME(ns) that burns; it is never inlined or made a tail call. */
#define BURNER(name)							\
	NOINLINE uint64_t name(uint64_t ns);				\
	NOINLINE uint64_t name(uint64_t ns)				\
	{								\
		uint64_t burnt = truth_burn(ns);				\
									\
		__asm__ volatile("" : "+r"(burnt));			\
		return burnt;						\
	}

/* The same numbers in each run: lengths must not follow the kernel's tick. */
static inline uint64_t truth_random(uint64_t *state, uint64_t low,
				    uint64_t high)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return low + (*state >> 33) % (high - low);
}

static inline void truth_share(const char *what, const char *name,
			       uint64_t part, uint64_t all, double tolerance)
{
	printf("expect %s %s %.2f %.2f\n", what, name,
	       100.0 * (double)part / (double)all, tolerance);
}

/* CPU time of the process so far, that of ended threads included. */
static inline void truth_cpu(double tolerance)
{
	printf("expect cpu-ns %llu %.2f\n",
	       (unsigned long long)truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID),
	       tolerance);
}

/*
 * The threads that ended against all: their start routine has to be charged
 * with it, the time the kernel takes to begin and end them included. Called by
 * the main thread.
 */
static inline void truth_start_routine(const char *name, double tolerance)
{
	uint64_t all = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	truth_share("share", name, all - truth_thread_ns(), all, tolerance);
}

/* Argument `n` as a number, else `otherwise`. */
static inline unsigned long truth_argument(int argc, char **argv, int n,
					   unsigned long otherwise)
{
	return n < argc ? strtoul(argv[n], NULL, 10) : otherwise;
}

#define REQUIRE(condition)						\
	do {								\
		if (!(condition)) {					\
			perror(#condition);				\
			exit(99);					\
		}							\
	} while (0)

#endif
