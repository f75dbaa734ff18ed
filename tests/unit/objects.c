/* SPDX-License-Identifier: MIT */
#include "tests/unit/objects.h"

#include <check.h>
#include <fcntl.h>
#include <gelf.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/elf-file.h"

/* Where a real loader might have put it. */
#define LOADED_AT 0x7f5500000000

/* Lines are what tests compare: keep the numbers in sight. */
static const char cart_source[] =
	/*  1 */ "namespace shop {\n"
	/*  2 */ "template <class T> struct Cart {\n"
	/*  3 */ "	T sum;\n"
	/*  4 */ "	__attribute__((always_inline)) void add(T v)\n"
	/*  5 */ "	{\n"
	/*  6 */ "		asm volatile(\"mark_add: nop\" : \"+r\"(v));\n"
	/*  7 */ "		sum += v;\n"
	/*  8 */ "	}\n"
	/*  9 */ "};\n"
	/* 10 */ "namespace {\n"
	/* 11 */ "__attribute__((always_inline)) inline int\n"
	/* 12 */ "fill(Cart<int> &c, int n)\n"
	/* 13 */ "{\n"
	/* 14 */ "	asm volatile(\"mark_fill: nop\" : \"+r\"(n));\n"
	/* 15 */ "	c.add(n);\n"
	/* 16 */ "	return c.sum;\n"
	/* 17 */ "}\n"
	/* 18 */ "__attribute__((noinline)) int total(int n)\n"
	/* 19 */ "{\n"
	/* 20 */ "	Cart<int> c{0};\n"
	/* 21 */ "	asm volatile(\"mark_total: nop\" : \"+r\"(n));\n"
	/* 22 */ "	return fill(c, n) + 1;\n"
	/* 23 */ "}\n"
	/* 24 */ "}\n"
	/* 25 */ "__attribute__((noinline)) int pay(int n)\n"
	/* 26 */ "{\n"
	/* 27 */ "	asm volatile(\"mark_pay: nop\" : \"+r\"(n));\n"
	/* 28 */ "	return total(n) + 1;\n"
	/* 29 */ "}\n"
	/* 30 */ "}\n"
	/* 31 */ "int main(int argc, char **)\n"
	/* 32 */ "{\n"
	/* 33 */ "	return shop::pay(argc) == 0;\n"
	/* 34 */ "}\n";

static const char plain_source[] =
	/*  1 */ "#include <stdio.h>\n"
	/*  2 */ "static __attribute__((noinline)) int work(int n)\n"
	/*  3 */ "{\n"
	/*  4 */ "	asm volatile(\"mark_work: nop\" : \"+r\"(n));\n"
	/*  5 */ "	return n * 2;\n"
	/*  6 */ "}\n"
	/*  7 */ "int main(int argc, char **argv)\n"
	/*  8 */ "{\n"
	/*  9 */ "	puts(argv[0]);\n"
	/* 10 */ "	return work(argc) == 0;\n"
	/* 11 */ "}\n"
	/* 12 */ "asm(\".text\\n\"\n"
	/* 13 */ "    \".globl asm_first\\nasm_first: nop\\n\"\n"
	/* 14 */ "    \"nop\\n\"\n"
	/* 15 */ "    \".globl asm_second\\nasm_second: nop\\n\"\n"
	/* 16 */ "    \".section .text.other,\\\"ax\\\"\\n\"\n"
	/* 17 */ "    \".globl sized\\n.type sized,@function\\n\"\n"
	/* 18 */ "    \"sized: nop\\n.size sized,1\\n\"\n"
	/* 19 */ "    \"nop\\n\"\n"
	/* 20 */ "    \".text\\n\");\n";

static const char rust_source[] =
	/*  1 */ "#![allow(named_asm_labels)]\n"
	/*  2 */ "mod shop {\n"
	/*  3 */ "    pub struct Cart<T>(pub T);\n"
	/*  4 */ "    impl<T: Copy + Into<u64>> Cart<T> {\n"
	/*  5 */ "        #[inline(always)]\n"
	/*  6 */ "        pub fn sum(&self) -> u64 {\n"
	/*  7 */ "            unsafe { core::arch::asm!(\"mark_sum: nop\") };\n"
	/*  8 */ "            self.0.into() + 1\n"
	/*  9 */ "        }\n"
	/* 10 */ "    }\n"
	/* 11 */ "    #[inline(never)]\n"
	/* 12 */ "    pub fn pay(n: u32) -> u64 {\n"
	/* 13 */ "        Cart(n).sum()\n"
	/* 14 */ "    }\n"
	/* 15 */ "}\n"
	/* 16 */ "fn main() {\n"
	/* 17 */ "    let n = std::env::args().count() as u32;\n"
	/* 18 */ "    std::process::exit((shop::pay(n) == 0) as i32)\n"
	/* 19 */ "}\n";

char *objects_directory(void)
{
	static const struct {
		const char *name, *text;
	} sources[] = {
		{ "cart.cc", cart_source },
		{ "plain.c", plain_source },
		{ "trade.rs", rust_source },
	};
	char *directory = g_dir_make_tmp("profagent-objects-XXXXXX", NULL);

	ck_assert_ptr_nonnull(directory);
	for (guint i = 0; i < G_N_ELEMENTS(sources); i++) {
		g_autofree char *path = g_build_filename(directory,
						sources[i].name, NULL);

		ck_assert(g_file_set_contents(path, sources[i].text, -1,
					      NULL));
	}
	return directory;
}

void objects_remove(const char *directory)
{
	objects_run("/", "rm -rf '%s'", directory);
}

gboolean objects_run(const char *directory, const char *format, ...)
{
	g_autofree char *command = NULL;
	va_list args;
	char *argv[] = { "/bin/sh", "-c", NULL, NULL };
	int status;

	va_start(args, format);
	command = g_strdup_vprintf(format, args);
	va_end(args);
	argv[2] = command;
	return g_spawn_sync(directory, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL,
			    NULL, NULL, &status, NULL) && status == 0;
}

gboolean objects_have(const char *program)
{
	g_autofree char *path = g_find_program_in_path(program);

	return path != NULL;
}

static gboolean symbol_find(Elf *elf, const char *label, guint64 *address)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Sym sym;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data = elf_getdata(scn, NULL);

		if (!gelf_getshdr(scn, &sh) || 
		    (sh.sh_type != SHT_SYMTAB && sh.sh_type != SHT_DYNSYM))
			continue;
		for (int i = 0; gelf_getsym(data, i, &sym); i++) {
			if (g_strcmp0(elf_strptr(elf, sh.sh_link, sym.st_name),
				      label) != 0)
				continue;
			*address = sym.st_value;
			return TRUE;
		}
	}
	return FALSE;
}

static guint64 address_offset(Elf *elf, guint64 address)
{
	size_t count;
	GElf_Phdr ph;

	ck_assert_int_eq(elf_getphdrnum(elf, &count), 0);
	for (size_t i = 0; i < count; i++)
		if (gelf_getphdr(elf, i, &ph) && ph.p_type == PT_LOAD &&
		    address >= ph.p_vaddr &&
		    address < ph.p_vaddr + ph.p_filesz)
			return address - ph.p_vaddr + ph.p_offset;
	ck_abort_msg("no segment has the symbol");
	return 0;
}

static Elf *object_open(const char *directory, const char *file, int *fd)
{
	g_autofree char *path = g_build_filename(directory, file, NULL);
	Elf *elf;

	elf_version(EV_CURRENT);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_msg(*fd >= 0, "no %s", path);
	elf = elf_begin(*fd, ELF_C_READ, NULL);
	ck_assert_ptr_nonnull(elf);
	return elf;
}

guint64 objects_offset(const char *directory, const char *file,
		       const char *label)
{
	guint64 address = 0, offset;
	int fd;
	Elf *elf = object_open(directory, file, &fd);

	ck_assert_msg(symbol_find(elf, label, &address), "no %s in %s", label,
		      file);
	offset = address_offset(elf, address);
	elf_end(elf);
	close(fd);
	return offset;
}

ElfFile *objects_open(const char *directory, const char *file)
{
	static const ElfFileSearch nowhere;
	g_autofree char *path = g_build_filename(directory, file, NULL);
	g_autoptr(GError) error = NULL;
	ElfFile *f = elf_file_open(&nowhere, path, NULL, 0, &error);

	ck_assert_msg(f != NULL, "%s", error ? error->message : "");
	return f;
}

guint64 objects_address(const char *directory, const ElfFile *f,
			const char *label)
{
	guint64 address;

	ck_assert(elf_file_address(f, objects_offset(directory, "full", label),
				   &address));
	return address;
}

char *objects_build_id(const char *directory, const char *file)
{
	int fd;
	Elf *elf = object_open(directory, file, &fd);
	char *id = elf_file_build_id(elf);

	elf_end(elf);
	close(fd);
	return id;
}

Profile *objects_resolve(const char *path, const char *build_id,
			 guint64 offset, const SymbolsOptions *options,
			 char **notes)
{
	static const SymbolsOptions uncached = { .no_cache = TRUE,
						 .quiet = TRUE };
	g_autoptr(Symbols) s = symbols_new(options ? options : &uncached);
	Profile *p = profile_new();
	ProfileMapping m = { 0 };
	ProfileLocation l = { 0 };

	m.start = LOADED_AT;
	m.end = LOADED_AT + 0x100000;
	m.offset = offset & ~(guint64)0xfff;
	m.path = profile_string(p, path, -1);
	m.build_id = profile_string(p, build_id ? build_id : "", -1);
	m.process = PROFILE_NONE;
	l.address = LOADED_AT + offset - m.offset;
	g_array_append_val(p->mappings, m);
	g_array_append_val(p->locations, l);
	symbols_resolve(s, p);
	if (notes) {
		g_ptr_array_add(symbols_notes(s), NULL);
		*notes = g_strjoinv("\n", (char **)symbols_notes(s)->pdata);
		g_ptr_array_set_size(symbols_notes(s),
				     symbols_notes(s)->len - 1);
	}
	return p;
}

char *objects_describe(const Profile *p)
{
	const ProfileLocation *l = profile_at(p->locations, ProfileLocation, 0);
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < l->line_count; i++) {
		const ProfileLine *line = profile_at(p->lines, ProfileLine,
						     l->first_line + i);
		const ProfileFunction *f = profile_at(p->functions,
					ProfileFunction, line->function);
		g_autofree char *base =
			g_path_get_basename(profile_text(p, f->file));

		g_string_append_printf(text, "%s%s", i ? " < " : "",
				       profile_text(p, f->name));
		if (f->file)
			g_string_append_printf(text, " %s:%d", base,
					       line->line);
	}
	return g_string_free(text, FALSE);
}
