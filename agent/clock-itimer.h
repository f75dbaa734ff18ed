/* SPDX-License-Identifier: MIT */
/*
 * clock-itimer: what the clock (agent/clock.h) keeps of its own.
 */
#ifndef PROFAGENT_AGENT_CLOCK_ITIMER_H
#define PROFAGENT_AGENT_CLOCK_ITIMER_H

/* In a forked child, which has no timer: one that runs there is the program's. */
void itimer_reset_after_fork(void);

#endif
