/* SPDX-License-Identifier: MIT */
/*
 * unwind-fp: one step along frame pointers, shared by both walkers.
 */
#ifndef PROFAGENT_AGENT_UNWIND_FP_H
#define PROFAGENT_AGENT_UNWIND_FP_H

#include <stdbool.h>

#include "agent/memory.h"
#include "agent/unwind.h"

/*
 * Goes to the caller of a function that keeps its frame in rbp: return address
 * at rbp + 8, the caller's rbp at rbp. Only rbp, rsp and pc are known then.
 * Returns UNWIND_ENDS when there is a caller, UNWIND_COMPLETE at rbp == 0 or a
 * zero return address, else the reason.
 */
enum unwind_end unwind_fp_step(struct unwind_regs *regs, struct memory *memory);

/* True if `value` could be a return address: code that follows a call. */
bool unwind_is_return_address(struct memory *memory, uint64_t value);

/*
 * The same for code that no unwind table covers, where it can be shown that it
 * does keep rbp: the word at rbp + 8 is a return address, and either no word
 * between rsp and it could be one, or the code that sets rbp up is seen before
 * pc. `is_leaf`: pc was interrupted, not called from; then the entry or exit of
 * a function is also understood. So is Go (agent/unwind-go.h). Returns
 * UNWIND_ENDS, UNWIND_COMPLETE where a goroutine began, UNWIND_NO_RBP, or
 * `reason` if it cannot be shown.
 */
enum unwind_end unwind_fp_step_proven(struct unwind_regs *regs,
				      struct memory *memory, bool is_leaf,
				      enum unwind_end reason);

#endif
