/* SPDX-License-Identifier: MIT */
/*
 * Entries do not know their parents, but they lie in their file in the order
 * of the tree: the parent at each level is the last entry that begins before
 * the one sought. Each level that is needed is listed once and then searched.
 */
#include "tools/dwarf-qualify.h"

#include <dwarf.h>
#include <string.h>

#define DEPTH_MAX 256

struct _DwarfQualify {
	GHashTable *children;		/* entry's address: GArray of Dwarf_Die */
};

DwarfQualify *dwarf_qualify_new(void)
{
	DwarfQualify *q = g_new0(DwarfQualify, 1);

	q->children = g_hash_table_new_full(NULL, NULL, NULL,
					    (GDestroyNotify)g_array_unref);
	return q;
}

void dwarf_qualify_free(DwarfQualify *q)
{
	if (!q)
		return;
	g_hash_table_destroy(q->children);
	g_free(q);
}

void dwarf_qualify_forget(DwarfQualify *q)
{
	g_hash_table_remove_all(q->children);
}

static GArray *children_list(Dwarf_Die *parent)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(Dwarf_Die));
	Dwarf_Die die, next;

	if (dwarf_child(parent, &die) != 0)
		return list;
	g_array_append_val(list, die);
	while (dwarf_siblingof(&die, &next) == 0 && next.addr > die.addr) {
		die = next;
		g_array_append_val(list, die);
	}
	return list;
}

static GArray *children_of(DwarfQualify *q, Dwarf_Die *parent)
{
	GArray *list = g_hash_table_lookup(q->children, parent->addr);

	if (!list) {
		list = children_list(parent);
		g_hash_table_insert(q->children, parent->addr, list);
	}
	return list;
}

/* The child that is `sought` or has it below itself; NULL: none. */
static Dwarf_Die *child_toward(DwarfQualify *q, Dwarf_Die *parent,
			       const void *sought)
{
	GArray *list = children_of(q, parent);
	guint low = 0, high = list->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(list, Dwarf_Die, middle).addr <= sought)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &g_array_index(list, Dwarf_Die, low - 1) : NULL;
}

/* Compilers give a lambda's class no name; it is what can be called. */
static const char *unnamed_class(DwarfQualify *q, Dwarf_Die *scope)
{
	GArray *list = children_of(q, scope);

	for (guint i = 0; i < list->len; i++) {
		const char *name = dwarf_diename(&g_array_index(
			list, Dwarf_Die, i));

		if (name && strcmp(name, "operator()") == 0)
			return "{lambda}";
	}
	return "{unnamed}";
}

static void scope_add(DwarfQualify *q, GString *name, Dwarf_Die *scope)
{
	const char *own = dwarf_diename(scope);

	switch (dwarf_tag(scope)) {
	case DW_TAG_namespace:
		g_string_append(name, own ? own : "(anonymous namespace)");
		break;
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
		g_string_append(name, own ? own : unnamed_class(q, scope));
		break;
	case DW_TAG_subprogram:
		g_string_append(name, own ? own : "{unnamed}");
		break;
	default:
		return;
	}
	g_string_append(name, "::");
}

static gboolean language_has_scopes(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case DW_LANG_ObjC_plus_plus:
	case DW_LANG_D:
	case DW_LANG_Rust:
		return TRUE;
	}
	return FALSE;
}

/* Where the function was declared: that is the place that counts. */
static void declaration_find(Dwarf_Die *die)
{
	static const unsigned int links[] = { DW_AT_abstract_origin,
					      DW_AT_specification };

	for (guint i = 0; i < G_N_ELEMENTS(links); i++) {
		Dwarf_Attribute attr;
		Dwarf_Die to;

		if (dwarf_attr(die, links[i], &attr) &&
		    dwarf_formref_die(&attr, &to))
			*die = to;
	}
}

char *dwarf_qualify_name(DwarfQualify *q, Dwarf_Die *die)
{
	Dwarf_Die at = *die, unit, *child;
	const char *own = dwarf_diename(die);
	GString *name;

	declaration_find(&at);
	if (!own || !dwarf_diecu(&at, &unit, NULL, NULL) ||
	    !language_has_scopes(&unit))
		return NULL;
	name = g_string_new(NULL);
	child = child_toward(q, &unit, at.addr);
	for (int i = 0; child && child->addr != at.addr && i < DEPTH_MAX; i++) {
		scope_add(q, name, child);
		child = child_toward(q, child, at.addr);
	}
	g_string_append(name, own);
	return g_string_free(name, FALSE);
}
