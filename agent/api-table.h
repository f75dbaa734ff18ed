/* SPDX-License-Identifier: MIT */
/*
 * api-table: how a program's stub (agent/stub.c) finds the preloaded agent.
 *
 * The agent exports one table of functions under a name that no program has.
 * It only grows at its end: a stub that is newer than the agent sees by `size`
 * what is missing.
 */
#ifndef PROFAGENT_AGENT_API_TABLE_H
#define PROFAGENT_AGENT_API_TABLE_H

#include "agent/profagent.h"

struct profagent_api {
	size_t size;			/* bytes of the agent's */
	const char *(*version)(void);
	int (*launch)(const struct profagent_options *options);
	int (*start)(void);
	int (*resume)(void);
	int (*stop)(void);
	int (*pause)(void);
	int (*is_running)(void);
	int (*interval)(uint64_t ns);
	int (*flush)(void);
	int (*snapshot)(void **message, size_t *size);
	void (*snapshot_free)(void *message, size_t size);
	int (*label_push)(const char *key, const char *value);
	int (*label_pop)(void);
	int (*label_set)(const char *key, const char *value);
	uint64_t (*span_begin)(const char *name);
	int (*span_end)(uint64_t span);
	int (*fd)(void);
	int (*dispatch)(void (*batch)(const void *, size_t, void *), void *);
	int (*cancel)(void);
	int (*query)(const char *filter, size_t limit,
		     void (*row)(const struct profagent_function *, void *),
		     void *arg);
	int (*show)(const char *filter, size_t limit, int fd);
};

/*
 * The agent's, under the name that stubs look for, and under one that nobody
 * else's can hide: whether two agents are preloaded shows by it.
 */
extern const struct profagent_api profagent_api_1;
extern const struct profagent_api api_own_table
	__attribute__((visibility("hidden")));

#endif
