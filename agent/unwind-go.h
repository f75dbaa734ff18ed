/* SPDX-License-Identifier: MIT */
/*
 * unwind-go: stacks of Go programs.
 *
 * Where there is Go's own table (agent/go-table.h) its frames are exact, those
 * of its assembly included. Otherwise they are followed by frame pointer, and
 * two places where a stack is not a chain of calls are known by the machine
 * code that is there: the first frame, and where Go goes over to another stack
 * to call C. Code that looks different is not followed. Async-signal-safe.
 */
#ifndef PROFAGENT_AGENT_UNWIND_GO_H
#define PROFAGENT_AGENT_UNWIND_GO_H

#include <stdbool.h>

#include "agent/cfi-common.h"
#include "agent/memory.h"
#include "agent/unwind.h"

/*
 * True if the frame at rbp, if there is one, is the first of a goroutine: its
 * return address is in runtime.goexit, which nobody called from there.
 */
bool go_begins_frame(const struct unwind_regs *regs, struct memory *memory);

/*
 * If pc is where runtime.asmcgocall goes on after its call: goes to its caller,
 * whose stack is another. rsp, pc and, if it was known, rbp are known then.
 */
bool go_step_switch(struct unwind_regs *regs, struct memory *memory);

/* What a step found out besides. */
struct go_step {
	struct cfi_common rule;	/* holds whenever pc is met, if cfa != 0 */
	bool is_exact;		/* the caller was interrupted, not calling */
	bool is_no_frame;	/* pc is no function's that runs: a goroutine's
				 * end, or what a signal put before the leaf */
};

/*
 * Goes to the caller by Go's table; rsp, pc and, if it is known, rbp are known
 * then. `is_leaf`: pc was interrupted, not called from. Returns UNWIND_ENDS;
 * UNWIND_COMPLETE for the first frame of a goroutine or thread; or
 * UNWIND_NO_RULE, with nothing changed, where the table does not tell.
 */
enum unwind_end go_step_by_table(struct unwind_regs *regs,
				 struct memory *memory, bool is_leaf,
				 struct go_step *step);

#endif
