/* SPDX-License-Identifier: MIT */
/* foreign: see foreign.h. */
#include "agent/foreign.h"

#include <stdbool.h>
#include <stddef.h>

#include "agent/agent.h"
#include "agent/arena.h"
#include "agent/clock.h"
#include "agent/flusher.h"
#include "agent/region.h"
#include "agent/signals.h"
#include "agent/sys.h"
#include "agent/tasks.h"
#include "agent/thread.h"

/* Threads by id: open addressing, `size` a power of two. */
struct census {
	struct arena arena;
	struct seen {
		int tid;
		uint32_t slot;
		int exists;
	} *seen;
	uint32_t size, met;
};

#define SUSPECTS 256u	/* more new strangers at once wait a round longer */

/* As long as nothing else says what an unknown thread is. */
#define SUSPICION_NS 100000000u
#define DOUBT_NS 5000000000u

static struct suspect {
	int tid;
	uint32_t scan;		/* that met it last */
	uint64_t since_ns;	/* CLOCK_MONOTONIC */
} suspects[SUSPECTS];
static uint32_t next_suspect, scan;
static bool none_expected;		/* as this scan began */

static uint64_t unknown_cpu_ns;		/* of threads without a slot */

static enum slot_state slot_state(uint32_t slot)
{
	/* acquire: pairs with the releases in thread.c */
	return atomic_load_explicit(&region_record(slot)->state,
				    memory_order_acquire);
}

static uint32_t count_registered(void)
{
	uint32_t i, n = 0, slots = region_slots();

	for (i = 0; i < slots; i++)
		if (slot_state(i) == SLOT_LIVE || slot_state(i) == SLOT_STARTING)
			n++;
	return n;
}

static struct seen *look_up(struct census *c, int tid)
{
	uint32_t at = (uint32_t)tid * 2654435761u & (c->size - 1);

	while (c->seen[at].tid != 0 && c->seen[at].tid != tid)
		at = (at + 1) & (c->size - 1);
	return &c->seen[at];
}

static int list_registered(struct census *c)
{
	uint32_t i, slots = region_slots();

	c->size = 64;
	while (c->size < 2 * (slots + 1))
		c->size *= 2;
	c->seen = arena_alloc(&c->arena, c->size * sizeof(*c->seen));
	if (!c->seen)
		return -1;
	for (i = 0; i < slots; i++) {
		struct seen *s;

		if (slot_state(i) != SLOT_LIVE)
			continue;
		s = look_up(c, region_record(i)->tid);
		s->tid = region_record(i)->tid;
		s->slot = i;
	}
	return 0;
}

/* What a thread used while it had a slot of its own is counted there. */
static void adopt(int tid, uint64_t start_routine, uint64_t call_regs,
		  bool had_slot)
{
	uint64_t cpu_ns = sys_clock_ns(sys_thread_clock(tid));
	uint32_t slot;

	if (agent_state() != AGENT_RUNNING || tasks_is_zombie(tid))
		return;
	slot = thread_claim_now(tid, start_routine, THREAD_FOREIGN);
	if (slot == THREAD_NO_SLOT)
		return;
	if (had_slot)
		region_record(slot)->cpu_start_ns = cpu_ns;
	region_record(slot)->call_regs = call_regs;
	thread_publish(slot);
	if (clock_arm(slot, signals_ours(), cpu_ns) != 0)
		thread_end(slot, 0, NULL);
}

/*
 * A thread that pthread_create has just made is unknown until it has
 * registered itself, and one that ends is unknown again until it is gone; where
 * many want the CPU either takes long. A stranger is one that was unknown before
 * a moment in which no new thread was expected, and never had a slot, as far as
 * we know. In doubt it is one after all, later.
 */
static bool is_stranger(int tid, bool had_slot)
{
	uint64_t least = none_expected && !had_slot ? SUSPICION_NS : DOUBT_NS;
	uint64_t now = sys_clock_ns(CLOCK_MONOTONIC);
	uint32_t i;

	for (i = 0; i < SUSPECTS; i++)
		if (suspects[i].tid == tid) {
			suspects[i].scan = scan;
			return now - suspects[i].since_ns >= least;
		}
	suspects[next_suspect++ % SUSPECTS] =
		(struct suspect){ tid, scan, now };
	return false;
}

/* A later thread of the same number begins as unknown as any. */
static void forget_the_gone(void)
{
	uint32_t i;

	for (i = 0; i < SUSPECTS; i++)
		if (suspects[i].scan != scan)
			suspects[i].tid = 0;
}

static void visit(int tid, void *arg)
{
	struct census *c = arg;
	bool had_slot = thread_is_leaving(tid);
	uint64_t start_routine = 0, call_regs = 0;
	struct seen *s;

	c->met++;
	if (tid == flusher_tid())
		return;
	s = look_up(c, tid);
	if (s->tid == tid) {
		s->exists = 1;
		return;
	}
	if (!had_slot)
		unknown_cpu_ns += sys_clock_ns(sys_thread_clock(tid));
	if (thread_was_refused(tid, &start_routine, &call_regs) ||
	    is_stranger(tid, had_slot))
		adopt(tid, start_routine, call_regs, had_slot);
}

static void end_the_missing(struct census *c)
{
	uint32_t i;

	for (i = 0; i < c->size; i++) {
		struct seen *s = &c->seen[i];

		if (s->tid == 0 || s->exists || slot_state(s->slot) != SLOT_LIVE ||
		    sys_tgkill(agent_process.pid, s->tid, 0) == 0)
			continue;
		clock_disarm(s->slot);
		/* its CPU clock is gone: count what its samples stood for */
		thread_end(s->slot,
			   region_record(s->slot)->cpu_start_ns +
				   atomic_load_explicit(
					   &region_record(s->slot)->weight_ns,
					   memory_order_relaxed),
			   NULL);
	}
}

uint64_t foreign_cpu_ns(void)
{
	return unknown_cpu_ns;
}

void foreign_scan(void)
{
	struct census c = { .arena = ARENA_INIT };

	unknown_cpu_ns = 0;
	/* one more: the flusher */
	if (tasks_count() == count_registered() + 1)
		return;
	scan++;
	none_expected = thread_none_expected();
	if (list_registered(&c) == 0 && tasks_scan(visit, &c) == 0) {
		forget_the_gone();
		end_the_missing(&c);
	}
	/* the kernel's list skips some while others end */
	if (c.met < tasks_count())
		unknown_cpu_ns = FOREIGN_UNKNOWN;
	arena_release(&c.arena);
}
