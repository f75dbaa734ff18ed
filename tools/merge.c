/* SPDX-License-Identifier: MIT */
/* merge: see merge.h. */
#include "tools/merge.h"

#include <string.h>

#include "tools/seqtable.h"

/* What is the same if these are the same. No padding: they are hashed. */
typedef struct {
	guint64 start, end, offset;
	guint32 path, build_id, process, none;
} MappingKey;

typedef struct {
	guint64 address;
	guint32 mapping, none;
} LocationKey;

typedef struct {
	guint64 start_ns;
	guint32 process, tid;
} ThreadKey;

typedef struct {
	guint32 process, thread, end;
	guint32 first_frame, frame_count, first_label, label_count;
} SampleKey;

typedef struct {
	GArray *keys;			/* as long as the array they stand for */
	Seqtable table;
} Index;

struct _Merge {
	Profile *to;
	Index mappings, locations, threads, samples;
	Seqtable frames, labels;

	/* Of the Profile that is being added: its index -> ours. */
	const Profile *from;
	guint32 *string, *process, *mapping, *location, *thread;
	gint column[PROFILE_VALUES_MAX];
};

/* --- keys ---------------------------------------------------------------------- */

static void index_init(Index *x, guint size)
{
	x->keys = g_array_new(FALSE, FALSE, size);
	seqtable_init(&x->table, x->keys);
}

static void index_release(Index *x)
{
	seqtable_release(&x->table);
	g_array_unref(x->keys);
}

/* TRUE: it is new, and the array it stands for grows as well. */
static gboolean index_add(Index *x, gconstpointer key, guint32 *at)
{
	guint before = x->keys->len;

	*at = seqtable_intern(&x->table, key, 1);
	return x->keys->len > before;
}

Merge *merge_new(Profile *to)
{
	Merge *m = g_new0(Merge, 1);

	m->to = to;
	index_init(&m->mappings, sizeof(MappingKey));
	index_init(&m->locations, sizeof(LocationKey));
	index_init(&m->threads, sizeof(ThreadKey));
	index_init(&m->samples, sizeof(SampleKey));
	seqtable_init(&m->frames, to->frames);
	seqtable_init(&m->labels, to->labels);
	return m;
}

void merge_free(Merge *m)
{
	index_release(&m->mappings);
	index_release(&m->locations);
	index_release(&m->threads);
	index_release(&m->samples);
	seqtable_release(&m->frames);
	seqtable_release(&m->labels);
	g_free(m);
}

/* --- indices of the one into those of the other ---------------------------------- */

static guint32 map(const guint32 *table, guint32 at)
{
	return at == PROFILE_NONE ? at : table[at];
}

static void add_strings(Merge *m)
{
	guint i;

	m->string = g_new(guint32, m->from->strings->len);
	for (i = 0; i < m->from->strings->len; i++)
		m->string[i] = profile_string(m->to,
					      m->from->strings->pdata[i], -1);
}

/* FALSE: they are not those of the other, in whatever order. */
static gboolean find_columns(Merge *m)
{
	const Profile *from = m->from, *to = m->to;
	guint i, taken = 0;

	if (to->type_count != from->type_count)
		return FALSE;
	for (i = 0; i < from->type_count; i++) {
		gint at = profile_find_type(
			to, profile_text(from, from->type[i].type));

		if (at < 0 || (taken & 1u << at) ||
		    to->type[at].unit != m->string[from->type[i].unit])
			return FALSE;
		taken |= 1u << at;
		m->column[i] = at;
	}
	return TRUE;
}

static gboolean add_types(Merge *m)
{
	const Profile *from = m->from;
	Profile *to = m->to;
	gboolean first = to->type_count == 0;
	guint i;

	for (i = 0; first && i < from->type_count; i++)
		to->type[i] = (ProfileValueType){
			m->string[from->type[i].type],
			m->string[from->type[i].unit],
		};
	if (first) {
		to->type_count = from->type_count;
		to->default_type = from->default_type;
		to->period_type.type = m->string[from->period_type.type];
		to->period_type.unit = m->string[from->period_type.unit];
	}
	if (!find_columns(m)) {
		to->type_count = first ? 0 : to->type_count;
		return FALSE;
	}
	to->period = from->period;
	if (to->time_nanos == 0)
		to->time_nanos = from->time_nanos;
	to->duration_nanos = MAX(to->duration_nanos, from->duration_nanos);
	return TRUE;
}

static void copy_list(GPtrArray *to, const GPtrArray *from)
{
	guint i;

	for (i = 0; i < from->len; i++)
		if (!g_ptr_array_find_with_equal_func(to, from->pdata[i],
						      g_str_equal, NULL))
			g_ptr_array_add(to, g_strdup(from->pdata[i]));
}

static void move_strings(const Merge *m, ProfileProcess *row)
{
	ProfileString *const strings[] = {
		&row->run_id, &row->parent_run_id, &row->root_run_id,
		&row->program, &row->exe, &row->host, &row->command,
		&row->region, &row->version, &row->boot_id, &row->path,
		&row->clock, &row->unwind,
	};
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(strings); i++)
		*strings[i] = m->string[*strings[i]];
}

static guint32 find_process(const Merge *m, ProfileString run_id)
{
	guint32 i;

	for (i = 0; i < m->to->processes->len; i++)
		if (profile_at(m->to->processes, ProfileProcess, i)->run_id ==
		    run_id)
			return i;
	return profile_add_process(m->to);
}

static void copy_spans(ProfileProcess *to, const ProfileProcess *from)
{
	guint i;

	for (i = 0; from->spans && i < from->spans->len; i++)
		profile_put_span(to, profile_at(from->spans, ProfileSpan, i));
}

static void add_processes(Merge *m)
{
	guint i;

	m->process = g_new(guint32, m->from->processes->len + 1);
	for (i = 0; i < m->from->processes->len; i++) {
		const ProfileProcess *from = profile_at(
			m->from->processes, ProfileProcess, i);
		guint32 at = find_process(m, m->string[from->run_id]);
		ProfileProcess *row = profile_at(m->to->processes,
						 ProfileProcess, at);
		ProfileProcess old = *row;

		*row = *from;
		move_strings(m, row);
		row->notes = old.notes;
		row->skipped = old.skipped;
		row->spans = old.spans;
		copy_spans(row, from);
		copy_list(row->notes, from->notes);
		copy_list(row->skipped, from->skipped);
		m->process[i] = at;
	}
}

static void add_mappings(Merge *m)
{
	guint i;

	m->mapping = g_new(guint32, m->from->mappings->len + 1);
	for (i = 0; i < m->from->mappings->len; i++) {
		ProfileMapping row = *profile_at(m->from->mappings,
						 ProfileMapping, i);
		MappingKey key = { row.start, row.end, row.offset,
				   m->string[row.path],
				   m->string[row.build_id],
				   map(m->process, row.process), 0 };

		row.path = key.path;
		row.build_id = key.build_id;
		row.process = key.process;
		if (index_add(&m->mappings, &key, &m->mapping[i]))
			g_array_append_val(m->to->mappings, row);
		else if (row.unload_ns != 0)
			profile_at(m->to->mappings, ProfileMapping,
				   m->mapping[i])->unload_ns = row.unload_ns;
	}
}

static void add_locations(Merge *m)
{
	guint i;

	m->location = g_new(guint32, m->from->locations->len + 1);
	for (i = 0; i < m->from->locations->len; i++) {
		const ProfileLocation *from = profile_at(
			m->from->locations, ProfileLocation, i);
		LocationKey key = { from->address,
				    map(m->mapping, from->mapping), 0 };
		ProfileLocation row = { .address = key.address,
					.mapping = key.mapping };

		if (index_add(&m->locations, &key, &m->location[i]))
			g_array_append_val(m->to->locations, row);
	}
}

/*
 * The timeline of `to` is that of the first Profile. What is no time of any
 * clock is at one of its ends.
 */
static guint64 move_time(const Merge *m, guint64 ns)
{
	gint64 delta = (gint64)(m->from->base_mono_ns - m->to->base_mono_ns);
	gint64 moved;

	if (__builtin_add_overflow((gint64)ns, delta, &moved))
		return delta > 0 ? G_MAXINT64 : 0;
	return moved > 0 ? (guint64)moved : 0;
}

static void add_base(Merge *m)
{
	Profile *to = m->to;

	if (to->has_base)
		return;
	to->has_base = m->from->has_base;
	to->base_unix_ns = m->from->base_unix_ns;
	to->base_mono_ns = m->from->base_mono_ns;
	to->base_boot = m->string[m->from->base_boot];
}

static void add_threads(Merge *m)
{
	guint i;

	m->thread = g_new(guint32, m->from->threads->len + 1);
	for (i = 0; i < m->from->threads->len; i++) {
		ProfileThread row = *profile_at(m->from->threads,
						ProfileThread, i);
		ThreadKey key;

		row.process = map(m->process, row.process);
		row.name = m->string[row.name];
		row.start_ns = move_time(m, row.start_ns);
		row.end_ns = row.end_ns ? move_time(m, row.end_ns) : 0;
		key = (ThreadKey){ row.start_ns, row.process,
				   (guint32)row.tid };
		if (index_add(&m->threads, &key, &m->thread[i]))
			g_array_append_val(m->to->threads, row);
		else
			*profile_at(m->to->threads, ProfileThread,
				    m->thread[i]) = row;
	}
}

/* --- samples ------------------------------------------------------------------------ */

static guint32 add_frames(Merge *m, const ProfileSample *s)
{
	g_autofree guint32 *frames = g_new(guint32, s->frame_count + 1u);
	guint32 i;

	for (i = 0; i < s->frame_count; i++)
		frames[i] = m->location[g_array_index(
			m->from->frames, guint32, s->first_frame + i)];
	return seqtable_intern(&m->frames, frames, s->frame_count);
}

static guint32 add_labels(Merge *m, const ProfileSample *s)
{
	g_autofree ProfileLabel *labels = g_new0(ProfileLabel,
						 s->label_count + 1u);
	guint16 i;

	for (i = 0; i < s->label_count; i++) {
		const ProfileLabel *from = profile_at(
			m->from->labels, ProfileLabel, s->first_label + i);

		labels[i].key = m->string[from->key];
		labels[i].text = m->string[from->text];
		labels[i].unit = m->string[from->unit];
		labels[i].number = from->number;
	}
	return seqtable_intern(&m->labels, labels, s->label_count);
}

static void add_values(const Merge *m, ProfileSample *to,
		       const ProfileSample *from)
{
	guint i;

	for (i = 0; i < m->from->type_count; i++)
		profile_add(&to->value[m->column[i]], from->value[i]);
	to->taken += from->taken;
	to->square += from->square;
}

static guint32 add_sample(Merge *m, const ProfileSample *s)
{
	SampleKey key = {
		map(m->process, s->process), map(m->thread, s->thread), s->end,
		add_frames(m, s), s->frame_count,
		add_labels(m, s), s->label_count,
	};
	ProfileSample row = {
		.first_frame = key.first_frame, .frame_count = s->frame_count,
		.thread = key.thread, .process = key.process,
		.first_label = key.first_label,
		.label_count = s->label_count, .end = s->end,
	};
	guint32 at;

	if (index_add(&m->samples, &key, &at))
		g_array_append_val(m->to->samples, row);
	add_values(m, profile_at(m->to->samples, ProfileSample, at), s);
	return at;
}

static GArray *add_all(Merge *m)
{
	guint n = m->from->samples->len, i;
	GArray *where = g_array_sized_new(FALSE, FALSE, sizeof(guint32), n);

	add_base(m);
	add_processes(m);
	add_mappings(m);
	add_locations(m);
	add_threads(m);
	for (i = 0; i < n; i++) {
		guint32 at = add_sample(m, profile_at(m->from->samples,
						      ProfileSample, i));

		g_array_append_val(where, at);
	}
	return where;
}

GArray *merge_add(Merge *m, const Profile *from)
{
	GArray *where = NULL;

	m->from = from;
	m->string = m->process = m->mapping = m->location = m->thread = NULL;
	add_strings(m);
	if (add_types(m))
		where = add_all(m);
	g_free(m->string);
	g_free(m->process);
	g_free(m->mapping);
	g_free(m->location);
	g_free(m->thread);
	return where;
}
