/* SPDX-License-Identifier: MIT */
/* import-source: see import-source.h. One buffer, grown up to a line's bound. */
#include "tools/import-source.h"

#include <string.h>

#define ROOM (256u * 1024u)
#define ROOM_MAX (IMPORT_LINE_MAX + 1)	/* with the end of the line */

void import_source_init(ImportSource *s, GzipStream *stream)
{
	memset(s, 0, sizeof(*s));
	s->stream = stream;
	s->room = ROOM;
	s->data = g_malloc(s->room + 1);
}

void import_source_release(ImportSource *s)
{
	g_free(s->data);
}

static void make_room(ImportSource *s)
{
	if (s->begin > 0) {
		memmove(s->data, s->data + s->begin, s->end - s->begin);
		s->end -= s->begin;
		s->begin = 0;
	}
	if (s->end == s->room && s->room < ROOM_MAX) {
		s->room = MIN(s->room * 2, ROOM_MAX);
		s->data = g_realloc(s->data, s->room + 1);
	}
}

/* More bytes behind those that are held. FALSE: there are none, or an error. */
static gboolean refill(ImportSource *s, GError **error)
{
	GzipStreamEvent event;
	gsize size;

	make_room(s);
	while (!s->at_end && s->end < s->room) {
		size = s->room - s->end;
		event = gzip_stream_next(s->stream, s->data + s->end, &size,
					 error);
		if (event == GZIP_STREAM_FAILED)
			return FALSE;
		s->torn |= event == GZIP_STREAM_TORN ||
			   event == GZIP_STREAM_DAMAGED;
		s->at_end = event == GZIP_STREAM_END;
		s->end += size;
		s->bytes += size;
		if (s->check && !s->check(s->check_data, s->bytes, error))
			return FALSE;
		if (size > 0)
			return TRUE;
	}
	return FALSE;
}

/* What is held, up to `size` bytes of it and `skip` behind them, as a line. */
static char *take(ImportSource *s, gsize size, gsize skip)
{
	char *line = (char *)s->data + s->begin;

	line[size] = '\0';
	s->begin += size + skip;
	return line;
}

/* Drops what follows of a line that is too long. */
static gboolean pass_rest(ImportSource *s, GError **error)
{
	guint8 *found;

	for (;;) {
		found = memchr(s->data + s->begin, '\n', s->end - s->begin);
		if (found) {
			s->begin = (gsize)(found - s->data) + 1;
			s->cutting = FALSE;
			return TRUE;
		}
		s->begin = s->end;
		if (!refill(s, error))
			return FALSE;
	}
}

char *import_source_line(ImportSource *s, gsize *size, GError **error)
{
	GError *local = NULL;
	gsize seen = 0;
	guint8 *found;

	if (s->cutting && !pass_rest(s, error))
		return NULL;
	for (;;) {
		gsize held = s->end - s->begin;

		found = memchr(s->data + s->begin + seen, '\n', held - seen);
		if (found) {
			*size = (gsize)(found - s->data) - s->begin;
			return take(s, *size, 1);
		}
		seen = held;
		if (held > IMPORT_LINE_MAX) {
			s->cut++;
			s->cutting = TRUE;
			*size = IMPORT_LINE_MAX;
			return take(s, *size, 0);
		}
		if (refill(s, &local))
			continue;
		if (local) {
			g_propagate_error(error, local);
			return NULL;
		}
		*size = held;
		return held > 0 ? take(s, held, 0) : NULL;
	}
}

const guint8 *import_source_bytes(ImportSource *s, gsize size, GError **error)
{
	const guint8 *at;

	g_assert(size <= IMPORT_LINE_MAX);
	while (s->end - s->begin < size)
		if (!refill(s, error))
			return NULL;
	at = s->data + s->begin;
	s->begin += size;
	return at;
}
