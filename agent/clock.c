/* SPDX-License-Identifier: MIT */
/*
 * clock: chooses one of clock_table[] and arms it, thread by thread. Called by
 * starting threads and by the flusher, never by the handler (but clock_owns).
 */
#include "agent/clock.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "agent/sys.h"
#include "agent/thread.h"

/* In order of preference. */
static const struct clock *const clock_table[] = {
	&clock_cputime,
	&clock_itimer,
};

#define CLOCKS (sizeof(clock_table) / sizeof(clock_table[0]))

static _Atomic uint32_t current;	/* index in clock_table[] */
static bool by_name;			/* asked for: no fall-back */
static _Atomic uint64_t period;		/* ns; relaxed: a number */
static const char *_Atomic note = "";
static _Atomic uint64_t random_state;

int clock_init(const char *name, uint64_t period_ns)
{
	uint32_t i, first = 0;

	by_name = strcmp(name, "auto") != 0;
	if (by_name) {
		for (i = 0; i < CLOCKS; i++)
			if (strcmp(clock_table[i]->name, name) == 0)
				break;
		if (i == CLOCKS)
			return -EINVAL;
		first = i;
	}
	atomic_store_explicit(&current, first, memory_order_relaxed);
	period = period_ns;
	atomic_store_explicit(&random_state,
			      sys_clock_ns(CLOCK_MONOTONIC) ^
				      (uint64_t)sys_getpid() << 32,
			      memory_order_relaxed);
	return 0;
}

/*
 * splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
 * generators, 2014): one atomic addition, so that any thread may ask.
 */
uint64_t clock_random(uint64_t limit)
{
	uint64_t z = atomic_fetch_add_explicit(&random_state,
					       0x9e3779b97f4a7c15ull,
					       memory_order_relaxed);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	z ^= z >> 31;
	return 1 + z % limit;
}

static uint64_t thread_cpu_ns(const struct thread_record *t)
{
	return sys_clock_ns(t->tid == sys_gettid() ? CLOCK_THREAD_CPUTIME_ID
						   : sys_thread_clock(t->tid));
}

/*
 * The first expiry is random so that nothing runs in step with us, and comes
 * earlier by what threads like this one ended with unsampled; its weight is all
 * that no sample stands for when it comes.
 */
static uint64_t plan_first(struct thread_record *t)
{
	uint64_t granted = thread_account_take(t->start_routine);
	uint64_t first = clock_random(period);

	t->granted_ns += granted;
	first = first > granted ? first - granted : 1;
	atomic_store_explicit(&t->first_ns,
			      thread_unsampled(t, thread_cpu_ns(t)) -
				      t->carry_ns + first,
			      memory_order_relaxed);
	return first;
}

/* The note a user sees when the kernel refuses a clock. */
static const char *refusal(const char *name, int error)
{
	if (strcmp(name, "cputime") != 0)
		return "no clock could be had";
	switch (-error) {
	case EAGAIN:
		return "thread CPU timers refused (RLIMIT_SIGPENDING): one "
		       "timer for the whole process is used; raise ulimit -i";
	case EPERM:
		return "thread CPU timers refused (not permitted): one timer "
		       "for the whole process is used";
	default:
		return "thread CPU timers refused: one timer for the whole "
		       "process is used";
	}
}

int clock_arm(uint32_t slot, int signo)
{
	struct thread_record *t = region_record(slot);
	uint64_t first = 0;
	uint32_t i;
	int err;

	t->period_ns = period;
	for (;;) {
		i = atomic_load_explicit(&current, memory_order_relaxed);
		if (clock_table[i]->per_thread)
			first = plan_first(t);
		else
			first = clock_random(period);
		t->clock = (int32_t)i;
		err = clock_table[i]->arm(t, thread_cookie(slot), first, signo);
		if (err == 0)
			return 0;
		t->clock = -1;
		atomic_store_explicit(&note, refusal(clock_table[i]->name, err),
				      memory_order_relaxed);
		if (by_name || i + 1 == CLOCKS)
			return err;
		/* whoever is first moves on; the others follow */
		atomic_compare_exchange_strong_explicit(&current, &i, i + 1,
							memory_order_relaxed,
							memory_order_relaxed);
	}
}

int clock_arm_record(struct thread_record *t, uint64_t cookie, int signo)
{
	uint32_t i = atomic_load_explicit(&current, memory_order_relaxed);
	int err;

	t->period_ns = period;
	err = clock_table[i]->arm(t, cookie, clock_random(period), signo);
	t->clock = err == 0 ? (int32_t)i : -1;
	return err;
}

void clock_disarm(uint32_t slot)
{
	clock_disarm_record(region_record(slot));
}

void clock_disarm_record(struct thread_record *t)
{
	if (t->clock >= 0)
		clock_table[t->clock]->disarm(t);
	t->clock = -1;
}

void clock_stop(void)
{
	uint32_t i;

	for (i = 0; i < CLOCKS; i++)
		if (clock_table[i]->stop)
			clock_table[i]->stop();
}

const char *clock_name(void)
{
	return clock_table[atomic_load_explicit(&current,
						memory_order_relaxed)]->name;
}

uint64_t clock_period_ns(void)
{
	return atomic_load_explicit(&period, memory_order_relaxed);
}

void clock_set_period(uint64_t ns)
{
	atomic_store_explicit(&period, ns, memory_order_relaxed);
}

bool clock_is_per_thread(void)
{
	return clock_table[atomic_load_explicit(&current, memory_order_relaxed)]
		->per_thread;
}

bool clock_owns(int code)
{
	uint32_t i;

	for (i = 0; i < CLOCKS; i++)
		if (clock_table[i]->owns(code))
			return true;
	return false;
}

bool clock_has_itimer(void)
{
	return clock_itimer.owns(SI_KERNEL);
}

const char *clock_note(void)
{
	return atomic_load_explicit(&note, memory_order_relaxed);
}
