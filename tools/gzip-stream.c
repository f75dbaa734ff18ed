/* SPDX-License-Identifier: MIT */
/*
 * gzip-stream: see gzip-stream.h. zlib inflates; what is ours is going on
 * behind a damaged member.
 */
#define ZLIB_CONST	/* next_in points to const */
#include "tools/gzip-stream.h"

#include <string.h>
#include <zlib.h>

#define CHUNK (256u * 1024u)
#define GZIP_ONLY (15 + 16)	/* inflateInit2: largest window, gzip header */
/* Searching again is bounded: a hostile file could nest headers. */
#define RESYNCS_MAX 64

enum state { START, RAW, BETWEEN, INSIDE, AFTER };

struct _GzipStream {
	GzipStreamRead read;
	gpointer source;
	enum state state;
	z_stream z;
	guint8 *chunk;
	guint64 offset;			/* of the input behind chunk */
	guint64 member_at;		/* where the member begins */
	guint members, resyncs;
	gboolean at_end;		/* no input behind chunk */
};

gssize gzip_stream_read_bytes(gpointer source, guint64 offset, guint8 *to,
			      gsize size, GError **error)
{
	const GzipStreamBytes *b = source;

	(void)error;
	if (offset >= b->size)
		return 0;
	size = MIN(size, b->size - offset);
	memcpy(to, b->data + offset, size);
	return (gssize)size;
}

GzipStream *gzip_stream_new(GzipStreamRead read, gpointer source)
{
	GzipStream *s = g_new0(GzipStream, 1);

	s->read = read;
	s->source = source;
	s->chunk = g_malloc(CHUNK);
	if (inflateInit2(&s->z, GZIP_ONLY) != Z_OK)
		g_error("zlib: cannot start: %s", s->z.msg ? s->z.msg : "");
	return s;
}

void gzip_stream_free(GzipStream *s)
{
	if (!s)
		return;
	inflateEnd(&s->z);
	g_free(s->chunk);
	g_free(s);
}

gboolean gzip_stream_is_gzip(const GzipStream *s)
{
	return s->state != START && s->state != RAW;
}

guint gzip_stream_members(const GzipStream *s)
{
	return s->members;
}

guint64 gzip_stream_consumed(const GzipStream *s)
{
	return s->offset - s->z.avail_in;
}

/* Moves what is left of the chunk to its start and reads more behind it. */
static gboolean refill(GzipStream *s, GError **error)
{
	gssize got;

	if (s->z.avail_in > 0 && s->z.next_in != s->chunk)
		memmove(s->chunk, s->z.next_in, s->z.avail_in);
	s->z.next_in = s->chunk;
	if (s->at_end || s->z.avail_in == CHUNK)
		return TRUE;
	got = s->read(s->source, s->offset, s->chunk + s->z.avail_in,
		      CHUNK - s->z.avail_in, error);
	if (got < 0)
		return FALSE;
	s->at_end = got == 0;
	s->offset += (guint64)got;
	s->z.avail_in += (guint)got;
	return TRUE;
}

static gboolean is_header(const guint8 *at, gsize size)
{
	/* RFC 1952: magic, deflate, no reserved flags */
	return size >= 4 && at[0] == 0x1f && at[1] == 0x8b && at[2] == 8 &&
	       (at[3] & 0xe0) == 0;
}

/* Skips to what looks like the next member. FALSE: there is none. */
static gboolean find_header(GzipStream *s, GError **error)
{
	const guint8 *at;

	for (;;) {
		while (s->z.avail_in >= 4) {
			if (is_header(s->z.next_in, s->z.avail_in))
				return TRUE;
			at = memchr(s->z.next_in + 1, 0x1f, s->z.avail_in - 1);
			if (!at)
				at = s->z.next_in + s->z.avail_in;
			s->z.avail_in -= (guint)(at - s->z.next_in);
			s->z.next_in = at;
		}
		if (s->at_end)
			return FALSE;
		if (!refill(s, error))
			return FALSE;
	}
}

static void begin_member(GzipStream *s)
{
	inflateReset(&s->z);
	s->member_at = gzip_stream_consumed(s);
	s->state = INSIDE;
}

static GzipStreamEvent between(GzipStream *s, GError **error)
{
	while (s->z.avail_in < 4 && !s->at_end)
		if (!refill(s, error))
			return GZIP_STREAM_FAILED;
	if (s->z.avail_in == 0) {
		s->state = AFTER;
		return GZIP_STREAM_END;
	}
	if (is_header(s->z.next_in, s->z.avail_in)) {
		begin_member(s);
		return GZIP_STREAM_DATA;
	}
	s->state = AFTER;
	return s->z.avail_in < 4 ? GZIP_STREAM_TORN : GZIP_STREAM_JUNK;
}

/* Starts over right behind the beginning of the member that is damaged. */
static GzipStreamEvent damaged(GzipStream *s, GError **error)
{
	GError *failed = NULL;

	s->z.avail_in = 0;
	s->offset = s->member_at + 1;
	s->at_end = FALSE;
	s->state = AFTER;
	if (++s->resyncs > RESYNCS_MAX)
		return GZIP_STREAM_DAMAGED;
	if (find_header(s, &failed))
		begin_member(s);
	if (!failed)
		return GZIP_STREAM_DAMAGED;
	g_propagate_error(error, failed);
	return GZIP_STREAM_FAILED;
}

static GzipStreamEvent inside(GzipStream *s, guint8 *to, gsize *size,
			      GError **error)
{
	guint room = (guint)MIN(*size, G_MAXINT);
	int status;

	*size = 0;
	if (s->z.avail_in == 0 && !refill(s, error))
		return GZIP_STREAM_FAILED;
	s->z.next_out = to;
	s->z.avail_out = room;
	status = inflate(&s->z, Z_NO_FLUSH);
	*size = room - s->z.avail_out;
	if (status == Z_STREAM_END) {
		s->members++;
		s->state = BETWEEN;
		return GZIP_STREAM_DATA;
	}
	if (status == Z_OK)
		return GZIP_STREAM_DATA;
	if (status != Z_BUF_ERROR || s->z.avail_in > 0)
		return damaged(s, error);
	if (*size > 0 || !s->at_end)
		return GZIP_STREAM_DATA;
	s->state = AFTER;
	return GZIP_STREAM_TORN;
}

static GzipStreamEvent raw(GzipStream *s, guint8 *to, gsize *size,
			   GError **error)
{
	gsize n;

	if (s->z.avail_in == 0 && !refill(s, error))
		return GZIP_STREAM_FAILED;
	n = MIN(*size, s->z.avail_in);
	memcpy(to, s->z.next_in, n);
	s->z.next_in += n;
	s->z.avail_in -= (guint)n;
	*size = n;
	return n > 0 ? GZIP_STREAM_DATA : GZIP_STREAM_END;
}

GzipStreamEvent gzip_stream_next(GzipStream *s, guint8 *to, gsize *size,
				 GError **error)
{
	gsize room = *size;

	*size = 0;
	if (s->state == START) {
		while (s->z.avail_in < 4 && !s->at_end)
			if (!refill(s, error))
				return GZIP_STREAM_FAILED;
		s->state = is_header(s->z.next_in, s->z.avail_in) ? BETWEEN
								  : RAW;
	}
	if (s->state == BETWEEN)
		return between(s, error);
	if (s->state == AFTER)
		return GZIP_STREAM_END;
	*size = room;
	return s->state == RAW ? raw(s, to, size, error)
			       : inside(s, to, size, error);
}
