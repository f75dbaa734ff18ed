/* SPDX-License-Identifier: MIT */
#include "tools/csv.h"

#include <check.h>

#include "tests/unit/runner.h"

START_TEST(cells_are_quoted_where_that_is_needed)
{
	static const char *const titles[] = { "a", "b c", NULL };
	g_autoptr(GString) text = g_string_new(NULL);
	Csv csv;

	csv_init(&csv, text);
	csv_titles(&csv, titles);
	csv_text(&csv, "");
	csv_text(&csv, "x,y");
	csv_text(&csv, "\"");
	csv_text(&csv, "two\nlines");
	csv_text(&csv, "\xff");
	csv_int(&csv, G_MAXUINT64);
	csv_double(&csv, 12.5);
	csv_end_row(&csv);
	csv_int(&csv, 0);
	csv_end_row(&csv);
	ck_assert_str_eq(text->str,
			 "a,b c\r\n"
			 ",\"x,y\",\"\"\"\",\"two\nlines\",\xef\xbf\xbd,"
			 "18446744073709551615,12.5\r\n"
			 "0\r\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("csv");
	TCase *t = tcase_create("all");

	tcase_add_test(t, cells_are_quoted_where_that_is_needed);
	suite_add_tcase(s, t);
	return runner_run(s);
}
