/* SPDX-License-Identifier: MIT */
/*
 * wire: a growing buffer in protobuf's wire format. Runs on the flusher.
 */
#include "agent/wire.h"

#include <string.h>

#include "agent/arena.h"

#define SIZE_MIN 65536u		/* bytes of a first buffer */

void wire_clear(struct wire *w, size_t keep)
{
	uint8_t *data;

	w->used = 0;
	w->failed = false;
	if (w->size <= keep || keep == 0)
		return;
	data = arena_block(w->data, w->size, keep);
	if (data != NULL) {
		w->data = data;
		w->size = keep;
	}
}

void wire_release(struct wire *w)
{
	arena_block_free(w->data, w->size);
	w->data = NULL;
	w->used = w->size = 0;
	w->failed = false;
}

bool wire_grow(struct wire *w, size_t more)
{
	size_t size = w->size > 0 ? w->size : SIZE_MIN;
	uint8_t *data = NULL;

	if (w->failed)
		return false;
	while (size - w->used < more && size <= SIZE_MAX / 2)
		size *= 2;
	if (size - w->used >= more)
		data = arena_block(w->data, w->size, size);
	if (data == NULL) {
		/* What small fields still fit must not follow a lost one. */
		w->failed = true;
		w->used = w->size;
		return false;
	}
	w->data = data;
	w->size = size;
	return true;
}

void wire_bytes(struct wire *w, unsigned field, const void *bytes, size_t size)
{
	wire_key(w, field, WIRE_BYTES);
	wire_varint(w, size);
	if (!wire_room(w, size) || size == 0)
		return;
	memcpy(w->data + w->used, bytes, size);
	w->used += size;
}

/* --- text ----------------------------------------------------------------- */

/* What may follow a leading byte, from table 3-7 of the Unicode standard. */
static const struct utf8_lead {
	uint8_t first, last;	/* the leading byte */
	uint8_t low, high;	/* the second byte */
	uint8_t size;		/* bytes of the sequence */
} utf8_leads[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

/* Bytes of the valid sequence at `s`, 0 if there is none. */
static size_t utf8_size(const uint8_t *s, size_t left)
{
	const struct utf8_lead *l = utf8_leads;
	const struct utf8_lead *end = l + sizeof(utf8_leads) / sizeof(*l);
	size_t i;

	if (s[0] < 0x80)
		return 1;
	while (l < end && (s[0] < l->first || s[0] > l->last))
		l++;
	if (l == end || left < l->size || s[1] < l->low || s[1] > l->high)
		return 0;
	for (i = 2; i < l->size; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return l->size;
}

static bool is_utf8(const uint8_t *s, size_t size)
{
	size_t at, n;

	for (at = 0; at < size; at += n) {
		n = utf8_size(s + at, size - at);
		if (n == 0)
			return false;
	}
	return true;
}

static void put_escaped(struct wire *w, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *at = w->data + w->used;

	at[0] = '\\';
	at[1] = 'x';
	at[2] = (uint8_t)digits[byte >> 4];
	at[3] = (uint8_t)digits[byte & 15];
	w->used += 4;
}

static void put_repaired(struct wire *w, const uint8_t *s, size_t size)
{
	size_t at = 0, n;

	while (at < size && wire_room(w, 4)) {
		n = utf8_size(s + at, size - at);
		if (n == 0) {
			put_escaped(w, s[at++]);
			continue;
		}
		memcpy(w->data + w->used, s + at, n);
		w->used += n;
		at += n;
	}
}

void wire_text(struct wire *w, unsigned field, const char *text, size_t size)
{
	size_t mark;

	if (is_utf8((const uint8_t *)text, size)) {
		wire_bytes(w, field, text, size);
		return;
	}
	mark = wire_open(w, field);
	put_repaired(w, (const uint8_t *)text, size);
	wire_close(w, mark);
}

void wire_string(struct wire *w, unsigned field, const char *text)
{
	if (text != NULL && text[0] != '\0')
		wire_text(w, field, text, strlen(text));
}

/* --- submessages ---------------------------------------------------------- */

size_t wire_open(struct wire *w, unsigned field)
{
	wire_key(w, field, WIRE_BYTES);
	if (wire_room(w, 1))
		w->used++; /* room for the length of a short one */
	return w->used;
}

void wire_close(struct wire *w, size_t mark)
{
	uint8_t length[WIRE_VARINT_MAX];
	size_t size, bytes;

	if (w->failed)
		return;
	size = w->used - mark;
	bytes = (size_t)(wire_put_varint(length, size) - length);
	if (!wire_room(w, bytes - 1))
		return;
	if (bytes > 1)
		memmove(w->data + mark + bytes - 1, w->data + mark, size);
	memcpy(w->data + mark - 1, length, bytes);
	w->used += bytes - 1;
}
