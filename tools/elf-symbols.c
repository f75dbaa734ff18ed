/* SPDX-License-Identifier: MIT */
/*
 * Sized symbols may nest and have aliases; beside each is kept how far any
 * symbol up to it reaches, so that a search backwards knows when to stop.
 */
#include "tools/elf-symbols.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "tools/elf-plt.h"

struct symbol {
	guint64 start, end;		/* [start, end) */
	guint64 reach;			/* greatest end up to here */
	const char *name;
	guint32 rank;			/* of aliases the least wins */
};

struct _ElfSymbols {
	GArray *symbols;		/* struct symbol */
	GStringChunk *names;		/* those that are not the ELF file's */
};

/* A place where a symbol without size ends at the latest. */
struct bound {
	guint64 start, section_end;
	const char *name;
	guint32 rank;
};

struct reader {
	ElfSymbols *symbols;
	GArray *open;			/* struct bound: symbols without size */
	Elf *elf;			/* whose section is cached below */
	GElf_Word section;
	GElf_Shdr header;
	gboolean known;
};

/* Names that people know come before reserved and local ones. */
static guint32 symbol_rank(const char *name, const GElf_Sym *sym)
{
	guint32 binding = GELF_ST_BIND(sym->st_info);
	guint32 rank = 0;

	if (GELF_ST_TYPE(sym->st_info) == STT_NOTYPE)
		rank += 1000;
	if (binding == STB_LOCAL)
		rank += 200;
	else if (binding != STB_GLOBAL)
		rank += 100;
	/* Of mangled names "_Z" is no sign of being reserved. */
	if (name[0] == '_' && name[1] != 'Z' && name[1] != 'R')
		rank += name[1] == '_' ? 20 : 10;
	return rank;
}

static gboolean section_is_code(struct reader *r, Elf *elf, GElf_Word index)
{
	if (!r->known || r->elf != elf || r->section != index) {
		Elf_Scn *scn = elf_getscn(elf, index);

		r->known = scn && gelf_getshdr(scn, &r->header);
		r->elf = elf;
		r->section = index;
	}
	return r->known && (r->header.sh_flags & SHF_EXECINSTR);
}

static gboolean symbol_is_function(const GElf_Sym *sym, const char *name)
{
	int type = GELF_ST_TYPE(sym->st_info);

	/* "$x" and its kind mark code and data for disassemblers. */
	if (!name || !*name || name[0] == '$')
		return FALSE;
	return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
}

/* "memcpy@@GLIBC_2.14" is memcpy; Go's names may hold a single "@". */
static const char *symbol_name(ElfSymbols *s, const char *name)
{
	const char *version = strstr(name, "@@");

	if (!version)
		return name;
	return g_string_chunk_insert_len(s->names, name, version - name);
}

static void symbol_add(ElfSymbols *s, guint64 start, guint64 end,
		       const char *name, guint32 rank)
{
	struct symbol symbol = { start, end, end, name, rank };

	if (end > start)
		g_array_append_val(s->symbols, symbol);
}

static void reader_add(struct reader *r, Dwfl_Module *module, int i)
{
	GElf_Sym sym;
	GElf_Addr address;
	GElf_Word section;
	Elf *elf = NULL;
	Dwarf_Addr bias = 0;
	const char *name = dwfl_module_getsym_info(module, i, &sym, &address,
						   &section, &elf, &bias);
	struct bound open;

	if (!symbol_is_function(&sym, name) || section == SHN_UNDEF || !elf ||
	    section >= SHN_LORESERVE || !section_is_code(r, elf, section))
		return;
	name = symbol_name(r->symbols, name);
	if (sym.st_size > 0) {
		symbol_add(r->symbols, address, address + sym.st_size, name,
			   symbol_rank(name, &sym));
		return;
	}
	open.start = address;
	open.section_end = r->header.sh_addr + r->header.sh_size + bias;
	open.name = name;
	open.rank = symbol_rank(name, &sym);
	g_array_append_val(r->open, open);
}

/* By start; the wider of two that start together first; then the better. */
static gint symbol_compare(gconstpointer a, gconstpointer b)
{
	const struct symbol *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return -strcmp(x->name, y->name);
}

static gint bound_compare(gconstpointer a, gconstpointer b)
{
	const struct bound *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void symbols_sort(ElfSymbols *s)
{
	guint64 reach = 0;

	g_array_sort(s->symbols, symbol_compare);
	for (guint i = 0; i < s->symbols->len; i++) {
		struct symbol *y = &g_array_index(s->symbols, struct symbol, i);

		reach = MAX(reach, y->end);
		y->reach = reach;
	}
}

/* Index of the first symbol that starts after `address`. */
static guint symbols_after(const GArray *symbols, guint64 address)
{
	guint low = 0, high = symbols->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(symbols, struct symbol, middle).start <=
		    address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct symbol *symbols_cover(const ElfSymbols *s,
					  guint64 address)
{
	for (guint i = symbols_after(s->symbols, address); i-- > 0;) {
		const struct symbol *y = &g_array_index(s->symbols,
							struct symbol, i);

		if (address < y->end)
			return y;
		if (address >= y->reach)
			return NULL;
	}
	return NULL;
}

/*
 * Gives symbols without size the room up to the next symbol. One inside a
 * sized symbol is a label of it and gets none; of several at one place the
 * first, which is the best, gets it.
 */
static void open_close(ElfSymbols *s, GArray *open)
{
	guint sized = s->symbols->len, kept = 0;
	g_autoptr(GArray) closed = g_array_new(FALSE, FALSE,
					       sizeof(struct symbol));

	g_array_sort(open, bound_compare);
	for (guint i = 0; i < open->len; i++) {
		struct bound *b = &g_array_index(open, struct bound, i);
		struct symbol y = { b->start, b->section_end, 0, b->name,
				    b->rank };
		guint next = symbols_after(s->symbols, b->start);

		if (symbols_cover(s, b->start) ||
		    (i > 0 && b[-1].start == b->start))
			continue;
		if (next < sized)
			y.end = MIN(y.end, g_array_index(s->symbols,
					struct symbol, next).start);
		if (kept > 0) {
			struct symbol *before = &g_array_index(closed,
						struct symbol, kept - 1);

			before->end = MIN(before->end, y.start);
		}
		g_array_append_val(closed, y);
		kept++;
	}
	for (guint i = 0; i < kept; i++) {
		struct symbol *y = &g_array_index(closed, struct symbol, i);

		symbol_add(s, y->start, y->end, y->name, y->rank);
	}
}

/* A stub is at best as good a name as any symbol. */
static void stub_add(void *symbols, guint64 start, guint64 end,
		     const char *name)
{
	symbol_add(symbols, start, end, name, 10000);
}

ElfSymbols *elf_symbols_new(const ElfFile *f)
{
	ElfSymbols *s = g_new0(ElfSymbols, 1);
	struct reader r = { 0 };
	Dwfl_Module *module = elf_file_module(f);
	int count = dwfl_module_getsymtab(module);

	s->symbols = g_array_new(FALSE, FALSE, sizeof(struct symbol));
	s->names = g_string_chunk_new(4096);
	r.symbols = s;
	r.open = g_array_new(FALSE, FALSE, sizeof(struct bound));
	for (int i = 1; i < count; i++)
		reader_add(&r, module, i);
	symbols_sort(s);
	open_close(s, r.open);
	elf_plt_read(elf_file_elf(f), s->names, stub_add, s);
	symbols_sort(s);
	g_array_free(r.open, TRUE);
	return s;
}

void elf_symbols_free(ElfSymbols *s)
{
	if (!s)
		return;
	g_array_free(s->symbols, TRUE);
	g_string_chunk_free(s->names);
	g_free(s);
}

const char *elf_symbols_find(const ElfSymbols *s, guint64 address)
{
	const struct symbol *y = symbols_cover(s, address);

	return y ? y->name : NULL;
}

gboolean elf_symbols_range(const ElfSymbols *s, guint64 address,
			   guint64 *start, guint64 *end)
{
	const struct symbol *y = symbols_cover(s, address);

	if (!y)
		return FALSE;
	*start = y->start;
	*end = y->end;
	return TRUE;
}

gboolean elf_symbols_is_empty(const ElfSymbols *s)
{
	return s->symbols->len == 0;
}
