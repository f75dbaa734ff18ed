/* SPDX-License-Identifier: MIT */
/*
 * A made-up Go program: main.caller has 60 bytes, of which the 16th to 31st are
 * main.small inlined; main.small itself has the 64 behind.
 */
#include "tools/go-names.h"

#include <check.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#define BASE 0x400000u
#define CODE 0x401000u
#define SIZE 0x4000u

/* Offsets in the file; all of it is loaded at BASE. */
enum {
	TABLE = 0x1800, TREE = 0x2800, MODULE = 0x3000,
	RELOCATIONS = 0x3400, SECTIONS = 0x3800, SECTION_NAMES = 0x3f00,
};

/* Offsets in the table. */
enum {
	NAMES = 0x50, UNITS = 0x100, FILES = 0x140, VALUES = 0x200,
	FUNCTIONS = 0x300, CALLER = 0x40, SMALL = 0xc0,
};

enum { NAME_CALLER, NAME_SMALL = 0x20 };

/* Which program is made. */
struct kind {
	gboolean old;			/* of Go 1.18 */
	gboolean moved;			/* position independent */
	gboolean no_start;		/* its table does not say where code is */
	gboolean new;			/* of Go 1.27 */
	gboolean no_sections;
	gboolean no_module;
};

static void put32(guint8 *image, gsize at, guint32 value)
{
	memcpy(image + at, &value, sizeof(value));
}

static void put64(guint8 *image, gsize at, guint64 value)
{
	memcpy(image + at, &value, sizeof(value));
}

static void put_headers(guint8 *image, const struct kind *k)
{
	Elf64_Ehdr ehdr = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_X86_64,
		.e_version = EV_CURRENT, .e_phoff = sizeof(ehdr),
		.e_ehsize = sizeof(ehdr), .e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2, .e_shentsize = sizeof(Elf64_Shdr),
	};
	const Elf64_Phdr phdr[] = {
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = BASE,
		  .p_filesz = MODULE, .p_memsz = MODULE },
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_W,
		  .p_vaddr = BASE + MODULE, .p_offset = MODULE,
		  .p_filesz = 0x400, .p_memsz = 0x400 },
	};
	static const char names[] = "\0.data.rel.ro.gopclntab\0.rela\0.names";
	const Elf64_Shdr shdr[] = {
		{ .sh_type = SHT_NULL },
		{ .sh_name = 1, .sh_type = SHT_PROGBITS,
		  .sh_addr = BASE + TABLE, .sh_offset = TABLE,
		  .sh_size = TREE - TABLE },
		{ .sh_name = 24, .sh_type = SHT_RELA,
		  .sh_offset = RELOCATIONS, .sh_size = 7 * sizeof(Elf64_Rela),
		  .sh_entsize = sizeof(Elf64_Rela) },
		{ .sh_name = 30, .sh_type = SHT_STRTAB,
		  .sh_offset = SECTION_NAMES, .sh_size = sizeof(names) },
	};

	if (!k->no_sections) {
		ehdr.e_shoff = SECTIONS;
		ehdr.e_shnum = G_N_ELEMENTS(shdr);
		ehdr.e_shstrndx = 3;
	}
	memcpy(image, &ehdr, sizeof(ehdr));
	memcpy(image + sizeof(ehdr), phdr, sizeof(phdr));
	memcpy(image + SECTIONS, shdr, sizeof(shdr));
	memcpy(image + SECTION_NAMES, names, sizeof(names));
}

/* Pairs: change (zigzag), bytes of code; 0 ends them. */
static const guint8 caller_lines[] = { 22, 16, 80, 16, 75, 28, 0 };
static const guint8 caller_files[] = { 2, 16, 2, 16, 1, 28, 0 };
static const guint8 caller_calls[] = { 0, 16, 2, 16, 1, 28, 0 };
static const guint8 small_lines[] = { 98, 64, 0 };
static const guint8 small_files[] = { 4, 64, 0 };

enum { V_LINES = 1, V_FILES = 16, V_CALLS = 32, V_SLINES = 48, V_SFILES = 64 };

static void put_record(guint8 *image, const struct kind *k, gsize at,
		       const guint32 *fields, guint32 start_line)
{
	gsize size = k->old ? 40 : 44;
	gsize i;

	for (i = 0; i < 9; i++)
		put32(image, at + 4 * i, fields[i]);
	if (!k->old)
		put32(image, at + 36, start_line);
	image[at + size - 1] = 4;	/* data */
	for (i = 0; i < 7; i++)
		put32(image, at + size + 4 * i, i < 3 ? 0 : G_MAXUINT32);
	if (fields[0] == 0) {
		put32(image, at + size + 4 * 2, V_CALLS);
		put32(image, at + size + 4 * (3 + 3), 16);
	}
}

static void put_table(guint8 *image, const struct kind *k)
{
	guint8 *t = image + TABLE;
	const guint32 caller[] = { 0, NAME_CALLER, 0, 0, 0, V_FILES, V_LINES,
				   3, 0 };
	const guint32 small[] = { 64, NAME_SMALL, 0, 0, 0, V_SFILES, V_SLINES,
				  3, 0 };

	put32(t, 0, k->old ? 0xfffffff0 : 0xfffffff1);
	t[6] = 1;
	t[7] = 8;
	put64(t, 8, 2);
	put64(t, 24, k->no_start ? 0 : CODE);
	put64(t, 32, NAMES);
	put64(t, 40, UNITS);
	put64(t, 48, FILES);
	put64(t, 56, VALUES);
	put64(t, 64, FUNCTIONS);
	strcpy((char *)t + NAMES + NAME_CALLER, "main.caller");
	strcpy((char *)t + NAMES + NAME_SMALL, "main.small");
	put32(t, UNITS, 0);
	put32(t, UNITS + 4, 0x20);
	put32(t, UNITS + 8, 0x20);
	strcpy((char *)t + FILES, "/src/caller.go");
	strcpy((char *)t + FILES + 0x20, "/src/small.go");
	memcpy(t + VALUES + V_LINES, caller_lines, sizeof(caller_lines));
	memcpy(t + VALUES + V_FILES, caller_files, sizeof(caller_files));
	memcpy(t + VALUES + V_CALLS, caller_calls, sizeof(caller_calls));
	memcpy(t + VALUES + V_SLINES, small_lines, sizeof(small_lines));
	memcpy(t + VALUES + V_SFILES, small_files, sizeof(small_files));
	put32(t, FUNCTIONS + 0, 0);
	put32(t, FUNCTIONS + 4, CALLER);
	put32(t, FUNCTIONS + 8, 64);
	put32(t, FUNCTIONS + 12, SMALL);
	put32(t, FUNCTIONS + 16, 128);
	put_record(t, k, FUNCTIONS + CALLER, caller, 9);
	put_record(t, k, FUNCTIONS + SMALL, small, 48);
}

/* One call, main.small, from the instruction at 14. */
static void put_tree(guint8 *image, const struct kind *k)
{
	guint8 *call = image + TREE + 16;

	if (k->old) {
		put32(call, 12, NAME_SMALL);
		put32(call, 16, 14);
	} else {
		put32(call, 4, NAME_SMALL);
		put32(call, 8, 14);
		put32(call, 12, 48);
	}
}

static void put_module(guint8 *image, const struct kind *k)
{
	const struct {
		guint word;
		guint64 value;
	} words[] = {
		{ 0, BASE + TABLE }, { 1, BASE + TABLE + NAMES },
		{ 22, CODE },
		{ k->old ? 38 : k->new ? 43 : 40, BASE + TREE },
		/* the types: where they begin, and where they end */
		{ 37, k->old ? 0 : BASE + 0x1000 },
		{ k->new ? 39 : 38, k->old ? BASE + TREE : BASE + 0x1400 },
	};

	for (guint i = 0; i < G_N_ELEMENTS(words) && !k->no_module; i++) {
		guint64 at = MODULE + 0x40 + 8 * words[i].word;

		if (k->moved) {
			put64(image, RELOCATIONS + 24 * i, BASE + at);
			put64(image, RELOCATIONS + 24 * i + 8,
			      R_X86_64_RELATIVE);
			put64(image, RELOCATIONS + 24 * i + 16,
			      words[i].value);
		} else {
			put64(image, at, words[i].value);
		}
	}
	if (k->new && !k->no_module)	/* and how long they are */
		put64(image, MODULE + 0x40 + 8 * 38, 0x400);
	if (k->moved)	/* a pointer that is none of the module's */
		put64(image, RELOCATIONS + 24 * 6 + 16, BASE + TABLE);
	else
		put64(image, MODULE, BASE + TABLE);
}

static guint8 *program_new(const struct kind *k)
{
	guint8 *image = g_malloc0(SIZE);

	put_headers(image, k);
	put_table(image, k);
	put_tree(image, k);
	put_module(image, k);
	return image;
}

static void check_line(const SymbolNames *n, const SymbolAddress *a, guint i,
		       const char *name, const char *file, gint32 start,
		       gint32 line)
{
	const SymbolLine *l = &g_array_index(n->lines, SymbolLine,
					     a->first_line + i);
	const SymbolFunction *f = &g_array_index(n->functions, SymbolFunction,
						 l->function);

	ck_assert_str_eq(symbol_names_text(n, f->name), name);
	ck_assert_str_eq(symbol_names_text(n, f->file), file);
	ck_assert_int_eq(f->start_line, start);
	ck_assert_int_eq(l->line, line);
}

static SymbolNames *names_of(const guint8 *image, const guint *codes)
{
	Elf *elf = elf_memory((char *)(guintptr)image, SIZE);
	g_autoptr(GoNames) go = NULL;
	SymbolNames *names = symbol_names_new();

	go = go_names_new(elf);
	for (; go && *codes != G_MAXUINT; codes++)
		go_names_add(go, CODE + *codes, *codes, names);
	symbol_names_sort(names);
	g_clear_pointer(&go, go_names_free);
	elf_end(elf);
	return names;
}

static const struct kind kinds[] = {
	{ 0 },
	{ .old = TRUE },
	{ .moved = TRUE },
	{ .moved = TRUE, .old = TRUE },
	{ .no_start = TRUE },
	{ .no_start = TRUE, .moved = TRUE },
	{ .no_sections = TRUE },
	{ .new = TRUE, .no_start = TRUE },
	{ .new = TRUE, .no_start = TRUE, .moved = TRUE },
};

START_TEST(functions_inlined_calls_and_lines)
{
	const struct kind *k = &kinds[_i];
	g_autofree guint8 *image = program_new(k);
	const guint codes[] = { 0, 16, 40, 59, 70, G_MAXUINT };
	g_autoptr(SymbolNames) n = names_of(image, codes);
	const SymbolAddress *a;
	/* before 1.20 a function's own line is that of its first byte */
	gint32 caller = k->old ? 10 : 9;

	ck_assert_uint_eq(n->addresses->len, 5);
	a = symbol_names_find(n, 0);
	ck_assert_uint_eq(a->line_count, 1);
	check_line(n, a, 0, "main.caller", "/src/caller.go", caller, 10);
	a = symbol_names_find(n, 16);
	ck_assert_uint_eq(a->line_count, 2);
	check_line(n, a, 0, "main.small", "/src/small.go", 48, 50);
	check_line(n, a, 1, "main.caller", "/src/caller.go", caller, 10);
	a = symbol_names_find(n, 59);
	ck_assert_uint_eq(a->line_count, 1);
	check_line(n, a, 0, "main.caller", "/src/caller.go", caller, 12);
	check_line(n, symbol_names_find(n, 70), 0, "main.small",
		   "/src/small.go", 48, 48);
}
END_TEST

/* Between functions, before and behind them. */
START_TEST(other_code_is_not_named)
{
	g_autofree guint8 *image = program_new(&kinds[0]);
	const guint codes[] = { 60, 63, 128, 1000, G_MAXUINT - 1, G_MAXUINT };
	g_autoptr(SymbolNames) n = names_of(image, codes);

	ck_assert_uint_eq(n->addresses->len, 0);
}
END_TEST

/* Without the module's record the names are known, inlined calls are not. */
START_TEST(without_trees_no_line_is_guessed)
{
	const struct kind k = { .no_module = TRUE };
	g_autofree guint8 *image = program_new(&k);
	const guint codes[] = { 0, 16, G_MAXUINT };
	g_autoptr(SymbolNames) n = names_of(image, codes);

	check_line(n, symbol_names_find(n, 0), 0, "main.caller",
		   "/src/caller.go", 9, 10);
	ck_assert_uint_eq(symbol_names_find(n, 16)->line_count, 1);
	check_line(n, symbol_names_find(n, 16), 0, "main.caller",
		   "/src/caller.go", 9, 0);
}
END_TEST

START_TEST(what_is_no_table_is_refused)
{
	const struct kind lost = { .no_module = TRUE, .no_start = TRUE };
	g_autofree guint8 *image = program_new(&lost);
	const guint codes[] = { 0, G_MAXUINT };
	g_autoptr(SymbolNames) n = names_of(image, codes);
	g_autofree guint8 *other = program_new(&kinds[0]);
	g_autoptr(SymbolNames) m = NULL;

	ck_assert_uint_eq(n->addresses->len, 0);
	put32(other, TABLE, 0xfffffffb);	/* of Go 1.2 to 1.15 */
	m = names_of(other, codes);
	ck_assert_uint_eq(m->addresses->len, 0);
}
END_TEST

/* A byte anywhere may be anything. */
START_TEST(damage_is_survived)
{
	const guint codes[] = { 0, 16, 40, 60, 70, 127, G_MAXUINT };

	for (gsize at = TABLE; at < MODULE + 0x200; at++) {
		g_autofree guint8 *image = program_new(&kinds[_i]);
		g_autoptr(SymbolNames) n = NULL;

		image[at] ^= at % 3 ? 0xff : 0x80;
		n = names_of(image, codes);
		ck_assert_uint_le(n->addresses->len, 6);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("go-names");
	TCase *tcase = tcase_create("all");

	elf_version(EV_CURRENT);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, functions_inlined_calls_and_lines, 0,
			    G_N_ELEMENTS(kinds));
	tcase_add_test(tcase, other_code_is_not_named);
	tcase_add_test(tcase, without_trees_no_line_is_guessed);
	tcase_add_test(tcase, what_is_no_table_is_refused);
	tcase_add_loop_test(tcase, damage_is_survived, 0, 3);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
