/* SPDX-License-Identifier: MIT */
/*
 * flusher: the agent's one thread. Drains the rings, merges, writes.
 *
 * It is no pthread but a raw clone with a stack and a small TLS block of its
 * own, all signals blocked, and a descriptor table of its own, so that the
 * program stays single-threaded for libc and never meets our descriptors. It
 * may call nothing that needs libc's TLS: sys.h, the mem* and str* functions,
 * and what is built on them.
 *
 * SIGSTKFLT, which Linux never sends, sent to it by tgkill is the wake-up: the
 * one that works from a signal handler and across descriptor tables. It sleeps
 * in sigtimedwait, and in ppoll on a signalfd while a client is connected: a
 * signalfd wakes who polls it at each signal of the whole process, and so at
 * each sample of every thread.
 */
#ifndef PROFAGENT_AGENT_FLUSHER_H
#define PROFAGENT_AGENT_FLUSHER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Linux defines it and never sends it; a standard signal is needed because tgkill
 * of a real-time one fails at RLIMIT_SIGPENDING. */
#define FLUSHER_WAKE_SIGNAL SIGSTKFLT

/*
 * Starts it. `region_fd` becomes its own (the caller closes its copy).
 * Async-signal-safe. Returns 0 or -errno.
 */
int flusher_start(int region_fd);

/*
 * The same for a process that is fresh (agent.h). It only sleeps, until
 * `delay_ns` (not 0) have passed or somebody wakes it: then it begins, or finds
 * that nobody needs it.
 */
int flusher_start_later(uint64_t delay_ns);

/* Asks it to look at the rings soon. Async-signal-safe. */
void flusher_wake(void);

/* Asks it to look at the clocks soon. Async-signal-safe. */
void flusher_nudge(void);

enum flusher_request {
	FLUSHER_FLUSH = 1,	/* write what there is */
	FLUSHER_EXEC,		/* the same, remove region and socket, and stop
				 * the clocks of threads that exec */
	FLUSHER_STOP,		/* the same, close, and end the thread */
	FLUSHER_FINISH,		/* last member of the process, then STOP */
	FLUSHER_OPEN,		/* open the output while we may */
	FLUSHER_ADOPT,		/* take over the captured identity */
	FLUSHER_REARM,		/* agent_rearm_all() */
	FLUSHER_COMMAND,	/* command_run() */
};

/*
 * Asks for something and waits until it is done: at most `timeout_ms`, and up to
 * 2 s while the flusher gets on and only has to queue for a CPU. True if it was
 * done and went well. Any thread; a second one waits its turn.
 */
bool flusher_ask(enum flusher_request request, int timeout_ms);

enum flusher_answer {
	FLUSHER_DONE,
	FLUSHER_FAILED,
	FLUSHER_NOT_ASKED,	/* others were before us, or there is none */
	FLUSHER_LATE,		/* it may still do it */
};

/* The same, and says which. */
enum flusher_answer flusher_ask_for(enum flusher_request request,
				    int timeout_ms);

/*
 * Waits until one has left that finds nothing to do when it wakes up: see
 * agent_begin_fresh().
 */
void flusher_dismiss(int timeout_ms);

/* In a forked child: there is none. */
void flusher_reset_after_fork(void);

/* Kernel thread id, 0: none runs. */
int flusher_tid(void);

/* Is it who asks? Anywhere. */
bool flusher_is_self(void);

/*
 * One round of its work: grow, drain, merge, encode, write. `last`: the final
 * member. Returns the number of samples written or -errno. Called by the flusher
 * alone (and by unit tests, in a pthread).
 */
int flusher_round(bool last);

#endif
