/* SPDX-License-Identifier: MIT */
/*
 * signals: whose signal it is.
 *
 * The agent borrows one signal (SIGPROF unless told otherwise) and keeps a
 * spare real-time one. A program that claims ours gets it, really: our
 * clocks move to the spare one first.
 *
 * Neither of the two is ever in a real mask, so that threads which block
 * everything are sampled, and so that none is pending where ppoll() and its kind
 * would let it in. What the program asked for is still in the mask: the bit
 * of a signal that nobody uses, the stand-in, says it. A mask that treats both
 * alike is shown as it was set; one that tells them apart means our signal, and
 * claims it. So the state travels wherever the kernel and libc carry masks:
 * jumps, contexts, handlers, threads, fork.
 *
 *                    borrowed      stand-in
 *   asked:              1             1       everything blocked
 *   in the kernel:      0             1
 *   shown:              1             1
 *   asked:              1             0       meant by name: claimed
 *
 * SIGTRAP is kept out of masks in the same way where it is free: the perf clock
 * may need it. A program that claims it gets it, and the clock does without.
 *
 * Behind a claimed signal our handler stays, as what the kernel calls: it drops
 * what a clock of ours still had on the way and passes the rest on.
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
 * Borrows `signo`, or another if the program was started with that one blocked
 * or ignored: from now on it is kept out of masks. Once, in the main thread,
 * before there are others. Returns 0 or -errno.
 */
int signals_init(int signo);

/*
 * Installs our handler, when profiling first starts or a mask is changed for our
 * sake. It stays: taken away, a signal on its way would kill the program. Any
 * thread. Returns 0 or -errno.
 */
int signals_install(void);

/*
 * From now on `signo`, where the program neither handles nor ignores it, starts
 * and pauses profiling (agent/verbs.h) instead of ending the program. Our
 * handler is behind it from now on, and passes what the program handles on. Once,
 * after signals_init(). Returns 0, or -EBUSY if it is ours, or not free as the
 * program begins.
 */
int signals_init_toggle(int signo);

/* How often it came since the last call. Flusher. */
unsigned signals_take_toggles(void);

/*
 * Borrows SIGTRAP as well, if the program has no use for it. Once, after
 * signals_init().
 */
void signals_borrow_trap(void);

/*
 * Can a SIGTRAP of the perf clock be sent? Installs our handler for it when
 * first asked. Flusher.
 */
bool signals_has_trap(void);

/* The signal in use, 0: none. Async-signal-safe. */
int signals_ours(void);

/*
 * The program is about to use `signo` itself (handler, sigwait, signalfd, its
 * own interval timer): if it is ours, our clocks move away. Async-signal-safe,
 * as the calls are that come here; may wait for the flusher.
 */
void signals_claim(int signo);

/*
 * Is our handler still installed? A program may replace it by a raw system
 * call; then our clocks move and its handler stays. Likewise when a signal
 * of the program met ours in a thread that blocks it. Flusher.
 */
void signals_check(void);

/* In a forked child: nobody holds the lock. */
void signals_reset_after_fork(void);

/* --- called by the handler; async-signal-safe ------------------------------ */

/* Can a clock of ours have sent this one? */
bool signals_is_clock(int signo, const siginfo_t *info);

/*
 * A signal arrived at our handler that no clock of ours sent: does what the
 * program had asked for: its handler, the default action, nothing, or waiting
 * until it is unblocked.
 */
void signals_foreign(int signo, siginfo_t *info, void *context);

/*
 * After a claim: makes the mask that the interrupted thread returns to block
 * what it had asked to block. Not for threads that share another's TLS.
 */
void signals_settle(void *context);

/* --- dispositions as the program sees them -------------------------------- */

/* Is it ours, or one behind which our handler stayed? */
bool signals_holds(int signo);

/*
 * sigaction() for a signal that signals_holds(). A function or SIG_IGN for ours
 * claims it; SIG_DFL is only remembered. Either pointer may be NULL. False if it
 * is not held any more: libc's own is to be called.
 */
bool signals_action(int signo, const struct sigaction *act,
		    struct sigaction *old);

/* --- masks as the program sees them ----------------------------------------- */

/* A mask that the program asked for -> the one to install. May claim. */
signals_set signals_hide(signals_set set);

/* A mask that was in force -> what the program would see without us. */
signals_set signals_show(signals_set real);

/*
 * A set the program waits for by sigwait() or signalfd() -> the one to
 * wait for. Claims ours, unless that is one of a full set nobody would send.
 */
signals_set signals_wait_set(signals_set set);

/* A mask of the calling thread that signals_settle() has not seen yet. */
void signals_settle_self(void);

/* What signals_settle() has done for a thread goes on in one that it makes. */
signals_set signals_settled(void);
void signals_inherit(signals_set settled);

/*
 * Our signals become really blocked where the program thinks they are, for a
 * program that is started from here. Returns the mask before. Own thread only:
 * a vfork child may call it.
 */
signals_set signals_expose(void);

/*
 * Around exec: nothing of ours stays pending, what is ignored is really ignored;
 * signals_exec_failed() undoes it. `silent`: all clocks of the thread are known
 * to stand still. Else a signal may yet come, to a program without a handler:
 * ours are ignored then, which the program inherits. That is better than its
 * death.
 */
void signals_exec_begin(bool silent);
void signals_exec_failed(void);

/* The kernel's rt_sigprocmask: blocks all, restores. Returns the old set. */
signals_set signals_block_all(void);
void signals_restore(signals_set old);

#endif
