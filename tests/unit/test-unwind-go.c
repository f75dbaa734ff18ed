/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/unwind-go.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/arch-x86_64.h"
#include "agent/modules.h"
#include "tests/unit/go-image.h"
#include "tests/unit/runner.h"

/* Code of Go's runtime, and a caller of it behind a call. */
static uint8_t *code;
/* The stack that C runs on, the goroutine's, and the record of that. */
static uint64_t other[16], own[16], g[4];

static struct unwind_regs regs;
static struct memory memory;

static uint64_t at(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static const uint8_t from_other[] = {
	0x48, 0x8b, 0x7c, 0x24, 0x30, 0x48, 0x8b, 0x77, 0x08, 0x48, 0x2b,
	0x74, 0x24, 0x28, 0x64, 0x48, 0x89, 0x3c, 0x25, 0xf8, 0xff, 0xff,
	0xff, 0x48, 0x89, 0xf4, 0x89, 0x44, 0x24, 0x18, 0xc3,
};
static const uint8_t from_same[] = {
	0x48, 0x8b, 0x74, 0x24, 0x28, 0x48, 0x89, 0xf4, 0x89, 0x44, 0x24,
	0x18, 0xc3,
};

static void setup(void)
{
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(code != MAP_FAILED);
	memset(code, 0x31, 4096);
	memcpy(code + 64, from_other, sizeof(from_other));
	memcpy(code + 128, from_same, sizeof(from_same));
	code[251] = 0xe8;		/* a call that ends at 256 */
	code[320] = 0x90;		/* goexit */
	code[321] = 0xe8;
	memset(own, 0, sizeof(own));
	memset(other, 0, sizeof(other));
	g[1] = at(&own[16]);
	other[6] = at(g);
	other[5] = at(&own[16]) - at(&own[4]);
	own[4] = at(code) + 256;
	memset(&regs, 0, sizeof(regs));
	regs.reg[ARCH_PC] = at(code) + 64;
	regs.reg[ARCH_RSP] = at(other);
	regs.reg[ARCH_RBP] = at(&own[6]);
	regs.known = ARCH_KNOWN_ALL;
	memory_init(&memory, 0, 0);
	ck_assert_int_eq(modules_init(NULL), 0);
}

static void teardown(void)
{
	munmap(code, 4096);
}

/* Pages that were read are kept: each look is a walk of its own. */
static bool begins(void)
{
	memory_init(&memory, 0, 0);
	return go_begins_frame(&regs, &memory);
}

static bool switches(void)
{
	memory_init(&memory, 0, 0);
	return go_step_switch(&regs, &memory);
}

static void check_switched(void)
{
	ck_assert(switches());
	ck_assert_uint_eq(regs.reg[ARCH_PC], at(code) + 256);
	ck_assert_uint_eq(regs.reg[ARCH_RSP], at(&own[5]));
	ck_assert_uint_eq(regs.reg[ARCH_RBP], at(&own[6]));
	ck_assert_uint_eq(regs.known, ARCH_BIT(ARCH_PC) | ARCH_BIT(ARCH_RSP) |
			  ARCH_BIT(ARCH_RBP));
}

START_TEST(the_way_back_is_what_the_code_does)
{
	check_switched();
	setup();
	regs.reg[ARCH_PC] = at(code) + 128;
	other[5] = at(&own[4]);
	check_switched();
}
END_TEST

START_TEST(other_code_is_not_followed)
{
	for (unsigned i = 0; i < sizeof(from_other); i++) {
		if (i >= 19 && i < 23)
			continue;	/* where g is kept: the linker's */
		code[64 + i] ^= 1;
		ck_assert(!switches());
		code[64 + i] ^= 1;
	}
	ck_assert(switches());
}
END_TEST

START_TEST(what_leads_nowhere_is_not_followed)
{
	own[4]++;			/* no call ends there */
	ck_assert(!switches());
	setup();
	other[5]++;			/* odd */
	ck_assert(!switches());
	setup();
	other[6] = 1ull << 62;
	ck_assert(!switches());
	setup();
	regs.reg[ARCH_RSP] = UINT64_MAX - 7;
	ck_assert(!switches());
	setup();
	regs.reg[ARCH_PC] = 8;
	ck_assert(!switches());
}
END_TEST

START_TEST(a_goroutine_begins_in_goexit)
{
	regs.reg[ARCH_RSP] = at(own);
	own[7] = at(code) + 321;
	ck_assert(begins());
	own[6] = at(&own[10]);		/* a caller's frame */
	ck_assert(!begins());
	own[6] = 0;
	code[316] = 0xe8;		/* a call that ends there */
	ck_assert(!begins());
	code[316] = 0x31;
	ck_assert(begins());
	own[7]++;
	ck_assert(!begins());
	own[7] = 3;
	ck_assert(!begins());
	regs.reg[ARCH_RBP]++;
	ck_assert(!begins());
	regs.reg[ARCH_RBP] = 0;
	ck_assert(!begins());
}
END_TEST

/* --- by table ----------------------------------------------------------- */

static uint8_t *image;
static struct go_step step;
/* The stack of a goroutine, and the one that the runtime goes over to. */
static uint64_t stack[64], another[16];

static uint64_t pc_of(unsigned offset)
{
	return go_image_pc(image, offset);
}

static void table_setup(void)
{
	char path[] = "/tmp/test-unwind-go-XXXXXX";
	int fd = mkstemp(path);

	image = go_image_new();
	ck_assert_int_ge(fd, 0);
	close(fd);
	go_image_write_maps(image, path);
	ck_assert_int_eq(modules_init(path), 0);
	unlink(path);
	memset(stack, 0, sizeof(stack));
	memset(another, 0, sizeof(another));
}

static void table_teardown(void)
{
	go_image_free(image);
}

/* A step from a function of the program, rsp and rbp at words of the stack. */
static enum unwind_end go_from(unsigned offset, bool is_leaf,
			       const uint64_t *rsp, const uint64_t *rbp)
{
	memset(&regs, 0, sizeof(regs));
	regs.reg[ARCH_PC] = pc_of(offset);
	regs.reg[ARCH_RSP] = at(rsp);
	regs.reg[ARCH_RBP] = at(rbp);
	regs.known = ARCH_KNOWN_ALL;
	memory_init(&memory, 0, 0);
	return go_step_by_table(&regs, &memory, is_leaf, &step);
}

static void check_caller(uint64_t pc, const uint64_t *rsp, const uint64_t *rbp)
{
	ck_assert_uint_eq(regs.reg[ARCH_PC], pc);
	ck_assert_uint_eq(regs.reg[ARCH_RSP], at(rsp));
	ck_assert_uint_eq(regs.reg[ARCH_RBP], at(rbp));
	ck_assert_uint_eq(regs.known, ARCH_BIT(ARCH_PC) | ARCH_BIT(ARCH_RSP) |
			  ARCH_BIT(ARCH_RBP));
}

static void check_rule(uint64_t cfa, uint64_t rbp)
{
	ck_assert(!step.is_exact);
	ck_assert(!step.rule.from_rbp);
	ck_assert_uint_eq(step.rule.cfa, cfa);
	ck_assert_uint_eq(step.rule.rbp, rbp);
}

START_TEST(assembly_without_a_frame)
{
	stack[4] = pc_of(GO_AFTER_LEAF);
	ck_assert_int_eq(go_from(GO_LEAF + 9, true, &stack[4], &stack[9]),
			 UNWIND_ENDS);
	check_caller(pc_of(GO_AFTER_LEAF), &stack[5], &stack[9]);
	check_rule(8, 0);
	stack[4] = pc_of(GO_AFTER_LEAF) + 1;	/* no call ends there */
	ck_assert_int_eq(go_from(GO_LEAF + 9, true, &stack[4], &stack[9]),
			 UNWIND_NO_RULE);
	ck_assert_uint_eq(regs.reg[ARCH_PC], pc_of(GO_LEAF + 9));
	stack[4] = 0;
	ck_assert_int_eq(go_from(GO_LEAF + 9, true, &stack[4], &stack[9]),
			 UNWIND_COMPLETE);
	ck_assert_int_eq(go_from(GO_END, true, &stack[4], &stack[9]),
			 UNWIND_NO_RULE);
}
END_TEST

START_TEST(a_frame_with_and_without_its_rbp)
{
	stack[7] = pc_of(GO_AFTER_LEAF);
	stack[6] = at(&stack[20]);
	ck_assert_int_eq(go_from(GO_FRAME + 9, false, &stack[4], &stack[6]),
			 UNWIND_ENDS);
	check_caller(pc_of(GO_AFTER_LEAF), &stack[8], &stack[20]);
	check_rule(32, 16);
	/* Not set up yet, or undone. */
	ck_assert_int_eq(go_from(GO_FRAME + 9, true, &stack[4], &stack[20]),
			 UNWIND_ENDS);
	check_caller(pc_of(GO_AFTER_LEAF), &stack[8], &stack[20]);
	check_rule(32, 0);
	/* A caller is asked for by its call. */
	ck_assert_int_eq(go_from(GO_FRAME + 52, false, &stack[4], &stack[20]),
			 UNWIND_ENDS);
	check_rule(32, 0);
	ck_assert_int_eq(go_from(GO_FRAME + 52, true, &stack[7], &stack[20]),
			 UNWIND_ENDS);
	check_rule(8, 0);
}
END_TEST

START_TEST(a_blocked_thread_has_no_rbp)
{
	stack[7] = pc_of(GO_AFTER_LEAF);
	regs.reg[ARCH_PC] = pc_of(GO_FRAME + 9);
	regs.reg[ARCH_RSP] = at(&stack[4]);
	regs.known = ARCH_BIT(ARCH_PC) | ARCH_BIT(ARCH_RSP);
	memory_init(&memory, 0, 0);
	ck_assert_int_eq(go_step_by_table(&regs, &memory, false, &step),
			 UNWIND_ENDS);
	ck_assert_uint_eq(regs.reg[ARCH_PC], pc_of(GO_AFTER_LEAF));
	ck_assert_uint_eq(regs.known, ARCH_BIT(ARCH_PC) | ARCH_BIT(ARCH_RSP));
	ck_assert_uint_eq(step.rule.cfa, 0);
}
END_TEST

START_TEST(first_frames)
{
	stack[7] = pc_of(GO_GOEXIT) + 1;
	ck_assert_int_eq(go_from(GO_FRAME + 9, false, &stack[4], &stack[6]),
			 UNWIND_COMPLETE);
	ck_assert(!step.is_no_frame);
	ck_assert_int_eq(go_from(GO_GOEXIT + 1, false, &stack[8], &stack[6]),
			 UNWIND_COMPLETE);
	ck_assert(step.is_no_frame);
	ck_assert_int_eq(go_from(GO_MSTART + 9, false, &stack[8], &stack[6]),
			 UNWIND_COMPLETE);
	ck_assert(!step.is_no_frame);
	ck_assert_int_eq(go_from(GO_MSTART + 9, true, &stack[8], &stack[6]),
			 UNWIND_NO_RULE);
}
END_TEST

START_TEST(what_was_interrupted_is_exact)
{
	stack[5] = pc_of(GO_CALLER + 3);
	stack[4] = at(&stack[20]);
	ck_assert_int_eq(go_from(GO_PREEMPT + 9, false, &stack[4], &stack[4]),
			 UNWIND_ENDS);
	check_caller(pc_of(GO_CALLER + 3), &stack[6], &stack[20]);
	ck_assert(step.is_exact);
	ck_assert(!step.is_no_frame);
	ck_assert_uint_eq(step.rule.cfa, 0);
	/* nothing of it has run, only what it was put before */
	stack[4] = pc_of(GO_CALLER + 3);
	ck_assert_int_eq(go_from(GO_PREEMPT, true, &stack[4], &stack[20]),
			 UNWIND_ENDS);
	check_caller(pc_of(GO_CALLER + 3), &stack[5], &stack[20]);
	ck_assert(step.is_exact && step.is_no_frame);
}
END_TEST

START_TEST(a_function_that_goes_to_another_stack)
{
	stack[7] = pc_of(GO_AFTER_NANOTIME);
	stack[6] = at(&stack[20]);
	ck_assert_int_eq(go_from(GO_NANOTIME + 9, false, another, &stack[6]),
			 UNWIND_ENDS);
	check_caller(pc_of(GO_AFTER_NANOTIME), &stack[8], &stack[20]);
	ck_assert_uint_eq(step.rule.cfa, 0);
	stack[7] = pc_of(GO_AFTER_LEAF);	/* calls another */
	ck_assert_int_eq(go_from(GO_NANOTIME + 9, false, another, &stack[6]),
			 UNWIND_NO_RULE);
}
END_TEST

START_TEST(the_caller_of_systemstack_is_found)
{
	const uint64_t *rbp = &stack[40];

	stack[36] = pc_of(GO_AFTER_SYSTEMSTACK);
	stack[38] = pc_of(GO_AFTER_LEAF);	/* some call of before */
	stack[35] = pc_of(GO_AFTER_SYSTEMSTACK);
	ck_assert_int_eq(go_from(GO_SYSTEMSTACK + 9, false, another, rbp),
			 UNWIND_ENDS);
	check_caller(pc_of(GO_AFTER_SYSTEMSTACK), &stack[37], rbp);
	ck_assert_uint_eq(step.rule.cfa, 0);
	stack[36] = pc_of(GO_AFTER_LEAF);
	ck_assert_int_eq(go_from(GO_SYSTEMSTACK + 9, false, another, rbp),
			 UNWIND_NO_RULE);
	/* Nor is there anything to be found on the stack of the function. */
	ck_assert_int_eq(go_from(GO_SYSTEMSTACK + 9, true, &stack[37], rbp),
			 UNWIND_NO_RULE);
}
END_TEST

/* As Go 1.24 has it. */
START_TEST(systemstack_with_a_frame_of_its_own)
{
	stack[7] = pc_of(GO_AFTER_SYSTEMSTACK);
	stack[6] = at(&stack[20]);
	stack[3] = pc_of(GO_AFTER_SYSTEMSTACK);	/* some call of before */
	ck_assert_int_eq(go_from(GO_SYSTEMSTACK + 9, false, another,
				 &stack[6]), UNWIND_ENDS);
	check_caller(pc_of(GO_AFTER_SYSTEMSTACK), &stack[8], &stack[20]);
	ck_assert_uint_eq(step.rule.cfa, 0);
}
END_TEST

static void add_table_case(Suite *suite)
{
	TCase *tc = tcase_create("by table");

	tcase_add_checked_fixture(tc, table_setup, table_teardown);
	tcase_add_test(tc, assembly_without_a_frame);
	tcase_add_test(tc, a_frame_with_and_without_its_rbp);
	tcase_add_test(tc, a_blocked_thread_has_no_rbp);
	tcase_add_test(tc, first_frames);
	tcase_add_test(tc, what_was_interrupted_is_exact);
	tcase_add_test(tc, a_function_that_goes_to_another_stack);
	tcase_add_test(tc, the_caller_of_systemstack_is_found);
	tcase_add_test(tc, systemstack_with_a_frame_of_its_own);
	suite_add_tcase(suite, tc);
}

int main(void)
{
	Suite *suite = suite_create("unwind-go");
	TCase *tc = tcase_create("unwind-go");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_way_back_is_what_the_code_does);
	tcase_add_test(tc, other_code_is_not_followed);
	tcase_add_test(tc, what_leads_nowhere_is_not_followed);
	tcase_add_test(tc, a_goroutine_begins_in_goexit);
	suite_add_tcase(suite, tc);
	add_table_case(suite);
	return runner_run(suite);
}
