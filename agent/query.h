/* SPDX-License-Identifier: MIT */
/*
 * query: a program asks which functions its samples were in (profagent.h).
 *
 * The flusher hands over a list (agent/functions.h); what it holds is chosen
 * here, on the thread that asks, by libc's regular expressions: those of libc
 * itself, for a program may have others of the same names.
 */
#ifndef PROFAGENT_AGENT_QUERY_H
#define PROFAGENT_AGENT_QUERY_H

#include "agent/profagent.h"

/* profagent_query() and profagent_show(). Ordinary context. */
int query_do(const char *filter, size_t limit,
	     void (*row)(const struct profagent_function *function, void *arg),
	     void *arg);
int query_show(const char *filter, size_t limit, int fd);

#endif
