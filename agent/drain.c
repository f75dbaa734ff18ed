/* SPDX-License-Identifier: MIT */
/*
 * drain: see drain.h. Flusher only: no libc beyond mem* and str*.
 */
#include "agent/drain.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/arena.h"
#include "agent/budget.h"
#include "agent/clock.h"
#include "agent/control.h"
#include "agent/foreign.h"
#include "agent/functions.h"
#include "agent/log.h"
#include "agent/modules.h"
#include "agent/pprof.h"
#include "agent/region.h"
#include "agent/sampler.h"
#include "agent/signals.h"
#include "agent/spans.h"
#include "agent/stacks.h"
#include "agent/sys.h"
#include "agent/tasks.h"
#include "agent/thread.h"
#include "agent/wall.h"
#include "agent/writer.h"

/* Free slots below which the region grows. */
#define SLOTS_SPARE 8u

/* A ring that was read in this round. */
struct drained {
	struct drained *next;
	uint32_t slot, generation;
	uint64_t position;
	bool ended;
};

/* The flusher's own; a forked child starts from zero. */
static struct {
	struct pprof *pprof;		/* of the file */
	struct pprof *live;		/* of the subscribers, NULL: none yet */
	struct stacks *stacks;
	struct arena arena;		/* of one round */
	struct drained *first, **last;
	const uint8_t *fragment;	/* of this round */
	size_t fragment_size;
	const uint8_t *live_fragment;	/* the same for subscribers */
	size_t live_size;
	uint32_t part;
	uint64_t flushes;
	uint64_t ticks_at_start, ns_at_start;
	unsigned char said_disk, said_fallback;
	struct rest *rests;		/* of the last round, NULL before */
	uint32_t told, telling;		/* notes in the file, in this fragment:
					 * bit N is a clock_note or below */
} d;

/* Notes that are not the clocks'. */
enum {
	NOTE_NO_REGION = CLOCK_NOTES,
	NOTE_FALLBACK,
	NOTE_BUDGET,
	NOTE_LEFT,
	NOTE_NO_TICKS,
	NOTES
};

_Static_assert(NOTES <= 32, "a bit each");

/* CPU time that no sample stands for. */
struct rest {
	struct rest *next;
	uint64_t start_routine;		/* 0: of no thread */
	uint64_t cpu_ns;
};

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static enum slot_state slot_state(struct thread_record *t)
{
	/* acquire: pairs with the releases in thread.c */
	return atomic_load_explicit(&t->state, memory_order_acquire);
}

/* --- setting up ---------------------------------------------------------- */

static int prepare(void)
{
	if (d.pprof)
		return 0;
	d.pprof = pprof_new();
	d.stacks = stacks_new();
	d.ticks_at_start = sampler_ticks();
	d.ns_at_start = sys_clock_ns(CLOCK_MONOTONIC);
	return d.pprof && d.stacks ? 0 : -ENOMEM;
}

static void keep_slots_spare(void)
{
	uint32_t slots = region_slots(), i, free_slots = 0;

	for (i = 0; i < slots && free_slots < SLOTS_SPARE; i++)
		if (slot_state(region_record(i)) == SLOT_FREE)
			free_slots++;
	if (free_slots < SLOTS_SPARE)
		region_grow();
}

/* --- rings into stacks --------------------------------------------------- */

static void remember(uint32_t slot, uint64_t position, bool ended)
{
	struct drained *r = arena_alloc(&d.arena, sizeof(*r));

	if (!r)
		return;		/* not released: drained again next time */
	r->slot = slot;
	r->generation = (uint32_t)atomic_load_explicit(
		&region_record(slot)->generation, memory_order_relaxed);
	r->position = position;
	r->ended = ended;
	*d.last = r;
	d.last = &r->next;
}

/* What the samples of a ring weigh together. */
static uint64_t weigh_ring(uint32_t slot, uint64_t pos, uint64_t head)
{
	const struct ring_sample *s;
	uint64_t cpu_ns = 0;
	bool bad = false;

	while ((s = ring_next(region_ring_buffer(slot), head, &pos, &bad)))
		cpu_ns += s->cpu_ns;
	return cpu_ns;
}

static void drain_ring(uint32_t slot, uint64_t pos, uint64_t head)
{
	bool wall = wall_is_on(), bad = false;
	uint64_t all = wall ? weigh_ring(slot, pos, head) : 0;
	uint32_t generation = atomic_load_explicit(
		&region_record(slot)->generation, memory_order_relaxed);
	const struct ring_sample *s;
	int err;

	while ((s = ring_next(region_ring_buffer(slot), head, &pos, &bad))) {
		err = wall ? wall_add_running(d.stacks, slot, generation, s,
					      all) :
			     stacks_add(d.stacks, slot, generation, s);
		if (err != 0)
			atomic_fetch_add_explicit(
				&thread_totals.lost[LOST_NO_MEMORY], 1,
				memory_order_relaxed);
	}
	if (wall)
		wall_took_running(slot, all);
}

static void drain_slot(uint32_t slot)
{
	struct thread_record *t = region_record(slot);
	enum slot_state state = slot_state(t);
	uint64_t head, pos;
	bool any;

	if (state != SLOT_LIVE && state != SLOT_ENDED)
		return;
	pos = ring_oldest(&t->ring, &head);
	any = pos != head;
	if (any)
		drain_ring(slot, pos, head);
	any |= wall_drain(slot, d.stacks);
	if (any || state == SLOT_ENDED)
		remember(slot, head, state == SLOT_ENDED);
}

static void drain_all(void)
{
	uint32_t slots = region_slots(), i;

	d.first = NULL;
	d.last = &d.first;
	wall_sort();
	for (i = 0; i < slots; i++)
		drain_slot(i);
}

/* --- stacks into a fragment ---------------------------------------------- */

void drain_describe(struct pprof_process *p)
{
	const struct agent_process *a = &agent_process;

	*p = (struct pprof_process){
		.pid = a->pid,
		.ppid = a->ppid,
		.run_id = a->run_id,
		.program = a->program,
		.exe = a->exe,
		.host = a->host,
		.region = region_path(),
		.version = PACKAGE_VERSION,
		.boot_id = a->boot_id,
		.parent_run_id = a->parent_run_id,
		.root_run_id = a->root_run_id,
		.command = a->command,
		.command_size = a->command_size,
		.start_unix_ns = a->start_unix_ns,
		.start_mono_ns = a->start_mono_ns,
		.pid_start = a->pid_start,
		.period_ns = clock_period_ns(),
		.cpu = wall_shows_cpu(),
		.wall = wall_is_on(),
	};
}

static void name_of(const struct thread_record *t, char name[TASKS_NAME])
{
	if (t->name[0] == '\0' && tasks_name(t->tid, name))
		return;
	memcpy(name, t->name, TASKS_NAME);
}

static void add_thread(struct pprof *to, const struct drained *r,
		       const char *name)
{
	struct thread_record *t = region_record(r->slot);
	struct pprof_thread p = {
		.tid = t->tid,
		.name = name,
		.start_routine = t->start_routine,
		.start_ns = t->start_ns,
		.end_ns = get(&t->end_ns),
		.cpu_ns = r->ended ? get(&t->cpu_end_ns)
				   : sys_clock_ns(sys_thread_clock(t->tid)),
		.sampled_ns = get(&t->weight_ns),
	};

	pprof_add_thread(to, &p);
	pprof_add_ring(to, r->slot, r->generation, r->position);
}

/* The stacks lie in the order of the slots, because they were drained so. */
static void add_stacks(struct pprof *to)
{
	const struct stacks_entry *e = stacks_first(d.stacks);
	const struct drained *r;
	char name[TASKS_NAME];

	for (r = d.first; r; r = r->next) {
		name_of(region_record(r->slot), name);
		add_thread(to, r, name);
		for (; e && e->slot == r->slot; e = e->next)
			pprof_add_stack(to, e, name,
					region_record(r->slot)->tid);
	}
}

/* --- health -------------------------------------------------------------- */

/* Threads that live add to what the totals hold of the others. */
static void sum_live(struct pprof_health *h, uint64_t *ticks)
{
	uint32_t slots = region_slots(), i;
	int k;

	for (i = 0; i < slots; i++) {
		struct thread_record *t = region_record(i);
		enum slot_state state = slot_state(t);

		if (state != SLOT_LIVE && state != SLOT_ENDED)
			continue;
		h->samples += get(&t->samples);
		h->expirations += get(&t->expirations);
		h->sampled_ns += get(&t->weight_ns);
		*ticks += get(&t->handler_ticks);
		for (k = 0; k < LOST_REASONS; k++)
			h->lost[k] += get(&t->lost[k]);
		for (k = 0; k < UNWIND_ENDS; k++)
			h->truncated[k] += get(&t->truncated[k]);
	}
}

static uint64_t ticks_to_ns(uint64_t ticks)
{
	uint64_t ns = sys_clock_ns(CLOCK_MONOTONIC) - d.ns_at_start;
	uint64_t passed = sampler_ticks() - d.ticks_at_start;

	if (passed == 0 || !sampler_has_ticks())
		return 0;
	return (uint64_t)((double)ticks * (double)ns / (double)passed);
}

/* NULL if it is not to be said. */
static const char *note_text(uint32_t note, bool last)
{
	switch (note) {
	case NOTE_NO_REGION:
		return region_path()[0] ? NULL :
		       "no directory for the shared region: kill -9 loses the "
		       "last second; set XDG_RUNTIME_DIR";
	case NOTE_FALLBACK:
		return !d.said_fallback ? NULL :
		       "the output could not be written where asked: this file "
		       "lies elsewhere";
	case NOTE_BUDGET:
		return budget_note(last);
	case NOTE_LEFT:
		return agent_left_because();
	case NOTE_NO_TICKS:
		return sampler_has_ticks() ? NULL :
		       "the program forbids the time-stamp counter "
		       "(PR_SET_TSC): what the handler costs is not known";
	}
	return clock_said((enum clock_note)note);
}

/* Those that `told` does not have. Returns a bit for each. */
static uint32_t add_notes(struct pprof *to, uint32_t told, bool last)
{
	uint32_t note, added = 0;
	const char *text;

	for (note = 0; note < NOTES; note++) {
		text = told & 1u << note ? NULL : note_text(note, last);
		if (!text)
			continue;
		pprof_add_note(to, text);
		added |= 1u << note;
	}
	return added;
}

void drain_health(struct pprof_health *h)
{
	uint64_t ticks = get(&thread_totals.handler_ticks);
	int k;

	memset(h, 0, sizeof(*h));
	h->samples = get(&thread_totals.samples);
	h->expirations = get(&thread_totals.expirations);
	h->sampled_ns = get(&thread_totals.weight_ns);
	for (k = 0; k < LOST_REASONS; k++)
		h->lost[k] = get(&thread_totals.lost[k]);
	for (k = 0; k < UNWIND_ENDS; k++)
		h->truncated[k] = get(&thread_totals.truncated[k]);
	sum_live(h, &ticks);
	h->lost[LOST_NO_SLOT] += get(&thread_totals.refused);
	h->asked_mhz = 1000000000000u / budget_asked_ns();
	h->clock = clock_name();
	h->unwind = sampler_unwind_name();
	h->signal = signals_ours();
	h->handler_ns = ticks_to_ns(ticks);
	h->flusher_cpu_ns = sys_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	h->threads = get(&thread_totals.threads);
	h->cpu_ns = agent_cpu_ns(h->flusher_cpu_ns);
	h->flushes = d.flushes;
	h->memory = (d.pprof ? pprof_memory(d.pprof) : 0) +
		    (d.live ? pprof_memory(d.live) : 0) +
		    (d.stacks ? stacks_memory(d.stacks) : 0) + d.arena.mapped +
		    region_memory() + wall_memory() + functions_memory();
}

/* --- what no sample stands for ------------------------------------------- */

static void add_rest(uint64_t start_routine, uint64_t cpu_ns, void *arg)
{
	struct rest *r = arena_alloc(&d.arena, sizeof(*r));

	*(uint64_t *)arg += cpu_ns;
	if (!r)
		return;
	*r = (struct rest){ d.rests, start_routine, cpu_ns };
	d.rests = r;
}

/*
 * At the end of the process: the rest of every thread, the accounts, and what
 * is left of the process's CPU time, which is what threads used before and after
 * they were registered. The accounts are emptied by it: once a round, however
 * often that is encoded.
 */
static void collect_rests(void)
{
	uint32_t slots = region_slots(), i;
	uint64_t rests = 0, known;
	struct pprof_health h;

	drain_health(&h);
	thread_account_settle(h.cpu_ns);
	for (i = 0; i < slots; i++) {
		struct thread_record *t = region_record(i);
		uint64_t rest;

		if (slot_state(t) != SLOT_LIVE)
			continue;
		rest = thread_unsampled(
			t, sys_clock_ns(sys_thread_clock(t->tid)));
		if (rest > 0)
			add_rest(t->start_routine, rest, &rests);
	}
	thread_account_drain(add_rest, &rests);
	known = h.sampled_ns + rests;
	if (h.cpu_ns > known)
		add_rest(0, h.cpu_ns - known, &rests);
}

static void add_rests(uint64_t cpu_ns)
{
	const struct rest *r;
	uint64_t wall_ns = wall_unsampled_ns(cpu_ns);

	for (r = d.rests; r; r = r->next)
		pprof_add_unsampled(d.pprof, r->start_routine, r->cpu_ns);
	if (wall_ns > 0)
		pprof_add_unsampled_wall(d.pprof, wall_ns);
}

/* --- writing ------------------------------------------------------------- */

static uint64_t since_start_ns(void)
{
	return sys_clock_ns(CLOCK_MONOTONIC) - agent_process.start_mono_ns;
}

static void add_unloaded(const struct module *m, void *arg)
{
	(void)arg;
	pprof_add_unload(d.pprof, m);
}

/* All, or those that the file does not have as they are. */
void drain_add_spans(struct pprof *to, bool changed)
{
	static struct span_stats stats;
	uint32_t i, n = spans_count();

	for (i = 0; i < n; i++)
		if (spans_get(i, changed, &stats))
			pprof_add_span(to, i + 1, &stats);
}

static void encode(bool last)
{
	struct pprof_process process;
	struct pprof_health health;

	drain_describe(&process);
	pprof_begin(d.pprof, &process, d.part);
	add_stacks(d.pprof);
	drain_health(&health);
	health.flushes++;		/* this one */
	health.done = last;
	if (last)
		add_rests(health.cpu_ns);
	pprof_add_health(d.pprof, &health);
	/* with figures at the end, whatever was said before */
	d.telling = add_notes(d.pprof, last ? d.told & ~(1u << NOTE_BUDGET)
					    : d.told, last);
	modules_visit_unloaded(add_unloaded, NULL);
	drain_add_spans(d.pprof, true);
	d.fragment = pprof_end(d.pprof, since_start_ns(), &d.fragment_size);
	if (!d.fragment)
		d.fragment_size = 0;
}

/*
 * The same for those who watch. Each fragment is complete in itself, so that
 * one can be missed.
 */
static void encode_live(bool last)
{
	struct pprof_process process;
	struct pprof_health health;

	d.live_fragment = NULL;
	if (!control_wants_member())
		return;
	if (!d.live)
		d.live = pprof_new();
	if (!d.live)
		return;
	pprof_reset(d.live);
	drain_describe(&process);
	process.whole = true;
	pprof_begin(d.live, &process, d.part);
	add_stacks(d.live);
	drain_health(&health);
	health.done = last;
	pprof_add_health(d.live, &health);
	add_notes(d.live, 0, false);
	drain_add_spans(d.live, false);
	d.live_fragment = pprof_end(d.live, since_start_ns(), &d.live_size);
}

/* Once its samples are released: they are in no later fragment. */
static void publish_live(void)
{
	if (d.live_fragment)
		control_publish(d.live_fragment, d.live_size);
	d.live_fragment = NULL;
}

/* Ends the round. What was not released is drained again in the next one. */
static void forget(void)
{
	d.first = NULL;
	d.last = &d.first;
	d.fragment = NULL;
	d.rests = NULL;
	stacks_clear(d.stacks);
	arena_clear(&d.arena);
}

static void count_functions(void)
{
	uint64_t now_ns = sys_clock_ns(CLOCK_MONOTONIC);
	bool wall = wall_is_on();
	const struct stacks_entry *e;

	for (e = stacks_first(d.stacks); e; e = e->next)
		functions_add(e, wall ? e->wall_ns : e->cpu_ns, now_ns);
}

/* Rings are released and ended threads freed: all of it is in the file. */
static void release(void)
{
	struct drained *r;

	for (r = d.first; r; r = r->next) {
		struct thread_record *t = region_record(r->slot);

		ring_release(&t->ring, r->position);
		if (r->ended)
			thread_free(r->slot);
		else
			region_trim(r->slot);
	}
	wall_written();
	forget();
}

static void say_once(int err)
{
	/* a new file takes its place, or that cannot be written */
	if (err == -ESTALE)
		return;
	if (err != 0 && !d.said_disk) {
		d.said_disk = 1;
		log_line(LOG_WARNING, "cannot write %s: error %d; trying again",
			 writer_target(), -err);
	}
	if (err == 0 && writer_fell_back() && !d.said_fallback) {
		d.said_fallback = 1;
		log_line(LOG_WARNING, "cannot write %s; writing %s instead",
			 writer_target(), writer_path());
	}
}

/* What follows goes to a file that has nothing of it yet. */
static void begin_file(void)
{
	pprof_reset(d.pprof);
	d.told = 0;
	spans_all_changed();
}

static int rotate(void)
{
	int err = writer_rotate();

	if (err != 0)
		return err;
	begin_file();
	d.part++;
	return 0;
}

static int write_fragment(void)
{
	int err = writer_append(d.fragment, d.fragment_size);

	say_once(err);
	if (err != 0) {
		pprof_undo(d.pprof); /* its ids are in no file */
		return err;
	}
	d.flushes++;
	d.told |= d.telling;
	modules_told_unloaded();
	spans_written();
	return 0;
}

static int encode_and_write(bool last)
{
	encode(last);
	if (d.fragment && writer_is_full(d.fragment_size) && rotate() == 0)
		encode(last);
	return d.fragment ? write_fragment() : -ENOMEM;
}

/* The file is gone (removed by others): the next is a whole one. */
static int begin_again(bool last)
{
	writer_abandon();
	begin_file();
	return encode_and_write(last);
}

/*
 * A thread that is adopted later brings its own CPU time along. The process is
 * asked before the threads without a slot, so that what they use meanwhile is
 * missing here and comes with the next call.
 */
static void settle_accounts(void)
{
	uint64_t cpu_ns =
		agent_cpu_ns(sys_clock_ns(CLOCK_THREAD_CPUTIME_ID));
	uint64_t unknown;

	foreign_scan();
	unknown = foreign_cpu_ns();
	if (cpu_ns > unknown)
		thread_account_settle(cpu_ns - unknown);
}

static bool has_lost(const struct pprof_health *h)
{
	int k;

	for (k = 0; k < LOST_REASONS; k++)
		if (h->lost[k] > 0)
			return true;
	return false;
}

/* Nothing was sampled, written or lost. Looks at all slots. */
static bool is_untold(void)
{
	struct pprof_health h;

	drain_health(&h);
	return h.samples == 0 && d.flushes == 0 && !has_lost(&h);
}

/* No sample, no file: unless samples were due and none could be taken. */
static bool has_news(bool last)
{
	struct pprof_health h;

	if (stacks_first(d.stacks))
		return true;
	if (!last || d.flushes > 0)
		return last;
	drain_health(&h);
	return has_lost(&h);
}

void drain_refresh_modules(void)
{
	if (modules_refresh() == 1 && modules_take_stale())
		sampler_forget_rules();
}

static int write_news(bool last)
{
	int err;

	if (last)
		collect_rests();
	err = encode_and_write(last);
	return err == -ESTALE ? begin_again(last) : err;
}

/* Periods in which a tick comes, wherever the first falls. */
#define DUE_PERIODS 2u

/*
 * At the end: where making the region took so long, for a disk was slow or others
 * had the CPUs, that all ticks came before, that is said.
 */
static void count_missed(void)
{
	uint64_t due = agent_begun_cpu_ns() / clock_period_ns();

	if (due >= DUE_PERIODS && is_untold())
		atomic_fetch_add_explicit(
			&thread_totals.lost[LOST_STARTING], due,
			memory_order_relaxed);
}

/*
 * Most that end have nothing to write: then nothing is read for it either.
 * Without a sample there is no file.
 */
static bool is_over(void)
{
	return is_untold() && !wall_is_on() && !control_wants_member();
}

int drain_round(bool last)
{
	int err;

	if (last)
		count_missed();
	if (last && is_over())
		return 0;
	err = prepare();
	if (err != 0)
		return err;
	keep_slots_spare();
	if (last)
		wall_finish();
	settle_accounts();
	drain_refresh_modules();
	drain_all();
	if (has_news(last))
		err = write_news(last);
	if (err != 0) {
		forget();
		return err;
	}
	/* After the file: what failed comes again, and is seen once. */
	encode_live(last);
	count_functions();
	release();
	publish_live();
	return 0;
}

int drain_new_part(void)
{
	int err = drain_round(false);

	if (err != 0 || d.flushes == 0)
		return err;
	return rotate();
}

int drain_open(void)
{
	return writer_open();
}

void drain_close(void)
{
	writer_close();
}

void drain_reset_after_fork(void)
{
	memset(&d, 0, sizeof(d));
	functions_reset_after_fork();
	arena_reset_after_fork();
	writer_reset_after_fork();
}
