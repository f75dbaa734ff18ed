/* SPDX-License-Identifier: MIT */
/* wall: see wall.h. Flusher only: no libc beyond mem* and str*. */
#include "agent/wall.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/arena.h"
#include "agent/clock.h"
#include "agent/fork.h"
#include "agent/outside.h"
#include "agent/region.h"
#include "agent/sampler.h"
#include "agent/stacks.h"
#include "agent/sys.h"
#include "agent/tasks.h"
#include "agent/thread.h"
#include "agent/unwind.h"

/*
 * Looks may take this part of the time, 3.3 % of a core: with the last one, which
 * takes as long as it takes, and all else it stays below 5.
 */
#define LOOKS_PART 30u

/*
 * Asking threads for their CPU clock: 1 % of a core, at so many ns each, the
 * charge to the stack and what others of 1000 threads leave of the caches included.
 */
#define ASKS_PART 100u
#define ASK_NS 1000u

/* A thread that does not move is looked at so often at least. */
#define IDLE_NS 1000000000u

/* The last look of all takes at most so long: the program waits for its end. */
#define FINISH_NS 50000000u

struct sleeper {
	uint32_t generation;
	uint32_t misses;	/* looks at which it had not moved */
	uint64_t due_ns;
	uint64_t seen_ns;	/* all time up to here is charged or owed */
	uint64_t cpu_ns;	/* its CPU clock then */
	uint64_t weight_ns;	/* what its samples weighed then */
	uint64_t waited_ns;	/* for a CPU, up to then */
	uint64_t owed_ns;	/* blocked, not charged yet */
	uint64_t runnable_ns;	/* waiting for a CPU, not in the file yet */
	uint64_t drained_ns;	/* of that, on its way into the file */
	struct stacks_entry *at; /* where it is, NULL: it may have moved */
};

static bool on, with_cpu = true;
static struct sleeper *sleepers;
static uint32_t sleepers_count;
static struct stacks *charges;		/* not in the file yet */
static struct stacks *next_charges;	/* the other one, empty */
static struct stacks_entry **of_slot;	/* heads of lists by slot */
static uint64_t next_ns;
static uint32_t next_slot;
static bool paused, was_paused;
static uint64_t began_ns;		/* the first round */
static uint64_t given_ns;		/* charged so far, by all threads */
static uint64_t pcs[UNWIND_DEPTH_MAX];

void wall_init(bool cpu)
{
	on = true;
	with_cpu = cpu;
	outside_init();
}

FORK_CODE bool wall_is_on(void)
{
	return on;
}

bool wall_shows_cpu(void)
{
	return with_cpu;
}

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static uint32_t generation_of(const struct thread_record *t)
{
	return atomic_load_explicit(&t->generation, memory_order_relaxed);
}

/* --- tables ------------------------------------------------------------------ */

static bool make_tables(void)
{
	if (!charges)
		charges = stacks_new();
	if (!next_charges)
		next_charges = stacks_new();
	return charges && next_charges;
}

/* Room for every slot. */
static bool have_sleepers(void)
{
	uint32_t slots = region_slots();
	struct sleeper *more;
	struct stacks_entry **heads;

	if (slots <= sleepers_count)
		return true;
	more = arena_block(sleepers, sleepers_count * sizeof(*more),
			   slots * sizeof(*more));
	if (!more)
		return false;
	sleepers = more;
	heads = arena_block(of_slot, sleepers_count * sizeof(*heads),
			    slots * sizeof(*heads));
	if (!heads)
		return false;
	of_slot = heads;
	sleepers_count = slots;
	return true;
}

/* --- charging -------------------------------------------------------------------- */

static uint64_t periods(uint64_t ns)
{
	uint64_t n = (ns + clock_period_ns() / 2) / clock_period_ns();

	return n ? n : 1;
}

static void charge(struct sleeper *s, uint32_t slot,
		   struct stacks_sample *sample, uint64_t ns)
{
	sample->wall_ns = ns;
	sample->count = periods(ns);
	s->at = stacks_put(charges, slot, s->generation, sample);
	if (!s->at)
		return;		/* without memory: owed until there is */
	s->owed_ns -= ns;
	given_ns += ns;
	/* relaxed: a thread that ends in this moment is freed unwatched */
	atomic_store_explicit(&region_record(slot)->watched, 1,
			      memory_order_relaxed);
}

/* For time it spent where it was at the last look. */
static void charge_again(struct sleeper *s, uint32_t slot, uint64_t now_ns,
			 uint64_t ns)
{
	struct stacks_sample sample = {
		.pcs = s->at->pcs,
		.frames = s->at->frames,
		.end = s->at->end,
		.state = STACKS_BLOCKED,
		.call = s->at->call,
		.label = s->at->label,
		.time_ns = now_ns,
	};

	if (ns > 0)
		charge(s, slot, &sample, ns);
}

/* For the time in which it waited for a CPU to leave the place it was at. */
static void charge_waking(struct sleeper *s, uint32_t slot, uint64_t now_ns)
{
	struct stacks_sample sample = {
		.pcs = s->at->pcs,
		.frames = s->at->frames,
		.end = s->at->end,
		.state = STACKS_RUNNABLE,
		.call = -1,
		.time_ns = now_ns,
		.wall_ns = s->runnable_ns,
	};

	if (s->runnable_ns == 0 ||
	    !stacks_put(charges, slot, s->generation, &sample))
		return;
	given_ns += s->runnable_ns;
	s->runnable_ns = 0;
}

static void count_walk(enum unwind_end end)
{
	if (end != UNWIND_COMPLETE)
		atomic_fetch_add_explicit(&thread_totals.truncated[end], 1,
					  memory_order_relaxed);
}

/* Where is it now? Only what did not move meanwhile is a stack. */
static void look_where(struct sleeper *s, uint32_t slot, uint64_t now_ns)
{
	const struct thread_record *t = region_record(slot);
	struct stacks_sample sample = {
		.pcs = pcs,
		.state = STACKS_BLOCKED,
		.label = (uint16_t)atomic_load_explicit(
			&t->label, memory_order_relaxed),
		.time_ns = now_ns,
	};
	enum unwind_end end;
	struct tasks_call c;

	if (s->owed_ns == 0 || tasks_where(t->tid, &c) != TASKS_BLOCKED)
		return;
	sample.frames = outside_walk(t, &c, pcs, sampler_depth(), &end);
	if (sys_clock_ns(sys_thread_clock(t->tid)) != s->cpu_ns)
		return;
	count_walk(end);
	sample.end = (uint16_t)end;
	sample.call = c.nr;
	charge(s, slot, &sample, s->owed_ns);
}

/* --- looks -------------------------------------------------------------------------- */

static void meet(struct sleeper *s, const struct thread_record *t,
		 uint64_t now_ns, uint64_t cpu_ns)
{
	memset(s, 0, sizeof(*s));
	s->generation = generation_of(t);
	s->seen_ns = now_ns;
	s->cpu_ns = cpu_ns;
	s->waited_ns = tasks_waited_ns(t->tid);
	if (t->start_ns >= began_ns && !paused) {
		/* since its beginning */
		s->seen_ns = t->start_ns;
		s->cpu_ns = t->cpu_start_ns;
	}
}

static void moved(struct sleeper *s, const struct thread_record *t)
{
	uint64_t waited = tasks_waited_ns(t->tid), part;

	part = waited > s->waited_ns ? waited - s->waited_ns : 0;
	if (part > s->owed_ns)
		part = s->owed_ns;
	s->waited_ns = waited;
	s->owed_ns -= part;
	s->runnable_ns += part;
	s->misses = 0;
	s->due_ns = 0;
}

/*
 * To see that a thread has not moved costs a system call. While all threads
 * together cost little each is asked in each period; beyond that an idle one
 * is asked less and less often.
 */
static void stayed(struct sleeper *s, uint64_t now_ns)
{
	uint64_t most = 1 + sleepers_count * ASK_NS * ASKS_PART /
				    clock_period_ns();
	uint64_t pause = clock_period_ns();

	if (s->misses < 16)
		s->misses++;
	pause *= 1u << s->misses < most ? 1u << s->misses : most;
	s->due_ns = now_ns + (pause < IDLE_NS ? pause : IDLE_NS) -
		    clock_period_ns() / 2;
}

static void look(uint32_t slot, uint64_t now_ns)
{
	const struct thread_record *t = region_record(slot);
	struct sleeper *s = &sleepers[slot];
	uint64_t cpu_ns = sys_clock_ns(sys_thread_clock(t->tid));
	bool is_new = s->generation != generation_of(t), same;
	uint64_t passed, used;

	if (cpu_ns == 0)
		return;		/* it is gone */
	if (is_new)
		meet(s, t, now_ns, cpu_ns);
	passed = now_ns > s->seen_ns ? now_ns - s->seen_ns : 0;
	used = cpu_ns > s->cpu_ns ? cpu_ns - s->cpu_ns : 0;
	same = s->at && used == 0;
	s->seen_ns = now_ns;
	s->cpu_ns = cpu_ns;
	s->weight_ns = get(&t->weight_ns);
	s->owed_ns += passed > used ? passed - used : 0;
	if (same) {
		charge_again(s, slot, now_ns, s->owed_ns);
		stayed(s, now_ns);
		return;
	}
	if (!is_new)
		moved(s, t);
	/* it left somewhen in between: half is the least wrong on average */
	if (s->at) {
		charge_waking(s, slot, now_ns);
		charge_again(s, slot, now_ns, s->owed_ns / 2);
	}
	s->at = NULL;
	look_where(s, slot, now_ns);
}

/* One that took a sample has moved, however long it was idle before. */
static bool is_due(uint32_t slot, uint64_t now_ns)
{
	const struct thread_record *t = region_record(slot);
	const struct sleeper *s = &sleepers[slot];

	/* acquire: pairs with the release in thread_publish() */
	if (atomic_load_explicit(&t->state, memory_order_acquire) != SLOT_LIVE)
		return false;
	return s->generation != generation_of(t) || now_ns >= s->due_ns ||
	       s->weight_ns != get(&t->weight_ns);
}

static void skip_pause(uint64_t now_ns)
{
	uint32_t i;

	for (i = 0; i < sleepers_count; i++) {
		sleepers[i].seen_ns = now_ns;
		sleepers[i].at = NULL;
		sleepers[i].due_ns = 0;
	}
	paused = false;
}

uint64_t wall_round(uint64_t now_ns)
{
	uint64_t budget, end;
	uint32_t i;

	if (!on || !make_tables() || !have_sleepers())
		return UINT64_MAX;
	if (now_ns < next_ns)
		return next_ns;
	if (began_ns == 0)
		began_ns = agent_process.start_mono_ns;
	if (paused)
		skip_pause(now_ns);
	budget = clock_period_ns() / LOOKS_PART;
	end = now_ns + (budget > 100000 ? budget : 100000);
	for (i = 0; i < sleepers_count && now_ns < end; i++) {
		next_slot = (next_slot + 1) % sleepers_count;
		if (!is_due(next_slot, now_ns))
			continue;
		now_ns = sampler_now_ns();
		look(next_slot, now_ns);
	}
	next_ns = now_ns + clock_period_ns() / 2 +
		  clock_random(clock_period_ns());
	return next_ns;
}

void wall_pause(void)
{
	paused = on;
	was_paused |= on && began_ns != 0;
}

/* --- into the file -------------------------------------------------------------- */

void wall_sort(void)
{
	struct stacks_entry *e;

	if (!charges || !of_slot)
		return;
	memset(of_slot, 0, sleepers_count * sizeof(*of_slot));
	for (e = stacks_entries(charges); e; e = e->next) {
		e->sibling = of_slot[e->slot];
		of_slot[e->slot] = e;
	}
}

static void copy_entry(const struct stacks_entry *e, struct stacks *to)
{
	struct stacks_sample s = {
		.pcs = e->pcs,
		.frames = e->frames,
		.end = e->end,
		.state = e->state,
		.call = e->call,
		.label = e->label,
	};
	const struct stacks_moment *m;

	for (m = e->first; m; m = m->next) {
		s.time_ns = m->time_ns;
		s.wall_ns = m->cpu_ns;
		s.count = e->state == STACKS_BLOCKED ? periods(m->cpu_ns) : 0;
		if (s.wall_ns)
			stacks_put(to, e->slot, e->generation, &s);
	}
}

/* A thread that has ended spent the rest where it was seen last. */
static void charge_rest(uint32_t slot)
{
	const struct thread_record *t = region_record(slot);
	struct sleeper *s = &sleepers[slot];
	uint64_t end = get(&t->end_ns), cpu_ns = get(&t->cpu_end_ns), used;

	if (atomic_load_explicit(&t->state, memory_order_acquire) !=
		    SLOT_ENDED ||
	    s->generation != generation_of(t) || !s->at || end < s->seen_ns)
		return;
	used = cpu_ns > s->cpu_ns ? cpu_ns - s->cpu_ns : 0;
	if (end - s->seen_ns > used)
		s->owed_ns += end - s->seen_ns - used;
	s->seen_ns = end;
	s->cpu_ns = cpu_ns;
	charge_again(s, slot, end, s->owed_ns);
}

bool wall_drain(uint32_t slot, struct stacks *to)
{
	const struct stacks_entry *e;
	uint32_t generation = generation_of(region_record(slot));
	bool any = false;

	if (slot >= sleepers_count || !of_slot)
		return false;
	charge_rest(slot);
	for (e = of_slot[slot]; e; e = e->sibling) {
		if (e->generation != generation || e->wall_ns == 0)
			continue;
		copy_entry(e, to);
		any = true;
	}
	return any;
}

/* The part of the waiting that falls on a sample. */
static uint64_t share_of_waiting(uint32_t slot, uint32_t generation,
				 const struct ring_sample *s,
				 uint64_t all_cpu_ns)
{
	const struct sleeper *sl = &sleepers[slot];

	if (slot >= sleepers_count || sl->generation != generation ||
	    all_cpu_ns == 0)
		return 0;
	return (uint64_t)((double)sl->runnable_ns * (double)s->cpu_ns /
			  (double)all_cpu_ns);
}

int wall_add_running(struct stacks *to, uint32_t slot, uint32_t generation,
		     const struct ring_sample *s, uint64_t all_cpu_ns)
{
	struct stacks_sample sample = {
		.pcs = s->pcs,
		.frames = s->frames,
		.end = s->end,
		.state = STACKS_RUNNING,
		.call = -1,
		.label = s->label,
		.time_ns = s->time_ns,
		.count = s->count,
		.cpu_ns = s->cpu_ns,
		.wall_ns = s->cpu_ns,
	};
	uint64_t waiting = share_of_waiting(slot, generation, s, all_cpu_ns);

	if (!stacks_put(to, slot, generation, &sample))
		return -ENOMEM;
	if (waiting == 0)
		return 0;
	sample.state = STACKS_RUNNABLE;
	sample.count = 0;
	sample.cpu_ns = 0;
	sample.wall_ns = waiting;
	return stacks_put(to, slot, generation, &sample) ? 0 : -ENOMEM;
}

void wall_took_running(uint32_t slot, uint64_t all_cpu_ns)
{
	struct sleeper *s = &sleepers[slot];

	if (slot >= sleepers_count || all_cpu_ns == 0)
		return;
	s->drained_ns = s->runnable_ns;
}

/* Stacks at which threads still are begin the next table. */
void wall_written(void)
{
	struct stacks *old = charges;
	uint32_t i;

	if (!charges)
		return;
	for (i = 0; i < sleepers_count; i++) {
		struct sleeper *s = &sleepers[i];
		struct stacks_sample sample;

		given_ns += s->drained_ns;
		s->runnable_ns -= s->drained_ns;
		s->drained_ns = 0;
		if (!s->at)
			continue;
		sample = (struct stacks_sample){
			.pcs = s->at->pcs,
			.frames = s->at->frames,
			.end = s->at->end,
			.state = STACKS_BLOCKED,
			.call = s->at->call,
		};
		s->at = stacks_put(next_charges, i, s->generation, &sample);
	}
	charges = next_charges;
	next_charges = old;
	stacks_clear(old);
}

/* The time of all threads, without what was charged or was CPU time. */
uint64_t wall_unsampled_ns(uint64_t cpu_ns)
{
	uint64_t now = sys_clock_ns(CLOCK_MONOTONIC), end, all, known;
	uint32_t slots = region_slots(), i;

	if (!on || was_paused)
		return 0;
	all = get(&thread_totals.wall_ns);
	for (i = 0; i < slots; i++) {
		const struct thread_record *t = region_record(i);
		/* acquire: pairs with the releases of the state */
		uint32_t state = atomic_load_explicit(&t->state,
						      memory_order_acquire);

		end = state == SLOT_ENDED ? get(&t->end_ns) : now;
		if (state == SLOT_LIVE || state == SLOT_ENDED)
			all += end > t->start_ns ? end - t->start_ns : 0;
	}
	known = given_ns + cpu_ns;
	return all > known ? all - known : 0;
}

void wall_finish(void)
{
	uint64_t now_ns = sys_clock_ns(CLOCK_MONOTONIC);
	uint64_t end = now_ns + FINISH_NS;
	uint32_t i;

	if (!on || !make_tables() || !have_sleepers())
		return;
	for (i = 0; i < sleepers_count && now_ns < end; i++) {
		now_ns = sys_clock_ns(CLOCK_MONOTONIC);
		/* acquire: pairs with the release in thread_publish() */
		if (atomic_load_explicit(&region_record(i)->state,
					 memory_order_acquire) == SLOT_LIVE)
			look(i, now_ns);
	}
}

void wall_reset_after_fork(void)
{
	sleepers = NULL;
	of_slot = NULL;
	charges = next_charges = NULL;
	sleepers_count = next_slot = 0;
	next_ns = began_ns = given_ns = 0;
	paused = was_paused = false;
}

uint64_t wall_memory(void)
{
	return (charges ? stacks_memory(charges) : 0) +
	       (next_charges ? stacks_memory(next_charges) : 0) +
	       sleepers_count * (sizeof(*sleepers) + sizeof(*of_slot));
}
