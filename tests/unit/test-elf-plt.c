/* SPDX-License-Identifier: MIT */
/* Stubs of every form, in an object that is put together byte by byte. */
#include "tools/elf-plt.h"

#include <check.h>
#include <gelf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#define SLOTS 0x4000u		/* address of .got.plt */
#define PLT 0x1000u		/* and of the stubs */
#define STUBS 6u

enum { NAMES = 1, DYNSYM, DYNSTR, RELA, STUB, SECTIONS };

struct object {
	Elf64_Ehdr header;
	Elf64_Shdr sections[SECTIONS];
	char names[64];
	Elf64_Sym symbols[4];
	char strings[32];
	Elf64_Rela relocations[4];
	guint8 code[STUBS * 16];
};

#define NAMES_TEXT "\0.shstrtab\0.dynsym\0.dynstr\0.rela.plt\0.plt.sec"

static guint32 name_at(const char *name)
{
	static const char names[] = NAMES_TEXT;

	return (guint32)((char *)memmem(names, sizeof(names), name,
					strlen(name) + 1) - names);
}

static void set_section(struct object *o, guint at, const char *name,
			guint32 type, size_t offset, size_t size)
{
	o->sections[at].sh_name = name_at(name);
	o->sections[at].sh_type = type;
	o->sections[at].sh_offset = offset;
	o->sections[at].sh_size = size;
	o->sections[at].sh_addralign = 1;
}

/* Slot i is of puts, (nobody), exit; symbol 2 has no name that is there. */
static void set_relocations(struct object *o)
{
	static const guint32 symbols[] = { 1, 0, 3, 2 };

	for (guint i = 0; i < 4; i++) {
		o->relocations[i].r_offset = SLOTS + 8 * i;
		o->relocations[i].r_info = GELF_R_INFO((guint64)symbols[i],
						       R_X86_64_JUMP_SLOT);
	}
	o->symbols[1].st_name = 1;
	o->symbols[2].st_name = 1000;
	o->symbols[3].st_name = 6;
	memcpy(o->strings, "\0puts\0exit", 11);
}

static struct object *object_new(void)
{
	struct object *o = g_new0(struct object, 1);

	o->header = (Elf64_Ehdr){
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_DYN, .e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_shoff = offsetof(struct object, sections),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_shentsize = sizeof(Elf64_Shdr), .e_shnum = SECTIONS,
		.e_shstrndx = NAMES,
	};
	memcpy(o->names, NAMES_TEXT, sizeof(NAMES_TEXT));
	set_section(o, NAMES, ".shstrtab", SHT_STRTAB,
		    offsetof(struct object, names), sizeof(o->names));
	set_section(o, DYNSYM, ".dynsym", SHT_DYNSYM,
		    offsetof(struct object, symbols), sizeof(o->symbols));
	o->sections[DYNSYM].sh_entsize = sizeof(Elf64_Sym);
	o->sections[DYNSYM].sh_link = DYNSTR;
	set_section(o, DYNSTR, ".dynstr", SHT_STRTAB,
		    offsetof(struct object, strings), sizeof(o->strings));
	set_section(o, RELA, ".rela.plt", SHT_RELA,
		    offsetof(struct object, relocations),
		    sizeof(o->relocations));
	o->sections[RELA].sh_entsize = sizeof(Elf64_Rela);
	o->sections[RELA].sh_link = DYNSYM;
	set_section(o, STUB, ".plt.sec", SHT_PROGBITS,
		    offsetof(struct object, code), sizeof(o->code));
	o->sections[STUB].sh_addr = PLT;
	o->sections[STUB].sh_entsize = 16;
	set_relocations(o);
	memset(o->code, 0x90, sizeof(o->code));
	return o;
}

static void set_stub(struct object *o, guint at, const char *bytes, gsize size,
		     gint32 number)
{
	memcpy(o->code + 16 * at, bytes, size);
	memcpy(o->code + 16 * at + size, &number, 4);
}

/* Stub `at` jumps to where `slot` says, with these bytes before the distance. */
#define JUMP(o, at, bytes, slot)					\
	set_stub(o, at, bytes, sizeof(bytes) - 1,			\
		 (gint32)(SLOTS + 8 * (slot)) -				\
		 (gint32)(PLT + 16 * (at) + sizeof(bytes) - 1 + 4))
/* It pushes a number. */
#define PUSH(o, at, number) \
	set_stub(o, at, "\xf3\x0f\x1e\xfa\x68", 5, number)

static void put_stub(void *to, guint64 start, guint64 end, const char *name)
{
	g_string_append_printf(to, "%" G_GINT64_MODIFIER "x+%u %s\n", start,
			       (guint)(end - start), name);
}

/* "1000+16 puts@plt" a line; frees the object. */
static void becomes(struct object *o, const char *expected)
{
	g_autoptr(GString) got = g_string_new(NULL);
	GStringChunk *names = g_string_chunk_new(64);
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)o, sizeof(*o));
	ck_assert_ptr_nonnull(elf);
	elf_plt_read(elf, names, put_stub, got);
	elf_end(elf);
	g_string_chunk_free(names);
	g_free(o);
	ck_assert_str_eq(got->str, expected);
}

START_TEST(every_form)
{
	struct object *o = object_new();

	JUMP(o, 0, "\xff\x25", 0);
	JUMP(o, 1, "\xf3\x0f\x1e\xfa\xff\x25", 2);
	JUMP(o, 2, "\xf3\x0f\x1e\xfa\xf2\xff\x25", 0);
	JUMP(o, 3, "\xf2\xff\x25", 2);
	PUSH(o, 4, 0);
	PUSH(o, 5, 2);
	becomes(o, "1000+16 puts@plt\n1010+16 exit@plt\n1020+16 puts@plt\n"
		"1030+16 exit@plt\n1040+16 puts@plt\n1050+16 exit@plt\n");
}
END_TEST

/* .plt.got without CET has stubs of 8 bytes. */
START_TEST(short_ones)
{
	const gint32 distance = (gint32)(SLOTS + 16) - (gint32)(PLT + 14);
	struct object *o = object_new();

	o->sections[STUB].sh_entsize = 8;
	JUMP(o, 0, "\xff\x25", 0);
	/* the second half of the first 16 bytes is a stub of its own */
	memcpy(o->code + 8, "\xff\x25", 2);
	memcpy(o->code + 10, &distance, 4);
	becomes(o, "1000+8 puts@plt\n1008+8 exit@plt\n");
}
END_TEST

START_TEST(what_is_none_has_no_name)
{
	struct object *o = object_new();

	JUMP(o, 0, "\xff\x25", 1);	/* a relocation without symbol */
	JUMP(o, 1, "\xff\x25", 3);	/* a name that is nowhere */
	JUMP(o, 2, "\xff\x25", 4);	/* no relocation */
	JUMP(o, 3, "\xff\x15", 0);	/* a call */
	PUSH(o, 4, 4);			/* one behind the last */
	PUSH(o, 5, -1);
	becomes(o, "");
}
END_TEST

/* Each makes it an object without stubs, and none that is read beyond its end. */
START_TEST(broken_objects)
{
	struct object *o = object_new();

	JUMP(o, 0, "\xff\x25", 0);
	switch (_i) {
	case 0: o->header.e_machine = EM_AARCH64; break;
	case 1: o->sections[RELA].sh_link = SECTIONS; break;
	case 2: o->sections[RELA].sh_link = DYNSTR; break;
	case 3: o->sections[RELA].sh_entsize = 0; break;
	case 4: o->sections[RELA].sh_type = SHT_PROGBITS; break;
	case 5: o->sections[RELA].sh_offset = G_MAXUINT64 - 8; break;
	case 6: o->sections[DYNSYM].sh_link = G_MAXUINT32; break;
	case 7: o->sections[STUB].sh_offset = sizeof(*o); break;
	case 8: o->sections[STUB].sh_size = 15; break;
	case 9: o->sections[STUB].sh_name = G_MAXUINT32; break;
	case 10: o->sections[STUB].sh_type = SHT_NOBITS; break;
	case 11: o->header.e_shstrndx = SECTIONS; break;
	case 12: o->relocations[0].r_info = GELF_R_INFO(4711ull,
						R_X86_64_JUMP_SLOT); break;
	case 13: o->relocations[0].r_info = GELF_R_INFO(1ull,
						R_X86_64_COPY); break;
	default: o->strings[1] = '\0'; break;
	}
	becomes(o, "");
}
END_TEST

/* A section that ends inside a stub has those before it. */
START_TEST(the_last_is_cut_off)
{
	struct object *o = object_new();

	JUMP(o, 0, "\xff\x25", 0);
	JUMP(o, 1, "\xff\x25", 2);
	o->sections[STUB].sh_size = 31;
	becomes(o, "1000+16 puts@plt\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elf-plt");
	TCase *t = tcase_create("all");

	tcase_add_test(t, every_form);
	tcase_add_test(t, short_ones);
	tcase_add_test(t, what_is_none_has_no_name);
	tcase_add_loop_test(t, broken_objects, 0, 15);
	tcase_add_test(t, the_last_is_cut_off);
	suite_add_tcase(suite, t);
	return runner_run(suite);
}
