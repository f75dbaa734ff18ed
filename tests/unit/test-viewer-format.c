/* SPDX-License-Identifier: MIT */
/* Numbers and grades at the values where they change. */
#include "tools/viewer-format.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

typedef struct {
	double value;
	const char *text;
} Case;

static void check_all(void (*format)(char *, double), const Case *cases,
		      gsize n, double unit)
{
	char text[VIEWER_FORMAT_SIZE];
	gsize i;

	for (i = 0; i < n; i++) {
		format(text, cases[i].value * unit);
		ck_assert_str_eq(text, cases[i].text);
	}
}

START_TEST(test_percent)
{
	static const Case cases[] = {
		{ 1, "100" }, { 0.999999, "100" }, { 0.9999, "100" },
		{ 0.988, "98.8" }, { 0.8, "80.0" }, { 0.5, "50.0" },
		{ 0.2, "20.0" }, { 0.1, "10.0" }, { 0.09996, "10.0" },
		{ 0.0999, "9.99" }, { 0.05, "5.00" }, { 0, "0.00" },
		{ 1.5, "150" },
	};

	check_all(viewer_format_percent, cases, G_N_ELEMENTS(cases), 1);
}
END_TEST

START_TEST(test_percent_grade)
{
	static const struct {
		double share;
		ViewerGrade grade;
	} cases[] = {
		{ 1, VIEWER_GRADE_DANGER }, { 0.901, VIEWER_GRADE_DANGER },
		{ 0.9, VIEWER_GRADE_CAUTION }, { 0.701, VIEWER_GRADE_CAUTION },
		{ 0.7, VIEWER_GRADE_WARNING }, { 0.301, VIEWER_GRADE_WARNING },
		{ 0.3, VIEWER_GRADE_NOTICE }, { 0.101, VIEWER_GRADE_NOTICE },
		{ 0.1, VIEWER_GRADE_NONE }, { 0.0001, VIEWER_GRADE_NONE },
		{ 0, VIEWER_GRADE_ZERO }, { -0.1, VIEWER_GRADE_ZERO },
	};
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(cases); i++)
		ck_assert_int_eq(viewer_grade_percent(cases[i].share),
				 cases[i].grade);
}
END_TEST

START_TEST(test_int)
{
	static const Case cases[] = {
		{ 0, "0" }, { 1.234, "1" }, { 4.567, "5" }, { 123, "123" },
		{ 999.4, "999" }, { 999.5, "1.0k" }, { 1000, "1.0k" },
		{ 12345, "12.3k" }, { -12345, "-12.3k" },
		{ 99999999, "100.0M" }, { -99999999, "-100.0M" },
		{ 999949, "999.9k" }, { 999950, "1.0M" },
		{ 999999999, "1.0G" }, { -999999999, "-1.0G" },
		{ 1e24, "1.0Y" }, { 1e27, "o/f" },
		{ 1e255, "o/f" }, { -1e255, "u/f" },
	};
	static const Case or_na[] = {
		{ 0, "n/a" }, { 1.234, "1" }, { 12345, "12.3k" },
	};

	check_all(viewer_format_int, cases, G_N_ELEMENTS(cases), 1);
	check_all(viewer_format_int_or_na, or_na, G_N_ELEMENTS(or_na), 1);
	ck_assert_int_eq(viewer_grade_int(0), VIEWER_GRADE_ZERO);
	ck_assert_int_eq(viewer_grade_int(1), VIEWER_GRADE_NONE);
}
END_TEST

START_TEST(test_time)
{
	static const Case cases[] = {
		{ 0, "0" }, { 1e-9, "1ns" }, { 0.5e-6, "500ns" },
		{ 0.000001, "1us" }, { 0.000123, "123us" },
		{ 0.0009996, "1ms" }, { 0.012345, "12ms" },
		{ 0.123456, "123ms" }, { 0.9996, "1.0sec" },
		{ 1.234567, "1.2sec" }, { 12.34567, "12.3sec" },
		{ 59.94, "59.9sec" }, { 59.96, "1m0s" }, { 60, "1m0s" },
		{ 123.4567, "2m3s" }, { 5999.9, "99m59s" },
		{ 6000, "100m" }, { 6120, "102m" },
	};

	check_all(viewer_format_time, cases, G_N_ELEMENTS(cases), 1e9);
}
END_TEST

START_TEST(test_time_grade)
{
	static const struct {
		double ns;
		ViewerGrade grade;
	} cases[] = {
		{ 0, VIEWER_GRADE_ZERO }, { 1, VIEWER_GRADE_USEC },
		{ 999999, VIEWER_GRADE_USEC }, { 1e6, VIEWER_GRADE_MSEC },
		{ 999999999, VIEWER_GRADE_MSEC }, { 1e9, VIEWER_GRADE_SEC },
		{ 59.99e9, VIEWER_GRADE_SEC }, { 60e9, VIEWER_GRADE_MIN },
	};
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(cases); i++)
		ck_assert_int_eq(viewer_grade_time(cases[i].ns),
				 cases[i].grade);
}
END_TEST

/* Whatever is shown fits the six columns of a number, four of a share. */
START_TEST(test_widths)
{
	char text[VIEWER_FORMAT_SIZE];
	double n;

	for (n = 1e-3; n < 1e26; n *= 1.01) {
		viewer_format_int(text, n);
		ck_assert_uint_le(strlen(text), 6);
		viewer_format_percent(text, fmod(n, 10) / 10);
		ck_assert_uint_le(strlen(text), 4);
	}
	/* seconds are the one exception: "12.3sec" */
	for (n = 1; n < 59e14; n *= 1.01) {
		viewer_format_time(text, n);
		ck_assert_uint_le(strlen(text),
				  n < 9.9e9 || n > 60e9 ? 6 : 7);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("viewer-format");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, test_percent);
	tcase_add_test(tc, test_percent_grade);
	tcase_add_test(tc, test_int);
	tcase_add_test(tc, test_time);
	tcase_add_test(tc, test_time_grade);
	tcase_add_test(tc, test_widths);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
