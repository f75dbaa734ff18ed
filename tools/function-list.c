/* SPDX-License-Identifier: MIT */
/* function-list: see function-list.h. */
#include "tools/function-list.h"

#include <string.h>

#include "tools/symbols.h"

#define NUMBERS 4u
#define CELLS (NUMBERS + 2)

struct _FunctionList {
	GHashTable *counts;	/* FunctionCount * by "OBJECT:NAME" */
	guint64 samples;
};

static void count_free(gpointer data)
{
	FunctionCount *c = data;

	g_free(c->name);
	g_free(c->object);
	g_free(c);
}

FunctionList *function_list_new(void)
{
	FunctionList *l = g_new0(FunctionList, 1);

	l->counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					  count_free);
	return l;
}

void function_list_free(FunctionList *l)
{
	if (!l)
		return;
	g_hash_table_unref(l->counts);
	g_free(l);
}

static char *both(const FunctionCount *c)
{
	return g_strconcat(c->object, ":", c->name, NULL);
}

static FunctionCount *find(FunctionList *l, const char *object,
			   const char *symbol)
{
	g_autofree char *name = symbols_demangle(symbol, FALSE);
	g_autofree char *key = g_strconcat(object, ":", name, NULL);
	FunctionCount *c = g_hash_table_lookup(l->counts, key);

	if (c)
		return c;
	c = g_new0(FunctionCount, 1);
	c->name = g_steal_pointer(&name);
	c->object = g_strdup(object);
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
