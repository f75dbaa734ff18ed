/* SPDX-License-Identifier: MIT */
/* One pass over the first entry of every unit; no tree is read. */
#include "tools/dwarf-units.h"

#include <dwarf.h>
#include <libelf.h>

#define RANGES_FREE 100000u
#define RANGES_A_BYTE 5u

struct unit_range {
	guint64 start, end;
	guint64 reach;			/* greatest end up to here */
	guint32 unit;
};

static void range_add(DwarfUnits *u, guint64 start, guint64 end, guint32 unit)
{
	struct unit_range r = { start, end, end, unit };

	if (end > start)
		g_array_append_val(u->ranges, r);
}

/*
 * Units do not share a list of ranges, unless the file is made to hurt: no more
 * are read than there can be.
 */
static guint ranges_add(DwarfUnits *u, guint32 unit, gint64 *left)
{
	Dwarf_Die *die = &g_array_index(u->units, DwarfUnit, unit).die;
	guint before = u->ranges->len;
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	while (*left > 0 &&
	       (at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		range_add(u, start, end, unit);
		--*left;
	}
	return u->ranges->len - before;
}

/* A range takes two bytes at least; they may be compressed. */
static gint64 ranges_max(Dwarf *dwarf)
{
	size_t size = 0;

	elf_rawfile(dwarf_getelf(dwarf), &size);
	return (gint64)MIN(MAX(size, RANGES_FREE) * RANGES_A_BYTE,
			   G_MAXUINT32 / 2);
}

/* `silent`: entry's offset + 1 -> index + 1, of units that state no ranges. */
static void aranges_add(DwarfUnits *u, Dwarf *dwarf, GHashTable *silent)
{
	Dwarf_Aranges *table;
	size_t count;

	if (g_hash_table_size(silent) == 0 ||
	    dwarf_getaranges(dwarf, &table, &count) != 0)
		return;
	for (size_t i = 0; i < count; i++) {
		Dwarf_Arange *a = dwarf_onearange(table, i);
		Dwarf_Addr start;
		Dwarf_Word length;
		Dwarf_Off die;
		gpointer unit;

		if (!a || dwarf_getarangeinfo(a, &start, &length, &die) != 0)
			continue;
		unit = g_hash_table_lookup(silent, GSIZE_TO_POINTER(die + 1));
		if (unit && start + length > start)
			range_add(u, start, start + length,
				  GPOINTER_TO_UINT(unit) - 1);
	}
}

static gint range_compare(gconstpointer a, gconstpointer b)
{
	const struct unit_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static gboolean unit_has_code(guint8 type)
{
	return type == DW_UT_compile || type == DW_UT_skeleton;
}

DwarfUnits *dwarf_units_new(Dwarf *dwarf)
{
	DwarfUnits *u = g_new0(DwarfUnits, 1);
	g_autoptr(GHashTable) silent = g_hash_table_new(NULL, NULL);
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, tree;
	guint8 type;
	gint64 left = ranges_max(dwarf);
	guint64 reach = 0;

	u->units = g_array_new(FALSE, FALSE, sizeof(DwarfUnit));
	u->ranges = g_array_new(FALSE, FALSE, sizeof(struct unit_range));
	while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, &tree) == 0) {
		DwarfUnit unit = { die, tree.cu ? tree : die, FALSE };
		guint32 index = u->units->len;

		if (!unit_has_code(type))
			continue;
		unit.incomplete = type == DW_UT_skeleton && !tree.cu;
		g_array_append_val(u->units, unit);
		if (ranges_add(u, index, &left) == 0)
			g_hash_table_insert(silent,
				GSIZE_TO_POINTER(dwarf_dieoffset(&die) + 1),
				GUINT_TO_POINTER(index + 1));
	}
	aranges_add(u, dwarf, silent);
	g_array_sort(u->ranges, range_compare);
	for (guint i = 0; i < u->ranges->len; i++) {
		struct unit_range *r = &g_array_index(u->ranges,
						      struct unit_range, i);

		reach = MAX(reach, r->end);
		r->reach = reach;
	}
	return u;
}

void dwarf_units_free(DwarfUnits *u)
{
	if (!u)
		return;
	g_array_free(u->units, TRUE);
	g_array_free(u->ranges, TRUE);
	g_free(u);
}

guint32 dwarf_units_find(const DwarfUnits *u, guint64 address)
{
	guint low = 0, high = u->ranges->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(u->ranges, struct unit_range, middle).start <=
		    address)
			low = middle + 1;
		else
			high = middle;
	}
	while (low-- > 0) {
		const struct unit_range *r = &g_array_index(u->ranges,
						struct unit_range, low);

		if (address < r->end)
			return r->unit;
		if (address >= r->reach)
			break;
	}
	return DWARF_UNITS_NONE;
}
