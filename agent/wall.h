/* SPDX-License-Identifier: MIT */
/*
 * wall: where threads spend time, running or blocked in what.
 *
 * No signal is sent: one that met a thread in poll() or nanosleep() would end
 * the call. CPU time comes from the CPU clocks; the rest of the time is
 * charged to stacks that the flusher walks from outside, beginning at the stack
 * pointer and pc that /proc/self/task/TID/syscall shows of a blocked thread:
 *
 *	time since the last look = CPU time + waiting for a CPU + blocked
 *
 * A thread that has not moved since keeps its stack without another look, and
 * is looked at less and less often. What a thread spent between two looks is
 * charged where the next look finds it blocked: the sum is kept, and
 * which stack gets it is right on average, because the looks come at random.
 *
 * The flusher's, but for wall_init() and wall_is_on().
 */
#ifndef PROFAGENT_AGENT_WALL_H
#define PROFAGENT_AGENT_WALL_H

#include <stdbool.h>
#include <stdint.h>

struct stacks;
struct ring_sample;

/* Switches it on; `cpu`: CPU time is shown beside. Once, before all threads. */
void wall_init(bool cpu);
bool wall_is_on(void);

/* Is CPU time shown? Always if it is off. */
bool wall_shows_cpu(void);

/*
 * Looks at the threads that are due. Returns when it is to be called again,
 * CLOCK_MONOTONIC ns; UINT64_MAX: it is off.
 */
uint64_t wall_round(uint64_t now_ns);

/* Profiling pauses: what passes until the next round is nobody's. */
void wall_pause(void);

/*
 * Before the slots are drained: puts the charges of each slot together.
 */
void wall_sort(void);

/* Adds the charges of a slot to `to`. True if there were any. */
bool wall_drain(uint32_t slot, struct stacks *to);

/*
 * Adds a sample of the slot's ring: its CPU time, and that part of what the
 * thread waited for a CPU that falls on it, when all samples drained with
 * it weigh `all_cpu_ns`. 0 or -ENOMEM.
 */
int wall_add_running(struct stacks *to, uint32_t slot, uint32_t generation,
		     const struct ring_sample *s, uint64_t all_cpu_ns);

/* All samples of the slot were added; they weigh `all_cpu_ns`. */
void wall_took_running(uint32_t slot, uint64_t all_cpu_ns);

/* The charges are in the file. */
void wall_written(void);

/* The last look at all threads, before the last flush. */
void wall_finish(void);

/*
 * Time of all threads that nothing stands for, at the end of the process; ns.
 * `cpu_ns`: what they used of the CPU. 0 if profiling ever paused.
 */
uint64_t wall_unsampled_ns(uint64_t cpu_ns);

/* Memory held, bytes. */
uint64_t wall_memory(void);

/* In a forked child. */
void wall_reset_after_fork(void);

#endif
