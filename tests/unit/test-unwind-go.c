/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/unwind-go.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/arch-x86_64.h"
#include "agent/modules.h"
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
	return runner_run(suite);
}
