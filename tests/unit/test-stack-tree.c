/* SPDX-License-Identifier: MIT */
#include "tools/stack-tree.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/runner.h"

START_TEST(equal_beginnings_are_one)
{
	StackTree t;
	guint32 a, b, c;

	stack_tree_init(&t);
	a = stack_tree_add(&t, 0, 7);
	b = stack_tree_add(&t, a, 7);
	c = stack_tree_add(&t, 0, 8);
	ck_assert_uint_eq(stack_tree_add(&t, 0, 7), a);
	ck_assert_uint_eq(stack_tree_add(&t, a, 7), b);
	ck_assert_uint_eq(t.nodes->len, 4);
	ck_assert(a != b && b != c && a != c && a > 0);
	stack_tree_release(&t);
}
END_TEST

/* Against a table of GLib's, over several growths. */
START_TEST(many_nodes_are_found_again)
{
	g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);
	g_autoptr(GRand) rand = g_rand_new_with_seed(3);
	StackTree t;

	stack_tree_init(&t);
	for (int i = 0; i < 200000; i++) {
		guint32 parent = (guint32)
			g_rand_int_range(rand, 0,
					 (gint32)MIN(t.nodes->len, 3000));
		guint32 frame = (guint32)g_rand_int_range(rand, 0, 100);
		guint32 node = stack_tree_add(&t, parent, frame);
		gpointer key = GUINT_TO_POINTER(parent * 100 + frame + 1);
		gpointer before = g_hash_table_lookup(known, key);

		if (before)
			ck_assert_uint_eq(node, GPOINTER_TO_UINT(before));
		else
			g_hash_table_insert(known, key,
					    GUINT_TO_POINTER(node));
		ck_assert_uint_lt(parent, node);
		ck_assert_uint_eq(stack_tree_node(&t, node)->parent, parent);
		ck_assert_uint_eq(stack_tree_node(&t, node)->frame, frame);
	}
	ck_assert_uint_eq(t.nodes->len, g_hash_table_size(known) + 1);
	ck_assert_uint_gt(t.nodes->len, 100000);
	stack_tree_release(&t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stack-tree");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, equal_beginnings_are_one);
	tcase_add_test(tcase, many_nodes_are_found_again);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
