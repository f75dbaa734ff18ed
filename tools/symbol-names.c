/* SPDX-License-Identifier: MIT */
/* A string blob and flat arrays, so that the cache can write them as they lie. */
#include "tools/symbol-names.h"

#include <string.h>

#include "tools/demangle.h"
#include "tools/texthash.h"

static guint function_hash(gconstpointer key)
{
	const SymbolFunction *f = key;
	guint h = f->name;

	h = h * 31 + f->system_name;
	h = h * 31 + f->file;
	return h * 31 + (guint)f->start_line;
}

static gboolean function_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, sizeof(SymbolFunction)) == 0;
}

SymbolNames *symbol_names_new(void)
{
	SymbolNames *n = g_new0(SymbolNames, 1);

	n->text = g_string_new(NULL);
	g_string_append_c(n->text, '\0');
	n->functions = g_array_new(FALSE, FALSE, sizeof(SymbolFunction));
	n->lines = g_array_new(FALSE, FALSE, sizeof(SymbolLine));
	n->addresses = g_array_new(FALSE, FALSE, sizeof(SymbolAddress));
	n->text_index = g_hash_table_new(texthash, g_str_equal);
	n->function_index = g_hash_table_new_full(function_hash,
						  function_equal, g_free, NULL);
	n->demangled = g_hash_table_new(NULL, NULL);
	n->text_keys = g_string_chunk_new(16 * 1024);
	return n;
}

void symbol_names_free(SymbolNames *n)
{
	if (!n)
		return;
	g_string_free(n->text, TRUE);
	g_array_free(n->functions, TRUE);
	g_array_free(n->lines, TRUE);
	g_array_free(n->addresses, TRUE);
	g_hash_table_destroy(n->text_index);
	g_hash_table_destroy(n->function_index);
	g_hash_table_destroy(n->demangled);
	g_string_chunk_free(n->text_keys);
	g_free(n);
}

static void text_index_add(SymbolNames *n, const char *s, SymbolText t)
{
	g_hash_table_insert(n->text_index,
			    g_string_chunk_insert(n->text_keys, s),
			    GUINT_TO_POINTER(t));
}

/* Stored + 1, so that NULL means "not there". */
static void function_index_add(SymbolNames *n, guint32 index)
{
	const SymbolFunction *f = &g_array_index(n->functions, SymbolFunction,
						 index);

	g_hash_table_insert(n->function_index, g_memdup2(f, sizeof(*f)),
			    GUINT_TO_POINTER(index + 1));
}

void symbol_names_index(SymbolNames *n)
{
	gsize at = 1;

	while (at < n->text->len) {
		text_index_add(n, n->text->str + at, at);
		at += strlen(n->text->str + at) + 1;
	}
	for (guint i = 0; i < n->functions->len; i++)
		function_index_add(n, i);
}

SymbolText symbol_names_add_text(SymbolNames *n, const char *s)
{
	gpointer known;
	SymbolText t;

	if (!s || !*s)
		return 0;
	known = g_hash_table_lookup(n->text_index, s);
	if (known)
		return GPOINTER_TO_UINT(known);
	t = n->text->len;
	g_string_append_len(n->text, s, strlen(s) + 1);
	text_index_add(n, s, t);
	return t;
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
	return n->text->str + t;
}

guint32 symbol_names_add_function(SymbolNames *n, const SymbolFunction *f)
{
	gpointer known;

	known = g_hash_table_lookup(n->function_index, f);
	if (known)
		return GPOINTER_TO_UINT(known) - 1;
	g_array_append_val(n->functions, *f);
	function_index_add(n, n->functions->len - 1);
	return n->functions->len - 1;
}

void symbol_names_add_address(SymbolNames *n, guint64 offset)
{
	SymbolAddress a = { offset, n->lines->len, 0 };

	g_array_append_val(n->addresses, a);
}

void symbol_names_add_line(SymbolNames *n, guint32 function, gint32 line)
{
	SymbolLine l = { function, line };

	g_array_append_val(n->lines, l);
	g_array_index(n->addresses, SymbolAddress,
		      n->addresses->len - 1).line_count++;
}

/* `known`: texts of `from` that were met before, as those of `n`, + 1. */
static SymbolText text_merge(SymbolNames *n, const SymbolNames *from,
			     GHashTable *known, SymbolText t)
{
	gpointer key = GUINT_TO_POINTER(t);
	gpointer value = g_hash_table_lookup(known, key);
	SymbolText ours;

	if (value)
		return GPOINTER_TO_UINT(value) - 1;
	ours = symbol_names_add_text(n, symbol_names_text(from, t));
	g_hash_table_insert(known, key, GUINT_TO_POINTER(ours + 1));
	return ours;
}

/* g_free() it: the index in `n` of each function of `from`. */
static guint32 *functions_merge(SymbolNames *n, const SymbolNames *from)
{
	g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);
	guint32 *map = g_new(guint32, from->functions->len + 1);

	for (guint i = 0; i < from->functions->len; i++) {
		SymbolFunction f = g_array_index(from->functions,
						 SymbolFunction, i);

		f.name = text_merge(n, from, known, f.name);
		f.system_name = text_merge(n, from, known, f.system_name);
		f.file = text_merge(n, from, known, f.file);
		map[i] = symbol_names_add_function(n, &f);
	}
	return map;
}

void symbol_names_merge(SymbolNames *n, const SymbolNames *from)
{
	g_autofree guint32 *map = functions_merge(n, from);
	guint32 shift = n->lines->len;

	for (guint i = 0; i < from->lines->len; i++) {
		SymbolLine l = g_array_index(from->lines, SymbolLine, i);

		l.function = map[l.function];
		g_array_append_val(n->lines, l);
	}
	for (guint i = 0; i < from->addresses->len; i++) {
		SymbolAddress a = g_array_index(from->addresses,
						SymbolAddress, i);

		a.first_line += shift;
		g_array_append_val(n->addresses, a);
	}
}

static gint address_compare(gconstpointer a, gconstpointer b)
{
	const SymbolAddress *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

void symbol_names_sort(SymbolNames *n)
{
	g_array_sort(n->addresses, address_compare);
}

const SymbolAddress *symbol_names_find(const SymbolNames *n, guint64 offset)
{
	SymbolAddress key = { offset, 0, 0 };
	guint at;

	if (!g_array_binary_search(n->addresses, &key, address_compare, &at))
		return NULL;
	return &g_array_index(n->addresses, SymbolAddress, at);
}
