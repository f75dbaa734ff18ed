/* SPDX-License-Identifier: MIT */
#include "tools/weights.h"

#include <check.h>

#include "tests/unit/runner.h"

static guint heavy_count(const Weights *w, guint64 first, guint n)
{
	guint i, count = 0;

	for (i = 0; i < n; i++)
		count += (guint)weights_is_heavy(w, first + i);
	return count;
}

START_TEST(the_heaviest_are_kept)
{
	Weights w;
	guint64 i;

	weights_init(&w, 10);
	for (i = 0; i < 1000; i++)
		weights_add(&w, i, 1e9 + (double)i * 1000);
	weights_cut(&w);
	ck_assert_uint_eq(heavy_count(&w, 990, 10), 10);
	ck_assert_uint_eq(heavy_count(&w, 0, 1000), 10);
	ck_assert(!weights_is_heavy(&w, 5000));
	weights_release(&w);
}
END_TEST

START_TEST(weights_of_one_key_add_up)
{
	Weights w;
	guint i;

	weights_init(&w, 1);
	weights_add(&w, 1, 7);
	weights_add(&w, 2, 5);
	for (i = 0; i < 4; i++)
		weights_add(&w, 3, 2);
	weights_cut(&w);
	ck_assert(weights_is_heavy(&w, 3));
	ck_assert_uint_eq(heavy_count(&w, 0, 10), 1);
	weights_release(&w);
}
END_TEST

START_TEST(of_equal_ones_there_are_as_many_as_have_room)
{
	Weights w;
	guint64 i;

	weights_init(&w, 50);
	for (i = 0; i < 1000; i++)
		weights_add(&w, i, i < 5 ? 3 : 2);
	weights_cut(&w);
	ck_assert_uint_eq(heavy_count(&w, 0, 5), 5);
	ck_assert_uint_eq(heavy_count(&w, 0, 1000), 50);
	weights_release(&w);
}
END_TEST

START_TEST(where_there_is_room_all_are_kept)
{
	Weights w;
	guint64 i;

	weights_init(&w, 1000);
	for (i = 0; i < 1000; i++)
		weights_add(&w, i, 1 + (double)(i % 3));
	weights_cut(&w);
	ck_assert_uint_eq(heavy_count(&w, 0, 2000), 1000);
	weights_release(&w);
}
END_TEST

/* Keys share cells by chance: none is lost, and few others come with them. */
START_TEST(large_keys_have_cells_too)
{
	const guint64 large = G_GUINT64_CONSTANT(1) << 60;
	Weights w;
	guint64 i;

	weights_init(&w, 100);
	for (i = 0; i < 10000; i++)
		weights_add(&w, large + i, i < 100 ? 1000 : 1);
	weights_cut(&w);
	ck_assert_uint_ge(heavy_count(&w, large, 100), 98);
	/* of 9900 in 2^20 cells one is expected to meet one of the 100 */
	ck_assert_uint_le(heavy_count(&w, large, 10000), 110);
	weights_release(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("weights");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_heaviest_are_kept);
	tcase_add_test(tcase, weights_of_one_key_add_up);
	tcase_add_test(tcase, of_equal_ones_there_are_as_many_as_have_room);
	tcase_add_test(tcase, where_there_is_room_all_are_kept);
	tcase_add_test(tcase, large_keys_have_cells_too);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
