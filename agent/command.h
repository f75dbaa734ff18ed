/* SPDX-License-Identifier: MIT */
/*
 * command: what a thread of the program asks of the flusher in the words of
 * the control socket (agent/control-proto.h).
 */
#ifndef PROFAGENT_AGENT_COMMAND_H
#define PROFAGENT_AGENT_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#define COMMAND_TIMEOUT_MS 5000	/* for one, however busy the machine is */

/*
 * Has one request obeyed and waits for that. `frame`, if not NULL, gets what
 * comes before the answer: a block of agent/arena.h, the caller's. Returns 0,
 * what the verb failed with (-errno), -ENOSYS for an unknown one, -ESRCH
 * without a flusher, -ETIMEDOUT, or -EBUSY while one that timed out is still
 * not done. Any thread of the program; not in a signal handler.
 */
int command_do(const char *request, uint8_t **frame, size_t *frame_size);

/* Does what was asked for. Flusher. */
int command_run(void);

/* In a forked child: nobody asks. */
void command_reset_after_fork(void);

#endif
