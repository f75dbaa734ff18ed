/* SPDX-License-Identifier: MIT */
/*
 * child: runs a program as if it had been started without us.
 *
 * It gets our standard descriptors, signal dispositions and mask as we got
 * them. Signals that a user or a service manager sends to us are passed on;
 * those of the terminal, or for the whole process group, reach it by themselves.
 */
#ifndef PROFAGENT_TOOLS_CHILD_H
#define PROFAGENT_TOOLS_CHILD_H

#include <glib.h>
#include <sys/types.h>

#define CHILD_MISSING 127	/* exit status where there is no such program */
#define CHILD_NOT_EXECUTABLE 126

typedef struct {
	pid_t pid;
	int error;	/* errno of a failed start: status is meaningless */
	int status;	/* as waitpid() gives it */
} Child;

/*
 * Runs argv[0], searched for in PATH, with `envp` and waits for its end. One at a
 * time, in a process with one thread.
 */
void child_run(Child *child, char **argv, char **envp);

/*
 * Ends this process as the child ended: the same exit status, or the same
 * signal. After a start that failed, 126 or 127.
 */
void child_end_likewise(const Child *child) __attribute__((noreturn));

#endif
