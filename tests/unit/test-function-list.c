/* SPDX-License-Identifier: MIT */
/* What agents say of functions: added up, chosen, and any bytes survived. */
#include "tools/function-list.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

static void add(FunctionList *l, const char *text)
{
	function_list_add(l, text, strlen(text));
}

static const FunctionCount *row(const GPtrArray *rows, guint i)
{
	ck_assert_uint_lt(i, rows->len);
	return rows->pdata[i];
}

START_TEST(several_are_added_up)
{
	FunctionList *l = function_list_new(FALSE);
	g_autoptr(GPtrArray) rows = NULL;

	add(l, "5\t7\t500\t700\t/bin/a\t_ZN3foo3barEv\n0\t7\t0\t700\t/bin/a\t"
	       "main\n");
	add(l, "1\t2\t100\t200\t/bin/a\t_ZN3foo3barEv\n9\t9\t90\t90\t/bin/b\t"
	       "main\n");
	ck_assert_uint_eq(function_list_samples(l), 15);
	rows = function_list_select(l, NULL);
	ck_assert_uint_eq(rows->len, 3);
	ck_assert_str_eq(row(rows, 0)->name, "foo::bar");
	ck_assert_uint_eq(row(rows, 0)->self, 6);
	ck_assert_uint_eq(row(rows, 0)->total_ns, 900);
	ck_assert_str_eq(row(rows, 1)->object, "/bin/b");
	ck_assert_str_eq(row(rows, 2)->object, "/bin/a");
	function_list_free(l);
}
END_TEST

START_TEST(what_shares_a_short_name_is_told_apart)
{
	FunctionList *l = function_list_new(FALSE);
	g_autoptr(GPtrArray) rows = NULL;

	add(l, "3\t3\t3\t3\t/bin/a\t_ZN3foo3barEi\n"
	       "2\t2\t2\t2\t/bin/a\t_ZN3foo3barEd\n"
	       "1\t1\t1\t1\t/bin/b\t_ZN3foo3barEd\n"
	       "2\t2\t2\t2\t/bin/a\t_ZN3foo3barEd\n");
	rows = function_list_select(l, NULL);
	ck_assert_uint_eq(rows->len, 3);
	ck_assert_str_eq(row(rows, 0)->name, "foo::bar(double)");
	ck_assert_uint_eq(row(rows, 0)->total, 4);
	ck_assert_str_eq(row(rows, 1)->name, "foo::bar(int)");
	ck_assert_str_eq(row(rows, 2)->name, "foo::bar");
	function_list_free(l);
}
END_TEST

START_TEST(full_names_have_arguments)
{
	FunctionList *l = function_list_new(TRUE);
	g_autoptr(GPtrArray) rows = NULL;

	add(l, "3\t3\t3\t3\t/bin/a\t_ZN3foo3barEi\n");
	rows = function_list_select(l, NULL);
	ck_assert_str_eq(row(rows, 0)->name, "foo::bar(int)");
	function_list_free(l);
}
END_TEST

static guint matching(const FunctionList *l, const char *filter)
{
	g_autoptr(GRegex) regex = g_regex_new(filter, 0, 0, NULL);
	g_autoptr(GPtrArray) rows = function_list_select(l, regex);

	return rows->len;
}

START_TEST(names_and_objects_match)
{
	FunctionList *l = function_list_new(FALSE);

	add(l, "1\t1\t1\t1\t/bin/a\tmain\n1\t1\t1\t1\t/lib/c\tread\n");
	ck_assert_uint_eq(matching(l, "^main$"), 1);
	ck_assert_uint_eq(matching(l, "^/lib/c:"), 1);
	ck_assert_uint_eq(matching(l, "a"), 2);
	ck_assert_uint_eq(matching(l, "z"), 0);
	function_list_free(l);
}
END_TEST

START_TEST(any_bytes_are_survived)
{
	static const char bytes[] = "1\t2\t3\n-1\t1\t1\t1\tx\ty\n\n\t\t\t\t\t\n"
		"99999999999999999999\t1\t1\t1\tx\ty\n4\t4\t4\t4\t\xff\t\xfe\t"
		"z\n2\t2\t2\t2\tx\ty\0\n";
	FunctionList *l = function_list_new(FALSE);
	g_autoptr(GPtrArray) rows = NULL;

	function_list_add(l, bytes, sizeof(bytes));
	function_list_add(l, "", 0);
	rows = function_list_select(l, NULL);
	ck_assert_uint_eq(function_list_samples(l), 6);
	ck_assert_uint_eq(rows->len, 2);
	ck_assert(g_utf8_validate(row(rows, 0)->object, -1, NULL));
	function_list_free(l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("function-list");
	TCase *t = tcase_create("all");

	tcase_add_test(t, several_are_added_up);
	tcase_add_test(t, what_shares_a_short_name_is_told_apart);
	tcase_add_test(t, full_names_have_arguments);
	tcase_add_test(t, names_and_objects_match);
	tcase_add_test(t, any_bytes_are_survived);
	suite_add_tcase(s, t);
	return runner_run(s);
}
