/* SPDX-License-Identifier: MIT */
#include "tools/bump.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

static void *take(Bump *b, size_t size)
{
	return b->allocator.alloc(b->allocator.allocator_data, size);
}

START_TEST(pieces_do_not_overlap)
{
	uint8_t *piece[200];
	Bump b;
	int i, k;

	bump_init(&b, 1 << 20);
	for (i = 0; i < 200; i++) {
		piece[i] = take(&b, (size_t)i * 17 + 1);
		ck_assert_ptr_nonnull(piece[i]);
		ck_assert_uint_eq((uintptr_t)piece[i] % 16, 0);
		memset(piece[i], i, (size_t)i * 17 + 1);
	}
	for (i = 0; i < 200; i++)
		for (k = 0; k <= i * 17; k++)
			ck_assert_uint_eq(piece[i][k], i);
	b.allocator.free(b.allocator.allocator_data, piece[3]);
	bump_release(&b);
}
END_TEST

START_TEST(there_is_a_limit)
{
	Bump b;
	int i;

	bump_init(&b, 1 << 20);
	ck_assert_ptr_null(take(&b, SIZE_MAX));
	ck_assert_ptr_null(take(&b, (1 << 20) + 1));
	for (i = 0; i < 1000 && take(&b, 100000); i++)
		;
	ck_assert_int_lt(i, 11);
	ck_assert_uint_le(b.total, 1 << 20);
	bump_clear(&b);
	ck_assert_ptr_nonnull(take(&b, 100000));
	bump_release(&b);
}
END_TEST

START_TEST(clearing_keeps_one_block)
{
	Bump b;
	void *first;

	bump_init(&b, 1 << 24);
	bump_clear(&b);
	first = take(&b, 10);
	take(&b, 1 << 20);
	bump_clear(&b);
	ck_assert_ptr_eq(take(&b, 10), first);
	bump_release(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bump");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, pieces_do_not_overlap);
	tcase_add_test(tcase, there_is_a_limit);
	tcase_add_test(tcase, clearing_keeps_one_block);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
