/* SPDX-License-Identifier: MIT */
/*
 * arch-x86_64: what the walkers know about this machine.
 *
 * Register numbers are those of DWARF, x86-64 psABI figure 3.36. A port adds a
 * header like this one and the .c beside it.
 */
#ifndef PROFAGENT_AGENT_ARCH_X86_64_H
#define PROFAGENT_AGENT_ARCH_X86_64_H

#include <stdint.h>

enum arch_reg {
	ARCH_RAX = 0,
	ARCH_RDX = 1,
	ARCH_RCX = 2,
	ARCH_RBX = 3,
	ARCH_RSI = 4,
	ARCH_RDI = 5,
	ARCH_RBP = 6,
	ARCH_RSP = 7,
	ARCH_R8 = 8,
	ARCH_R12 = 12,
	ARCH_R15 = 15,
	ARCH_PC = 16,
};

#define ARCH_BIT(reg) (1u << (reg))

/* Every register that a signal context holds. */
#define ARCH_KNOWN_ALL 0x1ffffu

/* Kept by a function for its caller: rbx, rbp, r12 to r15 (psABI 3.2.1). */
#define ARCH_CALLEE_SAVED \
	(ARCH_BIT(ARCH_RBX) | ARCH_BIT(ARCH_RBP) | (0xfu << ARCH_R12))

/*
 * Addresses of code that a program can have without asking for more: 47 bits.
 * What lies above (the vsyscall page) is not cached.
 */
#define ARCH_PC_BITS 47

/* Bytes of code that arch_code_is_call() looks at. */
#define ARCH_CALL_BYTES 7

/*
 * True if the ARCH_CALL_BYTES bytes before a return address end in a call
 * instruction. Async-signal-safe.
 */
_Bool arch_code_is_call(const uint8_t *before);

/* Bytes from pc on that arch_code_return_slot() looks at. */
#define ARCH_LEAF_BYTES 4

/*
 * Where the return address lies when the next instruction is the one at `code`
 * and that is a function's first, second or last: bytes above rsp (if not 0 the
 * caller's rbp lies at rsp), or -1 if the instruction does not tell. Looks at
 * code[-1] as well. Async-signal-safe.
 */
int arch_code_return_slot(const uint8_t *code);

#endif
