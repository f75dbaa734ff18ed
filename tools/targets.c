/* SPDX-License-Identifier: MIT */
/* targets: see targets.h. */
#include "tools/targets.h"

#include <string.h>

#include "tools/control-stream.h"
#include "tools/process-tree.h"
#include "tools/sockets.h"

void target_query_add_options(TargetQuery *q, GOptionContext *context)
{
	const GOptionEntry entries[] = {
		{ "tree", 't', 0, G_OPTION_ARG_NONE, &q->tree,
		  "With all processes that came from them", NULL },
		{ "all", 'a', 0, G_OPTION_ARG_NONE, &q->all,
		  "All preloaded processes", NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY,
		  &q->words, NULL, "PID|NAME..." },
		{ NULL }
	};

	g_option_context_add_main_entries(context, entries, NULL);
}

void target_query_release(TargetQuery *q)
{
	g_strfreev(q->words);
}

gboolean target_query_check(const TargetQuery *q, GError **error)
{
	gboolean named = q->words && q->words[0];

	if (named != q->all)
		return TRUE;
	g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    named ? "either --all or some processes"
				  : "which process? A pid, a program's name, "
				    "or --all; 'profagent ps' lists them");
	return FALSE;
}

/* --- one process ------------------------------------------------------------- */

void target_free(Target *t)
{
	g_clear_pointer(&t->client, client_free);
	g_clear_pointer(&t->status, json_object_unref);
	g_clear_error(&t->error);
	g_free(t->path);
	g_free(t);
}

const char *target_program(const Target *t)
{
	return t->status ? control_stream_text(t->status, "program") : "";
}

char *target_name(const Target *t)
{
	const char *program = target_program(t);

	if (!program[0])
		return g_strdup_printf("%d", t->pid);
	return g_strdup_printf("%d %s", t->pid, program);
}

static Target *open_target(const Socket *s)
{
	Target *t = g_new0(Target, 1);

	t->pid = s->pid;
	t->path = g_strdup(s->path);
	if (process_is_stopped(s->pid)) {
		g_set_error_literal(&t->error, G_IO_ERROR, G_IO_ERROR_BUSY,
				    "it is stopped (SIGSTOP) and cannot "
				    "answer");
		return t;
	}
	t->client = client_new(s->path, &t->error);
	if (t->client)
		t->status = client_ask(t->client, "status", &t->error);
	if (!t->status)
		g_clear_pointer(&t->client, client_free);
	return t;
}

static GPtrArray *new_list(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)target_free);
}

GPtrArray *targets_list(void)
{
	g_autoptr(GPtrArray) sockets = sockets_list();
	GPtrArray *list = new_list();
	guint i;

	for (i = 0; i < sockets->len; i++)
		g_ptr_array_add(list, open_target(sockets->pdata[i]));
	return list;
}

static void list_in_thread(GTask *task, gpointer source, gpointer data,
			   GCancellable *cancel)
{
	(void)source;
	(void)data;
	(void)cancel;
	g_task_return_pointer(task, targets_list(),
			      (GDestroyNotify)g_ptr_array_unref);
}

void targets_list_async(GCancellable *cancel, GAsyncReadyCallback done,
			gpointer data)
{
	g_autoptr(GTask) task = g_task_new(NULL, cancel, done, data);

	g_task_run_in_thread(task, list_in_thread);
}

GPtrArray *targets_list_finish(GAsyncResult *result)
{
	return g_task_propagate_pointer(G_TASK(result), NULL);
}

/* --- words ---------------------------------------------------------------------- */

/* 0: it is no number. */
static gint32 pid_of_word(const char *word)
{
	guint64 n;

	if (!g_ascii_string_to_unsigned(word, 10, 1, G_MAXINT32, &n, NULL))
		return 0;
	return (gint32)n;
}

static gboolean is_meant(const Target *t, const char *word)
{
	gint32 pid = pid_of_word(word);

	return pid != 0 ? t->pid == pid
			: strcmp(target_program(t), word) == 0;
}

static gboolean add(GPtrArray *to, const Target *t)
{
	guint i;

	for (i = 0; i < to->len; i++)
		if (to->pdata[i] == t)
			return FALSE;
	g_ptr_array_add(to, (gpointer)t);
	return TRUE;
}

/* Those whose agent says that it came from one that is in already. */
static void add_by_run(GPtrArray *all, GPtrArray *chosen)
{
	guint i, k;

	for (k = 0; k < chosen->len; k++) {
		const Target *parent = chosen->pdata[k];

		for (i = 0; parent->client && i < all->len; i++) {
			const Target *t = all->pdata[i];

			if (t->status &&
			    strcmp(control_stream_text(t->status,
						       "parent_run_id"),
				   client_run_id(parent->client)) == 0)
				add(chosen, t);
		}
	}
}

/* FALSE: there is none. */
static gboolean add_descendants(GPtrArray *all, GPtrArray *chosen, gint32 root)
{
	g_autoptr(GHashTable) parents = process_tree_parents();
	gboolean found = FALSE;
	guint i;

	for (i = 0; i < all->len; i++) {
		const Target *t = all->pdata[i];

		if (!process_tree_is_below(parents, t->pid, root))
			continue;
		add(chosen, t);
		found = TRUE;
	}
	return found;
}

/* False: it means none, not even one that another word has chosen. */
static gboolean choose(const TargetQuery *q, GPtrArray *all,
		       GPtrArray *chosen, const char *word)
{
	gint32 pid = pid_of_word(word);
	guint before = chosen->len, i;
	gboolean found = FALSE;

	for (i = 0; i < all->len; i++) {
		if (!is_meant(all->pdata[i], word))
			continue;
		add(chosen, all->pdata[i]);
		found = TRUE;
	}
	if (!q->tree)
		return found;
	if (pid != 0)
		found |= add_descendants(all, chosen, pid);
	for (i = before; pid == 0 && i < chosen->len; i++)
		add_descendants(all, chosen,
				((const Target *)chosen->pdata[i])->pid);
	add_by_run(all, chosen);
	return found;
}

/* What a word that means none of `all` could have been meant to mean. */
static gboolean explain(const TargetQuery *q, const char *word,
			GError **error)
{
	gint32 pid = pid_of_word(word);
	Socket *s;

	if (pid == 0) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
			    "no preloaded process of a program called '%s'; "
			    "'profagent ps' lists them", word);
		return FALSE;
	}
	s = sockets_find(pid, error);
	if (!s)
		return FALSE;
	socket_free(s);
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
		    "process %d %s", pid,
		    q->tree ? "and all that came from it do not answer"
			    : "does not answer");
	return FALSE;
}

static gint by_pid(gconstpointer a, gconstpointer b)
{
	const Target *x = *(Target *const *)a, *y = *(Target *const *)b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* One process by its number: the others need not be asked. */
static GPtrArray *find_one(gint32 pid, GError **error)
{
	g_autoptr(Socket) s = sockets_find(pid, error);
	GPtrArray *list;

	if (!s)
		return NULL;
	list = new_list();
	g_ptr_array_add(list, open_target(s));
	return list;
}

/* Takes those that were chosen out of `all`. */
static GPtrArray *keep(GPtrArray *all, GPtrArray *chosen)
{
	GPtrArray *list = new_list();
	guint i;

	g_ptr_array_set_free_func(all, NULL);
	for (i = 0; i < all->len; i++) {
		if (g_ptr_array_find(chosen, all->pdata[i], NULL))
			g_ptr_array_add(list, all->pdata[i]);
		else
			target_free(all->pdata[i]);
	}
	g_ptr_array_set_size(all, 0);
	g_ptr_array_sort(list, by_pid);
	return list;
}

GPtrArray *targets_find(const TargetQuery *q, GError **error)
{
	g_autoptr(GPtrArray) chosen = g_ptr_array_new();
	g_autoptr(GPtrArray) all = NULL;
	guint i;

	if (!q->all && !q->tree && !q->words[1] && pid_of_word(q->words[0]))
		return find_one(pid_of_word(q->words[0]), error);
	all = targets_list();
	if (q->all && all->len == 0) {
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
				    "there is no preloaded process");
		return NULL;
	}
	if (q->all)
		return g_steal_pointer(&all);
	for (i = 0; q->words[i]; i++)
		if (!choose(q, all, chosen, q->words[i]) &&
		    !explain(q, q->words[i], error))
			return NULL;
	return keep(all, chosen);
}
