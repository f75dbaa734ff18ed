/* SPDX-License-Identifier: MIT */
/*
 * The three shapes of a stub, as the x86-64 psABI and its CET supplement lay
 * them out, 16 bytes each (8 in .plt.got without CET):
 *
 *	ff 25 rel32 ...			jmp *slot(%rip)
 *	f3 0f 1e fa [f2] ff 25 rel32	endbr64; [bnd] jmp *slot(%rip)
 *	f3 0f 1e fa 68 imm32 [f2] e9	endbr64; push index; [bnd] jmp .plt
 */
#include "tools/elf-plt.h"

#include <gelf.h>
#include <string.h>

#include "tools/numhash.h"

#define STUB_SIZE 16
#define ENDBR64 "\xf3\x0f\x1e\xfa"

struct plt {
	Elf *elf;
	GHashTable *slots;		/* guint64 *: name */
	GPtrArray *jumps;		/* names in the order of .rela.plt */
	GStringChunk *names;
	ElfPltFunc add;
	void *data;
};

static const char *section_name(Elf *elf, const GElf_Shdr *sh)
{
	size_t strings;
	const char *name;

	if (elf_getshdrstrndx(elf, &strings) != 0)
		return "";
	name = elf_strptr(elf, strings, sh->sh_name);
	return name ? name : "";
}

/* NULL: a relocation without a symbol, as those of ifuncs are. */
static const char *relocation_name(struct plt *p, Elf_Data *symbols,
				   size_t strings, const GElf_Rela *rela)
{
	g_autofree char *stub = NULL;
	const char *name;
	GElf_Sym sym;

	if (GELF_R_SYM(rela->r_info) == 0 ||
	    !gelf_getsym(symbols, GELF_R_SYM(rela->r_info), &sym))
		return NULL;
	name = elf_strptr(p->elf, strings, sym.st_name);
	if (!name || !*name)
		return NULL;
	stub = g_strconcat(name, "@plt", NULL);
	return g_string_chunk_insert_const(p->names, stub);
}

static void relocations_read(struct plt *p, Elf_Scn *scn, const GElf_Shdr *sh)
{
	gboolean jumps = strcmp(section_name(p->elf, sh), ".rela.plt") == 0;
	Elf_Data *data = elf_getdata(scn, NULL);
	Elf_Scn *link = elf_getscn(p->elf, sh->sh_link);
	Elf_Data *symbols = link ? elf_getdata(link, NULL) : NULL;
	GElf_Shdr linked;

	if (!data || !symbols || sh->sh_entsize == 0 ||
	    !gelf_getshdr(link, &linked) || linked.sh_type != SHT_DYNSYM)
		return;
	for (size_t i = 0; i < sh->sh_size / sh->sh_entsize; i++) {
		const char *name = NULL;
		GElf_Rela rela;

		if (!gelf_getrela(data, i, &rela))
			break;
		if (GELF_R_TYPE(rela.r_info) == R_X86_64_JUMP_SLOT ||
		    GELF_R_TYPE(rela.r_info) == R_X86_64_GLOB_DAT)
			name = relocation_name(p, symbols, linked.sh_link,
					       &rela);
		if (name)
			g_hash_table_insert(p->slots,
				g_memdup2(&rela.r_offset, sizeof(guint64)),
				(char *)name);
		if (jumps)
			g_ptr_array_add(p->jumps, (char *)name);
	}
}

static gint32 read_i32(const guint8 *at)
{
	gint32 v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static const char *stub_name(struct plt *p, const guint8 *code, size_t size,
			     guint64 address)
{
	size_t at = 0;
	guint64 slot;

	if (size >= 4 && memcmp(code, ENDBR64, 4) == 0)
		at = 4;
	if (at == 4 && at + 5 <= size && code[at] == 0x68) {
		guint32 index = (guint32)read_i32(code + at + 1);

		return index < p->jumps->len ? p->jumps->pdata[index] : NULL;
	}
	if (at < size && code[at] == 0xf2)
		at++;
	if (at + 6 > size || code[at] != 0xff || code[at + 1] != 0x25)
		return NULL;
	slot = address + at + 6 + (guint64)(gint64)read_i32(code + at + 2);
	return g_hash_table_lookup(p->slots, &slot);
}

static void stubs_read(struct plt *p, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t step = sh->sh_entsize == 8 ? 8 : STUB_SIZE;

	if (!data || !data->d_buf)
		return;
	for (size_t at = 0; at + step <= data->d_size; at += step) {
		guint64 address = sh->sh_addr + at;
		const char *name = stub_name(p, (guint8 *)data->d_buf + at,
					     step, address);

		if (name)
			p->add(p->data, address, address + step, name);
	}
}

void elf_plt_read(Elf *elf, GStringChunk *names, ElfPltFunc add, void *data)
{
	struct plt p = { elf, NULL, NULL, names, add, data };
	GElf_Ehdr ehdr;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	if (!gelf_getehdr(elf, &ehdr) || ehdr.e_machine != EM_X86_64 ||
	    ehdr.e_ident[EI_CLASS] != ELFCLASS64)
		return;
	p.slots = g_hash_table_new_full(numhash, g_int64_equal, g_free,
					NULL);
	p.jumps = g_ptr_array_new();
	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_RELA)
			relocations_read(&p, scn, &sh);
	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_PROGBITS &&
		    g_str_has_prefix(section_name(elf, &sh), ".plt"))
			stubs_read(&p, scn, &sh);
	g_hash_table_destroy(p.slots);
	g_ptr_array_free(p.jumps, TRUE);
}
