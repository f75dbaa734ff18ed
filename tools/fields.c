/* SPDX-License-Identifier: MIT */
/* fields: see fields.h. */
#include "tools/fields.h"

#include <string.h>

#define ROOM_LEAST (256u * 1024u)
#define VARINT_MAX 10	/* bytes */

enum { TYPE_VARINT = 0, TYPE_64 = 1, TYPE_BYTES = 2, TYPE_32 = 5 };

void fields_init(Fields *f)
{
	memset(f, 0, sizeof(*f));
}

void fields_release(Fields *f)
{
	g_clear_pointer(&f->data, g_free);
}

guint8 *fields_room(Fields *f, gsize *size)
{
	if (f->begin > 0) {
		memmove(f->data, f->data + f->begin, f->end - f->begin);
		f->end -= f->begin;
		f->begin = 0;
	}
	if (f->room - f->end < ROOM_LEAST / 2) {
		f->room = MAX(ROOM_LEAST, f->end * 2);
		f->data = g_realloc(f->data, f->room);
	}
	*size = f->room - f->end;
	return f->data + f->end;
}

static void pass_over(Fields *f)
{
	gsize n = MIN(f->pass, f->end - f->begin);

	f->begin += n;
	f->pass -= n;
}

void fields_added(Fields *f, gsize size)
{
	f->end += size;
	pass_over(f);
}

void fields_borrow(Fields *f, const Field *message)
{
	*f = (Fields){ .data = (guint8 *)(guintptr)message->bytes,
		       .end = message->size, .room = message->size };
}

int fields_varint(const guint8 *at, const guint8 *end, guint64 *value)
{
	int i;

	*value = 0;
	for (i = 0; i < VARINT_MAX; i++) {
		if (at + i == end)
			return 0;
		*value |= (guint64)(at[i] & 0x7f) << (7 * i);
		if (!(at[i] & 0x80))
			return i + 1;
	}
	return -1;
}

static guint64 read_fixed(const guint8 *at, int size)
{
	guint64 value = 0;

	while (size-- > 0)
		value = value << 8 | at[size];
	return value;
}

/* Whether the key is known to be good; *size: of the value. */
static FieldsState read_value(Fields *f, int type, const guint8 *at,
			      Field *field, gsize *size)
{
	const guint8 *end = f->data + f->end;
	int used;

	if (type == TYPE_64 || type == TYPE_32) {
		*size = type == TYPE_64 ? 8 : 4;
		if ((gsize)(end - at) < *size)
			return FIELDS_MORE;
		field->value = read_fixed(at, (int)*size);
		return FIELDS_FIELD;
	}
	if (type != TYPE_VARINT && type != TYPE_BYTES)
		return FIELDS_LOST;
	used = fields_varint(at, end, &field->value);
	if (used <= 0)
		return used == 0 ? FIELDS_MORE : FIELDS_LOST;
	*size = (gsize)used;
	return FIELDS_FIELD;
}

/* The bytes of a field of which the length is read; `at` is behind it. */
static FieldsState take_bytes(Fields *f, Field *field, const guint8 *at)
{
	guint64 length = field->value;

	if (length > FIELDS_LENGTH_MAX) {
		if (length > G_MAXINT64)
			return FIELDS_LOST;
		f->huge++;
		f->begin = (gsize)(at - f->data);
		f->pass = length;
		pass_over(f);
		return fields_next(f, field);
	}
	if ((gsize)(f->data + f->end - at) < length)
		return FIELDS_MORE;
	field->bytes = at;
	field->size = (gsize)length;
	f->begin = (gsize)(at - f->data) + (gsize)length;
	return FIELDS_FIELD;
}

FieldsState fields_next(Fields *f, Field *field)
{
	const guint8 *at, *end = f->data + f->end;
	FieldsState state;
	guint64 key;
	gsize size;
	int used;

	if (f->pass > 0 || f->begin == f->end)
		return FIELDS_MORE;
	at = f->data + f->begin;
	used = fields_varint(at, end, &key);
	if (used == 0)
		return FIELDS_MORE;
	if (used < 0 || key >> 3 == 0 || key >> 3 > G_MAXINT32)
		return FIELDS_LOST;
	at += used;
	field->number = (guint32)(key >> 3);
	field->bytes = NULL;
	state = read_value(f, key & 7, at, field, &size);
	if (state != FIELDS_FIELD)
		return state;
	if ((key & 7) == TYPE_BYTES)
		return take_bytes(f, field, at + size);
	f->begin = (gsize)(at - f->data) + size;
	return FIELDS_FIELD;
}

gboolean fields_at_boundary(const Fields *f)
{
	return f->begin == f->end && f->pass == 0;
}

void fields_restart(Fields *f)
{
	f->begin = f->end = 0;
	f->pass = 0;
}
