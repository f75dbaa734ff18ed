/* SPDX-License-Identifier: MIT */
/* What the document says of them is in test-page-document. */
#include "tools/page-tables.h"

#include <check.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"

static const char *name_of(const PageTables *t, guint32 frame)
{
	return t->strings->pdata[g_array_index(t->frames, PageFrame,
					       frame).name];
}

/* The frame where a sample's stack ends. */
static guint32 leaf_of(const PageTables *t, guint sample)
{
	guint32 node = g_array_index(t->ends, guint32, sample);

	return stack_tree_node(&t->stacks, node)->frame;
}

START_TEST(every_sample_has_a_node)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	Profile *const both[2] = { p, NULL };
	PageTables t;

	page_tables_init(&t);
	ck_assert_str_eq(t.strings->pdata[0], "");
	page_tables_add(&t, both, FALSE, 1000);
	ck_assert_uint_eq(t.ends->len, p->samples->len);
	ck_assert_str_eq(name_of(&t, leaf_of(&t, 0)), "memcpy");
	ck_assert_str_eq(name_of(&t, leaf_of(&t, 2)), "work");
	ck_assert_uint_eq(g_array_index(t.frames, PageFrame,
					leaf_of(&t, 0)).flags,
			  PAGE_FRAME_INLINED);
	ck_assert_uint_eq(t.folded, 0);
	page_tables_release(&t);
}
END_TEST

START_TEST(what_two_profiles_share_is_there_once)
{
	g_autoptr(Profile) a = sample_profile_new("work");
	g_autoptr(Profile) b = sample_profile_new("work");
	Profile *const one[2] = { a, NULL }, *const two[2] = { a, b };
	PageTables alone, both;
	guint i;

	page_tables_init(&alone);
	page_tables_add(&alone, one, FALSE, 1000);
	page_tables_init(&both);
	page_tables_add(&both, two, FALSE, 1000);
	ck_assert_uint_eq(both.ends->len, 2 * alone.ends->len);
	ck_assert_uint_eq(both.frames->len, alone.frames->len);
	ck_assert_uint_eq(both.strings->len, alone.strings->len);
	ck_assert_uint_eq(both.stacks.nodes->len, alone.stacks.nodes->len);
	for (i = 0; i < alone.ends->len; i++)
		ck_assert_uint_eq(leaf_of(&both, i),
				  leaf_of(&both, alone.ends->len + i));
	page_tables_release(&alone);
	page_tables_release(&both);
}
END_TEST

START_TEST(without_room_the_rest_is_one_frame)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	Profile *const both[2] = { p, NULL };
	PageTables t;

	page_tables_init(&t);
	page_tables_add(&t, both, FALSE, 1);
	ck_assert_uint_gt(t.folded, 0);
	ck_assert_uint_eq(t.ends->len, p->samples->len);
	ck_assert_str_eq(name_of(&t, leaf_of(&t, 1)), PROFILE_SMALL_STACKS);
	page_tables_release(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("page-tables");
	TCase *t = tcase_create("page-tables");

	tcase_add_test(t, every_sample_has_a_node);
	tcase_add_test(t, what_two_profiles_share_is_there_once);
	tcase_add_test(t, without_room_the_rest_is_one_frame);
	suite_add_tcase(s, t);
	return runner_run(s);
}
