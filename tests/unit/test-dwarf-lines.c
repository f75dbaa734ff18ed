/* SPDX-License-Identifier: MIT */
/* Many addresses at once, which several threads share out among themselves. */
#include "tools/dwarf-lines.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/objects.h"
#include "tests/unit/runner.h"

/* Enough for helpers to be called; few enough for one batch not to. */
#define FUNCTIONS 60
#define NOPS 120
#define STRIDE 128			/* of functions: nops, ret, padding */
#define BATCH 1000

static char *dir;

static void setup(void)
{
	dir = objects_directory();
	ck_assert(objects_run(dir, "for u in 1 2 3; do "
		"for f in $(seq %d); do "
		"echo \"__attribute__((always_inline)) static inline void \" "
		"\"in_${u}_$f(void) { __asm__ volatile(\\\".rept %d; nop; "
		".endr\\\"); }\"; "
		"echo \"void f_${u}_$f(void) { in_${u}_$f(); }\"; "
		"done >u$u.c; done && echo 'int main(void) { return 0; }' "
		">main.c && gcc -g -O2 -fno-ipa-icf "
		"-fno-toplevel-reorder u1.c u2.c u3.c main.c -o many",
		FUNCTIONS / 3, NOPS));
}

static void teardown(void)
{
	objects_remove(dir);
	g_free(dir);
}

static void wanted_add(GArray *wanted, guint64 offset, guint64 address)
{
	DwarfLinesWanted w = { offset, address };

	g_array_append_val(wanted, w);
}

/* Every byte of the three units' functions, in no order. */
static GArray *wanted_new(const ElfFile *f)
{
	GArray *wanted = g_array_new(FALSE, FALSE, sizeof(DwarfLinesWanted));
	guint64 address;

	for (int unit = 3; unit >= 1; unit--) {
		g_autofree char *label = g_strdup_printf("f_%d_1", unit);
		guint64 offset = objects_offset(dir, "many", label);

		for (guint64 i = 0; i < FUNCTIONS / 3 * STRIDE; i++) {
			ck_assert(elf_file_address(f, offset + i, &address));
			wanted_add(wanted, offset + i, address);
		}
	}
	return wanted;
}

static char *describe(const SymbolNames *n, guint64 offset)
{
	const SymbolAddress *a = symbol_names_find(n, offset);
	GString *text = g_string_new(NULL);

	ck_assert_ptr_nonnull(a);
	for (guint32 i = 0; i < a->line_count; i++) {
		const SymbolLine *l = &g_array_index(n->lines, SymbolLine,
						     a->first_line + i);
		const SymbolFunction *f = &g_array_index(n->functions,
						SymbolFunction, l->function);

		g_string_append_printf(text, "%s:%d ",
				       symbol_names_text(n, f->name ? f->name :
						f->system_name), l->line);
	}
	return g_string_free(text, FALSE);
}

static void progress_count(void *data, gsize done)
{
	*(gsize *)data = done;
}

static SymbolNames *resolve_in_batches(ElfFile *f, const ElfSymbols *symbols,
				       const GArray *wanted)
{
	SymbolNames *names = symbol_names_new();

	for (guint i = 0; i < wanted->len; i += BATCH) {
		g_autoptr(GArray) part = g_array_new(FALSE, FALSE,
						sizeof(DwarfLinesWanted));

		g_array_append_vals(part, &g_array_index(wanted,
				    DwarfLinesWanted, i),
				    MIN(BATCH, wanted->len - i));
		dwarf_lines_resolve(f, symbols, part, names, NULL, NULL);
	}
	return names;
}

START_TEST(threads_and_one_thread_find_the_same)
{
	g_autofree char *path = g_build_filename(dir, "many", NULL);
	g_autoptr(ElfFile) f = elf_file_open(NULL, path, NULL, 0, NULL);
	g_autoptr(ElfSymbols) symbols = elf_symbols_new(f);
	g_autoptr(GArray) wanted = wanted_new(f);
	g_autoptr(SymbolNames) all = symbol_names_new();
	g_autoptr(SymbolNames) parts = NULL;
	gsize done = 0;

	parts = resolve_in_batches(f, symbols, wanted);
	dwarf_lines_resolve(f, symbols, wanted, all, progress_count, &done);
	ck_assert_uint_eq(done, wanted->len);
	for (guint i = 0; i < wanted->len; i++) {
		guint64 offset = g_array_index(wanted, DwarfLinesWanted,
					       i).offset;
		g_autofree char *a = describe(all, offset);
		g_autofree char *b = describe(parts, offset);

		ck_assert_str_eq(a, b);
	}
}
END_TEST

START_TEST(each_byte_is_in_the_function_inlined_there)
{
	g_autofree char *path = g_build_filename(dir, "many", NULL);
	g_autoptr(ElfFile) f = elf_file_open(NULL, path, NULL, 0, NULL);
	g_autoptr(ElfSymbols) symbols = elf_symbols_new(f);
	g_autoptr(GArray) wanted = wanted_new(f);
	g_autoptr(SymbolNames) all = symbol_names_new();

	dwarf_lines_resolve(f, symbols, wanted, all, NULL, NULL);
	for (int unit = 1; unit <= 3; unit++) {
		for (int i = 1; i <= FUNCTIONS / 3; i++) {
			g_autofree char *label = g_strdup_printf("f_%d_%d",
								 unit, i);
			g_autofree char *want = g_strdup_printf(
				"in_%d_%d:%d %s:%d ", unit, i, 2 * i - 1,
				label, 2 * i);
			g_autofree char *text = describe(all,
				objects_offset(dir, "many", label) + NOPS / 2);

			ck_assert_str_eq(text, want);
		}
	}
}
END_TEST

/*
 * 200 000 functions that share a list of 20 000 ranges: 1.4 MB that would take
 * minutes.
 */
static const char shared_source[] =
	".text; .globl main; .type main, @function\n"
	"main: .rept 64; nop; .endr; ret; .size main, . - main\n"
	".section .debug_abbrev, \"\", @progbits\n"
	".uleb128 1; .uleb128 0x11; .byte 1\n"		/* compile unit */
	".uleb128 0x11; .uleb128 1; .uleb128 0x12; .uleb128 1; .byte 0, 0\n"
	".uleb128 2; .uleb128 0x2e; .byte 0\n"		/* subprogram */
	".uleb128 0x55; .uleb128 0x17; .byte 0, 0, 0\n"	/* ranges */
	".section .debug_info, \"\", @progbits\n"
	".long 2f - 1f\n"
	"1: .short 4; .long 0; .byte 8\n"
	".uleb128 1; .quad main; .quad main + 65\n"
	".rept 200000; .uleb128 2; .long 0; .endr; .byte 0\n"
	"2:\n"
	".section .debug_ranges, \"\", @progbits\n"
	".rept 20000; .quad 0x1000000000; .quad 0x1000000001; .endr\n"
	".quad 0; .quad 0\n"
	".section .note.GNU-stack, \"\", @progbits\n";

/* What the byte at main + `at` of an assembled program is called. */
static char *describe_assembled(const char *assembly, guint64 at)
{
	g_autofree char *source = g_build_filename(dir, "made.s", NULL);
	g_autofree char *path = g_build_filename(dir, "made", NULL);
	g_autoptr(GArray) wanted = g_array_new(FALSE, FALSE,
					       sizeof(DwarfLinesWanted));
	g_autoptr(SymbolNames) names = symbol_names_new();
	g_autoptr(ElfSymbols) symbols = NULL;
	g_autoptr(ElfFile) f = NULL;
	guint64 offset, address;

	ck_assert(g_file_set_contents(source, assembly, -1, NULL));
	ck_assert(objects_run(dir, "gcc made.s -o made"));
	f = elf_file_open(NULL, path, NULL, 0, NULL);
	symbols = elf_symbols_new(f);
	offset = objects_offset(dir, "made", "main") + at;
	ck_assert(elf_file_address(f, offset, &address));
	wanted_add(wanted, offset, address);
	dwarf_lines_resolve(f, symbols, wanted, names, NULL, NULL);
	return describe(names, offset);
}

START_TEST(work_that_is_shared_ends)
{
	g_autofree char *text = describe_assembled(shared_source, 0);

	ck_assert_str_eq(text, "main:0 ");
}
END_TEST

/* Three ranges of one function, relative to where its unit begins. */
static const char ranges_source[] =
	".text; .globl main; .type main, @function\n"
	"main: .rept 64; nop; .endr; ret; .size main, . - main\n"
	".section .debug_abbrev, \"\", @progbits\n"
	".uleb128 1; .uleb128 0x11; .byte 1\n"		/* compile unit */
	".uleb128 0x11; .uleb128 1; .uleb128 0x12; .uleb128 1; .byte 0, 0\n"
	".uleb128 2; .uleb128 0x2e; .byte 0\n"		/* subprogram */
	".uleb128 0x03; .uleb128 0x08\n"		/* name */
	".uleb128 0x55; .uleb128 0x17; .byte 0, 0, 0\n"	/* ranges */
	".section .debug_info, \"\", @progbits\n"
	".long 2f - 1f\n"
	"1: .short 4; .long 0; .byte 8\n"
	".uleb128 1; .quad main; .quad main + 65\n"
	".uleb128 2; .asciz \"pieces\"; .long 0; .byte 0\n"
	"2:\n"
	".section .debug_ranges, \"\", @progbits\n"
	".quad 8, 16, 24, 32, 40, 48, 0, 0\n"
	".section .note.GNU-stack, \"\", @progbits\n";

START_TEST(a_function_has_all_of_its_ranges)
{
	for (guint64 at = 4; at < 64; at += 8) {
		g_autofree char *text = describe_assembled(ranges_source, at);

		ck_assert_str_eq(text, at == 12 || at == 28 || at == 44 ?
				 "pieces:0 " : "main:0 ");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dwarf-lines");
	TCase *tc = tcase_create("dwarf-lines");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, threads_and_one_thread_find_the_same);
	tcase_add_test(tc, each_byte_is_in_the_function_inlined_there);
	tcase_add_test(tc, a_function_has_all_of_its_ranges);
	tcase_add_test(tc, work_that_is_shared_ends);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
