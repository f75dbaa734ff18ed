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

#define CONTROL_CLIENTS 32u		/* a further one waits to be accepted */
#define CONTROL_POLLS (CONTROL_CLIENTS + 1)

/*
 * Makes the socket PID.sock in `dir`; a stale one of the same name is
 * replaced. Without a directory ("") or room there is no control, and the
 * program is profiled all the same. Flusher only, like all below.
 * Returns 0 or -errno.
 */
int control_open(const char *dir, int pid);

/* Removes it and cuts all clients off. */
void control_close(void);

/* Fills in what to poll for. Returns how many entries. */
unsigned control_polls(struct pollfd *p);

/* Serves what poll found. */
void control_serve(const struct pollfd *p, unsigned count);

/* Is anybody subscribed? *restart: a first fragment is due. */
bool control_wants_member(bool *restart);

/* Sends a fragment to all subscribers. */
void control_publish(const uint8_t *fragment, size_t size, bool restart);

/* In a forked child: the parent's clients are not ours. */
void control_reset_after_fork(void);

#endif
