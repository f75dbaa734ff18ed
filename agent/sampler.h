/* SPDX-License-Identifier: MIT */
/*
 * sampler: the signal handler.
 *
 * Runs on any thread of the program at any instruction. It takes no lock,
 * allocates nothing, calls no libc function but memcpy, leaves errno alone and
 * makes no system call but the wake-up of the flusher, the one that puts memory
 * behind a ring that grows, and, as the clock needs, gettid and clock_gettime. Its
 * frames and the walker's together stay below 2 KiB.
 */
#ifndef PROFAGENT_AGENT_SAMPLER_H
#define PROFAGENT_AGENT_SAMPLER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/unwind.h"

struct thread_record;

/* Before the first signal. `depth`: frames kept of a stack. */
void sampler_init(const struct unwind_backend *backend, uint32_t depth);

/*
 * The SA_SIGINFO handler. A signal that no clock of ours sent is passed to
 * signals_foreign(). Async-signal-safe.
 */
void sampler_handle(int signo, siginfo_t *info, void *context);

/*
 * Walks the interrupted thread of record `t` (NULL: it has none) as a sample
 * does, and leaves no sample. Returns how many addresses it stored, 0 where there is too little
 * stack left. In the handler alone.
 */
unsigned sampler_walk(const struct thread_record *t, void *context,
		      uint64_t *pcs, unsigned most, enum unwind_end *end);

/* While false, our signals are ignored: paused, or the process ends. */
void sampler_enable(int on);

/* In a forked child: no sample yet. */
void sampler_reset_after_fork(void);

/* Frames kept of a stack, and the walker's name: for the health line. */
uint32_t sampler_depth(void);
const char *sampler_unwind_name(void);
void sampler_forget_rules(void);	/* modules changed */

/*
 * The program forbids its threads to read the time-stamp counter (PR_SET_TSC):
 * from now on neither the handler nor the flusher does, and what the handler
 * costs is not known. Any thread.
 */
void sampler_forbid_ticks(void);
bool sampler_has_ticks(void);

/* CLOCK_MONOTONIC, 20 ns where the vdso has it (a call: 250). Anywhere. */
uint64_t sampler_now_ns(void);

/* The time-stamp counter; 0 where it is forbidden. Handler and flusher. */
uint64_t sampler_ticks(void);

#endif
