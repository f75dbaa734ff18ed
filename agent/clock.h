/* SPDX-License-Identifier: MIT */
/*
 * clock: what makes the kernel send us a signal once a period.
 *
 * Each way is one const struct clock behind clock_table[], which is in order of
 * preference: `auto` begins with the first and goes on to the next when the
 * kernel refuses. Nothing outside clock*.c knows a timer.
 */
#ifndef PROFAGENT_AGENT_CLOCK_H
#define PROFAGENT_AGENT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/region.h"

/* For the message about a bad PROFAGENT_CLOCK. */
#define CLOCK_NAMES "auto, cputime, itimer"

struct clock {
	/* Word of PROFAGENT_CLOCK and of the health line. */
	const char *name;

	/* One clock a thread, or one for the whole process. */
	bool per_thread;

	/*
	 * Starts the clock of t->tid, of this or another thread of the
	 * process: the first signal `signo` after about `first_ns` of CPU time,
	 * then every t->period_ns. `cookie` must arrive in si_value if
	 * per_thread. Returns 0 or -errno. Any thread, ordinary context.
	 */
	int (*arm)(struct thread_record *t, uint64_t cookie, uint64_t first_ns,
		   int signo);

	/* Stops it. No signal is sent after the return. */
	void (*disarm)(struct thread_record *t);

	/* Stops what is not one thread's. Optional. */
	void (*stop)(void);

	/*
	 * True if `code` (si_code) is that of a signal sent by this clock.
	 * Async-signal-safe.
	 */
	bool (*owns)(int code);
};

extern const struct clock clock_cputime, clock_itimer;

/*
 * Chooses the clock called `name` ("auto": the first) at `period_ns` for all
 * threads to come. Returns 0, -EINVAL for an unknown name.
 */
int clock_init(const char *name, uint64_t period_ns);

/*
 * Starts the clock of a thread: the first expiry is random within a period,
 * earlier by the account of its start routine. When the kernel refuses, the
 * next clock is tried (unless one was asked for by name) and the reason noted.
 * Returns 0 or -errno of the last try. Any thread.
 */
int clock_arm(uint32_t slot, int signo);
void clock_disarm(uint32_t slot);

/*
 * The same for a record outside the region: the thread of a forked child. The
 * first expiry is random within a period; no account is asked.
 */
int clock_arm_record(struct thread_record *t, uint64_t cookie, int signo);
void clock_disarm_record(struct thread_record *t);

/* Stops what clocks run for the whole process: exec, end, change of signal. */
void clock_stop(void);

/* The clock in use, for the health line. */
const char *clock_name(void);
uint64_t clock_period_ns(void);

/* For clocks armed from now on. Any thread. */
void clock_set_period(uint64_t ns);
bool clock_owns(int code);

/* Does ITIMER_PROF run for us? */
bool clock_has_itimer(void);
bool clock_is_per_thread(void);

/* Why the first choice is not in use: a sentence, "" if it is. */
const char *clock_note(void);

/* A uniformly random number in [1, limit]. Any thread. */
uint64_t clock_random(uint64_t limit);

#endif
