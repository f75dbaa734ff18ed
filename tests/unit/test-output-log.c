/* SPDX-License-Identifier: MIT */
/* All that was written comes out again; the last lines are safe to show. */
#include "tools/output-log.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static void add(OutputLog *l, const char *text)
{
	output_log_add(l, text, strlen(text));
}

static void expect_tail(const OutputLog *l, guint rows, const char *text)
{
	GPtrArray *lines = output_log_tail(l, rows);
	g_autofree char *joined = NULL;

	g_ptr_array_add(lines, NULL);
	joined = g_strjoinv("|", (char **)lines->pdata);
	ck_assert_str_eq(joined, text);
	g_ptr_array_unref(lines);
}

START_TEST(the_last_lines)
{
	OutputLog *l = output_log_new(NULL);

	expect_tail(l, 5, "");
	add(l, "one\r\ntwo\r\nth");
	expect_tail(l, 5, "one|two|th");
	add(l, "ree\n");
	expect_tail(l, 2, "two|three");
	output_log_free(l);
}
END_TEST

START_TEST(no_control_reaches_the_screen)
{
	OutputLog *l = output_log_new(NULL);

	add(l, "10 %\r20 %\r30 %\r\n");
	add(l, "\033[1;31mred\033[0m\tplain\033]0;title\a!\a\n");
	add(l, "cut \033[1");
	expect_tail(l, 5, "30 %|red plain!\\x07|cut ");
	output_log_free(l);
}
END_TEST

START_TEST(everything_is_copied_once)
{
	OutputLog *l = output_log_new(NULL);
	g_autofree char *path = NULL;
	g_autofree char *got = NULL;
	g_autofree char *many = g_strnfill(300000, 'x');
	gsize size;
	int fd = g_file_open_tmp(NULL, &path, NULL);

	add(l, many);
	ck_assert_int_eq(output_log_copy(l, fd), 0);
	output_log_add(l, "a\0b", 3);
	ck_assert_int_eq(output_log_copy(l, fd), 0);
	ck_assert_int_eq(output_log_copy(l, fd), 0);
	ck_assert(g_file_get_contents(path, &got, &size, NULL));
	ck_assert_uint_eq(size, 300003);
	ck_assert(memcmp(got, many, 300000) == 0);
	ck_assert(memcmp(got + 300000, "a\0b", 3) == 0);
	expect_tail(l, 0, "");
	add(l, "more");
	ck_assert_int_ne(output_log_copy(l, -1), 0);
	close(fd);
	unlink(path);
	output_log_free(l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("output-log");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, the_last_lines);
	tcase_add_test(tcase, no_control_reaches_the_screen);
	tcase_add_test(tcase, everything_is_copied_once);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
