/* SPDX-License-Identifier: MIT */
/*
 * control: the control socket, served by the flusher.
 *
 * Nothing here blocks: sockets are non-blocking, a client that does not
 * read or sends nonsense is dropped, and only the flusher waits for anybody.
 */
#ifndef PROFAGENT_AGENT_CONTROL_H
#define PROFAGENT_AGENT_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_CLIENTS 32u	/* a further one takes the place of the one that
				 * has been silent for longest */
#define CONTROL_POLLS (CONTROL_CLIENTS + 1)

/*
 * Makes the socket PID.sock in `dir`; a stale one of the same name is
 * replaced, beside one that is in use (of another container) it is PID.1.sock.
 * Without a directory ("") or room there is no control, and the
 * program is profiled all the same. Flusher only, like all below.
 * Returns 0 or -errno.
 */
int control_open(const char *dir, int pid);

/* Path of the socket, "" while there is none. Any thread. */
const char *control_path(void);

/* Removes it and cuts all clients off. */
void control_close(void);

/*
 * Removes it before exec, for what comes then may end before it has one of its
 * own; puts it back if exec failed. Who is connected stays so.
 */
void control_leave(void);
void control_return(void);

/* Fills in what to poll for. Returns how many entries. Not within a round. */
unsigned control_polls(struct pollfd *p);

/*
 * Whether the flusher's signal (agent/flusher.h) says all that there is to say:
 * nobody is connected, and who comes is announced by it.
 */
bool control_signals(void);

/* Serves what poll found. */
void control_serve(const struct pollfd *p, unsigned count);

/* Is anybody subscribed? */
bool control_wants_member(void);

/* Sends a fragment to all subscribers; who has not taken the last misses it. */
void control_publish(const uint8_t *fragment, size_t size);

/* In a forked child: the parent's clients are not ours. */
void control_reset_after_fork(void);

#endif
