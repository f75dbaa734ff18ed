/* SPDX-License-Identifier: MIT */
/*
 * config: the PROFAGENT_* variables, one const table, read once.
 *
 * An empty variable counts as not set. Of a variable set twice the first
 * counts, as with getenv().
 */
#ifndef PROFAGENT_AGENT_CONFIG_H
#define PROFAGENT_AGENT_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define CONFIG_WORD_MAX 16	/* bytes of a clock's or walker's name */

/* Complete after config_read() returned 0; read-only then. Own storage. */
struct config {
	uint64_t rate_mhz;		/* PROFAGENT_RATE, 1/1000 Hz */
	char output[PATH_MAX];		/* _OUTPUT, pattern (writer.h) */
	uint64_t flush_ms;		/* _FLUSH */
	char clock[CONFIG_WORD_MAX];	/* _CLOCK, a name of CLOCK_NAMES */
	char unwind[CONFIG_WORD_MAX];	/* _UNWIND, a name of UNWIND_NAMES */
	uint64_t depth;			/* _DEPTH, frames of a stack */
	uint64_t signal;		/* _SIGNAL, number */
	uint64_t toggle;		/* _TOGGLE, the same; 0: none */
	uint64_t max_size;		/* _MAX_SIZE, bytes; 0: no limit */
	uint64_t max_age_ms;		/* _MAX_AGE; 0: no limit */
	uint64_t keep;			/* _KEEP, renamed files */
	uint64_t budget_ppm;		/* _BUDGET, of the CPU time; 0: none */
	bool start;			/* _START, false: begin paused */
	bool children;			/* _CHILDREN, false: not in children */
	char seccomp[CONFIG_WORD_MAX];	/* _SECCOMP, "leave" or "stay" */
	bool help;			/* _HELP, print the table */
	char log[PATH_MAX];		/* _LOG: "stderr", "off", or a path */
	char parent_run[17];		/* _PARENT_RUN, "" or a run id: set by
					 * the agent itself for exec */
	char root_run[17];		/* _ROOT_RUN, likewise: set by
					 * profagent run, for all below it */
};

struct config_error {
	char text[512];	/* one line without newline: variable, value, valid */
};

/*
 * Fills *c from the environment. Returns 0, or -EINVAL with *err filled for the
 * first bad value. Constructor, before any thread of ours; touches nothing but
 * its arguments.
 */
int config_read(struct config *c, char **envp, struct config_error *err);

/* A warning line (log_line) for each PROFAGENT_* variable that is none. */
void config_warn_unknown(char **envp);

/* Prints the table: each variable, its default, what is valid, what it does. */
void config_help(int fd);

#endif
