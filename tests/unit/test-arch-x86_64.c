/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/arch-x86_64.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "agent/unwind.h"
#include "tests/unit/runner.h"

/* The bytes as they end at a return address, what was before filled up. */
static bool is_call(const char *bytes, size_t size)
{
	uint8_t code[ARCH_CALL_BYTES];

	memset(code, 0x90, sizeof(code));
	memcpy(code + sizeof(code) - size, bytes, size);
	return arch_code_is_call(code);
}

#define IS_CALL(bytes) is_call(bytes, sizeof(bytes) - 1)

START_TEST(calls_are_seen)
{
	ck_assert(IS_CALL("\xe8\x01\x02\x03\x04"));	/* rel32 */
	ck_assert(IS_CALL("\xff\xd0"));			/* rax */
	ck_assert(IS_CALL("\x41\xff\xd7"));		/* r15 */
	ck_assert(IS_CALL("\xff\x10"));			/* [rax] */
	ck_assert(IS_CALL("\xff\x50\x18"));		/* [rax + 24] */
	ck_assert(IS_CALL("\xff\x90\x00\x01\x00\x00"));	/* [rax + 256] */
	ck_assert(IS_CALL("\xff\x15\x01\x02\x03\x04"));	/* [rip + n] */
	ck_assert(IS_CALL("\x67\xe8\x01\x02\x03\x04"));
	ck_assert(IS_CALL("\xff\x14\xc3"));		/* [rbx + rax * 8] */
	ck_assert(IS_CALL("\xff\x54\xc3\x08"));
	ck_assert(IS_CALL("\xff\x94\xc3\x08\x00\x00\x00"));
	ck_assert(IS_CALL("\xff\x14\xc5\x08\x00\x00\x00"));
	ck_assert(IS_CALL("\x3e\xff\xd0"));		/* notrack */
}
END_TEST

START_TEST(other_instructions_are_not_calls)
{
	ck_assert(!IS_CALL("\xe9\x01\x02\x03\x04"));	/* jmp */
	ck_assert(!IS_CALL("\xff\xe0"));		/* jmp rax */
	ck_assert(!IS_CALL("\xff\x30"));		/* push [rax] */
	ck_assert(!IS_CALL("\xc3"));
	ck_assert(!IS_CALL("\x90\x90\x90\x90\x90\x90\x90"));
	ck_assert(!IS_CALL("\x55\x48\x89\xe5"));
	ck_assert(!IS_CALL("\x00\x00\x00\x00\x00\x00\x00"));
	ck_assert(!IS_CALL("\xff\x25\x01\x02\x03\x04"));	/* jmp [rip] */
}
END_TEST

static int slot_of(uint8_t before, const char *bytes, size_t size)
{
	uint8_t code[1 + ARCH_LEAF_BYTES + 4] = { before };

	memcpy(code + 1, bytes, size);
	return arch_code_return_slot(code + 1);
}

#define slot(before, bytes) slot_of(before, bytes, sizeof(bytes) - 1)

START_TEST(the_return_address_where_a_function_begins_and_ends)
{
	ck_assert_int_eq(slot(0x90, "\xf3\x0f\x1e\xfa"), 0);
	ck_assert_int_eq(slot(0x90, "\x55\x48\x89\xe5"), 0);
	ck_assert_int_eq(slot(0x90, "\x55\x48\x8b\xec"), 0);
	ck_assert_int_eq(slot(0x5d, "\xc3"), 0);
	ck_assert_int_eq(slot(0x5d, "\xf3\xc3"), 0);
	ck_assert_int_eq(slot(0x90, "\xff\x25\x01\x02"), 0);
	ck_assert_int_eq(slot(0x90, "\xf2\xff\x25\x01"), 0);
	ck_assert_int_eq(slot(0x55, "\x48\x89\xe5"), 8);
	ck_assert_int_eq(slot(0x55, "\x48\x8b\xec"), 8);
}
END_TEST

START_TEST(elsewhere_the_instruction_does_not_tell)
{
	ck_assert_int_eq(slot(0x90, "\x48\x89\xe5"), -1);
	ck_assert_int_eq(slot(0x90, "\x55\x53"), -1);	/* push after push */
	ck_assert_int_eq(slot(0x90, "\x48\x83\xec\x10"), -1);
	ck_assert_int_eq(slot(0x55, "\xe8\x01\x02\x03"), -1);
	ck_assert_int_eq(slot(0x55, "\x90"), -1);
}
END_TEST

START_TEST(a_context_is_taken_apart)
{
	static const int gregs[] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX,
				     REG_RSI, REG_RDI, REG_RBP, REG_RSP,
				     REG_R8, REG_R9, REG_R10, REG_R11,
				     REG_R12, REG_R13, REG_R14, REG_R15,
				     REG_RIP };
	struct unwind_regs regs;
	ucontext_t context;

	for (unsigned i = 0; i < UNWIND_REGS; i++)
		context.uc_mcontext.gregs[gregs[i]] = 1000 + i;
	unwind_regs_from_context(&regs, &context);
	for (unsigned i = 0; i < UNWIND_REGS; i++)
		ck_assert_uint_eq(regs.reg[i], 1000 + i);
	ck_assert_uint_eq(regs.known, 0x1ffff);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arch-x86_64");
	TCase *tc = tcase_create("arch-x86_64");

	tcase_add_test(tc, calls_are_seen);
	tcase_add_test(tc, other_instructions_are_not_calls);
	tcase_add_test(tc, the_return_address_where_a_function_begins_and_ends);
	tcase_add_test(tc, elsewhere_the_instruction_does_not_tell);
	tcase_add_test(tc, a_context_is_taken_apart);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
