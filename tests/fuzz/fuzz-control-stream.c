/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: what comes from an agent's socket. The first byte says in
 * pieces of how many bytes it comes.
 */
#include <stdint.h>

#include "tools/control-stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* FALSE when nothing more is to be expected. */
static gboolean take_all(ControlStream *s)
{
	for (;;) {
		g_autoptr(JsonObject) answer = NULL;
		g_autoptr(GBytes) fragment = NULL;
		g_autoptr(GError) error = NULL;

		switch (control_stream_next(s, &answer, &fragment, &error)) {
		case CONTROL_STREAM_MORE:
			return TRUE;
		case CONTROL_STREAM_BROKEN:
			g_assert_nonnull(error);
			return FALSE;
		case CONTROL_STREAM_MEMBER:
			g_assert_nonnull(fragment);
			break;
		case CONTROL_STREAM_ANSWER:
			g_assert_nonnull(answer);
			control_stream_number(answer, "pid");
			control_stream_text(answer, "error");
			break;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ControlStream s;
	gsize piece, n;

	if (size == 0)
		return 0;
	piece = data[0] + (gsize)1;
	control_stream_init(&s);
	for (data++, size--; size > 0; data += n, size -= n) {
		n = MIN(piece, size);
		control_stream_push(&s, data, n);
		if (!take_all(&s))
			break;
	}
	control_stream_release(&s);
	return 0;
}
