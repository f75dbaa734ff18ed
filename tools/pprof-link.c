/* SPDX-License-Identifier: MIT */
/*
 * pprof-link: the second step of pprof-decode. All of a file has been seen:
 * numbers of strings become strings, values go where their type is, samples
 * find their threads, times go on the timeline of the whole Profile.
 */
#include <string.h>

#include "tools/pprof-decode.h"

#include "tools/numhash.h"

/* Where the rows of one set of labels went. */
typedef struct {
	guint32 thread;
	guint16 count;			/* labels left, besides the thread's */
	gboolean done;
	ProfileString name;		/* of the thread */
	gint64 tid;
	guint32 process;		/* whose thread it is */
} LabelSet;

static ProfileString string_of(PprofDecode *d, ProfileString raw)
{
	if (raw == 0)
		return 0;
	if (raw < d->strings->len)
		return g_array_index(d->strings, ProfileString, raw);
	d->faults.undefined++;
	return 0;
}

static ProfileString wide_string(PprofDecode *d, guint64 raw)
{
	return string_of(d, raw < G_MAXUINT32 ? (ProfileString)raw
					      : PPROF_DECODE_UNDEFINED);
}

/* --- sample types ---------------------------------------------------------- */

static ProfileValueType value_type(PprofDecode *d, const RawValueType *raw)
{
	return (ProfileValueType){ wide_string(d, raw->type),
				   wide_string(d, raw->unit) };
}

/* Column of the Profile for each type of the file; -1: no room. */
static gboolean match_types(PprofDecode *d, const char *name, gint *column,
			    GError **error)
{
	Profile *p = d->p;
	guint had = p->type_count, shared = 0, i;

	for (i = 0; i < d->types->len; i++) {
		ProfileValueType t = value_type(
			d, &g_array_index(d->types, RawValueType, i));
		gint at = profile_find_type(p, profile_text(p, t.type));

		if (at >= 0 && p->type[at].unit == t.unit) {
			shared += (guint)at < had;
		} else if (at < 0 && p->type_count < PROFILE_VALUES_MAX) {
			at = (gint)p->type_count;
			p->type[p->type_count++] = t;
		} else {
			at = -1;
			d->faults.values++;
		}
		column[i] = at;
	}
	if (had == 0 || shared > 0)
		return TRUE;
	p->type_count = had;
	g_set_error(error, PPROF_READ_ERROR, PPROF_READ_ERROR_MISMATCH,
		    "%s: it counts %s, the files before it count %s", name,
		    profile_text(p, value_type(d, &g_array_index(
			    d->types, RawValueType, 0)).type),
		    profile_text(p, p->type[0].type));
	return FALSE;
}

static void move_values(PprofDecode *d, const gint *column)
{
	guint i, k;

	for (i = d->mark.samples; i < d->p->samples->len; i++) {
		ProfileSample *s = profile_at(d->p->samples, ProfileSample, i);
		gint64 value[PROFILE_VALUES_MAX];

		memcpy(value, s->value, sizeof(value));
		memset(s->value, 0, sizeof(s->value));
		for (k = 0; k < d->types->len; k++)
			if (column[k] >= 0)
				s->value[column[k]] = value[k];
	}
}

static void set_header(PprofDecode *d)
{
	Profile *p = d->p;
	ProfileString asked = wide_string(d, d->default_type);
	gint cpu = profile_find_type(p, "cpu");
	guint i;

	if (d->mark.samples == 0 && d->mark.processes == 0) {
		p->default_type = cpu >= 0 ? (guint)cpu : p->type_count - 1;
		for (i = 0; i < p->type_count && cpu < 0; i++)
			if (asked != 0 && p->type[i].type == asked)
				p->default_type = i;
		p->period_type = value_type(d, &d->period_type);
		p->period = d->period;
		p->time_nanos = d->time_nanos;
	}
	if (d->time_nanos != 0 && d->time_nanos < p->time_nanos)
		p->time_nanos = d->time_nanos;
	p->duration_nanos = MAX(p->duration_nanos, d->duration_nanos);
}

/* --- names ------------------------------------------------------------------ */

static void link_mappings(PprofDecode *d)
{
	guint i;

	for (i = d->mark.mappings; i < d->p->mappings->len; i++) {
		ProfileMapping *m = profile_at(d->p->mappings, ProfileMapping,
					       i);

		m->path = string_of(d, m->path);
		m->build_id = string_of(d, m->build_id);
	}
	for (i = 0; i < d->unloads->len; i++) {
		RawUnload *u = &g_array_index(d->unloads, RawUnload, i);
		guint32 at = idmap_find(&d->mappings, u->mapping);

		if (at != G_MAXUINT32)
			profile_at(d->p->mappings, ProfileMapping, at)
				->unload_ns = u->ns;
	}
}

static void link_functions(PprofDecode *d)
{
	guint i;

	for (i = d->mark.functions; i < d->p->functions->len; i++) {
		ProfileFunction *f = profile_at(d->p->functions,
						ProfileFunction, i);

		f->name = string_of(d, f->name);
		f->system_name = string_of(d, f->system_name);
		f->file = string_of(d, f->file);
		if (f->name == 0)
			f->name = f->system_name;
	}
	if (d->small != PROFILE_NONE)
		profile_at(d->p->functions, ProfileFunction, d->small_function)
			->name = profile_string(d->p, PROFILE_SMALL, -1);
}

static void link_locations(PprofDecode *d)
{
	const GArray *mappings = d->p->mappings;
	guint i;

	for (i = d->mark.locations; i < d->p->locations->len; i++) {
		ProfileLocation *l = profile_at(d->p->locations,
						ProfileLocation, i);

		if (l->mapping == PPROF_DECODE_UNDEFINED) {
			d->faults.undefined++;
			l->mapping = PROFILE_NONE;
		}
		if (l->mapping != PROFILE_NONE &&
		    profile_at(mappings, ProfileMapping,
			       l->mapping)->has_functions)
			l->tried = TRUE;
	}
}

/* --- threads and labels ------------------------------------------------------ */

static guint64 *tid_key(guint32 process, gint64 tid)
{
	guint64 key = (guint64)process << 32 | (guint32)tid;

	return g_memdup2(&key, sizeof(key));
}

/* process and tid -> GArray of thread indices of this file. */
static GHashTable *threads_by_tid(PprofDecode *d)
{
	GHashTable *table = g_hash_table_new_full(
		numhash, g_int64_equal, g_free,
		(GDestroyNotify)g_array_unref);
	guint32 i;

	for (i = d->mark.threads; i < d->p->threads->len; i++) {
		const ProfileThread *t = profile_at(d->p->threads,
						    ProfileThread, i);
		g_autofree guint64 *key = tid_key(t->process, t->tid);
		GArray *list = g_hash_table_lookup(table, key);

		if (!list) {
			list = g_array_new(FALSE, FALSE, sizeof(guint32));
			g_hash_table_insert(table, g_steal_pointer(&key),
					    list);
		}
		g_array_append_val(list, i);
	}
	return table;
}

/*
 * The thread that labels speak of: the one of that tid, and of those that had
 * it one after the other the last called so. A thread that the file does
 * not describe is added.
 */
static guint32 find_thread(PprofDecode *d, GHashTable *by_tid, gint64 tid,
			   ProfileString name, guint32 process)
{
	g_autofree guint64 *key = tid_key(process, tid);
	GArray *list = g_hash_table_lookup(by_tid, key);
	ProfileThread row = { process, (gint32)tid, name, 0, 0, 0, 0, 0 };
	guint32 best = PROFILE_NONE, at;
	guint i;

	for (i = 0; list && i < list->len; i++) {
		at = g_array_index(list, guint32, list->len - 1 - i);
		if (best == PROFILE_NONE)
			best = at;
		if (profile_at(d->p->threads, ProfileThread, at)->name == name)
			return at;
		if (tid == 0)
			best = PROFILE_NONE;	/* known by its name alone */
	}
	if (best != PROFILE_NONE)
		return best;
	g_array_append_val(d->p->threads, row);
	at = d->p->threads->len - 1;
	if (!list) {
		list = g_array_new(FALSE, FALSE, sizeof(guint32));
		g_hash_table_insert(by_tid, g_steal_pointer(&key), list);
	}
	g_array_append_val(list, at);
	return at;
}

/* A label that pprof-write put there for other readers. */
static gboolean tells_process(const PprofDecode *d, const char *key)
{
	return d->owners->len > 1 && (strcmp(key, "pid") == 0 ||
				      strcmp(key, "program") == 0);
}

/* Takes thread, tid and process out of a set, moving the other labels up. */
static void link_set(PprofDecode *d, LabelSet *set, guint32 first,
		     guint16 count)
{
	Profile *p = d->p;
	ProfileLabel *rows = profile_at(p->labels, ProfileLabel, first);
	guint16 i, kept = 0;

	for (i = 0; i < count; i++) {
		ProfileLabel row = rows[i];
		const char *key;

		row.key = string_of(d, row.key);
		row.text = string_of(d, row.text);
		row.unit = string_of(d, row.unit);
		key = profile_text(p, row.key);
		if (strcmp(key, "thread") == 0 && row.text != 0)
			set->name = row.text;
		else if (strcmp(key, "tid") == 0 && row.text == 0)
			set->tid = row.number;
		else if (!tells_process(d, key))
			rows[kept++] = row;
	}
	/* nobody's rows hold no numbers of the file either */
	memset(&rows[kept], 0, (count - kept) * sizeof(rows[0]));
	set->count = kept;
	set->thread = PROFILE_NONE;
	set->process = PROFILE_NONE;
	set->done = TRUE;
}

/* Two processes may have threads of one name and number. */
static guint32 thread_of_set(PprofDecode *d, GHashTable *by_tid,
			     LabelSet *set, guint32 process)
{
	if (set->process != process && (set->name != 0 || set->tid != 0)) {
		set->thread = find_thread(d, by_tid, set->tid, set->name,
					  process);
		set->process = process;
	}
	return set->thread;
}

/* `processes`: index in the Profile of each of the file's. */
static void link_labels(PprofDecode *d, const guint32 *processes,
			const gboolean *repeated)
{
	g_autoptr(GHashTable) by_tid = threads_by_tid(d);
	guint n = d->p->labels->len - d->mark.labels, i;
	g_autofree LabelSet *sets = g_new0(LabelSet, n + 1);

	for (i = d->mark.samples; i < d->p->samples->len; i++) {
		ProfileSample *s = profile_at(d->p->samples, ProfileSample, i);
		guint32 process = processes[s->process];
		LabelSet *set;

		s->process = repeated[s->process] ? PROFILE_NONE : process;
		if (s->label_count == 0)
			continue;
		set = &sets[s->first_label - d->mark.labels];
		if (!set->done)
			link_set(d, set, s->first_label, s->label_count);
		s->label_count = set->count;
		s->thread = thread_of_set(d, by_tid, set, process);
	}
}

/* --- time -------------------------------------------------------------------- */

static void shift_timeline(Profile *p, guint moments, guint threads,
			   guint64 by)
{
	guint i;

	for (i = 0; i < moments; i++)
		profile_at(p->moments, ProfileMoment, i)->time_ns += by;
	for (i = 0; i < threads; i++) {
		ProfileThread *t = profile_at(p->threads, ProfileThread, i);

		t->start_ns += by;
		t->end_ns += t->end_ns ? by : 0;
	}
}

/* Where the process began on the common timeline, which may have to begin
 * earlier because of it. Two of one boot are compared by the same clock. */
static guint64 timeline_offset(PprofDecode *d, const ProfileProcess *process)
{
	Profile *p = d->p;
	guint64 unix_ns = (guint64)process->start_unix_ns;
	guint64 mono_ns = process->start_mono_ns;
	gint64 delta;

	if (!p->has_base) {
		p->has_base = TRUE;
		p->base_unix_ns = unix_ns;
		p->base_mono_ns = mono_ns;
		p->base_boot = process->boot_id;
		return 0;
	}
	delta = p->base_boot == process->boot_id
			? (gint64)(mono_ns - p->base_mono_ns)
			: (gint64)(unix_ns - p->base_unix_ns);
	if (delta >= 0)
		return (guint64)delta;
	shift_timeline(p, d->mark.moments, d->mark.threads,
		       -(guint64)delta);
	p->base_unix_ns += (guint64)delta;
	p->base_mono_ns += (guint64)delta;
	return 0;
}

static const PprofOwner *owner_at(const PprofDecode *d, guint i)
{
	return &g_array_index(d->owners, PprofOwner, i);
}

/* Of each process of the file. */
static guint64 *timeline_offsets(PprofDecode *d)
{
	guint64 *offsets = g_new0(guint64, d->owners->len);
	guint i, k;

	for (i = 0; d->has_process && i < d->owners->len; i++) {
		gboolean had = d->p->has_base;
		guint64 before = d->p->base_mono_ns;

		offsets[i] = timeline_offset(d, &owner_at(d, i)->process);
		for (k = 0; had && k < i; k++)
			offsets[k] += before - d->p->base_mono_ns;
	}
	return offsets;
}

static guint64 since(guint64 base, guint64 ns)
{
	return ns > base ? ns - base : 0;
}

static void link_threads(PprofDecode *d, const guint32 *processes,
			 const guint64 *offsets)
{
	guint i;

	for (i = d->mark.threads; i < d->p->threads->len; i++) {
		ProfileThread *t = profile_at(d->p->threads, ProfileThread, i);
		guint64 base = owner_at(d, t->process)->process.start_mono_ns;
		guint64 offset = offsets[t->process];

		t->process = processes[t->process];
		t->start_ns = since(base, t->start_ns) + offset;
		if (t->end_ns != 0)
			t->end_ns = since(base, t->end_ns) + offset;
	}
}

static int compare_moments(gconstpointer a, gconstpointer b)
{
	const RawMoment *x = a, *y = b;

	if (x->sample != y->sample)
		return x->sample < y->sample ? -1 : 1;
	return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

/* Before link_labels(): the samples' processes are the file's. */
static void link_moments(PprofDecode *d, const guint64 *offsets)
{
	Profile *p = d->p;
	guint i;

	g_array_sort(d->moments, compare_moments);
	for (i = 0; i < d->moments->len; i++) {
		const RawMoment *m = &g_array_index(d->moments, RawMoment, i);
		ProfileSample *s = profile_at(p->samples, ProfileSample,
					      m->sample);
		ProfileMoment row = { m->time_ns + offsets[s->process],
				      m->weight_ns };

		if (s->moment_count++ == 0)
			s->first_moment = p->moments->len;
		g_array_append_val(p->moments, row);
	}
	g_array_set_size(d->moments, 0);
}

/* How often a stack was taken where the file has no times: its count. */
static void count_taken(PprofDecode *d)
{
	Profile *p = d->p;
	gint count = profile_find_type(p, "samples");
	guint i;

	for (i = d->mark.samples; i < p->samples->len; i++) {
		ProfileSample *s = profile_at(p->samples, ProfileSample, i);
		double value = (double)s->value[p->default_type];

		if (s->taken > 0)
			continue;
		if (d->has_process && count >= 0 && s->value[count] == 0)
			continue;	/* [not sampled] */
		s->taken = count < 0 ? 1
				     : (guint32)CLAMP(s->value[count], 1,
						      G_MAXUINT32);
		s->square = value * value / s->taken;
	}
}

/* --- the process ---------------------------------------------------------------- */

static void skip(ProfileProcess *process, const char *format, ...)
	G_GNUC_PRINTF(2, 3);

static void skip(ProfileProcess *process, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(process->skipped, g_strdup_vprintf(format, args));
	va_end(args);
}

static void report_faults(const PprofDecode *d, ProfileProcess *process)
{
	const PprofFaults *f = &d->faults;

	if (f->unreadable)
		skip(process, "%" G_GUINT64_FORMAT
		     " messages could not be read", f->unreadable);
	if (f->undefined)
		skip(process, "%" G_GUINT64_FORMAT " names or locations are "
		     "used and not in the file", f->undefined);
	if (f->values)
		skip(process, "sample types beyond %d were left out",
		     PROFILE_VALUES_MAX);
	if (f->times)
		skip(process, "the times of %" G_GUINT64_FORMAT
		     " samples do not fit them and were left out", f->times);
}

static guint32 find_process(const PprofDecode *d,
			    const ProfileProcess *process)
{
	guint32 i;

	if (!d->has_process || process->run_id == 0)
		return PROFILE_NONE;
	for (i = 0; i < d->mark.processes; i++)
		if (profile_at(d->p->processes, ProfileProcess, i)->run_id ==
		    process->run_id)
			return i;
	return PROFILE_NONE;
}

/* Puts what is known of the process into its row; lists are kept. */
static void fill_process(PprofDecode *d, const PprofOwner *o,
			 ProfileProcess *row, const char *path)
{
	ProfileProcess old = *row;
	guint i;

	*row = o->process;
	row->notes = old.notes;
	row->skipped = old.skipped;
	row->spans = old.spans;
	row->parts = old.parts;
	row->done |= old.done;
	row->part = o->part;
	row->path = profile_string(d->p, path ? path : "", -1);
	if (row->duration_ns == 0)
		row->duration_ns = (guint64)MAX(d->duration_nanos, 0);
	row->duration_ns = MAX(old.duration_ns, row->duration_ns);
	row->foreign = !d->has_process;
	for (i = 0; o->spans && i < o->spans->len; i++)
		profile_put_span(row, profile_at(o->spans, ProfileSpan, i));
	for (i = 0; i < o->notes->len; i++) {
		const char *note = g_ptr_array_index(o->notes, i);

		if (!g_ptr_array_find_with_equal_func(row->notes, note,
						      g_str_equal, NULL))
			g_ptr_array_add(row->notes, g_strdup(note));
	}
}

/* What the importer says, the file's main binary, or its own name. */
static ProfileString foreign_name(PprofDecode *d, const PprofOwner *o,
				  const char *name)
{
	g_autofree char *base = NULL;

	if (o->process.program != 0)
		return o->process.program;
	if (d->p->mappings->len > d->mark.mappings)
		name = profile_text(d->p, profile_at(d->p->mappings,
			ProfileMapping, d->mark.mappings)->path);
	base = g_path_get_basename(name);
	return profile_string(d->p, base, -1);
}

static guint32 link_process(PprofDecode *d, const PprofOwner *o,
			    const char *name, const char *path)
{
	guint32 at = find_process(d, &o->process);
	ProfileProcess *row;
	gboolean newer, salvaged;

	if (at == PROFILE_NONE)
		at = profile_add_process(d->p);
	row = profile_at(d->p->processes, ProfileProcess, at);
	newer = row->parts == 0 || o->part >= row->part;
	salvaged = row->salvaged || o->process.salvaged;
	if (newer)
		fill_process(d, o, row, path);
	row->salvaged = salvaged;
	row->parts |= 1ull << (o->part & 63);
	if (row->foreign)
		row->program = foreign_name(d, o, name);
	return at;
}

static void own_mappings(PprofDecode *d, const guint32 *processes)
{
	guint i;

	for (i = d->mark.mappings; i < d->p->mappings->len; i++) {
		ProfileMapping *m = profile_at(d->p->mappings, ProfileMapping,
					       i);

		m->process = d->has_process ? processes[m->process]
					    : PROFILE_NONE;
	}
}

/* Whether this part of a process came with an earlier file. */
static gboolean is_repeated(const PprofDecode *d, const PprofOwner *o)
{
	guint32 at = find_process(d, &o->process);

	return at != PROFILE_NONE &&
	       profile_at(d->p->processes, ProfileProcess, at)->parts &
	       1ull << (o->part & 63);
}

/* Of each process of the file; `n`: how many are. */
static gboolean *find_repeated(const PprofDecode *d, guint *n)
{
	gboolean *repeated = g_new0(gboolean, d->owners->len);
	guint i;

	*n = 0;
	for (i = 0; i < d->owners->len; i++) {
		repeated[i] = is_repeated(d, owner_at(d, i));
		*n += repeated[i];
	}
	return repeated;
}

/* All of the file was there before. The index of its first process. */
static guint32 leave_out(PprofDecode *d, const char *name)
{
	guint32 at = find_process(d, &owner_at(d, 0)->process);

	skip(profile_at(d->p->processes, ProfileProcess, at),
	     "%s was read already under another name and was left out", name);
	pprof_decode_undo(d);
	return at;
}

/* Samples that link_labels() gave no process. */
static void drop_repeated(PprofDecode *d)
{
	GArray *samples = d->p->samples;
	guint i, kept = d->mark.samples;

	for (i = d->mark.samples; i < samples->len; i++) {
		ProfileSample s = *profile_at(samples, ProfileSample, i);

		if (s.process != PROFILE_NONE)
			*profile_at(samples, ProfileSample, kept++) = s;
	}
	g_array_set_size(samples, kept);
}

/* Index in the Profile of each of the file's processes. */
static guint32 *link_processes(PprofDecode *d, const char *name,
			       const char *path)
{
	guint32 *processes = g_new(guint32, d->owners->len);
	guint i;

	for (i = 0; i < d->owners->len; i++)
		processes[i] = link_process(d, owner_at(d, i), name, path);
	return processes;
}

static gboolean is_profile(PprofDecode *d, const char *name, GError **error)
{
	guint i;

	if (d->types->len == 0) {
		g_set_error(error, PPROF_READ_ERROR, PPROF_READ_ERROR_FOREIGN,
			    "%s: not a profile: neither pprof nor perf script, "
			    "folded stacks or gperftools' CPUPROFILE", name);
		return FALSE;
	}
	for (i = 0; i < d->types->len; i++) {
		ProfileString type = value_type(
			d, &g_array_index(d->types, RawValueType, i)).type;

		if (type != 0)
			return TRUE;
	}
	g_set_error(error, PPROF_READ_ERROR, PPROF_READ_ERROR_DAMAGED,
		    "%s: its names are missing, the end of the file is lost",
		    name);
	return FALSE;
}

/* Everything that belongs to a process. The index of the first. */
static guint32 link_owners(PprofDecode *d, const gboolean *repeated,
			   const char *name, const char *path)
{
	g_autofree guint64 *offsets = timeline_offsets(d);
	g_autofree guint32 *processes = link_processes(d, name, path);

	own_mappings(d, processes);
	link_threads(d, processes, offsets);
	link_moments(d, offsets);
	link_labels(d, processes, repeated);
	drop_repeated(d);
	count_taken(d);
	report_faults(d, profile_at(d->p->processes, ProfileProcess,
				    processes[0]));
	return processes[0];
}

guint32 pprof_decode_finish(PprofDecode *d, const char *name, const char *path,
			    GError **error)
{
	g_autofree gboolean *repeated = NULL;
	gint column[PROFILE_VALUES_MAX];
	guint32 process;
	guint n;

	if (!is_profile(d, name, error) ||
	    !match_types(d, name, column, error)) {
		pprof_decode_undo(d);
		return PROFILE_NONE;
	}
	pprof_decode_next_owner(d);
	repeated = find_repeated(d, &n);
	if (n == d->owners->len)
		return leave_out(d, name);
	move_values(d, column);
	set_header(d);
	link_functions(d);
	link_locations(d);
	link_mappings(d);
	process = link_owners(d, repeated, name, path);
	if (n > 0)
		skip(profile_at(d->p->processes, ProfileProcess, process),
		     "%u processes of %s were read already from another file "
		     "and were left out", n, name);
	return process;
}
