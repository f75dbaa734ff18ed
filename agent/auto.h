/* SPDX-License-Identifier: MIT */
/*
 * auto: watches what the CPU timers of threads see, and moves those that the
 * kernel's tick misreads to the perf clock, one by one.
 *
 * A thread that its timer does not reach (it blocks the signal, or sleeps
 * whenever the tick comes) falls behind its CPU clock. One that runs in step
 * with the tick is sampled always at the same place: that shows in nothing but
 * in where the tick finds it. So threads that sleep often move, where that loses
 * nothing; where it cannot be had, some looks at random instants tell whether
 * they do run in step, and then the health line says so.
 */
#ifndef PROFAGENT_AGENT_AUTO_H
#define PROFAGENT_AGENT_AUTO_H

#include <stdint.h>

/*
 * Looks at all threads once a second, at suspects more often. Returns when it
 * is to be called again, CLOCK_MONOTONIC ns. Flusher.
 */
uint64_t auto_round(uint64_t now_ns);

void auto_reset(void);

/*
 * How much a thread's running depends on the phase of the tick: of `looked[i]`
 * looks in the i-th part of a tick `ran[i]` found it running. Returns the
 * chi-squared statistic of `parts` - 1 degrees of freedom.
 */
double auto_chi_squared(const uint32_t *ran, const uint32_t *looked,
			unsigned parts);

#endif
