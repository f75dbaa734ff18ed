/* SPDX-License-Identifier: MIT */
/* Columns for screens of all widths, and what stands in them. */
#include "tools/viewer-table.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"
#include "tools/screen.h"

/* "FUNCTION 0+57, OWN 58+6, ..." */
static char *columns(guint width, const char *unit)
{
	GString *to = g_string_new(NULL);
	ViewerTable t;
	guint i;

	viewer_table_init(&t, width, unit);
	for (i = 0; i < t.count; i++)
		g_string_append_printf(to, "%s%s %u+%u", i ? ", " : "",
				       t.columns[i].title, t.columns[i].column,
				       t.columns[i].width);
	return g_string_free(to, FALSE);
}

static void expect(char *got, const char *text)
{
	ck_assert_str_eq(got, text);
	g_free(got);
}

START_TEST(widths_add_up)
{
	guint width;

	expect(columns(80, "nanoseconds"), "FUNCTION 0+56, OWN 57+6, % 64+4, "
	       "DEEP 69+6, % 76+4");
	expect(columns(200, "nanoseconds"), "FUNCTION 0+160, OWN 161+6, "
	       "TIME 168+7, % 176+4, DEEP 181+6, TIME 188+7, % 196+4");
	expect(columns(200, "bytes"), "FUNCTION 0+176, OWN 177+6, % 184+4, "
	       "DEEP 189+6, % 196+4");
	for (width = 0; width < 400; width++) {
		ViewerTable t;
		const ViewerColumn *last;

		viewer_table_init(&t, width, "nanoseconds");
		last = &t.columns[t.count - 1];
		if (width >= 24)
			ck_assert_uint_eq(last->column + last->width, width);
		ck_assert_uint_le(t.columns[0].width, width);
	}
}
END_TEST

static void expect_cell(const ViewerTable *t, ViewerCellKind kind,
			const ViewerRow *row, const char *text, guint style)
{
	ViewerCell cell;

	viewer_table_cell(t, kind, row, &cell);
	ck_assert_str_eq(cell.text, text);
	ck_assert_uint_eq(cell.style, style);
}

START_TEST(cells_have_numbers_and_styles)
{
	const ViewerRow row = { .own = 0, .deep = 95e9, .own_count = 0,
				.deep_count = 12345, .base = 100e9 };
	ViewerTable t;

	viewer_table_init(&t, 200, "nanoseconds");
	expect_cell(&t, VIEWER_CELL_OWN, &row, "n/a", SCREEN_ZERO);
	expect_cell(&t, VIEWER_CELL_OWN_TIME, &row, "0", SCREEN_ZERO);
	expect_cell(&t, VIEWER_CELL_OWN_SHARE, &row, "0.00", SCREEN_ZERO);
	expect_cell(&t, VIEWER_CELL_DEEP, &row, "12.3k", SCREEN_PLAIN);
	expect_cell(&t, VIEWER_CELL_DEEP_TIME, &row, "1m35s", SCREEN_DANGER);
	expect_cell(&t, VIEWER_CELL_DEEP_SHARE, &row, "95.0", SCREEN_DANGER);
	/* values that are no times are shown themselves */
	viewer_table_init(&t, 200, "bytes");
	expect_cell(&t, VIEWER_CELL_DEEP, &row, "95.0G", SCREEN_PLAIN);
}
END_TEST

/* "name place" of the item called `name` */
static char *name_of(Calltree *t, const char *name)
{
	guint i;

	for (i = 0; i < t->items->len; i++) {
		const CalltreeItem *item = &g_array_index(t->items,
							  CalltreeItem, i);
		g_autofree char *place = NULL;
		g_autofree char *text = NULL;

		if (strcmp(profile_text(t->profile, item->name), name) != 0)
			continue;
		text = viewer_table_name(t, item, &place);
		return g_strdup_printf("%s %s", text, place ? place : "-");
	}
	return g_strdup("");
}

START_TEST(names_say_where)
{
	const CalltreeOptions o = { .type = 1, .flat = TRUE };
	const CalltreeItem nameless = { .name = 0, .location = PROFILE_NONE };
	Profile *p = sample_profile_new("a\033[2Jb");
	Calltree *t = calltree_new(p, &o);
	char *place;

	expect(name_of(t, "memcpy"), "memcpy (prog)");
	expect(name_of(t, "libx.so+0x10"), "libx.so+0x10 -");
	expect(name_of(t, "[not sampled]"), "[not sampled] -");
	expect(name_of(t, "a\033[2Jb"), "a\\x1b[2Jb (prog:work.c:20)");
	expect(viewer_table_name(t, &nameless, &place), "");
	ck_assert_ptr_null(place);
	calltree_free(t);
	profile_free(p);
}
END_TEST

START_TEST(deep_rows_keep_room_for_names)
{
	ck_assert_uint_eq(viewer_table_indent(3, 60), 3);
	ck_assert_uint_eq(viewer_table_indent(1000, 60), 40);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("viewer-table");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, widths_add_up);
	tcase_add_test(tcase, cells_have_numbers_and_styles);
	tcase_add_test(tcase, names_say_where);
	tcase_add_test(tcase, deep_rows_keep_room_for_names);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
