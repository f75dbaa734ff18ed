/* SPDX-License-Identifier: MIT */
/*
 * unwind-go: the two places where a stack of a Go program is not a chain of
 * calls: its first frame, and where Go goes over to another stack to call C.
 * Both are known by the machine code that is there, not by the version of Go;
 * code that looks different is not followed.
 */
#ifndef PROFAGENT_AGENT_UNWIND_GO_H
#define PROFAGENT_AGENT_UNWIND_GO_H

#include <stdbool.h>

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

#endif
