/* SPDX-License-Identifier: MIT */
#include "tools/symbol-cache.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#define ID "0123456789abcdef0123456789abcdef01234567"

static char *home;

static void setup(void)
{
	home = g_dir_make_tmp("profagent-cache-XXXXXX", NULL);
	ck_assert_ptr_nonnull(home);
	g_setenv("XDG_CACHE_HOME", home, TRUE);
}

static void teardown(void)
{
	g_autofree char *command = g_strdup_printf("rm -rf '%s'", home);

	ck_assert_int_eq(system(command), 0);
	g_free(home);
}

static guint32 add_function(SymbolNames *n, const char *name)
{
	SymbolFunction f = { 0 };

	f.name = symbol_names_add_text(n, name);
	f.system_name = symbol_names_add_text(n, "_Z3foov");
	f.file = symbol_names_add_text(n, "/src/foo.c");
	f.start_line = 3;
	return symbol_names_add_function(n, &f);
}

static SymbolNames *sample_names(void)
{
	SymbolNames *n = symbol_names_new();
	guint32 outer = add_function(n, "outer");
	guint32 inner = add_function(n, "inner");

	symbol_names_add_address(n, 0x2000);
	symbol_names_add_line(n, inner, 5);
	symbol_names_add_line(n, outer, 9);
	symbol_names_add_address(n, 0x1000);
	symbol_names_add_line(n, outer, 7);
	symbol_names_add_address(n, 0x3000);
	symbol_names_sort(n);
	return n;
}

static void check_sample(const SymbolNames *n)
{
	const SymbolAddress *a = symbol_names_find(n, 0x2000);
	const SymbolLine *l;
	const SymbolFunction *f;

	ck_assert_ptr_nonnull(a);
	ck_assert_int_eq(a->line_count, 2);
	l = &g_array_index(n->lines, SymbolLine, a->first_line);
	ck_assert_int_eq(l->line, 5);
	f = &g_array_index(n->functions, SymbolFunction, l->function);
	ck_assert_str_eq(symbol_names_text(n, f->name), "inner");
	ck_assert_str_eq(symbol_names_text(n, f->file), "/src/foo.c");
	a = symbol_names_find(n, 0x3000);
	ck_assert_ptr_nonnull(a);
	ck_assert_int_eq(a->line_count, 0);
	ck_assert_ptr_null(symbol_names_find(n, 0x1001));
}

START_TEST(what_is_stored_is_loaded)
{
	g_autoptr(SymbolNames) n = sample_names();
	g_autoptr(SymbolNames) any = NULL, same = NULL, other = NULL;

	symbol_cache_store(ID, "stamp", n);
	same = symbol_cache_load(ID, "stamp");
	any = symbol_cache_load(ID, NULL);
	other = symbol_cache_load(ID, "another stamp");
	ck_assert_ptr_nonnull(same);
	ck_assert_ptr_nonnull(any);
	ck_assert_ptr_null(other);
	check_sample(same);
	check_sample(any);
}
END_TEST

START_TEST(what_was_loaded_can_be_added_to)
{
	g_autoptr(SymbolNames) n = sample_names();
	g_autoptr(SymbolNames) m = NULL;

	symbol_cache_store(ID, "", n);
	m = symbol_cache_load(ID, "");
	symbol_names_index(m);
	ck_assert_int_eq(add_function(m, "inner"), 1);
	ck_assert_int_eq(add_function(m, "third"), 2);
	symbol_names_add_address(m, 0x500);
	symbol_names_add_line(m, 2, 1);
	symbol_names_sort(m);
	check_sample(m);
	ck_assert_int_eq(symbol_names_find(m, 0x500)->line_count, 1);
}
END_TEST

START_TEST(files_are_private_and_nothing_else_is_left)
{
	g_autoptr(SymbolNames) n = sample_names();
	g_autofree char *path = g_build_filename(home, "profagent", "symbols",
						 NULL);
	g_autofree char *file = g_build_filename(path, ID, NULL);
	g_autoptr(GDir) dir = NULL;
	GStatBuf st;

	symbol_cache_store(ID, "", n);
	symbol_cache_store(ID, "again", n);
	ck_assert_int_eq(g_stat(file, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(g_stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0700);
	dir = g_dir_open(path, 0, NULL);
	ck_assert_str_eq(g_dir_read_name(dir), ID);
	ck_assert_ptr_null(g_dir_read_name(dir));
}
END_TEST

START_TEST(a_build_id_is_no_way_out_of_the_directory)
{
	static const char *const bad[] = { "", "ab", "../../../../tmp/x",
					   "ABCDEF0123456789", "0123456g" };
	g_autoptr(SymbolNames) n = sample_names();
	g_autoptr(GDir) dir = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		symbol_cache_store(bad[i], "", n);
		ck_assert_ptr_null(symbol_cache_load(bad[i], NULL));
	}
	dir = g_dir_open(home, 0, NULL);
	ck_assert_ptr_null(g_dir_read_name(dir));
}
END_TEST

START_TEST(every_damaged_byte_is_noticed)
{
	g_autoptr(SymbolNames) n = sample_names();
	GByteArray *bytes = symbol_cache_encode("stamp", n);

	for (guint i = 0; i < bytes->len; i++) {
		g_autofree guint8 *bad = g_memdup2(bytes->data, bytes->len);
		g_autoptr(SymbolNames) m = NULL;

		bad[i] ^= 1 << i % 8;
		m = symbol_cache_decode(bad, bytes->len, NULL);
		ck_assert_msg(!m, "byte %u", i);
	}
	for (guint size = 0; size < bytes->len; size++) {
		g_autofree guint8 *part = g_memdup2(bytes->data, size);

		ck_assert_ptr_null(symbol_cache_decode(part, size, NULL));
	}
	g_byte_array_unref(bytes);
}
END_TEST

/* As a program gone wrong might write it: the checksum is right. */
static SymbolNames *with(void (*change)(SymbolNames *n))
{
	g_autoptr(SymbolNames) n = sample_names();
	GByteArray *bytes;
	SymbolNames *m;

	change(n);
	bytes = symbol_cache_encode("", n);
	m = symbol_cache_decode(bytes->data, bytes->len, "");
	g_byte_array_unref(bytes);
	return m;
}

static void no_change(SymbolNames *n)
{
	(void)n;
}

static void bad_function(SymbolNames *n)
{
	g_array_index(n->lines, SymbolLine, 0).function = 2;
}

static void bad_text(SymbolNames *n)
{
	g_array_index(n->functions, SymbolFunction, 1).file = n->text->len;
}

static void bad_lines(SymbolNames *n)
{
	g_array_index(n->addresses, SymbolAddress, 0).line_count = 4;
}

static void bad_order(SymbolNames *n)
{
	g_array_index(n->addresses, SymbolAddress, 1).offset = 0x1000;
}

static void bad_end(SymbolNames *n)
{
	n->text->data[n->text->len - 1] = 'x';
}

START_TEST(what_makes_no_sense_is_refused)
{
	static void (*const bad[])(SymbolNames *) = {
		bad_function, bad_text, bad_lines, bad_order, bad_end,
	};
	g_autoptr(SymbolNames) good = with(no_change);

	ck_assert_ptr_nonnull(good);
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
		ck_assert_ptr_null(with(bad[i]));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("symbol-cache");
	TCase *tc = tcase_create("symbol-cache");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_is_stored_is_loaded);
	tcase_add_test(tc, what_was_loaded_can_be_added_to);
	tcase_add_test(tc, files_are_private_and_nothing_else_is_left);
	tcase_add_test(tc, a_build_id_is_no_way_out_of_the_directory);
	tcase_add_test(tc, every_damaged_byte_is_noticed);
	tcase_add_test(tc, what_makes_no_sense_is_refused);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
