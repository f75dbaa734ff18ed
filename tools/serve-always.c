/* SPDX-License-Identifier: MIT */
/* serve-always: see serve-always.h. */
#include "tools/serve-always.h"

#include "tools/targets.h"

struct _Always {
	Feeds *feeds;
	GRegex *only;
	const AlwaysFuncs *funcs;
	gpointer data;
	GHashTable *held;		/* pid -> AlwaysProcess */
	guint timer;
	GCancellable *cancel;
};

static void process_free(gpointer data)
{
	AlwaysProcess *p = data;

	feed_close(p->feed);
	g_free(p->path);
	g_free(p->program);
	g_free(p);
}

static void let_go(Always *a, AlwaysProcess *p)
{
	if (a->funcs)
		a->funcs->went(a->data, p);
}

static gboolean is_over(gpointer key, gpointer value, gpointer data)
{
	AlwaysProcess *p = value;

	(void)key;
	if (!feed_ended(p->feed))
		return FALSE;
	let_go(data, p);
	return TRUE;
}

static void hold(Always *a, const Target *t)
{
	AlwaysProcess *p;

	if (!t->client ||
	    (a->only && !g_regex_match(a->only, target_program(t), 0, NULL)) ||
	    g_hash_table_contains(a->held, GINT_TO_POINTER(t->pid)))
		return;
	p = g_new0(AlwaysProcess, 1);
	p->pid = t->pid;
	p->path = g_strdup(t->path);
	p->program = g_strdup(target_program(t));
	p->feed = feed_open(a->feeds, t->pid, t->path);
	g_hash_table_insert(a->held, GINT_TO_POINTER(t->pid), p);
	if (a->funcs)
		a->funcs->came(a->data, p);
}

static gboolean scan(gpointer data);

static void scanned(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GPtrArray) targets = targets_list_finish(result);
	Always *a = data;
	guint i;

	(void)source;
	if (!targets)
		return;			/* cancelled: `a` is gone */
	g_hash_table_foreach_remove(a->held, is_over, a);
	for (i = 0; i < targets->len; i++)
		hold(a, targets->pdata[i]);
	a->timer = g_timeout_add_seconds(ALWAYS_RESCAN_S, scan, a);
}

static gboolean scan(gpointer data)
{
	Always *a = data;

	a->timer = 0;
	targets_list_async(a->cancel, scanned, a);
	return G_SOURCE_REMOVE;
}

Always *always_new(Feeds *feeds, GRegex *only, const AlwaysFuncs *funcs,
		   gpointer data)
{
	Always *a = g_new0(Always, 1);

	a->feeds = feeds;
	a->only = only ? g_regex_ref(only) : NULL;
	a->funcs = funcs;
	a->data = data;
	a->cancel = g_cancellable_new();
	a->held = g_hash_table_new_full(NULL, NULL, NULL, process_free);
	a->timer = g_idle_add(scan, a);
	return a;
}

void always_free(Always *a)
{
	GHashTableIter iter;
	gpointer p;

	g_cancellable_cancel(a->cancel);
	g_clear_handle_id(&a->timer, g_source_remove);
	g_hash_table_iter_init(&iter, a->held);
	while (g_hash_table_iter_next(&iter, NULL, &p))
		let_go(a, p);
	g_hash_table_unref(a->held);
	g_object_unref(a->cancel);
	g_clear_pointer(&a->only, g_regex_unref);
	g_free(a);
}
