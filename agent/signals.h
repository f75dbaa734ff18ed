/* SPDX-License-Identifier: MIT */
/*
 * signals: whose signal it is.
 *
 * The agent borrows one signal (SIGPROF unless told otherwise). A program that
 * claims it gets it, really: our clocks move to a free real-time signal first.
 * Our signal is never in a real mask: what the program asks to block is taken
 * out, remembered per thread, and shown to it when it asks.
 */
#ifndef PROFAGENT_AGENT_SIGNALS_H
#define PROFAGENT_AGENT_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* The kernel's signal set: bit N - 1 is signal N. */
typedef uint64_t signals_set;

#define SIGNALS_BIT(signo) ((signals_set)1 << ((signo) - 1))

/*
 * Borrows `signo`: from now on it is kept out of masks. Once, in the main
 * thread, before there are others. Returns 0 or -errno.
 */
int signals_init(int signo);

/*
 * Installs our handler, when profiling first starts. It stays: taken away, a
 * signal on its way would kill the program. Any thread. Returns 0 or -errno.
 */
int signals_install(void);

/* The signal in use, 0: none. Async-signal-safe. */
int signals_ours(void);

/*
 * The program is about to use `signo` itself (handler, sigwait, signalfd, its
 * own interval timer): if it is ours, moves our clocks away first.
 * Ordinary context.
 */
void signals_claim(int signo);

/*
 * Is our handler still installed? A program may replace it by a raw system
 * call; then our clocks move and its handler stays. Flusher.
 */
void signals_check(void);

/*
 * A signal arrived at our handler that no clock of ours sent: does what the
 * program had asked for (default action, nothing). Async-signal-safe.
 */
void signals_foreign(int signo, siginfo_t *info, void *context);

/* What the program sees as disposition of our signal, and its change. */
void signals_virtual_action(struct sigaction *act);
void signals_set_virtual_action(const struct sigaction *act);

/* Stops using it: leaves SIG_IGN, never SIG_DFL behind a pending signal. */
void signals_release(void);

/*
 * Takes signals of ours that are pending for the calling thread, and
 * queues foreign ones of the same number again. `signo` must be blocked.
 */
void signals_take_pending(int signo);

/* --- masks, virtualised --- */

/*
 * Of a set that the program wants blocked: removes our signal and says in
 * *had whether it was there.
 */
void signals_strip(sigset_t *set, bool *had);

/* Has the calling thread asked to block our signal? */
bool signals_virtually_blocked(void);
void signals_set_virtually_blocked(bool blocked);

/* The kernel's rt_sigprocmask: blocks all, restores. Returns the old set. */
signals_set signals_block_all(void);
void signals_restore(signals_set old);

#endif
