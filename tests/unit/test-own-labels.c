/* SPDX-License-Identifier: MIT */
/* What a thread says of itself is in its own record, whoever's TLS it has. */
#define _GNU_SOURCE
#include "agent/own-labels.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/labels.h"
#include "agent/region.h"
#include "agent/sys.h"
#include "agent/thread.h"
#include "tests/unit/agent-fixture.h"
#include "tests/unit/runner.h"

static void setup(void)
{
	agent_fixture_begin("PROFAGENT_START=0");
}

/* "inner=1 outer=2" of a slot, as a sample would have it. */
static const char *labels_of(uint32_t slot)
{
	static char text[LABELS_DEPTH *
			 (LABELS_KEY_MAX + LABELS_VALUE_MAX + 2)];
	struct label pairs[LABELS_DEPTH];
	unsigned n = labels_get((uint16_t)atomic_load(
					&region_record(slot)->label), pairs), i;
	char *at = text;

	*at = '\0';
	for (i = 0; i < n; i++)
		at += sprintf(at, "%s%s=%s", i > 0 ? " " : "", pairs[i].key,
			      pairs[i].value);
	return text;
}

static const char *own(void)
{
	return labels_of(thread_self());
}

START_TEST(pushed_and_popped)
{
	ck_assert_int_eq(own_labels_pop(), -ENOENT);
	ck_assert_int_eq(own_labels_push("route", "/a"), 0);
	ck_assert_int_eq(own_labels_push("step", "pay"), 0);
	ck_assert_str_eq(own(), "step=pay route=/a");
	ck_assert_int_eq(own_labels_push("route", "/b"), 0);
	ck_assert_str_eq(own(), "route=/b step=pay");
	ck_assert_int_eq(own_labels_pop(), 0);
	ck_assert_str_eq(own(), "step=pay route=/a");
	ck_assert_int_eq(own_labels_pop(), 0);
	ck_assert_int_eq(own_labels_pop(), 0);
	ck_assert_str_eq(own(), "");
	ck_assert_int_eq(own_labels_pop(), -ENOENT);
}
END_TEST

/* Each push has its pop, also one that failed and what was pushed above it. */
START_TEST(wrong_ones_are_popped_as_well)
{
	char text[LABELS_VALUE_MAX + 2];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(own_labels_push("good", "1"), 0);
	ck_assert_int_eq(own_labels_push("", "2"), -EINVAL);
	ck_assert_int_eq(own_labels_push("long", text), -E2BIG);
	ck_assert_int_eq(own_labels_push("above", "3"), -ENOSPC);
	ck_assert_str_eq(own(), "good=1");
	ck_assert_int_eq(own_labels_pop(), 0);
	ck_assert_int_eq(own_labels_pop(), 0);
	ck_assert_int_eq(own_labels_pop(), 0);
	ck_assert_str_eq(own(), "good=1");
	ck_assert_int_eq(own_labels_push("above", "3"), 0);
	ck_assert_str_eq(own(), "above=3 good=1");
	ck_assert_int_eq(own_labels_pop(), 0);
	ck_assert_int_eq(own_labels_pop(), 0);
	ck_assert_int_eq(own_labels_pop(), -ENOENT);
}
END_TEST

/* More than there is room for, and all back again. */
START_TEST(deeper_than_there_is_room_for)
{
	unsigned i, kept = 0;

	for (i = 0; i < 100; i++) {
		int err = own_labels_push("depth", i % 2 ? "odd" : "even");

		ck_assert(err == 0 || err == -ENOSPC);
		kept += err == 0;
	}
	ck_assert_uint_gt(kept, 0);
	ck_assert_uint_lt(kept, 100);
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(own_labels_pop(), 0);
	ck_assert_int_eq(own_labels_pop(), -ENOENT);
	ck_assert_str_eq(own(), "");
}
END_TEST

START_TEST(set_below_what_was_pushed)
{
	ck_assert_int_eq(own_labels_set("route", "/a"), 0);
	ck_assert_int_eq(own_labels_push("step", "pay"), 0);
	ck_assert_int_eq(own_labels_set("route", "/b"), 0);
	ck_assert_str_eq(own(), "step=pay route=/b");
	ck_assert_int_eq(own_labels_set("route", ""), 0);
	ck_assert_str_eq(own(), "step=pay route=");
	ck_assert_int_eq(own_labels_set("route", NULL), 0);
	ck_assert_str_eq(own(), "step=pay");
	ck_assert_int_eq(own_labels_set("never", NULL), 0);
	ck_assert_int_eq(own_labels_set("", "x"), -EINVAL);
	ck_assert_int_eq(own_labels_set(NULL, "x"), -EINVAL);
	ck_assert_int_eq(own_labels_set("tid", "x"), -EINVAL);
	ck_assert_str_eq(own(), "step=pay");
}
END_TEST

static void *label_strange(void *arg)
{
	int *err = arg;

	err[0] = own_labels_push("a", "b");
	err[1] = own_labels_push("", "b");
	err[2] = own_labels_pop();
	err[3] = own_labels_set("a", "b");
	err[4] = own_labels_set("", "b");
	return NULL;
}

static void check_strange(const int *err)
{
	ck_assert_int_eq(err[0], -ESRCH);
	ck_assert_int_eq(err[1], -EINVAL);
	ck_assert_int_eq(err[2], -ESRCH);
	ck_assert_int_eq(err[3], -ESRCH);
	ck_assert_int_eq(err[4], -EINVAL);
}

START_TEST(a_thread_that_is_not_profiled)
{
	pthread_t id;
	int err[5];

	own_labels_push("whose", "main's");
	ck_assert_int_eq(pthread_create(&id, NULL, label_strange, err), 0);
	ck_assert_int_eq(pthread_join(id, NULL), 0);
	check_strange(err);
	ck_assert_str_eq(own(), "whose=main's");
}
END_TEST

static uint32_t other_slot;
static char other_text[100];

static void *label_other(void *arg)
{
	uint64_t here = (uint64_t)__builtin_frame_address(0);

	(void)arg;
	other_slot = agent_thread_begin(0, here - 65536, here + 65536);
	own_labels_push("whose", "other's");
	strcpy(other_text, own());
	agent_thread_end(other_slot);
	return NULL;
}

START_TEST(each_thread_has_its_own)
{
	pthread_t id;

	own_labels_push("whose", "main's");
	ck_assert_int_eq(pthread_create(&id, NULL, label_other, NULL), 0);
	ck_assert_int_eq(pthread_join(id, NULL), 0);
	ck_assert_str_eq(other_text, "whose=other's");
	ck_assert_uint_ne(other_slot, thread_self());
	ck_assert_str_eq(own(), "whose=main's");
}
END_TEST

/*
 * Its TLS says that it is its creator, on whose stack it is not. Nothing of libc
 * may be called there.
 */
static int clone_err;

__attribute__((no_sanitize("address", "undefined")))
static int label_cloned(void *arg)
{
	(void)arg;
	clone_err = own_labels_push("whose", "the clone's");
	sys_call(SYS_exit, 0);
	return 0;
}

#define CLONE_STACK 65536u

/* The clone's stack is at `stack`; what becomes of our own labels? */
static void clone_here(char *stack)
{
	static _Atomic int tid;

	atomic_store(&tid, 1);
	own_labels_push("whose", "the creator's");
	ck_assert_int_gt(clone(label_cloned, stack + CLONE_STACK,
			       CLONE_VM | CLONE_FS | CLONE_FILES |
			       CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
			       CLONE_CHILD_CLEARTID, NULL, NULL, NULL, &tid),
			 0);
	while (atomic_load(&tid) != 0)	/* the kernel clears it */
		usleep(1000);
	strcpy(other_text, own());
}

static void *clone_above(void *stack)
{
	uint64_t here = (uint64_t)__builtin_frame_address(0);

	other_slot = agent_thread_begin(0, here - 65536, here + 4096);
	clone_here(stack);
	agent_thread_end(other_slot);
	return NULL;
}

START_TEST(a_raw_clone_leaves_its_creator_alone)
{
	static char low[CLONE_STACK] __attribute__((aligned(64)));
	char high[CLONE_STACK] __attribute__((aligned(64)));
	pthread_t id;

	clone_here(low);
	ck_assert_int_eq(clone_err, -ESRCH);
	ck_assert_str_eq(other_text, "whose=the creator's");
	/* the main stack is above that of any other thread */
	ck_assert_int_eq(pthread_create(&id, NULL, clone_above, high), 0);
	ck_assert_int_eq(pthread_join(id, NULL), 0);
	ck_assert_int_eq(clone_err, -ESRCH);
	ck_assert_str_eq(other_text, "whose=the creator's");
}
END_TEST

/* A process that shares our memory, or has a copy, is not the one profiled. */
START_TEST(another_process_is_not_profiled)
{
	int status, err[5];
	pid_t pid;

	own_labels_push("whose", "main's");
	pid = fork();
	if (pid == 0) {
		label_strange(err);
		_exit(err[0] == -ESRCH && err[1] == -EINVAL &&
		      err[2] == -ESRCH && err[3] == -ESRCH ? 7 : 8);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

/* A forked child goes on with what its thread said last. */
START_TEST(what_a_child_goes_on_with)
{
	uint16_t set;

	own_labels_push("route", "/a");
	set = own_labels_of_forked();
	ck_assert_uint_ne(set, 0);
	ck_assert_uint_eq(set, atomic_load(&region_record(
		thread_self())->label));
	own_labels_pop();
	ck_assert_uint_eq(own_labels_of_forked(), 0);
}
END_TEST

START_TEST(nobody_is_there)
{
	int err[5];

	label_strange(err);
	check_strange(err);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("own-labels");
	TCase *none = tcase_create("without an agent");
	TCase *all = tcase_create("all");

	tcase_add_test(none, nobody_is_there);
	suite_add_tcase(suite, none);
	tcase_add_checked_fixture(all, setup, agent_fixture_end);
	tcase_add_test(all, pushed_and_popped);
	tcase_add_test(all, wrong_ones_are_popped_as_well);
	tcase_add_test(all, deeper_than_there_is_room_for);
	tcase_add_test(all, set_below_what_was_pushed);
	tcase_add_test(all, a_thread_that_is_not_profiled);
	tcase_add_test(all, each_thread_has_its_own);
	tcase_add_test(all, a_raw_clone_leaves_its_creator_alone);
	tcase_add_test(all, another_process_is_not_profiled);
	tcase_add_test(all, what_a_child_goes_on_with);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
