/* SPDX-License-Identifier: MIT */
/* unwind-go: see unwind-go.h. Runs in the signal handler and in the flusher. */
#include "agent/unwind-go.h"

#include <string.h>

#include "agent/arch-x86_64.h"
#include "agent/code.h"
#include "agent/unwind-fp.h"

/* In the frame that asmcgocall makes on the other stack, bytes from rsp. */
#define SAVED_G 0x30u
#define SAVED_DEPTH 0x28u	/* of the old rsp below its stack's top */
#define SAVED_RSP 0x28u		/* where there is no other stack */
#define STACK_HIGH 8u		/* in a g: the top of its stack */

/*
 * Go starts a goroutine as if goexit had called it behind the nop with which it
 * begins: nop, call. No call ends there. rbp was zero.
 */
bool go_begins_frame(const struct unwind_regs *regs, struct memory *memory)
{
	static const uint8_t goexit[] = { 0x90, 0xe8 };
	uint64_t rbp = regs->reg[ARCH_RBP], saved, ra;
	uint8_t code[sizeof(goexit)];

	return rbp >= regs->reg[ARCH_RSP] && rbp % 8 == 0 &&
	       rbp < UINT64_MAX - 16 && memory_read(memory, rbp, &saved) &&
	       saved == 0 && memory_read(memory, rbp + 8, &ra) &&
	       ra >= MEMORY_PAGE && ra >> ARCH_PC_BITS == 0 &&
	       code_copy(memory, ra - 1, code, sizeof(code)) &&
	       memcmp(code, goexit, sizeof(code)) == 0 &&
	       !unwind_is_return_address(memory, ra);
}

/*
 * What is done after the call, if there was another stack:
 *	mov rdi, [rsp + SAVED_G]; mov rsi, [rdi + STACK_HIGH];
 *	sub rsi, [rsp + SAVED_DEPTH]; mov fs:[...], rdi; mov rsp, rsi;
 *	mov [rsp + 24], eax; ret
 */
static bool is_back_from_other(const uint8_t *code)
{
	static const uint8_t load[] = {
		0x48, 0x8b, 0x7c, 0x24, SAVED_G, 0x48, 0x8b, 0x77, STACK_HIGH,
		0x48, 0x2b, 0x74, 0x24, SAVED_DEPTH, 0x64, 0x48, 0x89, 0x3c,
		0x25,
	};
	static const uint8_t leave[] = {
		0x48, 0x89, 0xf4, 0x89, 0x44, 0x24, 0x18, 0xc3,
	};

	return memcmp(code, load, sizeof(load)) == 0 &&
	       memcmp(code + sizeof(load) + 4, leave, sizeof(leave)) == 0;
}

/* And without one: mov rsi, [rsp + SAVED_RSP]; mov rsp, rsi; ... ret */
static bool is_back_from_same(const uint8_t *code)
{
	static const uint8_t leave[] = {
		0x48, 0x8b, 0x74, 0x24, SAVED_RSP, 0x48, 0x89, 0xf4, 0x89,
		0x44, 0x24, 0x18, 0xc3,
	};

	return memcmp(code, leave, sizeof(leave)) == 0;
}

/* rsp as that code will set it. */
static bool find_old_rsp(uint64_t pc, uint64_t rsp, struct memory *memory,
			 uint64_t *old)
{
	uint8_t code[19 + 4 + 8];
	uint64_t g, high, depth;

	if (!code_copy(memory, pc, code, sizeof(code)))
		return false;
	if (is_back_from_same(code))
		return memory_read(memory, rsp + SAVED_RSP, old);
	if (!is_back_from_other(code) ||
	    !memory_read(memory, rsp + SAVED_G, &g) ||
	    !memory_read(memory, g + STACK_HIGH, &high) ||
	    !memory_read(memory, rsp + SAVED_DEPTH, &depth))
		return false;
	*old = high - depth;
	return true;
}

bool go_step_switch(struct unwind_regs *regs, struct memory *memory)
{
	uint64_t old, ra;

	if (!find_old_rsp(regs->reg[ARCH_PC], regs->reg[ARCH_RSP], memory,
			  &old) ||
	    old % 8 != 0 || !memory_read(memory, old, &ra) ||
	    !unwind_is_return_address(memory, ra))
		return false;
	regs->reg[ARCH_RSP] = old + 8;
	regs->reg[ARCH_PC] = ra;
	regs->known &= ARCH_BIT(ARCH_RBP) | ARCH_BIT(ARCH_RSP) |
		       ARCH_BIT(ARCH_PC);
	return true;
}
