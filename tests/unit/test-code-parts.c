/* SPDX-License-Identifier: MIT */
/* A function in two parts, as seen with debug information, with symbols alone,
 * and with neither. */
#include "tools/code-parts.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/objects.h"
#include "tests/unit/runner.h"

static char *dir;

static const char source[] =
	"__attribute__((noinline, cold)) void seldom(int x) "
	"{ __asm__ volatile(\"\" : : \"r\"(x)); }\n"
	"__attribute__((noinline)) int work(int x) {\n"
	"	__asm__ volatile(\".globl in_hot; in_hot: nop\");\n"
	"	if (x == 7) {\n"
	"		seldom(x);\n"
	"		__asm__ volatile(\".globl in_cold; in_cold: nop\");\n"
	"		seldom(x);\n"
	"	}\n"
	"	return x + 1;\n"
	"}\n"
	"int main(int argc, char **argv) { (void)argv; return work(argc); }\n";

static void setup(void)
{
	g_autofree char *path = NULL;

	dir = objects_directory();
	path = g_build_filename(dir, "two.c", NULL);
	ck_assert(g_file_set_contents(path, source, -1, NULL));
	ck_assert(objects_run(dir, "gcc -g -O2 -freorder-blocks-and-partition "
			      "two.c -o full && cp full symbols && "
			      "strip --strip-debug symbols && "
			      "cp full bare && strip bare"));
}

static void teardown(void)
{
	objects_remove(dir);
	g_free(dir);
}

/* Two parts: `known`, asked for by one of its addresses, and the other only
 * where the object says so. */
static void check_parts(const char *object, guint of_one)
{
	g_autoptr(ElfFile) f = objects_open(dir, object);
	g_autoptr(CodeParts) c = code_parts_new(f);
	g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(CodePart));
	guint64 hot = objects_address(dir, f, "in_hot");
	guint64 cold = objects_address(dir, f, "in_cold");

	ck_assert(code_parts_add(c, cold, parts));
	ck_assert_uint_eq(parts->len, of_one);
	ck_assert_uint_ne(code_parts_find(parts, cold), CODE_PARTS_NONE);
	ck_assert(code_parts_add(c, hot, parts));
	ck_assert(code_parts_add(c, cold, parts));
	ck_assert_uint_eq(parts->len, 2);
	ck_assert_uint_ne(code_parts_find(parts, hot),
			  code_parts_find(parts, cold));
	ck_assert_uint_eq(code_parts_find(parts,
					  objects_address(dir, f, "main")),
			  CODE_PARTS_NONE);
	if (of_one == 2)
		ck_assert_uint_eq(g_array_index(parts, CodePart, 0).start,
				  objects_address(dir, f, "work"));
}

START_TEST(debug_information_knows_all)
{
	check_parts("full", 2);
}
END_TEST

START_TEST(a_symbol_knows_one)
{
	g_autoptr(ElfFile) f = objects_open(dir, "symbols");
	g_autoptr(CodeParts) c = code_parts_new(f);

	check_parts("symbols", 1);
	ck_assert_str_eq(code_parts_symbol(c, objects_address(dir, f, "work")),
			 "work");
}
END_TEST

START_TEST(unwind_tables_know_one)
{
	g_autoptr(ElfFile) f = objects_open(dir, "bare");
	g_autoptr(CodeParts) c = code_parts_new(f);

	check_parts("bare", 1);
	ck_assert_ptr_null(code_parts_symbol(c, objects_address(dir, f,
								"work")));
}
END_TEST

START_TEST(of_nowhere_nothing_is_known)
{
	g_autoptr(ElfFile) f = objects_open(dir, "full");
	g_autoptr(CodeParts) c = code_parts_new(f);
	g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(CodePart));

	ck_assert(!code_parts_add(c, 0, parts));
	ck_assert(!code_parts_add(c, G_MAXUINT64, parts));
	ck_assert_uint_eq(parts->len, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("code-parts");
	TCase *tc = tcase_create("code-parts");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, debug_information_knows_all);
	tcase_add_test(tc, a_symbol_knows_one);
	tcase_add_test(tc, unwind_tables_know_one);
	tcase_add_test(tc, of_nowhere_nothing_is_known);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
