/* SPDX-License-Identifier: MIT */
/*
 * listen: the program watches itself: a descriptor for its event loop that is
 * a subscription at the control socket.
 *
 * Threads of the program, one at a time in listen_dispatch(); errno stays.
 */
#ifndef PROFAGENT_AGENT_LISTEN_H
#define PROFAGENT_AGENT_LISTEN_H

#include <stddef.h>

/* See profagent_fd(), profagent_dispatch(). */
int listen_fd(void);
int listen_dispatch(void (*batch)(const void *message, size_t size, void *arg),
		    void *arg);

/* In a forked child: the descriptor leads to the parent's agent. */
void listen_reset_after_fork(void);

#endif
