/* SPDX-License-Identifier: MIT */
#include "tools/seqtable.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/runner.h"

START_TEST(equal_runs_are_one)
{
	g_autoptr(GArray) array = g_array_new(FALSE, FALSE, sizeof(guint32));
	const guint32 a[] = { 1, 2, 3 }, b[] = { 1, 2 };
	Seqtable t;

	seqtable_init(&t, array);
	ck_assert_uint_eq(seqtable_intern(&t, a, 3), 0);
	ck_assert_uint_eq(seqtable_intern(&t, b, 2), 3);
	ck_assert_uint_eq(seqtable_intern(&t, a, 3), 0);
	ck_assert_uint_eq(seqtable_intern(&t, b, 2), 3);
	ck_assert_uint_eq(seqtable_intern(&t, a, 0), 0);
	ck_assert_uint_eq(array->len, 5);
	seqtable_release(&t);
}
END_TEST

START_TEST(many_runs_are_found_again)
{
	g_autoptr(GArray) array = g_array_new(FALSE, FALSE, sizeof(guint64));
	guint32 first[5000], i;
	Seqtable t;

	seqtable_init(&t, array);
	for (i = 0; i < 5000; i++) {
		guint64 run[] = { i, i * 7, 5 };

		first[i] = seqtable_intern(&t, run, 1 + i % 3);
	}
	ck_assert_uint_ge(seqtable_memory(&t), 5000 * sizeof(SeqtableSlot));
	for (i = 0; i < 5000; i++) {
		guint64 run[] = { i, i * 7, 5 };

		ck_assert_uint_eq(seqtable_intern(&t, run, 1 + i % 3),
				  first[i]);
	}
	seqtable_release(&t);
}
END_TEST

START_TEST(what_was_there_is_found_once_adopted)
{
	g_autoptr(GArray) array = g_array_new(FALSE, FALSE, sizeof(guint32));
	const guint32 there[] = { 7, 8, 9, 8, 9 };
	Seqtable t;

	g_array_append_vals(array, there, 5);
	seqtable_init(&t, array);
	seqtable_adopt(&t, 1, 2);
	seqtable_adopt(&t, 3, 2);
	ck_assert_uint_eq(seqtable_intern(&t, there + 3, 2), 1);
	ck_assert_uint_eq(seqtable_intern(&t, there, 1), 5);
	ck_assert_uint_eq(array->len, 6);
	seqtable_release(&t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("seqtable");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, equal_runs_are_one);
	tcase_add_test(tcase, many_runs_are_found_again);
	tcase_add_test(tcase, what_was_there_is_found_once_adopted);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
