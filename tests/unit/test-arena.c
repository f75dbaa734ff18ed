/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/arena.h"

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static bool all_zero(const void *at, size_t size)
{
	const uint8_t *p = at;

	return size == 0 || (p[0] == 0 && memcmp(p, p + 1, size - 1) == 0);
}

START_TEST(allocations_are_aligned_zeroed_and_apart)
{
	struct arena a = ARENA_INIT;
	uint8_t *before = NULL;
	size_t before_size = 0;

	for (size_t size = 0; size < 3000; size += 7) {
		uint8_t *p = arena_alloc(&a, size);

		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t)p % 16, 0);
		ck_assert(all_zero(p, size));
		ck_assert(before == NULL || p >= before + before_size ||
			  p + size <= before);
		memset(p, 0xa5, size);
		before = p;
		before_size = size;
	}
	ck_assert_uint_eq(a.mapped, arena_total());
	arena_release(&a);
	ck_assert_uint_eq(arena_total(), 0);
}
END_TEST

START_TEST(large_allocations_get_a_chunk_of_their_own)
{
	struct arena a = ARENA_INIT;
	size_t size = 5u << 20;
	uint8_t *p = arena_alloc(&a, size);

	ck_assert_ptr_nonnull(p);
	p[0] = p[size - 1] = 1;
	ck_assert_uint_ge(a.mapped, size);
	arena_clear(&a);
	ck_assert_uint_eq(a.mapped, 0);
	ck_assert_uint_eq(arena_total(), 0);
}
END_TEST

START_TEST(clear_keeps_one_chunk_and_zeroes_it)
{
	struct arena a = ARENA_INIT;
	size_t one;

	memset(arena_alloc(&a, 1000), 0xff, 1000);
	one = a.mapped;
	for (int i = 0; i < 2000; i++)
		memset(arena_alloc(&a, 1000), 0xff, 1000);
	ck_assert_uint_gt(a.mapped, one);
	arena_clear(&a);
	ck_assert_uint_eq(a.mapped, one);
	while (a.mapped == one) {
		uint8_t *p = arena_alloc(&a, 1000);

		ck_assert(all_zero(p, 1000));
	}
	arena_release(&a);
}
END_TEST

START_TEST(impossible_sizes_are_refused)
{
	struct arena a = ARENA_INIT;

	ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX));
	ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX - 40));
	ck_assert_ptr_null(arena_alloc(&a, (size_t)1 << 60));
	ck_assert_ptr_null(arena_block(NULL, 0, SIZE_MAX));
	ck_assert_ptr_null(arena_block(NULL, 0, 0));
	ck_assert_ptr_null(arena_block(NULL, 0, (size_t)1 << 60));
	ck_assert_uint_eq(arena_total(), 0);
	ck_assert_ptr_nonnull(arena_alloc(&a, 1));
	arena_release(&a);
}
END_TEST

START_TEST(blocks_grow_and_shrink_with_their_content)
{
	size_t size = 100;
	uint8_t *b = arena_block(NULL, 0, size);

	for (size_t i = 0; i < size; i++)
		b[i] = (uint8_t)i;
	for (; size < (8u << 20); size *= 3) {
		b = arena_block(b, size, size * 3);
		ck_assert_ptr_nonnull(b);
		b[size * 3 - 1] = 1;
	}
	b = arena_block(b, size, 100);
	ck_assert_ptr_nonnull(b);
	for (size_t i = 0; i < 100; i++)
		ck_assert_uint_eq(b[i], (uint8_t)i);
	arena_block_free(b, 100);
	arena_block_free(NULL, 100);
	ck_assert_uint_eq(arena_total(), 0);
}
END_TEST

START_TEST(a_refused_block_leaves_the_old_one)
{
	uint8_t *b = arena_block(NULL, 0, 4096);

	b[17] = 42;
	arena_set_limit(64 * 1024);
	ck_assert_ptr_null(arena_block(b, 4096, 1u << 20));
	ck_assert_uint_eq(b[17], 42);
	ck_assert_uint_eq(arena_total(), 4096);
	b = arena_block(b, 4096, 64 * 1024);
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_null(arena_block(NULL, 0, 1));
	arena_set_limit(SIZE_MAX);
	arena_block_free(b, 64 * 1024);
	ck_assert_uint_eq(arena_total(), 0);
}
END_TEST

/* mincore() answers ENOMEM for what is not mapped. */
static bool is_mapped(void *at)
{
	unsigned char there;

	return mincore((void *)((uintptr_t)at & ~4095ul), 4096, &there) == 0;
}

START_TEST(a_forked_child_has_none_of_it)
{
	struct arena a = ARENA_INIT;
	void *p = arena_alloc(&a, 10);
	void *b = arena_block(NULL, 0, 4096);
	int status;
	pid_t pid;

	b = arena_block(b, 4096, 1u << 20);
	ck_assert(is_mapped(p) && is_mapped(b));
	pid = fork();
	if (pid == 0) {
		arena_reset_after_fork();
		_exit(is_mapped(p) || is_mapped(b) || arena_total() != 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	arena_release(&a);
	arena_block_free(b, 1u << 20);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arena");
	TCase *tc = tcase_create("arena");

	tcase_add_test(tc, allocations_are_aligned_zeroed_and_apart);
	tcase_add_test(tc, large_allocations_get_a_chunk_of_their_own);
	tcase_add_test(tc, clear_keeps_one_chunk_and_zeroes_it);
	tcase_add_test(tc, impossible_sizes_are_refused);
	tcase_add_test(tc, blocks_grow_and_shrink_with_their_content);
	tcase_add_test(tc, a_refused_block_leaves_the_old_one);
	tcase_add_test(tc, a_forked_child_has_none_of_it);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
