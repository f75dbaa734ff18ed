/* SPDX-License-Identifier: MIT */
/* profagent snapshot: where all threads of some processes are now. */
#include <string.h>

#include "tools/cmd.h"
#include "tools/process-tree.h"
#include "tools/snapshot.h"
#include "tools/symbols.h"
#include "tools/targets.h"

static const char name[] = "snapshot";

typedef struct {
	TargetQuery query;
	gboolean json, no_symbols;
} Options;

static gboolean parse(Options *o, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "json", 0, 0, G_OPTION_ARG_NONE, &o->json, "As JSON", NULL },
		{ "no-symbols", 0, 0, G_OPTION_ARG_NONE, &o->no_symbols,
		  "Leave addresses as they are", NULL },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_summary(context, "Shows where all threads of a "
		"process are now. It need not be preloaded.");
	g_option_context_set_description(context,
		"Read more in the manual page profagent-snapshot(1).");
	g_option_context_add_main_entries(context, entries, NULL);
	target_query_add_options(&o->query, context);
	return g_option_context_parse(context, argc, argv, error);
}

/* --- which processes ------------------------------------------------------------ */

/* Of those not preloaded; pids, in a set. */
static gboolean is_meant(gint32 pid, const char *word)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/comm", pid);
	g_autofree char *comm = NULL;
	guint64 n;

	if (g_ascii_string_to_unsigned(word, 10, 1, G_MAXINT32, &n, NULL))
		return (gint32)n == pid;
	return g_file_get_contents(path, &comm, NULL, NULL) &&
	       strcmp(g_strchomp(comm), word) == 0;
}

static gboolean is_below_any(GHashTable *parents, GArray *roots, gint32 pid)
{
	guint i;

	for (i = 0; i < roots->len; i++)
		if (process_tree_is_below(parents, pid,
					  g_array_index(roots, gint32, i)))
			return TRUE;
	return FALSE;
}

static gboolean is_among(GPtrArray *targets, gint32 pid)
{
	guint i;

	for (i = 0; i < targets->len; i++)
		if (((Target *)targets->pdata[i])->pid == pid)
			return TRUE;
	return FALSE;
}

static void add_stranger(GPtrArray *targets, gint32 pid)
{
	Target *t;

	if (is_among(targets, pid))
		return;
	t = g_new0(Target, 1);
	t->pid = pid;
	g_ptr_array_add(targets, t);
}

/* All that run, or the roots of trees of them, that a word means. */
static GArray *find_roots(GHashTable *parents, const char *word)
{
	GArray *roots = g_array_new(FALSE, FALSE, sizeof(gint32));
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, parents);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		gint32 pid = GPOINTER_TO_INT(key);

		if (is_meant(pid, word))
			g_array_append_val(roots, pid);
	}
	return roots;
}

/* FALSE: the word means no process at all. */
static gboolean add_strangers(const Options *o, GPtrArray *targets,
			      const char *word)
{
	g_autoptr(GHashTable) parents = process_tree_parents();
	g_autoptr(GArray) roots = find_roots(parents, word);
	GHashTableIter iter;
	gpointer key;
	guint i;

	for (i = 0; i < roots->len; i++)
		add_stranger(targets, g_array_index(roots, gint32, i));
	g_hash_table_iter_init(&iter, parents);
	while (o->query.tree && g_hash_table_iter_next(&iter, &key, NULL))
		if (is_below_any(parents, roots, GPOINTER_TO_INT(key)))
			add_stranger(targets, GPOINTER_TO_INT(key));
	return roots->len > 0;
}

static void move_all(GPtrArray *from, GPtrArray *to)
{
	guint i;

	g_ptr_array_set_free_func(from, NULL);
	for (i = 0; i < from->len; i++) {
		Target *t = from->pdata[i];

		if (is_among(to, t->pid))
			target_free(t);
		else
			g_ptr_array_add(to, t);
	}
}

/* A preloaded process of that name hides others that are not. */
static gboolean add_word(const Options *o, GPtrArray *targets, char *word,
			 GError **error)
{
	char *words[] = { word, NULL };
	const TargetQuery one = { .words = words, .tree = o->query.tree };
	g_autoptr(GError) local = NULL;
	g_autoptr(GPtrArray) found = targets_find(&one, &local);

	if (found)
		move_all(found, targets);
	if (found && !o->query.tree)
		return TRUE;
	if (add_strangers(o, targets, word) || found)
		return TRUE;
	if (local->code == G_IO_ERROR_NOT_FOUND && !g_ascii_isdigit(word[0]))
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
			    "there is no process of a program called '%s'",
			    word);
	else
		g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

static gint by_pid(gconstpointer a, gconstpointer b)
{
	const Target *x = *(Target *const *)a, *y = *(Target *const *)b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static GPtrArray *find_all(const Options *o, GError **error)
{
	g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(
		(GDestroyNotify)target_free);
	guint i;

	if (o->query.all)
		return targets_find(&o->query, error);
	for (i = 0; o->query.words[i]; i++)
		if (!add_word(o, targets, o->query.words[i], error))
			return NULL;
	g_ptr_array_sort(targets, by_pid);
	return g_steal_pointer(&targets);
}

/* --- looking --------------------------------------------------------------------- */

static Profile *look_at(Target *t, GError **error)
{
	if (t->client)
		return snapshot_of_agent(t->client, error);
	if (t->error) {
		g_propagate_error(error, g_error_copy(t->error));
		return NULL;
	}
	return snapshot_of_stranger(t->pid, error);
}

static void show(const Options *o, Profile *p, gint32 pid, JsonOut *json)
{
	const SymbolsOptions options = { .quiet = TRUE };
	g_autoptr(Symbols) symbols = NULL;

	if (!o->no_symbols) {
		symbols = symbols_new(&options);
		symbols_resolve(symbols, p);
	}
	if (o->json)
		snapshot_put(p, pid, json);
	else
		snapshot_print(p, pid, stdout);
}

static int look_at_all(const Options *o, GPtrArray *targets)
{
	g_autoptr(GString) text = g_string_new(NULL);
	int status = CMD_DONE;
	JsonOut json;
	guint i;

	json_out_init(&json, text);
	json_out_open(&json, '[');
	for (i = 0; i < targets->len; i++) {
		Target *t = targets->pdata[i];
		g_autoptr(GError) error = NULL;
		g_autoptr(Profile) p = look_at(t, &error);

		if (p)
			show(o, p, t->pid, &json);
		else
			status = cmd_fail(name, "%d: %s", t->pid,
					  error->message);
	}
	json_out_close(&json, ']');
	if (o->json)
		puts(text->str);
	return status;
}

int cmd_snapshot(int argc, char **argv)
{
	Options o = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) targets = NULL;
	int status;

	if (!parse(&o, &argc, &argv, &error) ||
	    !target_query_check(&o.query, &error))
		status = cmd_usage(name, "%s", error->message);
	else if (!(targets = find_all(&o, &error)))
		status = cmd_fail(name, "%s", error->message);
	else
		status = look_at_all(&o, targets);
	target_query_release(&o.query);
	return status;
}
