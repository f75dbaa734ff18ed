/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/unwind-fp.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/arch-x86_64.h"
#include "agent/modules.h"
#include "tests/unit/runner.h"

#define FRAMES 20

/* Generated code: every 64 bytes an instruction `call`, or none. */
static uint8_t *code;

/* A stack of frames of eight words; frame i has its rbp at word 8 i + 6. */
static uint64_t words[8 * FRAMES + 8];

static struct unwind_regs regs;
static struct memory memory;

static uint64_t at(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* The address behind call number `n`. */
static uint64_t ra(unsigned n)
{
	return at(code) + 64 * n + 32;
}

static void setup(void)
{
	code = mmap(NULL, 64 * 1024, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(code != MAP_FAILED);
	memset(code, 0x31, 64 * 1024);
	for (unsigned n = 0; n < 1000; n++)
		code[64 * n + 27] = 0xe8;
	memset(words, 0, sizeof(words));
	for (unsigned i = 0; i < FRAMES; i++) {
		words[8 * i + 6] = at(&words[8 * (i + 1) + 6]);
		words[8 * i + 7] = ra(i + 1);
	}
	words[8 * (FRAMES - 1) + 6] = 0;
	memset(&regs, 0, sizeof(regs));
	regs.reg[ARCH_PC] = ra(0);
	regs.reg[ARCH_RSP] = at(words);
	regs.reg[ARCH_RBP] = at(&words[6]);
	regs.known = ARCH_KNOWN_ALL;
	memory_init(&memory, at(words), at(words) + sizeof(words));
	ck_assert_int_eq(modules_init(NULL), 0);
}

static void teardown(void)
{
	munmap(code, 64 * 1024);
}

static unsigned walk(uint64_t *pcs, unsigned max, enum unwind_end *end)
{
	struct unwind_stack stack = { at(words), at(words) + sizeof(words) };

	return unwind_fp.walk(&regs, &stack, pcs, max, end);
}

START_TEST(a_chain_of_frames_is_walked_to_its_end)
{
	uint64_t pcs[100];
	enum unwind_end end;

	ck_assert_uint_eq(walk(pcs, 100, &end), FRAMES + 1);
	ck_assert_int_eq(end, UNWIND_COMPLETE);
	ck_assert_uint_eq(pcs[0], ra(0));
	for (unsigned i = 1; i <= FRAMES; i++)
		ck_assert_uint_eq(pcs[i], ra(i) - 1);
}
END_TEST

START_TEST(at_most_the_depth_is_taken)
{
	uint64_t pcs[100] = { 0 };
	enum unwind_end end;

	for (unsigned max = 0; max <= FRAMES; max++) {
		ck_assert_uint_eq(walk(pcs, max, &end), max);
		ck_assert_int_eq(end, UNWIND_DEPTH);
		ck_assert_uint_eq(pcs[max], 0);
	}
	ck_assert_uint_eq(walk(pcs, FRAMES + 1, &end), FRAMES + 1);
	ck_assert_int_eq(end, UNWIND_COMPLETE);
}
END_TEST

START_TEST(damaged_frames_end_the_stack)
{
	uint64_t pcs[100];
	enum unwind_end end;

	words[8 * 3 + 6] = at(&words[8 * 3]);		/* down */
	ck_assert_uint_eq(walk(pcs, 100, &end), 5);
	ck_assert_int_eq(end, UNWIND_NO_PROGRESS);
	words[8 * 3 + 6] = at(&words[8 * 4 + 6]) + 1;	/* odd */
	ck_assert_uint_eq(walk(pcs, 100, &end), 5);
	ck_assert_int_eq(end, UNWIND_BAD_STACK);
	words[8 * 3 + 6] = 1ull << 62;			/* not mapped */
	ck_assert_uint_eq(walk(pcs, 100, &end), 5);
	ck_assert_int_eq(end, UNWIND_BAD_STACK);
	words[8 * 3 + 6] = UINT64_MAX - 7;
	ck_assert_uint_eq(walk(pcs, 100, &end), 5);
	ck_assert_int_eq(end, UNWIND_NO_PROGRESS);
	words[8 * 3 + 7] = 0;				/* nobody called it */
	ck_assert_uint_eq(walk(pcs, 100, &end), 4);
	regs.known &= ~ARCH_BIT(ARCH_RBP);
	ck_assert_uint_eq(walk(pcs, 100, &end), 1);
	ck_assert_int_eq(end, UNWIND_NO_RBP);
}
END_TEST

START_TEST(a_function_being_entered_or_left_is_not_skipped)
{
	uint64_t pcs[100];
	enum unwind_end end;

	/* At its first instruction the return address is at rsp. */
	memcpy(code + 32, "\x55\x48\x89\xe5", 4);
	words[0] = ra(500);
	ck_assert_uint_eq(walk(pcs, 100, &end), FRAMES + 2);
	ck_assert_uint_eq(pcs[1], ra(500) - 1);
	ck_assert_uint_eq(pcs[2], ra(1) - 1);
	/* At its second rbp is there as well. */
	regs.reg[ARCH_PC]++;
	words[0] = at(&words[6]);
	words[1] = ra(501);
	regs.reg[ARCH_RBP] = 12345;
	ck_assert_uint_eq(walk(pcs, 100, &end), FRAMES + 2);
	ck_assert_uint_eq(pcs[1], ra(501) - 1);
	ck_assert_uint_eq(pcs[2], ra(1) - 1);
	/* At its last it is at rsp again. */
	code[33] = 0xc3;
	words[0] = ra(502);
	regs.reg[ARCH_RBP] = at(&words[6]);
	ck_assert_uint_eq(walk(pcs, 100, &end), FRAMES + 2);
	ck_assert_uint_eq(pcs[1], ra(502) - 1);
}
END_TEST

/* --- code without tables ------------------------------------------------ */

static enum unwind_end proven(bool is_leaf)
{
	return unwind_fp_step_proven(&regs, &memory, is_leaf,
				     UNWIND_NO_TABLE);
}

START_TEST(a_lone_frame_is_followed)
{
	ck_assert_int_eq(proven(false), UNWIND_ENDS);
	ck_assert_uint_eq(regs.reg[ARCH_PC], ra(1));
	ck_assert_uint_eq(regs.reg[ARCH_RSP], at(&words[8]));
	ck_assert_uint_eq(regs.reg[ARCH_RBP], at(&words[14]));
	ck_assert_uint_eq(regs.known, ARCH_BIT(ARCH_PC) | ARCH_BIT(ARCH_RSP) |
			  ARCH_BIT(ARCH_RBP));
	for (unsigned i = 2; i <= FRAMES; i++)
		ck_assert_int_eq(proven(false), i < FRAMES + 1 ?
				 UNWIND_ENDS : UNWIND_NO_TABLE);
}
END_TEST

START_TEST(another_return_address_in_the_frame_is_a_doubt)
{
	words[3] = ra(77);
	ck_assert_int_eq(proven(false), UNWIND_NO_TABLE);
	words[3] = ra(77) + 1;		/* no call before it */
	ck_assert_int_eq(proven(false), UNWIND_ENDS);
}
END_TEST

START_TEST(code_that_sets_rbp_up_removes_the_doubt)
{
	words[3] = ra(77);
	memset(code, 0xcc, 16);
	memcpy(code + 16, "\x55\x48\x89\xe5", 4);
	ck_assert_int_eq(proven(false), UNWIND_ENDS);
	setup();
	words[3] = ra(77);
	memset(code, 0xcc, 16);
	memcpy(code + 16, "\x55\x48\x89\xe5", 4);
	ck_assert_int_eq(proven(true), UNWIND_ENDS);
	/* But a leaf may have no frame: then this is its return address. */
	setup();
	words[0] = ra(77);
	memset(code, 0xcc, 16);
	memcpy(code + 16, "\x55\x48\x89\xe5", 4);
	ck_assert_int_eq(proven(true), UNWIND_NO_TABLE);
}
END_TEST

START_TEST(what_is_no_frame_is_not_followed)
{
	words[7] = ra(1) + 1;		/* nothing was called there */
	ck_assert_int_eq(proven(false), UNWIND_NO_TABLE);
	setup();
	regs.reg[ARCH_RBP] = at(words) - 8;
	ck_assert_int_eq(proven(false), UNWIND_NO_TABLE);
	setup();
	regs.reg[ARCH_RBP] += 4;
	ck_assert_int_eq(proven(false), UNWIND_NO_TABLE);
	setup();
	regs.reg[ARCH_RBP] = 0;
	ck_assert_int_eq(proven(false), UNWIND_NO_TABLE);
	setup();
	regs.reg[ARCH_RBP] = UINT64_MAX - 7;
	ck_assert_int_eq(proven(false), UNWIND_NO_TABLE);
	setup();
	regs.reg[ARCH_PC] = 12345;	/* in no code */
	ck_assert_int_eq(proven(false), UNWIND_NO_TABLE);
	setup();
	regs.known &= ~ARCH_BIT(ARCH_RBP);
	ck_assert_int_eq(proven(false), UNWIND_NO_RBP);
}
END_TEST

/* --- generated code ----------------------------------------------------- */

/* An address in code that no call ends at. */
static uint64_t inside(unsigned n)
{
	return at(code) + 64 * n + 5;
}

/* A frame of an interpreter at word 40, of a method that calls from word 20. */
static void put_interpreted(void)
{
	memset(&words[20], 0, 21 * sizeof(words[0]));
	words[40] = at(&words[70]);
	words[41] = inside(9);
	words[39] = at(&words[44]);	/* the caller's rsp */
	words[33] = at(&words[43]);	/* variables */
	words[31] = at(&words[30]);	/* operands */
}

START_TEST(a_frame_of_the_interpreter_is_known_by_its_pointers)
{
	static const unsigned pointers[] = { 39, 33, 31, 41 };

	put_interpreted();
	regs.reg[ARCH_RSP] = at(&words[20]);
	regs.reg[ARCH_RBP] = at(&words[40]);
	ck_assert_int_eq(proven(false), UNWIND_ENDS);
	ck_assert_uint_eq(regs.reg[ARCH_PC], inside(9));
	ck_assert_uint_eq(regs.reg[ARCH_RSP], at(&words[42]));
	ck_assert_uint_eq(regs.reg[ARCH_RBP], at(&words[70]));
	for (size_t i = 0; i < 4; i++) {
		setup();
		put_interpreted();
		words[pointers[i]] = 7;
		regs.reg[ARCH_RSP] = at(&words[20]);
		regs.reg[ARCH_RBP] = at(&words[40]);
		ck_assert_int_eq(proven(false), UNWIND_NO_TABLE);
	}
	/* It called pc, which has a frame of its own. */
	setup();
	put_interpreted();
	words[25] = inside(30);
	regs.reg[ARCH_RSP] = at(&words[20]);
	regs.reg[ARCH_RBP] = at(&words[40]);
	ck_assert_int_eq(proven(false), UNWIND_NO_TABLE);
}
END_TEST

/* A method with its frame at word 10, and something old within. */
static void put_compiled(void)
{
	setup();
	put_interpreted();
	words[10] = at(&words[40]);
	words[11] = inside(8);
	words[3] = ra(77);
	regs.reg[ARCH_RBP] = at(&words[10]);
}

START_TEST(what_the_interpreter_called_keeps_a_frame)
{
	put_compiled();
	ck_assert_int_eq(proven(false), UNWIND_ENDS);
	ck_assert_uint_eq(regs.reg[ARCH_PC], inside(8));
	ck_assert_uint_eq(regs.reg[ARCH_RSP], at(&words[12]));
	ck_assert_uint_eq(regs.reg[ARCH_RBP], at(&words[40]));
	put_compiled();
	ck_assert_int_eq(proven(true), UNWIND_ENDS);
	put_compiled();
	words[0] = ra(77);		/* was called just now */
	ck_assert_int_eq(proven(true), UNWIND_NO_TABLE);
	put_compiled();
	words[33] = 7;			/* no interpreter below */
	ck_assert_int_eq(proven(false), UNWIND_NO_TABLE);
}
END_TEST

/* pc in a long function that `ra(1)` is behind a call of. */
static void put_called(void)
{
	int32_t offset = (int32_t)(at(code) + 8 - ra(1));

	setup();
	memcpy(code + 64 + 28, &offset, sizeof(offset));
	memcpy(code + 15, "\x55\x48\x8b\xec", 4);
	regs.reg[ARCH_PC] = ra(40);
	words[3] = ra(77);
}

START_TEST(a_call_of_the_function_removes_the_doubt)
{
	put_called();
	ck_assert_int_eq(proven(false), UNWIND_ENDS);
	ck_assert_uint_eq(regs.reg[ARCH_PC], ra(1));
	ck_assert_uint_eq(regs.reg[ARCH_RSP], at(&words[8]));
	put_called();
	words[3] = ra(20);		/* it called something itself */
	ck_assert_int_eq(proven(false), UNWIND_NO_TABLE);
	put_called();
	code[15] = 0x31;		/* does not set rbp up */
	ck_assert_int_eq(proven(false), UNWIND_NO_TABLE);
	put_called();
	regs.reg[ARCH_PC] = at(code) + 17;	/* not yet */
	ck_assert_int_eq(proven(false), UNWIND_NO_TABLE);
}
END_TEST

START_TEST(generated_code_is_called_so)
{
	words[3] = ra(77);
	ck_assert_int_eq(unwind_fp_step_proven(&regs, &memory, false,
					       UNWIND_NO_MODULE), UNWIND_JIT);
	regs.reg[ARCH_PC] = 12345;
	ck_assert_int_eq(unwind_fp_step_proven(&regs, &memory, false,
					       UNWIND_NO_MODULE),
			 UNWIND_NO_MODULE);
}
END_TEST

START_TEST(any_registers_end)
{
	uint64_t pcs[50];
	enum unwind_end end;

	srand(7);
	for (int round = 0; round < 20000; round++) {
		uint64_t *some[] = { &regs.reg[ARCH_PC], &regs.reg[ARCH_RSP],
				     &regs.reg[ARCH_RBP] };

		for (int i = 0; i < 3; i++)
			*some[i] = rand() % 2 ? at(words) +
					       (uint64_t)(rand() % 2000) :
				   rand() % 2 ? ra((unsigned)rand() % 1000) :
						(uint64_t)rand() << 20;
		words[rand() % 150] = rand() % 2 ? ra((unsigned)rand() % 999) :
				      at(words) + (uint64_t)(rand() % 2000);
		walk(pcs, 50, &end);
		ck_assert_uint_lt(end, UNWIND_ENDS);
		proven(round % 2);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unwind-fp");
	TCase *tc = tcase_create("unwind-fp");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_chain_of_frames_is_walked_to_its_end);
	tcase_add_test(tc, at_most_the_depth_is_taken);
	tcase_add_test(tc, damaged_frames_end_the_stack);
	tcase_add_test(tc, a_function_being_entered_or_left_is_not_skipped);
	tcase_add_test(tc, a_lone_frame_is_followed);
	tcase_add_test(tc, another_return_address_in_the_frame_is_a_doubt);
	tcase_add_test(tc, code_that_sets_rbp_up_removes_the_doubt);
	tcase_add_test(tc, what_is_no_frame_is_not_followed);
	tcase_add_test(tc, a_frame_of_the_interpreter_is_known_by_its_pointers);
	tcase_add_test(tc, what_the_interpreter_called_keeps_a_frame);
	tcase_add_test(tc, a_call_of_the_function_removes_the_doubt);
	tcase_add_test(tc, generated_code_is_called_so);
	tcase_add_test(tc, any_registers_end);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
