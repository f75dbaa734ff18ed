/* SPDX-License-Identifier: MIT */
#include "tools/selection.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"

START_TEST(times_have_units)
{
	static const struct {
		const char *text;
		guint64 ns;
	} good[] = {
		{ "0", 0 }, { "1", 1000000000 }, { "1.5", 1500000000 },
		{ ".5s", 500000000 }, { "20ms", 20000000 }, { "7us", 7000 },
		{ "2m", 120000000000 }, { "1h", 3600000000000 },
	};
	static const char *const bad[] = { "", "-1", "x", "1x", "1 s", "inf",
					   "1e99", "nan" };
	guint64 ns;
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(good); i++) {
		ck_assert(selection_parse_time(good[i].text, &ns));
		ck_assert_uint_eq(ns, good[i].ns);
	}
	for (i = 0; i < G_N_ELEMENTS(bad); i++)
		ck_assert_msg(!selection_parse_time(bad[i], &ns), "%s",
			      bad[i]);
}
END_TEST

/* The message of a wrong selection has one line and names the option. */
static void wrong(Selection s, const char *option)
{
	g_autoptr(GError) error = NULL;
	Selection copy = s;

	ck_assert(!selection_check(&copy, &error));
	ck_assert_msg(g_str_has_prefix(error->message, option), "%s",
		      error->message);
	ck_assert_ptr_null(strchr(error->message, '\n'));
	g_clear_pointer(&copy.options.focus, g_regex_unref);
}

START_TEST(what_is_wrong_is_named)
{
	char by[] = "colour", label[] = "label:", time[] = "soon", re[] = "(";
	char from[] = "3", to[] = "2";

	wrong((Selection){ .by = by }, "--by colour");
	wrong((Selection){ .by = label }, "--by label:");
	wrong((Selection){ .from = time }, "--from 'soon'");
	wrong((Selection){ .focus = re }, "--focus: ");
	wrong((Selection){ .from = from, .to = to }, "--to 2");
}
END_TEST

START_TEST(words_become_options)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	Selection s = {
		.by = g_strdup("label:request"), .from = g_strdup("10ms"),
		.to = g_strdup("1"), .hide = g_strdup("^std::"),
		.type = g_strdup("samples"),
	};

	ck_assert(selection_check(&s, NULL));
	ck_assert(selection_needs_moments(&s));
	ck_assert(selection_apply(&s, p, NULL));
	ck_assert_int_eq(s.options.by, CALLTREE_BY_LABEL);
	ck_assert_str_eq(s.options.label, "request");
	ck_assert_uint_eq(s.options.from_ns, 10000000);
	ck_assert_uint_eq(s.options.to_ns, 1000000000);
	ck_assert_int_eq((int)s.options.type,
			 profile_find_type(p, "samples"));
	ck_assert(g_regex_match(s.options.hide, "std::sort", 0, NULL));
	selection_release(&s);
}
END_TEST

START_TEST(what_the_profile_lacks_is_said)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	Selection s = { .type = g_strdup("heap") };
	g_autoptr(GError) error = NULL;

	ck_assert(selection_check(&s, NULL));
	ck_assert(!selection_apply(&s, p, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "cpu"));
	selection_release(&s);
	g_clear_error(&error);
	s = (Selection){ .pid = 99999 };
	ck_assert(selection_check(&s, NULL));
	ck_assert(!selection_apply(&s, p, &error));
	selection_release(&s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("selection");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, times_have_units);
	tcase_add_test(tcase, what_is_wrong_is_named);
	tcase_add_test(tcase, words_become_options);
	tcase_add_test(tcase, what_the_profile_lacks_is_said);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
