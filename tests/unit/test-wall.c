/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/wall.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/clock.h"
#include "agent/modules.h"
#include "agent/region.h"
#include "agent/ring.h"
#include "agent/sampler.h"
#include "agent/stacks.h"
#include "agent/sys.h"
#include "agent/thread.h"
#include "agent/unwind.h"
#include "tests/unit/region-fixture.h"
#include "tests/unit/runner.h"

#define MS 1000000u

static int pipe_fds[2];
static uint32_t slot;
static struct stacks *out;

static uint64_t now_ns(void)
{
	return sys_clock_ns(CLOCK_MONOTONIC);
}

__attribute__((noinline)) static void wait_for_byte(void)
{
	char byte;

	while (read(pipe_fds[0], &byte, 1) == 1 && byte != 'q')
		;
	__asm__ volatile("");
}

static void *sleeper(void *arg)
{
	slot = thread_claim_now(gettid(), 0, 0);
	thread_publish(slot);
	*(_Atomic int *)arg = 1;
	wait_for_byte();
	thread_end(slot, sys_clock_ns(CLOCK_THREAD_CPUTIME_ID), "sleeper");
	return NULL;
}

static void setup(void)
{
	region_fixture_begin();
	ck_assert_int_eq(modules_init(NULL), 0);
	ck_assert_int_eq(pipe(pipe_fds), 0);
	sampler_init(&unwind_cfi, 100);
	clock_init("cpu+wall", 5 * MS);
	agent_process.start_mono_ns = now_ns();
	out = stacks_new();
}

static void teardown(void)
{
	stacks_free(out);
	region_fixture_end();
}

static pthread_t start(void)
{
	_Atomic int ready = 0;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, sleeper,
					(void *)&ready), 0);
	while (!ready)
		usleep(1000);
	usleep(2000);	/* it blocks */
	return thread;
}

/* Rounds as the flusher makes them, for so long. */
static void watch(unsigned ms)
{
	uint64_t end = now_ns() + (uint64_t)ms * MS;

	do {
		wall_round(now_ns());
		usleep(1000);
	} while (now_ns() < end);
}

static const struct stacks_entry *drain(void)
{
	stacks_clear(out);
	wall_sort();
	wall_drain(slot, out);
	return stacks_first(out);
}

static bool passes_through(const struct stacks_entry *e, void *function)
{
	uint32_t i;

	for (i = 0; i < e->frames; i++)
		if (e->pcs[i] - (uint64_t)function < 200)
			return true;
	return false;
}

START_TEST(a_blocked_thread_is_seen_where_it_waits)
{
	pthread_t thread = start();
	const struct stacks_entry *e;

	watch(100);
	e = drain();
	ck_assert_ptr_nonnull(e);
	ck_assert_ptr_null(e->next);
	ck_assert_int_eq(e->state, STACKS_BLOCKED);
	ck_assert_int_eq(e->call, SYS_read);
	ck_assert_uint_eq(e->cpu_ns, 0);
	ck_assert_uint_ge(e->frames, 2);
	/* a sanitizer's own read() has a frame pointer, which nobody can see */
	if (e->end != UNWIND_NO_RBP) {
		ck_assert_int_eq(e->end, UNWIND_COMPLETE);
		ck_assert(passes_through(e, wait_for_byte));
	}
	ck_assert_int_eq(write(pipe_fds[1], "q", 1), 1);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(all_its_time_is_charged_once)
{
	uint64_t begin, end, sum = 0;
	pthread_t thread = start();

	begin = region_record(slot)->start_ns;
	watch(60);
	sum += drain()->wall_ns;
	wall_written();
	watch(60);
	sum += drain()->wall_ns;
	wall_written();
	/* nothing new: nothing is charged again */
	ck_assert_ptr_null(drain());
	ck_assert_int_eq(write(pipe_fds[1], "q", 1), 1);
	pthread_join(thread, NULL);
	/* it has ended: the rest goes where it was seen last */
	end = region_record(slot)->end_ns;
	ck_assert_int_eq(region_record(slot)->state, SLOT_ENDED);
	sum += drain()->wall_ns;
	ck_assert_uint_gt(sum, (end - begin) * 95 / 100);
	ck_assert_uint_le(sum, end - begin);
}
END_TEST

/* What was not written is there the next time. */
START_TEST(a_full_disk_loses_no_charge)
{
	pthread_t thread = start();
	uint64_t first;

	watch(50);
	first = drain()->wall_ns;
	watch(50);
	ck_assert_uint_gt(drain()->wall_ns, first);
	ck_assert_int_eq(write(pipe_fds[1], "q", 1), 1);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(samples_take_over_the_waiting_for_a_cpu)
{
	struct {
		struct ring_sample s;
		uint64_t pcs[2];
	} ring = { .s = { .frames = 2, .count = 1, .cpu_ns = 7 },
		   .pcs = { 5, 6 } };
	const struct stacks_entry *e;

	slot = thread_claim_now(gettid(), 0, 0);
	thread_publish(slot);
	wall_round(now_ns());
	ck_assert_int_eq(wall_add_running(out, slot, 1, &ring.s, 7), 0);
	wall_took_running(slot, 7);
	e = stacks_first(out);
	ck_assert_ptr_nonnull(e);
	ck_assert_int_eq(e->state, STACKS_RUNNING);
	ck_assert_uint_eq(e->cpu_ns, 7);
	ck_assert_uint_eq(e->wall_ns, 7);
	for (e = e->next; e; e = e->next)
		ck_assert_int_eq(e->state, STACKS_RUNNABLE);
}
END_TEST

START_TEST(a_pause_is_nobodys_time)
{
	pthread_t thread = start();
	uint64_t before;

	watch(40);
	before = drain()->wall_ns;
	wall_pause();
	usleep(200000);
	watch(40);
	ck_assert_uint_lt(drain()->wall_ns, before + 150 * MS);
	ck_assert_uint_eq(wall_unsampled_ns(0), 0);
	ck_assert_int_eq(write(pipe_fds[1], "q", 1), 1);
	pthread_join(thread, NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wall");
	TCase *tc = tcase_create("wall");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_blocked_thread_is_seen_where_it_waits);
	tcase_add_test(tc, all_its_time_is_charged_once);
	tcase_add_test(tc, a_full_disk_loses_no_charge);
	tcase_add_test(tc, samples_take_over_the_waiting_for_a_cpu);
	tcase_add_test(tc, a_pause_is_nobodys_time);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
