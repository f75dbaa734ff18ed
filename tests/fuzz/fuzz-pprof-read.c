/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a profile: read, walked as every view walks it, and written
 * again. libFuzzer's entry; `make fuzz` builds and runs it.
 *
 * The first byte chooses: 0 the rest is a file as it lies, 1 it is wrapped in a
 * gzip member first, so that what is inside is reached, 2 a few places are too
 * many to be looked at.
 */
#include <gio/gio.h>
#include <stdint.h>
#include <string.h>

#include "tools/calltree.h"
#include "tools/pprof-read.h"
#include "tools/pprof-write.h"

#define CROWD 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static GBytes *wrap(const uint8_t *data, size_t size)
{
	g_autoptr(GZlibCompressor) gzip = g_zlib_compressor_new(
		G_ZLIB_COMPRESSOR_FORMAT_GZIP, 1);
	g_autoptr(GOutputStream) memory =
		g_memory_output_stream_new_resizable();
	g_autoptr(GOutputStream) out = g_converter_output_stream_new(
		memory, G_CONVERTER(gzip));

	g_output_stream_write_all(out, data, size, NULL, NULL, NULL);
	g_output_stream_close(out, NULL, NULL);
	return g_memory_output_stream_steal_as_bytes(
		G_MEMORY_OUTPUT_STREAM(memory));
}

static void walk(Profile *p)
{
	CalltreeOptions o = { .by = CALLTREE_BY_LINE };

	for (o.type = 0; o.type < p->type_count; o.type++) {
		g_autoptr(Calltree) t = calltree_new(p, &o);

		o.inverted = !o.inverted;
		o.by = (CalltreeBy)((o.by + 1) % CALLTREE_BY_LABEL);
	}
}

/* What was written must be readable. */
static void write_and_read(Profile *p)
{
	g_autoptr(GOutputStream) memory =
		g_memory_output_stream_new_resizable();
	g_autoptr(Profile) q = profile_new();
	g_autoptr(GBytes) bytes = NULL;
	gconstpointer data;
	gsize size;

	if (!pprof_write_stream(p, memory, NULL))
		g_error("a profile that was read cannot be written");
	g_output_stream_close(memory, NULL, NULL);
	bytes = g_memory_output_stream_steal_as_bytes(
		G_MEMORY_OUTPUT_STREAM(memory));
	data = g_bytes_get_data(bytes, &size);
	if (!pprof_read_bytes(q, "again", data, size, PPROF_READ_NO_REGION,
			      NULL))
		g_error("a profile that was written cannot be read");
	if (q->samples->len > p->samples->len)
		g_error("samples became more by writing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GBytes) wrapped = NULL;
	gconstpointer bytes = data + 1;
	gsize length = size - 1;

	if (size == 0)
		return 0;
	if (data[0] == 1) {
		wrapped = wrap(bytes, length);
		bytes = g_bytes_get_data(wrapped, &length);
	}
	if (data[0] == 2 ? !pprof_read_crowd(p, "fuzz", bytes, length, CROWD,
					     NULL)
			 : !pprof_read_bytes(p, "fuzz", bytes, length,
					     PPROF_READ_NO_REGION, NULL))
		return 0;
	walk(p);
	write_and_read(p);
	return 0;
}
