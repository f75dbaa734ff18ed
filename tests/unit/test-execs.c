/* SPDX-License-Identifier: MIT */
#include "agent/execs.h"

#include <check.h>
#include <pthread.h>
#include <stdint.h>

#include "tests/unit/runner.h"

START_TEST(lists_and_forgets)
{
	ck_assert(!execs_has_any());
	ck_assert(!execs_has(7));
	ck_assert(execs_add(7));
	ck_assert(execs_add(8));
	ck_assert(execs_has(7) && execs_has(8) && !execs_has(9));
	execs_remove(7);
	ck_assert(!execs_has(7) && execs_has(8));
	execs_remove(7);
	ck_assert(execs_has_any());
	execs_remove(8);
	ck_assert(!execs_has_any());
}
END_TEST

START_TEST(says_when_full)
{
	int tid;

	for (tid = 1; tid <= EXECS_MAX; tid++)
		ck_assert(execs_add(tid));
	ck_assert(!execs_add(tid));
	execs_remove(tid);
	ck_assert(execs_has(EXECS_MAX));
	execs_remove(1);
	ck_assert(execs_add(tid));
	execs_reset_after_fork();
	ck_assert(!execs_has_any());
	ck_assert(!execs_has(tid));
	ck_assert(execs_add(tid));
	execs_remove(tid);
}
END_TEST

#define THREADS 4
#define ROUNDS 20000

static void *add_and_remove(void *arg)
{
	int tid = 1 + (int)(intptr_t)arg, i;

	for (i = 0; i < ROUNDS; i++) {
		if (!execs_add(tid) || !execs_has(tid))
			return arg;
		execs_remove(tid);
		if (execs_has(tid))
			return arg;
	}
	return NULL;
}

START_TEST(threads_do_not_meet)
{
	pthread_t id[THREADS];
	void *wrong;
	int i;

	for (i = 0; i < THREADS; i++)
		ck_assert(!pthread_create(&id[i], NULL, add_and_remove,
					  (void *)(intptr_t)(i + 1)));
	for (i = 0; i < THREADS; i++) {
		pthread_join(id[i], &wrong);
		ck_assert_ptr_null(wrong);
	}
	ck_assert(!execs_has_any());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("execs");
	TCase *tc = tcase_create("execs");

	tcase_add_test(tc, lists_and_forgets);
	tcase_add_test(tc, says_when_full);
	tcase_add_test(tc, threads_do_not_meet);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
