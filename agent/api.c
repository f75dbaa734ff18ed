/* SPDX-License-Identifier: MIT */
/*
 * api: profagent.h on the agent's side. Runs on threads of the program; nothing
 * here changes errno. Each function exists once under its own name, for
 * programs that look it up, and once in the table, for the stub; those inside
 * the agent are called by neither name, since the program may have its own.
 */
#include "agent/profagent.h"

#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/api-table.h"
#include "agent/arena.h"
#include "agent/command.h"
#include "agent/control-proto.h"
#include "agent/format.h"
#include "agent/listen.h"
#include "agent/own-labels.h"
#include "agent/preload.h"
#include "agent/query.h"
#include "agent/spans.h"

static int ask(const char *request)
{
	return command_do(request, NULL, NULL);
}

static const char *api_version(void)
{
	return PACKAGE_VERSION;
}

static int api_start(void)
{
	return ask("start");
}

static int api_resume(void)
{
	return ask("resume");
}

static int api_stop(void)
{
	return ask("stop");
}

static int api_pause(void)
{
	return ask("pause");
}

static int api_cancel(void)
{
	return agent_cancel();
}

static int api_is_running(void)
{
	return agent_is_running();
}

static int api_interval(uint64_t ns)
{
	char text[CONTROL_LINE];
	struct format f;

	format_init(&f, text, sizeof(text));
	format_printf(&f, "interval %lu", (unsigned long)ns);
	return ask(text);
}

static int api_launch(const struct profagent_options *options)
{
	int err = 0;

	if (options && options->size < sizeof(*options))
		return -EINVAL;
	if (options && options->interval_ns != 0)
		err = api_interval(options->interval_ns);
	return err ? err : api_start();
}

static int api_flush(void)
{
	return ask("flush");
}

static int api_snapshot(void **message, size_t *size)
{
	uint8_t *frame;
	int err = command_do("snapshot", &frame, size);

	*message = frame;
	return err;
}

static void api_snapshot_free(void *message, size_t size)
{
	if (message)
		arena_block_free(message, size);
}

static int api_query(const char *filter, size_t limit,
		     void (*row)(const struct profagent_function *function,
				 void *arg), void *arg)
{
	return query_do(filter, limit, row, arg);
}

static int api_show(const char *filter, size_t limit, int fd)
{
	return query_show(filter, limit, fd);
}

static uint64_t api_span_begin(const char *name)
{
	return name && agent_is_ours() ? spans_begin(name) : 0;
}

static int api_span_end(uint64_t span)
{
	return span == 0 ? 0 : spans_end(span);
}

static int api_label_push(const char *key, const char *value)
{
	return own_labels_push(key, value);
}

static int api_label_pop(void)
{
	return own_labels_pop();
}

static int api_label_set(const char *key, const char *value)
{
	return own_labels_set(key, value);
}

static int api_fd(void)
{
	return listen_fd();
}

static int api_dispatch(void (*batch)(const void *message, size_t size,
				      void *arg), void *arg)
{
	return listen_dispatch(batch, arg);
}

const struct profagent_api api_own_table = {
	.size = sizeof(struct profagent_api),
	.version = api_version,
	.launch = api_launch,
	.start = api_start,
	.resume = api_resume,
	.stop = api_stop,
	.pause = api_pause,
	.is_running = api_is_running,
	.interval = api_interval,
	.flush = api_flush,
	.snapshot = api_snapshot,
	.snapshot_free = api_snapshot_free,
	.label_push = api_label_push,
	.label_pop = api_label_pop,
	.label_set = api_label_set,
	.span_begin = api_span_begin,
	.span_end = api_span_end,
	.fd = api_fd,
	.dispatch = api_dispatch,
	.cancel = api_cancel,
	.query = api_query,
	.show = api_show,
};

PRELOAD_EXPORT extern const struct profagent_api profagent_api_1
	__attribute__((alias("api_own_table")));

/* --- the same by name ------------------------------------------------------------ */

#define EXPORT(type, name, parameters, arguments) \
	PRELOAD_EXPORT type profagent_##name parameters \
	{ \
		return api_##name arguments; \
	}

EXPORT(const char *, version, (void), ())
EXPORT(int, launch, (const struct profagent_options *options), (options))
EXPORT(int, start, (void), ())
EXPORT(int, resume, (void), ())
EXPORT(int, stop, (void), ())
EXPORT(int, pause, (void), ())
EXPORT(int, is_running, (void), ())
EXPORT(int, interval, (uint64_t ns), (ns))
EXPORT(int, flush, (void), ())
EXPORT(int, snapshot, (void **message, size_t *size), (message, size))
EXPORT(void, snapshot_free, (void *message, size_t size), (message, size))
EXPORT(int, label_push, (const char *key, const char *value), (key, value))
EXPORT(int, label_pop, (void), ())
EXPORT(int, label_set, (const char *key, const char *value), (key, value))
EXPORT(uint64_t, span_begin, (const char *name), (name))
EXPORT(int, span_end, (uint64_t span), (span))
EXPORT(int, fd, (void), ())
EXPORT(int, dispatch,
       (void (*batch)(const void *message, size_t size, void *arg), void *arg),
       (batch, arg))
EXPORT(int, cancel, (void), ())
EXPORT(int, query,
       (const char *filter, size_t limit,
	void (*row)(const struct profagent_function *function, void *arg),
	void *arg),
       (filter, limit, row, arg))
EXPORT(int, show, (const char *filter, size_t limit, int fd),
       (filter, limit, fd))
