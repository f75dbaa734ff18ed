/* SPDX-License-Identifier: MIT */
/*
 * dw-cursor: bytes of unwind tables, one after the other.
 *
 * A table of an object that is never unloaded is read where it lies; any other
 * may vanish while we read it, so it is copied piece by piece with fault-safe
 * reads. Reading beyond the limit, or what cannot be read, yields 0 and sets
 * `bad`, which stays: callers check once at the end. Async-signal-safe.
 */
#ifndef PROFAGENT_AGENT_DW_CURSOR_H
#define PROFAGENT_AGENT_DW_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/memory.h"

/* Where table bytes come from. Belongs to one walk. */
struct dw_source {
	uint64_t low, high;	/* [low, high) never goes away: read directly */
	struct memory *memory;	/* for all else */
};

/* An FDE of a small function fits in one piece. */
#define DW_CURSOR_PIECE 64u

struct dw_cursor {
	const uint8_t *at, *end;	/* bytes at hand */
	uint64_t next;			/* address of *end */
	uint64_t limit;			/* address where the bytes end */
	const struct dw_source *source;
	bool bad;
	uint8_t piece[DW_CURSOR_PIECE];
};

/* How pointers are encoded in .eh_frame: LSB core, "DWARF Extensions". */
enum dw_eh_pe {
	DW_EH_PE_ABSPTR = 0x00,
	DW_EH_PE_ULEB128 = 0x01,
	DW_EH_PE_UDATA2 = 0x02,
	DW_EH_PE_UDATA4 = 0x03,
	DW_EH_PE_UDATA8 = 0x04,
	DW_EH_PE_SLEB128 = 0x09,
	DW_EH_PE_SDATA2 = 0x0a,
	DW_EH_PE_SDATA4 = 0x0b,
	DW_EH_PE_SDATA8 = 0x0c,
	DW_EH_PE_FORMAT = 0x0f,
	DW_EH_PE_PCREL = 0x10,
	DW_EH_PE_DATAREL = 0x30,
	DW_EH_PE_APPLICATION = 0x70,
	DW_EH_PE_INDIRECT = 0x80,
	DW_EH_PE_OMIT = 0xff,
};

/* Reads [addr, limit) of `source`, which must outlive the cursor. */
void dw_cursor_init(struct dw_cursor *c, const struct dw_source *source,
		    uint64_t addr, uint64_t limit);

/* Moves the limit, to anywhere behind what was read already. */
void dw_cursor_set_limit(struct dw_cursor *c, uint64_t limit);

/* Address of the next byte. */
static inline uint64_t dw_cursor_addr(const struct dw_cursor *c)
{
	return c->next - (uint64_t)(c->end - c->at);
}

/* True when all is read or something went wrong. */
static inline bool dw_cursor_done(const struct dw_cursor *c)
{
	return c->bad || dw_cursor_addr(c) >= c->limit;
}

/* Fetches the next piece; false (and bad) if there is none. */
bool dw_cursor_fill(struct dw_cursor *c);

static inline uint8_t dw_cursor_u8(struct dw_cursor *c)
{
	if (c->at == c->end && !dw_cursor_fill(c))
		return 0;
	return *c->at++;
}

/* The parts of the functions below for what is seldom. */
uint64_t dw_cursor_fixed_slow(struct dw_cursor *c, unsigned size);
uint64_t dw_cursor_uleb_slow(struct dw_cursor *c);
void dw_cursor_skip_slow(struct dw_cursor *c, uint64_t bytes);

/* `size` bytes, little endian, zero-extended; size is 1 to 8. */
static inline uint64_t dw_cursor_fixed(struct dw_cursor *c, unsigned size)
{
	uint64_t value;

	if (c->end - c->at < 8)
		return dw_cursor_fixed_slow(c, size);
	memcpy(&value, c->at, 8);
	c->at += size;
	return value << (64 - 8 * size) >> (64 - 8 * size);
}

/* LEB128; bits beyond 64 are lost. */
static inline uint64_t dw_cursor_uleb(struct dw_cursor *c)
{
	if (c->at != c->end && *c->at < 0x80)
		return *c->at++;
	return dw_cursor_uleb_slow(c);
}

int64_t dw_cursor_sleb(struct dw_cursor *c);

static inline void dw_cursor_skip(struct dw_cursor *c, uint64_t bytes)
{
	if (bytes <= (uint64_t)(c->end - c->at))
		c->at += bytes;
	else
		dw_cursor_skip_slow(c, bytes);
}

/*
 * A pointer in one of the encodings above; bad for those we do not know and
 * for indirect ones. `data` is what DATAREL is relative to.
 */
uint64_t dw_cursor_pointer(struct dw_cursor *c, uint8_t encoding,
			   uint64_t data);

#endif
