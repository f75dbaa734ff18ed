/* SPDX-License-Identifier: MIT */
/* Rows, and what each key does to them. */
#include "tools/viewer-model.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"

static const CalltreeOptions options = { .type = 1 };

static Profile *profile;
static ViewerModel *model;

static void setup(void)
{
	profile = sample_profile_new("work");
	model = viewer_model_new();
	viewer_model_update(model, profile, &options);
}

static void teardown(void)
{
	viewer_model_free(model);
	profile_free(profile);
}

/* "-main 0/70 | +work 30/70": mark and name, own/deep in ms, * the focus. */
static char *shown(void)
{
	const GArray *rows = viewer_model_rows(model);
	guint focus = viewer_model_focus(model), i;
	GString *to = g_string_new(NULL);

	for (i = 0; i < rows->len; i++) {
		const ViewerRow *r = &g_array_index(rows, ViewerRow, i);

		g_string_append_printf(
			to, "%s%s%.*s%s%s %.0f/%.0f", i ? " | " : "",
			i == focus ? "*" : "", (int)r->depth, "......",
			!r->has_children ? "" : r->expanded ? "-" : "+",
			profile_text(profile, r->item->name),
			r->own / SAMPLE_MS, r->deep / SAMPLE_MS);
	}
	return g_string_free(to, FALSE);
}

static void expect(const char *text)
{
	g_autofree char *got = shown();

	ck_assert_str_eq(got, text);
}

static const char *focused(void)
{
	guint row = viewer_model_focus(model);

	if (row == VIEWER_NO_ROW)
		return "";
	return profile_text(profile, g_array_index(
		viewer_model_rows(model), ViewerRow, row).item->name);
}

START_TEST(right_and_left_expand_and_fold)
{
	expect("+main 0/70 | work 20/20 | [not sampled] 10/10");
	viewer_model_expand(model);	/* nothing has the focus */
	viewer_model_fold(model);
	viewer_model_move(model, 1);
	expect("*+main 0/70 | work 20/20 | [not sampled] 10/10");
	viewer_model_expand(model);
	expect("*-main 0/70 | .+work 0/70 | work 20/20 | "
	       "[not sampled] 10/10");
	viewer_model_expand(model);
	viewer_model_expand(model);
	viewer_model_expand(model);
	expect("-main 0/70 | .-work 0/70 | *..memcpy 40/40 | "
	       "..libx.so+0x10 30/30 | work 20/20 | [not sampled] 10/10");
	viewer_model_expand(model);	/* a leaf */
	viewer_model_fold(model);
	ck_assert_str_eq(focused(), "work");
	viewer_model_fold(model);
	expect("-main 0/70 | *.+work 0/70 | work 20/20 | "
	       "[not sampled] 10/10");
	viewer_model_fold(model);
	ck_assert_str_eq(focused(), "main");
	viewer_model_fold(model);
	viewer_model_fold(model);	/* there is nothing above */
	expect("*+main 0/70 | work 20/20 | [not sampled] 10/10");
}
END_TEST

START_TEST(up_and_down_stay_inside)
{
	viewer_model_move(model, -1);
	ck_assert_uint_eq(viewer_model_focus(model), VIEWER_NO_ROW);
	viewer_model_move(model, 100);
	ck_assert_uint_eq(viewer_model_focus(model), 2);
	viewer_model_move(model, -1);
	ck_assert_uint_eq(viewer_model_focus(model), 1);
	viewer_model_move(model, -100);
	ck_assert_uint_eq(viewer_model_focus(model), 0);
	viewer_model_defocus(model);
	ck_assert_uint_eq(viewer_model_focus(model), VIEWER_NO_ROW);
	viewer_model_move_to(model, 3);	/* there is none */
	ck_assert_uint_eq(viewer_model_focus(model), VIEWER_NO_ROW);
}
END_TEST

START_TEST(the_hotspot_is_the_heaviest_leaf)
{
	viewer_model_hotspot(model);
	expect("-main 0/70 | .-work 0/70 | *..memcpy 40/40 | "
	       "..libx.so+0x10 30/30 | work 20/20 | [not sampled] 10/10");
	/* of a leaf: that of the root, again */
	viewer_model_move(model, 2);
	ck_assert_str_eq(focused(), "work");
	viewer_model_hotspot(model);
	ck_assert_str_eq(focused(), "memcpy");
	viewer_model_set_order(model, VIEWER_BY_DEEP, TRUE);
	viewer_model_defocus(model);
	viewer_model_hotspot(model);
	ck_assert_str_eq(focused(), "[not sampled]");
}
END_TEST

START_TEST(layouts_agree_on_totals)
{
	gint64 total = viewer_model_tree(model)->total;

	viewer_model_set_layout(model, VIEWER_FLAT);
	expect("work 20/90 | main 0/70 | memcpy 40/40 | "
	       "libx.so+0x10 30/30 | [not sampled] 10/10");
	ck_assert_int_eq(viewer_model_tree(model)->total, total);
	viewer_model_move(model, 1);
	viewer_model_expand(model);
	viewer_model_fold(model);
	viewer_model_hotspot(model);
	ck_assert_str_eq(focused(), "work");
	viewer_model_set_layout(model, VIEWER_CALLERS);
	expect("+memcpy 40/40 | +libx.so+0x10 30/30 | work 20/20 | "
	       "[not sampled] 10/10");
	ck_assert_int_eq(viewer_model_tree(model)->total, total);
	viewer_model_hotspot(model);
	expect("-memcpy 40/40 | .-work 0/40 | *..main 0/40 | "
	       "+libx.so+0x10 30/30 | work 20/20 | [not sampled] 10/10");
	/* each layout has its own focus and expansion */
	viewer_model_set_layout(model, VIEWER_FLAT);
	ck_assert_str_eq(focused(), "work");
	viewer_model_set_layout(model, VIEWER_NESTED);
	expect("+main 0/70 | work 20/20 | [not sampled] 10/10");
}
END_TEST

START_TEST(columns_sort_both_ways)
{
	viewer_model_set_layout(model, VIEWER_FLAT);
	viewer_model_set_order(model, VIEWER_BY_OWN, FALSE);
	expect("memcpy 40/40 | libx.so+0x10 30/30 | work 20/90 | "
	       "[not sampled] 10/10 | main 0/70");
	viewer_model_set_order(model, VIEWER_BY_OWN, TRUE);
	expect("main 0/70 | [not sampled] 10/10 | work 20/90 | "
	       "libx.so+0x10 30/30 | memcpy 40/40");
	viewer_model_set_order(model, VIEWER_BY_FUNCTION, FALSE);
	expect("[not sampled] 10/10 | libx.so+0x10 30/30 | main 0/70 | "
	       "memcpy 40/40 | work 20/90");
}
END_TEST

START_TEST(threads_stand_above_their_stacks)
{
	viewer_model_set_threads(model, TRUE);
	expect("+worker-101 0/50 | +worker-100 0/40 | "
	       "+[not sampled] 0/10");
	viewer_model_hotspot(model);
	expect("-worker-101 0/50 | .-main 0/30 | ..-work 0/30 | "
	       "*...libx.so+0x10 30/30 | .work 20/20 | +worker-100 0/40 | "
	       "+[not sampled] 0/10");
	viewer_model_set_layout(model, VIEWER_CALLERS);
	viewer_model_hotspot(model);
	expect("-worker-101 0/50 | .-libx.so+0x10 30/30 | ..-work 0/30 | "
	       "*...main 0/30 | .work 20/20 | +worker-100 0/40 | "
	       "+[not sampled] 0/10");
	viewer_model_set_layout(model, VIEWER_FLAT);
	expect("worker-101 50/50 | worker-100 40/40 | [not sampled] 10/10");
}
END_TEST

START_TEST(searching_finds_folded_rows)
{
	ck_assert_uint_eq(viewer_model_search(model, "MEM", FALSE), 1);
	ck_assert_str_eq(focused(), "memcpy");
	ck_assert_uint_eq(viewer_model_focus(model), 2);
	viewer_model_defocus(model);
	ck_assert_uint_eq(viewer_model_search(model, "work", FALSE), 2);
	ck_assert_uint_eq(viewer_model_focus(model), 1);
	ck_assert_uint_eq(viewer_model_search(model, "work", FALSE), 2);
	ck_assert_uint_eq(viewer_model_focus(model), 4);
	ck_assert_uint_eq(viewer_model_search(model, "work", FALSE), 2);
	ck_assert_uint_eq(viewer_model_focus(model), 1);
	ck_assert_uint_eq(viewer_model_search(model, "work", TRUE), 2);
	ck_assert_uint_eq(viewer_model_focus(model), 4);
	ck_assert_uint_eq(viewer_model_search(model, "nothing", FALSE), 0);
	ck_assert_uint_eq(viewer_model_focus(model), 4);
	viewer_model_set_layout(model, VIEWER_FLAT);
	ck_assert_uint_eq(viewer_model_search(model, "m", TRUE), 3);
	ck_assert_str_eq(focused(), "[not sampled]");
}
END_TEST

/* Another Profile, with other indices for the same names. */
START_TEST(an_update_keeps_expansion_and_focus)
{
	const char *before = "-main 0/70 | .-work 0/70 | *..memcpy 40/40 | "
			     "..libx.so+0x10 30/30 | work 20/20 | "
			     "[not sampled] 10/10";
	Profile *other = sample_profile_new("other");

	viewer_model_hotspot(model);
	expect(before);
	viewer_model_update(model, NULL, NULL);
	ck_assert_uint_eq(viewer_model_rows(model)->len, 0);
	profile_free(profile);
	profile = profile_new();
	profile_string(profile, "something else first", -1);
	viewer_model_update(model, profile, &options);
	ck_assert_uint_eq(viewer_model_focus(model), VIEWER_NO_ROW);
	profile_free(profile);
	profile = other;
	/* main > other > memcpy: the nearest row that is left */
	viewer_model_update(model, profile, &options);
	ck_assert_str_eq(focused(), "main");
	viewer_model_update(model, NULL, NULL);
	profile_free(profile);
	profile = sample_profile_new("work");
	viewer_model_update(model, profile, &options);
	expect(before);
}
END_TEST

START_TEST(shares_are_of_all_or_of_the_parent)
{
	const GArray *rows;

	viewer_model_hotspot(model);
	rows = viewer_model_rows(model);
	ck_assert_double_eq(g_array_index(rows, ViewerRow, 2).base,
			    100.0 * SAMPLE_MS);
	viewer_model_set_base(model, VIEWER_OF_PARENT);
	rows = viewer_model_rows(model);
	ck_assert_double_eq(g_array_index(rows, ViewerRow, 2).base,
			    70.0 * SAMPLE_MS);
	ck_assert_double_eq(g_array_index(rows, ViewerRow, 0).base,
			    100.0 * SAMPLE_MS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("viewer-model");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, right_and_left_expand_and_fold);
	tcase_add_test(tcase, up_and_down_stay_inside);
	tcase_add_test(tcase, the_hotspot_is_the_heaviest_leaf);
	tcase_add_test(tcase, layouts_agree_on_totals);
	tcase_add_test(tcase, columns_sort_both_ways);
	tcase_add_test(tcase, threads_stand_above_their_stacks);
	tcase_add_test(tcase, searching_finds_folded_rows);
	tcase_add_test(tcase, an_update_keeps_expansion_and_focus);
	tcase_add_test(tcase, shares_are_of_all_or_of_the_parent);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
