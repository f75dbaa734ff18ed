/* SPDX-License-Identifier: MIT */
/* outside: see outside.h. Flusher only: no libc beyond mem* and str*. */
#include "agent/outside.h"

#include <string.h>

#include "agent/arch-x86_64.h"
#include "agent/memory.h"
#include "agent/region.h"
#include "agent/tasks.h"

/* The stub's stack pointer is so near the one in the kernel, in bytes. */
#define STUB_REACH 16384u

void outside_init(void)
{
	if (unwind_cfi.init)
		unwind_cfi.init();
}

static unsigned walk(const struct tasks_call *c, const uint64_t *rbp,
		     uint64_t *to, unsigned most, enum unwind_end *end)
{
	static const struct unwind_stack careful; /* every read fault-safe */
	struct unwind_regs regs;

	memset(&regs, 0, sizeof(regs));
	regs.reg[ARCH_PC] = c->pc;
	regs.reg[ARCH_RSP] = c->sp;
	regs.known = ARCH_BIT(ARCH_PC) | ARCH_BIT(ARCH_RSP);
	if (rbp) {
		regs.reg[ARCH_RBP] = *rbp;
		regs.known |= ARCH_BIT(ARCH_RBP);
	}
	return unwind_cfi.walk(&regs, &careful, to, most, end);
}

/*
 * A walk that ended because a caller keeps its frame in rbp goes on with what
 * the stub of the call saved, if the frame it ended at is the stub's caller: its
 * return address lies where the stub's stack pointer was.
 */
static unsigned walk_on(const struct thread_record *t,
			const struct tasks_call *c, uint64_t *pcs, unsigned n,
			unsigned most, enum unwind_end *end)
{
	struct memory memory;
	struct tasks_call from;
	uint64_t saved[2], ret;		/* rsp, rbp */

	memory_init(&memory, 0, 0);
	if (n == 0 || t->call_regs == 0 ||
	    memory_copy(&memory, t->call_regs, saved, sizeof(saved)) !=
		    sizeof(saved) ||
	    saved[0] < c->sp || saved[0] > c->sp + STUB_REACH ||
	    memory_copy(&memory, saved[0], &ret, sizeof(ret)) != sizeof(ret) ||
	    ret - 1 != pcs[n - 1])
		return n;
	/* within the call, as callers are asked for */
	from.pc = ret - 1;
	from.sp = saved[0] + 8;
	return n - 1 + walk(&from, &saved[1], pcs + n - 1, most - (n - 1), end);
}

unsigned outside_walk(const struct thread_record *t, const struct tasks_call *c,
		      uint64_t *pcs, unsigned most, enum unwind_end *end)
{
	unsigned n = walk(c, NULL, pcs, most, end);

	if (*end == UNWIND_NO_RBP && t)
		n = walk_on(t, c, pcs, n, most, end);
	return n;
}
