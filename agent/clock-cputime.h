/* SPDX-License-Identifier: MIT */
/*
 * clock-cputime: what the clock (agent/clock.h) keeps of its own.
 */
#ifndef PROFAGENT_AGENT_CLOCK_CPUTIME_H
#define PROFAGENT_AGENT_CLOCK_CPUTIME_H

/* In a forked child: the parent's timers are not ours. */
void cputime_reset_after_fork(void);

#endif
