/* SPDX-License-Identifier: MIT */
/* unwind-go: stacks of Go. Runs in the signal handler and in the flusher. */
#include "agent/unwind-go.h"

#include <string.h>

#include "agent/arch-x86_64.h"
#include "agent/code.h"
#include "agent/go-table.h"
#include "agent/modules.h"
#include "agent/unwind-fp.h"

/* In the frame that asmcgocall makes on the other stack, bytes from rsp. */
#define SAVED_G 0x30u
#define SAVED_DEPTH 0x28u	/* of the old rsp below its stack's top */
#define SAVED_RSP 0x28u		/* where there is no other stack */
#define STACK_HIGH 8u		/* in a g: the top of its stack */

#define GO_KNOWN (ARCH_BIT(ARCH_RBP) | ARCH_BIT(ARCH_RSP) | ARCH_BIT(ARCH_PC))

/*
 * Go starts a goroutine as if goexit had called it behind the nop with which it
 * begins: nop, call. No call ends there.
 */
static bool is_in_goexit(struct memory *memory, uint64_t ra)
{
	static const uint8_t goexit[] = { 0x90, 0xe8 };
	uint8_t code[sizeof(goexit)];

	return ra >= MEMORY_PAGE && ra >> ARCH_PC_BITS == 0 &&
	       code_copy(memory, ra - 1, code, sizeof(code)) &&
	       memcmp(code, goexit, sizeof(code)) == 0 &&
	       !unwind_is_return_address(memory, ra);
}

/* rbp was zero before it. */
bool go_begins_frame(const struct unwind_regs *regs, struct memory *memory)
{
	uint64_t rbp = regs->reg[ARCH_RBP], saved, ra;

	return rbp >= regs->reg[ARCH_RSP] && rbp % 8 == 0 &&
	       rbp < UINT64_MAX - 16 && memory_read(memory, rbp, &saved) &&
	       saved == 0 && memory_read(memory, rbp + 8, &ra) &&
	       is_in_goexit(memory, ra);
}

/*
 * What is done after the call, if there was another stack:
 *	mov rdi, [rsp + SAVED_G]; mov rsi, [rdi + STACK_HIGH];
 *	sub rsi, [rsp + SAVED_DEPTH]; mov fs:[...], rdi; mov rsp, rsi;
 *	mov [rsp + 24], eax; ret
 */
static bool is_back_from_other(const uint8_t *code)
{
	static const uint8_t load[] = {
		0x48, 0x8b, 0x7c, 0x24, SAVED_G, 0x48, 0x8b, 0x77, STACK_HIGH,
		0x48, 0x2b, 0x74, 0x24, SAVED_DEPTH, 0x64, 0x48, 0x89, 0x3c,
		0x25,
	};
	static const uint8_t leave[] = {
		0x48, 0x89, 0xf4, 0x89, 0x44, 0x24, 0x18, 0xc3,
	};

	return memcmp(code, load, sizeof(load)) == 0 &&
	       memcmp(code + sizeof(load) + 4, leave, sizeof(leave)) == 0;
}

/* And without one: mov rsi, [rsp + SAVED_RSP]; mov rsp, rsi; ... ret */
static bool is_back_from_same(const uint8_t *code)
{
	static const uint8_t leave[] = {
		0x48, 0x8b, 0x74, 0x24, SAVED_RSP, 0x48, 0x89, 0xf4, 0x89,
		0x44, 0x24, 0x18, 0xc3,
	};

	return memcmp(code, leave, sizeof(leave)) == 0;
}

/* rsp as that code will set it. */
static bool find_old_rsp(uint64_t pc, uint64_t rsp, struct memory *memory,
			 uint64_t *old)
{
	uint8_t code[19 + 4 + 8];
	uint64_t g, high, depth;

	if (!code_copy(memory, pc, code, sizeof(code)))
		return false;
	if (is_back_from_same(code))
		return memory_read(memory, rsp + SAVED_RSP, old);
	if (!is_back_from_other(code) ||
	    !memory_read(memory, rsp + SAVED_G, &g) ||
	    !memory_read(memory, g + STACK_HIGH, &high) ||
	    !memory_read(memory, rsp + SAVED_DEPTH, &depth))
		return false;
	*old = high - depth;
	return true;
}

bool go_step_switch(struct unwind_regs *regs, struct memory *memory)
{
	uint64_t old, ra;

	if (!find_old_rsp(regs->reg[ARCH_PC], regs->reg[ARCH_RSP], memory,
			  &old) ||
	    old % 8 != 0 || !memory_read(memory, old, &ra) ||
	    !unwind_is_return_address(memory, ra))
		return false;
	regs->reg[ARCH_RSP] = old + 8;
	regs->reg[ARCH_PC] = ra;
	regs->known &= GO_KNOWN;
	return true;
}

/* --- by table ----------------------------------------------------------- */

/* Functions of the runtime that are not as others. */
enum role {
	ROLE_USUAL,
	ROLE_FIRST,		/* nobody called it on this stack */
	ROLE_GOEXIT,		/* nor this, and it called nobody */
	ROLE_INJECTED,		/* as if called from where a signal came */
	ROLE_SWITCHED,		/* its rsp is another stack's, rbp is not */
	ROLE_CALLS_ELSEWHERE,	/* the same, or it has no frame itself */
	ROLE_UNKNOWN,		/* on which stack it is nothing tells */
};

#define NAME_MAX_SIZE 24u

static const struct {
	char name[NAME_MAX_SIZE];
	enum role role;
} special[] = {
	{ "runtime.asmcgocall", ROLE_CALLS_ELSEWHERE },
	{ "runtime.asyncPreempt", ROLE_INJECTED },
	{ "runtime.cgocallback", ROLE_UNKNOWN },
	{ "runtime.goexit", ROLE_GOEXIT },
	{ "runtime.mcall", ROLE_FIRST },
	{ "runtime.morestack", ROLE_UNKNOWN },
	{ "runtime.mstart", ROLE_FIRST },
	{ "runtime.nanotime1", ROLE_SWITCHED },
	{ "runtime.rt0_go", ROLE_FIRST },
	{ "runtime.systemstack", ROLE_CALLS_ELSEWHERE },
	{ "runtime.walltime", ROLE_SWITCHED },
	{ "time.now", ROLE_SWITCHED },
};

/* Where a frame is looked for: the table, and how it can be read. */
struct place {
	struct go_table table;
	struct dw_source source;
	struct go_function function;
};

static bool place_from_module(struct place *p, const struct module *m)
{
	if (m == NULL || m->go.count == 0)
		return false;
	p->table = m->go;
	p->source.low = m->resident ? m->table_low : 0;
	p->source.high = m->resident ? m->table_high : 0;
	return true;
}

/* The module is mostly one that stays: its table needs no holding. */
static bool place_find_module(struct place *p, uint64_t pc)
{
	const struct module_table *table = modules_resident();
	const struct module *m = NULL;
	bool found;

	if (table != NULL)
		m = modules_find(table, pc);
	if (m != NULL && m->resident)
		return place_from_module(p, m);
	table = modules_hold();
	if (table == NULL)
		return false;
	found = place_from_module(p, modules_find(table, pc));
	modules_drop(table);
	return found;
}

/* The table that tells of `pc`, and the function that holds it. */
static bool place_find(struct place *p, struct memory *memory, uint64_t pc)
{
	p->source.memory = memory;
	return place_find_module(p, pc) &&
	       go_table_find(&p->table, &p->source, pc, &p->function);
}

static enum role place_role(const struct place *p)
{
	char name[NAME_MAX_SIZE];

	go_table_name(&p->table, &p->source, &p->function, name, sizeof(name));
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (strcmp(name, special[i].name) == 0)
			return special[i].role;
	return ROLE_USUAL;
}

/* True if the code before `ra` is a direct call of the function at `entry`. */
static bool is_call_of(struct memory *memory, uint64_t ra, uint64_t entry)
{
	uint8_t code[5];
	int32_t offset;

	if (ra < MEMORY_PAGE || ra >> ARCH_PC_BITS != 0 ||
	    !code_copy(memory, ra - sizeof(code), code, sizeof(code)))
		return false;
	memcpy(&offset, code + 1, sizeof(offset));
	return code[0] == 0xe8 && ra + (uint64_t)(int64_t)offset == entry;
}

/*
 * To the caller whose return address lies at `at`. A function that keeps its
 * frame in rbp has saved the caller's below it; one that does not, not yet or
 * no more, left it alone.
 */
static bool step_to(struct unwind_regs *regs, struct memory *memory,
		    uint64_t at, uint64_t ra)
{
	uint64_t rbp = regs->reg[ARCH_RBP];

	if (regs->known & ARCH_BIT(ARCH_RBP) && rbp == at - 8 &&
	    !memory_read(memory, rbp, &rbp))
		return false;
	regs->reg[ARCH_RBP] = rbp;
	regs->reg[ARCH_RSP] = at + 8;
	regs->reg[ARCH_PC] = ra;
	regs->known &= GO_KNOWN;
	return true;
}

/* A frame with the return address where the table has it. */
static enum unwind_end step_usual(struct unwind_regs *regs,
				  struct memory *memory, const struct place *p,
				  uint64_t pc, bool is_injected,
				  struct go_step *step)
{
	uint64_t rbp = regs->reg[ARCH_RBP];
	uint64_t depth, at, ra;

	if (!go_table_depth(&p->table, &p->source, &p->function, pc, &depth))
		return UNWIND_NO_RULE;
	at = regs->reg[ARCH_RSP] + depth;
	if (!memory_read(memory, at, &ra))
		return UNWIND_NO_RULE;
	if (ra == 0 || is_in_goexit(memory, ra))
		return UNWIND_COMPLETE;
	if ((!is_injected && !unwind_is_return_address(memory, ra)) ||
	    !step_to(regs, memory, at, ra))
		return UNWIND_NO_RULE;
	step->is_exact = is_injected;
	if (!is_injected && regs->known & ARCH_BIT(ARCH_RBP)) {
		step->rule.cfa = depth + 8;
		step->rule.rbp = rbp == at - 8 ? 16 : 0;
	}
	return UNWIND_ENDS;
}

/* rbp is the frame's if above it is where the function was called. */
static enum unwind_end step_switched(struct unwind_regs *regs,
				     struct memory *memory,
				     const struct place *p)
{
	uint64_t at = regs->reg[ARCH_RBP] + 8, ra;

	if (!(regs->known & ARCH_BIT(ARCH_RBP)) ||
	    !memory_read(memory, at, &ra) ||
	    !is_call_of(memory, ra, p->function.entry) ||
	    !step_to(regs, memory, at, ra))
		return UNWIND_NO_RULE;
	return UNWIND_ENDS;
}

/* Bytes of the goroutine's stack looked through, and at a time. */
#define CALLER_REACH 2048u
#define CALLER_WORDS 16u

/*
 * systemstack and asmcgocall call a function on the thread's own stack. rbp is
 * that of their own frame, or, in older Go that gives them none, their caller's:
 * below it, on the goroutine's stack, is the call. Its place is the right one
 * if the table says that the frame that called from there has rbp where it is.
 */
static bool is_its_caller(struct memory *memory, struct place *p,
			  uint64_t entry, uint64_t at, uint64_t ra,
			  uint64_t rbp)
{
	uint64_t depth;

	return ra > p->table.text && ra < p->table.text_end &&
	       is_call_of(memory, ra, entry) &&
	       go_table_find(&p->table, &p->source, ra - 1, &p->function) &&
	       go_table_depth(&p->table, &p->source, &p->function, ra - 1,
			      &depth) &&
	       at + depth == rbp;
}

static enum unwind_end step_elsewhere(struct unwind_regs *regs,
					struct memory *memory, struct place *p)
{
	uint64_t entry = p->function.entry;
	uint64_t rbp = regs->reg[ARCH_RBP], at = rbp;
	uint64_t words[CALLER_WORDS];

	if (!(regs->known & ARCH_BIT(ARCH_RBP)) || rbp % 8 != 0 ||
	    rbp < CALLER_REACH)
		return UNWIND_NO_RULE;
	if (step_switched(regs, memory, p) == UNWIND_ENDS)
		return UNWIND_ENDS;
	while (rbp - at < CALLER_REACH) {
		at -= sizeof(words);
		if (memory_copy(memory, at, words, sizeof(words)) !=
		    sizeof(words))
			return UNWIND_NO_RULE;
		for (unsigned i = CALLER_WORDS; i-- > 0;)
			if (is_its_caller(memory, p, entry, at + 8 * i,
					  words[i], rbp) &&
			    step_to(regs, memory, at + 8 * i, words[i]))
				return UNWIND_ENDS;
	}
	return UNWIND_NO_RULE;
}

enum unwind_end go_step_by_table(struct unwind_regs *regs,
				 struct memory *memory, bool is_leaf,
				 struct go_step *step)
{
	uint64_t pc = regs->reg[ARCH_PC] - !is_leaf;
	struct place p;
	enum role role;

	memset(step, 0, sizeof(*step));
	if (!place_find(&p, memory, pc))
		return UNWIND_NO_RULE;
	role = place_role(&p);
	step->is_no_frame = role == ROLE_GOEXIT && !is_leaf;
	if (step->is_no_frame || (role == ROLE_FIRST && !is_leaf))
		return UNWIND_COMPLETE;
	if (role == ROLE_SWITCHED)
		return step_switched(regs, memory, &p);
	if (role == ROLE_CALLS_ELSEWHERE && !is_leaf)
		return step_elsewhere(regs, memory, &p);
	if (role != ROLE_USUAL && role != ROLE_INJECTED)
		return UNWIND_NO_RULE;
	/*
	 * Go's handler, which blocks ours, made it the next to run: a tick that
	 * came meanwhile is met here, where no time was spent yet.
	 */
	step->is_no_frame = role == ROLE_INJECTED && is_leaf &&
			    pc == p.function.entry;
	return step_usual(regs, memory, &p, pc, role == ROLE_INJECTED, step);
}
