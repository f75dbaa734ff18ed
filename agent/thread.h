/* SPDX-License-Identifier: MIT */
/*
 * thread: the registry of threads, one region slot each, and the accounts of
 * those too short to be sampled.
 *
 * A slot is claimed by the thread itself (or, for a thread from raw clone,
 * by the flusher) with one compare-and-swap and given back by whoever finds
 * it ended and empty. There is no lock.
 */
#ifndef PROFAGENT_AGENT_THREAD_H
#define PROFAGENT_AGENT_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/region.h"

#define THREAD_NO_SLOT UINT32_MAX

/* Sums over threads that gave their slot back. Any thread; ns and counts. */
struct thread_totals {
	_Atomic uint64_t threads;	/* registered so far, the living too */
	_Atomic uint64_t refused;	/* threads that got no slot */
	_Atomic uint64_t cpu_ns;
	_Atomic uint64_t wall_ns;	/* from beginning to end */
	_Atomic uint64_t weight_ns;
	_Atomic uint64_t samples;
	_Atomic uint64_t expirations;
	_Atomic uint64_t handler_ticks;
	_Atomic uint64_t lost[LOST_REASONS];
	_Atomic uint64_t truncated[UNWIND_ENDS];
};

extern struct thread_totals thread_totals;

/*
 * Claims a slot for thread `tid`. Returns its index, THREAD_NO_SLOT when none
 * is free and the flusher could not make more in 20 ms (then counted in
 * thread_totals.refused). Ordinary context. The slot is STARTING: fill the
 * stack bounds, then thread_publish().
 */
uint32_t thread_claim(int tid, uint64_t start_routine, uint32_t flags);

/* The same without waiting: for the flusher. */
uint32_t thread_claim_now(int tid, uint64_t start_routine, uint32_t flags);

/*
 * pthread_create says so before it makes a thread; `over` when it could not, or
 * when the new thread has its slot or was refused. Any thread.
 */
void thread_expect(void);
void thread_expect_over(void);

/* Is no thread between the two? Then those made so far are registered. */
bool thread_none_expected(void);

/*
 * Has the thread had a slot, and is about to end? It may take long to, with many
 * others that want its CPU. Flusher.
 */
bool thread_is_leaving(int tid);

/*
 * True for a thread that got no slot when it began; then *start_routine and
 * *call_regs (struct thread_record) are set. It may have one as soon as there is
 * one. Flusher.
 */
bool thread_was_refused(int tid, uint64_t *start_routine, uint64_t *call_regs);

/* Slots that are LIVE. */
uint32_t thread_count_live(void);

/* STARTING -> LIVE. */
void thread_publish(uint32_t slot);

/* Is there anything of it that has to be written when it ends? */
bool thread_is_told(const struct thread_record *t);

/*
 * The thread of `slot` will produce no more samples (its clock is disarmed).
 * `cpu_ns` is its CPU clock now; what it used unsampled goes to the account of
 * its start routine. A slot without samples is free at once, another
 * is left to the flusher. `name`: its name at the end, may be NULL.
 */
void thread_end(uint32_t slot, uint64_t cpu_ns, const char *name);

/*
 * What the thread computes from pause to resume does not count. `cpu_ns` is its
 * CPU clock now. Its clock is disarmed at pause and armed after resume.
 */
void thread_pause(uint32_t slot, uint64_t cpu_ns);
void thread_resume(uint32_t slot, uint64_t cpu_ns);

/* The flusher has drained and written an ENDED slot. */
void thread_free(uint32_t slot);

/*
 * CPU time that this thread has to account for, its own and what was granted
 * to it, and that no committed sample stands for: ns, when its CPU clock
 * reads `cpu_ns`. Summed over all threads and accounts, together with the
 * weights of all samples this is the CPU time of the program.
 */
uint64_t thread_unsampled(const struct thread_record *t, uint64_t cpu_ns);

/* --- what is handed to the kernel's timer, and comes back in si_value ------ */

/* slot, generation and a magic number in one word. */
uint64_t thread_cookie(uint32_t slot);

/* Does it look like one, stale or not? Async-signal-safe. */
bool thread_is_cookie(uint64_t value);

/*
 * The live record a cookie stands for, NULL for a foreign or stale value.
 * Async-signal-safe.
 */
struct thread_record *thread_from_cookie(uint64_t cookie, uint32_t *slot);

/* --- the calling thread ------------------------------------------------------ */

/* Slot of the calling pthread, THREAD_NO_SLOT if it has none. Reads TLS. */
uint32_t thread_self(void);

/* It is the slot of the one thread of a forked child. Flusher. */
void thread_set_forked(uint32_t slot, int tid);

/* Its slot, and the bounds of its stack (0: unknown), in TLS. */
void thread_set_self(uint32_t slot, uint64_t stack_low, uint64_t stack_high);

/*
 * Stack pointer and rbp of the calling thread when it last entered a blocking
 * function of libc, for whoever walks its stack from outside while it waits. In
 * TLS, written by the stubs in preload-blocking.c.
 */
struct thread_call_regs {
	uint64_t rsp;		/* at the return address */
	uint64_t rbp;
};

extern __thread struct thread_call_regs thread_call_regs
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The bounds, also in a forked child, where the record is gone. */
void thread_self_stack(uint64_t *low, uint64_t *high);

/* --- accounts of short threads ------------------------------------------------ */

/* Takes the whole account of a start routine, ns. Any thread. */
uint64_t thread_account_take(uint64_t start_routine);

/* Adds to it. Accounts that find no room share one. Any thread. */
void thread_account_add(uint64_t start_routine, uint64_t cpu_ns);

/*
 * Gives the accounts what no record knows of: CPU time that threads used before
 * they were registered and after thread_end(), shared out by how many threads
 * of each start routine ended since the last call. `cpu_ns`: CPU time of the
 * program's threads so far, read just before. Flusher only.
 */
void thread_account_settle(uint64_t cpu_ns);

/*
 * Calls `visit` for every account that is not empty and empties it: the end of
 * the process. Flusher only.
 */
void thread_account_drain(void (*visit)(uint64_t start_routine,
					uint64_t cpu_ns, void *arg),
			  void *arg);

/* In a forked child: no thread is registered any more. */
void thread_reset_after_fork(void);

/* Totals, accounts, numbers: the child's flusher, before any is registered. */
void thread_begin_in_child(void);

#endif
