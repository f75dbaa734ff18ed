/* SPDX-License-Identifier: MIT */
/*
 * process: what is to be known of the process we are in: names, ids, places.
 *
 * Filled in the constructor before any thread of ours, the rest by the flusher
 * as it begins; again by that of a forked child; read-only otherwise.
 */
#ifndef PROFAGENT_AGENT_PROCESS_H
#define PROFAGENT_AGENT_PROCESS_H

#include <stdint.h>

/*
 * Fills agent_process (agent.h) with what the program may change: names, places,
 * its command, from memory. Of /proc it reads nothing.
 */
void process_describe(char **argv, char **envp, const char *parent_run,
		      const char *root_run);

/*
 * And with what is in files of /proc, 15 us each. In a forked child nothing is
 * read again. Flusher: no libc.
 */
void process_describe_rest(void);

/* New ids, times and parent for a forked child. Flusher: no libc. */
void process_describe_child(void);

/*
 * PROFAGENT_PARENT_RUN in the environment, if it is there, becomes `run_id`:
 * what this process execs knows whose it is. In place, nothing is allocated.
 */
void process_pass_run_id(const char *run_id);

/* Takes this library out of LD_PRELOAD: children run without it. */
void process_hide_preload(char **envp);

/* $XDG_RUNTIME_DIR, NULL if unset. */
const char *process_runtime_dir(void);

/* Where output goes that cannot be written where asked. */
const char *process_fallback_dir(void);

/* Bounds of the main thread's stack, addresses. */
uint64_t process_main_stack_high(void);
uint64_t process_main_stack_low(void);

#endif
