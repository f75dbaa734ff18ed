/* SPDX-License-Identifier: MIT */
/*
 * clock-ticker: the flusher wakes at random instants and sends the signal to
 * the threads that run then. It needs no permission and no tick.
 *
 * A thread runs if its CPU clock moves while we look, or if it left its CPU
 * when the flusher was given it: then it is us who made it wait. One that merely
 * waits for a CPU is left alone; it would be seen where it waits. A thread may
 * fall asleep before the signal comes: then a call that the kernel never restarts
 * ends with EINTR. So this clock is used on request only.
 */
#include "agent/clock-ticker.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>

#include "agent/agent.h"
#include "agent/clock.h"
#include "agent/flusher.h"
#include "agent/fork.h"
#include "agent/signals.h"
#include "agent/sys.h"
#include "agent/tasks.h"
#include "agent/thread.h"

/* What the CPU clock of a slot's thread read at the last look. Flusher only. */
static FORK_LARGE uint64_t seen_cpu_ns[REGION_SLOTS_MAX];
static _Atomic uint64_t next_ns; /* 0: no look is planned */
static bool is_punctual;
static uint64_t asleep_cpu_ns;	/* the flusher's CPU clock as it went to sleep */

/*
 * The kernel switches from a thread to us within microseconds; who left its CPU
 * so much before or after us left for another reason.
 */
#define DISPLACED_NS 20000u

/* Later than this, the plan is made anew. */
#define BEHIND_NS 100000000u

/* The shortest slice that can be had. */
#define SLICE_NS 100000u

/*
 * -ln(u) for a random u in (0, 1], by the series of the inverse hyperbolic
 * tangent: ln m = 2 (s + s^3/3 + s^5/5 + ...) with s = (m - 1) / (m + 1). With
 * m in [1/2, 1) nine terms are exact to 10^-10.
 */
static double random_exponential(void)
{
	uint64_t u = clock_random(1ull << 53);	/* u / 2^53 is in (0, 1] */
	int halvings = __builtin_clzll(u) - 10;
	double m = (double)u / (double)(1ull << (54 - halvings));
	double s = (m - 1) / (m + 1), power = s, sum = 0;
	int i;

	for (i = 1; i < 18; i += 2, power *= s * s)
		sum += power / i;
	return 0.6931471805599453 * (halvings - 1) - 2 * sum;
}

uint64_t ticker_random(uint64_t mean_ns)
{
	return (uint64_t)(random_exponential() * (double)mean_ns);
}

/*
 * si_code SI_TIMER: another thread of the process may send it, and the handler
 * looks for a cookie behind it.
 */
static void send(const struct thread_record *t, uint64_t cookie, int signo)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = signo;
	info.si_code = SI_TIMER;
	info.si_value.sival_ptr = (void *)cookie;
	sys_call(SYS_rt_tgsigqueueinfo, agent_process.pid, t->tid, signo,
		 &info);
}

/*
 * Since 6.6 the kernel lets a running thread finish its slice before one that
 * woke up gets its CPU, which moves our looks to the end of what runs. A thread
 * with a shorter slice does not wait (Linux 6.12; before, this changes nothing).
 */
static void be_punctual(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr;

	/* by default wake-ups are gathered within 50 us: with the program's */
	sys_call(SYS_prctl, PR_SET_TIMERSLACK, 1);
	if (sys_call(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) != 0 ||
	    attr.policy != 0 /* SCHED_OTHER */)
		return;
	attr.flags = 0;
	attr.runtime = SLICE_NS;
	attr.deadline = attr.period = 0;
	sys_call(SYS_sched_setattr, 0, &attr, 0);
}

/* When the flusher was given its CPU, on the scheduler's clock. */
static uint64_t woken_at(void)
{
	uint64_t used = sys_clock_ns(CLOCK_THREAD_CPUTIME_ID) - asleep_cpu_ns;
	uint64_t now = tasks_last_ran(0);

	return now > used ? now - used : 0;
}

static bool is_running(int tid, uint64_t cpu_ns, uint64_t *woken_ns)
{
	uint64_t left;

	if (sys_clock_ns(sys_thread_clock(tid)) != cpu_ns)
		return true;
	if (*woken_ns == 0)
		*woken_ns = woken_at();
	left = *woken_ns ? tasks_last_ran(tid) : 0;
	if (left == 0)		/* this kernel does not say */
		return tasks_is_running(tid);
	return left + DISPLACED_NS > *woken_ns &&
	       left < *woken_ns + DISPLACED_NS && tasks_is_running(tid);
}

/* False if the slot's thread has another clock. */
static bool look(uint32_t slot, int signo, uint64_t *woken_ns)
{
	const struct thread_record *t = region_record(slot);
	uint64_t cpu_ns;

	/* acquire: pairs with the release in thread_publish() */
	if (atomic_load_explicit(&t->state, memory_order_acquire) !=
		    SLOT_LIVE ||
	    atomic_load_explicit(&t->clock, memory_order_relaxed) !=
		    CLOCK_TICKER)
		return false;
	cpu_ns = sys_clock_ns(sys_thread_clock(t->tid));
	if (cpu_ns == seen_cpu_ns[slot])
		return true;
	seen_cpu_ns[slot] = cpu_ns;
	if (is_running(t->tid, cpu_ns, woken_ns))
		send(t, thread_cookie(slot), signo);
	return true;
}

/*
 * The instants are planned ahead, however long a look takes: a pause after each
 * look would show too much of what runs after a sleep. Of several that were
 * missed meanwhile one is made up for, at once.
 */
static uint64_t plan_next(uint64_t now_ns)
{
	uint64_t next = atomic_load_explicit(&next_ns, memory_order_relaxed);
	uint64_t after = next;

	if (next == 0 || now_ns - next > BEHIND_NS)
		return now_ns + ticker_random(clock_period_ns());
	do {
		next = after;
		after += ticker_random(clock_period_ns()) + 1;
	} while (after <= now_ns);
	return next == atomic_load_explicit(&next_ns, memory_order_relaxed) ?
		       after : next;
}

uint64_t ticker_round(uint64_t now_ns)
{
	uint32_t slots = region_slots(), i;
	int signo = signals_ours();
	uint64_t next, woken_ns = 0;
	bool any = false;

	if (now_ns < atomic_load_explicit(&next_ns, memory_order_relaxed))
		return next_ns;
	for (i = 0; i < slots && signo; i++)
		any |= look(i, signo, &woken_ns);
	next = any ? plan_next(sys_clock_ns(CLOCK_MONOTONIC)) : 0;
	/* relaxed: a thread that reads a stale value wakes us needlessly */
	atomic_store_explicit(&next_ns, next, memory_order_relaxed);
	if (any && !is_punctual)
		be_punctual();
	is_punctual |= any;
	if (any)
		asleep_cpu_ns = sys_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	return any ? next : UINT64_MAX;
}

void ticker_reset(void)
{
	is_punctual = false;
	atomic_store_explicit(&next_ns, 0, memory_order_relaxed);
}

static int ticker_arm(struct thread_record *t, uint64_t cookie,
		      uint64_t first_ns, int signo)
{
	(void)t;
	(void)cookie;
	(void)first_ns;
	(void)signo;
	if (atomic_load_explicit(&next_ns, memory_order_relaxed) == 0)
		flusher_nudge();
	return 0;
}

static void ticker_disarm(struct thread_record *t)
{
	(void)t;
}

static bool ticker_owns(int code)
{
	return code == SI_TIMER;
}

const struct clock clock_ticker = {
	.name = "ticker",
	.per_thread = true,
	.weighs_cpu = true,
	.arm = ticker_arm,
	.disarm = ticker_disarm,
	.owns = ticker_owns,
};
