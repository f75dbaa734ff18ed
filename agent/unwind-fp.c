/* SPDX-License-Identifier: MIT */
/*
 * unwind-fp: walks along frame pointers. Runs in the signal handler and in the
 * flusher. Cheaper to understand than tables, and right only for code built
 * with -fno-omit-frame-pointer; the frame being entered or left is the one
 * place where it can be told from the instruction.
 */
#include "agent/unwind-fp.h"

#include <stddef.h>
#include <string.h>

#include "agent/arch-x86_64.h"
#include "agent/code.h"
#include "agent/modules.h"
#include "agent/prologue.h"
#include "agent/unwind-go.h"

/* Words of a frame looked through for another return address. */
#define PROOF_WORDS 512u

#define FP_KNOWN (ARCH_BIT(ARCH_RBP) | ARCH_BIT(ARCH_RSP) | ARCH_BIT(ARCH_PC))

enum unwind_end unwind_fp_step(struct unwind_regs *regs, struct memory *memory)
{
	uint64_t rbp = regs->reg[ARCH_RBP];
	uint64_t saved, ra;

	if (!(regs->known & ARCH_BIT(ARCH_RBP)))
		return UNWIND_NO_RBP;
	if (rbp == 0)
		return UNWIND_COMPLETE;
	if (rbp < regs->reg[ARCH_RSP] || rbp > UINT64_MAX - 16)
		return UNWIND_NO_PROGRESS;
	if (rbp % 8 != 0 || !memory_read(memory, rbp + 8, &ra) ||
	    !memory_read(memory, rbp, &saved))
		return UNWIND_BAD_STACK;
	if (ra == 0)
		return UNWIND_COMPLETE;
	regs->reg[ARCH_RSP] = rbp + 16;
	regs->reg[ARCH_RBP] = saved;
	regs->reg[ARCH_PC] = ra;
	regs->known = FP_KNOWN;
	return UNWIND_ENDS;
}

bool unwind_is_return_address(struct memory *memory, uint64_t value)
{
	uint8_t before[ARCH_CALL_BYTES];

	if (value < MEMORY_PAGE || value >> ARCH_PC_BITS != 0)
		return false;
	return code_copy(memory, value - sizeof(before), before,
			 sizeof(before)) &&
	       arch_code_is_call(before);
}

/*
 * In a function being entered or left the return address is near rsp, and rbp
 * may not be this function's. Only the instruction tells.
 */
static bool step_by_instruction(struct unwind_regs *regs,
				struct memory *memory)
{
	uint8_t code[1 + ARCH_LEAF_BYTES];	/* and the byte before pc */
	uint64_t rsp = regs->reg[ARCH_RSP];
	uint64_t saved = regs->reg[ARCH_RBP];
	uint64_t ra;
	int slot;

	if (!code_copy(memory, regs->reg[ARCH_PC] - 1, code, sizeof(code)))
		return false;
	slot = arch_code_return_slot(code + 1);
	if (slot < 0 || !memory_read(memory, rsp + (uint64_t)slot, &ra) ||
	    !unwind_is_return_address(memory, ra))
		return false;
	if (slot > 0) {
		if (!memory_read(memory, rsp, &saved))
			return false;
		regs->known |= ARCH_BIT(ARCH_RBP);
	}
	regs->reg[ARCH_RSP] = rsp + (uint64_t)slot + 8;
	regs->reg[ARCH_RBP] = saved;
	regs->reg[ARCH_PC] = ra;
	regs->known &= FP_KNOWN;
	return true;
}

/* --- the backend -------------------------------------------------------- */

static unsigned fp_walk(const struct unwind_regs *from,
			const struct unwind_stack *stack, uint64_t *pcs,
			unsigned max, enum unwind_end *end)
{
	struct unwind_regs regs = *from;
	struct memory memory;
	enum unwind_end step;
	unsigned n = 0;

	*end = UNWIND_DEPTH;
	if (max == 0)
		return 0;
	memory_init(&memory, stack->low, stack->high);
	pcs[n++] = regs.reg[ARCH_PC];
	step = step_by_instruction(&regs, &memory) ?
		       UNWIND_ENDS : unwind_fp_step(&regs, &memory);
	while (step == UNWIND_ENDS) {
		if (n == max)
			return n;
		pcs[n++] = regs.reg[ARCH_PC] - 1;
		step = unwind_fp_step(&regs, &memory);
	}
	*end = step;
	return n;
}

const struct unwind_backend unwind_fp = {
	.name = "fp",
	.walk = fp_walk,
};

/* --- code without tables ------------------------------------------------ */

/* True if `value` lies in code, generated code included. */
static bool is_code(const struct module_table *table, uint64_t value)
{
	return table != NULL && modules_find(table, value) != NULL;
}

/* True if rbp could be a frame's at all: a return address lies above it. */
static bool is_frame(const struct unwind_regs *regs, struct memory *memory)
{
	uint64_t rbp = regs->reg[ARCH_RBP];
	uint64_t value;

	return rbp >= regs->reg[ARCH_RSP] && rbp % 8 == 0 &&
	       rbp < UINT64_MAX - 16 && memory_read(memory, rbp + 8, &value) &&
	       unwind_is_return_address(memory, value);
}

/*
 * A function that does not keep rbp has its own return address somewhere
 * between rsp and its caller's frame. If no word there can be one, the frame at
 * rbp is its own.
 */
static bool frame_is_lone(const struct unwind_regs *regs,
			  struct memory *memory,
			  const struct module_table *table)
{
	uint64_t rsp = regs->reg[ARCH_RSP];
	uint64_t rbp = regs->reg[ARCH_RBP];
	uint64_t value;

	if (rsp % 8 != 0 || rbp - rsp > 8 * PROOF_WORDS ||
	    !is_code(table, regs->reg[ARCH_PC] - 1))
		return false;
	for (uint64_t at = rsp; at <= rbp; at += 8) {
		if (!memory_read(memory, at, &value))
			return false;
		if (is_code(table, value) &&
		    unwind_is_return_address(memory, value))
			return false;
	}
	return true;
}

/*
 * True if the function's code is seen to set rbp up. A function that calls
 * nothing may do without, and then nothing lies above its return address.
 */
static bool frame_is_set_up(const struct unwind_regs *regs,
			    struct memory *memory, bool is_leaf)
{
	uint64_t value;

	if (is_leaf && (!memory_read(memory, regs->reg[ARCH_RSP], &value) ||
			unwind_is_return_address(memory, value)))
		return false;
	return prologue_keeps_rbp(memory, regs->reg[ARCH_PC]);
}

/* --- generated code ----------------------------------------------------- */

/* True if `value` lies in code that no file has: what a runtime made. */
static bool is_generated(const struct module_table *table, uint64_t value)
{
	const struct module *m = NULL;

	if (table != NULL)
		m = modules_find(table, value);
	return m != NULL && m->inode == 0;
}

/* The function that the code before `ra` calls directly, 0: no such call. */
static uint64_t called_function(struct memory *memory, uint64_t ra)
{
	uint8_t code[5];
	int32_t offset;

	if (ra < MEMORY_PAGE || ra >> ARCH_PC_BITS != 0 ||
	    !code_copy(memory, ra - sizeof(code), code, sizeof(code)) ||
	    code[0] != 0xe8)
		return 0;
	memcpy(&offset, code + 1, sizeof(offset));
	return ra + (uint64_t)(int64_t)offset;
}

/* A method of a JIT compiler is at most so large, bytes. */
#define METHOD_MAX (1u << 20)

/*
 * True if the frame at rbp is that of a function that sets rbp up and was
 * called at its entry, and pc is in that function: were it in another one that
 * this had called, a return address into it would lie below.
 */
static bool frame_is_called(const struct unwind_regs *regs,
			    struct memory *memory, bool is_leaf)
{
	uint64_t rsp = regs->reg[ARCH_RSP], rbp = regs->reg[ARCH_RBP];
	uint64_t pc = regs->reg[ARCH_PC] - !is_leaf;
	uint64_t ra, entry, setup, value;

	if (rsp % 8 != 0 || rbp - rsp > 8 * PROOF_WORDS ||
	    !memory_read(memory, rbp + 8, &ra))
		return false;
	entry = called_function(memory, ra);
	if (entry == 0 || entry > pc || pc - entry > METHOD_MAX)
		return false;
	setup = prologue_setup_end(memory, entry);
	if (setup == 0 || pc < setup)
		return false;
	for (uint64_t at = rsp; at < rbp; at += 8) {
		if (!memory_read(memory, at, &value))
			return false;
		if (value > entry && value <= pc &&
		    unwind_is_return_address(memory, value))
			return false;
	}
	return true;
}

/*
 * A frame of HotSpot's interpreter, in words from rbp: the caller's rsp, where
 * the method's variables are, and where its operands begin. All three point to
 * the stack around them, and nothing else looks like that. What returns to it
 * is found in a table: there is no call before that address.
 */
#define HOTSPOT_SENDER (-1)
#define HOTSPOT_LOCALS (-7)
#define HOTSPOT_OPERANDS (-9)
#define HOTSPOT_REACH (1u << 20)

/* True if rbp points to such a frame, of a method that calls from `rsp`. */
static bool is_interpreted(uint64_t rsp, uint64_t rbp, struct memory *memory,
			   const struct module_table *table)
{
	uint64_t ra, sender, locals, operands;

	if (rsp % 8 != 0 || rbp % 8 != 0 || rbp <= rsp ||
	    rbp - rsp > 8 * PROOF_WORDS ||
	    rbp - rsp < 8 * -HOTSPOT_OPERANDS ||
	    !memory_read(memory, rbp + 8, &ra) || !is_generated(table, ra) ||
	    !memory_read(memory, rbp + 8 * HOTSPOT_SENDER, &sender) ||
	    !memory_read(memory, rbp + 8 * HOTSPOT_LOCALS, &locals) ||
	    !memory_read(memory, rbp + 8 * HOTSPOT_OPERANDS, &operands))
		return false;
	return sender % 8 == 0 && sender >= rbp + 16 &&
	       sender - rbp < HOTSPOT_REACH && locals % 8 == 0 &&
	       locals >= rbp + 8 && locals - rbp < HOTSPOT_REACH &&
	       operands % 8 == 0 && operands >= rsp &&
	       operands <= rbp + 8 * HOTSPOT_OPERANDS;
}

/* True if a word at [low, high) is an address in generated code. */
static bool holds_generated(uint64_t low, uint64_t high, struct memory *memory,
			    const struct module_table *table)
{
	uint64_t value;

	for (; low < high; low += 8)
		if (!memory_read(memory, low, &value) ||
		    is_generated(table, value))
			return true;
	return false;
}

/*
 * True if pc is in the interpreter, and so the frame at rbp its own: a method
 * that the interpreter called would have left the way back below.
 */
static bool frame_is_interpreted(const struct unwind_regs *regs,
				 struct memory *memory,
				 const struct module_table *table)
{
	uint64_t rsp = regs->reg[ARCH_RSP], rbp = regs->reg[ARCH_RBP];

	return is_generated(table, regs->reg[ARCH_PC] - 1) &&
	       is_interpreted(rsp, rbp, memory, table) &&
	       !holds_generated(rsp, rbp + 8 * HOTSPOT_OPERANDS, memory, table);
}

/*
 * True if the frame at rbp is that of a compiled method which the interpreter
 * called: it saved the interpreter's. Only methods that all keep rbp do that
 * (-XX:+PreserveFramePointer), so it is that of pc, too, unless pc was called
 * just now.
 */
static bool frame_is_compiled(const struct unwind_regs *regs,
			      struct memory *memory,
			      const struct module_table *table, bool is_leaf)
{
	uint64_t rsp = regs->reg[ARCH_RSP], rbp = regs->reg[ARCH_RBP];
	uint64_t value, ra, saved;

	if (!is_generated(table, regs->reg[ARCH_PC] - 1) || rsp % 8 != 0 ||
	    rbp % 8 != 0 || rbp < rsp || rbp > UINT64_MAX - 16 ||
	    is_interpreted(rsp, rbp, memory, table) ||
	    !memory_read(memory, rbp, &saved) ||
	    !memory_read(memory, rbp + 8, &ra) || !is_generated(table, ra) ||
	    !is_interpreted(rbp + 16, saved, memory, table))
		return false;
	return !is_leaf || (memory_read(memory, rsp, &value) &&
			    !unwind_is_return_address(memory, value));
}

enum unwind_end unwind_fp_step_proven(struct unwind_regs *regs,
				      struct memory *memory, bool is_leaf,
				      enum unwind_end reason)
{
	const struct module_table *table;
	bool is_own, is_first;

	if (!is_leaf && go_step_switch(regs, memory))
		return UNWIND_ENDS;
	if (is_leaf && step_by_instruction(regs, memory))
		return UNWIND_ENDS;
	if (!(regs->known & ARCH_BIT(ARCH_RBP)))
		return UNWIND_NO_RBP;
	table = modules_hold();
	is_first = go_begins_frame(regs, memory);
	is_own = (is_first || is_frame(regs, memory)) &&
		 (frame_is_lone(regs, memory, table) ||
		  frame_is_called(regs, memory, is_leaf) ||
		  frame_is_set_up(regs, memory, is_leaf));
	is_own = is_own || frame_is_interpreted(regs, memory, table) ||
		 frame_is_compiled(regs, memory, table, is_leaf);
	if (reason == UNWIND_NO_MODULE &&
	    is_generated(table, regs->reg[ARCH_PC] - !is_leaf))
		reason = UNWIND_JIT;
	if (table != NULL)
		modules_drop(table);
	if (is_own && is_first)
		return UNWIND_COMPLETE;
	if (!is_own || unwind_fp_step(regs, memory) != UNWIND_ENDS)
		return reason;
	return UNWIND_ENDS;
}
