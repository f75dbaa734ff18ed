/* SPDX-License-Identifier: MIT */
/*
 * dw-cursor: bytes of unwind tables. Runs in the signal handler and in the
 * flusher; trusts nothing it reads.
 */
#include "agent/dw-cursor.h"

void dw_cursor_init(struct dw_cursor *c, const struct dw_source *source,
		    uint64_t addr, uint64_t limit)
{
	c->source = source;
	c->limit = limit;
	c->bad = addr > limit;
	if (addr >= source->low && addr < source->high) {
		c->next = limit < source->high ? limit : source->high;
		c->at = (const uint8_t *)(uintptr_t)addr;
		c->end = (const uint8_t *)(uintptr_t)c->next;
	} else {
		c->at = c->piece;
		c->end = c->piece;
		c->next = addr;
	}
	if (c->bad)
		c->end = c->at;
}

void dw_cursor_set_limit(struct dw_cursor *c, uint64_t limit)
{
	if (limit < dw_cursor_addr(c)) {
		c->bad = true;
		return;
	}
	if (c->next > limit) {
		c->end -= c->next - limit;
		c->next = limit;
	}
	c->limit = limit;
}

bool dw_cursor_fill(struct dw_cursor *c)
{
	uint64_t left;
	size_t size, got;

	if (c->bad || c->next >= c->limit) {
		c->bad = true;
		return false;
	}
	left = c->limit - c->next;
	size = left < DW_CURSOR_PIECE ? (size_t)left : DW_CURSOR_PIECE;
	got = memory_copy_near(c->source->memory, c->next, c->piece,
			       size);
	c->at = c->piece;
	c->end = c->piece + got;
	c->next += got;
	c->bad = got == 0;
	return !c->bad;
}

uint64_t dw_cursor_fixed_slow(struct dw_cursor *c, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)dw_cursor_u8(c) << (8 * i);
	return value;
}

uint64_t dw_cursor_uleb_slow(struct dw_cursor *c)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = dw_cursor_u8(c);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return value;
}

int64_t dw_cursor_sleb(struct dw_cursor *c)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = dw_cursor_u8(c);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (shift < 64 && (byte & 0x40))
		value |= ~(uint64_t)0 << shift;
	return (int64_t)value;
}

void dw_cursor_skip_slow(struct dw_cursor *c, uint64_t bytes)
{
	uint64_t addr = dw_cursor_addr(c);

	if (addr > c->limit || bytes > c->limit - addr) {
		c->bad = true;
	} else {
		c->at = c->end = c->piece;
		c->next = addr + bytes;
	}
}

/* How the low four bits of an encoding are read. */
static const struct {
	uint8_t size;		/* bytes; 0: LEB128 or unknown */
	bool is_signed, known;
} pe_format[16] = {
	[DW_EH_PE_ABSPTR] = { 8, false, true },
	[DW_EH_PE_ULEB128] = { 0, false, true },
	[DW_EH_PE_UDATA2] = { 2, false, true },
	[DW_EH_PE_UDATA4] = { 4, false, true },
	[DW_EH_PE_UDATA8] = { 8, false, true },
	[DW_EH_PE_SLEB128] = { 0, true, true },
	[DW_EH_PE_SDATA2] = { 2, true, true },
	[DW_EH_PE_SDATA4] = { 4, true, true },
	[DW_EH_PE_SDATA8] = { 8, true, true },
};

static uint64_t pointer_value(struct dw_cursor *c, unsigned format)
{
	unsigned size = pe_format[format].size;
	uint64_t value;

	if (!pe_format[format].known) {
		c->bad = true;
		return 0;
	}
	if (size == 0)
		return pe_format[format].is_signed ?
			       (uint64_t)dw_cursor_sleb(c) :
			       dw_cursor_uleb(c);
	value = dw_cursor_fixed(c, size);
	if (pe_format[format].is_signed && size < 8 &&
	    (value >> (8 * size - 1)) & 1)
		value |= ~(uint64_t)0 << (8 * size);
	return value;
}

uint64_t dw_cursor_pointer(struct dw_cursor *c, uint8_t encoding,
			   uint64_t data)
{
	uint64_t addr = dw_cursor_addr(c);
	uint64_t value = pointer_value(c, encoding & DW_EH_PE_FORMAT);

	if (encoding & DW_EH_PE_INDIRECT) {
		c->bad = true;
		return 0;
	}
	switch (encoding & DW_EH_PE_APPLICATION) {
	case DW_EH_PE_ABSPTR:
		return value;
	case DW_EH_PE_PCREL:
		return value + addr;
	case DW_EH_PE_DATAREL:
		return value + data;
	default:
		c->bad = true;
		return 0;
	}
}
