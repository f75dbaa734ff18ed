/* SPDX-License-Identifier: MIT */
/*
 * clock-perf: what the kernel's perf subsystem lets us see, beside the clock
 * itself (agent/clock.h). Flusher only,
 * but for what is said to be for the handler.
 */
#ifndef PROFAGENT_AGENT_CLOCK_PERF_H
#define PROFAGENT_AGENT_CLOCK_PERF_H

#include <stdbool.h>
#include <stdint.h>

enum perf_sight {
	PERF_UNKNOWN = 0,
	PERF_REFUSED,		/* not permitted, or not in this kernel */
	PERF_USER_ONLY,		/* time in the kernel is not seen */
	PERF_KERNEL_TOO,
};

/*
 * What the kernel permits; asked once. Behind a filter of system calls that was
 * there before us asking may be deadly, as it is for services of systemd with
 * SystemCallFilter=@system-service: there it is taken for refused.
 */
enum perf_sight perf_probe(void);

/* Somebody asked for perf events by name: the probe asks in any case. */
void perf_insist(void);

/* The same, as long as SIGTRAP is or is not ours. */
enum perf_sight perf_sight_now(void);

/* -errno of a refusal, 0 if there was none. */
int perf_refusal(void);

/*
 * What the timer interrupt of an event costs the thread it meets, ns: measured by
 * the CPU time of a fixed piece of work with and without one. Takes about 20 ms.
 */
uint64_t perf_interrupt_ns(void);

/* Closes the events of threads that ended or have another clock now. */
void perf_tidy(void);

/*
 * Gives each event another period near its thread's, at most four times a
 * second, so that nothing the program does in a rhythm of its own keeps in step
 * with it.
 */
void perf_vary(uint64_t now_ns);

/*
 * A period at random between 2 and 5 % below or above `period_ns`, which is
 * their mean. Any thread.
 */
uint64_t perf_vary_period(uint64_t period_ns);

/* Has the thread that holds the slot now an event? */
bool perf_is_armed(uint32_t slot);

/* The cookie of a descriptor's thread, 0: none. Async-signal-safe. */
uint64_t perf_cookie_of(uint32_t fd);

/* In a new flusher: the descriptors went with the one before. */
void perf_reset(void);

#endif
