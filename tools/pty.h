/* SPDX-License-Identifier: MIT */
/*
 * pty: a program on a terminal of its own, whose output we read. It leads its
 * own session; its standard input is ours if that is no terminal, else empty.
 */
#ifndef PROFAGENT_TOOLS_PTY_H
#define PROFAGENT_TOOLS_PTY_H

#include <gio/gio.h>
#include <sys/types.h>

typedef struct {
	pid_t pid;
	int fd;				/* our end; reads fail with EIO when
					 * the last of the program is gone */
} Pty;

/* Starts argv[0] (a path). The terminal is as large as ours. */
gboolean pty_start(Pty *p, char **argv, GError **error);

/* Ctrl-C, to whom it would reach on a terminal. */
void pty_interrupt(const Pty *p);

void pty_release(Pty *p);

#endif
