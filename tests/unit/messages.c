/* SPDX-License-Identifier: MIT */
/* messages: see messages.h. */
#include "tests/unit/messages.h"

#include <gio/gio.h>
#include <string.h>

#include "agent/pprof.h"

void messages_init(Messages *m)
{
	*m = (Messages){
		.bytes = g_byte_array_new(),
		.strings = g_ptr_array_new_with_free_func(g_free),
	};
}

void messages_release(Messages *m)
{
	g_byte_array_unref(m->bytes);
	g_ptr_array_unref(m->strings);
}

static void varint(Messages *m, guint64 value)
{
	guint8 byte;

	do {
		byte = (guint8)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		g_byte_array_append(m->bytes, &byte, 1);
		value >>= 7;
	} while (value != 0);
}

static void put_string(Messages *m, const char *s)
{
	varint(m, PPROF_STRING_TABLE << 3 | 2);
	varint(m, strlen(s));
	g_byte_array_append(m->bytes, (const guint8 *)s, (guint)strlen(s));
}

gint64 messages_string(Messages *m, const char *s)
{
	guint at;

	if (m->strings->len == 0 && *s)
		messages_string(m, "");
	if (g_ptr_array_find_with_equal_func(m->strings, s, g_str_equal, &at))
		return at;
	g_ptr_array_add(m->strings, g_strdup(s));
	if (!m->later)
		put_string(m, s);
	return m->strings->len - 1;
}

void messages_strings(Messages *m)
{
	guint i;

	for (i = 0; i < m->strings->len; i++)
		put_string(m, m->strings->pdata[i]);
}

void messages_add(Messages *m, guint field, const void *message)
{
	gsize size = protobuf_c_message_get_packed_size(message);
	guint at;

	varint(m, field << 3 | 2);
	varint(m, size);
	at = m->bytes->len;
	g_byte_array_set_size(m->bytes, at + (guint)size);
	protobuf_c_message_pack(message, m->bytes->data + at);
}

void messages_number(Messages *m, guint field, guint64 value)
{
	varint(m, field << 3);
	varint(m, value);
}

void messages_type(Messages *m, const char *type, const char *unit)
{
	Profagent__ValueType t = PROFAGENT__VALUE_TYPE__INIT;

	t.type = messages_string(m, type);
	t.unit = messages_string(m, unit);
	messages_add(m, PPROF_SAMPLE_TYPE, &t);
}

void messages_head(Messages *m)
{
	messages_type(m, "samples", "count");
	messages_type(m, "cpu", "nanoseconds");
	messages_number(m, PPROF_PERIOD, 10000000);
	messages_number(m, PPROF_TIME_NANOS, 1700000000000000000);
}

void messages_process(Messages *m, const char *run_id, guint32 part)
{
	Profagent__Process p = PROFAGENT__PROCESS__INIT;
	char *command[] = { (char *)"./app", (char *)"an argument" };

	p.pid = 4711;
	p.run_id = (char *)(guintptr)run_id;
	p.program = (char *)"app";
	p.command = command;
	p.n_command = 2;
	p.part = part;
	p.start_unix_ns = 1700000000000000000;
	p.start_mono_ns = 5000000000;
	messages_add(m, PPROF_PROCESS, &p);
}

void messages_mapping(Messages *m, guint64 id, guint64 start, guint64 end,
		      const char *path)
{
	Profagent__Mapping row = PROFAGENT__MAPPING__INIT;

	row.id = id;
	row.memory_start = start;
	row.memory_limit = end;
	row.filename = messages_string(m, path);
	messages_add(m, PPROF_MAPPING, &row);
}

void messages_function(Messages *m, guint64 id, const char *name)
{
	Profagent__Function row = PROFAGENT__FUNCTION__INIT;

	row.id = id;
	row.name = messages_string(m, name);
	row.filename = messages_string(m, "/src/app.c");
	row.start_line = (gint64)id * 10;
	messages_add(m, PPROF_FUNCTION, &row);
}

void messages_location(Messages *m, guint64 id, guint64 mapping,
		       guint64 address, const guint64 *functions)
{
	Profagent__Location row = PROFAGENT__LOCATION__INIT;
	Profagent__Line lines[8], *at[8];
	guint n;

	for (n = 0; functions && functions[n]; n++) {
		profagent__line__init(&lines[n]);
		lines[n].function_id = functions[n];
		lines[n].line = (gint64)(functions[n] * 10 + 1);
		at[n] = &lines[n];
	}
	row.id = id;
	row.mapping_id = mapping;
	row.address = address;
	row.line = at;
	row.n_line = n;
	messages_add(m, PPROF_LOCATION, &row);
}

void messages_sample(Messages *m, const guint64 *locations, gint64 count,
		     gint64 cpu_ns, const char *thread, gint64 tid)
{
	Profagent__Sample row = PROFAGENT__SAMPLE__INIT;
	Profagent__Label name = PROFAGENT__LABEL__INIT;
	Profagent__Label number = PROFAGENT__LABEL__INIT;
	Profagent__Label *labels[] = { &name, &number };
	gint64 values[] = { count, cpu_ns };

	if (thread) {
		name.key = messages_string(m, "thread");
		name.str = messages_string(m, thread);
		number.key = messages_string(m, "tid");
		number.num = tid;
		row.label = labels;
		row.n_label = 2;
	}
	row.location_id = (guint64 *)(guintptr)locations;
	while (locations[row.n_location_id])
		row.n_location_id++;
	row.value = values;
	row.n_value = 2;
	messages_add(m, PPROF_SAMPLE, &row);
}

GByteArray *messages_gzip(const guint8 *data, gsize size)
{
	g_autoptr(GZlibCompressor) gzip = g_zlib_compressor_new(
		G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1);
	g_autoptr(GOutputStream) memory =
		g_memory_output_stream_new_resizable();
	g_autoptr(GOutputStream) out = g_converter_output_stream_new(
		memory, G_CONVERTER(gzip));
	g_autoptr(GBytes) bytes = NULL;

	g_output_stream_write_all(out, data, size, NULL, NULL, NULL);
	g_output_stream_close(out, NULL, NULL);
	bytes = g_memory_output_stream_steal_as_bytes(
		G_MEMORY_OUTPUT_STREAM(memory));
	return g_bytes_unref_to_array(g_steal_pointer(&bytes));
}

GByteArray *messages_take_member(Messages *m)
{
	GByteArray *member = messages_gzip(m->bytes->data, m->bytes->len);

	g_byte_array_set_size(m->bytes, 0);
	return member;
}

void messages_small(Messages *m)
{
	messages_head(m);
	messages_mapping(m, 1, 0x1000, 0x9000, "/usr/bin/app");
	messages_function(m, 1, "main");
	messages_function(m, 2, "work");
	messages_function(m, 3, "idle");
	messages_location(m, 1, 1, 0x1100, (guint64[]){ 1, 0 });
	messages_location(m, 2, 1, 0x1200, (guint64[]){ 2, 0 });
	messages_location(m, 3, 1, 0x1300, (guint64[]){ 3, 0 });
	messages_sample(m, (guint64[]){ 2, 1, 0 }, 3, 30000000, "one", 101);
	messages_sample(m, (guint64[]){ 3, 1, 0 }, 1, 10000000, "two", 102);
}
