/* SPDX-License-Identifier: MIT */
/*
 * cfi-common: a short reading of FDEs. Runs in the signal handler and in the
 * flusher, on tables that are never unmapped; trusts nothing they say. What an
 * address costs that is met first is mostly cache misses and branches that
 * nobody can foresee: there are few of both here.
 */
#include "agent/cfi-common.h"

#include <string.h>

#include "agent/arch-x86_64.h"

/* Of an FDE: its length, where its CIE is, start and size of its code. */
#define FDE_HEAD 16u

/* As in cfi.c. */
#define RECORD_MAX (1u << 20)
#define REMEMBERED 2u

struct state {
	uint64_t cfa, rbp;	/* as in struct cfi_common */
	uint64_t reg;
};

struct reader {
	const uint8_t *at, *end;
	struct state now, saved[REMEMBERED];
	unsigned remembered;
	uint64_t left;		/* bytes of code from the row to pc */
};

static uint32_t load32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/*
 * The two ways a CIE begins behind its id, with and without a personality
 * routine (four bytes that do not matter): code in bytes, saved at multiples of
 * -8, addresses relative in four bytes; CFA = rsp + 8, return address at CFA -
 * 8, then nops.
 */
#define CIE_TAIL 0x1b, 0x0c, 0x07, 0x08, 0x90, 0x01, 0x00, 0x00

static const uint8_t cie_plain[] = {
	0x01, 'z', 'R', 0x00, 0x01, 0x78, 0x10, 0x01, CIE_TAIL,
};
static const uint8_t cie_personal[] = {
	0x01, 'z', 'P', 'L', 'R', 0x00, 0x01, 0x78, 0x10, 0x07, 0x9b,
};
static const uint8_t cie_tail[] = { 0x1b, CIE_TAIL };

#define CIE_PLAIN (4 + sizeof(cie_plain))	/* its length field */
#define CIE_PERSONAL (4 + sizeof(cie_personal) + 4 + sizeof(cie_tail))

static bool cie_is_common(const uint8_t *cie)
{
	uint32_t length = load32(cie);
	const uint8_t *body = cie + 8;

	if (load32(cie + 4) != 0)
		return false;
	if (length == CIE_PLAIN)
		return memcmp(body, cie_plain, sizeof(cie_plain)) == 0;
	return length == CIE_PERSONAL &&
	       memcmp(body, cie_personal, sizeof(cie_personal)) == 0 &&
	       memcmp(body + sizeof(cie_personal) + 4, cie_tail,
		      sizeof(cie_tail)) == 0;
}

/* LEB128 of at most three bytes: what is larger is not common. */
static inline bool read_uleb(struct reader *r, uint64_t *value)
{
	unsigned shift = 0;
	uint8_t byte;

	*value = 0;
	do {
		if (r->at == r->end || shift == 21)
			return false;
		byte = *r->at++;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return true;
}

/* Registers whose rules are followed here, or must be none. */
static inline bool is_followed(uint64_t reg)
{
	const uint64_t followed = ARCH_BIT(ARCH_RBP) | ARCH_BIT(ARCH_RSP) |
				  ARCH_BIT(ARCH_PC);

	return followed >> (reg & 0x3f) & 1;
}

/* Bytes that the row advances, in `size` bytes. */
static bool read_advance(struct reader *r, unsigned size, uint64_t *delta)
{
	*delta = 0;
	if ((size_t)(r->end - r->at) < size)
		return false;
	memcpy(delta, r->at, size);
	r->at += size;
	return true;
}

static bool read_cfa_register(struct reader *r)
{
	if (r->at == r->end)
		return false;
	r->now.reg = *r->at++;
	return r->now.reg == ARCH_RBP || r->now.reg == ARCH_RSP;
}

static bool remember(struct reader *r)
{
	if (r->remembered == REMEMBERED)
		return false;
	r->saved[r->remembered++] = r->now;
	return true;
}

static bool recall(struct reader *r)
{
	if (r->remembered == 0)
		return false;
	r->now = r->saved[--r->remembered];
	return true;
}

/* An instruction whose two high bits are 0; *delta is 0 at first. */
static inline bool run_other(struct reader *r, uint8_t op, uint64_t *delta)
{
	uint64_t ignored;

	switch (op) {
	case 0x00:	/* nop */
		return true;
	case 0x02:	/* advance_loc1, 2 and 4 */
	case 0x03:
	case 0x04:
		return read_advance(r, 1u << (op - 0x02), delta);
	case 0x0a:
		return remember(r);
	case 0x0b:
		return recall(r);
	case 0x0c:	/* def_cfa */
		return read_cfa_register(r) && read_uleb(r, &r->now.cfa);
	case 0x0d:	/* def_cfa_register */
		return read_cfa_register(r);
	case 0x0e:	/* def_cfa_offset */
		return read_uleb(r, &r->now.cfa);
	case 0x2e:	/* GNU_args_size */
		return read_uleb(r, &ignored);
	default:
		return false;
	}
}

/* Runs up to the row of pc; false if that is not common. */
static bool run(struct reader *r)
{
	while (r->at < r->end) {
		uint8_t op = *r->at++;
		uint64_t low = op & 0x3f, value = 0;

		if (op >> 6 == 2) {		/* offset */
			if (!read_uleb(r, &value))
				return false;
			if (!is_followed(low))
				continue;
			if (low != ARCH_RBP || value == 0)
				return false;
			r->now.rbp = value * 8;
			continue;
		}
		if (op >> 6 == 1) {		/* advance_loc */
			value = low;
		} else if (op >> 6 == 3) {	/* restore */
			if (low == ARCH_RBP)
				r->now.rbp = 0;
			else if (is_followed(low))
				return false;
		} else if (!run_other(r, op, &value)) {
			return false;
		}
		if (value > r->left)
			return true;
		r->left -= value;
	}
	return true;
}

/* True if [addr, addr + size) lies in [low, high). */
static bool is_within(const struct dw_source *source, uint64_t addr,
		      uint64_t size)
{
	return addr >= source->low && addr < source->high &&
	       source->high - addr >= size;
}

/* Sets up `r` for the program of the FDE at `addr`. */
static bool reader_init(struct reader *r, const struct dw_source *source,
			uint64_t addr, uint64_t pc)
{
	const uint8_t *fde = (const uint8_t *)(uintptr_t)addr;
	uint64_t length, cie, start, span, size;

	if (!is_within(source, addr, FDE_HEAD))
		return false;
	/* One that is not small: fetched while its head is looked at. */
	__builtin_prefetch(fde + 64);
	length = load32(fde);
	cie = addr + 4 - load32(fde + 4);
	start = addr + 8 + (uint64_t)(int64_t)(int32_t)load32(fde + 8);
	span = load32(fde + 12);
	r->left = pc - start;
	if (r->left >= span || span > INT32_MAX || length <= FDE_HEAD - 4 ||
	    length > RECORD_MAX - 4 || !is_within(source, addr, 4 + length) ||
	    cie == addr || !is_within(source, cie, 4 + CIE_PERSONAL) ||
	    !cie_is_common((const uint8_t *)(uintptr_t)cie))
		return false;
	r->at = fde + FDE_HEAD;
	r->end = fde + 4 + length;
	if (!read_uleb(r, &size) || size > (uint64_t)(r->end - r->at))
		return false;
	r->at += size;	/* the augmentation's data */
	r->now = (struct state){ 8, 0, ARCH_RSP };
	r->remembered = 0;
	return true;
}

bool cfi_common_find(struct cfi_common *rule, const struct dw_source *source,
		     uint64_t addr, uint64_t pc)
{
	struct reader r;

	if (!reader_init(&r, source, addr, pc) || !run(&r))
		return false;
	rule->cfa = r.now.cfa;
	rule->rbp = r.now.rbp;
	rule->from_rbp = r.now.reg == ARCH_RBP;
	return true;
}
