/* SPDX-License-Identifier: MIT */
/*
 * signals: see signals.h. Called by the program's threads through the
 * interposers, by the flusher (signals_check) and by the handler.
 *
 * The one lock, `moving`, is a spin lock that is taken with all signals blocked:
 * what comes here is async-signal-safe for the program. It nests in
 * nothing and nothing nests in it. TLS is the program's threads' alone: the
 * flusher has none of ours.
 */
#include "agent/signals.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <ucontext.h>

#include "agent/agent.h"
#include "agent/clock.h"
#include "agent/flusher.h"
#include "agent/fork.h"
#include "agent/sampler.h"
#include "agent/snapshot.h"
#include "agent/sys.h"
#include "agent/thread.h"

#define KERNEL_SET_BYTES 8
#define SIGNALS 65		/* the kernel's are 1 to 64 */
#define SIG_FIRST_RT 34		/* 32 and 33 are libc's */
#define SIG_HIGHEST 62		/* 63 and 64 are popular with programs */
#define SIG_LOWEST 36		/* and so are the first two */
/* So late a tick of our interval timer may come after it was stopped, ns. */
#define LATE_TICK_NS 20000000u

#define PENDING_MAX 32		/* signals of the program put back, at most */

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

typedef void action_function(int, siginfo_t *, void *);

/* struct sigaction as rt_sigaction has it. */
struct kernel_action {
	action_function *handler;
	uint64_t flags;
	void (*restorer)(void);
	signals_set mask;
};

/* What the program wants of a signal that our handler is behind. */
struct wanted {
	_Atomic(action_function *) handler;
	_Atomic uint64_t flags;
	signals_set mask;	/* the lock is held */
};

static FORK_DATA _Atomic int ours;	/* 0: none */
static _Atomic int spare;		/* 0: none */
static _Atomic int trap;		/* SIGTRAP, 0: it is not ours */
static _Atomic signals_set lent;	/* claimed, our handler behind them */
static _Atomic signals_set released;	/* claimed: masks must be settled */
static _Atomic signals_set held;	/* met signals of the program */
static FORK_DATA _Atomic int moving;
static _Atomic uint64_t ticks_until;	/* CLOCK_MONOTONIC ns; 0: never */
static _Atomic int toggle;		/* signal, 0: none */
static _Atomic unsigned toggles;	/* times it came */
static bool installed;		/* our handler; the lock is held to write it */
static bool trap_installed;	/* the same for `trap` */
static struct wanted wanted[SIGNALS];

/* libc's, whose unwind table marks it as a signal frame. */
static void (*restorer)(void);

/* Of `released`, what this thread's mask already says for itself. */
static __thread signals_set settled
	__attribute__((tls_model("initial-exec")));

extern int __sigaction(int signo, const struct sigaction *act,
		       struct sigaction *old);

/* --- the kernel's side ---------------------------------------------------- */

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

static signals_set change_mask(int how, const signals_set *set)
{
	signals_set old = 0;

	sys_call(SYS_rt_sigprocmask, how, set, &old, KERNEL_SET_BYTES);
	return old;
}

signals_set signals_block_all(void)
{
	static const signals_set all = ~(signals_set)0;

	return change_mask(SIG_SETMASK, &all);
}

void signals_restore(signals_set old)
{
	change_mask(SIG_SETMASK, &old);
}

static bool is_default(action_function *f)
{
	return (void *)f == (void *)SIG_DFL;
}

static bool is_ignore(action_function *f)
{
	return (void *)f == (void *)SIG_IGN;
}

static bool is_function(action_function *f)
{
	return !is_default(f) && !is_ignore(f);
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

/* By a raw system call of the program. */
static bool is_replaced(int signo)
{
	struct kernel_action now;

	return get_action(signo, &now) == 0 && now.handler != sampler_handle;
}

/* Learns libc's restorer by letting libc install a handler once. */
static void learn_restorer(int signo)
{
	struct sigaction act;
	struct kernel_action before, got;

	memset(&act, 0, sizeof(act));
	act.sa_sigaction = sampler_handle;
	act.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
	memset(&act.sa_mask, 0xff, sizeof(act.sa_mask));
	if (get_action(signo, &before) != 0)
		return;
	if (__sigaction(signo, &act, NULL) == 0 && get_action(signo, &got) == 0)
		restorer = got.restorer;
	set_action(signo, &before);
}

/* --- the lock ------------------------------------------------------------- */

static signals_set lock(void)
{
	static const struct timespec pause = { 0, 50000 };
	signals_set old = signals_block_all();

	/* acquire: pairs with the release in unlock() */
	while (atomic_exchange_explicit(&moving, 1, memory_order_acquire))
		sys_call(SYS_nanosleep, &pause, NULL);
	return old;
}

static void unlock(signals_set old)
{
	atomic_store_explicit(&moving, 0, memory_order_release);
	signals_restore(old);
}

FORK_CODE void signals_reset_after_fork(void)
{
	atomic_store_explicit(&moving, 0, memory_order_relaxed);
}

/* --- which signal ------------------------------------------------------------ */

FORK_CODE int signals_ours(void)
{
	return atomic_load_explicit(&ours, memory_order_relaxed);
}

static int get_spare(void)
{
	return atomic_load_explicit(&spare, memory_order_relaxed);
}

static signals_set get_set(const _Atomic signals_set *set)
{
	return atomic_load_explicit(set, memory_order_relaxed);
}

static signals_set bit_or_none(int signo)
{
	return signo ? SIGNALS_BIT(signo) : 0;
}

static int get_trap(void)
{
	return atomic_load_explicit(&trap, memory_order_relaxed);
}

/* Kept out of real masks. */
static signals_set borrowed(void)
{
	return bit_or_none(signals_ours()) | bit_or_none(get_trap()) |
	       bit_or_none(get_spare());
}

/*
 * SIGSTKFLT is never sent by Linux, nor blocked but with all others. Real-time
 * signals may be left out of a set that is full else: one beside ours.
 */
static int stand_in(int signo)
{
	if (signo >= SIG_FIRST_RT)
		return signo - 1;
	return signo == SIGSTKFLT ? SIGPWR : SIGSTKFLT;
}

static bool has(signals_set set, int signo)
{
	return set & SIGNALS_BIT(signo);
}

static bool tells_apart(signals_set set, int signo)
{
	return has(set, signo) != has(set, stand_in(signo));
}

static bool is_default_now(int signo)
{
	struct kernel_action act;

	return get_action(signo, &act) == 0 && is_default(act.handler);
}

/* Nobody handles it, and in `mask` it is as its stand-in is. */
static bool is_free(int signo, signals_set mask)
{
	return !has(borrowed() | get_set(&lent) | get_set(&released), signo) &&
	       !tells_apart(mask, signo) && is_default_now(signo);
}

static int find_free(signals_set mask)
{
	int signo;

	for (signo = SIG_HIGHEST; signo >= SIG_LOWEST; signo -= 2)
		if (is_free(signo, mask))
			return signo;
	return 0;
}

/*
 * Nothing is free (Go handles every signal): one whose handler we then call
 * for signals that are not ours.
 */
static int find_any(void)
{
	struct kernel_action act;
	int signo;

	for (signo = SIG_HIGHEST; signo >= SIG_LOWEST; signo--)
		if (signo != signals_ours() && !has(get_set(&lent), signo) &&
		    get_action(signo, &act) == 0 &&
		    act.handler != sampler_handle)
			return signo;
	return 0;
}

/* The program's action of `signo` becomes what our handler does for it. */
static void remember(int signo)
{
	struct kernel_action act;

	if (get_action(signo, &act) != 0)
		return;
	atomic_store_explicit(&wanted[signo].handler, act.handler,
			      memory_order_relaxed);
	atomic_store_explicit(&wanted[signo].flags, act.flags,
			      memory_order_relaxed);
	wanted[signo].mask = act.mask;
}

/* 0: none. Our handler is behind it if it is behind the other. */
static void set_borrowed(_Atomic int *which, int signo)
{
	if (signo)
		remember(signo);
	if (signo && installed && install(signo) != 0)
		signo = 0;
	atomic_store_explicit(which, signo, memory_order_relaxed);
}

int signals_init(int signo)
{
	signals_set mask = change_mask(SIG_BLOCK, NULL), real;
	int err = 0;

	learn_restorer(signo);
	if (!is_free(signo, mask))
		signo = find_free(mask);
	if (signo == 0)
		err = -EBUSY;
	else
		set_borrowed(&ours, signo);
	if (err == 0)
		set_borrowed(&spare, find_free(mask));
	real = mask & ~borrowed();
	if (real != mask)
		signals_restore(real);
	return err;
}

int signals_init_toggle(int signo)
{
	int err;

	if (has(borrowed(), signo) || !is_default_now(signo))
		return -EBUSY;
	remember(signo);
	atomic_fetch_or_explicit(&lent, SIGNALS_BIT(signo),
				 memory_order_relaxed);
	atomic_store_explicit(&toggle, signo, memory_order_relaxed);
	err = install(signo);
	if (err != 0)
		atomic_fetch_and_explicit(&lent, ~SIGNALS_BIT(signo),
					  memory_order_relaxed);
	return err;
}

unsigned signals_take_toggles(void)
{
	return atomic_exchange_explicit(&toggles, 0, memory_order_relaxed);
}

/* In the handler: the flusher does the rest, where there is one. */
static void note_toggle(void)
{
	atomic_fetch_add_explicit(&toggles, 1, memory_order_relaxed);
	if (agent_state() == AGENT_FRESH)
		agent_start_fresh();
	else
		flusher_nudge();
}

/*
 * A Go program installs handlers for all signals by raw system calls as it
 * starts, and ends at a SIGTRAP: its binary carries a note of the name "Go".
 */
static bool is_go_program(void)
{
	const ElfW(Phdr) *ph = (const void *)getauxval(AT_PHDR);
	size_t n = getauxval(AT_PHNUM), i;
	uint64_t base = 0;

	for (i = 0; ph && i < n; i++)
		if (ph[i].p_type == PT_PHDR)
			base = (uint64_t)ph - ph[i].p_vaddr;
	for (i = 0; ph && i < n; i++)
		if (ph[i].p_type == PT_NOTE && ph[i].p_memsz >= 16 &&
		    memcmp((const char *)(base + ph[i].p_vaddr) + 12, "Go\0",
			   4) == 0)
			return true;
	return false;
}

void signals_borrow_trap(void)
{
	signals_set mask = change_mask(SIG_BLOCK, NULL), real;

	if (signals_ours() == 0 || !is_free(SIGTRAP, mask) || is_go_program())
		return;
	remember(SIGTRAP);
	atomic_store_explicit(&trap, SIGTRAP, memory_order_relaxed);
	real = mask & ~borrowed();
	if (real != mask)
		signals_restore(real);
}

bool signals_has_trap(void)
{
	signals_set old;
	bool ours_it_is;

	if (get_trap() == 0)
		return false;
	old = lock();
	if (get_trap() && !trap_installed && is_default_now(SIGTRAP))
		trap_installed = install(SIGTRAP) == 0;
	ours_it_is = get_trap() && trap_installed && !is_replaced(SIGTRAP);
	if (!ours_it_is)
		atomic_store_explicit(&trap, 0, memory_order_relaxed);
	unlock(old);
	return ours_it_is;
}

int signals_install(void)
{
	signals_set old = lock();
	int err = 0;

	if (!installed && signals_ours() != 0)
		err = install(signals_ours());
	if (!installed && err == 0 && get_spare() != 0)
		install(get_spare());
	installed = err == 0;
	unlock(old);
	return err;
}

/* --- claims ------------------------------------------------------------------- */

/* The flags and mask that the kernel shall use for a signal we pass on. */
static int install_behind(int signo, signals_set mask)
{
	action_function *f = wanted[signo].handler;
	uint64_t flags = wanted[signo].flags;
	struct kernel_action act = {
		.handler = f,
		.flags = (flags & ~(uint64_t)SA_RESETHAND) | SA_SIGINFO |
			 SA_RESTORER,
		.restorer = restorer,
		.mask = mask,
	};

	if (is_default(f))
		return install(signo);
	if (is_function(f))
		act.handler = sampler_handle;
	return set_action(signo, &act);
}

/* Masks of handlers that stood in for `signo` name it from now on. */
static void settle_actions(int signo)
{
	struct kernel_action act;
	int i;

	for (i = 1; i < SIGNALS; i++) {
		if (get_action(i, &act) != 0 || !is_function(act.handler) ||
		    act.handler == sampler_handle ||
		    !has(act.mask, stand_in(signo)) || has(act.mask, signo))
			continue;
		act.mask |= SIGNALS_BIT(signo);
		set_action(i, &act);
	}
}

/* Is our handler installed for it? */
static bool is_behind(int signo)
{
	return signo == SIGTRAP ? trap_installed : installed;
}

/* `stay`: our handler stays behind it. */
static void give_back(int signo, bool stay)
{
	atomic_fetch_or_explicit(&released, SIGNALS_BIT(signo),
				 memory_order_relaxed);
	settle_actions(signo);
	if (!stay || !is_behind(signo))
		return;
	atomic_fetch_or_explicit(&lent, SIGNALS_BIT(signo),
				 memory_order_relaxed);
	install_behind(signo, wanted[signo].mask);
}

/*
 * The program means `signo`. Returns true if our clocks have to use
 * another signal from now on. The lock is held.
 */
static bool give_up(int signo, bool stay)
{
	int to = get_spare();

	if (signo == get_trap()) {
		atomic_store_explicit(&trap, 0, memory_order_relaxed);
		give_back(signo, stay);
		return trap_installed;
	}
	if (to && (signo == to || (installed && is_replaced(to)))) {
		give_back(to, signo == to && stay);
		set_borrowed(&spare, find_free(0));
	}
	if (signo != signals_ours())
		return false;
	to = get_spare();
	if (to == 0)
		to = find_free(0);
	if (to == 0)
		to = find_any();
	if (to == get_spare())
		atomic_store_explicit(&ours, to, memory_order_relaxed);
	else
		set_borrowed(&ours, to);
	give_back(signo, stay);
	set_borrowed(&spare, find_free(0));
	return true;
}

/*
 * Sends it again: it is blocked now and waits as it should have. To the
 * whole process only the main thread may send what the kernel or kill() do;
 * from another it comes as by sigqueue(), its sender still named.
 */
static void put_back(int signo, siginfo_t *info)
{
	int pid = sys_getpid(), tid = sys_gettid();

	if (info->si_code == SI_TKILL) {
		sys_call(SYS_rt_tgsigqueueinfo, pid, tid, signo, info);
		return;
	}
	if (info->si_code == SI_USER && info->si_pid == pid) {
		sys_call(SYS_kill, pid, signo);
		return;
	}
	if (info->si_code >= 0 && pid != tid)
		info->si_code = SI_QUEUE;
	sys_call(SYS_rt_sigqueueinfo, pid, signo, info);
}

/*
 * A tick of our own interval timer carries no cookie. It may be pending for the
 * whole process, or just be delivered in another thread.
 */
static void forget_ticks(int signo)
{
	static const struct timespec now = { 0, 0 };
	signals_set which = SIGNALS_BIT(signo);
	siginfo_t info;

	atomic_store_explicit(&ticks_until,
			      sys_clock_ns(CLOCK_MONOTONIC) + LATE_TICK_NS,
			      memory_order_relaxed);
	if (sys_call(SYS_rt_sigtimedwait, &which, &info, &now,
		     KERNEL_SET_BYTES) == signo && info.si_code != SI_KERNEL)
		put_back(signo, &info);
}

static void move_clocks(int from)
{
	bool ticks = from == SIGPROF && clock_has_itimer();

	agent_change_signal();
	if (ticks)
		forget_ticks(from);
}

void signals_claim(int signo)
{
	bool moved;
	signals_set old;

	if (signo == 0 || !has(borrowed(), signo))
		return;
	old = lock();
	moved = give_up(signo, true);
	/* no signal comes between: the clocks move before ours is blocked */
	unlock(~(signals_set)0);
	if (moved)
		move_clocks(signo);
	signals_restore(old);
	signals_settle_self();
}

/* Gives up those of `which` that are borrowed. Returns ours if it was one. */
static int give_up_all(signals_set which)
{
	int signo, moved = 0;

	for (signo = 1; signo < SIGNALS; signo++)
		if (has(which, signo) && give_up(signo, true))
			moved = signo;
	return moved;
}

void signals_check(void)
{
	int signo = signals_ours(), moved = 0;
	bool replaced = signo && installed && is_replaced(signo);
	signals_set met = atomic_exchange_explicit(&held, 0,
						   memory_order_relaxed);
	signals_set old;

	if (!replaced && !met)
		return;
	old = lock();
	if (replaced && give_up(signo, false))
		moved = signo;
	signo = give_up_all(met);
	if (signo)
		moved = signo;
	unlock(old);
	if (moved)
		move_clocks(moved);
}

/* --- in the handler -------------------------------------------------------- */

static bool has_cookie(int signo, const siginfo_t *info)
{
	uint64_t value = clock_cookie(signo, info);

	return value == AGENT_FORKED_COOKIE || thread_is_cookie(value) ||
	       snapshot_is_cookie(value);
}

static bool is_late_tick(void)
{
	uint64_t until = atomic_load_explicit(&ticks_until,
					      memory_order_relaxed);

	return until != 0 && sys_clock_ns(CLOCK_MONOTONIC) < until;
}

bool signals_is_clock(int signo, const siginfo_t *info)
{
	if (signo == signals_ours())
		return clock_owns(info->si_code) &&
		       (info->si_code == SI_KERNEL || has_cookie(signo, info));
	if (info->si_code == SI_KERNEL)
		return signo == SIGPROF && is_late_tick();
	/* SIGTRAP, or on its way when the clocks moved: it carries our cookie */
	return clock_owns(info->si_code) && has_cookie(signo, info);
}

/* The mask in the frame of the signal: in force when the handler returns. */
static signals_set *mask_of(void *context)
{
	return (signals_set *)(void *)&((ucontext_t *)context)->uc_sigmask;
}

static signals_set settled_mask(signals_set mask, signals_set which)
{
	int signo;

	for (signo = 1; which >> (signo - 1); signo++)
		if (has(which, signo) && has(mask, stand_in(signo)))
			mask |= SIGNALS_BIT(signo);
	return mask;
}

void signals_settle(void *context)
{
	signals_set which = get_set(&released) & ~settled;

	if (which == 0)
		return;
	settled |= which;
	*mask_of(context) = settled_mask(*mask_of(context), which);
}

void signals_settle_self(void)
{
	signals_set which = get_set(&released) & ~settled, mask, real;

	if (which == 0)
		return;
	settled |= which;
	mask = change_mask(SIG_BLOCK, NULL);
	real = settled_mask(mask, which);
	if (real != mask)
		signals_restore(real);
}

signals_set signals_settled(void)
{
	return settled;
}

void signals_inherit(signals_set from)
{
	settled = from;
}

/* A signal of the program in a thread that believes to block it. */
static bool hold(int signo, siginfo_t *info, signals_set *mask)
{
	if (has(borrowed(), signo)) {
		if (!has(*mask, stand_in(signo)))
			return false;
		*mask |= SIGNALS_BIT(signo);
		atomic_fetch_or_explicit(&held, SIGNALS_BIT(signo),
					 memory_order_relaxed);
		flusher_wake();
	} else {
		*mask = settled_mask(*mask, SIGNALS_BIT(signo) &
						    get_set(&released) &
						    ~settled);
		if (!has(*mask, signo))
			return false;
	}
	put_back(signo, info);
	return true;
}

/* The default action of every signal we may have borrowed is to terminate. */
static void die_of(int signo)
{
	static const struct kernel_action dfl;
	signals_set set = SIGNALS_BIT(signo);

	set_action(signo, &dfl);
	change_mask(SIG_UNBLOCK, &set);
	sys_tgkill(sys_getpid(), sys_gettid(), signo);
}

void signals_foreign(int signo, siginfo_t *info, void *context)
{
	struct wanted *w = &wanted[signo];
	action_function *f = atomic_load_explicit(&w->handler,
						  memory_order_relaxed);

	if (is_ignore(f) || hold(signo, info, mask_of(context)))
		return;
	if (is_default(f) && signo == atomic_load_explicit(
					      &toggle, memory_order_relaxed)) {
		note_toggle();
		return;
	}
	if (is_default(f)) {
		die_of(signo);
		return;
	}
	if (atomic_load_explicit(&w->flags, memory_order_relaxed) &
	    SA_RESETHAND)
		atomic_store_explicit(&w->handler,
				      (action_function *)(void *)SIG_DFL,
				      memory_order_relaxed);
	f(signo, info, context);
}

/* --- dispositions ---------------------------------------------------------- */

bool signals_holds(int signo)
{
	return signo > 0 && signo < SIGNALS &&
	       has(borrowed() | get_set(&lent), signo);
}

static void show_wanted(int signo, struct sigaction *old)
{
	struct wanted *w = &wanted[signo];
	signals_set mask = w->mask;

	memset(old, 0, sizeof(*old));
	old->sa_sigaction = w->handler;
	old->sa_flags = (int)(w->flags & ~(uint64_t)SA_RESTORER);
	memcpy(&old->sa_mask, &mask, sizeof(mask));
}

static void set_wanted(int signo, const struct sigaction *act)
{
	struct wanted *w = &wanted[signo];

	memcpy(&w->mask, &act->sa_mask, sizeof(w->mask));
	atomic_store_explicit(&w->flags, (uint64_t)(unsigned)act->sa_flags,
			      memory_order_relaxed);
	atomic_store_explicit(&w->handler, act->sa_sigaction,
			      memory_order_relaxed);
}

/* What the kernel shall block while the program's handler runs. */
static signals_set hide_for(const struct sigaction *act)
{
	signals_set mask;

	memcpy(&mask, &act->sa_mask, sizeof(mask));
	mask = signals_hide(mask);
	if ((act->sa_flags & SA_ONSTACK) && is_function(act->sa_sigaction))
		mask |= bit_or_none(signals_ours());
	return mask;
}

bool signals_action(int signo, const struct sigaction *act,
		    struct sigaction *old)
{
	struct sigaction before;
	signals_set mask = 0, saved;

	if (act && !is_default(act->sa_sigaction))
		signals_claim(signo);
	if (act)
		mask = hide_for(act);
	if (!signals_holds(signo))
		return false;
	saved = lock();
	show_wanted(signo, &before);
	if (act) {
		set_wanted(signo, act);
		if (has(get_set(&lent), signo))
			install_behind(signo, mask);
	}
	unlock(saved);
	if (old)
		*old = before;
	return true;
}

/* --- masks ------------------------------------------------------------------- */

static void claim_held(void)
{
	int signo;

	for (signo = 1; signo < SIGNALS; signo++)
		if (has(get_set(&held), signo))
			signals_claim(signo);
}

signals_set signals_hide(signals_set set)
{
	int signo;

	/* a signal was held here, and the flusher has not come to it yet */
	if (get_set(&held) & borrowed())
		claim_held();
	signals_settle_self();
	while ((signo = signals_ours()) && tells_apart(set, signo))
		signals_claim(signo);
	while ((signo = get_spare()) && tells_apart(set, signo))
		signals_claim(signo);
	if (get_trap() && tells_apart(set, SIGTRAP))
		signals_claim(SIGTRAP);
	/* from now on a signal of the program may meet us, profiling or not */
	if ((set & borrowed()) && !installed)
		signals_install();
	return set & ~borrowed();
}

signals_set signals_show(signals_set real)
{
	signals_set which = borrowed(), shown = real & ~which;

	return settled_mask(shown, which | (get_set(&released) & ~settled));
}

signals_set signals_wait_set(signals_set set)
{
	int signo = signals_ours();

	if (signo && signo < SIG_FIRST_RT && has(set, signo))
		signals_claim(signo);
	return signals_hide(set);
}

signals_set signals_expose(void)
{
	signals_set real = change_mask(SIG_BLOCK, NULL);
	signals_set shown = signals_show(real);

	if (shown != real)
		signals_restore(shown);
	return real;
}

/* --- exec -------------------------------------------------------------------- */

/* Signals of ours that are pending are dropped, the program's put back. */
static void take_pending(signals_set which)
{
	static const struct timespec now = { 0, 0 };
	siginfo_t foreign[PENDING_MAX], info;
	int count = 0, signo, i;

	while (count < PENDING_MAX &&
	       (signo = (int)sys_call(SYS_rt_sigtimedwait, &which, &info, &now,
				      KERNEL_SET_BYTES)) > 0) {
		if (!signals_is_clock(signo, &info)) {
			info.si_signo = signo;
			foreign[count++] = info;
		}
	}
	for (i = 0; i < count; i++)
		put_back(foreign[i].si_signo, &foreign[i]);
}

static void ignore(int signo)
{
	static const struct kernel_action ignore = {
		.handler = (action_function *)(void *)SIG_IGN,
	};

	set_action(signo, &ignore);
}

void signals_exec_begin(bool silent)
{
	int signo = signals_ours();
	signals_set old = signals_block_all();

	take_pending(bit_or_none(signo) | bit_or_none(get_trap()) |
		     get_set(&lent));
	if (signo && (!silent || is_ignore(wanted[signo].handler)))
		ignore(signo);
	if (trap_installed && !silent)
		ignore(SIGTRAP);
	signals_restore(old);
}

static bool is_ignored_now(int signo)
{
	struct kernel_action act;

	return get_action(signo, &act) == 0 && is_ignore(act.handler);
}

void signals_exec_failed(void)
{
	signals_set old = lock();
	int signo = signals_ours();

	if (signo && installed && is_ignored_now(signo))
		install(signo);
	if (trap_installed && get_trap() && is_ignored_now(SIGTRAP))
		install(SIGTRAP);
	unlock(old);
}
