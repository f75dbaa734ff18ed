/* SPDX-License-Identifier: MIT */
#include "agent/format.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

static char text[512];
static struct format f;

static void setup(void)
{
	memset(text, '#', sizeof(text));
	format_init(&f, text, sizeof(text));
}

START_TEST(begins_empty)
{
	ck_assert_str_eq(text, "");
	ck_assert_uint_eq(f.used, 0);
	ck_assert(!f.cut);
}
END_TEST

START_TEST(numbers)
{
	format_unsigned(&f, 0);
	format_char(&f, ' ');
	format_unsigned(&f, UINT64_MAX);
	format_char(&f, ' ');
	format_signed(&f, INT64_MIN);
	format_char(&f, ' ');
	format_signed(&f, INT64_MAX);
	format_char(&f, ' ');
	format_signed(&f, -1);
	ck_assert_str_eq(text, "0 18446744073709551615 -9223372036854775808 "
			 "9223372036854775807 -1");
}
END_TEST

START_TEST(hex_has_at_least_the_digits_asked)
{
	format_hex(&f, 0, 0);
	format_char(&f, ' ');
	format_hex(&f, 0xab, 4);
	format_char(&f, ' ');
	format_hex(&f, UINT64_MAX, 1);
	format_char(&f, ' ');
	format_hex(&f, 1, 99);
	ck_assert_str_eq(text, "0 00ab ffffffffffffffff 0000000000000001");
}
END_TEST

START_TEST(quotes_keep_one_line)
{
	format_quoted(&f, "a\"b\\c\n\t\x01\x7f\xc3z", 100);
	ck_assert_str_eq(text, "\"a\\\"b\\\\c\\n\\t\\x01\\x7f\\xc3z\"");
	format_init(&f, text, sizeof(text));
	format_quoted(&f, "abcdef", 6);
	format_quoted(&f, "abcdef", 5);
	format_quoted(&f, "", 5);
	format_quoted(&f, NULL, 5);
	ck_assert_str_eq(text, "\"abcdef\"\"abcde\"...\"\"(null)");
}
END_TEST

START_TEST(conversions)
{
	format_printf(&f, "%s|%c|%d|%u|%ld|%lu|%x|%lx|%q|%%|%s", "str", 'c', -5,
		      UINT_MAX, LONG_MIN, ULONG_MAX, 0xbeefu, 0xfeedfacecafel,
		      "q\n", (char *)NULL);
	ck_assert_str_eq(text, "str|c|-5|4294967295|-9223372036854775808|"
			 "18446744073709551615|beef|feedfacecafe|\"q\\n\"|%|"
			 "(null)");
}
END_TEST

START_TEST(what_it_does_not_know_stays)
{
	format_printf(&f, "%z %l %5d %lz end%", 1);
	ck_assert_str_eq(text, "%z %l %5d %lz end%");
}
END_TEST

START_TEST(what_does_not_fit_is_cut)
{
	for (size_t size = 1; size < 12; size++) {
		memset(text, '#', sizeof(text));
		format_init(&f, text, size);
		format_printf(&f, "%s-%u", "abcd", 12345);
		ck_assert_int_eq(f.cut, size < 11);
		ck_assert_uint_eq(f.used, size - 1 < 10 ? size - 1 : 10);
		ck_assert_int_eq(strncmp(text, "abcd-12345", f.used), 0);
		ck_assert_int_eq(text[f.used], '\0');
		ck_assert_int_eq(text[size], '#');
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("format");
	TCase *tc = tcase_create("format");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, begins_empty);
	tcase_add_test(tc, numbers);
	tcase_add_test(tc, hex_has_at_least_the_digits_asked);
	tcase_add_test(tc, quotes_keep_one_line);
	tcase_add_test(tc, conversions);
	tcase_add_test(tc, what_it_does_not_know_stays);
	tcase_add_test(tc, what_does_not_fit_is_cut);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
