/* SPDX-License-Identifier: MIT */
/*
 * signals: see signals.h. Called by the program's threads through the
 * interposers, by the flusher (signals_check) and by the handler
 * (signals_foreign). The one lock, `moving`, is a spin lock around a change of
 * signal: it nests in nothing and nothing nests in it but agent_change_signal.
 */
#include "agent/signals.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/clock.h"
#include "agent/sampler.h"
#include "agent/sys.h"
#include "agent/thread.h"

#define KERNEL_SET_BYTES 8
#define SIG_HIGHEST 62		/* 63 and 64 are popular with programs */
#define SIG_LOWEST 36		/* 32 to 34 are libc's */

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

/* struct sigaction as rt_sigaction has it. */
struct kernel_action {
	void (*handler)(int, siginfo_t *, void *);
	uint64_t flags;
	void (*restorer)(void);
	signals_set mask;
};

static _Atomic int ours;
static _Atomic int moving;
static bool installed;		/* our handler; the lock is held to write it */

/* What the program wants of our signal; the lock is held to write it. */
static struct kernel_action wanted;

/* libc's, whose unwind table marks it as a signal frame. */
static void (*restorer)(void);

static __thread bool virtually_blocked
	__attribute__((tls_model("initial-exec")));

extern int __sigaction(int signo, const struct sigaction *act,
		       struct sigaction *old);

static int get_action(int signo, struct kernel_action *old)
{
	return (int)sys_call(SYS_rt_sigaction, signo, NULL, old,
			     KERNEL_SET_BYTES);
}

static int set_action(int signo, const struct kernel_action *act)
{
	return (int)sys_call(SYS_rt_sigaction, signo, act, NULL,
			     KERNEL_SET_BYTES);
}

static bool is_function(const struct kernel_action *act)
{
	return (void *)act->handler != (void *)SIG_DFL &&
	       (void *)act->handler != (void *)SIG_IGN;
}

signals_set signals_block_all(void)
{
	static const signals_set all = ~(signals_set)0;
	signals_set old = 0;

	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, KERNEL_SET_BYTES);
	return old;
}

void signals_restore(signals_set old)
{
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, KERNEL_SET_BYTES);
}

static void unblock(int signo)
{
	signals_set set = SIGNALS_BIT(signo);

	sys_call(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, KERNEL_SET_BYTES);
}

/*
 * SA_ONSTACK: a runtime with small stacks (Go) crashes otherwise. SA_RESTART:
 * as few interrupted calls as can be. All other signals wait: a
 * program's handler that leaves by longjmp would leave ours half done.
 */
static int install(int signo)
{
	struct kernel_action act = {
		.handler = sampler_handle,
		.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_RESTORER,
		.restorer = restorer,
		.mask = ~(signals_set)0,
	};

	return set_action(signo, &act);
}

/* Learns libc's restorer by letting libc install a handler once. */
static void learn_restorer(int signo)
{
	struct sigaction act;
	struct kernel_action got;

	memset(&act, 0, sizeof(act));
	act.sa_sigaction = sampler_handle;
	act.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
	memset(&act.sa_mask, 0xff, sizeof(act.sa_mask));
	if (__sigaction(signo, &act, NULL) == 0 && get_action(signo, &got) == 0)
		restorer = got.restorer;
	set_action(signo, &wanted);
}

static void lock(void)
{
	static const struct timespec pause = { 0, 50000 };

	/* acquire: pairs with the release in unlock() */
	while (atomic_exchange_explicit(&moving, 1, memory_order_acquire))
		sys_call(SYS_nanosleep, &pause, NULL);
}

static void unlock(void)
{
	atomic_store_explicit(&moving, 0, memory_order_release);
}

int signals_init(int signo)
{
	signals_set old;
	int err = get_action(signo, &wanted);

	if (err != 0)
		return err;
	if (!restorer)
		learn_restorer(signo);
	atomic_store_explicit(&ours, signo, memory_order_relaxed);
	old = signals_block_all();
	signals_restore(old & ~SIGNALS_BIT(signo));
	virtually_blocked = old & SIGNALS_BIT(signo);
	return 0;
}

int signals_install(void)
{
	int err = 0;

	lock();
	if (!installed && signals_ours() != 0)
		err = install(signals_ours());
	installed = err == 0;
	unlock();
	return err;
}

int signals_ours(void)
{
	return atomic_load_explicit(&ours, memory_order_relaxed);
}

/*
 * A signal nobody uses; if the program has a handler for each (Go), one
 * whose handler we then call for signals that are not ours.
 */
static int pick(int but, struct kernel_action *old)
{
	int signo;

	for (signo = SIG_HIGHEST; signo >= SIG_LOWEST; signo--)
		if (signo != but && get_action(signo, old) == 0 &&
		    !is_function(old))
			return signo;
	for (signo = SIG_HIGHEST; signo >= SIG_LOWEST; signo--)
		if (signo != but && get_action(signo, old) == 0 &&
		    old->handler != sampler_handle)
			return signo;
	return 0;
}

/* Moves all clocks from signal `from` to a free one. The lock is held. */
static int move_from(int from)
{
	struct kernel_action old;
	int to = pick(from, &old);

	if (to == 0 || (installed && install(to) != 0))
		return 0;
	wanted = old;
	atomic_store_explicit(&ours, to, memory_order_relaxed);
	agent_change_signal(to);
	return to;
}

void signals_claim(int signo)
{
	struct kernel_action before;
	signals_set old;

	if (signo != signals_ours() || signo == 0)
		return;
	lock();
	before = wanted;
	if (signo == signals_ours()) {
		old = signals_block_all();
		if (move_from(signo) == 0) {
			/* nothing is free: the program comes first */
			atomic_store_explicit(&ours, 0, memory_order_relaxed);
			agent_change_signal(0);
		}
		signals_take_pending(signo);
		set_action(signo, &before);
		signals_restore(virtually_blocked ? old | SIGNALS_BIT(signo)
						  : old);
		virtually_blocked = false;
	}
	unlock();
}

void signals_check(void)
{
	struct kernel_action now;
	int signo = signals_ours();

	if (signo == 0 || !installed || get_action(signo, &now) != 0 ||
	    now.handler == sampler_handle)
		return;
	lock();
	if (signo == signals_ours())
		move_from(signo);
	unlock();
}

/* The default action of every signal we may have borrowed is to terminate. */
static void die_of(int signo)
{
	static const struct kernel_action dfl;

	set_action(signo, &dfl);
	unblock(signo);
	sys_tgkill(sys_getpid(), sys_gettid(), signo);
}

void signals_foreign(int signo, siginfo_t *info, void *context)
{
	struct kernel_action act = wanted;

	if ((void *)act.handler == (void *)SIG_IGN || virtually_blocked)
		return;
	if ((void *)act.handler == (void *)SIG_DFL)
		die_of(signo);
	else if (act.flags & SA_SIGINFO)
		act.handler(signo, info, context);
	else
		((void (*)(int))(void *)act.handler)(signo);
}

void signals_virtual_action(struct sigaction *act)
{
	memset(act, 0, sizeof(*act));
	act->sa_sigaction = wanted.handler;
	act->sa_flags = (int)(wanted.flags & ~(uint64_t)SA_RESTORER);
	memcpy(&act->sa_mask, &wanted.mask, sizeof(wanted.mask));
}

void signals_set_virtual_action(const struct sigaction *act)
{
	struct kernel_action changed = {
		.handler = act->sa_sigaction,
		.flags = (uint64_t)(unsigned)act->sa_flags,
		.restorer = restorer,
	};

	memcpy(&changed.mask, &act->sa_mask, sizeof(changed.mask));
	lock();
	wanted = changed;
	unlock();
}

void signals_release(void)
{
	struct kernel_action act = wanted;
	int signo = signals_ours();

	if (signo == 0)
		return;
	if ((void *)act.handler == (void *)SIG_DFL)
		act.handler = (void (*)(int, siginfo_t *, void *))(void *)
			SIG_IGN;
	set_action(signo, &act);
	atomic_store_explicit(&ours, 0, memory_order_relaxed);
}

void signals_take_pending(int signo)
{
	static const struct timespec now = { 0, 0 };
	signals_set set = SIGNALS_BIT(signo);
	siginfo_t info, foreign;
	bool have_foreign = false;

	while (sys_call(SYS_rt_sigtimedwait, &set, &info, &now,
			KERNEL_SET_BYTES) == signo) {
		if (clock_owns(info.si_code))
			continue;
		foreign = info;
		have_foreign = true;
	}
	if (have_foreign)
		sys_call(SYS_rt_tgsigqueueinfo, sys_getpid(), sys_gettid(),
			 signo, &foreign);
}

/* --- masks --- */

void signals_strip(sigset_t *set, bool *had)
{
	signals_set *word = (signals_set *)(void *)set;
	int signo = signals_ours();

	*had = signo && (*word & SIGNALS_BIT(signo));
	if (*had)
		*word &= ~SIGNALS_BIT(signo);
}

bool signals_virtually_blocked(void)
{
	return virtually_blocked;
}

void signals_set_virtually_blocked(bool blocked)
{
	virtually_blocked = blocked;
}
