/* SPDX-License-Identifier: MIT */
/*
 * budget: keeps the agent's own cost below a part of the program's CPU time, by
 * the rate.
 *
 *	cost = time in the handler (time-stamp counter) + CPU time of the flusher
 *	       + signals taken * what the kernel spends on one
 *
 * The last is known where a signal rides on the kernel's tick, and measured at
 * start for perf events, which make an interrupt of their own. A program that
 * hardly runs is disturbed by nothing: the budget is of at least a tenth
 * of the time that passes.
 *
 * Flusher only, but for budget_init().
 */
#ifndef PROFAGENT_AGENT_BUDGET_H
#define PROFAGENT_AGENT_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `ppm`: the budget, millionths of the program's CPU time; 0: none. */
void budget_init(uint64_t ppm);

/*
 * Once a second: compares and changes the rate. Returns when it is to be called
 * again, CLOCK_MONOTONIC ns; UINT64_MAX: there is no budget.
 */
uint64_t budget_round(uint64_t now_ns);

/* The period that was asked for; the one in use may be longer. ns */
uint64_t budget_asked_ns(void);

/*
 * What it did, for the health line: a sentence, NULL if there is no budget or
 * nothing was done. `last`: with figures.
 */
const char *budget_note(bool last);

/*
 * The period to go on with: `period_ns` was in use while the cost was `cost_ppm`
 * of a budget of `ppm`; `asked_ns` is never exceeded. Lowers the rate as far as
 * needed but at most to a quarter, and raises it by at most a quarter.
 */
uint64_t budget_steer(uint64_t period_ns, uint64_t asked_ns, uint64_t cost_ppm,
		      uint64_t ppm);

void budget_reset_after_fork(void);

#endif
