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

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/region.h"

/* For the message about a bad PROFAGENT_CLOCK. */
#define CLOCK_NAMES "auto, cputime, perf, ticker, itimer, wall, cpu+wall"

/* Index in clock_table[]; in thread_record as `clock` and `wish`. */
enum clock_kind {
	CLOCK_NONE = -1,
	CLOCK_CPUTIME,
	CLOCK_PERF,
	CLOCK_TICKER,
	CLOCK_ITIMER,
	CLOCK_KINDS
};

struct clock {
	/* Word of PROFAGENT_CLOCK and of the health line. */
	const char *name;

	/* Its signals carry the cookie; otherwise any thread may get one. */
	bool per_thread;

	/* Only the flusher can arm it. */
	bool outside;

	/*
	 * A sample stands for all CPU time of the thread that none stood for
	 * before, by its CPU clock. Otherwise expirations are counted.
	 */
	bool weighs_cpu;

	/*
	 * Starts the clock of t->tid, of this or another thread of the
	 * process: the first signal `signo` after about `first_ns` of CPU time,
	 * then every t->period_ns. `cookie` must arrive with the signal if
	 * per_thread. Returns 0 or -errno. Ordinary context.
	 */
	int (*arm)(struct thread_record *t, uint64_t cookie, uint64_t first_ns,
		   int signo);

	/*
	 * Stops it. Signals still on their way are ignored, because t->clock
	 * is another one now.
	 */
	void (*disarm)(struct thread_record *t);

	/* Stops what is not one thread's. Optional. */
	void (*stop)(void);

	/*
	 * True if `code` (si_code) is that of a signal sent by this clock.
	 * Async-signal-safe.
	 */
	bool (*owns)(int code);
};

extern const struct clock clock_cputime, clock_perf, clock_ticker, clock_itimer;

/*
 * Chooses the clock called `name` ("auto": the first) at `period_ns` for all
 * threads to come. Returns 0, -EINVAL for an unknown name.
 */
int clock_init(const char *name, uint64_t period_ns);

/* May this choice come to the perf clock, which wants SIGTRAP? */
bool clock_may_trap(void);

/*
 * Starts the clock of a thread: t->wish, or the one chosen for all. The first
 * expiry is random within a period, earlier by the account of its start
 * routine. What only the flusher can arm, it arms soon after; until then the
 * thread has CLOCK_CPUTIME. When the kernel refuses, the next clock is tried
 * and the reason noted. `cpu_ns` is the thread's CPU clock now. Returns 0 or
 * -errno of the last try. Any thread, with the record's clock_lock.
 */
int clock_arm(uint32_t slot, int signo, uint64_t cpu_ns);
void clock_disarm(uint32_t slot);

/*
 * The same for a record outside the region: the thread of a forked child. The
 * first expiry is random within a period; no account is asked.
 */
int clock_arm_record(struct thread_record *t, uint64_t cookie, int signo);
void clock_disarm_record(struct thread_record *t);

/* Stops what clocks run for the whole process: exec, end, change of signal. */
void clock_stop(void);

/*
 * What clocks need the flusher for: threads get the clock they wish for,
 * descriptors of those that ended are closed, looks are taken. Returns when it
 * is to be called again, CLOCK_MONOTONIC ns, UINT64_MAX: with the next flush.
 * Flusher, in every state.
 */
uint64_t clock_round(uint64_t now_ns);

/* A new flusher: what the one before held is gone. Flusher. */
void clock_flusher_begins(void);

/* In a forked child. */
void clock_reset_after_fork(void);

/* The same for what only the flusher needs: it calls this first. */
void clock_begin_in_child(void);

/* Wishes another clock for a thread that lives. Flusher. */
void clock_move(uint32_t slot, enum clock_kind to);

/* --- in the handler ------------------------------------------------------- */

/* Can a clock have sent a signal with this si_code? */
bool clock_owns(int code);

/* The cookie that came with a signal, whatever it is if it is not ours. */
uint64_t clock_cookie(int signo, const siginfo_t *info);

/* Is it of the clock that the thread has now? */
bool clock_fits(const struct thread_record *t, const siginfo_t *info);

/* Does a sample stand for CPU time rather than for expirations? */
bool clock_weighs_cpu(const struct thread_record *t);

/* --- for the health line ---------------------------------------------------- */

/* Has any thread had it? */
bool clock_is_used(enum clock_kind kind);

/* The clocks in use, joined by "+". Flusher. */
const char *clock_name(void);
uint64_t clock_period_ns(void);

/* For clocks armed from now on. Any thread. */
void clock_set_period(uint64_t ns);

/* Does ITIMER_PROF run for us? */
bool clock_has_itimer(void);

/* What went wrong or was changed, and what would help. */
enum clock_note {
	CLOCK_NOTE_TIMERS,	/* RLIMIT_SIGPENDING */
	CLOCK_NOTE_NO_TIMERS,
	CLOCK_NOTE_PERF_REFUSED,
	CLOCK_NOTE_PERF_MISSING,
	CLOCK_NOTE_PERF_FILES,	/* RLIMIT_NOFILE */
	CLOCK_NOTE_PERF_USER,
	CLOCK_NOTE_NO_CLOCK,
	CLOCK_NOTE_TICK,
	CLOCK_NOTE_SHORT,
	CLOCK_NOTE_STEP,
	CLOCK_NOTE_SLEEPERS,
	CLOCK_NOTES
};

void clock_say(enum clock_note note);

/* The sentence of a note that was said, NULL for another. */
const char *clock_said(enum clock_note note);

/* A uniformly random number in [1, limit]. Any thread. */
uint64_t clock_random(uint64_t limit);

/* The time between two ticks of the kernel, ns. */
uint64_t clock_tick_ns(void);

#endif
