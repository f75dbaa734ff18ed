/* SPDX-License-Identifier: MIT */
/*
 * execs: the threads of the program that are about to become another program.
 *
 * A clock that is armed for one of them between its last look and the end of
 * the call would send its signal to a program that has no handler for it: so
 * the flusher disarms it and arms it no more while it is listed here.
 *
 * Lock-free; all but execs_reset_after_fork() may be called by any thread.
 */
#ifndef PROFAGENT_AGENT_EXECS_H
#define PROFAGENT_AGENT_EXECS_H

#include <stdbool.h>

/* Threads that can call exec at the same time; only one of them succeeds. */
#define EXECS_MAX 16

/* False: there is no room, the thread is not listed. */
bool execs_add(int tid);

/* It failed. A thread that is not listed is ignored. */
void execs_remove(int tid);

/* Is the thread listed? */
bool execs_has(int tid);

/* Is any? */
bool execs_has_any(void);

/* In a forked child: none is. */
void execs_reset_after_fork(void);

#endif
