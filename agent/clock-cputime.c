/* SPDX-License-Identifier: MIT */
/*
 * clock-cputime: a POSIX timer on the CPU clock of each thread, its signal
 * sent to that thread.
 *
 * It rides on the kernel's tick: no interrupt of its own, no signal for
 * a thread that does not run, and, since the timer is handled on the way back
 * to user mode (Linux 5.9), no interrupted system call. Expirations beyond the
 * tick's rate come as overruns.
 */
#include "agent/clock.h"
#include "agent/clock-cputime.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "agent/fork.h"
#include "agent/sys.h"

#ifndef SIGEV_THREAD_ID
#define SIGEV_THREAD_ID 4
#endif

static struct timespec from_ns(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000u),
			       (long)(ns % 1000000000u) };

	return ts;
}

/* A limit that is changed is noticed after so many timers. */
#define ASKED_EVERY 64

/*
 * Each timer holds a queued signal of the user's (RLIMIT_SIGPENDING): half
 * of them are left to the program and to other processes.
 */
static FORK_DATA _Atomic int64_t timers;
static FORK_DATA _Atomic uint64_t timers_most;	/* 0: not asked yet */
static FORK_DATA _Atomic uint32_t taken;	/* timers so far */

static FORK_CODE uint64_t ask_most(void)
{
	struct rlimit limit;

	if (sys_call(SYS_getrlimit, RLIMIT_SIGPENDING, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return INT64_MAX;
	return limit.rlim_cur / 2;
}

static FORK_CODE bool take_timer(void)
{
	uint64_t n = (uint64_t)atomic_fetch_add_explicit(&timers, 1,
							 memory_order_relaxed);
	uint64_t most = atomic_load_explicit(&timers_most,
					     memory_order_relaxed);

	/* relaxed, all: a limit that is a few timers late does no harm */
	if (n >= most || atomic_fetch_add_explicit(&taken, 1,
						   memory_order_relaxed) %
					 ASKED_EVERY == 0) {
		most = ask_most();
		atomic_store_explicit(&timers_most, most,
				      memory_order_relaxed);
	}
	if (n < most)
		return true;
	atomic_fetch_sub_explicit(&timers, 1, memory_order_relaxed);
	return false;
}

static void give_timer_back(void)
{
	atomic_fetch_sub_explicit(&timers, 1, memory_order_relaxed);
}

FORK_CODE void cputime_reset_after_fork(void)
{
	atomic_store_explicit(&timers, 0, memory_order_relaxed);
}

static FORK_CODE int create(struct thread_record *t, uint64_t cookie, int signo)
{
	/* as the kernel has it: libc's sigevent hides the thread id */
	struct {
		uint64_t value;
		int32_t signo;
		int32_t notify;
		int32_t tid;
		int32_t pad[11];
	} event;
	int32_t id = -1;
	int err;

	_Static_assert(sizeof(event) == 64, "struct sigevent of the kernel");
	memset(&event, 0, sizeof(event));
	event.value = cookie;
	event.signo = signo;
	event.notify = SIGEV_THREAD_ID;
	event.tid = t->tid;
	if (!take_timer())
		return -EAGAIN;
	err = (int)sys_call(SYS_timer_create, sys_thread_clock(t->tid), &event,
			    &id);
	if (err < 0) {
		give_timer_back();
		return err;
	}
	t->timer = id;
	return 0;
}

static void cputime_disarm(struct thread_record *t)
{
	if (t->timer < 0)
		return;
	sys_call(SYS_timer_delete, t->timer);
	give_timer_back();
	t->timer = -1;
}

static FORK_CODE int cputime_arm(struct thread_record *t, uint64_t cookie,
		       uint64_t first_ns, int signo)
{
	struct itimerspec when = { from_ns(t->period_ns), from_ns(first_ns) };
	int err = create(t, cookie, signo);

	if (err < 0)
		return err;
	err = (int)sys_call(SYS_timer_settime, t->timer, 0, &when, NULL);
	if (err < 0)
		cputime_disarm(t);
	return err;
}

static bool cputime_owns(int code)
{
	return code == SI_TIMER;
}

const struct clock clock_cputime = {
	.name = "cputime",
	.per_thread = true,
	.arm = cputime_arm,
	.disarm = cputime_disarm,
	.owns = cputime_owns,
};
