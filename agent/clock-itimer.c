/* SPDX-License-Identifier: MIT */
/*
 * clock-itimer: setitimer(ITIMER_PROF), one for the whole process: the last
 * resort where thread timers are refused.
 *
 * The kernel sends the signal to the process and hands it to the thread that
 * runs when the tick comes, if that does not block it. It carries no value: the
 * handler asks TLS who it is. At most one is pending, so that expirations
 * between two deliveries are lost: samples weigh by the thread's CPU clock. A
 * thread that has a clock of its own ignores it.
 */
#include "agent/clock.h"
#include "agent/clock-itimer.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "agent/fork.h"
#include "agent/sys.h"

static struct timeval from_ns(uint64_t ns)
{
	struct timeval tv = { (time_t)(ns / 1000000000u),
			      (long)(ns % 1000000000u / 1000u) };

	if (tv.tv_sec == 0 && tv.tv_usec == 0)
		tv.tv_usec = 1;
	return tv;
}

/* Ours: the program may have one, too. */
static FORK_DATA _Atomic bool armed;

static bool itimer_owns(int code)
{
	return code == SI_KERNEL &&
	       atomic_load_explicit(&armed, memory_order_relaxed);
}

static int itimer_arm(struct thread_record *t, uint64_t cookie,
		      uint64_t first_ns, int signo)
{
	struct itimerval when = { from_ns(t->period_ns), from_ns(first_ns) };
	struct itimerval now;
	int err;

	(void)cookie;
	if (signo != SIGPROF)	/* the kernel sends no other */
		return -ENOTSUP;
	err = (int)sys_call(SYS_getitimer, ITIMER_PROF, &now);
	if (err < 0)
		return err;
	if (now.it_value.tv_sec || now.it_value.tv_usec)
		/* runs already, for another thread, or for the program */
		return itimer_owns(SI_KERNEL) ? 0 : -EBUSY;
	/* set before the first signal */
	atomic_store_explicit(&armed, true, memory_order_relaxed);
	err = (int)sys_call(SYS_setitimer, ITIMER_PROF, &when, NULL);
	if (err < 0)
		atomic_store_explicit(&armed, false, memory_order_relaxed);
	return err;
}

/* It runs on for the other threads: itimer_stop() ends it for all. */
static void itimer_disarm(struct thread_record *t)
{
	(void)t;
}

static void itimer_stop(void)
{
	static const struct itimerval off;

	if (atomic_exchange_explicit(&armed, false, memory_order_relaxed))
		sys_call(SYS_setitimer, ITIMER_PROF, &off, NULL);
}

FORK_CODE void itimer_reset_after_fork(void)
{
	atomic_store_explicit(&armed, false, memory_order_relaxed);
}

const struct clock clock_itimer = {
	.name = "itimer",
	.weighs_cpu = true,
	.arm = itimer_arm,
	.disarm = itimer_disarm,
	.stop = itimer_stop,
	.owns = itimer_owns,
};
