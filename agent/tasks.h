/* SPDX-License-Identifier: MIT */
/*
 * tasks: the threads of this process as the kernel lists them.
 *
 * Flusher only: what is read depends on its own descriptor table, and /proc is
 * asked through /proc/thread-self, because a main thread that has ended takes
 * parts of /proc/self with it.
 */
#ifndef PROFAGENT_AGENT_TASKS_H
#define PROFAGENT_AGENT_TASKS_H

#include <stdbool.h>
#include <stdint.h>

#define TASKS_NAME 16	/* bytes, with the NUL: TASK_COMM_LEN of the kernel */

/* Number of threads, the flusher included; 0 if /proc cannot be read. */
unsigned tasks_count(void);

/* Calls `visit` for every thread. Returns 0 or -errno. */
int tasks_scan(void (*visit)(int tid, void *arg), void *arg);

/* The thread's name now; false if there is no such thread. */
bool tasks_name(int tid, char name[TASKS_NAME]);

/* How often it has gone to sleep by itself so far; 0 if that is unknown. */
uint64_t tasks_sleeps(int tid);

/*
 * When the kernel last accounted CPU time to it, ns on the scheduler's clock of
 * its CPU: now if it runs and was just asked for its CPU time, else when it
 * left the CPU. 0 if this kernel does not say. `tid` 0: the caller.
 */
uint64_t tasks_last_ran(int tid);

/* Where a thread is, as /proc has it without stopping it. */
enum tasks_state {
	TASKS_GONE,		/* or the kernel does not say */
	TASKS_RUNNING,		/* or waiting for a CPU */
	TASKS_BLOCKED,
};

struct tasks_call {
	int nr;			/* of the system call, -1: in none (a fault) */
	uint64_t sp, pc;	/* in the program */
};

/* Fills *c for TASKS_BLOCKED. */
enum tasks_state tasks_where(int tid, struct tasks_call *c);

/* Time it has waited for a CPU so far, ns; 0 if that is unknown. */
uint64_t tasks_waited_ns(int tid);

/* Does it run, or wait for a CPU, rather than for anything else? */
bool tasks_is_running(int tid);

/*
 * Signals pending for the calling thread alone, bit N - 1 for signal N; all of
 * them if /proc cannot tell.
 */
uint64_t tasks_pending(void);

/* Has the thread ended without being reaped (a main thread that is gone)? */
bool tasks_is_zombie(int tid);

#endif
