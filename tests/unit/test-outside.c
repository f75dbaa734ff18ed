/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/outside.h"

#include <alloca.h>
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/modules.h"
#include "agent/region.h"
#include "agent/sys.h"
#include "agent/tasks.h"
#include "tests/unit/runner.h"

#define MOST 64

static int fds[2];
static pthread_t thread;
static _Atomic int tid;
static _Atomic uint64_t frame;	/* rbp of wait_framed() */
static uint64_t pcs[MOST];
static enum unwind_end end;

__attribute__((noinline)) static void wait_deep(unsigned depth)
{
	static char byte;

	if (depth > 0)
		wait_deep(depth - 1);
	else
		sys_read(fds[0], &byte, 1);
	__asm__ volatile("");
}

static void *sleeper(void *arg)
{
	tid = gettid();
	wait_deep(5);
	return arg;
}

/* Keeps its frame in rbp, which nobody sees from outside. */
__attribute__((noinline)) static void wait_framed(size_t size)
{
	volatile char *room = alloca(size);
	char byte;

	room[0] = 1;
	frame = (uint64_t)__builtin_frame_address(0);
	ck_assert_int_eq(read(fds[0], &byte, 1), 1);
	room[size - 1] = 1;
}

static void *framed_sleeper(void *arg)
{
	tid = gettid();
	wait_framed((size_t)tid % 100 + 1);
	__asm__ volatile("");
	return arg;
}

/* A thread that waits in read(2), and where. */
static void setup_call(struct tasks_call *c, void *(*function)(void *))
{
	ck_assert_int_eq(modules_init(NULL), 0);
	outside_init();
	outside_init();
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, function,
					NULL), 0);
	while (tid == 0 || tasks_where(tid, c) != TASKS_BLOCKED ||
	       c->nr != SYS_read)
		usleep(1000);
}

static void let_go(void)
{
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	pthread_join(thread, NULL);
}

/* Frames of wait_deep(), and of what lies just behind it. */
static unsigned count_deep(unsigned n)
{
	unsigned i, count = 0;

	for (i = 0; i < n; i++)
		count += pcs[i] - (uint64_t)wait_deep < 200;
	return count;
}

START_TEST(the_whole_stack_of_who_waits)
{
	struct tasks_call c;
	unsigned n;

	setup_call(&c, sleeper);
	n = outside_walk(NULL, &c, pcs, MOST, &end);
	ck_assert_uint_ge(count_deep(n), 6);
	ck_assert_int_eq(end, UNWIND_COMPLETE);
	ck_assert_uint_eq(pcs[0], c.pc);
	let_go();
}
END_TEST

START_TEST(no_more_than_there_is_room_for)
{
	struct tasks_call c;
	unsigned most, n;

	setup_call(&c, sleeper);
	for (most = 1; most < 6; most++) {
		memset(pcs, 0, sizeof(pcs));
		n = outside_walk(NULL, &c, pcs, most, &end);
		ck_assert_uint_eq(n, most);
		ck_assert_uint_eq(pcs[most], 0);
		ck_assert_int_ne(end, UNWIND_COMPLETE);
	}
	let_go();
}
END_TEST

/* What /proc said may be true no longer: any number may come. */
START_TEST(numbers_that_are_no_stack)
{
	static const uint64_t wrong[] = {
		0, 1, 8, 4096, 0x7fffffffffff, 0x8000000000000000,
		UINT64_MAX - 7, UINT64_MAX,
	};
	struct tasks_call c, real;
	unsigned i, n;

	setup_call(&real, sleeper);
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		c = real;
		c.sp = wrong[i];
		n = outside_walk(NULL, &c, pcs, MOST, &end);
		ck_assert_uint_le(count_deep(n), 1);
		ck_assert_int_ne(end, UNWIND_COMPLETE);
		c = real;
		c.pc = wrong[i];
		n = outside_walk(NULL, &c, pcs, MOST, &end);
		ck_assert_uint_le(n, MOST);
		ck_assert_int_ne(end, UNWIND_COMPLETE);
	}
	let_go();
}
END_TEST

/* Where the return address that was walked last lies. */
__attribute__((no_sanitize("address")))
static uint64_t find_return(const struct tasks_call *c, unsigned n)
{
	uint64_t at = c->sp;

	while (*(const uint64_t *)at - 1 != pcs[n - 1])
		at += 8;
	return at;
}

/* What the stub of a blocking call saved lets the walk go on. */
START_TEST(registers_that_a_stub_saved)
{
	struct thread_record t;
	struct tasks_call c;
	uint64_t saved[2];
	unsigned n;

	memset(&t, 0, sizeof(t));
	setup_call(&c, framed_sleeper);
	n = outside_walk(NULL, &c, pcs, MOST, &end);
	ck_assert_int_eq(end, UNWIND_NO_RBP);
	saved[0] = find_return(&c, n);
	saved[1] = frame;
	t.call_regs = (uint64_t)saved;
	ck_assert_uint_gt(outside_walk(&t, &c, pcs, MOST, &end), n);
	ck_assert_int_eq(end, UNWIND_COMPLETE);
	ck_assert_uint_eq(outside_walk(&t, &c, pcs, n, &end), n);
	let_go();
}
END_TEST

/* They are of another call, or of another thread, or nowhere. */
START_TEST(registers_that_do_not_fit)
{
	struct thread_record t;
	struct tasks_call c;
	uint64_t saved[2], at;
	unsigned i, n;

	memset(&t, 0, sizeof(t));
	setup_call(&c, framed_sleeper);
	n = outside_walk(NULL, &c, pcs, MOST, &end);
	at = find_return(&c, n);
	for (i = 0; i < 6; i++) {
		const uint64_t wrong[] = { at + 8, at - 8, c.sp - 8, 0,
					   UINT64_MAX - 7, at + 32768 };

		saved[0] = wrong[i];
		saved[1] = frame;
		t.call_regs = i == 3 ? 8 : (uint64_t)saved;
		ck_assert_uint_eq(outside_walk(&t, &c, pcs, MOST, &end), n);
		ck_assert_int_eq(end, UNWIND_NO_RBP);
	}
	let_go();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("outside");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_test(all, the_whole_stack_of_who_waits);
	tcase_add_test(all, no_more_than_there_is_room_for);
	tcase_add_test(all, numbers_that_are_no_stack);
	tcase_add_test(all, registers_that_a_stub_saved);
	tcase_add_test(all, registers_that_do_not_fit);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
