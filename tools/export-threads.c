/* SPDX-License-Identifier: MIT */
#include "tools/export-threads.h"

#include <string.h>

#include "tools/numhash.h"

static void thread_free(gpointer data)
{
	ExportThread *t = data;

	g_free(t->name);
	g_free(t->program);
	g_array_free(t->events, TRUE);
	g_free(t);
}

gint64 export_threads_unit_ns(const Profile *p, guint type)
{
	const char *unit = profile_text(p, p->type[type].unit);
	static const struct {
		const char *unit;
		gint64 ns;
	} times[] = {
		{ "nanoseconds", 1 },
		{ "microseconds", 1000 },
		{ "milliseconds", 1000 * 1000 },
		{ "seconds", 1000 * 1000 * 1000 },
	};

	for (guint i = 0; i < G_N_ELEMENTS(times); i++)
		if (strcmp(unit, times[i].unit) == 0)
			return times[i].ns;
	return 1000 * 1000;
}

static char *thread_name(const Profile *p, guint32 thread)
{
	const char *name = "";

	if (thread < p->threads->len)
		name = profile_text(p, profile_at(p->threads, ProfileThread,
						  thread)->name);
	return g_strdup(*name ? name : "all threads");
}

static ExportThread *thread_new(const Profile *p, const ProfileSample *s)
{
	ExportThread *t = g_new0(ExportThread, 1);
	const ProfileProcess *process = NULL;

	t->process = s->process;
	t->thread = s->thread;
	t->name = thread_name(p, s->thread);
	t->timed = TRUE;
	t->events = g_array_new(FALSE, FALSE, sizeof(ExportEvent));
	if (s->thread < p->threads->len)
		t->tid = profile_at(p->threads, ProfileThread, s->thread)->tid;
	if (s->process < p->processes->len)
		process = profile_at(p->processes, ProfileProcess, s->process);
	if (process)
		t->pid = process->pid;
	t->program = g_strdup(process ? profile_text(p, process->program) : "");
	return t;
}

static ExportThread *thread_get(GPtrArray *all, GHashTable *index,
				const Profile *p, const ProfileSample *s)
{
	guint64 key = (guint64)s->process << 32 | s->thread;
	ExportThread *t = g_hash_table_lookup(index, &key);

	if (t)
		return t;
	t = thread_new(p, s);
	g_ptr_array_add(all, t);
	g_hash_table_insert(index, g_memdup2(&key, sizeof(key)), t);
	return t;
}

static void event_add(ExportThread *t, guint64 time_ns, gint64 value,
		      guint32 sample)
{
	ExportEvent e = { time_ns, value, sample };

	g_array_append_val(t->events, e);
	profile_add(&t->total, value);
}

/* A sample whose moments do not sum to its value has other weights than these. */
static gboolean moments_fit(const Profile *p, const ProfileSample *s,
			    guint type)
{
	gint64 sum = 0;

	if (type != p->default_type || s->moment_count == 0)
		return FALSE;
	for (guint32 i = 0; i < s->moment_count; i++)
		profile_add(&sum, profile_at(p->moments, ProfileMoment,
					     s->first_moment + i)->weight_ns);
	return sum == s->value[type];
}

static void sample_add(ExportThread *t, const Profile *p, guint32 index,
		       guint type)
{
	const ProfileSample *s = profile_at(p->samples, ProfileSample, index);

	if (!moments_fit(p, s, type)) {
		t->timed = FALSE;
		event_add(t, 0, s->value[type], index);
		return;
	}
	for (guint32 i = 0; i < s->moment_count; i++) {
		const ProfileMoment *m = profile_at(p->moments, ProfileMoment,
						    s->first_moment + i);

		event_add(t, m->time_ns, m->weight_ns, index);
	}
}

static gint event_compare(gconstpointer a, gconstpointer b)
{
	const ExportEvent *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return (x->sample > y->sample) - (x->sample < y->sample);
}

static void thread_order(ExportThread *t, gint64 unit_ns)
{
	guint64 now = 0;

	if (t->timed) {
		g_array_sort(t->events, event_compare);
		return;
	}
	for (guint i = 0; i < t->events->len; i++) {
		ExportEvent *e = &g_array_index(t->events, ExportEvent, i);

		e->time_ns = now;
		now += (guint64)MAX(e->value, 0) * (guint64)unit_ns;
	}
}

static gint thread_compare(gconstpointer a, gconstpointer b)
{
	const ExportThread *x = *(ExportThread *const *)a;
	const ExportThread *y = *(ExportThread *const *)b;

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

GPtrArray *export_threads_new(const Profile *p, guint type)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(thread_free);
	g_autoptr(GHashTable) index = g_hash_table_new_full(numhash,
						g_int64_equal, g_free, NULL);

	for (guint32 i = 0; i < p->samples->len; i++) {
		const ProfileSample *s = profile_at(p->samples, ProfileSample,
						    i);

		if (s->value[type] != 0)
			sample_add(thread_get(all, index, p, s), p, i, type);
	}
	for (guint i = 0; i < all->len; i++)
		thread_order(all->pdata[i], export_threads_unit_ns(p, type));
	g_ptr_array_sort(all, thread_compare);
	return all;
}
