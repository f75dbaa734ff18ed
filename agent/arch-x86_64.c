/* SPDX-License-Identifier: MIT */
/*
 * arch-x86_64: registers of a signal context, and a look at instructions.
 *
 * Runs in the signal handler; pure functions of their arguments.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* REG_RAX and its kind */
#endif
#include "agent/arch-x86_64.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#include "agent/unwind.h"

/* Index in gregs[] of each DWARF register. */
static const uint8_t greg_of_reg[UNWIND_REGS] = {
	REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
	REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
	REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
};

void unwind_regs_from_context(struct unwind_regs *regs, const void *ucontext)
{
	const ucontext_t *uc = ucontext;

	for (unsigned i = 0; i < UNWIND_REGS; i++)
		regs->reg[i] = (uint64_t)uc->uc_mcontext.gregs[greg_of_reg[i]];
	regs->known = ARCH_KNOWN_ALL;
}

/*
 * Length of an instruction `ff /2` (call through register or memory) whose
 * ModRM and following bytes lie at `modrm`; 0 if it is another instruction.
 */
static unsigned call_indirect_length(const uint8_t *modrm, unsigned room)
{
	unsigned mod = modrm[0] >> 6;
	unsigned rm = modrm[0] & 7;
	unsigned length = 2;

	if (((modrm[0] >> 3) & 7) != 2)
		return 0;
	if (mod == 3)
		return length;
	if (rm == 4) {	/* a SIB byte follows */
		if (room < 2)
			return 0;
		length++;
		if (mod == 0 && (modrm[1] & 7) == 5)
			return length + 4;
	}
	if (mod == 1)
		return length + 1;
	if (mod == 2 || (mod == 0 && rm == 5))
		return length + 4;
	return length;
}

bool arch_code_is_call(const uint8_t *before)
{
	const uint8_t *end = before + ARCH_CALL_BYTES;

	if (end[-5] == 0xe8)	/* call rel32 */
		return true;
	for (unsigned n = 2; n <= ARCH_CALL_BYTES; n++)
		if (end[-(int)n] == 0xff &&
		    call_indirect_length(end - n + 1, n - 1) == n)
			return true;
	return false;
}

int arch_code_return_slot(const uint8_t *code)
{
	static const struct {
		uint8_t size, bytes[4];
	} at_rsp[] = {
		{ 4, { 0xf3, 0x0f, 0x1e, 0xfa } },	/* endbr64 */
		{ 4, { 0x55, 0x48, 0x89, 0xe5 } },	/* push, mov rbp */
		{ 4, { 0x55, 0x48, 0x8b, 0xec } },	/* the same */
		{ 1, { 0xc3 } },			/* ret */
		{ 1, { 0xc2 } },			/* ret n */
		{ 2, { 0xf3, 0xc3 } },			/* rep ret */
		{ 2, { 0xf2, 0xc3 } },			/* bnd ret */
		{ 2, { 0xff, 0x25 } },			/* jmp [rip + n] */
		{ 3, { 0xf2, 0xff, 0x25 } },		/* bnd jmp */
	};

	for (size_t i = 0; i < sizeof(at_rsp) / sizeof(at_rsp[0]); i++)
		if (memcmp(code, at_rsp[i].bytes, at_rsp[i].size) == 0)
			return 0;
	/* mov rbp, rsp behind push rbp: the caller's rbp lies at rsp. */
	if (code[-1] == 0x55 && (memcmp(code, "\x48\x89\xe5", 3) == 0 ||
				 memcmp(code, "\x48\x8b\xec", 3) == 0))
		return 8;
	return -1;
}
