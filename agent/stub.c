/* SPDX-License-Identifier: MIT */
/*
 * stub: what a program links for profagent.h. It finds the preloaded agent, if
 * there is one, and calls it.
 *
 * dlsym() is asked once, before main(): it is not async-signal-safe, and some of
 * the calls are. It is a weak reference, so that a static program links without
 * it; no agent can be preloaded there.
 */
#include "agent/profagent.h"

#include <dlfcn.h>
#include <errno.h>

#include "agent/api-table.h"

#pragma weak dlsym

static const struct profagent_api *api;

/*
 * The others of the program may call before it: as long as it has not run
 * there is no agent.
 */
__attribute__((constructor(101))) static void find_agent(void)
{
	if (dlsym)
		api = dlsym(RTLD_DEFAULT, "profagent_api_1");
}

/* Whether the agent has that function. */
#define HAS(name) \
	(api && api->size >= offsetof(struct profagent_api, name) + \
				     sizeof(api->name))
#define CALL(otherwise, name, ...) \
	(HAS(name) ? api->name(__VA_ARGS__) : (otherwise))

const char *profagent_version(void)
{
	return CALL(NULL, version);
}

int profagent_launch(const struct profagent_options *options)
{
	return CALL(-ENOSYS, launch, options);
}

int profagent_start(void)
{
	return CALL(-ENOSYS, start);
}

int profagent_resume(void)
{
	return CALL(-ENOSYS, resume);
}

int profagent_stop(void)
{
	return CALL(-ENOSYS, stop);
}

int profagent_pause(void)
{
	return CALL(-ENOSYS, pause);
}

int profagent_cancel(void)
{
	return CALL(-ENOSYS, cancel);
}

int profagent_is_running(void)
{
	return CALL(0, is_running);
}

int profagent_interval(uint64_t ns)
{
	return CALL(-ENOSYS, interval, ns);
}

int profagent_flush(void)
{
	return CALL(-ENOSYS, flush);
}

int profagent_snapshot(void **message, size_t *size)
{
	return CALL(-ENOSYS, snapshot, message, size);
}

void profagent_snapshot_free(void *message, size_t size)
{
	if (HAS(snapshot_free))
		api->snapshot_free(message, size);
}

int profagent_query(const char *filter, size_t limit,
		    void (*row)(const struct profagent_function *function,
				void *arg), void *arg)
{
	return CALL(-ENOSYS, query, filter, limit, row, arg);
}

int profagent_show(const char *filter, size_t limit, int fd)
{
	return CALL(-ENOSYS, show, filter, limit, fd);
}

int profagent_label_push(const char *key, const char *value)
{
	return CALL(-ENOSYS, label_push, key, value);
}

int profagent_label_pop(void)
{
	return CALL(-ENOSYS, label_pop);
}

int profagent_label_set(const char *key, const char *value)
{
	return CALL(-ENOSYS, label_set, key, value);
}

uint64_t profagent_span_begin(const char *name)
{
	return CALL(0, span_begin, name);
}

int profagent_span_end(uint64_t span)
{
	return CALL(-ENOSYS, span_end, span);
}

int profagent_fd(void)
{
	return CALL(-ENOSYS, fd);
}

int profagent_dispatch(void (*batch)(const void *message, size_t size,
				     void *arg), void *arg)
{
	return CALL(-ENOSYS, dispatch, batch, arg);
}
