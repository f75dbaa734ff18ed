/* SPDX-License-Identifier: MIT */
/*
 * outside: walks the stack of a thread that waits in the kernel, without
 * stopping it, from what /proc shows of it (agent/tasks.h).
 *
 * Flusher only. The thread may move meanwhile: what was walked counts only if
 * its CPU clock reads afterwards what it did before.
 */
#ifndef PROFAGENT_AGENT_OUTSIDE_H
#define PROFAGENT_AGENT_OUTSIDE_H

#include <stdint.h>

#include "agent/unwind.h"

struct tasks_call;
struct thread_record;

/* Before the first walk, in ordinary context or the flusher; any number. */
void outside_init(void);

/*
 * Stores at most `most` addresses, leaf first, as unwind_backend.walk does, and
 * why the stack ended. `t` says where the thread saves registers before it
 * waits; NULL: nowhere. Returns how many.
 */
unsigned outside_walk(const struct thread_record *t, const struct tasks_call *c,
		      uint64_t *pcs, unsigned most, enum unwind_end *end);

#endif
