/* SPDX-License-Identifier: MIT */
/* Rows of two looks, their order and their text. */
#include "tools/top.h"

#include <check.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static Target *target_new(gint32 pid, const char *program, gint64 samples,
			  gint64 handler_ns)
{
	Target *t = g_new0(Target, 1);

	t->pid = pid;
	t->status = json_object_new();
	json_object_set_string_member(t->status, "program", program);
	json_object_set_string_member(t->status, "state", "running");
	json_object_set_int_member(t->status, "samples", samples);
	json_object_set_int_member(t->status, "handler_ns", handler_ns);
	json_object_set_int_member(t->status, "period_ns", 10101010);
	json_object_set_string_member(t->status, "hottest", "f\033");
	json_object_set_int_member(t->status, "hottest_permille",
				   program[0] == 'b' ? 630 : 0);
	return t;
}

static GPtrArray *look(gint64 handler_ns)
{
	GPtrArray *targets = g_ptr_array_new_with_free_func(
		(GDestroyNotify)target_free);
	Target *silent = g_new0(Target, 1);

	g_ptr_array_add(targets, target_new(getpid(), "b\033", 5,
					    handler_ns));
	g_ptr_array_add(targets, target_new(1, "a", 12345, 0));
	silent->pid = 7;
	silent->error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_FAILED,
					    "no");
	g_ptr_array_add(targets, silent);
	return targets;
}

static void expect(const GPtrArray *rows, guint row, TopColumn column,
		   const char *text)
{
	g_autofree char *got = top_text(rows->pdata[row], column);

	ck_assert_str_eq(got, text);
}

START_TEST(shares_need_two_looks)
{
	GPtrArray *targets = look(1000000);
	GPtrArray *first = top_rows(targets, NULL, 1000000), *second;

	g_ptr_array_unref(targets);
	expect(first, 0, TOP_PROGRAM, "b\\x1b");
	expect(first, 0, TOP_RATE, "99 Hz");
	expect(first, 0, TOP_CPU, "-");
	expect(first, 0, TOP_COST, "-");
	expect(first, 1, TOP_SAMPLES, "12.3k");
	expect(first, 2, TOP_STATE, "no answer");
	expect(first, 2, TOP_RATE, "-");
	expect(first, 2, TOP_HOTTEST, "-");
	expect(first, 1, TOP_HOTTEST, "-");
	expect(first, 0, TOP_HOTTEST, "63% f\\x1b");
	targets = look(21000000);
	second = top_rows(targets, first, 2000000);
	g_ptr_array_unref(targets);
	/* 20 ms of a second */
	expect(second, 0, TOP_COST, "2.00");
	ck_assert_double_ge(((TopRow *)second->pdata[0])->value[TOP_CPU], 0);
	g_ptr_array_unref(first);
	g_ptr_array_unref(second);
}
END_TEST

START_TEST(rows_are_sorted)
{
	GPtrArray *targets = look(0);
	GPtrArray *rows = top_rows(targets, NULL, 0);

	top_sort(rows, TOP_PROGRAM, FALSE);
	expect(rows, 0, TOP_PROGRAM, "");
	expect(rows, 2, TOP_PROGRAM, "b\\x1b");
	top_sort(rows, TOP_SAMPLES, FALSE);
	expect(rows, 0, TOP_SAMPLES, "12.3k");
	top_sort(rows, TOP_SAMPLES, TRUE);
	expect(rows, 2, TOP_SAMPLES, "12.3k");
	g_ptr_array_unref(targets);
	g_ptr_array_unref(rows);
}
END_TEST

START_TEST(cpu_time_of_stat)
{
	guint64 tick = 1000000000ull / (guint64)sysconf(_SC_CLK_TCK);

	ck_assert_uint_eq(top_cpu_ns("7 (a b) c) S 1 7 7 0 -1 4194304 1 2 3 "
				     "4 15 20 0 0 20 0 1 0 100"), 35 * tick);
	ck_assert_uint_eq(top_cpu_ns("7 (a) S 1"), 0);
	ck_assert_uint_eq(top_cpu_ns(""), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("top");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, shares_need_two_looks);
	tcase_add_test(tcase, rows_are_sorted);
	tcase_add_test(tcase, cpu_time_of_stat);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
