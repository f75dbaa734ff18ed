/* SPDX-License-Identifier: MIT */
#include "tools/json-out.h"

#include <check.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

/* What a parser makes of the one string in a document. */
static char *round_trip(const char *s, GString *text)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonOut out;

	json_out_init(&out, text);
	json_out_open(&out, '[');
	json_out_string(&out, s);
	json_out_close(&out, ']');
	ck_assert(json_parser_load_from_data(parser, text->str,
					     (gssize)text->len, NULL));
	return g_strdup(json_array_get_string_element(
		json_node_get_array(json_parser_get_root(parser)), 0));
}

START_TEST(strings_come_back)
{
	static const char *const strings[] = {
		"", "plain", "\"quoted\" \\ and \\\\", "tab\tand\nlines\r",
		"</script><script>alert(1)</script>", "<!--", "a & b",
		"\x01\x1f\x7f", "größer – ∑ 漢字 🔥", "\u2028\u2029",
		"\xc2\x85 \xc2\x9b" "1m £ \u202e \u2066 \u061c ؟",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(strings); i++) {
		g_autoptr(GString) text = g_string_new(NULL);
		g_autofree char *back = round_trip(strings[i], text);

		ck_assert_str_eq(back, strings[i]);
		ck_assert_ptr_null(strpbrk(text->str, "<>&\n\r\t\x7f"));
		ck_assert_ptr_null(strstr(text->str, "\u2028"));
		ck_assert_ptr_null(strstr(text->str, "\u2029"));
		ck_assert_ptr_null(strstr(text->str, "\xc2\x9b"));
		ck_assert_ptr_null(strstr(text->str, "\u202e"));
		ck_assert_ptr_null(strstr(text->str, "\u061c"));
	}
}
END_TEST

START_TEST(bytes_that_are_no_text_become_text)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *back = round_trip("a\xff\xe2\x80", text);

	ck_assert(g_utf8_validate(text->str, -1, NULL));
	ck_assert(g_str_has_prefix(back, "a\xef\xbf\xbd"));
}
END_TEST

START_TEST(numbers_and_commas)
{
	g_autoptr(GString) text = g_string_new(NULL);
	JsonOut out;

	json_out_init(&out, text);
	json_out_open(&out, '{');
	json_out_key(&out, "a");
	json_out_open(&out, '[');
	json_out_int(&out, 0);
	json_out_int(&out, -7);
	json_out_int(&out, G_MAXINT64);
	json_out_int(&out, G_MININT64);
	json_out_close(&out, ']');
	json_out_key(&out, "b");
	json_out_open(&out, '[');
	json_out_close(&out, ']');
	json_out_key(&out, "c");
	json_out_double(&out, 0.25);
	json_out_key(&out, "d");
	json_out_double(&out, (double)NAN);
	json_out_key(&out, "e");
	json_out_bool(&out, TRUE);
	json_out_close(&out, '}');
	ck_assert_str_eq(text->str,
			 "{\"a\":[0,-7,9223372036854775807,"
			 "-9223372036854775808],\"b\":[],\"c\":0.25,\"d\":0,"
			 "\"e\":true}");
}
END_TEST

START_TEST(a_count_is_a_member_and_no_negative_number)
{
	g_autoptr(GString) text = g_string_new(NULL);
	JsonOut out;

	json_out_init(&out, text);
	json_out_open(&out, '{');
	json_out_count(&out, "n", 7);
	json_out_count(&out, "most", G_MAXUINT64);
	json_out_close(&out, '}');
	ck_assert_str_eq(text->str,
			 "{\"n\":7,\"most\":9223372036854775807}");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json-out");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, strings_come_back);
	tcase_add_test(tcase, bytes_that_are_no_text_become_text);
	tcase_add_test(tcase, numbers_and_commas);
	tcase_add_test(tcase, a_count_is_a_member_and_no_negative_number);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
