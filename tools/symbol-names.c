/* SPDX-License-Identifier: MIT */
/* Flat arrays, so that the cache can write them as they lie. */
#include "tools/symbol-names.h"

#include <string.h>

#include "tools/demangle.h"

SymbolNames *symbol_names_new(void)
{
	SymbolNames *n = g_new0(SymbolNames, 1);

	n->text = g_array_new(FALSE, FALSE, 1);
	g_array_append_vals(n->text, "", 1);
	n->functions = g_array_new(FALSE, FALSE, sizeof(SymbolFunction));
	n->lines = g_array_new(FALSE, FALSE, sizeof(SymbolLine));
	n->addresses = g_array_new(FALSE, FALSE, sizeof(SymbolAddress));
	seqtable_init(&n->text_index, n->text);
	seqtable_init(&n->function_index, n->functions);
	n->demangled = g_hash_table_new(NULL, NULL);
	return n;
}

void symbol_names_free(SymbolNames *n)
{
	if (!n)
		return;
	seqtable_release(&n->text_index);
	seqtable_release(&n->function_index);
	g_array_unref(n->text);		/* a Profile may keep it */
	g_array_free(n->functions, TRUE);
	g_array_free(n->lines, TRUE);
	g_array_free(n->addresses, TRUE);
	g_hash_table_destroy(n->demangled);
	g_free(n);
}

void symbol_names_index(SymbolNames *n)
{
	guint32 at = 1;

	while (at < n->text->len) {
		guint32 size = strlen(symbol_names_text(n, at)) + 1;

		seqtable_adopt(&n->text_index, at, size);
		at += size;
	}
	for (guint i = 0; i < n->functions->len; i++)
		seqtable_adopt(&n->function_index, i, 1);
}

SymbolText symbol_names_add_text(SymbolNames *n, const char *s)
{
	if (!s || !*s)
		return 0;
	return seqtable_intern(&n->text_index, s, strlen(s) + 1);
}

SymbolText symbol_names_demangle(SymbolNames *n, SymbolText system_name)
{
	gpointer key = GUINT_TO_POINTER(system_name), known;
	g_autofree char *text = NULL;
	SymbolText t;

	if (!system_name)
		return 0;
	if (g_hash_table_lookup_extended(n->demangled, key, NULL, &known))
		return GPOINTER_TO_UINT(known);
	text = demangle_name(symbol_names_text(n, system_name), FALSE);
	t = symbol_names_add_text(n, text);
	g_hash_table_insert(n->demangled, key, GUINT_TO_POINTER(t));
	return t;
}

const char *symbol_names_text(const SymbolNames *n, SymbolText t)
{
	return n->text->data + t;
}

guint32 symbol_names_add_function(SymbolNames *n, const SymbolFunction *f)
{
	return seqtable_intern(&n->function_index, f, 1);
}

void symbol_names_add_address(SymbolNames *n, guint64 offset)
{
	SymbolAddress a = { offset, n->lines->len, 0, SYMBOL_NO_START };

	g_array_append_val(n->addresses, a);
}

void symbol_names_add_line(SymbolNames *n, guint32 function, gint32 line)
{
	SymbolLine l = { function, line };

	g_array_append_val(n->lines, l);
	g_array_index(n->addresses, SymbolAddress,
		      n->addresses->len - 1).line_count++;
}

/* Of a text that was `shift` bytes further to the front. */
static SymbolText text_shift(SymbolText t, guint32 shift)
{
	return t ? t + shift : 0;
}

static void functions_merge(SymbolNames *n, const SymbolNames *from,
			    guint32 shift)
{
	for (guint i = 0; i < from->functions->len; i++) {
		SymbolFunction f = g_array_index(from->functions,
						 SymbolFunction, i);

		f.name = text_shift(f.name, shift);
		f.system_name = text_shift(f.system_name, shift);
		f.file = text_shift(f.file, shift);
		g_array_append_val(n->functions, f);
	}
}

void symbol_names_merge(SymbolNames *n, const SymbolNames *from)
{
	guint32 functions = n->functions->len, lines = n->lines->len;

	/* what is at 0 is nobody's text */
	functions_merge(n, from, n->text->len - 1);
	g_array_append_vals(n->text, from->text->data + 1,
			    from->text->len - 1);
	for (guint i = 0; i < from->lines->len; i++) {
		SymbolLine l = g_array_index(from->lines, SymbolLine, i);

		l.function += functions;
		g_array_append_val(n->lines, l);
	}
	for (guint i = 0; i < from->addresses->len; i++) {
		SymbolAddress a = g_array_index(from->addresses,
						SymbolAddress, i);

		a.first_line += lines;
		g_array_append_val(n->addresses, a);
	}
}

static gint address_compare(gconstpointer a, gconstpointer b)
{
	const SymbolAddress *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Mostly they are in order, as they were asked for. */
static gboolean addresses_are_sorted(const SymbolNames *n)
{
	const SymbolAddress *a = (const SymbolAddress *)(void *)
				 n->addresses->data;

	for (guint i = 1; i < n->addresses->len; i++)
		if (a[i - 1].offset > a[i].offset)
			return FALSE;
	return TRUE;
}

void symbol_names_sort(SymbolNames *n)
{
	if (addresses_are_sorted(n))
		return;
	g_array_sort(n->addresses, address_compare);
}

SymbolAddress *symbol_names_find(const SymbolNames *n, guint64 offset)
{
	SymbolAddress key = { offset, 0, 0, 0 };
	guint at;

	if (!g_array_binary_search(n->addresses, &key, address_compare, &at))
		return NULL;
	return &g_array_index(n->addresses, SymbolAddress, at);
}

void symbol_names_name_address(SymbolNames *n, SymbolAddress *a,
			       guint32 function)
{
	SymbolLine l = { function, 0 };

	a->first_line = n->lines->len;
	a->line_count = 1;
	g_array_append_val(n->lines, l);
}
