/* SPDX-License-Identifier: MIT */
#include "agent/json.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

static char text[1024];
static struct format f;

static void setup(void)
{
	format_init(&f, text, sizeof(text));
}

static const struct {
	const char *in, *out;
} rows[] = {
	{ "", "\"\"" },
	{ "plain", "\"plain\"" },
	{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
	{ "\n\t\x01\x1f\x7f", "\"\\u000a\\u0009\\u0001\\u001f\\u007f\"" },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
	  "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
	/* alone, cut short, too long, a surrogate, beyond the last one */
	{ "\x80x", "\"\\ufffdx\"" },
	{ "\xc3", "\"\\ufffd\"" },
	{ "\xe2\x82", "\"\\ufffd\\ufffd\"" },
	{ "\xc0\xaf", "\"\\ufffd\\ufffd\"" },
	{ "\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\"" },
	{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
	{ "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
	{ "\xff\xfe", "\"\\ufffd\\ufffd\"" },
};

START_TEST(strings)
{
	json_string(&f, rows[_i].in);
	ck_assert_str_eq(text, rows[_i].out);
}
END_TEST

START_TEST(members)
{
	json_text(&f, "t", "x\"y");
	json_number(&f, "n", UINT64_MAX);
	json_bool(&f, "yes", true);
	json_bool(&f, "no", false);
	ck_assert_str_eq(text, ",\"t\":\"x\\\"y\",\"n\":18446744073709551615,"
			 "\"yes\":true,\"no\":false");
	ck_assert(!f.cut);
}
END_TEST

START_TEST(what_does_not_fit_is_cut)
{
	memset(text, 'z', sizeof(text));
	format_init(&f, text, 8);
	json_string(&f, "0123456789");
	ck_assert(f.cut);
	ck_assert_uint_lt(strlen(text), 8);
	ck_assert_int_eq(text[8], 'z');
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, NULL);
	tcase_add_loop_test(all, strings, 0,
			    (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(all, members);
	tcase_add_test(all, what_does_not_fit_is_cut);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
