/* SPDX-License-Identifier: MIT */
/*
 * wire: a growing buffer that is written in protobuf's wire format.
 *
 * Fields are appended; a submessage is opened, filled and closed, and its
 * length put in front when it is known. Running out of memory is remembered,
 * not returned: after it everything is a no-op, and the owner looks at `failed`
 * once at the end. Memory comes from arena_block(). One thread at a time, no
 * libc beyond mem*.
 *
 * The encoding is documented with protobuf (encoding.md): a field is a key
 * (number << 3 | type) and a value, type 0 a varint, type 2 length and bytes.
 */
#ifndef PROFAGENT_AGENT_WIRE_H
#define PROFAGENT_AGENT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
	uint8_t *data;
	size_t used, size;	/* bytes */
	bool failed;		/* memory ran out: the content is worthless */
};

enum wire_type { WIRE_VARINT = 0, WIRE_BYTES = 2 };

#define WIRE_VARINT_MAX 10	/* bytes of the longest varint: 64 / 7 */

/* Empties it for the next content; memory beyond `keep` bytes is given back. */
void wire_clear(struct wire *w, size_t keep);

/* Gives all memory back. */
void wire_release(struct wire *w);

/* Makes room for `more` bytes. False without memory. */
bool wire_grow(struct wire *w, size_t more);

static inline bool wire_room(struct wire *w, size_t more)
{
	return w->size - w->used >= more || wire_grow(w, more);
}

/* Room is the caller's business. Returns behind the last byte. */
static inline uint8_t *wire_put_varint(uint8_t *at, uint64_t value)
{
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

/* A bare varint: an element of a packed field. */
static inline void wire_varint(struct wire *w, uint64_t value)
{
	if (wire_room(w, WIRE_VARINT_MAX))
		w->used = (size_t)(wire_put_varint(w->data + w->used, value) -
				   w->data);
}

static inline void wire_key(struct wire *w, unsigned field, enum wire_type type)
{
	wire_varint(w, (uint64_t)field << 3 | type);
}

/* A number. Zero is the default of every field and is left out. */
static inline void wire_number(struct wire *w, unsigned field, uint64_t value)
{
	if (value == 0)
		return;
	wire_key(w, field, WIRE_VARINT);
	wire_varint(w, value);
}

void wire_bytes(struct wire *w, unsigned field, const void *bytes, size_t size);

/*
 * A string field. Protobuf wants UTF-8 and strict readers refuse a file for
 * one bad byte in a thread's name, so that a byte which is not part of a valid
 * sequence is written as four characters, \xNN. NULL and "" are left out.
 */
void wire_string(struct wire *w, unsigned field, const char *text);

/* The same for `size` bytes, written even if there are none. */
void wire_text(struct wire *w, unsigned field, const char *text, size_t size);

/*
 * Opens a submessage or packed field; returns the mark to close it with. They
 * nest, the last opened is closed first.
 */
size_t wire_open(struct wire *w, unsigned field);
void wire_close(struct wire *w, size_t mark);

#endif
