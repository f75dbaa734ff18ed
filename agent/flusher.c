/* SPDX-License-Identifier: MIT */
/*
 * flusher: see flusher.h. Everything in this file but flusher_start,
 * flusher_wake and flusher_ask runs in the flusher itself.
 */
#include "agent/flusher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/agent.h"
#include "agent/clock.h"
#include "agent/command.h"
#include "agent/control.h"
#include "agent/drain.h"
#include "agent/execs.h"
#include "agent/fork.h"
#include "agent/identity.h"
#include "agent/memory.h"
#include "agent/region.h"
#include "agent/signals.h"
#include "agent/sys.h"
#include "agent/tasks.h"
#include "agent/verbs.h"
#include "agent/writer.h"

#define WAKE_SIGNAL FLUSHER_WAKE_SIGNAL

#define ANSWERED UINT32_MAX
#define LEFT 0x100u	/* beside a request: nobody waits for the answer */

#define STACK_BYTES (256u * 1024u)	/* address space; few pages are used */
#define TLS_BYTES 4096u			/* below and above the thread pointer */

static FORK_DATA struct {
	_Atomic int tid;
	_Atomic uint32_t alive;		/* the kernel clears it: futex */
	_Atomic uint32_t asked;		/* enum flusher_request, 0: none,
					 * ANSWERED: futex */
	_Atomic int result;		/* of the last request, -errno */
	_Atomic uint32_t wake_pending;	/* a wake-up is on its way */
	uint8_t *stack;
	int region_fd;
	uint64_t delay_ns;		/* before it begins */
} self;

/* --- called by others --- */

int flusher_tid(void)
{
	return atomic_load_explicit(&self.tid, memory_order_relaxed);
}

bool flusher_is_self(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	/* no system call: a new thread asks, too */
	return self.stack && here - (uintptr_t)self.stack < STACK_BYTES;
}

void flusher_wake(void)
{
	int tid = flusher_tid();

	/* relaxed: at worst one wake-up too many or a millisecond too late */
	if (tid == 0 || atomic_exchange_explicit(&self.wake_pending, 1,
						 memory_order_relaxed))
		return;
	sys_tgkill(agent_process.pid, tid, WAKE_SIGNAL);
}

void flusher_nudge(void)
{
	int tid = flusher_tid();

	if (tid != 0)
		sys_tgkill(agent_process.pid, tid, WAKE_SIGNAL);
}

/*
 * How long an asker waits: `step_ns`, and the same again for as long as the
 * flusher uses the CPU or waits for one. On a machine where it has to queue so
 * does the program; a flusher that hangs in a write is left alone.
 */
struct patience {
	int tid;		/* of the flusher */
	uint64_t step_ns, until_ns, limit_ns;
	uint64_t cpu_ns;	/* its CPU time at the last look */
};

#define WAIT_MOST_NS 2000000000u	/* however it gets on */

static struct patience patience_of(int tid, int timeout_ms)
{
	uint64_t now = sys_clock_ns(CLOCK_MONOTONIC);
	struct patience p = {
		.tid = tid,
		.step_ns = (uint64_t)timeout_ms * 1000000u,
		.cpu_ns = sys_clock_ns(sys_thread_clock(tid)),
	};

	p.until_ns = now + p.step_ns;
	p.limit_ns = now + (p.step_ns > WAIT_MOST_NS ? p.step_ns
						     : WAIT_MOST_NS);
	return p;
}

/* What is left to wait, ns; 0: time is up. */
static uint64_t time_left(struct patience *p)
{
	uint64_t now = sys_clock_ns(CLOCK_MONOTONIC), cpu_ns;

	if (now < p->until_ns)
		return p->until_ns - now;
	cpu_ns = sys_clock_ns(sys_thread_clock(p->tid));
	if (now >= p->limit_ns ||
	    (cpu_ns == p->cpu_ns && !tasks_is_running(p->tid)))
		return 0;
	p->cpu_ns = cpu_ns;
	p->until_ns = now + p->step_ns;
	return p->step_ns;
}

/* Waits until *word differs from `value`. False when time is up. */
static bool wait_change(_Atomic uint32_t *word, uint32_t value,
			struct patience *p)
{
	struct timespec ts;
	uint64_t left;

	/* acquire: pairs with the release store of whoever changes it */
	while (atomic_load_explicit(word, memory_order_acquire) == value) {
		left = time_left(p);
		if (left == 0)
			return false;
		ts.tv_sec = (time_t)(left / 1000000000u);
		ts.tv_nsec = (long)(left % 1000000000u);
		sys_futex((uint32_t *)word, FUTEX_WAIT, value, &ts);
	}
	return true;
}

/* Waits for the requests of others to be over. False when time is up. */
static bool take_turn(enum flusher_request request, struct patience *p)
{
	static const struct timespec pause = { 0, 100000 };
	uint32_t idle = 0;

	/* release: what the asker did before is seen by the flusher */
	while (!atomic_compare_exchange_strong_explicit(
		&self.asked, &idle, request, memory_order_release,
		memory_order_relaxed)) {
		if (time_left(p) == 0)
			return false;
		sys_call(SYS_nanosleep, &pause, NULL);
		idle = 0;
	}
	return true;
}

/*
 * Waits until the thread has left the process. The kernel clears the word when
 * its memory and descriptors are gone, but counts it as a thread for a moment
 * more, in which unshare() still fails.
 */
static bool wait_gone(struct patience *p)
{
	static const struct timespec moment = { 0, 50000 };

	if (!wait_change(&self.alive, 1, p))
		return false;
	while (sys_tgkill(agent_process.pid, p->tid, 0) != -ESRCH) {
		if (time_left(p) == 0)
			return false;
		sys_call(SYS_nanosleep, &moment, NULL);
	}
	return true;
}

void flusher_dismiss(int timeout_ms)
{
	int tid = flusher_tid();
	struct patience p;

	/* acquire: the kernel clears it when the stack is free again */
	if (!atomic_load_explicit(&self.alive, memory_order_acquire))
		return;
	p = patience_of(tid, timeout_ms);
	flusher_nudge();
	if (tid != 0)
		wait_gone(&p);
	else
		wait_change(&self.alive, 1, &p);
}

/* Nobody waits for the answer. False if it has come after all. */
static bool leave(enum flusher_request request)
{
	uint32_t asked = request;

	return atomic_compare_exchange_strong_explicit(
		&self.asked, &asked, request | LEFT, memory_order_acq_rel,
		memory_order_acquire);
}

enum flusher_answer flusher_ask_for(enum flusher_request request,
				    int timeout_ms)
{
	int tid = flusher_tid();
	struct patience p;
	bool well;

	if (tid == 0)
		return FLUSHER_NOT_ASKED;
	p = patience_of(tid, timeout_ms);
	if (!take_turn(request, &p))
		return FLUSHER_NOT_ASKED;
	sys_tgkill(agent_process.pid, tid, WAKE_SIGNAL);
	if (!wait_change(&self.asked, request, &p) && leave(request))
		return FLUSHER_LATE;
	well = atomic_load_explicit(&self.result, memory_order_relaxed) >= 0;
	/* back to idle: the next may ask */
	atomic_store_explicit(&self.asked, 0, memory_order_release);
	if (request == FLUSHER_STOP && !wait_gone(&p))
		return FLUSHER_LATE;
	return well ? FLUSHER_DONE : FLUSHER_FAILED;
}

bool flusher_ask(enum flusher_request request, int timeout_ms)
{
	return flusher_ask_for(request, timeout_ms) == FLUSHER_DONE;
}

FORK_CODE void flusher_reset_after_fork(void)
{
	memset(&self, 0, sizeof(self));
	self.region_fd = -1;
}

/* --- the thread --- */

/* -1: all. */
static void close_all_but(int keep)
{
	static const unsigned last = ~0u;
	int fd;

#ifdef SYS_close_range
	if (sys_call(SYS_close_range, keep + 1, last, 0) == 0) {
		if (keep > 0)
			sys_call(SYS_close_range, 0, keep - 1, 0);
		return;
	}
#endif
	/* before Linux 5.9: descriptors that exist are mostly the low ones */
	for (fd = 0; fd < 4096; fd++)
		if (fd != keep)
			sys_close(fd);
}

static int open_wake(void)
{
	signals_set set = SIGNALS_BIT(WAKE_SIGNAL);

	return (int)sys_call(SYS_signalfd4, -1, &set, 8,
			     O_CLOEXEC | O_NONBLOCK);
}

/*
 * Takes the wake-up, if it is one: a signal of the same number that was sent to
 * the process is the program's, and a read would take that as well. True if
 * nothing is left that would end the next sleep at once.
 */
static bool empty_wake(int fd)
{
	uint8_t info[128];	/* signalfd_siginfo */

	if (!(tasks_pending() & SIGNALS_BIT(WAKE_SIGNAL)))
		return false;
	sys_read(fd, info, sizeof(info));
	return true;
}

/*
 * Of tgkill, or of the kernel for a socket. At RLIMIT_SIGPENDING it comes without
 * its origin: it is taken for ours then, for who sends this one else?
 */
static bool is_wake(const siginfo_t *info)
{
	return info->si_code == SI_TKILL || info->si_code > 0 ||
	       (info->si_code == SI_USER && info->si_pid == 0);
}

/*
 * Waits for the wake-up as a signal. One of the same number that was sent to
 * the process is the program's and goes back as it was: to our own number, for
 * which alone the kernel takes any origin, and which stands for the process
 * here. False then: from now on it is to be waited for without taking it.
 */
static bool sleep_for_signal(const struct timespec *ts)
{
	signals_set set = SIGNALS_BIT(WAKE_SIGNAL);
	siginfo_t info;

	if (sys_call(SYS_rt_sigtimedwait, &set, &info, ts, 8) != WAKE_SIGNAL ||
	    is_wake(&info))
		return true;
	sys_call(SYS_rt_sigqueueinfo, sys_gettid(), WAKE_SIGNAL, &info);
	return false;
}

/*
 * ppoll() for `timeout` (NULL: without an end). While nobody is connected, and
 * the program has no use for our signal, it is the signal that ends the sleep:
 * p[0] is then left out. -EINVAL without room for descriptors (RLIMIT_NOFILE
 * below ours): the signal it is then as well, and clients are not served.
 */
static long sleep_for(struct pollfd *p, unsigned count,
		      const struct timespec *timeout)
{
	static const struct timespec none;
	static bool is_shared;
	long ready;

	if (!is_shared && control_signals()) {
		p[0].fd = -1;
		/* who came before the last wake-up was taken sends no other */
		ready = sys_call(SYS_ppoll, p, count, &none, NULL, 8);
		if (ready > 0)
			return ready;
		is_shared = !sleep_for_signal(timeout);
		return sys_call(SYS_ppoll, p, count, &none, NULL, 8);
	}
	ready = sys_call(SYS_ppoll, p, count, timeout, NULL, 8);
	if (ready == -EINVAL)
		sleep_for_signal(timeout);
	return ready;
}

/*
 * Sleeps until the next round is due, somebody wakes us, or a client has
 * something to say. While nothing is profiled there is no round: it sleeps
 * without an end. True if a round is asked for.
 */
static bool sleep_until(int fd, uint64_t due)
{
	static const struct timespec moment = { 0, 1000000 };
	struct pollfd p[1 + CONTROL_POLLS] = { { .fd = fd, .events = POLLIN } };
	uint64_t now = sys_clock_ns(CLOCK_MONOTONIC);
	uint64_t left = due > now ? due - now : 0;
	struct timespec ts = { (time_t)(left / 1000000000u),
			       (long)(left % 1000000000u) };
	bool profiles = agent_state() == AGENT_RUNNING || fd < 0;
	bool woken;
	unsigned clients = control_polls(p + 1);
	long ready = sleep_for(p, 1 + clients, profiles ? &ts : NULL);

	/* cleared before the rings are read: a later wake-up is not lost */
	woken = atomic_exchange_explicit(&self.wake_pending, 0,
					 memory_order_seq_cst);
	if (p[0].revents && !empty_wake(fd))
		sys_call(SYS_nanosleep, &moment, NULL);
	if (ready > 0)
		control_serve(p + 1, clients);
	return woken;
}

static void answer(int result)
{
	atomic_store_explicit(&self.result, result, memory_order_relaxed);
	/*
	 * release: the asker sees all that was done for it; who has left does
	 * not come back to take the answer
	 */
	if (atomic_exchange_explicit(&self.asked, ANSWERED,
				     memory_order_acq_rel) & LEFT)
		atomic_store_explicit(&self.asked, 0, memory_order_release);
	sys_futex((uint32_t *)&self.asked, FUTEX_WAKE, INT32_MAX, NULL);
}

/*
 * All is in the file. If not, for the disk is full, the readers of the file find
 * the rest in the region; without a file nobody would.
 */
static void remove_region(int err)
{
	if (err == 0 || !writer_has_members())
		region_unlink();
}

static int flush_for_exec(void)
{
	int err;

	agent_disarm_execs();
	clock_round(sys_clock_ns(CLOCK_MONOTONIC));	/* closes their events */
	err = flusher_round(false);
	remove_region(err);
	control_leave();
	return err;
}

static int stop(void)
{
	int err = flusher_round(false);

	clock_stop();
	drain_close();
	return err;
}

static int finish(void)
{
	int err;

	clock_stop();
	err = flusher_round(true);
	remove_region(err);
	control_close();
	drain_close();
	return err;
}

static int flush(void)
{
	return flusher_round(false);
}

/* Region and socket go along, so that they can be removed at the end. */
static int adopt(void)
{
	char dir[PATH_MAX];
	int err;

	control_close();
	region_hand_over(identity_user(), identity_group());
	err = identity_adopt();
	control_open(region_directory(dir), agent_process.pid);
	return err;
}

static int (*const requests[])(void) = {
	[FLUSHER_FLUSH] = flush,
	[FLUSHER_EXEC] = flush_for_exec,
	[FLUSHER_STOP] = stop,
	[FLUSHER_FINISH] = finish,
	[FLUSHER_OPEN] = drain_open,
	[FLUSHER_ADOPT] = adopt,
	[FLUSHER_REARM] = agent_rearm_all,
	[FLUSHER_COMMAND] = command_run,
};

/* Does what was asked for. True if the thread shall end. */
static bool serve(void)
{
	/* acquire: pairs with the release in take_turn() */
	uint32_t word = atomic_load_explicit(&self.asked,
					     memory_order_acquire);
	uint32_t asked = word == ANSWERED ? 0 : word & ~LEFT;
	bool ends = asked == FLUSHER_STOP || asked == FLUSHER_FINISH;
	int result;

	if (asked == 0)
		return false;
	result = requests[asked]();
	if (ends)
		atomic_store_explicit(&self.tid, 0, memory_order_relaxed);
	answer(result);
	return ends;
}

/*
 * True when of the other threads only the main one is left, as a zombie that
 * waits for us: all ended by the raw exit call.
 */
static bool is_alone(void)
{
	return tasks_count() == 2 && tasks_is_zombie(agent_process.pid);
}

static void loop(int fd)
{
	uint64_t interval = (uint64_t)agent_config.flush_ms * 1000000u;
	uint64_t now = sys_clock_ns(CLOCK_MONOTONIC), due = now + interval;
	uint64_t clocks = now;
	bool woken;

	for (;;) {
		woken = sleep_until(fd, clocks < due ? clocks : due);
		if (signals_take_toggles() & 1)
			verbs_toggle();
		if (serve())
			return;
		if (!execs_has_any())
			control_return();
		now = sys_clock_ns(CLOCK_MONOTONIC);
		clocks = clock_round(now);
		if (agent_state() != AGENT_RUNNING) {
			due = 0;	/* if it begins: at once */
			continue;
		}
		if (!woken && now < due)
			continue;
		flusher_round(false);
		signals_check();
		if (now < due)
			continue;
		due = sys_clock_ns(CLOCK_MONOTONIC) + interval;
		if (is_alone()) {
			remove_region(flusher_round(true));
			drain_close();
			return;
		}
	}
}

int flusher_round(bool last)
{
	return drain_round(last);
}

/*
 * Of a process that is fresh: one that ends or execs at once needs none of us.
 * False: it does so right now.
 */
static bool wait_for_start(void)
{
	struct timespec ts = { (time_t)(self.delay_ns / 1000000000u),
			       (long)(self.delay_ns % 1000000000u) };

	if (self.delay_ns == 0)
		return true;
	/* woken by its first sample or by a request */
	if (agent_state() == AGENT_FRESH)
		sleep_for_signal(&ts);
	/* what it was, loop() finds when it is woken again */
	flusher_nudge();
	return agent_begin_fresh();
}

/* False: there is nothing to do. */
static bool begin(void)
{
	char dir[PATH_MAX];

	close_all_but(self.region_fd);
	if (!wait_for_start())
		return false;
	region_set_fd(self.region_fd);
	memory_begin_flusher();
	clock_flusher_begins();
	if (agent_state() == AGENT_STARTING)
		agent_begun();
	else
		control_open(region_directory(dir), agent_process.pid);
	return true;
}

static void flusher_main(void)
{
	if (!begin()) {
		atomic_store_explicit(&self.tid, 0, memory_order_relaxed);
		return;
	}
	loop(open_wake());
	control_close();
	memory_end_flusher();
}

/*
 * clone(2) by hand: libc's clone() is fine with a foreign stack but writes the
 * parent's TLS (pid cache of old versions, errno). The child never returns.
 */
__attribute__((noinline)) static long clone_thread(unsigned long flags,
						   void *stack, void *tls,
						   _Atomic uint32_t *clear,
						   _Atomic int *tid)
{
	register long r10 __asm__("r10") = (long)clear;
	register void *r8 __asm__("r8") = tls;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "call *%[entry]\n\t"
			 "xor %%edi, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "hlt\n\t"
			 "1:"
			 : "=a"(ret)
			 : "a"((long)SYS_clone), "D"(flags), "S"(stack),
			   "d"(tid), "r"(r10), "r"(r8),
			   [entry] "b"(flusher_main), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "memory");
	return ret;
}

/*
 * The block the thread pointer points at. Its first word points to itself (the
 * ABI's requirement); the words that hold stack and pointer guard are copied,
 * so that a libc function compiled with a stack protector works.
 */
static void *make_tls(uint8_t *block)
{
	uint64_t *tp = (uint64_t *)(void *)(block + TLS_BYTES);
	uint64_t guard, pointer_guard;

	__asm__("mov %%fs:0x28, %0" : "=r"(guard));
	__asm__("mov %%fs:0x30, %0" : "=r"(pointer_guard));
	tp[0] = (uint64_t)tp;
	tp[2] = (uint64_t)tp;
	tp[5] = guard;
	tp[6] = pointer_guard;
	return tp;
}

static int start(int region_fd, uint64_t delay_ns)
{
	const unsigned long flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD |
				    CLONE_SYSVSEM | CLONE_SETTLS |
				    CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID;
	signals_set old;
	uint8_t *top;
	long ret;

	/* one that has nothing to do yet is just leaving its stack */
	if (atomic_load_explicit(&self.alive, memory_order_acquire))
		return -EBUSY;
	if (!self.stack) {
		self.stack = sys_mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS |
					      MAP_NORESERVE, -1, 0);
		if (!self.stack)
			return -ENOMEM;
		sys_madvise(self.stack, STACK_BYTES, MADV_DONTFORK);
	}
	top = self.stack + STACK_BYTES - 2 * TLS_BYTES;
	self.region_fd = region_fd;
	self.delay_ns = delay_ns;
	atomic_store_explicit(&self.asked, 0, memory_order_relaxed);
	atomic_store_explicit(&self.wake_pending, 0, memory_order_relaxed);
	atomic_store_explicit(&self.alive, 1, memory_order_relaxed);
	old = signals_block_all();
	ret = clone_thread(flags, top, make_tls(top), &self.alive, &self.tid);
	signals_restore(old);
	if (ret < 0) {
		atomic_store_explicit(&self.tid, 0, memory_order_relaxed);
		atomic_store_explicit(&self.alive, 0, memory_order_relaxed);
		return (int)ret;
	}
	return 0;
}

int flusher_start(int region_fd)
{
	return start(region_fd, 0);
}

int flusher_start_later(uint64_t delay_ns)
{
	return start(-1, delay_ns);
}
