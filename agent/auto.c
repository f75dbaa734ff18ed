/* SPDX-License-Identifier: MIT */
/* auto: see auto.h. Flusher only. */
#include "agent/auto.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "agent/clock-perf.h"
#include "agent/clock-ticker.h"
#include "agent/clock.h"
#include "agent/fork.h"
#include "agent/region.h"
#include "agent/sys.h"
#include "agent/tasks.h"
#include "agent/thread.h"

#define WINDOW_NS 1000000000u

/* A window with less CPU time than this says nothing, and goes on. */
#define CPU_LEAST_NS 20000000u

/* CPU time that no sample stands for: more than this part of the window's. */
#define SHORT_PART 20u		/* one in 20: 5 % */

/*
 * Sleeps often: that many times in a window, and between them less than
 * this many ticks of CPU time. A thread that runs longer meets the tick at all
 * places.
 */
#define SLEEPS_LEAST 25u
#define RUN_TICKS 8u

/* Looks at a suspect: about one in 10 ms, until there is no doubt. */
#define LOOK_NS 10000000u
#define LOOKS_MOST 4096u
#define LOOKS_LEAST 64u
#define PARTS 8u

/*
 * Chi-squared with 7 degrees of freedom exceeds this once in 10^5 (tables of
 * the distribution: 33.1 at 2.5 * 10^-5).
 */
#define CHI_SQUARED_MOST 33.0

struct window {
	uint32_t generation;
	uint32_t verdict;	/* enum verdict */
	uint64_t began_ns, cpu_ns, sleeps;
};

enum verdict {
	FINE = 0,
	CLEARED,		/* sleeps often, not in step: never asked again */
	TOLD			/* nothing can be done, and it is said */
};

static FORK_LARGE struct window windows[REGION_SLOTS_MAX];
static uint64_t next_window_ns;

/* The one thread that is looked at now. */
static struct {
	bool active;
	uint32_t slot, generation, looks;
	uint32_t ran[PARTS], looked[PARTS];
	uint64_t next_ns;
} suspect;

static uint32_t generation_of(uint32_t slot)
{
	return atomic_load_explicit(&region_record(slot)->generation,
				    memory_order_relaxed);
}

static bool is_on_cputime(uint32_t slot)
{
	const struct thread_record *t = region_record(slot);

	/* acquire: pairs with the release in thread_publish() */
	return atomic_load_explicit(&t->state, memory_order_acquire) ==
		       SLOT_LIVE &&
	       atomic_load_explicit(&t->clock, memory_order_relaxed) ==
		       CLOCK_CPUTIME;
}

/* --- looks at a suspect ------------------------------------------------------ */

double auto_chi_squared(const uint32_t *ran, const uint32_t *looked,
			unsigned parts)
{
	double all = 0, running = 0, share, expected, sum = 0;
	unsigned i;

	for (i = 0; i < parts; i++) {
		all += looked[i];
		running += ran[i];
	}
	if (running == 0 || running == all)
		return 0;
	share = running / all;
	for (i = 0; i < parts; i++) {
		expected = looked[i] * share;
		if (looked[i] > 0)
			sum += (ran[i] - expected) * (ran[i] - expected) /
			       (expected * (1 - share));
	}
	return sum;
}

static void suspect_begin(uint32_t slot)
{
	if (suspect.active)
		return;
	memset(&suspect, 0, sizeof(suspect));
	suspect.active = true;
	suspect.slot = slot;
	suspect.generation = generation_of(slot);
}

static void suspect_end(enum verdict verdict)
{
	suspect.active = false;
	windows[suspect.slot].verdict = verdict;
	if (verdict == TOLD)
		clock_say(CLOCK_NOTE_STEP);
}

/* The coarse clock is the time of the last tick. */
static unsigned tick_part(void)
{
	uint64_t tick = clock_tick_ns();
	uint64_t last = sys_clock_ns(CLOCK_MONOTONIC_COARSE);
	uint64_t since = sys_clock_ns(CLOCK_MONOTONIC) - last;

	return (unsigned)(since % tick * PARTS / tick);
}

static void suspect_look(uint64_t now_ns)
{
	unsigned part;

	if (!is_on_cputime(suspect.slot) ||
	    generation_of(suspect.slot) != suspect.generation) {
		suspect.active = false;
		return;
	}
	if (now_ns < suspect.next_ns)
		return;
	suspect.next_ns = now_ns + ticker_random(LOOK_NS);
	part = tick_part();
	suspect.looked[part]++;
	suspect.ran[part] += tasks_is_running(region_record(suspect.slot)->tid);
	suspect.looks++;
	if (suspect.looks >= LOOKS_LEAST &&
	    auto_chi_squared(suspect.ran, suspect.looked, PARTS) >
		    CHI_SQUARED_MOST)
		suspect_end(TOLD);
	else if (suspect.looks >= LOOKS_MOST)
		suspect_end(CLEARED);
}

/* --- windows -------------------------------------------------------------------- */

static void begin(struct window *w, uint32_t slot, uint64_t now_ns,
		  uint64_t cpu_ns)
{
	w->generation = generation_of(slot);
	w->began_ns = now_ns;
	w->cpu_ns = cpu_ns;
	w->sleeps = tasks_sleeps(region_record(slot)->tid);
}

/* Falls behind by more than what is always on its way. */
static bool is_short(uint32_t slot, uint64_t cpu_ns, uint64_t used_ns)
{
	const struct thread_record *t = region_record(slot);
	uint64_t behind = thread_unsampled(t, cpu_ns);

	return behind > used_ns / SHORT_PART &&
	       behind > 2 * t->period_ns + 2 * clock_tick_ns();
}

static bool sleeps_often(const struct window *w, uint32_t slot,
			 uint64_t used_ns)
{
	uint64_t sleeps = tasks_sleeps(region_record(slot)->tid) - w->sleeps;

	return sleeps >= SLEEPS_LEAST &&
	       used_ns / sleeps < RUN_TICKS * clock_tick_ns();
}

static void judge(struct window *w, uint32_t slot, uint64_t cpu_ns)
{
	uint64_t used_ns = cpu_ns - w->cpu_ns;
	bool behind = is_short(slot, cpu_ns, used_ns);
	bool sleeps = !behind && w->verdict == FINE &&
		      sleeps_often(w, slot, used_ns);

	if (!behind && !sleeps)
		return;
	if (perf_sight_now() == PERF_KERNEL_TOO) {
		clock_say(CLOCK_NOTE_SLEEPERS);
		clock_move(slot, CLOCK_PERF);
	} else if (behind) {
		clock_say(CLOCK_NOTE_SHORT);
	} else {
		suspect_begin(slot);
	}
}

static void look_at(uint32_t slot, uint64_t now_ns)
{
	struct window *w = &windows[slot];
	uint64_t cpu_ns;

	if (!is_on_cputime(slot))
		return;
	cpu_ns = sys_clock_ns(sys_thread_clock(region_record(slot)->tid));
	if (w->generation != generation_of(slot)) {
		w->verdict = FINE;
		begin(w, slot, now_ns, cpu_ns);
		return;
	}
	if (cpu_ns < w->cpu_ns + CPU_LEAST_NS)
		return;
	judge(w, slot, cpu_ns);
	begin(w, slot, now_ns, cpu_ns);
}

uint64_t auto_round(uint64_t now_ns)
{
	uint32_t slots = region_slots(), i;

	if (now_ns >= next_window_ns) {
		next_window_ns = now_ns + WINDOW_NS;
		for (i = 0; i < slots; i++)
			look_at(i, now_ns);
	}
	if (suspect.active)
		suspect_look(now_ns);
	return suspect.active && suspect.next_ns < next_window_ns ?
		       suspect.next_ns : next_window_ns;
}

void auto_reset(void)
{
	/* windows of other generations begin anew by themselves */
	suspect.active = false;
	next_window_ns = 0;
}
