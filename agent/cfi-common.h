/* SPDX-License-Identifier: MIT */
/*
 * cfi-common: the rule nearly every address has, read in a hurry.
 *
 * Nearly every record was written by a compiler in one way: CFA = rsp or rbp +
 * offset, return address at CFA - 8, rbp kept or saved below the CFA. To find
 * that, no other register has to be followed and no row to be kept. Where a
 * record says anything else, cfi.h reads it. Async-signal-safe.
 */
#ifndef PROFAGENT_AGENT_CFI_COMMON_H
#define PROFAGENT_AGENT_CFI_COMMON_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/dw-cursor.h"

struct cfi_common {
	uint64_t cfa;		/* bytes from the register up to the CFA */
	uint64_t rbp;		/* saved that many bytes below it; 0: kept */
	bool from_rbp;		/* the register is rbp, not rsp */
};

/*
 * The rule of `pc` as the FDE at `addr` has it. False if it is not of the
 * common kind, if the FDE does not cover pc, is not within [low, high) of
 * `source` or is not as compilers write it: then cfi_fde_read() and
 * cfi_row_find() tell. Where this is true they say the same, but for the
 * registers that are not told here.
 */
bool cfi_common_find(struct cfi_common *rule, const struct dw_source *source,
		     uint64_t addr, uint64_t pc);

#endif
