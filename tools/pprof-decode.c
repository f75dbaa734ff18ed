/* SPDX-License-Identifier: MIT */
/*
 * pprof-decode: see pprof-decode.h. The first step: messages are unpacked by
 * protobuf-c, one at a time, and stored in rows.
 */
#include "tools/pprof-decode.h"

#include <string.h>

#include "agent/pprof.h"
#include "tools/numhash.h"
#include "tools/profile.pb-c.h"

/* A message of FIELDS_LENGTH_MAX bytes unpacks to less, unless it is made of
 * empty messages. */
#define MESSAGE_MEMORY_MAX (256u * 1024u * 1024u)
#define NOTES_MAX 64
#define OWNERS_MAX (1u << 16)	/* processes of a file */

static void owner_clear(gpointer data)
{
	PprofOwner *o = data;

	g_ptr_array_unref(o->notes);
	g_clear_pointer(&o->spans, g_array_unref);
}

void pprof_decode_init(PprofDecode *d, Profile *p, PprofReadFlags flags)
{
	memset(d, 0, sizeof(*d));
	d->p = p;
	d->flags = flags;
	d->mark = (ProfileMark){
		p->mappings->len, p->locations->len, p->lines->len,
		p->functions->len, p->samples->len, p->frames->len,
		p->labels->len, p->moments->len, p->threads->len,
		p->processes->len,
	};
	bump_init(&d->bump, MESSAGE_MEMORY_MAX);
	d->strings = g_array_new(FALSE, FALSE, sizeof(ProfileString));
	d->types = g_array_new(FALSE, FALSE, sizeof(RawValueType));
	idmap_init(&d->mappings);
	idmap_init(&d->locations);
	idmap_init(&d->functions);
	d->keys = g_array_new(FALSE, FALSE, sizeof(SampleKey));
	seqtable_init(&d->stacks, p->frames);
	seqtable_init(&d->labels, p->labels);
	seqtable_init(&d->samples, d->keys);
	d->moments = g_array_new(FALSE, FALSE, sizeof(RawMoment));
	d->ids = g_array_new(FALSE, FALSE, sizeof(guint32));
	d->unloads = g_array_new(FALSE, FALSE, sizeof(RawUnload));
	d->threads = g_hash_table_new_full(numhash, g_int64_equal, g_free,
					   NULL);
	d->rings = g_hash_table_new_full(numhash, g_int64_equal, g_free,
					 g_free);
	d->notes = g_ptr_array_new_with_free_func(g_free);
	d->owners = g_array_new(FALSE, FALSE, sizeof(PprofOwner));
	g_array_set_clear_func(d->owners, owner_clear);
	d->small = PROFILE_NONE;
}

void pprof_decode_sieve(PprofDecode *d, PprofSieve *sieve)
{
	Profile *p = d->p;
	ProfileLocation location = { .mapping = PROFILE_NONE,
				     .first_line = p->lines->len,
				     .line_count = 1, .tried = TRUE };
	ProfileLine line = { p->functions->len, 0 };
	ProfileFunction function = { 0 };	/* named when all is linked */

	d->sieve = sieve;
	d->small = p->locations->len;
	d->small_function = p->functions->len;
	g_array_append_val(p->locations, location);
	g_array_append_val(p->lines, line);
	g_array_append_val(p->functions, function);
}

void pprof_decode_next_owner(PprofDecode *d)
{
	PprofOwner row = { .process = d->process, .part = d->part,
			   .notes = d->notes, .spans = d->spans.spans };

	g_array_append_val(d->owners, row);
	d->process = (ProfileProcess){ 0 };
	d->part = 0;
	d->notes = g_ptr_array_new_with_free_func(g_free);
	d->spans.spans = NULL;
}

void pprof_decode_release(PprofDecode *d)
{
	bump_release(&d->bump);
	g_array_free(d->strings, TRUE);
	g_array_free(d->types, TRUE);
	idmap_release(&d->mappings);
	idmap_release(&d->locations);
	idmap_release(&d->functions);
	seqtable_release(&d->stacks);
	seqtable_release(&d->labels);
	seqtable_release(&d->samples);
	g_array_free(d->keys, TRUE);
	g_array_free(d->moments, TRUE);
	g_array_free(d->ids, TRUE);
	g_array_free(d->unloads, TRUE);
	g_hash_table_destroy(d->threads);
	g_hash_table_destroy(d->rings);
	g_array_unref(d->owners);
	g_ptr_array_unref(d->notes);
	g_clear_pointer(&d->spans.spans, g_array_unref);
	g_clear_pointer(&d->addresses, g_hash_table_destroy);
	g_clear_pointer(&d->texts, g_hash_table_destroy);
}

void pprof_decode_undo(PprofDecode *d)
{
	Profile *p = d->p;
	const ProfileMark *m = &d->mark;

	g_array_set_size(p->mappings, m->mappings);
	g_array_set_size(p->locations, m->locations);
	g_array_set_size(p->lines, m->lines);
	g_array_set_size(p->functions, m->functions);
	g_array_set_size(p->samples, m->samples);
	g_array_set_size(p->frames, m->frames);
	g_array_set_size(p->labels, m->labels);
	g_array_set_size(p->moments, m->moments);
	g_array_set_size(p->threads, m->threads);
	g_array_set_size(p->processes, m->processes);
}

gsize pprof_decode_memory(const PprofDecode *d)
{
	const Profile *p = d->p;

	return p->locations->len * sizeof(ProfileLocation) +
	       p->lines->len * sizeof(ProfileLine) +
	       p->functions->len * sizeof(ProfileFunction) +
	       p->mappings->len * sizeof(ProfileMapping) +
	       p->samples->len * (sizeof(ProfileSample) + sizeof(SampleKey)) +
	       p->frames->len * sizeof(guint32) +
	       p->labels->len * sizeof(ProfileLabel) +
	       p->threads->len * (sizeof(ProfileThread) + 64) +
	       d->moments->len * sizeof(RawMoment) +
	       p->strings->len * (sizeof(char *) * 4) +
	       d->strings->len * sizeof(ProfileString) +
	       d->owners->len * (2 * sizeof(PprofOwner) + 256) +
	       (gsize)g_hash_table_size(d->rings) * 96 +
	       seqtable_memory(&d->stacks) + seqtable_memory(&d->labels) +
	       seqtable_memory(&d->samples) + idmap_memory(&d->mappings) +
	       idmap_memory(&d->locations) + idmap_memory(&d->functions);
}

/* --- ids ------------------------------------------------------------------ */

static gint64 *key64(guint64 a)
{
	return g_memdup2(&a, sizeof(a));
}

/* A number of the file's string table, kept until the table is whole. */
static ProfileString raw_string(gint64 number)
{
	return number >= 0 && number < PPROF_DECODE_UNDEFINED
		       ? (ProfileString)number : PPROF_DECODE_UNDEFINED;
}

static guint32 mapping_index(PprofDecode *d, guint64 id)
{
	ProfileMapping row = { .path = PPROF_DECODE_UNDEFINED };
	guint32 i;

	if (id == 0)
		return PROFILE_NONE;
	i = idmap_find(&d->mappings, id);
	if (i != G_MAXUINT32)
		return i;
	g_array_append_val(d->p->mappings, row);
	idmap_set(&d->mappings, id, d->p->mappings->len - 1);
	return d->p->mappings->len - 1;
}

static guint32 location_index(PprofDecode *d, guint64 id)
{
	guint32 i = idmap_find(&d->locations, id);
	ProfileLocation row = { .mapping = PPROF_DECODE_UNDEFINED };

	if (d->sieve && !pprof_sieve_has_place(d->sieve, id))
		return d->small;
	if (i != G_MAXUINT32)
		return i;
	g_array_append_val(d->p->locations, row);
	idmap_set(&d->locations, id, d->p->locations->len - 1);
	return d->p->locations->len - 1;
}

static guint32 function_index(PprofDecode *d, guint64 id)
{
	guint32 i = idmap_find(&d->functions, id);
	ProfileFunction row = { .name = PPROF_DECODE_UNDEFINED };

	if (i != G_MAXUINT32)
		return i;
	g_array_append_val(d->p->functions, row);
	idmap_set(&d->functions, id, d->p->functions->len - 1);
	return d->p->functions->len - 1;
}

/* --- the message's own fields ------------------------------------------------ */

static void take_string(PprofDecode *d, const Field *f)
{
	ProfileString s = 0;

	if (!d->sieve || pprof_sieve_has_string(d->sieve, d->strings->len))
		s = profile_string(d->p, (const char *)f->bytes,
				   (gssize)f->size);
	g_array_append_val(d->strings, s);
}

static gpointer unpack(PprofDecode *d, const ProtobufCMessageDescriptor *type,
		       const Field *f)
{
	ProtobufCMessage *m = protobuf_c_message_unpack(
		type, &d->bump.allocator, f->size, f->bytes);

	if (!m)
		d->faults.unreadable++;
	return m;
}

static void take_sample_type(PprofDecode *d, const Field *f)
{
	Profagent__ValueType *m = unpack(d, &profagent__value_type__descriptor,
					 f);

	if (!m)
		return;
	if (d->types->len < PROFILE_VALUES_MAX) {
		RawValueType row = { (guint64)m->type, (guint64)m->unit };

		g_array_append_val(d->types, row);
	} else {
		d->faults.values++;
	}
}

static void take_period_type(PprofDecode *d, const Field *f)
{
	Profagent__ValueType *m = unpack(d, &profagent__value_type__descriptor,
					 f);

	if (m)
		d->period_type = (RawValueType){ (guint64)m->type,
						 (guint64)m->unit };
}

static void take_mapping(PprofDecode *d, const Field *f)
{
	Profagent__Mapping *m;
	ProfileMapping *row;
	guint32 i;

	if (d->sieve && !pprof_sieve_has_mapping(d->sieve, f))
		return;
	m = unpack(d, &profagent__mapping__descriptor, f);
	if (!m || m->id == 0)
		return;
	i = mapping_index(d, m->id);
	row = profile_at(d->p->mappings, ProfileMapping, i);
	*row = (ProfileMapping){
		.start = m->memory_start,
		.end = m->memory_limit,
		.offset = m->file_offset,
		.path = raw_string(m->filename),
		.build_id = raw_string(m->build_id),
		.process = d->owners->len,
		.has_functions = m->has_functions,
		.has_inlines = m->has_inline_frames,
	};
}

static void take_location(PprofDecode *d, const Field *f)
{
	Profagent__Location *m;
	ProfileLocation *row;
	gsize n, i;
	guint32 at;

	if (d->sieve && !pprof_sieve_has_location(d->sieve, f))
		return;
	m = unpack(d, &profagent__location__descriptor, f);
	if (!m)
		return;
	at = location_index(d, m->id);
	if (at == d->small)
		return;
	row = profile_at(d->p->locations, ProfileLocation, at);
	n = MIN(m->n_line, G_MAXUINT16);
	row->address = m->address;
	row->mapping = mapping_index(d, m->mapping_id);
	row->first_line = d->p->lines->len;
	row->line_count = (guint16)n;
	row->tried = n > 0;
	row->start = m->start <= m->address ? m->start : 0;
	for (i = 0; i < n; i++) {
		ProfileLine line = {
			function_index(d, m->line[i]->function_id),
			(gint32)CLAMP(m->line[i]->line, 0, G_MAXINT32),
		};

		g_array_append_val(d->p->lines, line);
	}
}

static void take_function(PprofDecode *d, const Field *f)
{
	Profagent__Function *m;
	guint32 at;

	if (d->sieve && !pprof_sieve_has_function(d->sieve, f))
		return;
	m = unpack(d, &profagent__function__descriptor, f);
	if (!m)
		return;
	at = function_index(d, m->id);
	*profile_at(d->p->functions, ProfileFunction, at) = (ProfileFunction){
		.name = raw_string(m->name),
		.system_name = raw_string(m->system_name),
		.file = raw_string(m->filename),
		.start_line = (gint32)CLAMP(m->start_line, 0, G_MAXINT32),
	};
}

/* --- samples ------------------------------------------------------------------ */

static gint64 add_saturating(gint64 a, gint64 b)
{
	gint64 sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a > 0 ? G_MAXINT64 : G_MININT64;
	return sum;
}

/* Of places that are not told apart a run becomes one. */
static void join_small(PprofDecode *d)
{
	guint32 *ids = (guint32 *)(void *)d->ids->data;
	guint i, kept = 0;

	for (i = 0; i < d->ids->len; i++)
		if (ids[i] != d->small || kept == 0 ||
		    ids[kept - 1] != d->small)
			ids[kept++] = ids[i];
	g_array_set_size(d->ids, kept);
}

/* `whole`: not only the innermost place. */
static void take_stack(PprofDecode *d, const Profagent__Sample *m,
		       gboolean whole, SampleKey *key)
{
	gsize n = whole ? m->n_location_id : MIN(m->n_location_id, 1), i;

	g_array_set_size(d->ids, (guint)n);
	for (i = 0; i < n; i++)
		g_array_index(d->ids, guint32, i) =
			location_index(d, m->location_id[i]);
	if (!whole)
		g_array_append_val(d->ids, d->small);
	if (d->sieve)
		join_small(d);
	key->frame_count = d->ids->len;
	key->first_frame = seqtable_intern(&d->stacks, d->ids->data,
					   d->ids->len);
}

static guint32 take_labels(PprofDecode *d, const Profagent__Sample *m,
			   guint32 *count)
{
	ProfileLabel *rows;
	gsize i;

	*count = (guint32)MIN(m->n_label, G_MAXUINT16);
	if (*count == 0)
		return 0;
	rows = d->bump.allocator.alloc(&d->bump, *count * sizeof(*rows));
	if (!rows) {
		*count = 0;
		return 0;
	}
	memset(rows, 0, *count * sizeof(*rows));
	for (i = 0; i < *count; i++) {
		rows[i].key = raw_string(m->label[i]->key);
		rows[i].text = raw_string(m->label[i]->str);
		rows[i].unit = raw_string(m->label[i]->num_unit);
		rows[i].number = m->label[i]->num;
	}
	return seqtable_intern(&d->labels, rows, *count);
}

/* The row of a sample: an equal one of this file, or a new one. */
static guint32 sample_index(PprofDecode *d, const SampleKey *key)
{
	guint32 i = seqtable_intern(&d->samples, key, 1);

	if (d->mark.samples + i == d->p->samples->len) {
		ProfileSample row = {
			.first_frame = key->first_frame,
			.frame_count = key->frame_count,
			.first_label = key->first_label,
			.label_count = (guint16)key->label_count,
			.end = (guint16)key->end,
			.thread = PROFILE_NONE,
			.process = key->owner,
		};

		g_array_append_val(d->p->samples, row);
	}
	return d->mark.samples + i;
}

/* Both of a Sample's times and weights; weights may be left out if equal. */
static void take_moments(PprofDecode *d, const Profagent__Sample *m, guint32 at)
{
	ProfileSample *row = profile_at(d->p->samples, ProfileSample, at);
	gsize n = m->n_times, i;
	RawMoment moment = { .sample = at };
	gint64 value, even;

	if (n == 0)
		return;
	if ((m->n_weights != 0 && m->n_weights != n) || n > G_MAXUINT32 / 2) {
		d->faults.times++;
		return;
	}
	value = pprof_decode_weighed(m->value, m->n_value);
	even = value / (gint64)n;
	for (i = 0; i < n; i++) {
		moment.time_ns += m->times[i] * 1000;
		moment.weight_ns = m->n_weights ? (gint64)m->weights[i] : even;
		if (i == 0 && !m->n_weights)
			moment.weight_ns += value - even * (gint64)n;
		row->square += (double)moment.weight_ns *
			       (double)moment.weight_ns;
		if (!(d->flags & PPROF_READ_NO_MOMENTS))
			g_array_append_val(d->moments, moment);
	}
	row->taken += (guint32)n;
}

static void take_sample(PprofDecode *d, const Field *f)
{
	Profagent__Sample *m = unpack(d, &profagent__sample__descriptor, f);
	SampleKey key = { 0 };
	ProfileSample *row;
	gboolean whole;
	guint32 at;
	gsize i;

	if (!m || (d->flags & PPROF_READ_REST))
		return;
	whole = !d->sieve || pprof_sieve_has_stack(d->sieve, f);
	take_stack(d, m, whole, &key);
	if (whole)
		key.first_label = take_labels(d, m, &key.label_count);
	key.end = MIN(m->end, G_MAXUINT16);
	key.owner = d->owners->len;
	at = sample_index(d, &key);
	row = profile_at(d->p->samples, ProfileSample, at);
	for (i = 0; i < m->n_value && i < PROFILE_VALUES_MAX; i++)
		row->value[i] = add_saturating(row->value[i], m->value[i]);
	take_moments(d, m, at);
}

/* --- samples from outside the file --------------------------------------------- */

/* As if it were a string of the file. */
static guint32 own_string(PprofDecode *d, const char *s)
{
	ProfileString text = profile_string(d->p, s, -1);
	gpointer key = GUINT_TO_POINTER(text), number;

	if (!d->texts)
		d->texts = g_hash_table_new(NULL, NULL);
	if (g_hash_table_lookup_extended(d->texts, key, NULL, &number))
		return GPOINTER_TO_UINT(number);
	g_array_append_val(d->strings, text);
	g_hash_table_insert(d->texts, key,
			    GUINT_TO_POINTER(d->strings->len - 1));
	return d->strings->len - 1;
}

/* The mapping that an address lies in, the youngest one; PROFILE_NONE. */
static guint32 mapping_of_address(const PprofDecode *d, guint64 address)
{
	guint32 i, best = PROFILE_NONE;

	for (i = d->mark.mappings; i < d->p->mappings->len; i++) {
		const ProfileMapping *m = profile_at(d->p->mappings,
						     ProfileMapping, i);

		if (address >= m->start && address < m->end)
			best = i;
	}
	return best;
}

/* Which of the file's values is of that name; its strings come first. */
static gint find_column(const PprofDecode *d, const char *name)
{
	guint i;

	for (i = 0; i < d->types->len; i++) {
		guint64 type = g_array_index(d->types, RawValueType, i).type;

		if (type < d->strings->len &&
		    strcmp(profile_text(d->p, g_array_index(
			    d->strings, ProfileString, type)), name) == 0)
			return (gint)i;
	}
	return -1;
}

/* What is looked up for each ring sample: made once, for the first. */
static void prepare_rings(PprofDecode *d)
{
	guint32 i;

	if (d->addresses)
		return;
	d->cpu_column = find_column(d, "cpu");
	d->wall_column = find_column(d, "wall");
	d->addresses = g_hash_table_new_full(numhash, g_int64_equal,
					     g_free, NULL);
	for (i = d->mark.locations; i < d->p->locations->len; i++)
		g_hash_table_replace(d->addresses,
				     key64(profile_at(d->p->locations,
						      ProfileLocation,
						      i)->address),
				     GUINT_TO_POINTER(i));
}

static guint32 location_of_address(PprofDecode *d, guint64 address)
{
	gpointer found;
	ProfileLocation row = { .address = address };
	guint32 i;

	if (g_hash_table_lookup_extended(d->addresses, &address, NULL, &found))
		return GPOINTER_TO_UINT(found);
	row.mapping = mapping_of_address(d, address);
	g_array_append_val(d->p->locations, row);
	i = d->p->locations->len - 1;
	g_hash_table_insert(d->addresses, key64(address), GUINT_TO_POINTER(i));
	return i;
}

static guint32 ring_labels(PprofDecode *d, const PprofRingSample *s,
			   guint *count)
{
	ProfileLabel rows[2 + PPROF_RING_LABELS];
	guint i, n = MIN(s->label_count, PPROF_RING_LABELS);

	memset(rows, 0, sizeof(rows));
	rows[0].key = own_string(d, "tid");
	rows[0].number = s->tid;
	rows[1].key = own_string(d, "thread");
	rows[1].text = own_string(d, s->thread);
	for (i = 0; i < n; i++) {
		rows[2 + i].key = own_string(d, s->labels[i].key);
		rows[2 + i].text = own_string(d, s->labels[i].value);
	}
	*count = 2 + n;
	return seqtable_intern(&d->labels, rows, 2 + n);
}

static void add_to_column(ProfileSample *row, gint column, guint64 ns)
{
	if (column >= 0)
		row->value[column] = add_saturating(row->value[column],
						    (gint64)ns);
}

/*
 * Where the wall clock ran, the time of a running thread is at least what it used;
 * what it waited for since the last flush nobody has looked at.
 */
void pprof_decode_ring_sample(PprofDecode *d, const PprofRingSample *s)
{
	SampleKey key = { .frame_count = s->frames, .end = s->end };
	RawMoment moment = { .weight_ns = (gint64)s->cpu_ns };
	ProfileSample *row;
	guint32 i;

	prepare_rings(d);
	g_array_set_size(d->ids, s->frames);
	for (i = 0; i < s->frames; i++)
		g_array_index(d->ids, guint32, i) =
			location_of_address(d, s->pcs[i]);
	key.first_frame = seqtable_intern(&d->stacks, d->ids->data, s->frames);
	key.first_label = ring_labels(d, s, &key.label_count);
	moment.sample = sample_index(d, &key);
	row = profile_at(d->p->samples, ProfileSample, moment.sample);
	row->value[0] = add_saturating(row->value[0], s->count);
	add_to_column(row, d->cpu_column, s->cpu_ns);
	add_to_column(row, d->wall_column, s->cpu_ns);
	row->taken++;
	row->square += (double)s->cpu_ns * (double)s->cpu_ns;
	/* the counters are as old as the last flush */
	d->process.samples++;
	d->process.expirations += s->count;
	d->process.sampled_ns += s->cpu_ns;
	d->process.cpu_ns = MAX(d->process.cpu_ns, d->process.sampled_ns);
	if (s->time_ns > d->process.start_mono_ns)
		moment.time_ns = s->time_ns - d->process.start_mono_ns;
	if (!(d->flags & PPROF_READ_NO_MOMENTS))
		g_array_append_val(d->moments, moment);
}

/* --- what is ours ------------------------------------------------------------- */

static ProfileString text(PprofDecode *d, const char *s)
{
	return s ? profile_string(d->p, s, -1) : 0;
}

static ProfileString command_text(PprofDecode *d, const Profagent__Process *m)
{
	g_autoptr(GString) line = g_string_new(NULL);
	gsize i;

	for (i = 0; i < m->n_command; i++) {
		g_autofree char *word = g_shell_quote(m->command[i]);
		gboolean plain = m->command[i][0] &&
				 !strpbrk(m->command[i], " \t\n'\"\\$`*?<>|&;()");

		g_string_append_printf(line, "%s%s", i ? " " : "",
				       plain ? m->command[i] : word);
	}
	return profile_string(d->p, line->str, (gssize)line->len);
}

static void take_process(PprofDecode *d, const Field *f)
{
	Profagent__Process *m = unpack(d, &profagent__process__descriptor, f);
	ProfileProcess *to = &d->process;

	if (!m)
		return;
	if (d->has_process && to->run_id != text(d, m->run_id) &&
	    d->owners->len < OWNERS_MAX)
		pprof_decode_next_owner(d);
	d->has_process = TRUE;
	d->part = m->part;
	to->pid = (gint32)m->pid;
	to->ppid = (gint32)m->ppid;
	to->run_id = text(d, m->run_id);
	to->parent_run_id = text(d, m->parent_run_id);
	to->root_run_id = text(d, m->root_run_id);
	to->program = text(d, m->program);
	to->exe = text(d, m->exe);
	to->host = text(d, m->host);
	to->command = command_text(d, m);
	to->region = text(d, m->region);
	to->version = text(d, m->version);
	to->boot_id = text(d, m->boot_id);
	to->start_unix_ns = (gint64)m->start_unix_ns;
	to->start_mono_ns = m->start_mono_ns;
	to->pid_start = m->pid_start;
	to->duration_ns = m->duration_ns;
}

static guint32 thread_index(PprofDecode *d, guint32 tid, guint64 start_ns)
{
	guint32 owner = d->owners->len;
	guint64 key = (start_ns + owner * 0xff51afd7ed558ccdull) *
		      0x9e3779b97f4a7c15ull ^ tid;
	gpointer found;
	ProfileThread row = { .process = owner, .tid = (gint32)tid,
			      .start_ns = start_ns };

	if (g_hash_table_lookup_extended(d->threads, &key, NULL, &found))
		return GPOINTER_TO_UINT(found);
	g_array_append_val(d->p->threads, row);
	g_hash_table_insert(d->threads, key64(key),
			    GUINT_TO_POINTER(d->p->threads->len - 1));
	return d->p->threads->len - 1;
}

static void take_thread(PprofDecode *d, const Field *f)
{
	Profagent__Thread *m = unpack(d, &profagent__thread__descriptor, f);
	ProfileThread *row;
	guint32 at;

	if (!m)
		return;
	at = thread_index(d, m->tid, m->start_ns);
	row = profile_at(d->p->threads, ProfileThread, at);
	if (m->name[0])
		row->name = text(d, m->name);
	row->start_routine = m->start_routine;
	row->end_ns = m->end_ns;
	row->cpu_ns = m->cpu_ns;
	row->sampled_ns = m->sampled_ns;
}

static void take_counts(guint64 to[16], Profagent__Count **counts, gsize n)
{
	gsize i;

	for (i = 0; i < n; i++)
		if (counts[i]->what < 16)
			to[counts[i]->what] = counts[i]->n;
}

/* A number that a later message repeats, or does not have at all. */
static void replace(guint64 *to, guint64 value)
{
	if (value != 0)
		*to = value;
}

static void take_health(PprofDecode *d, const Field *f)
{
	Profagent__Health *m = unpack(d, &profagent__health__descriptor, f);
	ProfileProcess *to = &d->process;
	gsize i;

	if (!m)
		return;
	replace(&to->samples, m->samples);
	replace(&to->expirations, m->expirations);
	take_counts(to->lost, m->lost, m->n_lost);
	take_counts(to->truncated, m->truncated, m->n_truncated);
	replace(&to->asked_mhz, m->asked_mhz);
	if (m->clock[0])
		to->clock = text(d, m->clock);
	if (m->unwind[0])
		to->unwind = text(d, m->unwind);
	if (m->signal)
		to->signal = (gint32)m->signal;
	replace(&to->handler_ns, m->handler_ns);
	replace(&to->flusher_cpu_ns, m->flusher_cpu_ns);
	replace(&to->threads, m->threads);
	replace(&to->cpu_ns, m->cpu_ns);
	replace(&to->sampled_ns, m->sampled_ns);
	replace(&to->flushes, m->flushes);
	replace(&to->memory, m->memory);
	to->done |= m->done != 0;
	for (i = 0; i < m->n_note && d->notes->len < NOTES_MAX; i++)
		if (!g_ptr_array_find_with_equal_func(d->notes, m->note[i],
						      g_str_equal, NULL))
			g_ptr_array_add(d->notes, g_strdup(m->note[i]));
}

static void take_ring(PprofDecode *d, const Field *f)
{
	Profagent__Ring *m = unpack(d, &profagent__ring__descriptor, f);

	if (m)
		g_hash_table_replace(d->rings,
				     key64((guint64)m->slot << 32 |
					   m->generation),
				     key64(m->position));
}

static void take_unload(PprofDecode *d, const Field *f)
{
	Profagent__Unload *m = unpack(d, &profagent__unload__descriptor, f);

	if (m) {
		RawUnload row = { m->mapping, m->ns };

		g_array_append_val(d->unloads, row);
	}
}

/* A damaged file may bring any number of them. */
#define SPANS_MAX 4096u

static void take_span(PprofDecode *d, const Field *f)
{
	Profagent__Span *m = unpack(d, &profagent__span__descriptor, f);
	ProfileSpan row = { 0 };
	guint64 at = G_MAXUINT64;
	gsize i;

	if (!m || m->number > SPANS_MAX)
		return;
	row.number = m->number;
	g_strlcpy(row.name, m->name, sizeof(row.name));
	row.sum_ns = m->sum_ns;
	row.max_ns = m->max_ns;
	for (i = 0; i + 1 < m->n_buckets; i += 2) {
		at += m->buckets[i];
		if (at >= HISTOGRAM_BUCKETS)
			break;
		row.counts[at] = m->buckets[i + 1];
		row.count += m->buckets[i + 1];
	}
	profile_put_span(&d->spans, &row);
}

/* --- dispatch ------------------------------------------------------------------ */

static const struct {
	guint32 number;
	void (*take)(PprofDecode *d, const Field *f);
} messages[] = {
	{ PPROF_SAMPLE, take_sample },
	{ PPROF_LOCATION, take_location },
	{ PPROF_STRING_TABLE, take_string },
	{ PPROF_FUNCTION, take_function },
	{ PPROF_MAPPING, take_mapping },
	{ PPROF_RING, take_ring },
	{ PPROF_THREAD, take_thread },
	{ PPROF_SAMPLE_TYPE, take_sample_type },
	{ PPROF_PERIOD_TYPE, take_period_type },
	{ PPROF_PROCESS, take_process },
	{ PPROF_HEALTH, take_health },
	{ PPROF_UNLOAD, take_unload },
	{ PPROF_SPAN, take_span },
};

static void take_number(PprofDecode *d, const Field *f)
{
	if (f->number == PPROF_TIME_NANOS)
		d->time_nanos = (gint64)f->value;
	else if (f->number == PPROF_DURATION_NANOS)
		d->duration_nanos = (gint64)f->value;
	else if (f->number == PPROF_PERIOD)
		d->period = (gint64)f->value;
	else if (f->number == PPROF_DEFAULT_SAMPLE_TYPE)
		d->default_type = f->value;
}

void pprof_decode_field(PprofDecode *d, const Field *field)
{
	gsize i;

	if (!field->bytes) {
		take_number(d, field);
		return;
	}
	for (i = 0; i < G_N_ELEMENTS(messages); i++)
		if (messages[i].number == field->number) {
			messages[i].take(d, field);
			break;
		}
	bump_clear(&d->bump);
}
