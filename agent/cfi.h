/* SPDX-License-Identifier: MIT */
/*
 * cfi: call frame information, from one FDE to the registers of the caller.
 *
 * DWARF 5 section 6.4 as .eh_frame uses it (LSB core, "Exception Frames").
 * Nothing read is trusted: every bad byte ends in an error. No allocation, no
 * recursion, bounded time. Async-signal-safe.
 */
#ifndef PROFAGENT_AGENT_CFI_H
#define PROFAGENT_AGENT_CFI_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/dw-cursor.h"
#include "agent/unwind.h"

/* How the caller's value of a register is found. */
enum cfi_how {
	CFI_UNSET = 0,		/* no rule: as the ABI says */
	CFI_UNDEFINED,
	CFI_SAME,
	CFI_OFFSET,		/* at CFA + value */
	CFI_VAL_OFFSET,		/* is CFA + value */
	CFI_REGISTER,		/* is register `value` */
	CFI_EXPRESSION,		/* at the expression's result */
	CFI_VAL_EXPRESSION,	/* is the expression's result */
};

/*
 * One row of the table. The value of an expression is its address relative to
 * the record's (struct cfi_fde, `base`). A row is copied by remember_state, so
 * it is kept small.
 */
struct cfi_row {
	int32_t value[UNWIND_REGS];
	uint32_t ruled;		/* bit N: how[N] is not CFI_UNSET */
	uint8_t how[UNWIND_REGS];
	uint8_t cfa_how;	/* CFI_REGISTER or CFI_EXPRESSION */
	uint8_t cfa_reg;
	int32_t cfa_value;	/* offset from cfa_reg, or expression */
};

/* What is needed of an FDE and its CIE. All addresses are of this process. */
struct cfi_fde {
	uint64_t base;		/* of the FDE's record */
	uint64_t start, end;	/* code it covers, [start, end) */
	uint64_t fde_program, fde_limit;
	uint64_t cie_program, cie_limit;
	uint64_t code_align;
	int64_t data_align;
	uint8_t encoding;	/* of pointers */
	bool has_augmentation;	/* an FDE carries augmentation data */
	bool is_signal;		/* 'S': the caller's pc is not a return */
};

/*
 * Reads the FDE whose record starts at `addr`. False if it is not one.
 */
bool cfi_fde_read(struct cfi_fde *fde, const struct dw_source *source,
		  uint64_t addr);

/*
 * Runs the programs of `fde` up to `pc`, which it covers. False if they do
 * something we do not know.
 */
bool cfi_row_find(struct cfi_row *row, const struct cfi_fde *fde,
		  const struct dw_source *source, uint64_t pc);

/*
 * Applies a row: `regs` become those of the caller, reg[16] its pc (a return
 * address) and reg[7] its rsp. Registers whose value is not known lose their
 * bit in `known`. Reads the stack through source->memory.
 * Returns UNWIND_ENDS when there is a caller; UNWIND_COMPLETE when the return
 * address is undefined; or the reason why it cannot be told, with the register
 * that was missing in *missing (-1: none).
 */
enum unwind_end cfi_row_apply(const struct cfi_row *row,
			      const struct cfi_fde *fde,
			      const struct dw_source *source,
			      struct unwind_regs *regs, int *missing);

#endif
