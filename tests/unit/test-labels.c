/* SPDX-License-Identifier: MIT */
#include "agent/labels.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/runner.h"

START_TEST(check_names)
{
	char text[LABELS_VALUE_MAX + 2];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(labels_check("key", ""), 0);
	ck_assert_int_eq(labels_check("", "value"), -EINVAL);
	ck_assert_int_eq(labels_check(NULL, "value"), -EINVAL);
	ck_assert_int_eq(labels_check("key", NULL), -EINVAL);
	ck_assert_int_eq(labels_check("tid", "value"), -EINVAL);
	ck_assert_int_eq(labels_check("key", text), -E2BIG);
	ck_assert_int_eq(labels_check("key", text + 1), 0);
	ck_assert_int_eq(labels_check(text, "value"), -E2BIG);
}
END_TEST

START_TEST(sets_are_shared)
{
	uint16_t a = labels_add(0, "a", "1"), b = labels_add(a, "b", "2");

	ck_assert_uint_ne(a, 0);
	ck_assert_uint_ne(b, 0);
	ck_assert_uint_eq(labels_add(0, "a", "1"), a);
	ck_assert_uint_eq(labels_add(a, "b", "2"), b);
	ck_assert_uint_ne(labels_add(0, "a1", ""), a);
	ck_assert_uint_ne(labels_add(b, "b", "2"), b);
	ck_assert_uint_eq(labels_parent(b), a);
	ck_assert_uint_eq(labels_parent(a), 0);
	ck_assert_uint_eq(labels_parent(0), 0);
}
END_TEST

START_TEST(inner_hides_outer)
{
	struct label got[LABELS_DEPTH];
	uint16_t set = labels_add(0, "route", "/a");

	set = labels_add(set, "step", "pay");
	set = labels_add(set, "route", "/b");
	ck_assert_uint_eq(labels_get(set, got), 2);
	ck_assert_str_eq(got[0].key, "route");
	ck_assert_str_eq(got[0].value, "/b");
	ck_assert_str_eq(got[1].key, "step");
	ck_assert_uint_eq(labels_get(0, got), 0);
	ck_assert_uint_eq(labels_get(UINT16_MAX, got), 0);
}
END_TEST

START_TEST(depth_is_bounded)
{
	struct label got[LABELS_DEPTH];
	char key[] = "a";
	uint16_t set = 0, last = 0;
	unsigned i;

	for (i = 0; i < LABELS_DEPTH; i++, key[0]++) {
		last = set = labels_add(set, key, "x");
		ck_assert_uint_ne(set, 0);
	}
	ck_assert_uint_eq(labels_add(last, key, "x"), 0);
	ck_assert_uint_eq(labels_get(last, got), LABELS_DEPTH);
}
END_TEST

/* Many threads bring the same sets at once: each is one number for all. */
static uint16_t found[4][1000];

static void *add_all(void *arg)
{
	uint16_t *to = arg;
	char value[16];
	int i;

	for (i = 0; i < 1000; i++) {
		snprintf(value, sizeof(value), "%d", i);
		to[i] = labels_add(0, "number", value);
	}
	return NULL;
}

START_TEST(threads_agree)
{
	pthread_t thread[4];
	int i;

	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, add_all,
						found[i]), 0);
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	for (i = 1; i < 4; i++)
		ck_assert_mem_eq(found[i], found[0], sizeof(found[0]));
	for (i = 0; i < 1000; i++)
		ck_assert_uint_ne(found[0][i], 0);
}
END_TEST

/* Without room new sets are refused, and the old ones stay. */
START_TEST(room_is_bounded)
{
	uint16_t first = labels_add(0, "first", "x");
	struct label got[LABELS_DEPTH];
	unsigned i, refused = 0;
	char value[16];

	for (i = 0; i < LABELS_SETS + 100; i++) {
		snprintf(value, sizeof(value), "%u", i);
		refused += labels_add(0, "request", value) == 0;
	}
	ck_assert_uint_ge(refused, 100);
	ck_assert_uint_lt(refused, LABELS_SETS / 10);
	ck_assert_uint_eq(labels_add(0, "first", "x"), first);
	ck_assert_uint_eq(labels_get(first, got), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("labels");
	TCase *t = tcase_create("labels");

	tcase_add_test(t, check_names);
	tcase_add_test(t, sets_are_shared);
	tcase_add_test(t, inner_hides_outer);
	tcase_add_test(t, depth_is_bounded);
	tcase_add_test(t, threads_agree);
	tcase_add_test(t, room_is_bounded);
	suite_add_tcase(s, t);
	return runner_run(s);
}
