/* SPDX-License-Identifier: MIT */
#include "tools/control-stream.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

static const char talk[] =
	"{\"profagent\":1,\"pid\":12}\n"
	"{\"member\":5,\"number\":7}\n"
	"a\nb{}"
	"{\"ok\":true,\"text\":\"x\\ny\"}\n"
	"{\"number\":9,\"member\":1}\n"
	"\n"
	"{}\n";

/* What came, in a line: A for an answer's "pid", M for a fragment. */
static void hear(ControlStream *s, GString *heard)
{
	g_autoptr(GError) error = NULL;

	for (;;) {
		g_autoptr(JsonObject) answer = NULL;
		g_autoptr(GBytes) fragment = NULL;
		ControlStreamEvent event = control_stream_next(
			s, &answer, &fragment, &error);

		ck_assert_ptr_null(error);
		if (event == CONTROL_STREAM_MORE)
			return;
		if (event == CONTROL_STREAM_ANSWER)
			g_string_append_printf(heard, "A%d%s ",
				(int)control_stream_number(answer, "pid"),
				control_stream_text(answer, "text"));
		else
			g_string_append_printf(heard, "M%d[%.*s] ",
				(int)s->number,
				(int)g_bytes_get_size(fragment),
				(const char *)g_bytes_get_data(fragment,
							       NULL));
	}
}

START_TEST(in_pieces_of_any_size)
{
	for (gsize piece = 1; piece < sizeof(talk); piece++) {
		g_autoptr(GString) heard = g_string_new(NULL);
		ControlStream s;
		gsize at, n;

		control_stream_init(&s);
		for (at = 0; at < sizeof(talk) - 1; at += n) {
			n = MIN(piece, sizeof(talk) - 1 - at);
			control_stream_push(&s, (const guint8 *)talk + at, n);
			hear(&s, heard);
		}
		control_stream_release(&s);
		ck_assert_str_eq(heard->str,
				 "A12 M7[a\nb{}] A0x\ny M9[\n] A0 ");
	}
}
END_TEST

static const char *const broken[] = {
	"\n", "nonsense\n", "[1]\n", "3\n", "null\n", "{\n", "\xff\xfe\n",
	"{\"member\":0}\n", "{\"member\":-1}\n", "{\"member\":\"5\"}\n",
	"{\"member\":268435457}\n", "{\"member\":99999999999999999999}\n",
	"{\"member\":{}}\n", "HTTP/1.1 400 Bad Request\r\n",
};

START_TEST(nobody_speaks_so)
{
	g_autoptr(JsonObject) answer = NULL;
	g_autoptr(GBytes) fragment = NULL;
	g_autoptr(GError) error = NULL;
	ControlStream s;

	control_stream_init(&s);
	control_stream_push(&s, (const guint8 *)broken[_i],
			    strlen(broken[_i]));
	ck_assert_int_eq(control_stream_next(&s, &answer, &fragment, &error),
			 CONTROL_STREAM_BROKEN);
	ck_assert_ptr_nonnull(error);
	ck_assert_ptr_null(answer);
	ck_assert_ptr_null(fragment);
	control_stream_release(&s);
}
END_TEST

/* Who sends no end of a line fills our memory no further. */
START_TEST(a_line_without_an_end)
{
	static guint8 chunk[65536];
	g_autoptr(JsonObject) answer = NULL;
	g_autoptr(GBytes) fragment = NULL;
	g_autoptr(GError) error = NULL;
	ControlStreamEvent event = CONTROL_STREAM_MORE;
	ControlStream s;
	gsize sent = 0;

	memset(chunk, ' ', sizeof(chunk));
	control_stream_init(&s);
	while (event == CONTROL_STREAM_MORE && sent < (16u << 20)) {
		control_stream_push(&s, chunk, sizeof(chunk));
		sent += sizeof(chunk);
		event = control_stream_next(&s, &answer, &fragment, &error);
	}
	ck_assert_int_eq(event, CONTROL_STREAM_BROKEN);
	ck_assert_uint_le(sent, CONTROL_STREAM_LINE + 2 * sizeof(chunk));
	control_stream_release(&s);
}
END_TEST

START_TEST(members_of_another_kind)
{
	g_autoptr(JsonObject) o = json_object_new();

	json_object_set_string_member(o, "text", "t");
	json_object_set_int_member(o, "number", 3);
	json_object_set_null_member(o, "null");
	json_object_set_array_member(o, "array", json_array_new());
	ck_assert_str_eq(control_stream_text(o, "text"), "t");
	ck_assert_str_eq(control_stream_text(o, "number"), "");
	ck_assert_str_eq(control_stream_text(o, "null"), "");
	ck_assert_str_eq(control_stream_text(o, "array"), "");
	ck_assert_str_eq(control_stream_text(o, "none"), "");
	ck_assert_int_eq(control_stream_number(o, "number"), 3);
	ck_assert_int_eq(control_stream_number(o, "text"), 0);
	ck_assert_int_eq(control_stream_number(o, "null"), 0);
	ck_assert_int_eq(control_stream_number(o, "array"), 0);
	ck_assert_int_eq(control_stream_number(o, "none"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control-stream");
	TCase *all = tcase_create("all");

	tcase_add_test(all, in_pieces_of_any_size);
	tcase_add_loop_test(all, nobody_speaks_so, 0, G_N_ELEMENTS(broken));
	tcase_add_test(all, a_line_without_an_end);
	tcase_add_test(all, members_of_another_kind);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
