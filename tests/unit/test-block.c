/* SPDX-License-Identifier: MIT */
#include "agent/block.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/runner.h"

START_TEST(what_was_pushed_stays)
{
	struct block b = { 0 };
	uint32_t i, *at, wrong = 0;

	for (i = 0; i < 100000; i++) {
		at = block_push(&b, sizeof(*at));
		if (at == NULL)
			ck_abort_msg("no memory");
		wrong += *at != 0;		/* fresh pages */
		*at = i;
	}
	ck_assert_uint_eq(b.size, 100000 * sizeof(*at));
	ck_assert_uint_ge(b.capacity, b.size);
	for (i = 0; i < 100000; i++)
		wrong += ((uint32_t *)b.data)[i] != i;
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

START_TEST(one_push_beyond_the_capacity)
{
	struct block b = { 0 };
	char *at = block_push(&b, 3);

	memcpy(at, "abc", 3);
	at = block_push(&b, 1000000);
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(memcmp(b.data, "abc", 3), 0);
	memset(at, 1, 1000000);
	ck_assert_ptr_eq(at, (char *)b.data + 3);
}
END_TEST

START_TEST(without_memory_it_stays_as_it_was)
{
	struct block b = { 0 };
	struct block before;

	memcpy(block_push(&b, 4), "here", 4);
	before = b;
	ck_assert_ptr_null(block_push(&b, SIZE_MAX / 4));
	ck_assert_mem_eq(&b, &before, sizeof(b));
	ck_assert_int_eq(memcmp(b.data, "here", 4), 0);
}
END_TEST

/* A fork would copy its page tables, for nothing. */
START_TEST(a_forked_child_has_none_of_it)
{
	struct block b = { 0 };
	int status;
	pid_t pid;

	memcpy(block_push(&b, 5), "kept", 5);
	pid = fork();
	if (pid == 0)
		_exit(msync(b.data, b.capacity, MS_ASYNC) == -1 &&
		      errno == ENOMEM ? 0 : 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("block");
	TCase *all = tcase_create("all");

	tcase_add_test(all, what_was_pushed_stays);
	tcase_add_test(all, one_push_beyond_the_capacity);
	tcase_add_test(all, without_memory_it_stays_as_it_was);
	tcase_add_test(all, a_forked_child_has_none_of_it);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
