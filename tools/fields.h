/* SPDX-License-Identifier: MIT */
/*
 * fields: cuts a stream of protobuf bytes into its top-level fields.
 *
 * A message of any size is read one field at a time; what is inside a field is
 * protobuf-c's business. Protobuf's own documentation (encoding.md) has the
 * encoding: key = number << 3 | type, then a varint, 8 or 4 bytes, or a
 * length and so many bytes.
 */
#ifndef PROFAGENT_TOOLS_FIELDS_H
#define PROFAGENT_TOOLS_FIELDS_H

#include <glib.h>

/* A longer field is passed over and counted: nothing of ours comes near. */
#define FIELDS_LENGTH_MAX (16u * 1024u * 1024u)

typedef struct {
	guint32 number;
	guint64 value;			/* of a number */
	const guint8 *bytes;		/* NULL: it is a number */
	gsize size;
} Field;

typedef enum {
	FIELDS_FIELD,			/* here is one */
	FIELDS_MORE,			/* more bytes are needed */
	FIELDS_LOST,			/* this is no protobuf */
} FieldsState;

typedef struct {
	guint8 *data;
	gsize begin, end, room;
	guint64 pass;			/* bytes of a huge field yet to come */
	guint64 huge;			/* fields passed over */
} Fields;

void fields_init(Fields *f);
void fields_release(Fields *f);

/* Where to put more bytes, and how many fit; then how many were put. */
guint8 *fields_room(Fields *f, gsize *size);
void fields_added(Fields *f, gsize size);

/* The next whole field; its bytes are valid until fields_room(). */
FieldsState fields_next(Fields *f, Field *field);

/* The fields inside of one: its bytes stay whose they are, and are all there.
 * Neither fields_room() nor fields_release(). */
void fields_borrow(Fields *f, const Field *message);

/* Bytes of the varint at `at`; 0: it goes on behind `end`, -1: it is none. */
int fields_varint(const guint8 *at, const guint8 *end, guint64 *value);

/* Whether nothing of an unfinished field is held. */
gboolean fields_at_boundary(const Fields *f);

/* Forgets what is held: what follows begins with a field. */
void fields_restart(Fields *f);

#endif
