/* SPDX-License-Identifier: MIT */
#include "tools/jitmap.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utime.h>

#include "tests/unit/runner.h"

static const char *name_at(const JitMap *m, guint64 address)
{
	JitCode code;

	return jitmap_find(m, address, &code) ? code.name : "";
}

static JitMap *perf_map(const char *text)
{
	JitMap *m = jitmap_new();

	jitmap_parse_perf(m, text, strlen(text));
	return m;
}

START_TEST(lines_of_a_perf_map_name_their_code)
{
	g_autoptr(JitMap) m = perf_map("1000 10 first\n"
				       "0x2000 0x20 with spaces (a.js:3)\n");

	ck_assert_str_eq(name_at(m, 0xfff), "");
	ck_assert_str_eq(name_at(m, 0x1000), "first");
	ck_assert_str_eq(name_at(m, 0x100f), "first");
	ck_assert_str_eq(name_at(m, 0x1010), "");
	ck_assert_str_eq(name_at(m, 0x201f), "with spaces (a.js:3)");
	ck_assert_str_eq(name_at(m, 0x2020), "");
}
END_TEST

START_TEST(what_is_no_line_is_left_out)
{
	g_autoptr(JitMap) m = perf_map("\n"
				       "nonsense\n"
				       "1000\n"
				       "1000 10\n"
				       "1000 10 \n"
				       "1000 0 empty\n"
				       "ffffffffffffffff 10 wraps\n"
				       "-5 10 negative\n"
				       "3000 10 good\n"
				       "4000 10 torn");

	ck_assert_str_eq(name_at(m, 0x1000), "");
	ck_assert_str_eq(name_at(m, 0xffffffffffffffff), "");
	ck_assert_str_eq(name_at(m, 0), "");
	ck_assert_str_eq(name_at(m, 0x3000), "good");
	ck_assert_str_eq(name_at(m, 0x4000), "");
}
END_TEST

START_TEST(later_code_replaces_what_it_covers)
{
	g_autoptr(JitMap) m = perf_map("1000 100 old\n"
				       "1040 20 inside\n"
				       "2000 10 small\n"
				       "2010 10 other\n"
				       "1ff8 20 over\n");

	ck_assert_str_eq(name_at(m, 0x103f), "old");
	ck_assert_str_eq(name_at(m, 0x1040), "inside");
	ck_assert_str_eq(name_at(m, 0x105f), "inside");
	ck_assert_str_eq(name_at(m, 0x1060), "old");
	ck_assert_str_eq(name_at(m, 0x10ff), "old");
	ck_assert_str_eq(name_at(m, 0x1ff8), "over");
	ck_assert_str_eq(name_at(m, 0x2005), "over");
	ck_assert_str_eq(name_at(m, 0x2017), "over");
	ck_assert_str_eq(name_at(m, 0x2018), "other");
}
END_TEST

/* The map against an array of bytes, each painted by the last to cover it. */
START_TEST(any_order_of_overlaps_agrees_with_painting)
{
	enum { SIZE = 300 };
	char painted[SIZE] = { 0 };
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GRand) random = g_rand_new_with_seed(_i + 1);
	g_autoptr(JitMap) m = NULL;

	for (int i = 0; i < 60; i++) {
		int start = g_rand_int_range(random, 0, SIZE - 40);
		int size = g_rand_int_range(random, 1, 40);

		memset(painted + start, 'A' + i, size);
		g_string_append_printf(text, "%x %x %c\n", start, size,
				       'A' + i);
	}
	m = perf_map(text->str);
	for (int i = 0; i < SIZE; i++)
		ck_assert_int_eq(name_at(m, i)[0], painted[i]);
}
END_TEST

/* --- jitdump ------------------------------------------------------------- */

static void put(GByteArray *to, const void *bytes, guint size)
{
	g_byte_array_append(to, bytes, size);
}

static void put32(GByteArray *to, guint32 v)
{
	put(to, &v, sizeof(v));
}

static void put64(GByteArray *to, guint64 v)
{
	put(to, &v, sizeof(v));
}

static GByteArray *dump_new(void)
{
	GByteArray *dump = g_byte_array_new();

	put32(dump, 0x4a695444);
	put32(dump, 1);
	put32(dump, 40);
	put32(dump, 62);
	put32(dump, 0);
	put32(dump, 1234);
	put64(dump, 0);
	put64(dump, 0);
	return dump;
}

static void dump_record(GByteArray *dump, guint32 id, GByteArray *body)
{
	put32(dump, id);
	put32(dump, 16 + body->len);
	put64(dump, 1);
	put(dump, body->data, body->len);
	g_byte_array_unref(body);
}

static void dump_load(GByteArray *dump, guint64 address, guint64 size,
		      const char *name)
{
	GByteArray *body = g_byte_array_new();

	put32(body, 1234);
	put32(body, 1234);
	put64(body, address);
	put64(body, address);
	put64(body, size);
	put64(body, 1);
	put(body, name, strlen(name) + 1);
	for (guint64 i = 0; i < size; i++)
		put(body, "\x90", 1);
	dump_record(dump, 0, body);
}

static void dump_move(GByteArray *dump, guint64 from, guint64 to, guint64 size)
{
	GByteArray *body = g_byte_array_new();

	put32(body, 1234);
	put32(body, 1234);
	put64(body, to);
	put64(body, from);
	put64(body, to);
	put64(body, size);
	put64(body, 1);
	dump_record(dump, 1, body);
}

static void dump_lines(GByteArray *dump, guint64 address)
{
	GByteArray *body = g_byte_array_new();

	put64(body, address);
	put64(body, 2);
	put64(body, address);
	put32(body, 10);
	put32(body, 0);
	put(body, "app.js", 7);
	put64(body, address + 8);
	put32(body, 12);
	put32(body, 0);
	put(body, "\xff", 2);
	dump_record(dump, 2, body);
}

START_TEST(jitdump_names_code_with_lines)
{
	GByteArray *dump = dump_new();
	g_autoptr(JitMap) m = jitmap_new();
	JitCode code;

	dump_lines(dump, 0x5000);
	dump_load(dump, 0x5000, 16, "compiled");
	dump_load(dump, 0x6000, 16, "bare");
	ck_assert(jitmap_parse_jitdump(m, dump->data, dump->len));
	ck_assert(jitmap_find(m, 0x5007, &code));
	ck_assert_str_eq(code.name, "compiled");
	ck_assert_str_eq(code.file, "app.js");
	ck_assert_int_eq(code.line, 10);
	ck_assert(jitmap_find(m, 0x5008, &code));
	ck_assert_str_eq(code.file, "app.js");
	ck_assert_int_eq(code.line, 12);
	ck_assert(jitmap_find(m, 0x6000, &code));
	ck_assert_str_eq(code.file, "");
	ck_assert_int_eq(code.line, 0);
	g_byte_array_unref(dump);
}
END_TEST

START_TEST(moved_code_keeps_its_name_and_lines)
{
	GByteArray *dump = dump_new();
	g_autoptr(JitMap) m = jitmap_new();
	JitCode code;

	dump_lines(dump, 0x5000);
	dump_load(dump, 0x5000, 16, "compiled");
	dump_move(dump, 0x5000, 0x9000, 16);
	dump_move(dump, 0x7777, 0x5000, 16);
	ck_assert(jitmap_parse_jitdump(m, dump->data, dump->len));
	ck_assert(!jitmap_find(m, 0x5000, &code));
	ck_assert(jitmap_find(m, 0x9009, &code));
	ck_assert_str_eq(code.name, "compiled");
	ck_assert_int_eq(code.line, 12);
	g_byte_array_unref(dump);
}
END_TEST

START_TEST(a_torn_or_damaged_jitdump_is_survived)
{
	GByteArray *dump = dump_new();
	g_autoptr(GRand) random = g_rand_new_with_seed(7);

	dump_lines(dump, 0x5000);
	dump_load(dump, 0x5000, 16, "compiled");
	dump_move(dump, 0x5000, 0x9000, 16);
	for (guint size = 0; size < dump->len; size++) {
		g_autofree guint8 *part = g_memdup2(dump->data, size);
		g_autoptr(JitMap) m = jitmap_new();

		ck_assert(jitmap_parse_jitdump(m, part, size) == (size >= 40));
	}
	for (int i = 0; i < 3000; i++) {
		g_autofree guint8 *bad = g_memdup2(dump->data, dump->len);
		g_autoptr(JitMap) m = jitmap_new();

		bad[g_rand_int_range(random, 40, dump->len)] =
			g_rand_int_range(random, 0, 256);
		jitmap_parse_jitdump(m, bad, dump->len);
		name_at(m, 0x5000);
	}
	g_byte_array_unref(dump);
}
END_TEST

START_TEST(a_file_older_than_the_process_is_refused)
{
	g_autofree char *path = NULL;
	g_autoptr(JitMap) m = jitmap_new();
	g_autoptr(GError) error = NULL;
	struct utimbuf old = { 1000, 1000 };
	int fd = g_file_open_tmp("perf-XXXXXX.map", &path, NULL);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "1000 10 f\n", 10), 10);
	close(fd);
	ck_assert(jitmap_read_perf(m, path, 2000, &error));
	ck_assert_str_eq(name_at(m, 0x1000), "f");
	ck_assert_int_eq(utime(path, &old), 0);
	ck_assert(!jitmap_read_perf(m, path, 2000, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "older than the process"));
	g_clear_error(&error);
	g_unlink(path);
	ck_assert(!jitmap_read_perf(m, path, 0, &error));
	ck_assert(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jitmap");
	TCase *tc = tcase_create("jitmap");

	tcase_add_test(tc, lines_of_a_perf_map_name_their_code);
	tcase_add_test(tc, what_is_no_line_is_left_out);
	tcase_add_test(tc, later_code_replaces_what_it_covers);
	tcase_add_loop_test(tc, any_order_of_overlaps_agrees_with_painting, 0,
			    20);
	tcase_add_test(tc, jitdump_names_code_with_lines);
	tcase_add_test(tc, moved_code_keeps_its_name_and_lines);
	tcase_add_test(tc, a_torn_or_damaged_jitdump_is_survived);
	tcase_add_test(tc, a_file_older_than_the_process_is_refused);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
