/* SPDX-License-Identifier: MIT */
/* Lines and bytes of a file come whole, however it hands them out. */
#include "tools/import-source.h"

#include <check.h>
#include <string.h>

#include "tests/unit/messages.h"
#include "tests/unit/runner.h"

/* A file that gives `step` bytes at a time; at `fails`, an error. */
typedef struct {
	const guint8 *data;
	gsize size, step, fails;
} Slow;

static gssize read_slow(gpointer source, guint64 offset, guint8 *to,
			gsize size, GError **error)
{
	const Slow *s = source;
	gsize left = s->size - MIN(offset, s->size);

	if (offset >= s->fails) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "broken");
		return -1;
	}
	size = MIN(MIN(size, left), s->step);
	memcpy(to, s->data + offset, size);
	return (gssize)size;
}

static Slow slow_text(const char *text, gsize step)
{
	return (Slow){ (const guint8 *)text, strlen(text), step, G_MAXSIZE };
}

static void check_line(ImportSource *s, const char *expected)
{
	GError *error = NULL;
	gsize size = 0;
	const char *line = import_source_line(s, &size, &error);

	ck_assert_ptr_null(error);
	if (!expected) {
		ck_assert_ptr_null(line);
		return;
	}
	ck_assert_ptr_nonnull(line);
	ck_assert_str_eq(line, expected);
	ck_assert_uint_eq(size, strlen(expected));
}

START_TEST(lines_of_pieces)
{
	static const gsize steps[] = { 1, 2, 3, 100 };
	Slow slow = slow_text("one\n\ntwo\r\nthe last", steps[_i]);
	g_autoptr(GzipStream) stream = gzip_stream_new(read_slow, &slow);
	ImportSource s;

	import_source_init(&s, stream);
	check_line(&s, "one");
	check_line(&s, "");
	check_line(&s, "two\r");
	check_line(&s, "the last");
	check_line(&s, NULL);
	check_line(&s, NULL);
	ck_assert_uint_eq(s.bytes, slow.size);
	ck_assert_uint_eq(s.cut, 0);
	ck_assert(!s.torn);
	import_source_release(&s);
}
END_TEST

START_TEST(an_empty_file_has_no_line)
{
	Slow slow = slow_text("", 1);
	g_autoptr(GzipStream) stream = gzip_stream_new(read_slow, &slow);
	ImportSource s;

	import_source_init(&s, stream);
	check_line(&s, NULL);
	ck_assert_ptr_null(import_source_bytes(&s, 1, NULL));
	import_source_release(&s);
}
END_TEST

START_TEST(a_line_may_hold_nul)
{
	Slow slow = { (const guint8 *)"a\0b\nc", 5, 2, G_MAXSIZE };
	g_autoptr(GzipStream) stream = gzip_stream_new(read_slow, &slow);
	ImportSource s;
	const char *line;
	gsize size;

	import_source_init(&s, stream);
	line = import_source_line(&s, &size, NULL);
	ck_assert_uint_eq(size, 3);
	ck_assert_int_eq(memcmp(line, "a\0b", 4), 0);
	check_line(&s, "c");
	import_source_release(&s);
}
END_TEST

START_TEST(bytes_that_are_not_there_stay)
{
	Slow slow = slow_text("12345678rest\nof it", 3);
	g_autoptr(GzipStream) stream = gzip_stream_new(read_slow, &slow);
	ImportSource s;
	const guint8 *at;

	import_source_init(&s, stream);
	at = import_source_bytes(&s, 4, NULL);
	ck_assert_int_eq(memcmp(at, "1234", 4), 0);
	at = import_source_bytes(&s, 4, NULL);
	ck_assert_int_eq(memcmp(at, "5678", 4), 0);
	ck_assert_ptr_null(import_source_bytes(&s, 11, NULL));
	check_line(&s, "rest");
	at = import_source_bytes(&s, 5, NULL);
	ck_assert_int_eq(memcmp(at, "of it", 5), 0);
	check_line(&s, NULL);
	import_source_release(&s);
}
END_TEST

/* A line of `size` x, one that is "next", and the last, as long, without end. */
static char *long_lines(gsize size)
{
	GString *text = g_string_sized_new(2 * size + 10);

	g_string_set_size(text, size);
	memset(text->str, 'x', size);
	g_string_append(text, "\nnext\n");
	g_string_append_len(text, text->str, (gssize)size);
	return g_string_free(text, FALSE);
}

START_TEST(a_line_is_as_long_as_it_may_be)
{
	static const gsize more[] = { 0, 1, 1 << 20 };
	g_autofree char *text = long_lines(IMPORT_LINE_MAX + more[_i]);
	Slow slow = slow_text(text, G_MAXSIZE);
	g_autoptr(GzipStream) stream = gzip_stream_new(read_slow, &slow);
	ImportSource s;
	const char *line;
	gsize size;

	import_source_init(&s, stream);
	line = import_source_line(&s, &size, NULL);
	ck_assert_uint_eq(size, IMPORT_LINE_MAX);
	ck_assert_uint_eq(strlen(line), size);
	ck_assert_uint_eq(s.cut, more[_i] ? 1 : 0);
	check_line(&s, "next");
	line = import_source_line(&s, &size, NULL);
	ck_assert_uint_eq(size, IMPORT_LINE_MAX);
	ck_assert_uint_eq(strlen(line), size);
	ck_assert_uint_eq(s.cut, more[_i] ? 2 : 0);
	check_line(&s, NULL);
	import_source_release(&s);
}
END_TEST

START_TEST(errors_are_handed_on)
{
	Slow slow = slow_text("one\ntwo", 4);
	g_autoptr(GzipStream) stream = gzip_stream_new(read_slow, &slow);
	g_autoptr(GError) error = NULL;
	ImportSource s;
	gsize size;

	slow.fails = 4;
	import_source_init(&s, stream);
	check_line(&s, "one");
	ck_assert_ptr_null(import_source_line(&s, &size, &error));
	ck_assert_str_eq(error->message, "broken");
	g_clear_error(&error);
	ck_assert_ptr_null(import_source_bytes(&s, 1, &error));
	ck_assert_str_eq(error->message, "broken");
	import_source_release(&s);
}
END_TEST

/* Ends it when `data`, a number of bytes, are read. */
static gboolean check_bytes(gpointer data, guint64 bytes, GError **error)
{
	if (bytes < *(const guint64 *)data)
		return TRUE;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "enough");
	return FALSE;
}

START_TEST(who_looks_on_may_end_it)
{
	Slow slow = slow_text("one\ntwo\nthree\n", 4);
	g_autoptr(GzipStream) stream = gzip_stream_new(read_slow, &slow);
	g_autoptr(GError) error = NULL;
	guint64 most = 6;
	ImportSource s;
	gsize size;

	import_source_init(&s, stream);
	s.check = check_bytes;
	s.check_data = &most;
	check_line(&s, "one");
	ck_assert_ptr_null(import_source_line(&s, &size, &error));
	ck_assert_str_eq(error->message, "enough");
	import_source_release(&s);
}
END_TEST

START_TEST(a_torn_file_gives_what_it_has)
{
	static const char text[] = "one\ntwo\n";
	g_autoptr(GByteArray) gz = messages_gzip((const guint8 *)text,
						 strlen(text));
	Slow slow = { gz->data, gz->len - 4, 7, G_MAXSIZE };
	g_autoptr(GzipStream) stream = gzip_stream_new(read_slow, &slow);
	ImportSource s;

	import_source_init(&s, stream);
	check_line(&s, "one");
	check_line(&s, "two");
	check_line(&s, NULL);
	ck_assert(s.torn);
	import_source_release(&s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("import-source");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, lines_of_pieces, 0, 4);
	tcase_add_test(tcase, an_empty_file_has_no_line);
	tcase_add_test(tcase, a_line_may_hold_nul);
	tcase_add_test(tcase, bytes_that_are_not_there_stay);
	tcase_add_loop_test(tcase, a_line_is_as_long_as_it_may_be, 0, 3);
	tcase_add_test(tcase, errors_are_handed_on);
	tcase_add_test(tcase, who_looks_on_may_end_it);
	tcase_add_test(tcase, a_torn_file_gives_what_it_has);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
