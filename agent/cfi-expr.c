/* SPDX-License-Identifier: MIT */
/*
 * cfi-expr: a stack machine. Runs in the signal handler and in the flusher;
 * one function for each group of operations, a table says which.
 */
#include "agent/cfi-expr.h"

#include <stddef.h>

/* libcrypto's deepest needs 4, PLT stubs 3. */
#define EXPR_STACK 16u

/* No expression of a known compiler takes 50; a loop in one ends here. */
#define EXPR_STEPS 256u

#define EXPR_BYTES_MAX 4096u

struct expr {
	struct dw_cursor code;
	const struct unwind_regs *regs;
	uint64_t start;			/* address of the first operation */
	unsigned depth;
	enum cfi_expr_status status;
	int missing;			/* register, or -1 */
	uint64_t stack[EXPR_STACK];
};

typedef void expr_op(struct expr *e, uint8_t op);

static void expr_fail(struct expr *e, enum cfi_expr_status status)
{
	if (e->status == CFI_EXPR_OK)
		e->status = status;
}

static void push(struct expr *e, uint64_t value)
{
	if (e->depth == EXPR_STACK)
		expr_fail(e, CFI_EXPR_BAD);
	else
		e->stack[e->depth++] = value;
}

static uint64_t pop(struct expr *e)
{
	if (e->depth == 0) {
		expr_fail(e, CFI_EXPR_BAD);
		return 0;
	}
	return e->stack[--e->depth];
}

/* The entry `index` below the top. */
static uint64_t peek(struct expr *e, unsigned index)
{
	if (index >= e->depth) {
		expr_fail(e, CFI_EXPR_BAD);
		return 0;
	}
	return e->stack[e->depth - 1 - index];
}

static void op_deref(struct expr *e, uint8_t op)
{
	uint64_t addr = pop(e);
	uint64_t value = 0;
	unsigned size = 8;

	if (op == 0x94)			/* deref_size */
		size = dw_cursor_u8(&e->code);
	if (size == 0 || size > 8) {
		expr_fail(e, CFI_EXPR_BAD);
		return;
	}
	if (!memory_read(e->code.source->memory, addr, &value))
		expr_fail(e, CFI_EXPR_BAD_READ);
	if (size < 8)
		value &= ((uint64_t)1 << (8 * size)) - 1;
	push(e, value);
}

/* addr and const1u to const8s: size and sign from the number. */
static void op_const(struct expr *e, uint8_t op)
{
	unsigned size = op == 0x03 ? 8 : 1u << ((op - 0x08) / 2);
	uint64_t value = dw_cursor_fixed(&e->code, size);

	if (op != 0x03 && (op & 1) && size < 8 &&
	    (value >> (8 * size - 1)) & 1)
		value |= ~(uint64_t)0 << (8 * size);
	push(e, value);
}

static void op_leb(struct expr *e, uint8_t op)
{
	push(e, op == 0x10 ? dw_cursor_uleb(&e->code) :
			     (uint64_t)dw_cursor_sleb(&e->code));
}

static void op_lit(struct expr *e, uint8_t op)
{
	push(e, op - 0x30u);
}

static void push_reg(struct expr *e, uint64_t reg, int64_t offset)
{
	if (reg >= UNWIND_REGS) {
		expr_fail(e, CFI_EXPR_BAD);
	} else if (!(e->regs->known >> reg & 1)) {
		e->missing = (int)reg;
		expr_fail(e, CFI_EXPR_UNKNOWN_REG);
	} else {
		push(e, e->regs->reg[reg] + (uint64_t)offset);
	}
}

static void op_breg(struct expr *e, uint8_t op)
{
	uint64_t reg = op == 0x92 ? dw_cursor_uleb(&e->code) : op - 0x70u;

	push_reg(e, reg, dw_cursor_sleb(&e->code));
}

static void op_pick(struct expr *e, uint8_t op)
{
	unsigned index = op == 0x12 ? 0 :	/* dup */
			 op == 0x14 ? 1 :	/* over */
				      dw_cursor_u8(&e->code);

	push(e, peek(e, index));
}

static void op_drop(struct expr *e, uint8_t op)
{
	(void)op;
	pop(e);
}

/* swap, and rot: the top goes to the third place. */
static void op_rotate(struct expr *e, uint8_t op)
{
	uint64_t top = pop(e);
	uint64_t second = pop(e);

	if (op == 0x16) {
		push(e, top);
		push(e, second);
	} else {
		uint64_t third = pop(e);

		push(e, top);
		push(e, third);
		push(e, second);
	}
}

static void op_unary(struct expr *e, uint8_t op)
{
	uint64_t a = pop(e);

	switch (op) {
	case 0x19:	/* abs */
		push(e, (int64_t)a < 0 ? 0 - a : a);
		break;
	case 0x1f:	/* neg */
		push(e, 0 - a);
		break;
	case 0x20:	/* not */
		push(e, ~a);
		break;
	default:	/* plus_uconst */
		push(e, a + dw_cursor_uleb(&e->code));
	}
}

static uint64_t divide(struct expr *e, uint64_t a, uint64_t b)
{
	int64_t divisor = (int64_t)b;

	if (divisor == 0) {
		expr_fail(e, CFI_EXPR_BAD);
		return 0;
	}
	if (divisor == -1)	/* INT64_MIN / -1 traps */
		return 0 - a;
	return (uint64_t)((int64_t)a / divisor);
}

static uint64_t modulo(struct expr *e, uint64_t a, uint64_t b)
{
	if (b == 0) {
		expr_fail(e, CFI_EXPR_BAD);
		return 0;
	}
	return a % b;
}

static uint64_t shift_right_signed(uint64_t a, uint64_t b)
{
	uint64_t sign = (int64_t)a < 0 ? ~(uint64_t)0 : 0;

	if (b == 0)
		return a;
	return b > 63 ? sign : (a >> b) | (sign << (64 - b));
}

static void op_binary(struct expr *e, uint8_t op)
{
	uint64_t b = pop(e);
	uint64_t a = pop(e);

	switch (op) {
	case 0x1a: push(e, a & b); break;
	case 0x1b: push(e, divide(e, a, b)); break;
	case 0x1c: push(e, a - b); break;
	case 0x1d: push(e, modulo(e, a, b)); break;
	case 0x1e: push(e, a * b); break;
	case 0x21: push(e, a | b); break;
	case 0x22: push(e, a + b); break;
	case 0x24: push(e, b > 63 ? 0 : a << b); break;
	case 0x25: push(e, b > 63 ? 0 : a >> b); break;
	case 0x26: push(e, shift_right_signed(a, b)); break;
	default:   push(e, a ^ b);	/* 0x27 */
	}
}

static void op_compare(struct expr *e, uint8_t op)
{
	int64_t b = (int64_t)pop(e);
	int64_t a = (int64_t)pop(e);

	switch (op) {
	case 0x29: push(e, a == b); break;
	case 0x2a: push(e, a >= b); break;
	case 0x2b: push(e, a > b); break;
	case 0x2c: push(e, a <= b); break;
	case 0x2d: push(e, a < b); break;
	default:   push(e, a != b);	/* 0x2e */
	}
}

/* bra and skip */
static void op_branch(struct expr *e, uint8_t op)
{
	int64_t delta = (int16_t)dw_cursor_fixed(&e->code, 2);
	uint64_t from = dw_cursor_addr(&e->code);
	uint64_t to = from + (uint64_t)delta;
	bool is_bad = e->code.bad;

	if (op == 0x28 && pop(e) == 0)
		return;
	if (is_bad || to < e->start || to > e->code.limit)
		expr_fail(e, CFI_EXPR_BAD);
	else
		dw_cursor_init(&e->code, e->code.source, to, e->code.limit);
}

static void op_nop(struct expr *e, uint8_t op)
{
	(void)e;
	(void)op;
}

/* NULL: not an operation that a frame rule may use. */
static expr_op *const expr_table[256] = {
	[0x03] = op_const,
	[0x06] = op_deref,
	[0x08 ... 0x0f] = op_const,
	[0x10 ... 0x11] = op_leb,
	[0x12] = op_pick,
	[0x13] = op_drop,
	[0x14 ... 0x15] = op_pick,
	[0x16 ... 0x17] = op_rotate,
	[0x19] = op_unary,
	[0x1a ... 0x1e] = op_binary,
	[0x1f ... 0x20] = op_unary,
	[0x21 ... 0x22] = op_binary,
	[0x23] = op_unary,
	[0x24 ... 0x27] = op_binary,
	[0x28] = op_branch,
	[0x29 ... 0x2e] = op_compare,
	[0x2f] = op_branch,
	[0x30 ... 0x4f] = op_lit,
	[0x70 ... 0x8f] = op_breg,
	[0x92] = op_breg,
	[0x94] = op_deref,
	[0x96] = op_nop,
};

static void expr_run(struct expr *e)
{
	for (unsigned step = 0; step < EXPR_STEPS; step++) {
		uint8_t op;

		if (e->status != CFI_EXPR_OK || dw_cursor_done(&e->code))
			return;
		op = dw_cursor_u8(&e->code);
		if (expr_table[op] == NULL)
			expr_fail(e, CFI_EXPR_BAD);
		else
			expr_table[op](e, op);
	}
	expr_fail(e, CFI_EXPR_BAD);
}

enum cfi_expr_status cfi_expr_eval(const struct dw_source *source,
				   uint64_t addr,
				   const struct unwind_regs *regs,
				   bool has_initial, uint64_t initial,
				   uint64_t *result, int *missing)
{
	struct expr e;
	uint64_t size;

	e.regs = regs;
	e.depth = 0;
	e.status = CFI_EXPR_OK;
	e.missing = -1;
	if (addr > UINT64_MAX - 3 * EXPR_BYTES_MAX)
		return CFI_EXPR_BAD;
	dw_cursor_init(&e.code, source, addr, addr + EXPR_BYTES_MAX + 10);
	size = dw_cursor_uleb(&e.code);
	if (e.code.bad || size > EXPR_BYTES_MAX)
		return CFI_EXPR_BAD;
	e.start = dw_cursor_addr(&e.code);
	dw_cursor_set_limit(&e.code, e.start + size);
	if (has_initial)
		push(&e, initial);
	expr_run(&e);
	*result = pop(&e);
	if (e.code.bad)
		expr_fail(&e, CFI_EXPR_BAD);
	if (e.missing >= 0)
		*missing = e.missing;
	return e.status;
}
