/* SPDX-License-Identifier: MIT */
/*
 * preload-signal: signal dispositions and masks as the program sees them.
 *
 * signals.h says whose signal is whose. A program that installs a handler for
 * ours, waits for it or arms its own interval timer claims it; setting it to
 * SIG_DFL or SIG_IGN, or blocking it, is only remembered and shown.
 */
#include "agent/preload.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <time.h>

#include "agent/signals.h"

/* A mask with so many signals was made by sigfillset, not by name. */
#define MASK_OF_ALL 24

static bool is_ours(int signo)
{
	return signo != 0 && signo == signals_ours() && agent_is_ours();
}

static bool is_function(const struct sigaction *act)
{
	return act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN;
}

/*
 * A handler that runs on a small alternate stack must not be interrupted by
 * ours: two signal frames of the kernel burst it. Others may be.
 */
static void adjust_mask(struct sigaction *act)
{
	bool had;

	signals_strip(&act->sa_mask, &had);
	if ((act->sa_flags & SA_ONSTACK) && signals_ours() && is_function(act))
		sigaddset(&act->sa_mask, signals_ours());
}

/* Remembered, not installed: our handler does what the program wants. */
static int set_virtual(const struct sigaction *act, struct sigaction *old)
{
	struct sigaction before;

	signals_virtual_action(&before);
	if (act)
		signals_set_virtual_action(act);
	if (old)
		*old = before;
	return 0;
}

PRELOAD_EXPORT int sigaction(int signo, const struct sigaction *act,
			     struct sigaction *old)
{
	__typeof__(&sigaction) real = PRELOAD_REAL(sigaction);
	struct sigaction changed;

	if (!agent_is_ours() || signals_ours() == 0)
		return real(signo, act, old);
	if (signo == signals_ours()) {
		if (!act || !is_function(act))
			return set_virtual(act, old);
		signals_claim(signo);
	}
	if (!act)
		return real(signo, act, old);
	changed = *act;
	adjust_mask(&changed);
	return real(signo, &changed, old);
}

typedef void handler(int);

/* signal() and its relatives: all end in libc's own sigaction. */
static bool set_virtual_handler(int signo, handler *wanted, handler **before)
{
	struct sigaction act, old;

	if (!is_ours(signo))
		return false;
	if (wanted != SIG_DFL && wanted != SIG_IGN) {
		signals_claim(signo);
		return false;
	}
	memset(&act, 0, sizeof(act));
	act.sa_handler = wanted;
	set_virtual(&act, &old);
	*before = old.sa_handler;
	return true;
}

#define SIGNAL_LIKE(name) \
	PRELOAD_EXPORT handler *name(int signo, handler *wanted) \
	{ \
		handler *before; \
\
		if (set_virtual_handler(signo, wanted, &before)) \
			return before; \
		return PRELOAD_REAL(name)(signo, wanted); \
	}

handler *bsd_signal(int signo, handler *wanted);
handler *sysv_signal(int signo, handler *wanted);
handler *__sysv_signal(int signo, handler *wanted);
handler *ssignal(int signo, handler *wanted);

SIGNAL_LIKE(signal)
SIGNAL_LIKE(bsd_signal)
SIGNAL_LIKE(sysv_signal)
SIGNAL_LIKE(__sysv_signal)
SIGNAL_LIKE(ssignal)

/* --- masks --- */

static bool names_ours(const sigset_t *set)
{
	uint64_t word;

	memcpy(&word, set, sizeof(word));
	return signals_ours() && (word & SIGNALS_BIT(signals_ours())) &&
	       __builtin_popcountll(word) < MASK_OF_ALL;
}

static void show_virtual(sigset_t *old, bool was_blocked)
{
	if (old && was_blocked && signals_ours())
		sigaddset(old, signals_ours());
}

typedef int mask_function(int how, const sigset_t *set, sigset_t *old);

static int change_mask(mask_function *real, int how, const sigset_t *set,
		       sigset_t *old)
{
	bool was_blocked = signals_virtually_blocked(), had = false;
	sigset_t changed;
	int ret;

	if (!agent_is_ours() || signals_ours() == 0)
		return real(how, set, old);
	if (set && how != SIG_UNBLOCK && names_ours(set)) {
		/* by name: the program means to use it */
		signals_claim(signals_ours());
		return real(how, set, old);
	}
	if (set) {
		changed = *set;
		signals_strip(&changed, &had);
	}
	ret = real(how, set ? &changed : NULL, old);
	if (ret != 0)
		return ret;
	show_virtual(old, was_blocked);
	if (set && how == SIG_SETMASK)
		signals_set_virtually_blocked(had);
	else if (set && had)
		signals_set_virtually_blocked(how == SIG_BLOCK);
	return 0;
}

PRELOAD_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	return change_mask(PRELOAD_REAL(sigprocmask), how, set, old);
}

PRELOAD_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	return change_mask(PRELOAD_REAL(pthread_sigmask), how, set, old);
}

/* --- waiting for signals --- */

/* A wait for all signals does not mean ours: it is left out of the set. */
static const sigset_t *without_ours(const sigset_t *set, sigset_t *changed)
{
	bool had;

	if (!agent_is_ours() || signals_ours() == 0)
		return set;
	if (names_ours(set))
		signals_claim(signals_ours());
	*changed = *set;
	signals_strip(changed, &had);
	return changed;
}

PRELOAD_EXPORT int sigwait(const sigset_t *set, int *signo)
{
	sigset_t changed;

	return PRELOAD_REAL(sigwait)(without_ours(set, &changed), signo);
}

PRELOAD_EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
	sigset_t changed;

	return PRELOAD_REAL(sigwaitinfo)(without_ours(set, &changed), info);
}

PRELOAD_EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info,
				const struct timespec *timeout)
{
	sigset_t changed;

	return PRELOAD_REAL(sigtimedwait)(without_ours(set, &changed), info,
					  timeout);
}

PRELOAD_EXPORT int signalfd(int fd, const sigset_t *set, int flags)
{
	sigset_t changed;

	return PRELOAD_REAL(signalfd)(fd, without_ours(set, &changed), flags);
}

/* --- timers of the program that send our signal --- */

PRELOAD_EXPORT int setitimer(__itimer_which_t which,
			     const struct itimerval *value,
			     struct itimerval *old)
{
	if (which == ITIMER_PROF && value &&
	    (value->it_value.tv_sec || value->it_value.tv_usec) &&
	    is_ours(SIGPROF))
		signals_claim(SIGPROF);
	return PRELOAD_REAL(setitimer)(which, value, old);
}

PRELOAD_EXPORT int timer_create(clockid_t clock, struct sigevent *event,
				timer_t *timer)
{
	if (event && event->sigev_notify != SIGEV_NONE &&
	    is_ours(event->sigev_signo))
		signals_claim(event->sigev_signo);
	return PRELOAD_REAL(timer_create)(clock, event, timer);
}
