/* SPDX-License-Identifier: MIT */
/*
 * snapshot: where all threads are now.
 *
 * A thread that waits in the kernel is walked from outside (agent/outside.h).
 * One that runs is asked: a timer on its CPU clock, which expires at the next
 * tick that finds it running and is handled on its way back to the program, so
 * that no call is ever interrupted; the handler walks and answers. If it
 * blocks before that, the timer goes and it is walked from outside.
 *
 * A snapshot is no sample: nothing is counted, whatever the state of the agent.
 * It works while nothing is profiled; then our handler is installed first if
 * a thread runs, as a start would.
 */
#ifndef PROFAGENT_AGENT_SNAPSHOT_H
#define PROFAGENT_AGENT_SNAPSHOT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A thread that runs but gets no CPU time for so long has no stack, ns. */
#define SNAPSHOT_WAIT_NS 200000000u

/*
 * A pprof message with one sample for each thread: type samples/count, labels
 * thread, tid, state (running, blocked) and call. A thread that could not be
 * looked at in time has no location. Takes 20 us a thread, and a tick or two
 * for each 16 that run. Returns the message, *size bytes, a block of
 * agent/arena.h that is the caller's; NULL without memory. Flusher only.
 */
uint8_t *snapshot_make(size_t *size);

/* --- in the handler; async-signal-safe ------------------------------------- */

/* Does it look like the signal of a snapshot, stale or not? */
bool snapshot_is_cookie(uint64_t value);
bool snapshot_is_asked(const siginfo_t *info);

/* Walks the interrupted thread, if it is still waited for. */
void snapshot_answer(const siginfo_t *info, void *context);

/* In a forked child: nobody is asked. */
void snapshot_reset_after_fork(void);

#endif
