/* SPDX-License-Identifier: MIT */
/*
 * cfi-expr: DWARF expressions in call frame information.
 *
 * DWARF 5 section 2.5, without what section 6.4.2 forbids in such rules. The
 * stack is short and the number of steps bounded. Async-signal-safe.
 */
#ifndef PROFAGENT_AGENT_CFI_EXPR_H
#define PROFAGENT_AGENT_CFI_EXPR_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/dw-cursor.h"
#include "agent/unwind.h"

enum cfi_expr_status {
	CFI_EXPR_OK = 0,
	CFI_EXPR_BAD,		/* malformed, unknown, or too long */
	CFI_EXPR_UNKNOWN_REG,	/* needs a register that is not known */
	CFI_EXPR_BAD_READ,	/* reads what cannot be read */
};

/*
 * Evaluates the expression at `addr` (its ULEB128 length comes first) with
 * `initial` pushed if has_initial. The result is the top of the stack. Where a
 * register is missing its number goes to *missing.
 */
enum cfi_expr_status cfi_expr_eval(const struct dw_source *source,
				   uint64_t addr,
				   const struct unwind_regs *regs,
				   bool has_initial, uint64_t initial,
				   uint64_t *result, int *missing);

#endif
