/* SPDX-License-Identifier: MIT */
/* import-feed: see import-feed.h. Messages are packed by protobuf-c. */
#include "tools/import-feed.h"

#include <string.h>

#include "agent/pprof.h"
#include "tools/demangle.h"
#include "tools/profile.pb-c.h"
#include "tools/short-name.h"
#include "tools/texthash.h"

#define LABELS_MAX 3	/* thread, tid, pid */

static void put_bytes(ImportFeed *f, guint number, const void *bytes,
		      gsize size)
{
	const Field field = { number, 0, bytes, size };

	pprof_decode_field(f->decode, &field);
}

static void put_number(ImportFeed *f, guint number, guint64 value)
{
	const Field field = { number, value, NULL, 0 };

	pprof_decode_field(f->decode, &field);
}

static void put_message(ImportFeed *f, guint number, const void *message)
{
	gsize size = protobuf_c_message_get_packed_size(message);

	g_byte_array_set_size(f->packed, (guint)size + 1);
	protobuf_c_message_pack(message, f->packed->data);
	put_bytes(f, number, f->packed->data, size);
}

static gint64 string_number(ImportFeed *f, const char *s)
{
	gpointer known;

	if (g_hash_table_lookup_extended(f->strings, s, NULL, &known))
		return GPOINTER_TO_UINT(known);
	put_bytes(f, PPROF_STRING_TABLE, s, strlen(s));
	g_hash_table_insert(f->strings, g_string_chunk_insert(f->keys, s),
			    GUINT_TO_POINTER(f->string_count));
	return f->string_count++;
}

void import_feed_init(ImportFeed *f, PprofDecode *decode)
{
	memset(f, 0, sizeof(*f));
	f->decode = decode;
	f->strings = g_hash_table_new(texthash, g_str_equal);
	f->mappings = g_hash_table_new(texthash, g_str_equal);
	f->locations = g_hash_table_new(texthash, g_str_equal);
	f->functions = g_hash_table_new(texthash, g_str_equal);
	f->keys = g_string_chunk_new(64 * 1024);
	f->packed = g_byte_array_new();
	string_number(f, "");
	import_feed_type(f, "samples", "count");
}

void import_feed_release(ImportFeed *f)
{
	g_hash_table_destroy(f->strings);
	g_hash_table_destroy(f->mappings);
	g_hash_table_destroy(f->locations);
	g_hash_table_destroy(f->functions);
	g_string_chunk_free(f->keys);
	g_byte_array_unref(f->packed);
}

gint import_feed_type(ImportFeed *f, const char *type, const char *unit)
{
	Profagent__ValueType m = PROFAGENT__VALUE_TYPE__INIT;
	guint i;

	m.type = string_number(f, type);
	m.unit = string_number(f, unit);
	for (i = 0; i < f->types; i++)
		if (g_array_index(f->decode->types, RawValueType, i).type ==
		    (guint64)m.type)
			return (gint)i;
	if (f->types == PROFILE_VALUES_MAX)
		return -1;
	put_message(f, PPROF_SAMPLE_TYPE, &m);
	if (f->types == 1)
		put_number(f, PPROF_DEFAULT_SAMPLE_TYPE, (guint64)m.type);
	return (gint)f->types++;
}

guint64 import_feed_mapping(ImportFeed *f, const char *path, guint64 start,
			    guint64 end, guint64 offset)
{
	Profagent__Mapping m = PROFAGENT__MAPPING__INIT;

	m.id = ++f->mapping_count;
	m.memory_start = start;
	m.memory_limit = end;
	m.file_offset = offset;
	m.filename = string_number(f, path);
	put_message(f, PPROF_MAPPING, &m);
	return m.id;
}

guint64 import_feed_module(ImportFeed *f, const char *path)
{
	gpointer known = g_hash_table_lookup(f->mappings, path);
	guint64 id;

	if (known)
		return GPOINTER_TO_UINT(known);
	if (!*path)
		return 0;
	id = import_feed_mapping(f, path, 0, 0, 0);
	g_hash_table_insert(f->mappings, g_string_chunk_insert(f->keys, path),
			    GUINT_TO_POINTER((guint)id));
	return id;
}

static guint64 function_id(ImportFeed *f, const char *name)
{
	Profagent__Function m = PROFAGENT__FUNCTION__INIT;
	gpointer known = g_hash_table_lookup(f->functions, name);
	g_autofree char *plain = NULL;

	if (known)
		return GPOINTER_TO_UINT(known);
	plain = demangle_name(name, FALSE);
	if (!plain)
		plain = short_name(name);	/* demangled in full */
	m.id = g_hash_table_size(f->functions) + 1;
	m.name = string_number(f, plain);
	m.system_name = string_number(f, name);
	put_message(f, PPROF_FUNCTION, &m);
	g_hash_table_insert(f->functions, g_string_chunk_insert(f->keys, name),
			    GUINT_TO_POINTER((guint)m.id));
	return m.id;
}

guint64 import_feed_find(const ImportFeed *f, const char *key)
{
	return GPOINTER_TO_UINT(g_hash_table_lookup(f->locations, key));
}

static guint64 put_location(ImportFeed *f, const char *key,
			    Profagent__Location *m)
{
	m->id = ++f->location_count;
	put_message(f, PPROF_LOCATION, m);
	g_hash_table_insert(f->locations, g_string_chunk_insert(f->keys, key),
			    GUINT_TO_POINTER(f->location_count));
	return m->id;
}

guint64 import_feed_name(ImportFeed *f, const char *key, const char *name,
			 guint64 address, guint64 module)
{
	Profagent__Location m = PROFAGENT__LOCATION__INIT;
	Profagent__Line line = PROFAGENT__LINE__INIT, *lines = &line;

	line.function_id = function_id(f, name);
	m.address = address;
	m.mapping_id = module;
	m.n_line = 1;
	m.line = &lines;
	return put_location(f, key, &m);
}

guint64 import_feed_address(ImportFeed *f, const char *key, guint64 address,
			    guint64 mapping)
{
	Profagent__Location m = PROFAGENT__LOCATION__INIT;

	m.address = address;
	m.mapping_id = mapping;
	return put_location(f, key, &m);
}

/* --- samples --------------------------------------------------------------- */

static gsize make_labels(ImportFeed *f, const ImportSample *s,
			 Profagent__Label *labels)
{
	gsize n = 0;

	for (gsize i = 0; i < LABELS_MAX; i++)
		profagent__label__init(&labels[i]);
	if (s->thread && *s->thread) {
		labels[n].key = string_number(f, "thread");
		labels[n++].str = string_number(f, s->thread);
	}
	if (s->tid != 0) {
		labels[n].key = string_number(f, "tid");
		labels[n++].num = s->tid;
	}
	if (s->pid != 0) {
		labels[n].key = string_number(f, "pid");
		labels[n++].num = s->pid;
	}
	return n;
}

void import_feed_sample(ImportFeed *f, const ImportSample *s)
{
	Profagent__Sample m = PROFAGENT__SAMPLE__INIT;
	Profagent__Label labels[LABELS_MAX], *pointers[LABELS_MAX];
	gint64 value[PROFILE_VALUES_MAX];
	guint64 ids = (guint64)(guintptr)s->locations, us = s->time_ns / 1000;

	memcpy(value, s->value, sizeof(value));
	m.n_label = make_labels(f, s, labels);
	for (gsize i = 0; i < m.n_label; i++)
		pointers[i] = &labels[i];
	m.label = pointers;
	m.location_id = (guint64 *)(guintptr)ids;
	m.n_location_id = s->count;
	m.value = value;
	m.n_value = f->types;
	/* a moment without a weight would be none */
	if (s->has_time && pprof_decode_weighed(value, f->types) != 0) {
		m.times = &us;
		m.n_times = 1;
	}
	put_message(f, PPROF_SAMPLE, &m);
	f->samples++;
}

void import_feed_duration(ImportFeed *f, guint64 ns)
{
	put_number(f, PPROF_DURATION_NANOS, ns);
}

void import_feed_period(ImportFeed *f, const char *type, const char *unit,
			gint64 period)
{
	Profagent__ValueType m = PROFAGENT__VALUE_TYPE__INIT;

	m.type = string_number(f, type);
	m.unit = string_number(f, unit);
	put_message(f, PPROF_PERIOD_TYPE, &m);
	put_number(f, PPROF_PERIOD, (guint64)period);
}

void import_feed_program(ImportFeed *f, const char *name, gint32 pid)
{
	f->decode->process.program = profile_string(f->decode->p, name, -1);
	f->decode->process.pid = pid;
}
