/* SPDX-License-Identifier: MIT */
/*
 * clock-ticker: the looks of the ticker, beside the clock itself
 * (agent/clock.h). Flusher only.
 */
#ifndef PROFAGENT_AGENT_CLOCK_TICKER_H
#define PROFAGENT_AGENT_CLOCK_TICKER_H

#include <stdint.h>

/*
 * Looks at the threads that have this clock, if that is due. Returns when the
 * next look is, CLOCK_MONOTONIC ns; UINT64_MAX: no thread has it.
 */
uint64_t ticker_round(uint64_t now_ns);

/* In a new flusher. */
void ticker_reset(void);

/*
 * A random time with mean `mean_ns`, exponentially distributed: events so far
 * apart are in step with nothing.
 */
uint64_t ticker_random(uint64_t mean_ns);

#endif
