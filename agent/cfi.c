/* SPDX-License-Identifier: MIT */
/*
 * cfi: call frame information. Runs in the signal handler and in the flusher.
 * A table says what each instruction is; a row holds 17 rules in a hundred
 * bytes, so that the remembered ones fit on a handler's stack.
 */
#include "agent/cfi.h"

#include <stddef.h>
#include <string.h>

#include "agent/arch-x86_64.h"
#include "agent/cfi-expr.h"

/* The largest FDE of chromium takes 20 KiB; more is taken for garbage. */
#define RECORD_MAX (1u << 20)

/* Compilers remember one at a time; a third is taken for garbage. */
#define ROWS_REMEMBERED 2u

/* --- CIE and FDE -------------------------------------------------------- */

/* What a CIE's augmentation string may say, and what each letter carries. */
static bool cie_read_augmentation(struct dw_cursor *c, struct cfi_fde *fde,
				  const char *letters)
{
	uint64_t size, end;

	if (letters[0] == '\0')
		return true;
	if (letters[0] != 'z')
		return false;
	fde->has_augmentation = true;
	size = dw_cursor_uleb(c);
	end = dw_cursor_addr(c) + size;
	if (size > RECORD_MAX)
		return false;
	for (const char *letter = letters + 1; *letter != '\0'; letter++) {
		if (*letter == 'R') {
			fde->encoding = dw_cursor_u8(c);
		} else if (*letter == 'P') {
			uint8_t encoding = dw_cursor_u8(c);

			dw_cursor_pointer(c, encoding & DW_EH_PE_FORMAT, 0);
		} else if (*letter == 'L') {
			dw_cursor_u8(c);
		} else if (*letter == 'S') {
			fde->is_signal = true;
		} else {
			break;	/* 'z' says how to go on without it */
		}
	}
	if (c->bad || dw_cursor_addr(c) > end)
		return false;
	dw_cursor_skip(c, end - dw_cursor_addr(c));
	return !c->bad;
}

/*
 * Opens the record at `addr`: its limit and the field behind its length.
 * False for the terminator and for 64-bit records, which no linker makes.
 */
static bool record_open(struct dw_cursor *c, const struct dw_source *source,
			uint64_t addr, uint32_t *id)
{
	uint64_t length;

	if (addr > UINT64_MAX - 2 * RECORD_MAX)
		return false;
	dw_cursor_init(c, source, addr, addr + RECORD_MAX);
	length = dw_cursor_fixed(c, 4);
	if (length < 4 || length > RECORD_MAX - 4)
		return false;
	dw_cursor_set_limit(c, addr + 4 + length);
	*id = (uint32_t)dw_cursor_fixed(c, 4);
	return !c->bad;
}

static bool cie_read(struct cfi_fde *fde, const struct dw_source *source,
		     uint64_t addr)
{
	struct dw_cursor c;
	uint32_t id;
	uint64_t ra;
	uint8_t version;
	char letters[8];
	size_t n = 0;

	if (!record_open(&c, source, addr, &id) || id != 0)
		return false;
	version = dw_cursor_u8(&c);
	if (version != 1 && version != 3 && version != 4)
		return false;
	while ((letters[n] = (char)dw_cursor_u8(&c)) != '\0')
		if (++n == sizeof(letters))
			return false;
	if (version == 4)	/* sizes of an address and of a selector */
		dw_cursor_fixed(&c, 2);
	fde->code_align = dw_cursor_uleb(&c);
	fde->data_align = dw_cursor_sleb(&c);
	ra = version == 1 ? dw_cursor_u8(&c) : dw_cursor_uleb(&c);
	if (ra != ARCH_PC || !cie_read_augmentation(&c, fde, letters))
		return false;
	fde->cie_program = dw_cursor_addr(&c);
	fde->cie_limit = c.limit;
	return !c.bad;
}

bool cfi_fde_read(struct cfi_fde *fde, const struct dw_source *source,
		  uint64_t addr)
{
	struct dw_cursor c;
	uint32_t id;
	uint64_t size;

	memset(fde, 0, sizeof(*fde));
	if (!record_open(&c, source, addr, &id) || id == 0)
		return false;
	fde->base = addr;
	if (!cie_read(fde, source, addr + 4 - id))
		return false;
	fde->start = dw_cursor_pointer(&c, fde->encoding, 0);
	size = dw_cursor_pointer(&c, fde->encoding & DW_EH_PE_FORMAT, 0);
	if (size > UINT64_MAX - fde->start)
		return false;
	fde->end = fde->start + size;
	if (fde->has_augmentation)
		dw_cursor_skip(&c, dw_cursor_uleb(&c));
	fde->fde_program = dw_cursor_addr(&c);
	fde->fde_limit = c.limit;
	return !c.bad;
}

/* --- programs ----------------------------------------------------------- */

struct program {
	struct dw_cursor code;
	const struct cfi_fde *fde;
	uint64_t pc;			/* of the row looked for */
	uint64_t loc;			/* where the current row begins */
	struct cfi_row *row;
	bool bad;
	bool done;			/* the next row begins behind pc */
	unsigned remembered;
	struct cfi_row initial;		/* after the CIE's program */
	struct cfi_row saved[ROWS_REMEMBERED];
};

typedef void program_op(struct program *p, uint8_t op);

static void rule_set(struct program *p, uint64_t reg, uint8_t how,
		     int64_t value)
{
	if (value != (int32_t)value) {
		p->bad = true;
	} else if (reg < UNWIND_REGS) {	/* vector registers are not ours */
		p->row->ruled |= ARCH_BIT(reg);
		p->row->how[reg] = how;
		p->row->value[reg] = (int32_t)value;
	}
}

static void cfa_set(struct program *p, uint64_t reg, int64_t value)
{
	if (reg >= UNWIND_REGS || value != (int32_t)value) {
		p->bad = true;
		return;
	}
	p->row->cfa_how = CFI_REGISTER;
	p->row->cfa_reg = (uint8_t)reg;
	p->row->cfa_value = (int32_t)value;
}

/* A factored offset; garbage may overflow, and rule_set() then refuses it. */
static int64_t factored(const struct program *p, uint64_t offset)
{
	return (int64_t)(offset * (uint64_t)p->fde->data_align);
}

static void advance_to(struct program *p, uint64_t loc)
{
	p->bad |= loc < p->loc;
	p->done = loc > p->pc;
	p->loc = loc;
}

static void op_advance(struct program *p, uint8_t op)
{
	/* advance_loc1, 2, 4 and the 8 of MIPS */
	unsigned size = op == 0x1d ? 8 : 1u << (op - 0x02);
	uint64_t delta = dw_cursor_fixed(&p->code, size);

	advance_to(p, p->loc + delta * p->fde->code_align);
}

static void op_set_loc(struct program *p, uint8_t op)
{
	(void)op;
	advance_to(p, dw_cursor_pointer(&p->code, p->fde->encoding, 0));
}

static void op_nop(struct program *p, uint8_t op)
{
	(void)p;
	(void)op;
}

/* Register and offset: how, and whether the offset is signed. */
static void op_offset(struct program *p, uint8_t op)
{
	uint64_t reg = dw_cursor_uleb(&p->code);
	bool is_signed = op == 0x11 || op == 0x15;
	uint64_t offset = is_signed ? (uint64_t)dw_cursor_sleb(&p->code) :
				      dw_cursor_uleb(&p->code);
	bool is_value = op == 0x14 || op == 0x15;

	if (op == 0x2f)		/* GNU_negative_offset_extended */
		offset = 0 - offset;
	rule_set(p, reg, is_value ? CFI_VAL_OFFSET : CFI_OFFSET,
		 factored(p, offset));
}

static void restore(struct program *p, uint64_t reg)
{
	if (reg < UNWIND_REGS) {
		p->row->ruled &= ~ARCH_BIT(reg);
		p->row->ruled |= p->initial.ruled & ARCH_BIT(reg);
		p->row->how[reg] = p->initial.how[reg];
		p->row->value[reg] = p->initial.value[reg];
	}
}

static void op_restore(struct program *p, uint8_t op)
{
	(void)op;
	restore(p, dw_cursor_uleb(&p->code));
}

static void op_unsaved(struct program *p, uint8_t op)
{
	rule_set(p, dw_cursor_uleb(&p->code),
		 op == 0x07 ? CFI_UNDEFINED : CFI_SAME, 0);
}

static void op_register(struct program *p, uint8_t op)
{
	uint64_t reg = dw_cursor_uleb(&p->code);
	uint64_t from = dw_cursor_uleb(&p->code);

	(void)op;
	if (from >= UNWIND_REGS)
		p->bad = true;
	else
		rule_set(p, reg, CFI_REGISTER, (int64_t)from);
}

static void op_state(struct program *p, uint8_t op)
{
	if (op == 0x0a && p->remembered < ROWS_REMEMBERED)
		p->saved[p->remembered++] = *p->row;
	else if (op == 0x0b && p->remembered > 0)
		*p->row = p->saved[--p->remembered];
	else
		p->bad = true;
}

static void op_def_cfa(struct program *p, uint8_t op)
{
	uint64_t reg = dw_cursor_uleb(&p->code);
	uint64_t offset;

	if (op == 0x12)
		offset = (uint64_t)factored(p,
					    (uint64_t)dw_cursor_sleb(&p->code));
	else
		offset = dw_cursor_uleb(&p->code);
	cfa_set(p, reg, (int64_t)offset);
}

static void op_def_cfa_register(struct program *p, uint8_t op)
{
	uint64_t reg = dw_cursor_uleb(&p->code);

	(void)op;
	if (p->row->cfa_how != CFI_REGISTER)
		p->bad = true;
	cfa_set(p, reg, p->row->cfa_value);
}

static void op_def_cfa_offset(struct program *p, uint8_t op)
{
	uint64_t offset;

	if (op == 0x13)
		offset = (uint64_t)factored(p,
					    (uint64_t)dw_cursor_sleb(&p->code));
	else
		offset = dw_cursor_uleb(&p->code);
	if (p->row->cfa_how != CFI_REGISTER)
		p->bad = true;
	cfa_set(p, p->row->cfa_reg, (int64_t)offset);
}

/* An expression: where it lies is kept, its bytes are skipped. */
static int64_t expression_skip(struct program *p)
{
	uint64_t addr = dw_cursor_addr(&p->code);

	dw_cursor_skip(&p->code, dw_cursor_uleb(&p->code));
	return (int64_t)(addr - p->fde->base);
}

static void op_def_cfa_expression(struct program *p, uint8_t op)
{
	int64_t where = expression_skip(p);

	(void)op;
	cfa_set(p, 0, where);
	p->row->cfa_how = CFI_EXPRESSION;
}

static void op_expression(struct program *p, uint8_t op)
{
	uint64_t reg = dw_cursor_uleb(&p->code);

	rule_set(p, reg, op == 0x10 ? CFI_EXPRESSION : CFI_VAL_EXPRESSION,
		 expression_skip(p));
}

/* Size of pushed arguments: for landing pads, not for walking. */
static void op_args_size(struct program *p, uint8_t op)
{
	(void)op;
	dw_cursor_uleb(&p->code);
}

/* Instructions whose two high bits are 0; NULL: unknown. */
static program_op *const program_table[64] = {
	[0x00] = op_nop,
	[0x01] = op_set_loc,
	[0x02 ... 0x04] = op_advance,
	[0x05] = op_offset,
	[0x06] = op_restore,
	[0x07 ... 0x08] = op_unsaved,
	[0x09] = op_register,
	[0x0a ... 0x0b] = op_state,
	[0x0c] = op_def_cfa,
	[0x0d] = op_def_cfa_register,
	[0x0e] = op_def_cfa_offset,
	[0x0f] = op_def_cfa_expression,
	[0x10] = op_expression,
	[0x11] = op_offset,
	[0x12] = op_def_cfa,
	[0x13] = op_def_cfa_offset,
	[0x14 ... 0x15] = op_offset,
	[0x16] = op_expression,
	[0x1d] = op_advance,
	[0x2e] = op_args_size,
	[0x2f] = op_offset,
};

static void program_step(struct program *p)
{
	uint8_t op = dw_cursor_u8(&p->code);
	uint8_t low = op & 0x3f;

	switch (op >> 6) {
	case 1:
		advance_to(p, p->loc + low * p->fde->code_align);
		break;
	case 2:
		rule_set(p, low, CFI_OFFSET,
			 factored(p, dw_cursor_uleb(&p->code)));
		break;
	case 3:
		restore(p, low);
		break;
	default:
		if (program_table[low] == NULL)
			p->bad = true;
		else
			program_table[low](p, op);
	}
}

static bool program_run(struct program *p, const struct dw_source *source,
			uint64_t addr, uint64_t limit)
{
	dw_cursor_init(&p->code, source, addr, limit);
	while (!p->done && !p->bad && !dw_cursor_done(&p->code))
		program_step(p);
	return !p->bad && !p->code.bad;
}

bool cfi_row_find(struct cfi_row *row, const struct cfi_fde *fde,
		  const struct dw_source *source, uint64_t pc)
{
	struct program p;

	memset(row, 0, sizeof(*row));
	memset(&p.initial, 0, sizeof(p.initial));
	p.fde = fde;
	p.pc = pc;
	p.loc = fde->start;
	p.row = row;
	p.bad = false;
	p.done = false;
	p.remembered = 0;
	if (!program_run(&p, source, fde->cie_program, fde->cie_limit))
		return false;
	p.initial = *row;
	p.done = false;
	return program_run(&p, source, fde->fde_program, fde->fde_limit) &&
	       row->cfa_how != CFI_UNSET;
}

/* --- applying a row ----------------------------------------------------- */

struct apply {
	const struct cfi_row *row;
	const struct cfi_fde *fde;
	const struct dw_source *source;
	const struct unwind_regs *from;
	uint64_t cfa;
	int *missing;
};

static const enum unwind_end end_of_expr[] = {
	[CFI_EXPR_OK] = UNWIND_ENDS,
	[CFI_EXPR_BAD] = UNWIND_BAD_RULE,
	[CFI_EXPR_UNKNOWN_REG] = UNWIND_BAD_RULE,
	[CFI_EXPR_BAD_READ] = UNWIND_BAD_STACK,
};

static enum unwind_end expression_value(const struct apply *a, int32_t where,
					bool has_initial, uint64_t *value)
{
	return end_of_expr[cfi_expr_eval(
		a->source, a->fde->base + (uint64_t)(int64_t)where, a->from,
		has_initial, a->cfa, value, a->missing)];
}

static enum unwind_end register_value(const struct apply *a, unsigned reg,
				      uint64_t *value)
{
	if (!(a->from->known >> reg & 1)) {
		*a->missing = (int)reg;
		return UNWIND_BAD_RULE;
	}
	*value = a->from->reg[reg];
	return UNWIND_ENDS;
}

static enum unwind_end cfa_value(struct apply *a)
{
	const struct cfi_row *row = a->row;
	enum unwind_end end;

	if (row->cfa_how == CFI_EXPRESSION)
		return expression_value(a, row->cfa_value, false, &a->cfa);
	end = register_value(a, row->cfa_reg, &a->cfa);
	a->cfa += (uint64_t)(int64_t)row->cfa_value;
	return end;
}

/* The caller's value of `reg`; UNWIND_COMPLETE where it is undefined. */
static enum unwind_end rule_value(const struct apply *a, unsigned reg,
				  uint64_t *value)
{
	int32_t offset = a->row->value[reg];
	uint64_t addr = a->cfa + (uint64_t)(int64_t)offset;
	enum unwind_end end;

	switch (a->row->how[reg]) {
	case CFI_SAME:
		return register_value(a, reg, value);
	case CFI_OFFSET:
		break;
	case CFI_VAL_OFFSET:
		*value = addr;
		return UNWIND_ENDS;
	case CFI_REGISTER:
		return register_value(a, (unsigned)offset, value);
	case CFI_EXPRESSION:
		end = expression_value(a, offset, true, &addr);
		if (end != UNWIND_ENDS)
			return end;
		break;
	case CFI_VAL_EXPRESSION:
		return expression_value(a, offset, true, value);
	default:
		return UNWIND_COMPLETE;
	}
	return memory_read(a->source->memory, addr, value) ?
		       UNWIND_ENDS : UNWIND_BAD_STACK;
}

/*
 * All but pc and rsp: what is lost matters only if a caller asks for it. Those
 * without a rule are as they were if the callee had to keep them.
 */
static void apply_others(const struct apply *a, struct unwind_regs *to)
{
	const uint32_t done = ARCH_BIT(ARCH_PC) | ARCH_BIT(ARCH_RSP);
	uint32_t todo = a->row->ruled & ~done;

	to->known = (a->from->known & ARCH_CALLEE_SAVED & ~todo) | done;
	for (; todo != 0; todo &= todo - 1) {
		unsigned reg = (unsigned)__builtin_ctz(todo);

		if (rule_value(a, reg, &to->reg[reg]) == UNWIND_ENDS)
			to->known |= ARCH_BIT(reg);
	}
}

enum unwind_end cfi_row_apply(const struct cfi_row *row,
			      const struct cfi_fde *fde,
			      const struct dw_source *source,
			      struct unwind_regs *regs, int *missing)
{
	struct unwind_regs from = *regs;
	struct apply a = { row, fde, source, &from, 0, missing };
	enum unwind_end end;
	int ignored;

	*missing = -1;
	if (row->how[ARCH_PC] == CFI_UNDEFINED)
		return UNWIND_COMPLETE;
	end = cfa_value(&a);
	if (end != UNWIND_ENDS)
		return end;
	if (row->how[ARCH_PC] == CFI_UNSET)
		return UNWIND_BAD_RULE;
	end = rule_value(&a, ARCH_PC, &regs->reg[ARCH_PC]);
	if (end != UNWIND_ENDS)
		return end;
	regs->reg[ARCH_RSP] = a.cfa;	/* unless there is a rule for it */
	if (row->how[ARCH_RSP] != CFI_UNSET)
		end = rule_value(&a, ARCH_RSP, &regs->reg[ARCH_RSP]);
	if (end != UNWIND_ENDS)
		return end == UNWIND_COMPLETE ? UNWIND_BAD_RULE : end;
	a.missing = &ignored;
	apply_others(&a, regs);
	return UNWIND_ENDS;
}
