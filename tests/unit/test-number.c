/* SPDX-License-Identifier: MIT */
#include "tools/number.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#define LEAST -5
#define MOST 1000

static const struct {
	const char *text;
	gint64 n;
} whole[] = {
	{ "0", 0 }, { "7", 7 }, { "010", 10 }, { "1000", 1000 }, { "-5", -5 },
};

static const char *const not_whole[] = {
	"", " 5", "5 ", "+5", "5x", "0x10", "1.5", "1e2", "nan", "inf", "-6",
	"1001", "1000000000000000000", "99999999999999999999999", "-",
};

START_TEST(whole_numbers_are_decimal)
{
	g_autoptr(GError) error = NULL;
	gint64 n = 42;

	ck_assert(number_take("--limit", whole[_i].text, LEAST, MOST, NULL,
			      &n, &error));
	ck_assert_int_eq(n, whole[_i].n);
	ck_assert_ptr_null(error);
}
END_TEST

START_TEST(what_is_none_says_what_is_valid)
{
	g_autoptr(GError) error = NULL;
	gint n = 42;

	ck_assert_msg(!number_take_int("--limit", not_whole[_i], LEAST, MOST,
				       "0 for all", &n, &error),
		      "'%s'", not_whole[_i]);
	ck_assert_int_eq(n, 42);
	ck_assert(g_error_matches(error, G_OPTION_ERROR,
				  G_OPTION_ERROR_BAD_VALUE));
	ck_assert_ptr_nonnull(strstr(error->message, "--limit"));
	ck_assert_ptr_nonnull(strstr(error->message, "from -5 to 1000"));
	ck_assert_ptr_nonnull(strstr(error->message, "0 for all"));
	ck_assert_ptr_null(strchr(error->message, '\n'));
}
END_TEST

START_TEST(an_option_that_was_not_given_stays)
{
	double percent = -1;
	gint64 n = 42;

	ck_assert(number_take("-n", NULL, 0, 1, NULL, &n, NULL));
	ck_assert_int_eq(n, 42);
	ck_assert(number_take_percent("-p", NULL, &percent, NULL));
	ck_assert_double_eq(percent, -1);
}
END_TEST

static const struct {
	const char *text;
	double n;
} percents[] = {
	{ "0", 0 }, { "0.5", 0.5 }, { ".5", 0.5 }, { "5%", 5 }, { "1e1", 10 },
	{ "100", 100 }, { "2.", 2 },
};

static const char *const not_percents[] = {
	"", "nan", "inf", "-1", "-0.5", "+1", "100.1", "1e400", "0x10", "5x",
	"5%%", " 5", "%", ".", "1e", "0b1",
};

START_TEST(per_cent)
{
	double n = -1;

	ck_assert(number_take_percent("--least", percents[_i].text, &n, NULL));
	ck_assert_double_eq(n, percents[_i].n);
}
END_TEST

START_TEST(what_is_not_per_cent)
{
	g_autoptr(GError) error = NULL;
	double n = 42;

	ck_assert_msg(!number_take_percent("--least", not_percents[_i], &n,
					   &error), "'%s'", not_percents[_i]);
	ck_assert_double_eq(n, 42);
	ck_assert_ptr_nonnull(strstr(error->message, "--least"));
	ck_assert_ptr_nonnull(strstr(error->message, "0 to 100"));
}
END_TEST

START_TEST(a_unit_may_follow)
{
	const char *end = NULL;
	double n = 0;

	ck_assert(number_begins("1.5ms", &n, &end));
	ck_assert_double_eq(n, 1.5);
	ck_assert_str_eq(end, "ms");
	ck_assert(number_begins("2e3us", &n, &end));
	ck_assert_double_eq(n, 2000);
	ck_assert_str_eq(end, "us");
	ck_assert(number_begins("0x10", &n, &end));
	ck_assert_double_eq(n, 0);
	ck_assert_str_eq(end, "x10");
	ck_assert(number_begins("3e", &n, &end));
	ck_assert_double_eq(n, 3);
	ck_assert_str_eq(end, "e");
	ck_assert(!number_begins("ms", &n, &end));
	ck_assert(!number_begins("", &n, &end));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("number");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, whole_numbers_are_decimal, 0,
			    G_N_ELEMENTS(whole));
	tcase_add_loop_test(tcase, what_is_none_says_what_is_valid, 0,
			    G_N_ELEMENTS(not_whole));
	tcase_add_test(tcase, an_option_that_was_not_given_stays);
	tcase_add_loop_test(tcase, per_cent, 0, G_N_ELEMENTS(percents));
	tcase_add_loop_test(tcase, what_is_not_per_cent, 0,
			    G_N_ELEMENTS(not_percents));
	tcase_add_test(tcase, a_unit_may_follow);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
