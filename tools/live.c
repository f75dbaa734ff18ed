/* SPDX-License-Identifier: MIT */
/*
 * live: see live.h. All samples are merged into one Profile; each step keeps
 * beside that what it added to which of them, so that a view of the last seconds
 * is a sum of steps.
 */
#include "tools/live.h"

#include <string.h>

#include "tools/merge.h"
#include "tools/pprof-read.h"

/* What steps remember together at most; the oldest are forgotten first. */
#define CHANGES_MAX (2u << 20)

typedef struct {
	guint32 sample;			/* index in all */
	guint32 taken;
	gint64 value[PROFILE_VALUES_MAX];
	double square;
} Change;

typedef struct {
	gint64 at_us;			/* when it came */
	gint64 before_us;		/* when that before it did */
	guint32 process;
	ProfileProcess before, after;	/* counters; strings are not used */
	GArray *changes;		/* Change */
} Step;

struct _Live {
	Profile *profile;
	Merge *merge;
	GArray *all, *some;		/* samples; one is profile->samples */
	GPtrArray *steps;		/* Step *, by time */
	guint changes;			/* in all of them */
	GArray *first, *last;		/* ProfileProcess: counters when each
					 * process came, and now */
	GArray *last_us;		/* gint64: when it last said something */
	GPtrArray *moments;		/* GArray of ProfileMoment a sample of
					 * all, or NULL */
	guint64 taken;
	gboolean count_all;
};

static void step_free(gpointer data)
{
	Step *s = data;

	g_array_unref(s->changes);
	g_free(s);
}

Live *live_new(gboolean moments)
{
	Live *l = g_new0(Live, 1);

	l->profile = profile_new();
	l->merge = merge_new(l->profile);
	l->all = l->profile->samples;
	l->some = g_array_new(FALSE, TRUE, sizeof(ProfileSample));
	l->steps = g_ptr_array_new_with_free_func(step_free);
	l->first = g_array_new(FALSE, TRUE, sizeof(ProfileProcess));
	l->last = g_array_new(FALSE, TRUE, sizeof(ProfileProcess));
	l->last_us = g_array_new(FALSE, TRUE, sizeof(gint64));
	if (moments)
		l->moments = g_ptr_array_new_with_free_func(
			(GDestroyNotify)g_array_unref);
	return l;
}

void live_free(Live *l)
{
	if (l->profile) {
		l->profile->samples = l->all;
		merge_free(l->merge);
		profile_free(l->profile);
	}
	g_array_unref(l->some);
	g_ptr_array_unref(l->steps);
	g_array_unref(l->first);
	g_array_unref(l->last);
	g_array_unref(l->last_us);
	g_clear_pointer(&l->moments, g_ptr_array_unref);
	g_free(l);
}

void live_count_all(Live *l)
{
	l->count_all = TRUE;
}

guint64 live_samples(const Live *l)
{
	return l->taken;
}

/* --- counters -------------------------------------------------------------------- */

/* What was counted from `before` to `after`. */
static void subtract(ProfileProcess *row, const ProfileProcess *before,
		     const ProfileProcess *after)
{
	gsize i;

	row->samples = after->samples - before->samples;
	row->expirations = after->expirations - before->expirations;
	for (i = 0; i < G_N_ELEMENTS(row->lost); i++)
		row->lost[i] = after->lost[i] - before->lost[i];
	for (i = 0; i < G_N_ELEMENTS(row->truncated); i++)
		row->truncated[i] = after->truncated[i] - before->truncated[i];
	row->handler_ns = after->handler_ns - before->handler_ns;
	row->flusher_cpu_ns = after->flusher_cpu_ns - before->flusher_cpu_ns;
	row->cpu_ns = after->cpu_ns - before->cpu_ns;
	row->sampled_ns = after->sampled_ns - before->sampled_ns;
	row->flushes = after->flushes - before->flushes;
}

/* --- adding ---------------------------------------------------------------------- */

/* A thread's samples on the timeline of all. */
static void keep_moments(Live *l, const Profile *from, const ProfileSample *s,
			 guint32 at)
{
	gint64 delta = (gint64)(from->base_mono_ns -
				l->profile->base_mono_ns);
	guint32 i;

	while (l->moments->len < l->all->len)
		g_ptr_array_add(l->moments,
				g_array_new(FALSE, FALSE,
					    sizeof(ProfileMoment)));
	for (i = 0; i < s->moment_count; i++) {
		ProfileMoment m = *profile_at(from->moments, ProfileMoment,
					      s->first_moment + i);

		m.time_ns = (guint64)MAX((gint64)m.time_ns + delta, 0);
		g_array_append_val((GArray *)l->moments->pdata[at], m);
	}
}

static void remember(Live *l, const Profile *from, const GArray *where,
		     Step *step)
{
	guint i, k;

	for (i = 0; i < where->len; i++) {
		const ProfileSample *s = profile_at(from->samples,
						    ProfileSample, i);
		Change c = { .sample = g_array_index(where, guint32, i),
			     .taken = s->taken, .square = s->square };

		/* merge_add() saw to it that the columns are the same */
		for (k = 0; k < from->type_count; k++)
			c.value[k] = s->value[k];
		g_array_append_val(step->changes, c);
		l->taken += s->taken;
		if (l->moments)
			keep_moments(l, from, s, c.sample);
	}
}

static void forget_old(Live *l)
{
	guint n = 0;

	while (l->changes > CHANGES_MAX && n + 1 < l->steps->len) {
		l->changes -= ((Step *)l->steps->pdata[n])->changes->len;
		n++;
	}
	if (n > 0)
		g_ptr_array_remove_range(l->steps, 0, n);
}

static void add_step(Live *l, const Profile *from, const GArray *where,
		     guint32 process, gint64 now_us)
{
	Step *step = g_new0(Step, 1);
	ProfileProcess *last = profile_at(l->last, ProfileProcess, process);
	gint64 *last_us = &g_array_index(l->last_us, gint64, process);

	step->at_us = now_us;
	step->before_us = *last_us;
	step->process = process;
	step->before = *last;
	step->after = *profile_at(from->processes, ProfileProcess, 0);
	step->changes = g_array_new(FALSE, FALSE, sizeof(Change));
	remember(l, from, where, step);
	l->changes += step->changes->len;
	g_ptr_array_add(l->steps, step);
	*last = step->after;
	*last_us = now_us;
	forget_old(l);
}

/* What was before we came is not ours to count. */
static void begin_process(Live *l, const Profile *from, const GArray *where,
			  gint64 now_us)
{
	const ProfileProcess *row = profile_at(from->processes,
					       ProfileProcess, 0);
	guint i, k;

	for (i = 0; i < where->len; i++) {
		ProfileSample *s = profile_at(
			l->all, ProfileSample, g_array_index(where, guint32, i));
		const ProfileSample *was = profile_at(from->samples,
						      ProfileSample, i);

		for (k = 0; k < PROFILE_VALUES_MAX; k++)
			s->value[k] -= was->value[k];
		s->taken -= was->taken;
		s->square -= was->square;
	}
	g_array_append_val(l->first, *row);
	g_array_append_val(l->last, *row);
	g_array_append_val(l->last_us, now_us);
}

/* As if something empty had come when it started. */
static void begin_at_start(Live *l, const Profile *from, gint64 now_us)
{
	const ProfileProcess none = { 0 };
	gint64 start_us = now_us - (gint64)(profile_at(
		from->processes, ProfileProcess, 0)->duration_ns / 1000);

	g_array_append_val(l->first, none);
	g_array_append_val(l->last, none);
	g_array_append_val(l->last_us, start_us);
}

static guint32 process_of(const Live *l, const Profile *from)
{
	const char *id = profile_text(from, profile_at(
		from->processes, ProfileProcess, 0)->run_id);
	guint32 i;

	for (i = 0; i < l->first->len; i++)
		if (strcmp(profile_text(l->profile, profile_at(
				l->profile->processes, ProfileProcess,
				i)->run_id), id) == 0)
			return i;
	return PROFILE_NONE;
}

static gboolean wrong(GError **error, const char *what)
{
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
		    "what its agent sends %s", what);
	return FALSE;
}

static gboolean add(Live *l, GBytes *fragment, PprofReadFlags flags,
		    gint64 now_us, GError **error)
{
	g_autoptr(Profile) from = profile_new();
	g_autoptr(GArray) where = NULL;
	gsize size;
	const guint8 *data = g_bytes_get_data(fragment, &size);
	guint32 process;

	if (!l->moments)
		flags |= PPROF_READ_NO_MOMENTS;
	if (!pprof_read_bytes(from, "fragment", data, size, flags, error))
		return FALSE;
	if (from->processes->len != 1 ||
	    profile_at(from->processes, ProfileProcess, 0)->foreign)
		return wrong(error, "is of no process");
	process = process_of(l, from);
	l->profile->samples = l->all;
	where = merge_add(l->merge, from);
	if (!where)
		return wrong(error, "counts other things than before");
	if (process == PROFILE_NONE && l->count_all) {
		process = l->first->len;
		begin_at_start(l, from, now_us);
	}
	if (process == PROFILE_NONE)
		begin_process(l, from, where, now_us);
	else
		add_step(l, from, where, process, now_us);
	return TRUE;
}

gboolean live_add(Live *l, GBytes *fragment, gint64 now_us, GError **error)
{
	return add(l, fragment, PPROF_READ_NO_REGION, now_us, error);
}

guint64 live_add_rest(Live *l, GBytes *last, gint64 now_us)
{
	guint64 before = l->taken;

	add(l, last, PPROF_READ_REST, now_us, NULL);
	return l->taken - before;
}

/* --- looking ---------------------------------------------------------------------- */

/* Counters of the processes, from the first step of the view on. */
static void view_counters(Live *l, gint64 from_us)
{
	guint i, k;

	for (i = 0; i < l->first->len; i++) {
		ProfileProcess *row = profile_at(l->profile->processes,
						 ProfileProcess, i);
		const ProfileProcess *last = profile_at(l->last,
							ProfileProcess, i);
		const ProfileProcess *before = last;

		if (from_us == 0)
			before = profile_at(l->first, ProfileProcess, i);
		for (k = l->steps->len; from_us > 0 && k > 0; k--) {
			const Step *step = l->steps->pdata[k - 1];

			if (step->at_us < from_us)
				break;
			if (step->process == i)
				before = &step->before;
		}
		subtract(row, before, last);
	}
}

static void add_change(ProfileSample *s, const Change *c)
{
	guint i;

	for (i = 0; i < PROFILE_VALUES_MAX; i++)
		profile_add(&s->value[i], c->value[i]);
	s->taken += c->taken;
	s->square += c->square;
}

static void sum_steps(Live *l, gint64 from_us)
{
	g_autofree guint32 *at = g_new(guint32, l->all->len + 1u);
	guint k, i;

	memset(at, 0xff, (l->all->len + 1u) * sizeof(*at));
	g_array_set_size(l->some, 0);
	for (k = l->steps->len; k > 0; k--) {
		const Step *step = l->steps->pdata[k - 1];

		if (step->at_us < from_us)
			break;
		for (i = 0; i < step->changes->len; i++) {
			const Change *c = &g_array_index(step->changes,
							 Change, i);
			ProfileSample s;

			if (at[c->sample] == PROFILE_NONE) {
				s = *profile_at(l->all, ProfileSample,
						c->sample);
				memset(s.value, 0, sizeof(s.value));
				s.taken = 0;
				s.square = 0;
				at[c->sample] = l->some->len;
				g_array_append_val(l->some, s);
			}
			add_change(profile_at(l->some, ProfileSample,
					      at[c->sample]), c);
		}
	}
}

Profile *live_view(Live *l, gint64 from_us)
{
	view_counters(l, from_us);
	if (from_us > 0)
		sum_steps(l, from_us);
	l->profile->samples = from_us > 0 ? l->some : l->all;
	return l->profile;
}

LiveSpan live_span(const Live *l, gint64 from_us)
{
	LiveSpan span = { 0, 0, 0 };
	gint64 begin = 0;
	guint k;

	for (k = l->steps->len; k > 0; k--) {
		const Step *step = l->steps->pdata[k - 1];

		if (step->at_us < from_us)
			break;
		span.latest_us = MAX(span.latest_us, step->at_us);
		begin = begin == 0 ? step->before_us
				   : MIN(begin, step->before_us);
		span.cpu_ns += step->after.cpu_ns - step->before.cpu_ns;
	}
	span.wall_ns = (guint64)(span.latest_us - begin) * 1000;
	return span;
}

gint64 live_last_step(const Live *l)
{
	gint64 at = 0;
	guint i;

	for (i = 0; i < l->last_us->len; i++) {
		gint64 us = g_array_index(l->last_us, gint64, i);

		if (!profile_at(l->last, ProfileProcess, i)->done)
			at = at == 0 ? us : MIN(at, us);
	}
	return at;
}

/* --- the end ------------------------------------------------------------------------- */

static int compare_moments(gconstpointer a, gconstpointer b)
{
	const ProfileMoment *x = a, *y = b;

	return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

static guint64 earlier(guint64 ns, guint64 by)
{
	return ns > by ? ns - by : 0;
}

static void put_moments(Live *l, guint64 begin)
{
	Profile *p = l->profile;
	guint i, k;

	for (i = 0; l->moments && i < l->moments->len; i++) {
		GArray *list = l->moments->pdata[i];
		ProfileSample *s = profile_at(p->samples, ProfileSample, i);

		g_array_sort(list, compare_moments);
		s->first_moment = p->moments->len;
		s->moment_count = list->len;
		for (k = 0; k < list->len; k++) {
			ProfileMoment m = g_array_index(list, ProfileMoment,
							k);

			m.time_ns = earlier(m.time_ns, begin);
			g_array_append_val(p->moments, m);
		}
	}
}

/* Stacks that were only there before we came. */
static void drop_empty(Profile *p)
{
	guint i, kept = 0;

	for (i = 0; i < p->samples->len; i++) {
		const ProfileSample *s = profile_at(p->samples, ProfileSample,
						    i);

		if (s->taken > 0 || s->value[p->default_type] != 0)
			*profile_at(p->samples, ProfileSample, kept++) = *s;
	}
	g_array_set_size(p->samples, kept);
}

/* The moment on the timeline at which the first fragment came. */
static guint64 begin_of(const Live *l)
{
	guint64 begin = G_MAXUINT64;
	guint i;

	for (i = 0; i < l->first->len; i++) {
		const ProfileProcess *first = profile_at(l->first,
							 ProfileProcess, i);
		guint64 at = first->start_mono_ns + first->duration_ns -
			     l->profile->base_mono_ns;

		begin = MIN(begin, at);
	}
	return begin == G_MAXUINT64 ? 0 : begin;
}

/* As if each process had begun when we came. */
static void move_processes(Live *l)
{
	guint i;

	for (i = 0; i < l->first->len; i++) {
		ProfileProcess *row = profile_at(l->profile->processes,
						 ProfileProcess, i);
		const ProfileProcess *first = profile_at(l->first,
							 ProfileProcess, i);

		row->start_mono_ns += first->duration_ns;
		row->start_unix_ns += (gint64)first->duration_ns;
		row->duration_ns = earlier(row->duration_ns,
					   first->duration_ns);
	}
}

Profile *live_finish(Live *l)
{
	Profile *p = live_view(l, 0);
	guint64 begin = begin_of(l);
	guint i;

	put_moments(l, begin);
	drop_empty(p);
	for (i = 0; i < p->threads->len; i++) {
		ProfileThread *t = profile_at(p->threads, ProfileThread, i);

		t->start_ns = earlier(t->start_ns, begin);
		t->end_ns = t->end_ns ? MAX(earlier(t->end_ns, begin), 1) : 0;
	}
	move_processes(l);
	p->base_mono_ns += begin;
	p->base_unix_ns += begin;
	p->time_nanos = (gint64)p->base_unix_ns;
	p->duration_nanos = 0;
	for (i = 0; i < p->processes->len; i++)
		p->duration_nanos = MAX(p->duration_nanos, (gint64)profile_at(
			p->processes, ProfileProcess, i)->duration_ns);
	merge_free(g_steal_pointer(&l->merge));
	return g_steal_pointer(&l->profile);
}
