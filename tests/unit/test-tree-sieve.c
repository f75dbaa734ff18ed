/* SPDX-License-Identifier: MIT */
#include "tools/tree-sieve.h"

#include <check.h>

#include "tests/unit/runner.h"

/* How many frames of a stack of `n` frames from `first` on have a node. */
static guint depth_of(const TreeSieve *s, guint32 first, guint n)
{
	TreePath at = { 0 };
	guint i;

	for (i = 0; i < n && tree_sieve_has(s, &at, first + i); i++)
		;
	return i;
}

static void weigh(TreeSieve *s, guint32 first, guint n, double weight)
{
	TreePath at = { 0 };
	guint i;

	for (i = 0; i < n; i++)
		tree_sieve_weigh(s, &at, first + i, weight);
}

START_TEST(the_heaviest_stacks_are_whole)
{
	TreeSieve s;
	guint32 i;

	tree_sieve_init(&s, 100);
	for (i = 0; i < 100; i++)
		weigh(&s, i * 100, 10, i < 10 ? 1000 : 10);
	tree_sieve_cut(&s);
	for (i = 0; i < 10; i++)
		ck_assert_uint_eq(depth_of(&s, i * 100, 10), 10);
	/* by chance one may share the cell of a heavy one */
	for (i = 10; i < 100; i++)
		ck_assert_uint_le(depth_of(&s, i * 100, 10), 2);
	tree_sieve_release(&s);
}
END_TEST

START_TEST(what_weighs_the_same_is_cut_at_one_depth)
{
	TreeSieve s;
	guint32 i;

	tree_sieve_init(&s, 350);
	for (i = 0; i < 100; i++)
		weigh(&s, i * 100, 10, 7);
	tree_sieve_cut(&s);
	for (i = 0; i < 100; i++) {
		ck_assert_uint_ge(depth_of(&s, i * 100, 10), 3);
		ck_assert_uint_le(depth_of(&s, i * 100, 10), 6);
	}
	tree_sieve_release(&s);
}
END_TEST

START_TEST(one_long_stack_is_cut_where_the_room_ends)
{
	TreeSieve s;

	tree_sieve_init(&s, 5000);
	weigh(&s, 1, 100000, 1);
	tree_sieve_cut(&s);
	/* one in ten of the others shares a cell with another, which is then
	 * taken for heavy: room for that many less */
	ck_assert_uint_ge(depth_of(&s, 1, 100000), 4400);
	ck_assert_uint_le(depth_of(&s, 1, 100000), 5100);
	tree_sieve_release(&s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-sieve");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_heaviest_stacks_are_whole);
	tcase_add_test(tcase, what_weighs_the_same_is_cut_at_one_depth);
	tcase_add_test(tcase, one_long_stack_is_cut_where_the_room_ends);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
