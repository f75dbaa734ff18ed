/* SPDX-License-Identifier: MIT */
/*
 * snapshot: see snapshot.h. Flusher only, but for what the handler calls: no
 * libc beyond mem* and str*.
 */
#include "agent/snapshot.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "agent/arena.h"
#include "agent/drain.h"
#include "agent/flusher.h"
#include "agent/modules.h"
#include "agent/outside.h"
#include "agent/pprof.h"
#include "agent/region.h"
#include "agent/sampler.h"
#include "agent/signals.h"
#include "agent/stacks.h"
#include "agent/sys.h"
#include "agent/tasks.h"

#define COOKIE_MAGIC 0x5afdull
#define ASKED_MOST 16u		/* threads asked at once; less than 256 */
#define PAUSE_NS 500000u	/* between two looks at who was asked */

#ifndef SIGEV_THREAD_ID
#define SIGEV_THREAD_ID 4
#endif

/*
 *   IDLE -> ASKED -> WRITING -> DONE -> IDLE
 *             `-----------------------> IDLE	nobody waits any more
 *
 * Who moves it away from ASKED is whose the pcs are: the handler's or ours.
 */
enum ask_state { ASK_IDLE = 0, ASK_ASKED, ASK_WRITING, ASK_DONE };

struct ask {
	_Atomic uint32_t state;		/* enum ask_state */
	_Atomic uint32_t number;	/* of the question: a late signal has
					 * an older one */
	const struct thread_record *record; /* NULL: none */
	int tid, timer;
	uint32_t frames;		/* the answer */
	enum unwind_end end;
	uint64_t *pcs;			/* sampler_depth() of them */
};

static struct ask asks[ASKED_MOST];
static unsigned asked;
static uint32_t questions;
static uint64_t *room;			/* pcs of all asks and of walks */
static size_t room_bytes;
static struct stacks *found;		/* the slot of an entry is the tid */
static uint32_t near_slot;		/* where the last thread's record was */

/* --- the handler's side --------------------------------------------------------- */

bool snapshot_is_cookie(uint64_t value)
{
	return value >> 48 == COOKIE_MAGIC;
}

bool snapshot_is_asked(const siginfo_t *info)
{
	return info->si_code == SI_TIMER &&
	       snapshot_is_cookie((uint64_t)info->si_value.sival_ptr);
}

static uint64_t cookie(unsigned index)
{
	uint32_t number = atomic_load_explicit(&asks[index].number,
					       memory_order_relaxed);

	return COOKIE_MAGIC << 48 | (uint64_t)number << 8 | index;
}

void snapshot_answer(const siginfo_t *info, void *context)
{
	uint64_t value = (uint64_t)info->si_value.sival_ptr;
	unsigned index = value & 0xff;
	uint32_t expected = ASK_ASKED;
	struct ask *a;

	if (index >= ASKED_MOST || value != cookie(index))
		return;
	a = &asks[index];
	/* acquire: pairs with the release in ask(): record and room are there */
	if (!atomic_compare_exchange_strong_explicit(
		    &a->state, &expected, ASK_WRITING, memory_order_acquire,
		    memory_order_relaxed))
		return;
	a->frames = sampler_walk(a->record, context, a->pcs, sampler_depth(),
				 &a->end);
	/* release: pairs with the acquire in state_of() */
	atomic_store_explicit(&a->state, ASK_DONE, memory_order_release);
}

/* --- keeping what was found ------------------------------------------------------- */

static void keep(int tid, const struct stacks_sample *s)
{
	stacks_put(found, (uint32_t)tid, 0, s);
}

static uint16_t label_of(const struct thread_record *t)
{
	return t ? (uint16_t)atomic_load_explicit(&t->label,
						  memory_order_relaxed) : 0;
}

static void keep_running(const struct thread_record *t, int tid,
			 const uint64_t *pcs, uint32_t frames,
			 enum unwind_end end)
{
	const struct stacks_sample s = {
		.pcs = pcs,
		.frames = frames,
		.end = (uint16_t)end,
		.state = STACKS_RUNNING,
		.call = -1,
		.label = label_of(t),
		.time_ns = sys_clock_ns(CLOCK_MONOTONIC),
		.count = 1,
	};

	keep(tid, &s);
}

/* Walks it where it waits. False if it moved meanwhile. */
static bool keep_blocked(const struct thread_record *t, int tid,
			 const struct tasks_call *c, uint64_t cpu_ns,
			 uint64_t *pcs)
{
	struct stacks_sample s = {
		.pcs = pcs,
		.state = STACKS_BLOCKED,
		.call = c->nr,
		.label = label_of(t),
		.time_ns = sys_clock_ns(CLOCK_MONOTONIC),
		.count = 1,
	};
	enum unwind_end end;

	s.frames = outside_walk(t, c, pcs, sampler_depth(), &end);
	s.end = (uint16_t)end;
	if (sys_clock_ns(sys_thread_clock(tid)) != cpu_ns)
		return false;
	keep(tid, &s);
	return true;
}

/* --- threads that run --------------------------------------------------------------- */

static enum ask_state state_of(const struct ask *a)
{
	/* acquire: pairs with the release in snapshot_answer() */
	return (enum ask_state)atomic_load_explicit(&a->state,
						    memory_order_acquire);
}

/* Nobody waits for it any more. False: the handler is at it, or was. */
static bool take_back(struct ask *a)
{
	uint32_t expected = ASK_ASKED;

	return atomic_compare_exchange_strong_explicit(
		&a->state, &expected, ASK_IDLE, memory_order_relaxed,
		memory_order_relaxed);
}

static int create_timer(const struct ask *a, uint64_t value)
{
	/* as the kernel has it: libc's sigevent hides the thread id */
	struct {
		uint64_t value;
		int32_t signo, notify, tid, pad[11];
	} event;
	int32_t id = -1;
	int err;

	_Static_assert(sizeof(event) == 64, "struct sigevent of the kernel");
	memset(&event, 0, sizeof(event));
	event.value = value;
	event.signo = signals_ours();
	event.notify = SIGEV_THREAD_ID;
	event.tid = a->tid;
	err = (int)sys_call(SYS_timer_create, sys_thread_clock(a->tid), &event,
			    &id);
	return err < 0 ? err : id;
}

/* Asks it for its stack. False if that cannot be. */
static bool ask(const struct thread_record *t, int tid)
{
	static const struct itimerspec at_once = { { 0, 0 }, { 0, 1 } };
	struct ask *a = &asks[asked];

	if (signals_ours() == 0 || signals_install() != 0)
		return false;
	a->record = t;
	a->tid = tid;
	atomic_store_explicit(&a->number, ++questions, memory_order_relaxed);
	/* release: pairs with the acquire in snapshot_answer() */
	atomic_store_explicit(&a->state, ASK_ASKED, memory_order_release);
	a->timer = create_timer(a, cookie(asked));
	if (a->timer >= 0 &&
	    sys_call(SYS_timer_settime, a->timer, 0, &at_once, NULL) == 0) {
		asked++;
		return true;
	}
	if (a->timer >= 0)
		sys_call(SYS_timer_delete, a->timer);
	take_back(a);
	return false;
}

/* True when there is nothing more to wait for. */
static bool look_again(struct ask *a, uint64_t *pcs)
{
	uint64_t cpu_ns = sys_clock_ns(sys_thread_clock(a->tid));
	enum tasks_state where;
	struct tasks_call c;

	if (state_of(a) == ASK_DONE) {
		keep_running(a->record, a->tid, a->pcs, a->frames, a->end);
		return true;
	}
	if (state_of(a) != ASK_ASKED)
		return false;
	where = tasks_where(a->tid, &c);
	if (where == TASKS_GONE || cpu_ns == 0)
		return true;
	return where == TASKS_BLOCKED &&
	       keep_blocked(a->record, a->tid, &c, cpu_ns, pcs);
}

/* One that is still being answered keeps its place: `a` is not used again. */
static void end_question(struct ask *a)
{
	static const struct timespec pause = { 0, PAUSE_NS };

	sys_call(SYS_timer_delete, a->timer);
	if (!take_back(a))
		while (state_of(a) == ASK_WRITING)
			sys_call(SYS_nanosleep, &pause, NULL);
	atomic_store_explicit(&a->state, ASK_IDLE, memory_order_relaxed);
	a->tid = 0;
}

static unsigned look_at_asked(uint64_t *pcs)
{
	unsigned i, left = 0;

	for (i = 0; i < asked; i++) {
		struct ask *a = &asks[i];

		if (a->tid != 0 && look_again(a, pcs))
			end_question(a);
		left += a->tid != 0;
	}
	return left;
}

/* All that were asked have answered, blocked, or had their time. */
static void await(uint64_t *pcs)
{
	static const struct timespec pause = { 0, PAUSE_NS };
	uint64_t end = sys_clock_ns(CLOCK_MONOTONIC) + SNAPSHOT_WAIT_NS;
	unsigned i;

	while (look_at_asked(pcs) > 0 && sys_clock_ns(CLOCK_MONOTONIC) < end)
		sys_call(SYS_nanosleep, &pause, NULL);
	for (i = 0; i < asked; i++) {
		if (asks[i].tid == 0)
			continue;
		if (!look_again(&asks[i], pcs))
			keep_running(asks[i].record, asks[i].tid, pcs, 0,
				     UNWIND_COMPLETE);
		end_question(&asks[i]);
	}
	asked = 0;
}

/* --- all threads --------------------------------------------------------------------- */

static bool is_of(uint32_t slot, int tid)
{
	const struct thread_record *t = region_record(slot);

	/* acquire: pairs with the release in thread_publish() */
	return atomic_load_explicit(&t->state, memory_order_acquire) ==
		       SLOT_LIVE &&
	       t->tid == tid;
}

/* Slots are mostly in the order of the kernel's list. */
static const struct thread_record *find_record(int tid)
{
	uint32_t slots = region_slots(), i, slot;

	for (i = 0; i < slots; i++) {
		slot = (near_slot + i) % slots;
		if (is_of(slot, tid)) {
			near_slot = slot;
			return region_record(slot);
		}
	}
	return NULL;
}

static void look(int tid, void *arg)
{
	const struct thread_record *t = find_record(tid);
	uint64_t cpu_ns = sys_clock_ns(sys_thread_clock(tid)), *pcs = arg;
	enum tasks_state where;
	struct tasks_call c;

	if (tid == flusher_tid() || tasks_is_zombie(tid))
		return;
	where = tasks_where(tid, &c);
	if (where == TASKS_GONE && cpu_ns == 0)
		return;
	if (where == TASKS_BLOCKED && keep_blocked(t, tid, &c, cpu_ns, pcs))
		return;
	if (!ask(t, tid))
		keep_running(t, tid, pcs, 0, UNWIND_COMPLETE);
	if (asked == ASKED_MOST)
		await(pcs);
}

/* Room for the stacks of those asked, and behind them for one walk. */
static uint64_t *take_room(void)
{
	size_t each = sampler_depth() * sizeof(*room);
	unsigned i;

	room_bytes = (ASKED_MOST + 1) * each;
	room = arena_block(NULL, 0, room_bytes);
	found = stacks_new();
	if (!room || !found)
		return NULL;
	for (i = 0; i < ASKED_MOST; i++)
		asks[i].pcs = room + i * sampler_depth();
	return room + ASKED_MOST * sampler_depth();
}

static void give_room_back(void)
{
	arena_block_free(room, room_bytes);
	stacks_free(found);
	room = NULL;
	found = NULL;
}

/* --- as a message ------------------------------------------------------------------------ */

static void add_thread(struct pprof *to, const struct stacks_entry *e)
{
	const struct thread_record *t = find_record((int)e->slot);
	char name[TASKS_NAME] = "";
	struct pprof_thread p = {
		.tid = (int)e->slot,
		.name = name,
		.start_routine = t ? t->start_routine : 0,
		.start_ns = t ? t->start_ns : 0,
		.cpu_ns = sys_clock_ns(sys_thread_clock((int)e->slot)),
	};

	tasks_name((int)e->slot, name);
	pprof_add_thread(to, &p);
	pprof_add_stack(to, e, name, (int)e->slot);
}

static uint8_t *encode(struct pprof *to, size_t *size)
{
	const struct stacks_entry *e;
	struct pprof_process process;
	struct pprof_health health;
	const uint8_t *fragment;
	uint8_t *copy;

	drain_describe(&process);
	process.cpu = process.wall = false;
	pprof_begin(to, &process, 0);
	for (e = stacks_first(found); e; e = e->next)
		add_thread(to, e);
	drain_health(&health);
	pprof_add_health(to, &health);
	drain_add_spans(to, false);
	fragment = pprof_end(to, sys_clock_ns(CLOCK_MONOTONIC) -
					 agent_process.start_mono_ns, size);
	copy = fragment ? arena_block(NULL, 0, *size) : NULL;
	if (copy)
		memcpy(copy, fragment, *size);
	return copy;
}

uint8_t *snapshot_make(size_t *size)
{
	struct pprof *to = pprof_new();
	uint64_t *pcs = take_room();
	uint8_t *message = NULL;

	if (to && pcs) {
		outside_init();
		drain_refresh_modules();
		tasks_scan(look, pcs);
		await(pcs);
		message = encode(to, size);
	}
	pprof_free(to);
	give_room_back();
	return message;
}

void snapshot_reset_after_fork(void)
{
	memset(asks, 0, sizeof(asks));
	asked = 0;
	room = NULL;
	found = NULL;
}
