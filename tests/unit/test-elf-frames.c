/* SPDX-License-Identifier: MIT */
/* What a stripped program still says of its functions, against its symbols. */
#include "tools/elf-frames.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/objects.h"
#include "tests/unit/runner.h"

static char *dir;

static const char source[] =
	"__attribute__((noinline)) int first(int x) "
	"{ __asm__ volatile(\"in_first: nop\"); return x + 1; }\n"
	"__attribute__((noinline)) int second(int x) "
	"{ int y = first(x); __asm__ volatile(\"in_second: nop\"); "
	"return y * 2; }\n"
	"__asm__(\".text; bare: nop; in_bare: nop; ret\");\n"
	"int main(void) { return second(1); }\n";

static void setup(void)
{
	dir = objects_directory();
	{
		g_autofree char *path = g_build_filename(dir, "two.c", NULL);

		ck_assert(g_file_set_contents(path, source, -1, NULL));
	}
}

static void teardown(void)
{
	objects_remove(dir);
	g_free(dir);
}

static void check_label(const ElfFile *f, const ElfFrames *e,
			const char *label, const char *function)
{
	guint64 start, address = objects_address(dir, f, label);

	ck_assert_msg(elf_frames_find(e, address, &start), "%s", label);
	ck_assert_uint_eq(start, objects_address(dir, f, function));
	ck_assert(elf_frames_find(e, start, &start));
	ck_assert_uint_eq(start, objects_address(dir, f, function));
}

static const char *const builds[] = {
	"gcc -O2 two.c -o full",
	"gcc -O2 -no-pie -fcf-protection=none two.c -o full",
	"gcc -O2 -mcmodel=large two.c -o full",	/* 8-byte numbers */
	"g++ -x c++ -O2 two.c -o full && objcopy "
		"--redefine-sym _Z5firsti=first "
		"--redefine-sym _Z6secondi=second full",
};

START_TEST(a_stripped_function_has_its_first_address)
{
	ck_assert(objects_run(dir, "%s && strip -o none full", builds[_i]));
	{
		g_autoptr(ElfFile) f = objects_open(dir, "none");
		g_autoptr(ElfFrames) e = elf_frames_new(f);

		check_label(f, e, "in_first", "first");
		check_label(f, e, "in_second", "second");
	}
}
END_TEST

START_TEST(code_without_an_entry_has_none)
{
	guint64 start;

	ck_assert(objects_run(dir, "%s && strip -o none full", builds[0]));
	{
		g_autoptr(ElfFile) f = objects_open(dir, "none");
		g_autoptr(ElfFrames) e = elf_frames_new(f);

		ck_assert(!elf_frames_find(e, objects_address(dir, f,
							      "in_bare"),
					   &start));
		ck_assert(!elf_frames_find(e, 0, &start));
		ck_assert(!elf_frames_find(e, G_MAXUINT64, &start));
	}
}
END_TEST

START_TEST(an_object_without_tables_has_no_starts)
{
	guint64 start;

	ck_assert(objects_run(dir, "%s && objcopy -R .eh_frame "
			      "-R .eh_frame_hdr full none", builds[0]));
	{
		g_autoptr(ElfFile) f = objects_open(dir, "none");
		g_autoptr(ElfFrames) e = elf_frames_new(f);

		ck_assert(!elf_frames_find(e, objects_address(dir, f,
							      "in_first"),
					   &start));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elf-frames");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, a_stripped_function_has_its_first_address,
			    0, G_N_ELEMENTS(builds));
	tcase_add_test(tcase, code_without_an_entry_has_none);
	tcase_add_test(tcase, an_object_without_tables_has_no_starts);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
