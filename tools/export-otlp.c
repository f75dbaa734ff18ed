/* SPDX-License-Identifier: MIT */
/*
 * OpenTelemetry's profiles (tools/otlp.proto): a resource a process, a profile a
 * sample type, and one dictionary that all refer to by index. Elements are
 * packed by protobuf-c one by one into the buffer of what they are part of.
 */
#include <string.h>

#include "tools/export.h"
#include "tools/numhash.h"
#include "tools/otlp.pb-c.h"
#include "tools/texthash.h"

/* Numbers of fields that are put together here; the rest is protobuf-c's. */
enum {
	DATA_RESOURCES = 1, DATA_DICTIONARY = 2,
	RESOURCE_RESOURCE = 1, RESOURCE_SCOPES = 2,
	SCOPE_SCOPE = 1, SCOPE_PROFILES = 2,
	PROFILE_SAMPLES = 2,
	TABLE_MAPPINGS = 1, TABLE_LOCATIONS = 2, TABLE_FUNCTIONS = 3,
	TABLE_LINKS = 4, TABLE_STRINGS = 5, TABLE_ATTRIBUTES = 6,
	TABLE_STACKS = 7,
};

typedef struct {
	Profile *p;
	GByteArray *dictionary;		/* the tables but the strings */
	gint32 *string;			/* of the pool: index + 1, 0: not used */
	GPtrArray *strings;		/* const char * of the pool, by index */
	GHashTable *attributes;		/* text of key and value -> index */
	GHashTable *stacks;		/* first frame, count -> index */
	GArray *scratch;		/* gint32 */
	guint pool;			/* strings that `string` has room for */
} Writer;

/* --- bytes ------------------------------------------------------------------- */

static void put_varint(GByteArray *to, guint64 value)
{
	guint8 byte;

	do {
		byte = (guint8)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		g_byte_array_append(to, &byte, 1);
		value >>= 7;
	} while (value != 0);
}

static void put_bytes(GByteArray *to, guint field, const void *data,
		      gsize size)
{
	put_varint(to, field << 3 | 2);
	put_varint(to, size);
	g_byte_array_append(to, data, (guint)size);
}

static void append_message(GByteArray *to, const void *message)
{
	guint at = to->len;

	g_byte_array_set_size(to, at + (guint)
			      protobuf_c_message_get_packed_size(message));
	protobuf_c_message_pack(message, to->data + at);
}

static void put_message(GByteArray *to, guint field, const void *message)
{
	put_varint(to, field << 3 | 2);
	put_varint(to, protobuf_c_message_get_packed_size(message));
	append_message(to, message);
}

/* A message that is whole, into the one it is part of; then it begins anew. */
static void put_buffer(GByteArray *to, guint field, GByteArray *part)
{
	put_bytes(to, field, part->data, part->len);
	g_byte_array_set_size(part, 0);
}

/* --- strings and attributes ---------------------------------------------------- */

static gint32 string_index(Writer *w, ProfileString s)
{
	if (s >= w->pool)
		return 0;
	if (w->string[s] == 0) {
		g_ptr_array_add(w->strings, (gpointer)(guintptr)
				profile_text(w->p, s));
		w->string[s] = (gint32)w->strings->len;
	}
	return w->string[s] - 1;
}

/* A row of the table of attributes; `text` 0: it is the number. */
static gint32 attribute_index(Writer *w, ProfileString key, ProfileString text,
			      gint64 number, ProfileString unit)
{
	Otlp__KeyValueAndUnit m = OTLP__KEY_VALUE_AND_UNIT__INIT;
	Otlp__AnyValue value = OTLP__ANY_VALUE__INIT;
	char *id = g_strdup_printf("%u %u %" G_GINT64_FORMAT " %u", key, text,
				   number, unit);
	gpointer known = g_hash_table_lookup(w->attributes, id);

	if (known) {
		g_free(id);
		return GPOINTER_TO_INT(known);
	}
	m.key_strindex = string_index(w, key);
	m.unit_strindex = string_index(w, unit);
	m.value = &value;
	value.value_case = text ? OTLP__ANY_VALUE__VALUE_STRING_VALUE
				: OTLP__ANY_VALUE__VALUE_INT_VALUE;
	if (text)
		value.string_value = (char *)(guintptr)profile_text(w->p,
								    text);
	else
		value.int_value = number;
	put_message(w->dictionary, TABLE_ATTRIBUTES, &m);
	g_hash_table_insert(w->attributes, id, GINT_TO_POINTER(
		(gint)g_hash_table_size(w->attributes) + 1));
	return (gint32)g_hash_table_size(w->attributes);
}

/* Keys of OpenTelemetry's semantic conventions, interned in advance. */
static const char *const keys[] = {
	"thread.name", "thread.id", "process.executable.build_id.gnu",
};

static ProfileString key_of(Writer *w, guint which)
{
	return profile_string(w->p, keys[which], -1);
}

/* --- tables -------------------------------------------------------------------- */

static gint32 index_of(guint32 row)
{
	return row == PROFILE_NONE ? 0 : (gint32)row + 1;
}

static void put_mappings(Writer *w)
{
	Otlp__Mapping none = OTLP__MAPPING__INIT;

	put_message(w->dictionary, TABLE_MAPPINGS, &none);
	for (guint i = 0; i < w->p->mappings->len; i++) {
		const ProfileMapping *row = profile_at(w->p->mappings,
						       ProfileMapping, i);
		Otlp__Mapping m = OTLP__MAPPING__INIT;
		gint32 build_id;

		m.memory_start = row->start;
		m.memory_limit = row->end;
		m.file_offset = row->offset;
		m.filename_strindex = string_index(w, row->path);
		if (row->build_id != 0) {
			build_id = attribute_index(w, key_of(w, 2),
						   row->build_id, 0, 0);
			m.attribute_indices = &build_id;
			m.n_attribute_indices = 1;
		}
		put_message(w->dictionary, TABLE_MAPPINGS, &m);
	}
}

static void put_functions(Writer *w)
{
	Otlp__Function none = OTLP__FUNCTION__INIT;

	put_message(w->dictionary, TABLE_FUNCTIONS, &none);
	for (guint i = 0; i < w->p->functions->len; i++) {
		const ProfileFunction *row = profile_at(w->p->functions,
							ProfileFunction, i);
		Otlp__Function m = OTLP__FUNCTION__INIT;

		m.name_strindex = string_index(w, row->name);
		m.system_name_strindex = string_index(w, row->system_name);
		m.filename_strindex = string_index(w, row->file);
		m.start_line = row->start_line;
		put_message(w->dictionary, TABLE_FUNCTIONS, &m);
	}
}

static void put_location(Writer *w, const ProfileLocation *row)
{
	Otlp__Location m = OTLP__LOCATION__INIT;
	g_autofree Otlp__Line *lines = g_new(Otlp__Line, row->line_count + 1u);
	g_autofree Otlp__Line **at = g_new(Otlp__Line *, row->line_count + 1u);

	for (guint i = 0; i < row->line_count; i++) {
		const ProfileLine *l = profile_at(w->p->lines, ProfileLine,
						  row->first_line + i);

		otlp__line__init(&lines[i]);
		lines[i].function_index = index_of(l->function);
		lines[i].line = l->line;
		at[i] = &lines[i];
	}
	m.mapping_index = index_of(row->mapping);
	m.address = row->address;
	m.lines = at;
	m.n_lines = row->line_count;
	put_message(w->dictionary, TABLE_LOCATIONS, &m);
}

static void put_locations(Writer *w)
{
	const ProfileLocation none = { .mapping = PROFILE_NONE };

	put_location(w, &none);
	for (guint i = 0; i < w->p->locations->len; i++)
		put_location(w, profile_at(w->p->locations, ProfileLocation,
					   i));
}

/* What the tables begin with that have no rows of a Profile's own. */
static void put_empty_rows(Writer *w)
{
	Otlp__Link link = OTLP__LINK__INIT;
	Otlp__KeyValueAndUnit attribute = OTLP__KEY_VALUE_AND_UNIT__INIT;
	Otlp__Stack stack = OTLP__STACK__INIT;

	put_message(w->dictionary, TABLE_LINKS, &link);
	put_message(w->dictionary, TABLE_ATTRIBUTES, &attribute);
	put_message(w->dictionary, TABLE_STACKS, &stack);
}

static gint32 stack_index(Writer *w, const ProfileSample *s)
{
	Otlp__Stack m = OTLP__STACK__INIT;
	guint64 key = (guint64)s->first_frame << 32 | s->frame_count;
	gpointer known = g_hash_table_lookup(w->stacks, &key);

	if (s->frame_count == 0)
		return 0;
	if (known)
		return GPOINTER_TO_INT(known);
	g_array_set_size(w->scratch, 0);
	for (guint32 i = 0; i < s->frame_count; i++) {
		gint32 at = index_of(g_array_index(w->p->frames, guint32,
						   s->first_frame + i));

		g_array_append_val(w->scratch, at);
	}
	m.location_indices = (gint32 *)(gpointer)w->scratch->data;
	m.n_location_indices = w->scratch->len;
	put_message(w->dictionary, TABLE_STACKS, &m);
	g_hash_table_insert(w->stacks, g_memdup2(&key, sizeof(key)),
			    GINT_TO_POINTER((gint)g_hash_table_size(
				    w->stacks) + 1));
	return (gint32)g_hash_table_size(w->stacks);
}

/* --- samples -------------------------------------------------------------------- */

static void collect_attributes(Writer *w, const ProfileSample *s)
{
	gint32 at;

	g_array_set_size(w->scratch, 0);
	if (s->thread != PROFILE_NONE) {
		const ProfileThread *t = profile_at(w->p->threads,
						    ProfileThread, s->thread);

		if (t->name != 0) {
			at = attribute_index(w, key_of(w, 0), t->name, 0, 0);
			g_array_append_val(w->scratch, at);
		}
		if (t->tid != 0) {
			at = attribute_index(w, key_of(w, 1), 0, t->tid, 0);
			g_array_append_val(w->scratch, at);
		}
	}
	for (guint i = 0; i < s->label_count; i++) {
		const ProfileLabel *l = profile_at(w->p->labels, ProfileLabel,
						   s->first_label + i);

		at = attribute_index(w, l->key, l->text, l->number, l->unit);
		g_array_append_val(w->scratch, at);
	}
}

/*
 * Whether the moments of a sample are its value, one by one: OpenTelemetry has a
 * value a time, or one value and no times.
 */
static gboolean has_times(const Writer *w, const ProfileSample *s, guint type)
{
	gint64 sum = 0;

	if (s->moment_count == 0 || type != w->p->default_type ||
	    !w->p->has_base)
		return FALSE;
	for (guint32 i = 0; i < s->moment_count; i++)
		profile_add(&sum, profile_at(w->p->moments, ProfileMoment,
					     s->first_moment + i)->weight_ns);
	return sum == s->value[type];
}

static void put_sample(Writer *w, GByteArray *to, const ProfileSample *s,
		       guint type)
{
	Otlp__Sample m = OTLP__SAMPLE__INIT;
	gboolean timed = has_times(w, s, type);
	guint32 n = timed ? s->moment_count : 1;
	g_autofree gint64 *values = g_new(gint64, n);
	g_autofree guint64 *times = g_new(guint64, n);

	values[0] = s->value[type];
	for (guint32 i = 0; timed && i < n; i++) {
		const ProfileMoment *moment = profile_at(
			w->p->moments, ProfileMoment, s->first_moment + i);

		values[i] = moment->weight_ns;
		times[i] = w->p->base_unix_ns + moment->time_ns;
	}
	m.stack_index = stack_index(w, s);
	collect_attributes(w, s);
	m.attribute_indices = (gint32 *)(gpointer)w->scratch->data;
	m.n_attribute_indices = w->scratch->len;
	m.values = values;
	m.n_values = n;
	m.timestamps_unix_nano = times;
	m.n_timestamps_unix_nano = timed ? n : 0;
	put_message(to, PROFILE_SAMPLES, &m);
}

static void fill_type(Writer *w, Otlp__ValueType *to, const ProfileValueType *t)
{
	otlp__value_type__init(to);
	to->type_strindex = string_index(w, t->type);
	to->unit_strindex = string_index(w, t->unit);
}

/* --- resources -------------------------------------------------------------------- */

static void put_profile(Writer *w, GByteArray *to, guint32 process, guint type)
{
	Otlp__Profile m = OTLP__PROFILE__INIT;
	Otlp__ValueType sample_type, period_type;
	const ProfileProcess *row = profile_at(w->p->processes, ProfileProcess,
					       process);

	fill_type(w, &sample_type, &w->p->type[type]);
	fill_type(w, &period_type, &w->p->period_type);
	m.sample_type = &sample_type;
	m.period_type = &period_type;
	m.period = w->p->period;
	m.time_unix_nano = row->start_unix_ns ? (guint64)row->start_unix_ns
					      : (guint64)w->p->time_nanos;
	m.duration_nano = row->duration_ns;
	append_message(to, &m);
	for (guint i = 0; i < w->p->samples->len; i++) {
		const ProfileSample *s = profile_at(w->p->samples,
						    ProfileSample, i);

		if (s->process == process && s->value[type] != 0)
			put_sample(w, to, s, type);
	}
}

static void put_resource(const Writer *w, GByteArray *to,
			 const ProfileProcess *row)
{
	const struct {
		char *key;
		ProfileString text;
		gint64 number;
	} all[] = {
		{ (char *)"service.name", row->program, 0 },
		{ (char *)"process.executable.path", row->exe, 0 },
		{ (char *)"process.command_line", row->command, 0 },
		{ (char *)"host.name", row->host, 0 },
		{ (char *)"process.pid", 0, row->pid },
		{ (char *)"process.parent_pid", 0, row->ppid },
	};
	Otlp__Resource m = OTLP__RESOURCE__INIT;
	Otlp__KeyValue rows[G_N_ELEMENTS(all)], *at[G_N_ELEMENTS(all)];
	Otlp__AnyValue values[G_N_ELEMENTS(all)];

	m.attributes = at;
	for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
		gsize n = m.n_attributes;

		if (all[i].text == 0 && all[i].number == 0)
			continue;
		otlp__key_value__init(&rows[n]);
		otlp__any_value__init(&values[n]);
		rows[n].key = all[i].key;
		rows[n].value = &values[n];
		values[n].value_case = all[i].text
				? OTLP__ANY_VALUE__VALUE_STRING_VALUE
				: OTLP__ANY_VALUE__VALUE_INT_VALUE;
		if (all[i].text)
			values[n].string_value = (char *)(guintptr)
				profile_text(w->p, all[i].text);
		else
			values[n].int_value = all[i].number;
		at[n] = &rows[n];
		m.n_attributes++;
	}
	put_message(to, RESOURCE_RESOURCE, &m);
}

static void put_process(Writer *w, GByteArray *to, guint32 process)
{
	Otlp__InstrumentationScope scope = OTLP__INSTRUMENTATION_SCOPE__INIT;
	g_autoptr(GByteArray) resource = g_byte_array_new();
	g_autoptr(GByteArray) scopes = g_byte_array_new();
	g_autoptr(GByteArray) profile = g_byte_array_new();

	scope.name = (char *)"profagent";
	scope.version = (char *)PACKAGE_VERSION;
	put_message(scopes, SCOPE_SCOPE, &scope);
	for (guint type = 0; type < w->p->type_count; type++) {
		put_profile(w, profile, process, type);
		put_buffer(scopes, SCOPE_PROFILES, profile);
	}
	put_resource(w, resource, profile_at(w->p->processes, ProfileProcess,
					     process));
	put_buffer(resource, RESOURCE_SCOPES, scopes);
	put_buffer(to, DATA_RESOURCES, resource);
}

/* --- all of it ---------------------------------------------------------------------- */

static void writer_init(Writer *w, Profile *p)
{
	memset(w, 0, sizeof(*w));
	w->p = p;
	for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
		key_of(w, i);
	w->pool = p->strings->len;
	w->string = g_new0(gint32, w->pool);
	w->strings = g_ptr_array_new();
	w->dictionary = g_byte_array_new();
	w->attributes = g_hash_table_new_full(texthash, g_str_equal, g_free,
					      NULL);
	w->stacks = g_hash_table_new_full(numhash, g_int64_equal, g_free,
					  NULL);
	w->scratch = g_array_new(FALSE, FALSE, sizeof(gint32));
	string_index(w, 0);
}

static void writer_release(Writer *w)
{
	g_free(w->string);
	g_ptr_array_unref(w->strings);
	g_byte_array_unref(w->dictionary);
	g_hash_table_destroy(w->attributes);
	g_hash_table_destroy(w->stacks);
	g_array_free(w->scratch, TRUE);
}

gboolean export_otlp(const ExportInput *in, GOutputStream *to, GError **error)
{
	g_autoptr(GByteArray) data = g_byte_array_new();
	gboolean ok;
	Writer w;

	writer_init(&w, in->profile);
	put_empty_rows(&w);
	put_mappings(&w);
	put_functions(&w);
	put_locations(&w);
	for (guint i = 0; i < in->profile->processes->len; i++)
		put_process(&w, data, i);
	for (guint i = 0; i < w.strings->len; i++) {
		const char *s = w.strings->pdata[i];

		put_bytes(w.dictionary, TABLE_STRINGS, s, strlen(s));
	}
	put_buffer(data, DATA_DICTIONARY, w.dictionary);
	ok = g_output_stream_write_all(to, data->data, data->len, NULL, NULL,
				       error);
	writer_release(&w);
	return ok;
}
