/* SPDX-License-Identifier: MIT */
/*
 * snapshot: where all threads of one process are at one moment, as a Profile
 * with one sample for each, and how that is shown.
 */
#ifndef PROFAGENT_TOOLS_SNAPSHOT_H
#define PROFAGENT_TOOLS_SNAPSHOT_H

#include <stdio.h>

#include "tools/client.h"
#include "tools/json-out.h"
#include "tools/profile.h"

/* Asks a preloaded process. NULL: *error says why in a clause. */
Profile *snapshot_of_agent(Client *c, GError **error);

/*
 * Looks into any process through ptrace: each thread is stopped for as long as
 * its stack is walked. NULL: *error says why in a clause; where ptrace is
 * forbidden, what would allow it.
 */
Profile *snapshot_of_stranger(gint32 pid, GError **error);

/* As text: a line for each thread, and its frames below it, leaf first. */
void snapshot_print(Profile *p, gint32 pid, FILE *to);

/* As an object: pid, program, threads, and of each of them its frames. */
void snapshot_put(Profile *p, gint32 pid, JsonOut *to);

#endif
