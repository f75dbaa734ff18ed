/* SPDX-License-Identifier: MIT */
/*
 * agent: the state of the whole process and its transitions.
 *
 *   OFF ---> FRESH ---> STARTING ---> RUNNING <---> PAUSED
 *    |         |  ^                    |  |          |  |
 *  bad         |  `------- fork -------+------------´   |
 *  config      v                       v                |
 *            ENDED <-------------------+----------------´
 *                                      exit, seccomp, exec
 *
 * FRESH is a process that has just begun: it has a name and our signal handler,
 * no region and no record. 2 ms later, or when somebody needs them before, its
 * flusher makes them (STARTING); a forked child's does so at its first sample.
 * What ends or execs while FRESH has cost little and leaves nothing behind.
 */
#ifndef PROFAGENT_AGENT_AGENT_H
#define PROFAGENT_AGENT_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config.h"

enum agent_state {
	AGENT_OFF = 0,
	AGENT_STARTING,
	AGENT_RUNNING,
	AGENT_PAUSED,
	AGENT_FRESH,
	AGENT_ENDED,
};

/* si_value of the timer of a forked child that has no region yet. */
#define AGENT_FORKED_COOKIE (0x5affull << 48)

/* What is known of this process; see process.h. */
struct agent_process {
	int pid, ppid;
	uint64_t start_unix_ns, start_mono_ns;
	uint64_t cpu_before_ns;		/* of the process, when we began */
	uint64_t pid_start;		/* field 22 of /proc/self/stat */
	char run_id[17], parent_run_id[17];
	char root_run_id[17];		/* of the profagent run above, or "" */
	char program[64], exe[1024], host[65], boot_id[40];
	char cwd[4096];
	char command[4096];		/* NUL separated */
	uint32_t command_size;
};

struct thread_record;

extern struct config agent_config;
extern struct agent_process agent_process;

/*
 * What has to begin with the program: reads the environment, borrows the signal,
 * starts the flusher, which does the rest. The constructor calls it, once.
 * Ordinary context, before any thread of the program.
 */
void agent_init(char **argv, char **envp);

/*
 * True when this process is the one the agent was set up in. False in a vfork
 * child, which shares our memory, and in one forked by a raw system call:
 * every interposer then passes straight through.
 */
bool agent_is_ours(void);

enum agent_state agent_state(void);

/* Is it profiled? Async-signal-safe. */
bool agent_is_running(void);

/*
 * Profiling begins, or goes on after a pause. Any thread, ordinary context or
 * the flusher. Returns 0, -EALREADY, or -errno.
 */
int agent_run(void);

/*
 * Stops all clocks; data is kept, and what the program computes meanwhile does
 * not count. Returns 0 or -EALREADY.
 */
int agent_pause(void);

/* Changes the period of all clocks, ns. Any thread or the flusher. */
void agent_set_period(uint64_t ns);

/*
 * CPU time of the program's threads while profiled, ns. `flusher_ns` is our
 * own thread's.
 */
uint64_t agent_cpu_ns(uint64_t flusher_ns);

/* A thread of the program begins (in that thread). Returns its slot. */
uint32_t agent_thread_begin(uint64_t start_routine, uint64_t stack_low,
			    uint64_t stack_high);
/* It ends. In that thread. */
void agent_thread_end(uint32_t slot);

/*
 * The process ends by exit, _exit or quick_exit: the flusher writes what there
 * is; waits 200 ms for it, up to 2 s where that has to queue for a CPU.
 */
void agent_end(void);

/*
 * Is there a flusher to be asked? That of a fresh process begins at once, and is
 * waited for: half a millisecond, where it has to queue for a CPU 2 s at most.
 * Ordinary context.
 */
bool agent_has_flusher(void);

/*
 * Around exec: writes what there is, stops the clocks and takes pending
 * signals of ours back, so that the new program meets none; agent_exec_failed()
 * undoes it.
 */
struct agent_exec {
	bool ours;		/* else a vfork child, which shares our memory */
	bool fresh;		/* a process without region */
	uint64_t mask;		/* of the thread, as the kernel had it */
};

void agent_exec_begin(struct agent_exec *e);
void agent_exec_failed(const struct agent_exec *e);

/* Disarms the clocks of threads that exec. Flusher. */
void agent_disarm_execs(void);

/*
 * Around a call that changes who the program is (set*id, setgroups, chroot): the
 * output is opened before, and afterwards the flusher becomes the same. One
 * that cannot is stopped, so that it keeps no right the program gave up.
 */
void agent_identity_begin(void);
void agent_identity_end(void);

/*
 * Around a call that needs a single-threaded process (unshare, setns): the
 * flusher stops, and starts again with the rights the thread then has.
 */
void agent_suspend_flusher(void);
void agent_resume_flusher(void);

/*
 * Writes what there is, disarms all clocks, for good: seccomp. `reason` is a
 * literal: a note of the profile, and what agent_left_because() returns then.
 */
void agent_step_aside(const char *reason);
const char *agent_left_because(void);

/*
 * The same because the program says so. Returns 0 also if it said so before;
 * -ESRCH without a flusher, -ETIMEDOUT if that is still writing.
 */
int agent_cancel(void);
bool agent_is_cancelled(void);	/* by this process */

/*
 * The clocks of all threads go over to the signal now in use, by the hand of
 * the flusher; waits at most 200 ms for it. Signals must be blocked.
 */
void agent_change_signal(void);

/* The clock of a live thread begins anew, maybe as another one. Flusher. */
void agent_rearm(uint32_t slot);

/* What the flusher does for that. */
int agent_rearm_all(void);

/*
 * Stands for the one thread of a process that has no region yet; NULL if this is
 * none. Async-signal-safe.
 */
struct thread_record *agent_fresh_record(void);

/* In a forked child, from pthread_atfork. */
void agent_forked(void);

/*
 * A fresh process needs its region: of a forked child the handler says so, on its
 * first expiry; else a new thread, or who asks the flusher for something.
 * Async-signal-safe.
 */
void agent_start_fresh(void);

/* The same by a flusher that waited long enough. False: the process ends. */
bool agent_begin_fresh(void);

/*
 * CPU time that the program had used when it had its region and records, ns; 0:
 * it began paused. Ticks that came before left no sample. Flusher.
 */
uint64_t agent_begun_cpu_ns(void);

/* The flusher of a fresh process begins: region, record, clock, socket. Flusher. */
void agent_begun(void);

#endif
