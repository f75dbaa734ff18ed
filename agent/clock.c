/* SPDX-License-Identifier: MIT */
/*
 * clock: chooses one of clock_table[] and arms it, thread by thread. Called by
 * starting threads and by the flusher; what is said to be for the handler is
 * all that the handler calls.
 */
#include "agent/clock.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/auto.h"
#include "agent/budget.h"
#include "agent/clock-cputime.h"
#include "agent/clock-itimer.h"
#include "agent/clock-perf.h"
#include "agent/clock-ticker.h"
#include "agent/flusher.h"
#include "agent/fork.h"
#include "agent/format.h"
#include "agent/sys.h"
#include "agent/thread.h"
#include "agent/wall.h"

/* As often the flusher looks after new threads while there are some. */
#define BIRTHS_NS 20000000u

/* And looks for wishes that often, whoever told it of them. */
#define WISHES_NS 100000000u

static const struct clock *const clock_table[CLOCK_KINDS] = {
	[CLOCK_CPUTIME] = &clock_cputime,
	[CLOCK_PERF] = &clock_perf,
	[CLOCK_TICKER] = &clock_ticker,
	[CLOCK_ITIMER] = &clock_itimer,
};

static const char *const notes[CLOCK_NOTES] = {
	[CLOCK_NOTE_TIMERS] = "not every thread could have a CPU timer "
		"(RLIMIT_SIGPENDING); raise ulimit -i",
	[CLOCK_NOTE_NO_TIMERS] = "thread CPU timers are refused here",
	[CLOCK_NOTE_PERF_REFUSED] = "perf events are not permitted here: "
		"cputime is used; see kernel.perf_event_paranoid",
	[CLOCK_NOTE_PERF_MISSING] = "this kernel has no perf events to send "
		"signals: cputime is used",
	[CLOCK_NOTE_PERF_FILES] = "not every thread could have a perf event "
		"(RLIMIT_NOFILE): the others are on cputime; raise ulimit -n",
	[CLOCK_NOTE_PERF_USER] = "perf events show no time in the kernel here; "
		"see kernel.perf_event_paranoid",
	[CLOCK_NOTE_NO_CLOCK] = "some threads could have no clock at all",
	[CLOCK_NOTE_TICK] = "the rate is above the kernel's tick: samples come "
		"at the tick and weigh more; PROFAGENT_CLOCK=ticker keeps it",
	[CLOCK_NOTE_SHORT] = "a thread used more CPU time than its clock saw: "
		"PROFAGENT_CLOCK=ticker would see it",
	[CLOCK_NOTE_STEP] = "a thread runs in step with the kernel's tick, its "
		"shares may be wrong: PROFAGENT_CLOCK=ticker shows them right",
	[CLOCK_NOTE_SLEEPERS] = "threads that sleep between ticks were moved to "
		"perf events, which do not depend on the tick",
};

static _Atomic int32_t chosen;		/* enum clock_kind, for all threads */
static bool automatic;			/* no name was given */
static bool settled;			/* the flusher has looked at the rate */
static _Atomic uint64_t period;		/* ns; relaxed: a number */
static FORK_DATA _Atomic uint32_t said;		/* bit N: enum clock_note */
static FORK_DATA _Atomic uint32_t used;		/* bit N: enum clock_kind */
static FORK_DATA _Atomic uint64_t random_state;

/* Threads that wait for the flusher, and when it was last told. */
static _Atomic uint32_t births;
static _Atomic uint64_t births_told_ns;
static uint32_t births_served;

int clock_init(const char *name, uint64_t period_ns)
{
	bool wall = strcmp(name, "wall") == 0;
	bool both = strcmp(name, "cpu+wall") == 0;
	int32_t i = CLOCK_CPUTIME;

	/* what is not waiting is CPU time, and that has its clocks */
	if (wall || both)
		wall_init(both);
	automatic = wall || both || strcmp(name, "auto") == 0;
	if (!automatic)
		while (i < CLOCK_KINDS && strcmp(clock_table[i]->name, name))
			i++;
	if (i == CLOCK_KINDS)
		return -EINVAL;
	if (i == CLOCK_PERF)
		perf_insist();
	atomic_store_explicit(&chosen, i, memory_order_relaxed);
	period = period_ns;
	atomic_store_explicit(&random_state,
			      sys_clock_ns(CLOCK_MONOTONIC) ^
				      (uint64_t)sys_getpid() << 32,
			      memory_order_relaxed);
	return 0;
}

bool clock_may_trap(void)
{
	return automatic || atomic_load_explicit(&chosen, memory_order_relaxed) ==
				    CLOCK_PERF;
}

/*
 * splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
 * generators, 2014): one atomic addition, so that any thread may ask.
 */
FORK_CODE uint64_t clock_random(uint64_t limit)
{
	uint64_t z = atomic_fetch_add_explicit(&random_state,
					       0x9e3779b97f4a7c15ull,
					       memory_order_relaxed);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	z ^= z >> 31;
	return 1 + z % limit;
}

/* The coarse clock moves with the tick. */
uint64_t clock_tick_ns(void)
{
	struct timespec ts;

	if (sys_call(SYS_clock_getres, CLOCK_MONOTONIC_COARSE, &ts) != 0)
		return 4000000;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- arming -------------------------------------------------------------- */

/*
 * The first expiry is random so that nothing runs in step with us, and comes
 * earlier by what threads like this one ended with unsampled; its weight is all
 * that no sample stands for when it comes.
 */
static uint64_t plan_first(struct thread_record *t, uint64_t cpu_ns)
{
	uint64_t granted = thread_account_take(t->start_routine);
	uint64_t first = clock_random(clock_period_ns());

	t->granted_ns += granted;
	first = first > granted ? first - granted : 1;
	atomic_store_explicit(&t->first_ns,
			      thread_unsampled(t, cpu_ns) - t->carry_ns + first,
			      memory_order_relaxed);
	return first;
}

static enum clock_note refusal(enum clock_kind kind, int error)
{
	if (kind == CLOCK_CPUTIME)
		return error == -EAGAIN ? CLOCK_NOTE_TIMERS :
					  CLOCK_NOTE_NO_TIMERS;
	if (kind == CLOCK_PERF && (error == -EMFILE || error == -ENFILE))
		return CLOCK_NOTE_PERF_FILES;
	if (kind == CLOCK_PERF)
		return error == -EACCES || error == -EPERM ?
			       CLOCK_NOTE_PERF_REFUSED :
			       CLOCK_NOTE_PERF_MISSING;
	return CLOCK_NOTE_NO_CLOCK;
}

static FORK_CODE int try_arm(struct thread_record *t, uint64_t cookie, uint64_t first,
		   enum clock_kind kind, int signo)
{
	int err;

	/* relaxed: the handler of the thread reads it when a signal comes */
	atomic_store_explicit(&t->clock, kind, memory_order_relaxed);
	err = clock_table[kind]->arm(t, cookie, first, signo);
	if (err == 0) {
		atomic_fetch_or_explicit(&used, 1u << kind,
					 memory_order_relaxed);
		return 0;
	}
	atomic_store_explicit(&t->clock, CLOCK_NONE, memory_order_relaxed);
	if (err != -ESRCH)
		clock_say(refusal(kind, err));
	return err;
}

static enum clock_kind wish_of(const struct thread_record *t)
{
	int32_t wish = atomic_load_explicit(&t->wish, memory_order_relaxed);

	return wish != CLOCK_NONE ? (enum clock_kind)wish :
				    (enum clock_kind)atomic_load_explicit(
					    &chosen, memory_order_relaxed);
}

static void set_wish(struct thread_record *t, enum clock_kind kind)
{
	atomic_store_explicit(&t->wish, kind, memory_order_relaxed);
}

/* The flusher is told at most every BIRTHS_NS: it comes again by itself. */
static void ask_flusher(void)
{
	uint64_t now = sys_clock_ns(CLOCK_MONOTONIC);
	uint64_t told = atomic_load_explicit(&births_told_ns,
					     memory_order_relaxed);

	/* release: the flusher sees the wish that was stored before */
	atomic_fetch_add_explicit(&births, 1, memory_order_release);
	if (now - told < BIRTHS_NS)
		return;
	atomic_store_explicit(&births_told_ns, now, memory_order_relaxed);
	flusher_nudge();
}

/* In the thread itself: a timer at once; what it wishes for comes later. */
static int arm_here(struct thread_record *t, uint64_t cookie, uint64_t first,
		    int signo)
{
	enum clock_kind kind = wish_of(t);
	int err;

	if (!clock_table[kind]->outside) {
		err = try_arm(t, cookie, first, kind, signo);
		if (err == 0 || kind != CLOCK_CPUTIME)
			return err;
		set_wish(t, CLOCK_PERF);
	} else {
		err = try_arm(t, cookie, first, CLOCK_CPUTIME, signo);
	}
	ask_flusher();
	return err;
}

/* In the flusher: the wish, or else what can be had, which is its wish then. */
static int arm_outside(struct thread_record *t, uint64_t cookie, uint64_t first,
		       int signo)
{
	enum clock_kind order[] = { wish_of(t), CLOCK_CPUTIME, CLOCK_PERF,
				    CLOCK_ITIMER };
	int err = -EINVAL;
	unsigned i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (i > 0 && order[i] == order[0])
			continue;
		err = try_arm(t, cookie, first, order[i], signo);
		if (err == 0 || err == -ESRCH)
			break;
	}
	if (err == 0 && i > 0)
		set_wish(t, order[i]);
	return err;
}

int clock_arm(uint32_t slot, int signo, uint64_t cpu_ns)
{
	struct thread_record *t = region_record(slot);
	uint64_t first = plan_first(t, cpu_ns), cookie = thread_cookie(slot);

	t->period_ns = clock_period_ns();
	return flusher_is_self() ? arm_outside(t, cookie, first, signo) :
				   arm_here(t, cookie, first, signo);
}

FORK_CODE int clock_arm_record(struct thread_record *t, uint64_t cookie, int signo)
{
	uint64_t first = clock_random(clock_period_ns());
	int err;

	t->period_ns = clock_period_ns();
	err = try_arm(t, cookie, first, CLOCK_CPUTIME, signo);
	return err ? try_arm(t, cookie, first, CLOCK_ITIMER, signo) : 0;
}

void clock_disarm(uint32_t slot)
{
	clock_disarm_record(region_record(slot));
}

void clock_disarm_record(struct thread_record *t)
{
	int32_t kind = atomic_exchange_explicit(&t->clock, CLOCK_NONE,
						memory_order_relaxed);

	if (kind != CLOCK_NONE)
		clock_table[kind]->disarm(t);
}

void clock_stop(void)
{
	int i;

	for (i = 0; i < CLOCK_KINDS; i++)
		if (clock_table[i]->stop)
			clock_table[i]->stop();
}

/* --- the flusher's part ----------------------------------------------------- */

void clock_move(uint32_t slot, enum clock_kind to)
{
	set_wish(region_record(slot), to);
	agent_rearm(slot);
}

static void serve_wishes(void)
{
	uint32_t slots = region_slots(), i;
	struct thread_record *t;
	int32_t kind;

	for (i = 0; i < slots; i++) {
		t = region_record(i);
		/* acquire: pairs with the release in thread_publish() */
		if (atomic_load_explicit(&t->state, memory_order_acquire) !=
		    SLOT_LIVE)
			continue;
		kind = atomic_load_explicit(&t->clock, memory_order_relaxed);
		if (kind != (int32_t)wish_of(t) ||
		    (kind == CLOCK_PERF && !perf_is_armed(i)))
			agent_rearm(i);
	}
}

/* Once the flusher runs, and when the period has changed. */
static void settle_rate(void)
{
	settled = true;
	if (!automatic || clock_period_ns() >= clock_tick_ns())
		return;
	if (perf_sight_now() == PERF_KERNEL_TOO)
		atomic_store_explicit(&chosen, CLOCK_PERF,
				      memory_order_relaxed);
	else
		clock_say(CLOCK_NOTE_TICK);
}

/*
 * Whoever wishes says so; that none is forgotten is looked at now and then, for
 * it takes a look at each record.
 */
static bool wishes_are_due(uint64_t now_ns, bool some)
{
	static uint64_t last_ns;

	if (!some && settled && now_ns - last_ns < WISHES_NS)
		return false;
	last_ns = now_ns;
	return true;
}

static bool has_births(void)
{
	/* acquire: pairs with the release in ask_flusher() */
	uint32_t n = atomic_load_explicit(&births, memory_order_acquire);
	bool some = n != births_served;

	births_served = n;
	return some;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t clock_round(uint64_t now_ns)
{
	uint64_t next = UINT64_MAX;
	bool some, wishes;

	perf_tidy();
	if (agent_state() != AGENT_RUNNING) {
		wall_pause();
		return next;
	}
	some = has_births();
	wishes = wishes_are_due(now_ns, some);
	if (!settled)
		settle_rate();
	if (some)
		next = now_ns + BIRTHS_NS;
	if (wishes)
		serve_wishes();
	perf_vary(now_ns);
	if (automatic)
		next = earlier(next, auto_round(now_ns));
	next = earlier(next, wall_round(now_ns));
	next = earlier(next, budget_round(now_ns));
	return earlier(next, ticker_round(now_ns));
}

void clock_flusher_begins(void)
{
	perf_reset();
	ticker_reset();
	settled = false;
}

FORK_CODE void clock_reset_after_fork(void)
{
	atomic_store_explicit(&said, 0, memory_order_relaxed);
	atomic_store_explicit(&used, 0, memory_order_relaxed);
	cputime_reset_after_fork();
	itimer_reset_after_fork();
}

void clock_begin_in_child(void)
{
	auto_reset();
	wall_reset_after_fork();
	budget_reset_after_fork();
}

/* --- in the handler ---------------------------------------------------------- */

bool clock_owns(int code)
{
	int i;

	for (i = 0; i < CLOCK_KINDS; i++)
		if (clock_table[i]->owns(code))
			return true;
	return false;
}

uint64_t clock_cookie(int signo, const siginfo_t *info)
{
	if (signo != SIGTRAP && clock_perf.owns(info->si_code))
		return perf_cookie_of((uint32_t)info->si_fd);
	/* sigtrap's datum lies where si_value does */
	return (uint64_t)info->si_value.sival_ptr;
}

bool clock_fits(const struct thread_record *t, const siginfo_t *info)
{
	int32_t kind = atomic_load_explicit(&t->clock, memory_order_relaxed);

	/* a timer that was deleted may still have had a signal on its way */
	if (kind == CLOCK_CPUTIME && t->timer >= 0 &&
	    info->si_timerid != t->timer)
		return false;
	return kind != CLOCK_NONE && clock_table[kind]->owns(info->si_code);
}

bool clock_weighs_cpu(const struct thread_record *t)
{
	int32_t kind = atomic_load_explicit(&t->clock, memory_order_relaxed);

	return kind != CLOCK_NONE && clock_table[kind]->weighs_cpu;
}

/* --- for the health line ------------------------------------------------------ */

bool clock_is_used(enum clock_kind kind)
{
	return atomic_load_explicit(&used, memory_order_relaxed) & 1u << kind;
}

const char *clock_name(void)
{
	static char text[64];
	uint32_t which = atomic_load_explicit(&used, memory_order_relaxed);
	struct format f;
	size_t start;
	int i;

	if (which == 0)
		which = 1u << atomic_load_explicit(&chosen,
						   memory_order_relaxed);
	format_init(&f, text, sizeof(text));
	if (wall_is_on())
		format_string(&f, wall_shows_cpu() ? "cpu+wall: " : "wall: ");
	start = f.used;
	for (i = 0; i < CLOCK_KINDS; i++)
		if (which & 1u << i)
			format_printf(&f, "%s%s", f.used > start ? "+" : "",
				      clock_table[i]->name);
	return text;
}

FORK_CODE uint64_t clock_period_ns(void)
{
	return atomic_load_explicit(&period, memory_order_relaxed);
}

void clock_set_period(uint64_t ns)
{
	atomic_store_explicit(&period, ns, memory_order_relaxed);
	settled = false;
}

bool clock_has_itimer(void)
{
	return clock_itimer.owns(SI_KERNEL);
}

void clock_say(enum clock_note note)
{
	atomic_fetch_or_explicit(&said, 1u << note, memory_order_relaxed);
}

const char *clock_said(enum clock_note note)
{
	return atomic_load_explicit(&said, memory_order_relaxed) & 1u << note ?
		       notes[note] : NULL;
}
