/* SPDX-License-Identifier: MIT */
/*
 * preload-signal: signal dispositions and masks as the program sees them.
 *
 * signals.h says whose signal is whose. A program that installs a handler for
 * ours, ignores it, waits for it, blocks it by name or arms a timer that sends
 * it claims it. SIG_DFL is only remembered: programs that set all signals to it
 * are many. Masks that last for one call (sigsuspend, ppoll) are left alone: none
 * of ours is pending before, and what comes meanwhile waits for the end.
 */
#include "agent/preload.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <time.h>

#include "agent/clock.h"
#include "agent/signals.h"

/* Old names are still called by old programs. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static bool is_active(void)
{
	return signals_ours() != 0 && agent_is_ours();
}

static bool holds(int signo)
{
	return signals_holds(signo) && agent_is_ours();
}

static signals_set word_of(const sigset_t *set)
{
	signals_set word;

	memcpy(&word, set, sizeof(word));
	return word;
}

static void set_word(sigset_t *set, signals_set word)
{
	memcpy(set, &word, sizeof(word));
}

/* --- dispositions --- */

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
	signals_set word = signals_hide(word_of(&act->sa_mask));

	if ((act->sa_flags & SA_ONSTACK) && signals_ours() && is_function(act))
		word |= SIGNALS_BIT(signals_ours());
	set_word(&act->sa_mask, word);
}

PRELOAD_EXPORT int sigaction(int signo, const struct sigaction *act,
			     struct sigaction *old)
{
	__typeof__(&sigaction) real = PRELOAD_REAL(sigaction);
	struct sigaction changed;
	int ret;

	if (holds(signo) && signals_action(signo, act, old))
		return 0;
	if (!is_active())
		return real(signo, act, old);
	if (act) {
		changed = *act;
		adjust_mask(&changed);
	}
	ret = real(signo, act ? &changed : NULL, old);
	if (ret == 0 && old)
		set_word(&old->sa_mask, signals_show(word_of(&old->sa_mask)));
	return ret;
}

typedef void handler(int);

/* Signals whose handlers interrupt calls (siginterrupt), one bit each. */
static _Atomic signals_set interrupting;

/* What signal() of a signal we hold comes to; false if we hold it no more. */
static bool set_handler(int signo, handler *wanted, int flags, handler **before)
{
	struct sigaction act, old;

	if (!holds(signo) || wanted == SIG_ERR)
		return false;

	memset(&act, 0, sizeof(act));
	act.sa_handler = wanted;
	act.sa_flags = flags;
	if (!(flags & SA_NODEFER))
		set_word(&act.sa_mask, SIGNALS_BIT(signo));
	/* one signal alone in a mask would claim it, which SIG_DFL does not */
	if (wanted == SIG_DFL)
		set_word(&act.sa_mask, 0);
	if (!signals_action(signo, &act, &old))
		return false;
	*before = old.sa_handler;
	return true;
}

static int bsd_flags(int signo)
{
	return interrupting & SIGNALS_BIT(signo) ? 0 : SA_RESTART;
}

static int sysv_flags(int signo)
{
	(void)signo;
	return (int)(SA_RESETHAND | SA_NODEFER);
}

#define SIGNAL_AND_RETURN(name, flags) \
	do { \
		handler *before_; \
		if (set_handler(signo, wanted, flags(signo), &before_)) \
			return before_; \
		return PRELOAD_REAL(name)(signo, wanted); \
	} while (0)

handler *bsd_signal(int signo, handler *wanted);
handler *sysv_signal(int signo, handler *wanted);
handler *__sysv_signal(int signo, handler *wanted);
handler *ssignal(int signo, handler *wanted);

PRELOAD_EXPORT handler *signal(int signo, handler *wanted)
{
	SIGNAL_AND_RETURN(signal, bsd_flags);
}

PRELOAD_EXPORT handler *bsd_signal(int signo, handler *wanted)
{
	SIGNAL_AND_RETURN(bsd_signal, bsd_flags);
}

PRELOAD_EXPORT handler *ssignal(int signo, handler *wanted)
{
	SIGNAL_AND_RETURN(ssignal, bsd_flags);
}

PRELOAD_EXPORT handler *sysv_signal(int signo, handler *wanted)
{
	SIGNAL_AND_RETURN(sysv_signal, sysv_flags);
}

PRELOAD_EXPORT handler *__sysv_signal(int signo, handler *wanted)
{
	SIGNAL_AND_RETURN(__sysv_signal, sysv_flags);
}

PRELOAD_EXPORT int siginterrupt(int signo, int interrupt)
{
	struct sigaction act;

	if (!holds(signo) || !signals_action(signo, NULL, &act))
		return PRELOAD_REAL(siginterrupt)(signo, interrupt);
	if (interrupt) {
		interrupting |= SIGNALS_BIT(signo);
		act.sa_flags &= ~SA_RESTART;
	} else {
		interrupting &= ~SIGNALS_BIT(signo);
		act.sa_flags |= SA_RESTART;
	}
	signals_action(signo, &act, NULL);
	return 0;
}

/* --- masks --- */

typedef int mask_function(int how, const sigset_t *set, sigset_t *old);

static bool is_on_altstack(void)
{
	stack_t ss;

	return sigaltstack(NULL, &ss) == 0 && (ss.ss_flags & SS_ONSTACK);
}

static int show_mask(mask_function *real, int how, sigset_t *old)
{
	int ret = real(how, NULL, old);

	if (ret == 0 && old)
		set_word(old, signals_show(word_of(old)));
	return ret;
}

/*
 * Inside a handler on an alternate stack ours is really blocked, see
 * adjust_mask(), and stays so until the handler is left.
 */
static void keep_off_altstack(mask_function *real, sigset_t *installed,
			      const sigset_t *before)
{
	if (sigismember(before, signals_ours()) != 1 || !is_on_altstack())
		return;
	sigaddset(installed, signals_ours());
	real(SIG_SETMASK, installed, NULL);
}

static int change_mask(mask_function *real, int how, const sigset_t *set,
		       sigset_t *old)
{
	sigset_t changed, before;
	int ret;

	if (!is_active())
		return real(how, set, old);
	if (!set)
		return show_mask(real, how, old);
	changed = *set;
	set_word(&changed, signals_hide(word_of(set)));
	ret = real(how, &changed, &before);
	if (ret != 0)
		return ret;
	if (how == SIG_SETMASK)
		keep_off_altstack(real, &changed, &before);
	if (old)
		set_word(old, signals_show(word_of(&before)));
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

/* The old names: libc implements them by its own sigprocmask and sigaction. */

static int change_one(int how, int signo)
{
	sigset_t set;

	sigemptyset(&set);
	if (sigaddset(&set, signo) != 0)
		return -1;
	return sigprocmask(how, &set, NULL);
}

int sighold(int signo);
int sigrelse(int signo);
int sigignore(int signo);
handler *sigset(int signo, handler *wanted);

PRELOAD_EXPORT int sighold(int signo)
{
	return change_one(SIG_BLOCK, signo);
}

PRELOAD_EXPORT int sigrelse(int signo)
{
	return change_one(SIG_UNBLOCK, signo);
}

PRELOAD_EXPORT int sigignore(int signo)
{
	handler *before;

	if (set_handler(signo, SIG_IGN, 0, &before))
		return 0;
	return PRELOAD_REAL(sigignore)(signo);
}

/*
 * The disposition, and blocked or not: SIG_HOLD only blocks, another unblocks.
 * Was it blocked, that is what is returned.
 */
static handler *sigset_held(int signo, handler *wanted)
{
	struct sigaction act, old;
	sigset_t set, before;

	sigemptyset(&set);
	sigaddset(&set, signo);
	memset(&act, 0, sizeof(act));
	act.sa_handler = wanted;
	signals_action(signo, wanted == SIG_HOLD ? NULL : &act, &old);
	if (sigprocmask(wanted == SIG_HOLD ? SIG_BLOCK : SIG_UNBLOCK, &set,
			&before) != 0)
		return SIG_ERR;
	return sigismember(&before, signo) ? SIG_HOLD : old.sa_handler;
}

PRELOAD_EXPORT handler *sigset(int signo, handler *wanted)
{
	/* it blocks or unblocks the signal by name as well */
	if (holds(signo))
		signals_claim(signo);
	if (!holds(signo) || wanted == SIG_ERR)
		return PRELOAD_REAL(sigset)(signo, wanted);
	return sigset_held(signo, wanted);
}

/* Masks of 32 signals in an int. */
static int change_word(int how, int mask, bool change)
{
	sigset_t set, old;

	sigemptyset(&set);
	set_word(&set, (signals_set)(unsigned)mask);
	if (sigprocmask(how, change ? &set : NULL, &old) != 0)
		return -1;
	return (int)(unsigned)word_of(&old);
}

PRELOAD_EXPORT int sigblock(int mask)
{
	return change_word(SIG_BLOCK, mask, true);
}

PRELOAD_EXPORT int sigsetmask(int mask)
{
	return change_word(SIG_SETMASK, mask, true);
}

PRELOAD_EXPORT int siggetmask(void)
{
	return change_word(SIG_BLOCK, 0, false);
}

/* Ours is pending only where it is blocked for an alternate stack's sake. */
PRELOAD_EXPORT int sigpending(sigset_t *set)
{
	int ret = PRELOAD_REAL(sigpending)(set);

	if (ret == 0 && is_active())
		sigdelset(set, signals_ours());
	return ret;
}

/* Since glibc 2.32: the mask that a new thread begins with. */
int pthread_attr_setsigmask_np(pthread_attr_t *attr, const sigset_t *mask);
int pthread_attr_getsigmask_np(const pthread_attr_t *attr, sigset_t *mask);

PRELOAD_EXPORT int pthread_attr_setsigmask_np(pthread_attr_t *attr,
					      const sigset_t *mask)
{
	__typeof__(&pthread_attr_setsigmask_np) real =
		PRELOAD_REAL(pthread_attr_setsigmask_np);
	sigset_t changed;

	if (!mask || !is_active())
		return real(attr, mask);
	changed = *mask;
	set_word(&changed, signals_hide(word_of(mask)));
	return real(attr, &changed);
}

PRELOAD_EXPORT int pthread_attr_getsigmask_np(const pthread_attr_t *attr,
					      sigset_t *mask)
{
	int ret = PRELOAD_REAL(pthread_attr_getsigmask_np)(attr, mask);

	if (ret == 0 && is_active())
		set_word(mask, signals_show(word_of(mask)));
	return ret;
}

/* --- waiting for signals --- */

static const sigset_t *wait_set(const sigset_t *set, sigset_t *changed)
{
	if (!is_active())
		return set;
	*changed = *set;
	set_word(changed, signals_wait_set(word_of(set)));
	return changed;
}

PRELOAD_EXPORT int sigwait(const sigset_t *set, int *signo)
{
	sigset_t changed;

	return PRELOAD_REAL(sigwait)(wait_set(set, &changed), signo);
}

PRELOAD_EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
	sigset_t changed;

	return PRELOAD_REAL(sigwaitinfo)(wait_set(set, &changed), info);
}

PRELOAD_EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info,
				const struct timespec *timeout)
{
	sigset_t changed;

	return PRELOAD_REAL(sigtimedwait)(wait_set(set, &changed), info,
					  timeout);
}

PRELOAD_EXPORT int signalfd(int fd, const sigset_t *set, int flags)
{
	sigset_t changed;

	return PRELOAD_REAL(signalfd)(fd, wait_set(set, &changed), flags);
}

/* --- timers of the program that send our signal --- */

static bool is_on(const struct itimerval *value)
{
	return value->it_value.tv_sec || value->it_value.tv_usec;
}

/* Our own interval timer, if that is the clock, is not the program's to see. */
PRELOAD_EXPORT int setitimer(__itimer_which_t which,
			     const struct itimerval *value,
			     struct itimerval *old)
{
	if (which == ITIMER_PROF && value && agent_is_ours()) {
		if (is_on(value))
			signals_claim(SIGPROF);
		else if (clock_has_itimer()) {
			if (old)
				memset(old, 0, sizeof(*old));
			return 0;
		}
	}
	return PRELOAD_REAL(setitimer)(which, value, old);
}

PRELOAD_EXPORT int getitimer(__itimer_which_t which, struct itimerval *value)
{
	int ret = PRELOAD_REAL(getitimer)(which, value);

	if (ret == 0 && which == ITIMER_PROF && agent_is_ours() &&
	    clock_has_itimer())
		memset(value, 0, sizeof(*value));
	return ret;
}

PRELOAD_EXPORT int timer_create(clockid_t clock, struct sigevent *event,
				timer_t *timer)
{
	if (event && (event->sigev_notify == SIGEV_SIGNAL ||
		      event->sigev_notify == SIGEV_THREAD_ID) &&
	    agent_is_ours())
		signals_claim(event->sigev_signo);
	return PRELOAD_REAL(timer_create)(clock, event, timer);
}
