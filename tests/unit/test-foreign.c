/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/foreign.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "agent/flusher.h"
#include "agent/region.h"
#include "agent/sys.h"
#include "tests/unit/agent-fixture.h"
#include "tests/unit/runner.h"

/*
 * pthread_create is not interposed here: to the agent each thread of ours is
 * one that it knows nothing of.
 */
static _Atomic int tid, over;

static void *burn(void *arg)
{
	tid = gettid();
	while (!over)
		;
	return arg;
}

static void *wait(void *arg)
{
	tid = gettid();
	while (!over)
		usleep(1000);
	return arg;
}

static pthread_t start(void *(*function)(void *))
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, function, NULL), 0);
	while (tid == 0)
		usleep(1000);
	return thread;
}

static void end(pthread_t thread)
{
	over = 1;
	pthread_join(thread, NULL);
}

/* That of the stranger, NULL: it has none. */
static const struct thread_record *find(void)
{
	uint32_t i;

	for (i = 0; i < region_slots(); i++) {
		const struct thread_record *t = region_record(i);

		if (atomic_load(&t->state) == SLOT_LIVE && t->tid == tid)
			return t;
	}
	return NULL;
}

static void flush(void)
{
	ck_assert(flusher_ask(FLUSHER_FLUSH, 10000));
	usleep(1000);
}

static void setup(void)
{
	agent_fixture_begin("PROFAGENT_RATE=250");
	while (agent_state() != AGENT_RUNNING)
		usleep(1000);
}

START_TEST(a_stranger_gets_a_slot_and_samples)
{
	pthread_t thread = start(burn);
	const struct thread_record *t;

	while (!(t = find()) || atomic_load(&t->samples) == 0)
		flush();
	ck_assert_int_ne((int)(t->flags & THREAD_FOREIGN), 0);
	ck_assert_uint_eq(t->start_routine, 0);
	end(thread);
	/* its slot is given back, though nobody says that it ended */
	while (find())
		flush();
}
END_TEST

/* For one that has just begun may yet say who it is. */
START_TEST(a_new_one_is_suspected_first)
{
	struct timespec before, now;
	pthread_t thread;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &before);
	thread = start(wait);
	while (!find())
		flush();
	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (now.tv_sec - before.tv_sec) * 1000 +
	     (now.tv_nsec - before.tv_nsec) / 1000000;
	ck_assert_int_ge(ms, 100);		/* SUSPICION_NS */
	end(thread);
}
END_TEST

/* What it computed before it had a slot is that of a stranger, and known. */
START_TEST(what_it_used_is_counted)
{
	pthread_t thread = start(burn);
	const struct thread_record *t;

	while (!(t = find()))
		flush();
	ck_assert_uint_eq(t->cpu_start_ns, 0);
	end(thread);
}
END_TEST

START_TEST(while_nothing_is_profiled_it_has_none)
{
	pthread_t thread;
	int i;

	ck_assert_int_eq(agent_pause(), 0);
	thread = start(burn);
	for (i = 0; i < 30; i++) {
		flush();
		usleep(10000);
	}
	ck_assert_ptr_null(find());
	end(thread);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("foreign");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 100);
	tcase_add_checked_fixture(all, setup, agent_fixture_end);
	tcase_add_test(all, a_stranger_gets_a_slot_and_samples);
	tcase_add_test(all, a_new_one_is_suspected_first);
	tcase_add_test(all, what_it_used_is_counted);
	tcase_add_test(all, while_nothing_is_profiled_it_has_none);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
