/* SPDX-License-Identifier: MIT */
/*
 * This program has the table of an agent, which the stub finds as it does that of
 * a preloaded one; an older agent's table is shorter.
 */
#include "agent/profagent.h"

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/api-table.h"
#include "tests/unit/runner.h"

static char said[200];		/* the last call and its arguments */

static int say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
	return 4711;
}

static const char *fake_version(void)
{
	return "7.8";
}

static int fake_launch(const struct profagent_options *options)
{
	return say("launch %p", (const void *)options);
}

static int fake_start(void)
{
	return say("start");
}

static int fake_resume(void)
{
	return say("resume");
}

static int fake_stop(void)
{
	return say("stop");
}

static int fake_pause(void)
{
	return say("pause");
}

static int fake_cancel(void)
{
	return say("cancel");
}

static int fake_is_running(void)
{
	return say("is_running");
}

static int fake_interval(uint64_t ns)
{
	return say("interval %llu", (unsigned long long)ns);
}

static int fake_flush(void)
{
	return say("flush");
}

static int fake_snapshot(void **message, size_t *size)
{
	return say("snapshot %p %p", (void *)message, (void *)size);
}

static void fake_snapshot_free(void *message, size_t size)
{
	say("snapshot_free %p %zu", message, size);
}

static int fake_label_push(const char *key, const char *value)
{
	return say("label_push %s %s", key, value);
}

static int fake_label_pop(void)
{
	return say("label_pop");
}

static int fake_label_set(const char *key, const char *value)
{
	return say("label_set %s %s", key, value);
}

static uint64_t fake_span_begin(const char *name)
{
	return (uint64_t)say("span_begin %s", name) << 32;
}

static int fake_span_end(uint64_t span)
{
	return say("span_end %llu", (unsigned long long)span);
}

static int fake_fd(void)
{
	return say("fd");
}

static int fake_dispatch(void (*batch)(const void *, size_t, void *),
			 void *arg)
{
	return say("dispatch %d %p", batch != NULL, arg);
}

static int fake_query(const char *filter, size_t limit,
		      void (*row)(const struct profagent_function *, void *),
		      void *arg)
{
	return say("query %s %zu %d %p", filter, limit, row != NULL, arg);
}

static int fake_show(const char *filter, size_t limit, int fd)
{
	return say("show %s %zu %d", filter, limit, fd);
}

/* The agent's is constant; this one is cut short by the cases. */
__attribute__((visibility("default")))
struct profagent_api table __asm__("profagent_api_1") = {
	.size = sizeof(struct profagent_api),
	.version = fake_version,
	.launch = fake_launch,
	.start = fake_start,
	.resume = fake_resume,
	.stop = fake_stop,
	.pause = fake_pause,
	.is_running = fake_is_running,
	.interval = fake_interval,
	.flush = fake_flush,
	.snapshot = fake_snapshot,
	.snapshot_free = fake_snapshot_free,
	.label_push = fake_label_push,
	.label_pop = fake_label_pop,
	.label_set = fake_label_set,
	.span_begin = fake_span_begin,
	.span_end = fake_span_end,
	.fd = fake_fd,
	.dispatch = fake_dispatch,
	.cancel = fake_cancel,
	.query = fake_query,
	.show = fake_show,
};

static void visit(const void *message, size_t size, void *arg)
{
	(void)message;
	(void)size;
	(void)arg;
}

static void visit_row(const struct profagent_function *f, void *arg)
{
	(void)f;
	(void)arg;
}

/* Makes call number `i`; what it returned. 1000: there is none. */
static long long call(int i)
{
	static const struct profagent_options options;
	void *here = NULL;
	size_t size = 0;

	switch (i) {
	case 0: return profagent_launch(&options);
	case 1: return profagent_start();
	case 2: return profagent_resume();
	case 3: return profagent_stop();
	case 4: return profagent_pause();
	case 5: return profagent_is_running();
	case 6: return profagent_interval(5000000000);
	case 7: return profagent_flush();
	case 8: return profagent_snapshot(&here, &size);
	case 9: return profagent_label_push("k", "v");
	case 10: return profagent_label_pop();
	case 11: return profagent_label_set("k", "w");
	case 12: return (long long)profagent_span_begin("work");
	case 13: return profagent_span_end(1ull << 40);
	case 14: return profagent_fd();
	case 15: return profagent_dispatch(visit, said);
	case 16: return profagent_cancel();
	case 17: return profagent_query("f", 3, visit_row, said);
	case 18: return profagent_show("g", 4, 5);
	default: return 1000;
	}
}

/* In the order of call(); NULL: pointers, of which the first word is looked at. */
static const struct {
	const char *name, *arguments;
	size_t end;		/* of its place in the table */
	long long without;	/* what it returns without an agent */
} calls[] = {
#define AT(name) offsetof(struct profagent_api, name) + sizeof(table.name)
	{ "launch", NULL, AT(launch), -ENOSYS },
	{ "start", "", AT(start), -ENOSYS },
	{ "resume", "", AT(resume), -ENOSYS },
	{ "stop", "", AT(stop), -ENOSYS },
	{ "pause", "", AT(pause), -ENOSYS },
	{ "is_running", "", AT(is_running), 0 },
	{ "interval", " 5000000000", AT(interval), -ENOSYS },
	{ "flush", "", AT(flush), -ENOSYS },
	{ "snapshot", NULL, AT(snapshot), -ENOSYS },
	{ "label_push", " k v", AT(label_push), -ENOSYS },
	{ "label_pop", "", AT(label_pop), -ENOSYS },
	{ "label_set", " k w", AT(label_set), -ENOSYS },
	{ "span_begin", " work", AT(span_begin), 0 },
	{ "span_end", " 1099511627776", AT(span_end), -ENOSYS },
	{ "fd", "", AT(fd), -ENOSYS },
	{ "dispatch", NULL, AT(dispatch), -ENOSYS },
	{ "cancel", "", AT(cancel), -ENOSYS },
	{ "query", NULL, AT(query), -ENOSYS },
	{ "show", " g 4 5", AT(show), -ENOSYS },
};

START_TEST(each_call_reaches_the_agent)
{
	char expected[sizeof(said)];
	long long wanted = strcmp(calls[_i].name, "span_begin") == 0 ?
				   4711ll << 32 : 4711;

	ck_assert_int_eq(call(_i), wanted);
	snprintf(expected, sizeof(expected), "%s%s", calls[_i].name,
		 calls[_i].arguments ? calls[_i].arguments : " ");
	if (calls[_i].arguments)
		ck_assert_str_eq(said, expected);
	else
		ck_assert_int_eq(strncmp(said, expected, strlen(expected)), 0);
}
END_TEST

/* An agent that is older than the function: as if there were none. */
START_TEST(what_an_older_agent_lacks)
{
	table.size = calls[_i].end - 1;
	ck_assert_int_eq(call(_i), calls[_i].without);
	ck_assert_str_eq(said, "");
	table.size = calls[_i].end;
	ck_assert_int_ne(call(_i), calls[_i].without);
	table.size = 0;
	said[0] = '\0';
	ck_assert_int_eq(call(_i), calls[_i].without);
	ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(the_version_and_what_is_given_back)
{
	char expected[sizeof(said)];

	ck_assert_str_eq(profagent_version(), "7.8");
	profagent_snapshot_free(said, 12);
	snprintf(expected, sizeof(expected), "snapshot_free %p 12",
		 (void *)said);
	ck_assert_str_eq(said, expected);
	table.size = offsetof(struct profagent_api, snapshot_free);
	said[0] = '\0';
	profagent_snapshot_free(said, 12);
	ck_assert_str_eq(said, "");
	table.size = sizeof(table.size);
	ck_assert_ptr_null(profagent_version());
}
END_TEST

int main(void)
{
	const int n = sizeof(calls) / sizeof(*calls);
	Suite *suite = suite_create("stub");
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, each_call_reaches_the_agent, 0, n);
	tcase_add_loop_test(t, what_an_older_agent_lacks, 0, n);
	tcase_add_test(t, the_version_and_what_is_given_back);
	suite_add_tcase(suite, t);
	return runner_run(suite);
}
