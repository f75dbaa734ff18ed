/* SPDX-License-Identifier: MIT */
/* function-list: see function-list.h. */
#include "tools/function-list.h"

#include <string.h>

#include "tools/symbols.h"

#define NUMBERS 4u
#define CELLS (NUMBERS + 2)

struct _FunctionList {
	GHashTable *counts;	/* FunctionCount * by "OBJECT:SYMBOL" */
	GHashTable *names;	/* "OBJECT:NAME" -> the first so called */
	guint64 samples;
	gboolean full;
};

static void count_free(gpointer data)
{
	FunctionCount *c = data;

	g_free(c->symbol);
	g_free(c->name);
	g_free(c->object);
	g_free(c);
}

FunctionList *function_list_new(gboolean full)
{
	FunctionList *l = g_new0(FunctionList, 1);

	l->counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					  count_free);
	l->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	l->full = full;
	return l;
}

void function_list_free(FunctionList *l)
{
	if (!l)
		return;
	g_hash_table_unref(l->counts);
	g_hash_table_unref(l->names);
	g_free(l);
}

static char *both(const FunctionCount *c)
{
	return g_strconcat(c->object, ":", c->name, NULL);
}

static void use_full_name(FunctionCount *c)
{
	g_free(c->name);
	c->name = symbols_demangle(c->symbol, TRUE);
}

/*
 * Overloads, and what the compiler split off, have one short name. They are not
 * one row: the agent counts each once a sample, where one calls the other that
 * makes two.
 */
static void name_row(FunctionList *l, FunctionCount *c)
{
	g_autofree char *key = NULL;
	FunctionCount *other;

	c->name = symbols_demangle(c->symbol, l->full);
	if (l->full)
		return;
	key = both(c);
	other = g_hash_table_lookup(l->names, key);
	if (other) {
		use_full_name(other);
		use_full_name(c);
	} else {
		g_hash_table_insert(l->names, g_steal_pointer(&key), c);
	}
}

static FunctionCount *find(FunctionList *l, const char *object,
			   const char *symbol)
{
	g_autofree char *key = g_strconcat(object, ":", symbol, NULL);
	FunctionCount *c = g_hash_table_lookup(l->counts, key);

	if (c)
		return c;
	c = g_new0(FunctionCount, 1);
	c->symbol = g_strdup(symbol);
	c->object = g_strdup(object);
	name_row(l, c);
	g_hash_table_insert(l->counts, g_steal_pointer(&key), c);
	return c;
}

static void add_line(FunctionList *l, const char *line)
{
	g_auto(GStrv) cells = g_strsplit(line, "\t", CELLS);
	guint64 n[NUMBERS];
	FunctionCount *c;
	guint i;

	if (g_strv_length(cells) != CELLS)
		return;
	for (i = 0; i < NUMBERS; i++)
		if (!g_ascii_string_to_unsigned(cells[i], 10, 0, G_MAXUINT64,
						&n[i], NULL))
			return;
	c = find(l, cells[NUMBERS], cells[NUMBERS + 1]);
	c->self += n[0];
	c->total += n[1];
	c->self_ns += n[2];
	c->total_ns += n[3];
	l->samples += n[0];
}

void function_list_add(FunctionList *l, const char *text, gsize size)
{
	g_autofree char *valid = g_utf8_make_valid(text, (gssize)size);
	g_auto(GStrv) lines = g_strsplit(valid, "\n", -1);
	guint i;

	for (i = 0; lines[i]; i++)
		add_line(l, lines[i]);
}

guint64 function_list_samples(const FunctionList *l)
{
	return l->samples;
}

static gint by_self(gconstpointer a, gconstpointer b)
{
	const FunctionCount *x = *(FunctionCount *const *)a;
	const FunctionCount *y = *(FunctionCount *const *)b;

	if (x->self_ns != y->self_ns)
		return x->self_ns > y->self_ns ? -1 : 1;
	if (x->total_ns != y->total_ns)
		return x->total_ns > y->total_ns ? -1 : 1;
	return strcmp(x->name, y->name);
}

static gboolean matches(GRegex *filter, const FunctionCount *c)
{
	g_autofree char *text = NULL;

	if (!filter || g_regex_match(filter, c->name, 0, NULL))
		return TRUE;
	text = both(c);
	return g_regex_match(filter, text, 0, NULL);
}

GPtrArray *function_list_select(const FunctionList *l, GRegex *filter)
{
	GPtrArray *selected = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, l->counts);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (matches(filter, value))
			g_ptr_array_add(selected, value);
	g_ptr_array_sort(selected, by_self);
	return selected;
}
