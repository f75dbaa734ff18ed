/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: what other tools wrote. The first byte says how the rest
 * is read: 0 by what it looks like, 1 to 3 as that format whatever it looks
 * like.
 */
#include <stdint.h>
#include <string.h>

#include "tools/import.h"
#include "tools/pprof-read.h"

typedef gboolean (*Read)(ImportSource *from, ImportFeed *to, GError **error);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as(Read read, GzipStreamBytes *in)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GzipStream) stream = gzip_stream_new(gzip_stream_read_bytes, in);
	g_autoptr(GError) error = NULL;
	PprofDecode decode;
	ImportSource from;
	ImportFeed to;

	pprof_decode_init(&decode, p, PPROF_READ_NO_REGION);
	import_source_init(&from, stream);
	import_feed_init(&to, &decode);
	if (!read(&from, &to, &error)) {
		g_assert_nonnull(error);
		pprof_decode_undo(&decode);
	} else if (pprof_decode_finish(&decode, "fuzz", NULL, NULL) ==
		   PROFILE_NONE) {
		g_assert_cmpuint(p->samples->len, ==, 0);
	}
	import_feed_release(&to);
	import_source_release(&from);
	pprof_decode_release(&decode);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const Read reads[] = {
		NULL, import_folded_read, import_perf_read,
		import_gperftools_read,
	};
	GzipStreamBytes in = { data + 1, size - 1 };
	Read read;

	if (size == 0)
		return 0;
	read = reads[data[0] % G_N_ELEMENTS(reads)];
	if (read) {
		read_as(read, &in);
	} else {
		g_autoptr(Profile) p = profile_new();

		pprof_read_bytes(p, "fuzz", in.data, in.size,
				 PPROF_READ_NO_REGION, NULL);
	}
	return 0;
}
