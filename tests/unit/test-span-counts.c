/* SPDX-License-Identifier: MIT */
#include "agent/span-counts.h"

#include <check.h>
#include <string.h>

#include "agent/arena.h"
#include "agent/command.h"
#include "agent/spans.h"
#include "tests/unit/agent-fixture.h"
#include "tests/unit/runner.h"
#include "tools/pprof-read.h"

static void setup(void)
{
	agent_fixture_begin("PROFAGENT_START=0");
}

/* As who asks for them reads them. */
static Profile *counts_read(void)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GError) error = NULL;
	uint8_t *message = NULL;
	size_t size = 0;

	ck_assert_int_eq(command_do("span-counts", &message, &size), 0);
	ck_assert_ptr_nonnull(message);
	ck_assert_msg(pprof_read_bytes(p, "test", message, size,
				       PPROF_READ_NO_REGION, &error), "%s",
		      error ? error->message : "");
	arena_block_free(message, size);
	ck_assert_uint_eq(p->processes->len, 1);
	ck_assert_uint_eq(p->samples->len, 0);
	return g_steal_pointer(&p);
}

static const GArray *spans_of(const Profile *p)
{
	return profile_at(p->processes, ProfileProcess, 0)->spans;
}

static guint64 sum(const ProfileSpan *s)
{
	guint64 n = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(s->counts); i++)
		n += s->counts[i];
	return n;
}

START_TEST(without_any)
{
	g_autoptr(Profile) p = counts_read();
	const ProfileProcess *process = profile_at(p->processes,
						   ProfileProcess, 0);

	ck_assert(!spans_of(p) || spans_of(p)->len == 0);
	ck_assert_str_eq(profile_text(p, process->run_id),
			 agent_process.run_id);
	ck_assert_int_eq(process->pid, agent_process.pid);
}
END_TEST

/* All since the process began, however often it is asked, in the file or not. */
START_TEST(all_of_them_each_time)
{
	const ProfileSpan *span;
	guint i;

	for (i = 0; i < 5; i++)
		spans_end(spans_begin("work"));
	spans_end(spans_begin("a \"name\"\n"));
	spans_begin("never ended");
	for (i = 0; i < 3; i++) {
		g_autoptr(Profile) p = counts_read();

		ck_assert_uint_eq(spans_of(p)->len, 2);
		span = profile_at(spans_of(p), ProfileSpan, 0);
		ck_assert_str_eq(span->name, "work");
		ck_assert_uint_eq(span->count, 5 + i);
		ck_assert_uint_eq(sum(span), 5 + i);
		ck_assert_uint_le(span->max_ns, span->sum_ns);
		span = profile_at(spans_of(p), ProfileSpan, 1);
		ck_assert_str_eq(span->name, "a \"name\"\n");
		ck_assert_uint_eq(span->count, 1);
		spans_end(spans_begin("work"));
		spans_written();	/* as a flush does; none is under way */
	}
}
END_TEST

/* As many as there may be, in one message. */
START_TEST(the_most_there_can_be)
{
	g_autoptr(Profile) p = NULL;
	char name[SPANS_NAME_MAX + 1];

	memset(name, 'x', sizeof(name) - 1);
	for (guint i = 0; i < SPANS_NAMES + 3; i++) {
		snprintf(name + SPANS_NAME_MAX - 4, 5, "%04u", i);
		spans_end(spans_begin(name));
	}
	p = counts_read();
	ck_assert_uint_eq(spans_of(p)->len, SPANS_NAMES);
	for (guint i = 0; i < SPANS_NAMES; i++) {
		const ProfileSpan *s = profile_at(spans_of(p), ProfileSpan, i);

		ck_assert_uint_eq(strlen(s->name), SPANS_NAME_MAX);
		ck_assert_int_eq(atoi(s->name + SPANS_NAME_MAX - 4), (int)i);
		ck_assert_uint_eq(s->count, 1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("span-counts");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, agent_fixture_end);
	tcase_add_test(t, without_any);
	tcase_add_test(t, all_of_them_each_time);
	tcase_add_test(t, the_most_there_can_be);
	suite_add_tcase(suite, t);
	return runner_run(suite);
}
