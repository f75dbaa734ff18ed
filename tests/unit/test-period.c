/* SPDX-License-Identifier: MIT */
#include "tools/period.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

static const struct {
	const char *text;
	guint64 ns;
} good[] = {
	{ "5ms", 5000000 },	     { "250us", 250000 },
	{ "0.25 ms", 250000 },	     { "100000ns", 100000 },
	{ "99Hz", 10101010 },	     { "100 hz", 10000000 },
	{ "10kHz", 100000 },	     { "10s", 10000000000 },
	{ "0.1Hz", 10000000000 },    { "1e3us", 1000000 },
};

/* Six of them a predecessor answered with a crash; all are words of people. */
static const char *const bad[] = {
	"", "0", "10", "-1", "11", "abc", "ms", "0ms", "-5ms", "99us", "11s",
	"10.001kHz", "0.09Hz", "5 m", "5msx", "5ms 6ms", "nan ms", "infs",
	" 5ms", "1e400s", "1e-400s", "99HZ",
};

START_TEST(what_people_write)
{
	guint64 ns = 0;

	ck_assert(period_parse(good[_i].text, &ns, NULL));
	ck_assert_uint_eq(ns, good[_i].ns);
}
END_TEST

START_TEST(what_is_wrong_says_what_is_valid)
{
	g_autoptr(GError) error = NULL;
	guint64 ns = 42;

	ck_assert_msg(!period_parse(bad[_i], &ns, &error), "'%s'", bad[_i]);
	ck_assert_uint_eq(ns, 42);
	ck_assert(g_error_matches(error, G_OPTION_ERROR,
				  G_OPTION_ERROR_BAD_VALUE));
	ck_assert_ptr_nonnull(strstr(error->message, "from 100us to 10s"));
	ck_assert_ptr_null(strchr(error->message, '\n'));
}
END_TEST

START_TEST(as_a_rate)
{
	static const struct {
		guint64 ns;
		const char *text;
	} rows[] = {
		{ 10101010, "99 Hz" }, { 100000, "10 kHz" },
		{ 10000000000, "0.1 Hz" }, { 4000000, "250 Hz" },
		{ 1000000, "1 kHz" }, { 0, "0 Hz" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = period_rate(rows[i].ns);

		ck_assert_str_eq(text, rows[i].text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("period");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, what_people_write, 0, G_N_ELEMENTS(good));
	tcase_add_loop_test(all, what_is_wrong_says_what_is_valid, 0,
			    G_N_ELEMENTS(bad));
	tcase_add_test(all, as_a_rate);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
