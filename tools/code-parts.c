/* SPDX-License-Identifier: MIT */
/* code-parts: see code-parts.h. */
#include "tools/code-parts.h"

#include <dwarf.h>

#include "tools/dwarf-units.h"
#include "tools/elf-frames.h"
#include "tools/elf-symbols.h"

/* A file may claim any size. */
#define PART_BYTES_MAX (16u << 20)

/* Entries of a unit that are looked at: a file that is made to hurt may have
 * any number. */
#define STEPS (1u << 24)
/* Namespaces within each other. */
#define DEPTH 32

struct _CodeParts {
	const ElfFile *file;
	ElfSymbols *symbols;
	ElfFrames *frames;		/* NULL: not needed yet */
	DwarfUnits *units;		/* NULL: no debug information */
	guint64 bias;			/* DWARF's addresses plus this are ours */
};

CodeParts *code_parts_new(const ElfFile *f)
{
	CodeParts *c = g_new0(CodeParts, 1);
	Dwarf *dwarf = elf_file_dwarf(f, &c->bias);

	c->file = f;
	c->symbols = elf_symbols_new(f);
	if (dwarf)
		c->units = dwarf_units_new(dwarf);
	return c;
}

void code_parts_free(CodeParts *c)
{
	if (!c)
		return;
	elf_symbols_free(c->symbols);
	elf_frames_free(c->frames);
	dwarf_units_free(c->units);
	g_free(c);
}

guint code_parts_find(const GArray *parts, guint64 address)
{
	guint i;

	for (i = 0; i < parts->len; i++) {
		const CodePart *part = &g_array_index(parts, CodePart, i);

		if (address >= part->start && address < part->end)
			return i;
	}
	return CODE_PARTS_NONE;
}

static gboolean add_part(GArray *parts, guint64 start, guint64 end)
{
	CodePart part = { start, MIN(end, start + PART_BYTES_MAX) };

	if (end <= start || parts->len >= CODE_PARTS_MAX)
		return FALSE;
	if (code_parts_find(parts, start) == CODE_PARTS_NONE)
		g_array_append_val(parts, part);
	return TRUE;
}

/* --- debug information -------------------------------------------------------- */

/* The function among the children of `parent` that has code at `pc`. */
static gboolean find_function(Dwarf_Die *parent, Dwarf_Addr pc, guint depth,
			      guint *steps, Dwarf_Die *function)
{
	Dwarf_Die die;
	int more = dwarf_child(parent, &die);

	for (; more == 0 && *steps > 0; more = dwarf_siblingof(&die, &die)) {
		int tag = dwarf_tag(&die);

		--*steps;
		if (tag == DW_TAG_subprogram && dwarf_haspc(&die, pc) == 1) {
			*function = die;
			return TRUE;
		}
		if ((tag == DW_TAG_namespace || tag == DW_TAG_module) &&
		    depth < DEPTH &&
		    find_function(&die, pc, depth + 1, steps, function))
			return TRUE;
	}
	return FALSE;
}

static gboolean add_ranges(const CodeParts *c, guint64 address, GArray *parts)
{
	Dwarf_Addr pc = address - c->bias, base, start, end;
	Dwarf_Die function;
	guint steps = STEPS;
	ptrdiff_t at = 0;
	guint32 unit;

	unit = c->units ? dwarf_units_find(c->units, pc) : DWARF_UNITS_NONE;
	if (unit == DWARF_UNITS_NONE ||
	    !find_function(&g_array_index(c->units->units, DwarfUnit,
					  unit).tree, pc, 0, &steps,
			   &function))
		return FALSE;
	while ((at = dwarf_ranges(&function, at, &base, &start, &end)) > 0)
		if (!add_part(parts, start + c->bias, end + c->bias) &&
		    parts->len >= CODE_PARTS_MAX)
			break;
	return code_parts_find(parts, address) != CODE_PARTS_NONE;
}

/* --- without ------------------------------------------------------------------- */

static gboolean find_frame(CodeParts *c, guint64 address, guint64 *start,
			   guint64 *end)
{
	if (!c->frames)
		c->frames = elf_frames_new(c->file);
	return elf_frames_range(c->frames, address, start, end);
}

gboolean code_parts_add(CodeParts *c, guint64 address, GArray *parts)
{
	guint64 start, end;

	if (code_parts_find(parts, address) != CODE_PARTS_NONE ||
	    add_ranges(c, address, parts))
		return TRUE;
	return (elf_symbols_range(c->symbols, address, &start, &end) ||
		find_frame(c, address, &start, &end)) &&
	       add_part(parts, start, end) &&
	       code_parts_find(parts, address) != CODE_PARTS_NONE;
}

const char *code_parts_symbol(const CodeParts *c, guint64 address)
{
	return elf_symbols_find(c->symbols, address);
}
