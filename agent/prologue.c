/* SPDX-License-Identifier: MIT */
/*
 * prologue: a look at machine code, without disassembling it. Runs in the
 * signal handler and in the flusher. Where it errs it should err by giving up.
 */
#include "agent/prologue.h"

#include <stddef.h>
#include <string.h>

#include "agent/code.h"

/* Functions begin at multiples of this, but for those that are made small. */
#define FUNCTION_ALIGNMENT 16u

/* Bytes before and behind an address that tell what is there. */
#define LOOK_BEFORE 32u
#define LOOK_BEHIND 16u

#define WINDOW 160u

struct bytes {
	uint8_t size, byte[11];
};

/* --- setting rbp up ----------------------------------------------------- */

static bool is_setup(const uint8_t *code)
{
	/* push rbp; mov rbp, rsp in both encodings */
	if (code[0] == 0x55 && code[1] == 0x48)
		return (code[2] == 0x89 && code[3] == 0xe5) ||
		       (code[2] == 0x8b && code[3] == 0xec);
	/*
	 * Go before 1.21: mov [rsp + n], rbp; lea rbp, [rsp + n], with n of
	 * one byte or of four
	 */
	if (memcmp(code, "\x48\x89\x6c\x24", 4) == 0)
		return memcmp(code + 5, "\x48\x8d\x6c\x24", 4) == 0 &&
		       code[4] == code[9];
	return memcmp(code, "\x48\x89\xac\x24", 4) == 0 &&
	       memcmp(code + 8, "\x48\x8d\xac\x24", 4) == 0 &&
	       memcmp(code + 4, code + 12, 4) == 0;
}

/* --- where a function may begin ----------------------------------------- */

/* The long nops that compilers and linkers fill gaps with, longest first. */
static const struct bytes nops[] = {
	{ 10, "\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00" },
	{ 9, "\x66\x0f\x1f\x84\x00\x00\x00\x00\x00" },
	{ 8, "\x0f\x1f\x84\x00\x00\x00\x00\x00" },
	{ 7, "\x0f\x1f\x80\x00\x00\x00\x00" },
	{ 6, "\x66\x0f\x1f\x44\x00\x00" },
	{ 5, "\x0f\x1f\x44\x00\x00" },
	{ 4, "\x0f\x1f\x40\x00" },
	{ 3, "\x0f\x1f\x00" },
	{ 2, "\x66\x90" },
	{ 1, "\x90" },
	{ 1, "\x66" },	/* more prefixes of the above */
};

static unsigned nop_before(const uint8_t *end, unsigned room)
{
	for (size_t i = 0; i < sizeof(nops) / sizeof(nops[0]); i++)
		if (nops[i].size <= room &&
		    memcmp(end - nops[i].size, nops[i].byte, nops[i].size) == 0)
			return nops[i].size;
	return 0;
}

/* True if what ends at `end` never goes on to what follows: ret, jmp, trap. */
static bool is_barrier(const uint8_t *end)
{
	return end[-1] == 0xc3 ||			/* ret */
	       end[-3] == 0xc2 ||			/* ret n */
	       (end[-2] == 0x0f && end[-1] == 0x0b) ||	/* ud2 */
	       end[-2] == 0xeb || end[-5] == 0xe9 ||	/* jmp */
	       end[-5] == 0xe8 ||			/* call, noreturn */
	       (end[-2] == 0xff && (end[-1] & 0xf8) == 0xe0);
}

/*
 * First instructions of functions that do not begin by setting rbp up. What
 * else begins behind a barrier is taken for a loop's head.
 */
static bool is_entry(const uint8_t *code)
{
	return (code[0] == 0x41 && (code[1] & 0xf8) == 0x50) || /* push r8-15 */
	       ((code[0] & 0xf8) == 0x50 &&	/* push, then another or mov */
		(code[1] == 0x48 || code[1] == 0x41 ||
		 (code[1] & 0xf8) == 0x50)) ||
	       memcmp(code, "\x48\x83\xec", 3) == 0 ||	/* sub rsp, n */
	       memcmp(code, "\x48\x81\xec", 3) == 0 ||
	       memcmp(code, "\xf3\x0f\x1e\xfa", 4) == 0; /* endbr64 */
}

/* True if a function seems to begin at `code`, an aligned address. */
static bool is_function(const uint8_t *code)
{
	unsigned padding = 0, nop;

	if (code[-1] == 0xcc || (code[-1] == 0xf4 && code[-2] == 0xf4))
		return true;	/* int3 or hlt, to fill a gap */
	if (!is_entry(code))
		return false;
	do {
		nop = nop_before(code - padding,
				 LOOK_BEFORE - 5 - padding);
		padding += nop;
	} while (nop != 0);
	return is_barrier(code - padding);
}

/* Checks of a receiver's class and of the stack may come first. */
#define ENTRY_LOOK 48u
#define SETUP_SIZE 4u		/* push rbp; mov rbp, rsp */

uint64_t prologue_setup_end(struct memory *memory, uint64_t entry)
{
	uint8_t code[ENTRY_LOOK + LOOK_BEHIND];

	if (!code_copy(memory, entry, code, sizeof(code)))
		return 0;
	for (unsigned at = 0; at < ENTRY_LOOK; at++)
		if (code[at] == 0x55 && is_setup(code + at))
			return entry + at + SETUP_SIZE;
	return 0;
}

/* --- the search --------------------------------------------------------- */

/* What a look at some addresses says. */
enum seen { SEEN_NOTHING, SEEN_SETUP, SEEN_FUNCTION };

/*
 * Looks at the addresses from `first` down to `last`, all within `code` which
 * holds the bytes from `base` on.
 */
static enum seen look(const uint8_t *code, uint64_t base, uint64_t first,
		      uint64_t last)
{
	for (uint64_t at = first; at >= last; at--) {
		if (is_setup(code + (at - base)))
			return SEEN_SETUP;
		if (at % FUNCTION_ALIGNMENT == 0 &&
		    is_function(code + (at - base)))
			return SEEN_FUNCTION;
	}
	return SEEN_NOTHING;
}

/*
 * Fills `code` with what is at [base, limit). Where that begins in a page that
 * cannot be read, code begins with the next: it is filled up as a gap is.
 */
static bool window_read(struct memory *memory, uint8_t *code, uint64_t base,
			uint64_t limit)
{
	uint64_t page = (limit - 1) & ~(uint64_t)(MEMORY_PAGE - 1);

	if (code_copy(memory, base, code, limit - base))
		return true;
	if (page <= base)
		return false;
	memset(code, 0xcc, page - base);
	return code_copy(memory, page, code + (page - base), limit - page);
}

bool prologue_keeps_rbp(struct memory *memory, uint64_t pc)
{
	uint8_t code[WINDOW];
	const uint64_t step = WINDOW - LOOK_BEFORE - LOOK_BEHIND;
	uint64_t end = pc;	/* everything from here on was looked at */
	uint64_t reach = code_is_resident(pc, 1) ? PROLOGUE_REACH :
						   PROLOGUE_REACH_COPIED;

	if (pc < PROLOGUE_REACH + WINDOW)
		return false;
	while (pc - end < reach) {
		uint64_t base = end - step - LOOK_BEFORE;
		uint64_t limit = base + WINDOW < pc ? base + WINDOW : pc;
		enum seen seen;

		if (!window_read(memory, code, base, limit))
			return false;
		/* Setting up must be done when pc is reached. */
		memset(code + (limit - base), 0x90, WINDOW - (limit - base));
		seen = look(code, base, end - 1, end - step);
		if (seen != SEEN_NOTHING)
			return seen == SEEN_SETUP;
		end -= step;
	}
	return false;
}
