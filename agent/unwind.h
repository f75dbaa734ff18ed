/* SPDX-License-Identifier: MIT */
/*
 * unwind: from the registers of an interrupted thread to its call stack.
 *
 * Each way of walking is one const struct unwind_backend; config chooses by
 * name (PROFAGENT_UNWIND). Everything declared here but `init` runs in the
 * signal handler, or in the flusher for a thread that is blocked: it takes no
 * lock, allocates nothing, calls neither libc nor the loader, never faults
 * and never guesses. A frame that cannot be followed ends the stack with a
 * reason.
 */
#ifndef PROFAGENT_AGENT_UNWIND_H
#define PROFAGENT_AGENT_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

/* Frames kept of one stack unless PROFAGENT_DEPTH says otherwise. */
#define UNWIND_DEPTH_DEFAULT 4096
#define UNWIND_DEPTH_MAX 16384

/*
 * DWARF numbers of the x86-64 psABI (figure 3.36): 0 rax 1 rdx 2 rcx 3 rbx
 * 4 rsi 5 rdi 6 rbp 7 rsp 8..15 r8..r15 16 return address.
 */
#define UNWIND_REGS 17

/*
 * Why a stack ended. The numbers are written into the file (agent/pprof.h,
 * PPROF_SAMPLE_END) and into the shared region: append, never renumber.
 * unwind_end_names[] has a word for each, used by every report.
 */
enum unwind_end {
	UNWIND_COMPLETE = 0,	/* undefined return address or zero */
	UNWIND_DEPTH = 1,	/* PROFAGENT_DEPTH frames were taken */
	UNWIND_NO_ROOM = 2,	/* the ring had no room for more frames */
	UNWIND_NO_MODULE = 3,	/* pc in no mapped object, no frame pointer */
	UNWIND_NO_TABLE = 4,	/* object without unwind table, no fp chain */
	UNWIND_NO_RULE = 5,	/* no table row covers the pc */
	UNWIND_BAD_RULE = 6,	/* a rule we cannot evaluate or trust */
	UNWIND_BAD_STACK = 7,	/* an address needed is not readable stack */
	UNWIND_NO_PROGRESS = 8,	/* the next frame is not above this one */
	UNWIND_NO_RBP = 9,	/* blocked thread, frame needs an unknown rbp */
	UNWIND_JIT = 10,	/* generated code, no frame that can be shown */
	UNWIND_ENDS
};

extern const char *const unwind_end_names[UNWIND_ENDS];

/*
 * Registers where the walk begins. Bit N of `known` says that reg[N] holds
 * thread's value; a signal context knows all, a thread seen from
 * outside only pc (16) and rsp (7).
 */
struct unwind_regs {
	uint64_t reg[UNWIND_REGS];
	uint32_t known;
};

/*
 * Memory that can be read without care while the walk runs, in bytes
 * [low, high): from the interrupted rsp to the end of the thread's stack.
 * An address outside it is read through process_vm_readv and a failure ends
 * the stack. low == high == 0: every read is fault-safe.
 */
struct unwind_stack {
	uint64_t low;
	uint64_t high;
};

/*
 * One way of walking.
 */
struct unwind_backend {
	/* Word of PROFAGENT_UNWIND and of the health line. Required. */
	const char *name;

	/*
	 * Called once, in ordinary context, before the first walk; may read
	 * /proc and map memory. Returns 0 or -errno. Optional.
	 */
	int (*init)(void);

	/*
	 * Walks from `regs` and stores at most `max` addresses, leaf first, in
	 * pcs[]. pcs[0] is the interrupted pc as it is; a caller is stored as
	 * its return address - 1 (so that it lies within the call), except
	 * directly above a signal frame, where it is stored as it is.
	 * Returns how many were stored (at least 1 if max > 0) and sets *end.
	 * Async-signal-safe; uses at most 1.5 KiB of stack. Required.
	 */
	unsigned (*walk)(const struct unwind_regs *regs,
			 const struct unwind_stack *stack,
			 uint64_t *pcs, unsigned max, enum unwind_end *end);

	/*
	 * The list of modules changed: cached rules are stale. Any thread,
	 * any time, also while walks run. Optional.
	 */
	void (*forget)(void);
};

extern const struct unwind_backend unwind_cfi;	/* .eh_frame, the default */
extern const struct unwind_backend unwind_fp;	/* frame pointers */

/* The backend called `name`, NULL if there is none. */
const struct unwind_backend *unwind_find(const char *name);

/* "cfi, fp": for the message about a bad PROFAGENT_UNWIND. */
#define UNWIND_NAMES "cfi, fp"

/*
 * Fills `regs` from the third argument of an SA_SIGINFO handler.
 * Async-signal-safe. Defined in the arch header's .c of this machine.
 */
void unwind_regs_from_context(struct unwind_regs *regs, const void *ucontext);

#endif
