/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: a sequence of gzip members, whole, torn and damaged. The
 * first byte says how much room there is for what is inside. At most 4 MiB are
 * taken out: that nothing is kept of them is gzip-stream's to see to.
 */
#include <stdint.h>
#include <string.h>

#include "tools/gzip-stream.h"

#define OUTPUT_MAX (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GzipStreamBytes in = { data + 1, size - 1 };
	g_autoptr(GzipStream) s = NULL;
	g_autofree guint8 *to = NULL;
	gsize room, taken = 0;

	if (size == 0)
		return 0;
	room = 1 + (gsize)data[0] * 64;
	to = g_malloc(room);
	s = gzip_stream_new(gzip_stream_read_bytes, &in);
	while (taken < OUTPUT_MAX) {
		gsize got = room;
		GzipStreamEvent event = gzip_stream_next(s, to, &got, NULL);

		g_assert_cmpuint(got, <=, room);
		g_assert_cmpuint(gzip_stream_consumed(s), <=, in.size);
		taken += got;
		if (event == GZIP_STREAM_END || event == GZIP_STREAM_FAILED ||
		    event == GZIP_STREAM_JUNK)
			break;
	}
	return 0;
}
