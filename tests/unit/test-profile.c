/* SPDX-License-Identifier: MIT */
#include "tools/profile.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

START_TEST(equal_strings_are_one)
{
	g_autoptr(Profile) p = profile_new();
	ProfileString a = profile_string(p, "work", -1);

	ck_assert_uint_eq(profile_string(p, "", -1), 0);
	ck_assert_uint_eq(profile_string(p, "worker", 4), a);
	ck_assert_uint_ne(profile_string(p, "worker", -1), a);
	ck_assert_str_eq(profile_text(p, a), "work");
	ck_assert_str_eq(profile_text(p, 0), "");
	ck_assert_str_eq(profile_text(p, 123456), "");
}
END_TEST

START_TEST(any_bytes_become_text)
{
	g_autoptr(Profile) p = profile_new();
	const char *nul = profile_text(p, profile_string(p, "a\0b", 3));
	const char *bad = profile_text(p, profile_string(p, "a\xff" "b", -1));

	ck_assert_str_eq(nul, "a\xef\xbf\xbd" "b");
	ck_assert_str_eq(bad, nul);
	ck_assert_str_eq(profile_text(p, profile_string(p, "\xc3\xa4", 2)),
			 "\xc3\xa4");
}
END_TEST

START_TEST(a_name_of_a_mebibyte)
{
	g_autoptr(Profile) p = profile_new();
	g_autofree char *name = g_strnfill(1 << 20, 'x');
	ProfileString s = profile_string(p, name, 1 << 20);

	ck_assert_uint_eq(strlen(profile_text(p, s)), 1 << 20);
}
END_TEST

START_TEST(types_are_found_by_name)
{
	g_autoptr(Profile) p = profile_new();

	p->type[0].type = profile_string(p, "samples", -1);
	p->type[1].type = profile_string(p, "cpu", -1);
	p->type_count = 2;
	ck_assert_int_eq(profile_find_type(p, "cpu"), 1);
	ck_assert_int_eq(profile_find_type(p, "wall"), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("profile");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, equal_strings_are_one);
	tcase_add_test(tcase, any_bytes_become_text);
	tcase_add_test(tcase, a_name_of_a_mebibyte);
	tcase_add_test(tcase, types_are_found_by_name);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
