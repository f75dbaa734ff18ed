/* SPDX-License-Identifier: MIT */
/*
 * unwind-cfi: walks by the unwind tables that every compiler writes.
 *
 * Runs in the signal handler on the stack it walks, and in the flusher on the
 * stack of a thread that is blocked. No lock, no allocation, no libc.
 *
 * Two gaits. As long as addresses were met before, a step is a cached word and
 * one or two loads (walk_cached). Otherwise the tables are read (step_by_table)
 * and the rule is kept if it is of the common kind. Cached steps carry only pc,
 * rsp and rbp along; the rare frame that needs another register makes the
 * whole walk start over without the cache, all registers in hand.
 */
#include <stdbool.h>
#include <stddef.h>

#include "agent/arch-x86_64.h"
#include "agent/cfi-common.h"
#include "agent/cfi.h"
#include "agent/eh-table.h"
#include "agent/elfsym.h"
#include "agent/lookup.h"
#include "agent/memory.h"
#include "agent/unwind-cache.h"
#include "agent/unwind-fp.h"
#include "agent/unwind-go.h"
#include "agent/unwind.h"

/*
 * Frames that may lie below their callee: a signal handler on another stack, a
 * switch of stacks that its author described. A walk that goes down more often
 * is in a circle.
 */
#define SWITCHES_MAX 16u

/* Needs registers that a cached step did not keep; never leaves this file. */
#define WANTS_ALL_REGS ((enum unwind_end)UNWIND_ENDS + 1)

struct walk {
	struct unwind_regs regs;	/* of the frame that is n - 1 */
	struct memory memory;
	uint64_t *pcs;
	unsigned max, n;
	uint32_t generation;		/* of cached rules */
	unsigned switches;
	bool last_exact;		/* reg[16] is no return address */
	bool all_regs;			/* no cached steps */
};

/* The address by which tables are asked: within the call, not behind it. */
static uint64_t walk_pc(const struct walk *w)
{
	return w->regs.reg[ARCH_PC] - !w->last_exact;
}

/*
 * Takes cached steps while it can. UNWIND_ENDS: the next needs its table.
 */
static enum unwind_end walk_cached(struct walk *w)
{
	uint64_t key = walk_pc(w) + 1;
	uint64_t rsp = w->regs.reg[ARCH_RSP];
	uint64_t rbp = w->regs.reg[ARCH_RBP];
	uint32_t known = w->regs.known;
	enum unwind_end end = UNWIND_ENDS;
	unsigned n = w->n;
	uint64_t word, cfa, ra, offset;

	while (unwind_cache_find(key, w->generation, &word)) {
		end = UNWIND_COMPLETE;
		if (word & UNWIND_CACHE_OUTERMOST)
			break;
		cfa = word & UNWIND_CACHE_CFA_RBP ? rbp : rsp;
		cfa += unwind_cache_cfa_offset(word);
		end = UNWIND_ENDS;
		if (cfa <= rsp || (word & UNWIND_CACHE_CFA_RBP &&
				   !(known & ARCH_BIT(ARCH_RBP))))
			break;	/* step_by_table() says why */
		end = UNWIND_BAD_STACK;
		if (!memory_read(&w->memory, cfa - 8, &ra))
			break;
		offset = unwind_cache_rbp_offset(word);
		if (offset != 0) {
			if (!memory_read(&w->memory, cfa - offset, &rbp))
				break;
			known |= ARCH_BIT(ARCH_RBP);
		}
		end = UNWIND_COMPLETE;
		if (ra == 0)
			break;
		end = UNWIND_DEPTH;
		if (n == w->max)
			break;
		end = UNWIND_ENDS;
		rsp = cfa;
		/* The stack goes up: a line that is needed in a few frames. */
		__builtin_prefetch((const void *)(uintptr_t)(cfa + 512));
		key = ra;
		w->pcs[n++] = ra - 1;
	}
	if (n != w->n) {
		w->n = n;
		w->last_exact = false;
		w->regs.reg[ARCH_PC] = key;
		w->regs.reg[ARCH_RSP] = rsp;
		w->regs.reg[ARCH_RBP] = rbp;
		w->regs.known = known & (ARCH_BIT(ARCH_PC) |
					 ARCH_BIT(ARCH_RSP) |
					 ARCH_BIT(ARCH_RBP));
	}
	return end;
}

/* Keeps the rule of `pc` if it is of the kind that fits a word. */
static void keep_rule(const struct walk *w, uint64_t pc,
		      const struct cfi_row *row, const struct cfi_fde *fde)
{
	uint64_t bits = row->cfa_reg == ARCH_RBP ? UNWIND_CACHE_CFA_RBP : 0;
	int32_t cfa = row->cfa_value;
	int32_t rbp = 0;

	if (fde->is_signal)
		return;
	if (row->how[ARCH_PC] == CFI_UNDEFINED) {
		unwind_cache_store(pc + 1, w->generation, 0, 0,
				   UNWIND_CACHE_OUTERMOST);
		return;
	}
	if (row->how[ARCH_RBP] == CFI_OFFSET)
		rbp = -row->value[ARCH_RBP];
	else if (row->how[ARCH_RBP] != CFI_UNSET &&
		 row->how[ARCH_RBP] != CFI_SAME)
		return;
	if (row->cfa_how != CFI_REGISTER ||
	    (row->cfa_reg != ARCH_RBP && row->cfa_reg != ARCH_RSP) ||
	    row->how[ARCH_PC] != CFI_OFFSET || row->value[ARCH_PC] != -8 ||
	    row->how[ARCH_RSP] != CFI_UNSET)
		return;
	if (cfa % 8 != 0 || cfa <= 0 || cfa / 8 > UNWIND_CACHE_CFA_MAX ||
	    rbp % 8 != 0 || rbp < 0 || rbp / 8 > UNWIND_CACHE_RBP_MAX)
		return;
	if (row->how[ARCH_RBP] == CFI_OFFSET && rbp == 0)
		return;	/* rbp at the CFA itself: 0 means kept */
	unwind_cache_store(pc + 1, w->generation, (uint64_t)cfa / 8,
			   (uint64_t)rbp / 8, bits);
}

/* Keeps a common rule of `pc`; false if it does not fit a word. */
static bool keep_common(const struct walk *w, uint64_t pc,
			const struct cfi_common *rule)
{
	if (rule->cfa % 8 != 0 || rule->cfa == 0 ||
	    rule->cfa / 8 > UNWIND_CACHE_CFA_MAX ||
	    rule->rbp / 8 > UNWIND_CACHE_RBP_MAX)
		return false;
	unwind_cache_store(pc + 1, w->generation, rule->cfa / 8,
			   rule->rbp / 8,
			   rule->from_rbp ? UNWIND_CACHE_CFA_RBP : 0);
	return true;
}

/*
 * Address of the FDE that may cover `pc`, and in `source` where its table may
 * be read. Not inline: what it needs must not lie on the stack while programs
 * run.
 */
static __attribute__((noinline)) enum unwind_end
find_record(uint64_t *addr, struct dw_source *source, uint64_t pc)
{
	struct lookup_object object;
	enum unwind_end end = lookup_object_find(&object, pc, source->memory);

	if (end != UNWIND_ENDS)
		return end;
	source->low = object.low;
	source->high = object.high;
	*addr = eh_table_find(&object.table, source, pc, object.start,
			      object.end);
	return *addr == 0 ? UNWIND_NO_RULE : UNWIND_ENDS;
}

/* The FDE at `addr` if it covers `pc`, and its row there. */
static enum unwind_end read_row(struct cfi_row *row, struct cfi_fde *fde,
				const struct dw_source *source, uint64_t addr,
				uint64_t pc)
{
	if (!cfi_fde_read(fde, source, addr))
		return UNWIND_BAD_RULE;
	if (pc < fde->start || pc >= fde->end)
		return UNWIND_NO_RULE;
	return cfi_row_find(row, fde, source, pc) ? UNWIND_ENDS :
						    UNWIND_BAD_RULE;
}

/* A register that the rule needs is not known: why? */
static enum unwind_end end_of_missing(const struct walk *w, int missing)
{
	if (missing == ARCH_RBP)
		return UNWIND_NO_RBP;
	return w->all_regs ? UNWIND_BAD_RULE : WANTS_ALL_REGS;
}

/*
 * Code of Go, by its own table; UNWIND_NO_RULE: it is not, or is not told. Not
 * inline, as above.
 */
static __attribute__((noinline)) enum unwind_end step_go(struct walk *w)
{
	uint64_t pc = walk_pc(w);
	struct go_step step;
	enum unwind_end end = go_step_by_table(&w->regs, &w->memory,
					       w->last_exact, &step);

	if (end == UNWIND_ENDS) {
		w->last_exact = step.is_exact;
		keep_common(w, pc, &step.rule);
	}
	if (step.is_no_frame && (w->n > 1 || end == UNWIND_ENDS))
		w->n--;
	return end;
}

/*
 * Code without a rule: by frame pointer, if that can be shown to be right. What
 * was shown holds whenever pc is met, so it is kept like a rule.
 */
static enum unwind_end step_without_table(struct walk *w,
					  enum unwind_end reason)
{
	uint64_t key = walk_pc(w) + 1;
	uint64_t rsp = w->regs.reg[ARCH_RSP];
	uint64_t rbp = w->regs.reg[ARCH_RBP];
	enum unwind_end end;

	end = step_go(w);
	if (end != UNWIND_NO_RULE)
		return end;
	end = unwind_fp_step_proven(&w->regs, &w->memory, w->last_exact,
				    reason);
	w->last_exact = false;
	if (end != UNWIND_ENDS)
		return end;
	if (w->regs.reg[ARCH_RSP] == rbp + 16)
		unwind_cache_store(key, w->generation, 2, 2,
				   UNWIND_CACHE_CFA_RBP);
	else if (w->regs.reg[ARCH_RSP] == rsp + 8)
		unwind_cache_store(key, w->generation, 1, 0, 0);
	else if (w->regs.reg[ARCH_RSP] == rsp + 16)
		unwind_cache_store(key, w->generation, 2, 2, 0);
	return UNWIND_ENDS;
}

/*
 * The row for a frame that was called, where nothing covers the call. If a
 * function begins right at the return address, nobody called anything there:
 * the address was put where one is looked for. That is how makecontext() and
 * its kind start a stack, which ends here, and how signals return.
 */
static enum unwind_end find_entry_row(struct walk *w, struct cfi_row *row,
				      struct cfi_fde *fde,
				      struct dw_source *source)
{
	uint64_t ra = w->regs.reg[ARCH_PC], addr;
	enum unwind_end end = find_record(&addr, source, ra);

	if (end == UNWIND_ENDS)
		end = read_row(row, fde, source, addr, ra);
	if (end != UNWIND_ENDS || fde->start != ra)
		return UNWIND_NO_RULE;
	if (fde->is_signal)
		return UNWIND_ENDS;
	unwind_cache_store(ra, w->generation, 0, 0, UNWIND_CACHE_OUTERMOST);
	return UNWIND_COMPLETE;
}

/*
 * A step by the common kind of rule, which is kept; other registers than rbp
 * are as little known afterwards as after a cached step. False, and nothing is
 * changed, where it is another kind or anything is not as it should be. Not
 * inline, as above.
 */
static __attribute__((noinline)) bool
step_common(struct walk *w, const struct dw_source *source, uint64_t addr)
{
	const uint32_t kept = ARCH_BIT(ARCH_PC) | ARCH_BIT(ARCH_RSP) |
			      ARCH_BIT(ARCH_RBP);
	uint64_t rsp = w->regs.reg[ARCH_RSP], rbp = w->regs.reg[ARCH_RBP];
	uint64_t cfa, ra, saved = rbp;
	struct cfi_common rule;

	if (w->all_regs || (w->regs.known & kept) != kept ||
	    !cfi_common_find(&rule, source, addr, walk_pc(w)))
		return false;
	cfa = (rule.from_rbp ? rbp : rsp) + rule.cfa;
	if (cfa <= rsp || !keep_common(w, walk_pc(w), &rule) ||
	    !memory_read(&w->memory, cfa - 8, &ra) ||
	    (rule.rbp != 0 &&
	     !memory_read(&w->memory, cfa - rule.rbp, &saved)))
		return false;
	w->regs.reg[ARCH_PC] = ra;
	w->regs.reg[ARCH_RSP] = cfa;
	w->regs.reg[ARCH_RBP] = saved;
	w->regs.known = kept;
	w->last_exact = false;
	return true;
}

/* The same by a row of any kind. Not inline: it takes much stack. */
static __attribute__((noinline)) enum unwind_end
step_by_row(struct walk *w, struct dw_source *source, uint64_t addr,
	    enum unwind_end end)
{
	uint64_t pc = walk_pc(w);
	struct cfi_row row;
	struct cfi_fde fde;
	int missing;

	if (end == UNWIND_ENDS)
		end = read_row(&row, &fde, source, addr, pc);
	if (end == UNWIND_NO_RULE && !w->last_exact)
		end = find_entry_row(w, &row, &fde, source);
	if (end == UNWIND_NO_MODULE || end == UNWIND_NO_TABLE ||
	    end == UNWIND_NO_RULE)
		return step_without_table(w, end);
	if (end != UNWIND_ENDS)
		return end;
	keep_rule(w, pc, &row, &fde);
	end = cfi_row_apply(&row, &fde, source, &w->regs, &missing);
	w->last_exact = fde.is_signal;
	return missing >= 0 ? end_of_missing(w, missing) : end;
}

static enum unwind_end step_by_table(struct walk *w)
{
	struct dw_source source = { .memory = &w->memory };
	uint64_t addr = 0;
	enum unwind_end end = find_record(&addr, &source, walk_pc(w));

	if (end == UNWIND_ENDS && step_common(w, &source, addr))
		return UNWIND_ENDS;
	return step_by_row(w, &source, addr, end);
}

/* One frame by its table, with the checks that end a stack. */
static enum unwind_end walk_table(struct walk *w)
{
	uint64_t rsp = w->regs.reg[ARCH_RSP];
	uint64_t pc = w->regs.reg[ARCH_PC];
	enum unwind_end end = step_by_table(w);

	if (end != UNWIND_ENDS)
		return end;
	if (w->regs.reg[ARCH_PC] == 0)
		return UNWIND_COMPLETE;
	if (w->regs.reg[ARCH_RSP] <= rsp &&
	    (++w->switches > SWITCHES_MAX ||
	     (w->regs.reg[ARCH_RSP] == rsp && w->regs.reg[ARCH_PC] == pc)))
		return UNWIND_NO_PROGRESS;
	if (w->n == w->max)
		return UNWIND_DEPTH;
	w->pcs[w->n++] = walk_pc(w);
	return UNWIND_ENDS;
}

static enum unwind_end walk_run(struct walk *w, const struct unwind_regs *from,
				bool all_regs)
{
	enum unwind_end end;

	w->regs = *from;
	w->switches = 0;
	w->last_exact = true;
	w->all_regs = all_regs;
	w->pcs[0] = walk_pc(w);
	w->n = 1;
	do {
		end = all_regs ? UNWIND_ENDS : walk_cached(w);
		if (end == UNWIND_ENDS)
			end = walk_table(w);
	} while (end == UNWIND_ENDS);
	return end;
}

static unsigned cfi_walk(const struct unwind_regs *regs,
			 const struct unwind_stack *stack, uint64_t *pcs,
			 unsigned max, enum unwind_end *end)
{
	struct walk w;

	*end = UNWIND_DEPTH;
	if (max == 0)
		return 0;
	w.pcs = pcs;
	w.max = max;
	w.generation = unwind_cache_begin();
	memory_init(&w.memory, stack->low & ~(uint64_t)(MEMORY_PAGE - 1),
		    stack->high);
	*end = walk_run(&w, regs, false);
	if (*end == WANTS_ALL_REGS)
		*end = walk_run(&w, regs, true);
	return w.n;
}

static int cfi_init(void)
{
	lookup_init(elfsym_find("_dl_find_object"));
	return 0;
}

const struct unwind_backend unwind_cfi = {
	.name = "cfi",
	.init = cfi_init,
	.walk = cfi_walk,
	.forget = unwind_cache_forget,
};
