/* SPDX-License-Identifier: MIT */
/*
 * eh-table: search in .eh_frame_hdr. Runs in the signal handler and in the
 * flusher. A table that stays is bisected in place. One that may go is copied
 * in chunks, each a microsecond, so the place is interpolated.
 */
#include "agent/eh-table.h"

#include <string.h>

/* More than any program has; a count beyond is garbage. */
#define ENTRIES_MAX (1u << 28)

#define CHUNK EH_TABLE_CHUNK

/* Entries read at once by eh_table_read_keys(). */
#define BUFFERED (64u * CHUNK)

/* Rounds of interpolation before bisection, which is sure to end. */
#define GUESSES 6u

struct entry {
	int32_t start, fde;	/* relative to the header */
};

bool eh_table_init(struct eh_table *t, const struct dw_source *source,
		   uint64_t hdr)
{
	struct dw_cursor c;
	uint8_t version, frame_encoding, count_encoding, table_encoding;

	if (hdr > UINT64_MAX - MEMORY_PAGE)
		return false;
	dw_cursor_init(&c, source, hdr, hdr + DW_CURSOR_PIECE);
	version = dw_cursor_u8(&c);
	frame_encoding = dw_cursor_u8(&c);
	count_encoding = dw_cursor_u8(&c);
	table_encoding = dw_cursor_u8(&c);
	if (c.bad || version != 1 || count_encoding == DW_EH_PE_OMIT ||
	    table_encoding != (DW_EH_PE_DATAREL | DW_EH_PE_SDATA4))
		return false;
	if (frame_encoding != DW_EH_PE_OMIT)
		dw_cursor_pointer(&c, frame_encoding & DW_EH_PE_FORMAT, 0);
	t->hdr = hdr;
	t->index = NULL;
	t->count = dw_cursor_pointer(&c, count_encoding, hdr);
	t->entries = dw_cursor_addr(&c);
	return !c.bad && t->count <= ENTRIES_MAX;
}

/* Entries of a line of the cache. */
#define LINE (64 / sizeof(struct entry))

/*
 * Index of the last entry at or before `key`, -1 if all are behind it. Either
 * of two entries is the next to be looked at; both are fetched meanwhile, so
 * that of two misses one is waited for.
 */
static int64_t search(const uint8_t *entries, uint64_t count, int64_t key)
{
	uint64_t low = 0;
	struct entry entry;

	if (count == 0)
		return -1;
	while (count > 1) {
		uint64_t half = count / 2, next = (count - half) / 2;

		if (next >= LINE / 2) {
			__builtin_prefetch(entries +
					   (low + next) * sizeof(entry));
			__builtin_prefetch(entries + (low + half + next) *
						     sizeof(entry));
		}
		memcpy(&entry, entries + (low + half) * sizeof(entry),
		       sizeof(entry));
		low = entry.start <= key ? low + half : low;
		count -= half;
	}
	memcpy(&entry, entries + low * sizeof(entry), sizeof(entry));
	return entry.start <= key ? (int64_t)low : -1;
}

static uint64_t fde_at(const struct eh_table *t, const uint8_t *entries,
		       int64_t index)
{
	struct entry entry;

	if (index < 0)
		return 0;
	memcpy(&entry, entries + (uint64_t)index * sizeof(entry),
	       sizeof(entry));
	return t->hdr + (uint64_t)(int64_t)entry.fde;
}

/* The part of a table where the answer is, and the keys at its ends. */
struct range {
	uint64_t low, high;		/* indices, [low, high) */
	int64_t key_low, key_high;
};

/* First index of the next chunk to look at. */
static uint64_t range_guess(const struct range *r, int64_t key, unsigned round)
{
	uint64_t count = r->high - r->low;
	uint64_t at = count / 2;

	if (count <= CHUNK)
		return r->low;
	if (round < GUESSES && key >= r->key_low && key < r->key_high)
		at = (uint64_t)((__int128)(key - r->key_low) * (int64_t)count /
				(r->key_high - r->key_low));
	at = at < CHUNK / 2 ? 0 : at - CHUNK / 2;
	return r->low + (at > count - CHUNK ? count - CHUNK : at);
}

static uint64_t find_copied(const struct eh_table *t, struct memory *memory,
			    struct range r, int64_t key)
{
	struct entry chunk[CHUNK];

	for (unsigned round = 0; r.low < r.high; round++) {
		uint64_t first = range_guess(&r, key, round);
		uint64_t n = r.high - first < CHUNK ? r.high - first : CHUNK;

		if (memory_copy(memory, t->entries + first * sizeof(chunk[0]),
				chunk, n * sizeof(chunk[0])) !=
		    n * sizeof(chunk[0]))
			return 0;
		if (key < chunk[0].start) {
			r.high = first;
			r.key_high = chunk[0].start;
		} else if (first + n == r.high || key < chunk[n - 1].start) {
			return fde_at(t, (const uint8_t *)chunk,
				      search((const uint8_t *)chunk, n, key));
		} else {
			r.low = first + n - 1;
			r.key_low = chunk[n - 1].start;
		}
	}
	return 0;
}

/* The chunk to look in is known: it begins with the last key not behind. */
static struct range range_of_index(const struct eh_table *t, int64_t key)
{
	uint64_t low = 0, count = eh_table_keys(t);
	struct range r;

	while (count > 1) {
		uint64_t half = count / 2;

		low = t->index[low + half] <= key ? low + half : low;
		count -= half;
	}
	r.low = low * CHUNK;
	r.high = t->count - r.low < CHUNK ? t->count : r.low + CHUNK;
	r.key_low = r.key_high = 0;
	return r;
}

bool eh_table_read_keys(const struct eh_table *t, struct memory *memory,
			int32_t *keys)
{
	static struct entry buffer[BUFFERED];

	for (uint64_t first = 0; first < t->count; first += BUFFERED) {
		uint64_t n = t->count - first < BUFFERED ? t->count - first :
							   BUFFERED;
		uint64_t at = t->entries + first * sizeof(buffer[0]);

		if (memory_copy(memory, at, buffer, n * sizeof(buffer[0])) !=
		    n * sizeof(buffer[0]))
			return false;
		for (uint64_t i = 0; i < n; i += CHUNK)
			*keys++ = buffer[i].start;
	}
	return true;
}

uint64_t eh_table_find(const struct eh_table *t,
		       const struct dw_source *source, uint64_t pc,
		       uint64_t start, uint64_t end)
{
	uint64_t size = t->count * sizeof(struct entry);
	int64_t key = (int64_t)(pc - t->hdr);
	struct range all = { 0, t->count, (int64_t)(start - t->hdr),
			     (int64_t)(end - t->hdr) };
	const uint8_t *entries = (const uint8_t *)(uintptr_t)t->entries;

	if (key != (int32_t)key)
		return 0;
	if (t->entries >= source->low && t->entries <= source->high &&
	    size <= source->high - t->entries)
		return fde_at(t, entries, search(entries, t->count, key));
	if (t->index != NULL && t->count > 0)
		all = range_of_index(t, key);
	return find_copied(t, source->memory, all, key);
}
