/* SPDX-License-Identifier: MIT */
#include "agent/calls.h"

#include <check.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "tests/unit/runner.h"

START_TEST(names_are_found_by_number)
{
	ck_assert_str_eq(calls_name(SYS_futex), "futex");
	ck_assert_str_eq(calls_name(SYS_read), "read");
	ck_assert_str_eq(calls_name(SYS_epoll_wait), "epoll_wait");
	ck_assert_str_eq(calls_name(SYS_clock_nanosleep), "clock_nanosleep");
	ck_assert_str_eq(calls_name(-1), "page fault");
}
END_TEST

START_TEST(any_number_has_a_name)
{
	int nr;

	for (nr = -5; nr < 2000; nr++)
		ck_assert_int_ne(calls_name(nr)[0], '\0');
	ck_assert_str_eq(calls_name(100000), "system call");
	ck_assert_str_eq(calls_name(SYS_getpid), "system call");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("calls");
	TCase *tc = tcase_create("calls");

	tcase_add_test(tc, names_are_found_by_number);
	tcase_add_test(tc, any_number_has_a_name);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
