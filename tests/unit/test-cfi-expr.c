/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/cfi-expr.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

static struct memory memory;
static struct dw_source source;
static struct unwind_regs regs;
static uint64_t word = 0x1122334455667788;

static void setup(void)
{
	memory_init(&memory, 0, 0);
	source = (struct dw_source){ 0, UINT64_MAX, &memory };
	for (unsigned i = 0; i < UNWIND_REGS; i++)
		regs.reg[i] = 1000 * i;
	regs.reg[3] = (uint64_t)(uintptr_t)&word;
	regs.known = 0x1ffff & ~(1u << 9);
}

static enum cfi_expr_status eval(const uint8_t *bytes, bool has_initial,
				 uint64_t *result, int *missing)
{
	return cfi_expr_eval(&source, (uint64_t)(uintptr_t)bytes, &regs,
			     has_initial, 5, result, missing);
}

/* The first byte is the length. */
START_TEST(operations)
{
	static const struct {
		uint8_t bytes[24];
		uint64_t result;
	} known[] = {
		{ { 1, 0x30 }, 0 },			/* lit0 */
		{ { 1, 0x4f }, 31 },
		{ { 2, 0x08, 0xff }, 255 },		/* const1u */
		{ { 2, 0x09, 0xff }, (uint64_t)-1 },	/* const1s */
		{ { 3, 0x0a, 0xff, 0xff }, 0xffff },
		{ { 3, 0x0b, 0xfe, 0xff }, (uint64_t)-2 },
		{ { 5, 0x0c, 1, 0, 0, 0x80 }, 0x80000001 },
		{ { 5, 0x0d, 1, 0, 0, 0x80 }, 0xffffffff80000001 },
		{ { 9, 0x0e, 1, 2, 3, 4, 5, 6, 7, 8 }, 0x0807060504030201 },
		{ { 9, 0x0f, 1, 2, 3, 4, 5, 6, 7, 8 }, 0x0807060504030201 },
		{ { 9, 0x03, 1, 2, 3, 4, 5, 6, 7, 8 }, 0x0807060504030201 },
		{ { 3, 0x10, 0x81, 1 }, 129 },		/* constu */
		{ { 2, 0x11, 0x7e }, (uint64_t)-2 },	/* consts */
		{ { 2, 0x77, 8 }, 7008 },		/* breg7 + 8 */
		{ { 3, 0x80, 0x78, 0x96 }, 15992 },	/* breg16 - 8, nop */
		{ { 3, 0x92, 2, 1 }, 2001 },		/* bregx */
		{ { 3, 0x73, 0, 0x06 }, 0x1122334455667788 }, /* deref */
		{ { 4, 0x73, 0, 0x94, 2 }, 0x7788 },	/* deref_size */
		{ { 4, 0x73, 0, 0x94, 8 }, 0x1122334455667788 },
		{ { 3, 0x31, 0x12, 0x22 }, 2 },		/* dup, plus */
		{ { 3, 0x31, 0x32, 0x13 }, 1 },		/* drop */
		{ { 4, 0x33, 0x32, 0x14, 0x1c }, (uint64_t)-1 }, /* over */
		{ { 6, 0x33, 0x32, 0x31, 0x15, 2, 0x96 }, 3 },	/* pick */
		{ { 4, 0x33, 0x32, 0x16, 0x1c }, (uint64_t)-1 }, /* swap */
		{ { 5, 0x33, 0x32, 0x31, 0x17, 0x1c }, 1 },	/* rot */
		{ { 3, 0x09, 0xfb, 0x19 }, 5 },		/* abs */
		{ { 3, 0x3f, 0x3a, 0x1a }, 10 },	/* and */
		{ { 4, 0x09, 0xf9, 0x32, 0x1b }, (uint64_t)-3 }, /* div */
		{ { 3, 0x37, 0x33, 0x1d }, 1 },		/* mod */
		{ { 3, 0x37, 0x33, 0x1e }, 21 },	/* mul */
		{ { 2, 0x35, 0x1f }, (uint64_t)-5 },	/* neg */
		{ { 2, 0x30, 0x20 }, UINT64_MAX },	/* not */
		{ { 3, 0x35, 0x3a, 0x21 }, 15 },	/* or */
		{ { 4, 0x35, 0x23, 0x81, 1 }, 134 },	/* plus_uconst */
		{ { 3, 0x31, 0x34, 0x24 }, 16 },	/* shl */
		{ { 4, 0x31, 0x08, 64, 0x24 }, 0 },
		{ { 4, 0x09, 0xff, 0x33, 0x25 }, UINT64_MAX >> 3 }, /* shr */
		{ { 4, 0x09, 0xf0, 0x32, 0x26 }, (uint64_t)-4 },   /* shra */
		{ { 5, 0x09, 0xf0, 0x08, 99, 0x26 }, (uint64_t)-1 },
		{ { 3, 0x37, 0x33, 0x27 }, 4 },		/* xor */
		{ { 4, 0x09, 0xff, 0x31, 0x2d }, 1 },	/* lt is signed */
		{ { 3, 0x31, 0x31, 0x29 }, 1 },		/* eq */
		{ { 3, 0x31, 0x31, 0x2a }, 1 },		/* ge */
		{ { 3, 0x31, 0x31, 0x2b }, 0 },		/* gt */
		{ { 3, 0x31, 0x31, 0x2c }, 1 },		/* le */
		{ { 3, 0x31, 0x31, 0x2e }, 0 },		/* ne */
		{ { 5, 0x2f, 1, 0, 0x31, 0x32 }, 2 },	/* skip lit1 */
		/* bra */
		{ { 8, 0x39, 0x31, 0x28, 1, 0, 0x13, 0x96, 0x96 }, 9 },
		{ { 8, 0x38, 0x30, 0x28, 1, 0, 0x1f, 0x96, 0x96 },
		  (uint64_t)-8 },
		/* The PLT's: rsp + 8 + ((rip & 15) >= 11) * 8 */
		{ { 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24,
		    0x22 }, 7008 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint64_t result = 12345;
		int missing = -1;

		ck_assert_msg(eval(known[i].bytes, false, &result, &missing) ==
				      CFI_EXPR_OK, "expression %zu", i);
		ck_assert_msg(result == known[i].result,
			      "expression %zu: %#lx", i,
			      (unsigned long)result);
		ck_assert_int_eq(missing, -1);
	}
}
END_TEST

START_TEST(the_initial_value_is_on_the_stack)
{
	static const uint8_t plus_two[] = { 2, 0x32, 0x22 }, empty[] = { 0 };
	uint64_t result;
	int missing = -1;

	ck_assert_int_eq(eval(plus_two, true, &result, &missing), CFI_EXPR_OK);
	ck_assert_uint_eq(result, 7);
	ck_assert_int_eq(eval(empty, true, &result, &missing), CFI_EXPR_OK);
	ck_assert_uint_eq(result, 5);
	ck_assert_int_eq(eval(empty, false, &result, &missing), CFI_EXPR_BAD);
}
END_TEST

START_TEST(what_cannot_be_evaluated_fails)
{
	static const struct {
		uint8_t bytes[16];
		enum cfi_expr_status status;
	} known[] = {
		{ { 1, 0x22 }, CFI_EXPR_BAD },		/* empty stack */
		{ { 1, 0x00 }, CFI_EXPR_BAD },		/* unknown */
		{ { 1, 0x50 }, CFI_EXPR_BAD },		/* reg0: no value */
		{ { 1, 0x9c }, CFI_EXPR_BAD },		/* call_frame_cfa */
		{ { 3, 0x31, 0x30, 0x1b }, CFI_EXPR_BAD },  /* 1 / 0 */
		{ { 3, 0x31, 0x30, 0x1d }, CFI_EXPR_BAD },  /* 1 % 0 */
		{ { 3, 0x2f, 0xfd, 0xff }, CFI_EXPR_BAD },  /* for ever */
		{ { 3, 0x2f, 0xf0, 0xff }, CFI_EXPR_BAD },  /* before start */
		{ { 3, 0x2f, 0x10, 0x00 }, CFI_EXPR_BAD },  /* behind end */
		{ { 4, 0x31, 0x2f, 0xfc, 0xff }, CFI_EXPR_BAD }, /* grows */
		{ { 2, 0x08 }, CFI_EXPR_OK },
		{ { 1, 0x08 }, CFI_EXPR_BAD },		/* cut short */
		{ { 2, 0x15, 1 }, CFI_EXPR_BAD },	/* pick too deep */
		{ { 4, 0x31, 0x94, 9, 0 }, CFI_EXPR_BAD },
		{ { 3, 0x92, 17, 0 }, CFI_EXPR_BAD },	/* no register */
		{ { 2, 0x30, 0x06 }, CFI_EXPR_BAD_READ },
		{ { 2, 0x79, 0 }, CFI_EXPR_UNKNOWN_REG },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint64_t result;
		int missing = -1;
		enum cfi_expr_status status = eval(known[i].bytes, false,
						   &result, &missing);

		ck_assert_msg(status == known[i].status,
			      "expression %zu: %d", i, status);
		ck_assert_int_eq(missing,
				 status == CFI_EXPR_UNKNOWN_REG ? 9 : -1);
	}
}
END_TEST

START_TEST(any_bytes_end)
{
	uint8_t bytes[40];

	srand(2);
	for (int i = 0; i < 100000; i++) {
		uint64_t result;
		int missing;

		for (size_t k = 1; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)rand();
		bytes[0] = (uint8_t)(rand() % 39);
		eval(bytes, true, &result, &missing);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cfi-expr");
	TCase *tc = tcase_create("cfi-expr");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, operations);
	tcase_add_test(tc, the_initial_value_is_on_the_stack);
	tcase_add_test(tc, what_cannot_be_evaluated_fails);
	tcase_add_test(tc, any_bytes_end);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
