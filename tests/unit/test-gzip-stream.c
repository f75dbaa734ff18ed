/* SPDX-License-Identifier: MIT */
#include "tools/gzip-stream.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/messages.h"
#include "tests/unit/runner.h"

static gssize read_array(gpointer source, guint64 offset, guint8 *to,
			 gsize size, GError **error)
{
	const GByteArray *b = source;

	if (offset == G_MAXUINT64 || !b->data) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "broken");
		return -1;
	}
	if (offset >= b->len)
		return 0;
	size = MIN(size, b->len - offset);
	memcpy(to, b->data + offset, size);
	return (gssize)size;
}

/* All that comes out, and a letter for each event but data. */
static char *drain(GByteArray *input, GString *out, gsize step)
{
	g_autoptr(GzipStream) s = gzip_stream_new(read_array, input);
	GString *events = g_string_new(NULL);
	guint8 chunk[4096];
	GzipStreamEvent event;

	do {
		gsize size = MIN(step, sizeof(chunk));

		event = gzip_stream_next(s, chunk, &size, NULL);
		g_string_append_len(out, (char *)chunk, (gssize)size);
		if (event != GZIP_STREAM_DATA)
			g_string_append_c(events, "dDTJEF"[event]);
	} while (event != GZIP_STREAM_END && event != GZIP_STREAM_FAILED);
	return g_string_free(events, FALSE);
}

static void append_member(GByteArray *to, const char *text)
{
	g_autoptr(GByteArray) member = messages_gzip((const guint8 *)text,
						     strlen(text));

	g_byte_array_append(to, member->data, member->len);
}

static void check(GByteArray *input, const char *text, const char *events)
{
	static const gsize steps[] = { 1, 3, 4096 };
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(steps); i++) {
		g_autoptr(GString) out = g_string_new(NULL);
		g_autofree char *seen = drain(input, out, steps[i]);

		ck_assert_str_eq(out->str, text);
		ck_assert_str_eq(seen, events);
	}
}

START_TEST(members_follow_each_other)
{
	g_autoptr(GByteArray) input = g_byte_array_new();

	append_member(input, "first ");
	append_member(input, "");
	append_member(input, "second");
	check(input, "first second", "E");
}
END_TEST

START_TEST(what_is_not_gzip_comes_as_it_is)
{
	g_autoptr(GByteArray) input = g_byte_array_new();

	g_byte_array_append(input, (const guint8 *)"plain", 5);
	check(input, "plain", "E");
	g_byte_array_set_size(input, 2);
	check(input, "pl", "E");
}
END_TEST

START_TEST(a_torn_member_gives_what_it_has)
{
	g_autoptr(GByteArray) input = g_byte_array_new();
	guint whole;

	append_member(input, "first ");
	whole = input->len;
	append_member(input, "second");
	g_byte_array_set_size(input, input->len - 1);
	check(input, "first second", "TE");
	g_byte_array_set_size(input, whole + 2);
	check(input, "first ", "TE");
}
END_TEST

START_TEST(a_damaged_member_does_not_hide_the_next)
{
	g_autoptr(GByteArray) input = g_byte_array_new();
	guint first;

	append_member(input, "first ");
	first = input->len;
	append_member(input, "second");
	append_member(input, "third");
	input->data[first - 6] ^= 1;		/* its checksum */
	check(input, "first secondthird", "DE");
	input->data[10] = 0xff;			/* no such block type */
	check(input, "secondthird", "DE");
}
END_TEST

START_TEST(junk_behind_is_said)
{
	g_autoptr(GByteArray) input = g_byte_array_new();

	append_member(input, "first");
	g_byte_array_append(input, (const guint8 *)"junk!", 5);
	check(input, "first", "JE");
}
END_TEST

START_TEST(nested_headers_end)
{
	g_autoptr(GByteArray) input = g_byte_array_new();
	static const guint8 head[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0,
				       0xff };
	g_autoptr(GString) out = g_string_new(NULL);
	g_autofree char *events = NULL;
	int i;

	for (i = 0; i < 1000; i++)
		g_byte_array_append(input, head, sizeof(head));
	events = drain(input, out, 4096);
	ck_assert_uint_lt(strlen(events), 100);
	ck_assert_str_eq(out->str, "");
}
END_TEST

START_TEST(a_failed_read_is_an_error)
{
	GByteArray broken = { NULL, 0 };
	g_autoptr(GString) out = g_string_new(NULL);
	g_autofree char *events = drain(&broken, out, 100);

	ck_assert_str_eq(events, "F");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gzip-stream");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, members_follow_each_other);
	tcase_add_test(tcase, what_is_not_gzip_comes_as_it_is);
	tcase_add_test(tcase, a_torn_member_gives_what_it_has);
	tcase_add_test(tcase, a_damaged_member_does_not_hide_the_next);
	tcase_add_test(tcase, junk_behind_is_said);
	tcase_add_test(tcase, nested_headers_end);
	tcase_add_test(tcase, a_failed_read_is_an_error);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
