/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/tasks.h"

#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static sem_t ready, leave;

static void *wait_named(void *arg)
{
	pthread_setname_np(pthread_self(), arg);
	sem_post(&ready);
	sem_wait(&leave);
	return NULL;
}

static void count_tid(int tid, void *arg)
{
	ck_assert_int_gt(tid, 0);
	(*(unsigned *)arg)++;
}

static void find_named(int tid, void *arg)
{
	char name[TASKS_NAME];

	if (tasks_name(tid, name) && strcmp(name, "fifteen-letters") == 0)
		*(int *)arg = tid;
}

START_TEST(threads_are_counted_and_named)
{
	unsigned before, seen = 0;
	char name[] = "fifteen-letters";
	pthread_t thread;
	int tid = 0;

	sem_init(&ready, 0, 0);
	sem_init(&leave, 0, 1);
	/* a sanitizer makes a thread of its own with the first one */
	pthread_create(&thread, NULL, wait_named, name);
	pthread_join(thread, NULL);
	sem_wait(&ready);
	before = tasks_count();
	ck_assert_uint_ge(before, 1);
	pthread_create(&thread, NULL, wait_named, name);
	sem_wait(&ready);
	ck_assert_uint_eq(tasks_count(), before + 1);
	ck_assert_int_eq(tasks_scan(count_tid, &seen), 0);
	ck_assert_uint_eq(seen, before + 1);
	tasks_scan(find_named, &tid);
	ck_assert_int_gt(tid, 0);
	ck_assert(!tasks_is_zombie(tid));
	sem_post(&leave);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(a_thread_that_is_not_there_has_no_name)
{
	char name[TASKS_NAME];

	ck_assert(!tasks_name(1 << 30, name));
	ck_assert(!tasks_is_zombie(1 << 30));
}
END_TEST

static void *look_at_main(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000 && !tasks_is_zombie(getpid()); i++)
		usleep(1000);
	_exit(tasks_is_zombie(getpid()) ? 42 : 1);
}

START_TEST(a_main_thread_that_left_is_a_zombie)
{
	pthread_t thread;

	pthread_create(&thread, NULL, look_at_main, NULL);
	pthread_exit(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tasks");
	TCase *tc = tcase_create("tasks");

	tcase_add_test(tc, threads_are_counted_and_named);
	tcase_add_test(tc, a_thread_that_is_not_there_has_no_name);
	tcase_add_exit_test(tc, a_main_thread_that_left_is_a_zombie, 42);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
