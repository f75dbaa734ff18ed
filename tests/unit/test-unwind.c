/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/unwind.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

START_TEST(every_end_has_a_word_of_its_own)
{
	for (unsigned i = 0; i < UNWIND_ENDS; i++) {
		ck_assert_ptr_nonnull(unwind_end_names[i]);
		ck_assert_uint_gt(strlen(unwind_end_names[i]), 0);
		ck_assert_ptr_null(strchr(unwind_end_names[i], ' '));
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(unwind_end_names[i],
					 unwind_end_names[k]);
	}
}
END_TEST

START_TEST(backends_are_found_by_name)
{
	ck_assert_ptr_eq(unwind_find("cfi"), &unwind_cfi);
	ck_assert_ptr_eq(unwind_find("fp"), &unwind_fp);
	ck_assert_ptr_null(unwind_find(""));
	ck_assert_ptr_null(unwind_find("CFI"));
	ck_assert_ptr_null(unwind_find("cfi "));
	ck_assert_ptr_null(unwind_find("dwarf"));
}
END_TEST

START_TEST(the_message_names_every_backend)
{
	char names[] = UNWIND_NAMES, *rest = names, *name;
	unsigned n = 0;

	while ((name = strtok_r(rest, ", ", &rest)) != NULL) {
		ck_assert_ptr_nonnull(unwind_find(name));
		ck_assert_str_eq(unwind_find(name)->name, name);
		n++;
	}
	ck_assert_uint_eq(n, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unwind");
	TCase *tc = tcase_create("unwind");

	tcase_add_test(tc, every_end_has_a_word_of_its_own);
	tcase_add_test(tc, backends_are_found_by_name);
	tcase_add_test(tc, the_message_names_every_backend);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
