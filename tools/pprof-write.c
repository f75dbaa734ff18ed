/* SPDX-License-Identifier: MIT */
/*
 * pprof-write: see pprof-write.h. Each top-level field is packed by protobuf-c;
 * what is ours is the order of the fields and the numbering.
 */
#include "tools/pprof-write.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixoutputstream.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/pprof.h"
#include "tools/pprof-decode.h"
#include "tools/profile.pb-c.h"

#define BUFFER_FLUSH (256u * 1024u)	/* bytes packed before they go out */

/* Rows of a kind, those of each process together. */
typedef struct {
	guint32 *rows;			/* indices */
	guint32 *first;			/* of each process, and the end */
} Group;

typedef struct {
	const Profile *p;
	gboolean ours;			/* no process is foreign */
	const ProfileProcess *process;	/* the one being written; NULL: of a
					 * foreign file */
	guint32 index;			/* of it, 0: of a foreign file */
	guint64 offset;			/* where it begins on the timeline */
	GOutputStream *out;
	GByteArray *buffer;
	guint32 *number;		/* of each string of the pool, in the
					 * file; 0: not used */
	GArray *used;			/* ProfileString by number */
	Group threads, mappings, locations, samples;
	ProfileString thread, tid, pid, program; /* label keys; interned before */
	GArray *ids, *times, *weights;	/* guint64: scratch */
	GArray *labels;			/* Profagent__Label: scratch */
	GPtrArray *pointers;		/* to them */
	GError *error;
} Writer;

/* --- bytes --------------------------------------------------------------------- */

static void flush(Writer *w)
{
	if (!w->error)
		g_output_stream_write_all(w->out, w->buffer->data,
					  w->buffer->len, NULL, NULL,
					  &w->error);
	g_byte_array_set_size(w->buffer, 0);
}

static void put_varint(Writer *w, guint64 value)
{
	guint8 byte;

	do {
		byte = (guint8)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		g_byte_array_append(w->buffer, &byte, 1);
		value >>= 7;
	} while (value != 0);
}

static void put_number(Writer *w, guint field, guint64 value)
{
	if (value == 0)
		return;
	put_varint(w, field << 3);
	put_varint(w, value);
}

static void put_bytes(Writer *w, guint field, const void *data, gsize size)
{
	put_varint(w, field << 3 | 2);
	put_varint(w, size);
	g_byte_array_append(w->buffer, data, (guint)size);
	if (w->buffer->len >= BUFFER_FLUSH)
		flush(w);
}

static void put_message(Writer *w, guint field, const void *message)
{
	gsize size = protobuf_c_message_get_packed_size(message);
	guint at;

	put_varint(w, field << 3 | 2);
	put_varint(w, size);
	at = w->buffer->len;
	g_byte_array_set_size(w->buffer, at + (guint)size);
	protobuf_c_message_pack(message, w->buffer->data + at);
	if (w->buffer->len >= BUFFER_FLUSH)
		flush(w);
}

/* --- strings --------------------------------------------------------------------- */

/* The number of a string in the file, given on first use. */
static gint64 number_of(Writer *w, ProfileString s)
{
	if (s != 0 && w->number[s] == 0) {
		w->number[s] = w->used->len;
		g_array_append_val(w->used, s);
	}
	return w->number[s];
}

static const char *text(const Writer *w, ProfileString s)
{
	return profile_text(w->p, s);
}

/* protobuf-c's strings are not const. */
static char *loan(const Writer *w, ProfileString s)
{
	return (char *)(guintptr)text(w, s);
}

static void use_types(Writer *w)
{
	guint i;

	for (i = 0; i < w->p->type_count; i++) {
		number_of(w, w->p->type[i].type);
		number_of(w, w->p->type[i].unit);
	}
	number_of(w, w->p->period_type.type);
	number_of(w, w->p->period_type.unit);
	number_of(w, w->thread);
	number_of(w, w->tid);
	number_of(w, w->pid);
	number_of(w, w->program);
}

static void use_objects(Writer *w)
{
	const Profile *p = w->p;
	guint i;

	for (i = 0; i < p->mappings->len; i++) {
		number_of(w, profile_at(p->mappings, ProfileMapping, i)->path);
		number_of(w, profile_at(p->mappings, ProfileMapping,
					i)->build_id);
	}
	for (i = 0; i < p->functions->len; i++) {
		const ProfileFunction *f = profile_at(p->functions,
						      ProfileFunction, i);

		number_of(w, f->name);
		number_of(w, f->system_name);
		number_of(w, f->file);
	}
	for (i = 0; i < p->processes->len; i++)
		number_of(w, profile_at(p->processes, ProfileProcess,
					i)->program);
	for (i = 0; i < p->threads->len; i++)
		number_of(w, profile_at(p->threads, ProfileThread, i)->name);
	for (i = 0; i < p->labels->len; i++) {
		const ProfileLabel *l = profile_at(p->labels, ProfileLabel, i);

		number_of(w, l->key);
		number_of(w, l->text);
		number_of(w, l->unit);
	}
}

/* The whole table, before anything that refers to it. */
static void put_strings(Writer *w)
{
	guint i;

	use_types(w);
	use_objects(w);
	for (i = 0; i < w->used->len; i++) {
		const char *s = text(w, g_array_index(w->used, ProfileString,
						      i));

		put_bytes(w, PPROF_STRING_TABLE, s, strlen(s));
	}
}

/* --- whose a row is -------------------------------------------------------------- */

static guint32 process_of_thread(const Profile *p, guint32 i)
{
	return profile_at(p->threads, ProfileThread, i)->process;
}

static guint32 process_of_mapping(const Profile *p, guint32 i)
{
	return profile_at(p->mappings, ProfileMapping, i)->process;
}

static guint32 process_of_location(const Profile *p, guint32 i)
{
	guint32 mapping = profile_at(p->locations, ProfileLocation,
				     i)->mapping;

	return mapping == PROFILE_NONE ? PROFILE_NONE
				       : process_of_mapping(p, mapping);
}

static guint32 process_of_sample(const Profile *p, guint32 i)
{
	return profile_at(p->samples, ProfileSample, i)->process;
}

/* What is of no process comes with the first; in a foreign file all does. */
static Group group_new(const Writer *w, guint n,
		       guint32 (*process_of)(const Profile *p, guint32 i))
{
	guint32 processes = w->ours ? w->p->processes->len : 1;
	g_autofree guint32 *at = g_new0(guint32, processes);
	Group g = { g_new(guint32, n + 1), g_new0(guint32, processes + 1) };
	guint32 i, k;

	for (i = 0; i < n; i++) {
		k = process_of(w->p, i);
		g.first[k < processes ? k + 1 : 1]++;
	}
	for (k = 0; k < processes; k++) {
		g.first[k + 1] += g.first[k];
		at[k] = g.first[k];
	}
	for (i = 0; i < n; i++) {
		k = process_of(w->p, i);
		g.rows[at[k < processes ? k : 0]++] = i;
	}
	return g;
}

static void group_release(Group *g)
{
	g_free(g->rows);
	g_free(g->first);
}

static guint32 group_begin(const Writer *w, const Group *g)
{
	return g->first[w->index];
}

static guint32 group_end(const Writer *w, const Group *g)
{
	return g->first[w->index + 1];
}

/* --- head ------------------------------------------------------------------------ */

static void put_value_type(Writer *w, guint field, const ProfileValueType *t)
{
	Profagent__ValueType m = PROFAGENT__VALUE_TYPE__INIT;

	m.type = number_of(w, t->type);
	m.unit = number_of(w, t->unit);
	put_message(w, field, &m);
}

static void put_head(Writer *w)
{
	const Profile *p = w->p;
	guint i;

	for (i = 0; i < p->type_count; i++)
		put_value_type(w, PPROF_SAMPLE_TYPE, &p->type[i]);
	put_value_type(w, PPROF_PERIOD_TYPE, &p->period_type);
	put_number(w, PPROF_PERIOD, (guint64)p->period);
	put_number(w, PPROF_TIME_NANOS, (guint64)p->time_nanos);
	put_number(w, PPROF_DURATION_NANOS, (guint64)p->duration_nanos);
	put_number(w, PPROF_DEFAULT_SAMPLE_TYPE, (guint64)number_of(
		w, p->type[p->default_type].type));
}

static char **split_command(const Writer *w)
{
	char **words = NULL;

	if (!g_shell_parse_argv(text(w, w->process->command), NULL, &words,
				NULL))
		words = g_strsplit(text(w, w->process->command), " ", -1);
	return words;
}

/*
 * The region is not named again: what was in it is in this file, or can no
 * longer be had.
 */
static void put_process(Writer *w)
{
	const ProfileProcess *c = w->process;
	Profagent__Process m = PROFAGENT__PROCESS__INIT;
	g_auto(GStrv) command = split_command(w);

	m.pid = (guint32)c->pid;
	m.ppid = (guint32)c->ppid;
	m.run_id = loan(w, c->run_id);
	m.parent_run_id = loan(w, c->parent_run_id);
	m.root_run_id = loan(w, c->root_run_id);
	m.program = loan(w, c->program);
	m.exe = loan(w, c->exe);
	m.host = loan(w, c->host);
	m.version = loan(w, c->version);
	m.boot_id = loan(w, c->boot_id);
	m.command = command;
	m.n_command = command ? g_strv_length(command) : 0;
	m.start_unix_ns = (guint64)c->start_unix_ns;
	m.start_mono_ns = c->start_mono_ns;
	m.pid_start = c->pid_start;
	m.part = c->part;
	if (w->p->processes->len > 1)
		m.duration_ns = c->duration_ns;
	put_message(w, PPROF_PROCESS, &m);
}

/* `rows` has room for 16; how many are used. */
static gsize fill_counts(const guint64 counts[16], Profagent__Count *rows,
			 Profagent__Count **to)
{
	gsize n = 0;
	guint32 i;

	for (i = 0; i < 16; i++) {
		if (counts[i] == 0)
			continue;
		profagent__count__init(&rows[n]);
		rows[n].what = i;
		rows[n].n = counts[i];
		to[n] = &rows[n];
		n++;
	}
	return n;
}

static void put_health(Writer *w)
{
	const ProfileProcess *c = w->process;
	Profagent__Health m = PROFAGENT__HEALTH__INIT;
	Profagent__Count rows[32], *lost[16], *truncated[16];

	m.n_lost = fill_counts(c->lost, rows, lost);
	m.lost = lost;
	m.n_truncated = fill_counts(c->truncated, rows + 16, truncated);
	m.truncated = truncated;
	m.samples = c->samples;
	m.expirations = c->expirations;
	m.asked_mhz = c->asked_mhz;
	m.clock = loan(w, c->clock);
	m.unwind = loan(w, c->unwind);
	m.signal = (guint32)c->signal;
	m.handler_ns = c->handler_ns;
	m.flusher_cpu_ns = c->flusher_cpu_ns;
	m.threads = c->threads;
	m.cpu_ns = c->cpu_ns;
	m.sampled_ns = c->sampled_ns;
	m.flushes = c->flushes;
	m.memory = c->memory;
	m.done = c->done;
	m.note = (char **)c->notes->pdata;
	m.n_note = c->notes->len;
	put_message(w, PPROF_HEALTH, &m);
}

static void put_span(Writer *w, const ProfileSpan *s)
{
	Profagent__Span m = PROFAGENT__SPAN__INIT;
	guint64 buckets[2 * HISTOGRAM_BUCKETS];
	guint32 i, last = G_MAXUINT32;

	m.number = s->number;
	m.name = (char *)s->name;
	m.sum_ns = s->sum_ns;
	m.max_ns = s->max_ns;
	m.buckets = buckets;
	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (s->counts[i] == 0)
			continue;
		buckets[m.n_buckets++] = i - last;
		buckets[m.n_buckets++] = s->counts[i];
		last = i;
	}
	put_message(w, PPROF_SPAN, &m);
}

static void put_spans(Writer *w)
{
	const GArray *spans = w->process->spans;
	guint i;

	for (i = 0; spans && i < spans->len; i++)
		put_span(w, &g_array_index(spans, ProfileSpan, i));
}

static void put_threads(Writer *w)
{
	guint64 base = w->process->start_mono_ns;
	guint i;

	for (i = group_begin(w, &w->threads); i < group_end(w, &w->threads);
	     i++) {
		const ProfileThread *t = profile_at(
			w->p->threads, ProfileThread, w->threads.rows[i]);
		Profagent__Thread m = PROFAGENT__THREAD__INIT;

		m.tid = (guint32)t->tid;
		m.name = loan(w, t->name);
		m.start_routine = t->start_routine;
		m.start_ns = base + t->start_ns - w->offset;
		m.end_ns = t->end_ns ? base + t->end_ns - w->offset : 0;
		m.cpu_ns = t->cpu_ns;
		m.sampled_ns = t->sampled_ns;
		put_message(w, PPROF_THREAD, &m);
	}
}

/* --- objects -------------------------------------------------------------------- */

static guint64 id_of(guint32 index)
{
	return index == PROFILE_NONE ? 0 : (guint64)index + 1;
}

/* Which mappings have been given names: no other reader tries again. */
static gboolean *find_named(const Writer *w)
{
	const Profile *p = w->p;
	gboolean *named = g_new0(gboolean, p->mappings->len + 1);
	guint i;

	for (i = 0; i < p->locations->len; i++) {
		const ProfileLocation *l = profile_at(p->locations,
						      ProfileLocation, i);

		if (l->mapping != PROFILE_NONE && l->line_count > 0)
			named[l->mapping] = TRUE;
	}
	return named;
}

static void put_mappings(Writer *w, const gboolean *named)
{
	const Group *g = &w->mappings;
	guint i;

	for (i = group_begin(w, g); i < group_end(w, g); i++) {
		const ProfileMapping *row = profile_at(
			w->p->mappings, ProfileMapping, g->rows[i]);
		Profagent__Mapping m = PROFAGENT__MAPPING__INIT;
		Profagent__Unload u = PROFAGENT__UNLOAD__INIT;

		m.id = id_of(g->rows[i]);
		m.memory_start = row->start;
		m.memory_limit = row->end;
		m.file_offset = row->offset;
		m.filename = number_of(w, row->path);
		m.build_id = number_of(w, row->build_id);
		m.has_functions = row->has_functions ||
				  named[g->rows[i]];
		m.has_filenames = m.has_functions;
		m.has_line_numbers = m.has_functions;
		m.has_inline_frames = row->has_inlines ||
				      named[g->rows[i]];
		put_message(w, PPROF_MAPPING, &m);
		u.mapping = m.id;
		u.ns = row->unload_ns;
		if (row->unload_ns != 0)
			put_message(w, PPROF_UNLOAD, &u);
	}
}

static void put_functions(Writer *w)
{
	guint i;

	for (i = 0; i < w->p->functions->len; i++) {
		const ProfileFunction *row = profile_at(w->p->functions,
							ProfileFunction, i);
		Profagent__Function m = PROFAGENT__FUNCTION__INIT;

		m.id = id_of(i);
		m.name = number_of(w, row->name);
		m.system_name = number_of(w, row->system_name);
		m.filename = number_of(w, row->file);
		m.start_line = row->start_line;
		put_message(w, PPROF_FUNCTION, &m);
	}
}

static void put_location(Writer *w, guint32 index)
{
	const ProfileLocation *row = profile_at(w->p->locations,
						ProfileLocation, index);
	Profagent__Location m = PROFAGENT__LOCATION__INIT;
	g_autofree Profagent__Line *lines = g_new(Profagent__Line,
						  row->line_count + 1u);
	g_autofree Profagent__Line **at = g_new(Profagent__Line *,
						row->line_count + 1u);
	guint i;

	for (i = 0; i < row->line_count; i++) {
		const ProfileLine *l = profile_at(w->p->lines, ProfileLine,
						  row->first_line + i);

		profagent__line__init(&lines[i]);
		lines[i].function_id = id_of(l->function);
		lines[i].line = l->line;
		at[i] = &lines[i];
	}
	m.id = id_of(index);
	m.mapping_id = id_of(row->mapping);
	m.address = row->address;
	m.line = at;
	m.n_line = row->line_count;
	m.start = row->start;
	put_message(w, PPROF_LOCATION, &m);
}

/* --- samples --------------------------------------------------------------------- */

static void add_label(Writer *w, ProfileString key, ProfileString s,
		      gint64 number, ProfileString unit)
{
	Profagent__Label m = PROFAGENT__LABEL__INIT;

	m.key = number_of(w, key);
	m.str = number_of(w, s);
	m.num = number;
	m.num_unit = number_of(w, unit);
	g_array_append_val(w->labels, m);
}

static void collect_labels(Writer *w, const ProfileSample *s)
{
	guint i;

	g_array_set_size(w->labels, 0);
	g_ptr_array_set_size(w->pointers, 0);
	if (s->thread != PROFILE_NONE) {
		const ProfileThread *t = profile_at(w->p->threads,
						    ProfileThread, s->thread);

		if (t->name != 0)
			add_label(w, w->thread, t->name, 0, 0);
		if (t->tid != 0)
			add_label(w, w->tid, 0, t->tid, 0);
	}
	if (s->process != PROFILE_NONE && w->p->processes->len > 1) {
		const ProfileProcess *c = profile_at(
			w->p->processes, ProfileProcess, s->process);

		add_label(w, w->pid, 0, c->pid, 0);
		add_label(w, w->program, c->program, 0, 0);
	}
	for (i = 0; i < s->label_count; i++) {
		const ProfileLabel *l = profile_at(w->p->labels, ProfileLabel,
						   s->first_label + i);

		add_label(w, l->key, l->text, l->number, l->unit);
	}
	for (i = 0; i < w->labels->len; i++)
		g_ptr_array_add(w->pointers, &g_array_index(
			w->labels, Profagent__Label, i));
}

/* Times as differences of rounded microseconds; weights unless all are the same
 * share of `value`. */
static void collect_moments(Writer *w, const ProfileSample *s, gint64 value)
{
	gint64 count = MAX(s->moment_count, 1);
	guint64 before = 0, now, us, weight;
	gboolean even = value % count == 0;
	guint32 i;

	g_array_set_size(w->times, 0);
	g_array_set_size(w->weights, 0);
	for (i = 0; i < s->moment_count; i++) {
		const ProfileMoment *m = profile_at(w->p->moments,
						    ProfileMoment,
						    s->first_moment + i);

		now = (m->time_ns > w->offset ? m->time_ns - w->offset : 0) /
		      1000;
		us = now - before;
		before = now;
		weight = (guint64)m->weight_ns;
		even &= m->weight_ns == value / count;
		g_array_append_val(w->times, us);
		g_array_append_val(w->weights, weight);
	}
	if (even)
		g_array_set_size(w->weights, 0);
}

static void put_sample(Writer *w, const ProfileSample *s)
{
	Profagent__Sample m = PROFAGENT__SAMPLE__INIT;
	gint64 values[PROFILE_VALUES_MAX];
	guint32 i;

	g_array_set_size(w->ids, s->frame_count);
	for (i = 0; i < s->frame_count; i++)
		g_array_index(w->ids, guint64, i) = id_of(g_array_index(
			w->p->frames, guint32, s->first_frame + i));
	memcpy(values, s->value, sizeof(values));
	collect_labels(w, s);
	m.location_id = (uint64_t *)(void *)w->ids->data;
	m.n_location_id = w->ids->len;
	m.value = values;
	m.n_value = w->p->type_count;
	m.label = (Profagent__Label **)w->pointers->pdata;
	m.n_label = w->pointers->len;
	if (w->process) {
		collect_moments(w, s, pprof_decode_weighed(
			values, w->p->type_count));
		m.times = (uint64_t *)(void *)w->times->data;
		m.n_times = w->times->len;
		m.weights = (uint64_t *)(void *)w->weights->data;
		m.n_weights = w->weights->len;
		m.end = s->end;
	}
	put_message(w, PPROF_SAMPLE, &m);
}

/* --- all of it -------------------------------------------------------------------- */

/* What belongs to the process, or all of a foreign file. */
static void put_part(Writer *w, const gboolean *named)
{
	guint32 i;

	if (w->process) {
		put_process(w);
		put_health(w);
		put_threads(w);
		put_spans(w);
	}
	put_mappings(w, named);
	for (i = group_begin(w, &w->locations);
	     i < group_end(w, &w->locations) && !w->error; i++)
		put_location(w, w->locations.rows[i]);
	for (i = group_begin(w, &w->samples);
	     i < group_end(w, &w->samples) && !w->error; i++)
		put_sample(w, profile_at(w->p->samples, ProfileSample,
					 w->samples.rows[i]));
}

static void put_all(Writer *w)
{
	g_autofree gboolean *named = find_named(w);
	guint32 i;

	put_strings(w);
	put_head(w);
	put_functions(w);
	for (i = 0; w->ours && i < w->p->processes->len; i++) {
		w->process = profile_at(w->p->processes, ProfileProcess, i);
		w->index = i;
		w->offset = profile_begin_of(w->p, w->process);
		put_part(w, named);
	}
	if (!w->ours)
		put_part(w, named);
	flush(w);
}

static gboolean all_ours(const Profile *p)
{
	guint i;

	for (i = 0; i < p->processes->len; i++)
		if (profile_at(p->processes, ProfileProcess, i)->foreign)
			return FALSE;
	return p->processes->len > 0;
}

static void writer_init(Writer *w, Profile *p, GOutputStream *out)
{
	guint strings;

	*w = (Writer){ .p = p, .ours = all_ours(p), .out = out };
	w->thread = profile_string(p, "thread", -1);
	w->tid = profile_string(p, "tid", -1);
	w->pid = profile_string(p, "pid", -1);
	w->program = profile_string(p, "program", -1);
	w->threads = group_new(w, p->threads->len, process_of_thread);
	w->mappings = group_new(w, p->mappings->len, process_of_mapping);
	w->locations = group_new(w, p->locations->len, process_of_location);
	w->samples = group_new(w, p->samples->len, process_of_sample);
	strings = p->strings->len;
	w->buffer = g_byte_array_new();
	w->number = g_new0(guint32, strings);
	w->used = g_array_new(FALSE, TRUE, sizeof(ProfileString));
	g_array_set_size(w->used, 1);	/* number 0 is "" */
	w->ids = g_array_new(FALSE, FALSE, sizeof(guint64));
	w->times = g_array_new(FALSE, FALSE, sizeof(guint64));
	w->weights = g_array_new(FALSE, FALSE, sizeof(guint64));
	w->labels = g_array_new(FALSE, FALSE, sizeof(Profagent__Label));
	w->pointers = g_ptr_array_new();
}

static void writer_release(Writer *w)
{
	group_release(&w->threads);
	group_release(&w->mappings);
	group_release(&w->locations);
	group_release(&w->samples);
	g_byte_array_unref(w->buffer);
	g_free(w->number);
	g_array_free(w->used, TRUE);
	g_array_free(w->ids, TRUE);
	g_array_free(w->times, TRUE);
	g_array_free(w->weights, TRUE);
	g_array_free(w->labels, TRUE);
	g_ptr_array_free(w->pointers, TRUE);
}

gboolean pprof_write_stream(Profile *p, GOutputStream *out, GError **error)
{
	g_autoptr(GZlibCompressor) gzip = g_zlib_compressor_new(
		G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1);
	g_autoptr(GOutputStream) packed = g_converter_output_stream_new(
		out, G_CONVERTER(gzip));
	Writer w;

	g_filter_output_stream_set_close_base_stream(
		G_FILTER_OUTPUT_STREAM(packed), FALSE);
	writer_init(&w, p, packed);
	put_all(&w);
	writer_release(&w);
	if (!w.error)
		g_output_stream_close(packed, NULL, &w.error);
	if (!w.error)
		return TRUE;
	g_propagate_error(error, w.error);
	return FALSE;
}

/* --- files ----------------------------------------------------------------------------- */

static gboolean set_error(GError **error, const char *path)
{
	int err = errno;

	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(err), "%s: %s",
		    path, g_strerror(err));
	return FALSE;
}

/* As the file that it replaces. */
static void copy_rights(int fd, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return;
	/* only root may give files away; the mode is what counts else */
	if (fchown(fd, st.st_uid, st.st_gid) != 0 && st.st_uid == geteuid())
		g_debug("%s: the group could not be kept", path);
	fchmod(fd, st.st_mode & 0777);
}

static gboolean write_fd(Profile *p, int fd, const char *path, GError **error)
{
	g_autoptr(GOutputStream) out = g_unix_output_stream_new(fd, FALSE);

	if (!pprof_write_stream(p, out, error)) {
		g_prefix_error(error, "%s: ", path);
		return FALSE;
	}
	return fsync(fd) == 0 || errno == EINVAL || set_error(error, path);
}

gboolean pprof_write_file(Profile *p, const char *path, GError **error)
{
	g_autofree char *temporary = g_strconcat(path, ".XXXXXX", NULL);
	int fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0600);
	gboolean ok;

	if (fd < 0)
		return set_error(error, path);
	copy_rights(fd, path);
	ok = write_fd(p, fd, path, error);
	close(fd);
	if (ok && g_rename(temporary, path) != 0)
		ok = set_error(error, path);
	if (!ok)
		g_unlink(temporary);
	return ok;
}
