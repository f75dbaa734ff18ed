/* SPDX-License-Identifier: MIT */
/*
 * bench-walk: what a walk costs, ours against libunwind's.
 *
 * 250 different functions call one another; at the chosen depth a signal
 * interrupts, and within its handler all walkers walk the same stack in turn,
 * in an order drawn anew each round. Then the agent's whole handler takes
 * samples of that stack into a ring, in turn with one that does nothing. Prints
 * the rows of a Markdown table: medians, and in brackets the 5th and 95th
 * percentile of the rounds.
 */
#define UNW_LOCAL_ONLY
#include <errno.h>
#include <libunwind.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/lookup.h"
#include "agent/modules.h"
#include "agent/region.h"
#include "agent/sampler.h"
#include "agent/signals.h"
#include "agent/sys.h"
#include "agent/thread.h"
#include "agent/unwind.h"

#define ROUNDS 201
#define FRAMES_MAX 1024

static struct unwind_regs here;	/* of the interrupted thread */
static struct unwind_stack stack;
static uint64_t stack_high;
static uint64_t pcs[FRAMES_MAX];

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- the stack ---------------------------------------------------------- */

static void (*bottom)(void);
static volatile int sink;

#define FRAME(n, next, size, pad)					\
	static __attribute__((noinline)) int f##n(int depth)		\
	{								\
		volatile char local[size];				\
		volatile char *more = pad ? __builtin_alloca(		\
			(size_t)depth % 7 * 16 + 16) : local;		\
									\
		local[0] = (char)depth;					\
		more[0] = local[0];					\
		if (depth <= 1)						\
			bottom();					\
		else							\
			sink += next(depth - 1);			\
		return more[0] + local[0];				\
	}

/* 250 functions; every eighth keeps its frame in rbp, as alloca does. */
#define TEN(a, b, z) \
	FRAME(a##9, z, 24, 0) FRAME(a##8, f##a##9, 8, 0) \
	FRAME(a##7, f##a##8, 136, 1) FRAME(a##6, f##a##7, 40, 0) \
	FRAME(a##5, f##a##6, 16, 0) FRAME(a##4, f##a##5, 72, 0) \
	FRAME(a##3, f##a##4, 8, 0) FRAME(a##2, f##a##3, 200, 0) \
	FRAME(a##1, f##a##2, 32, 0) FRAME(a##0, f##a##1, 16, 0)

static int fend(int depth)
{
	return depth;
}

TEN(24, 25, fend) TEN(23, 24, f240) TEN(22, 23, f230) TEN(21, 22, f220)
TEN(20, 21, f210) TEN(19, 20, f200) TEN(18, 19, f190) TEN(17, 18, f180)
TEN(16, 17, f170) TEN(15, 16, f160) TEN(14, 15, f150) TEN(13, 14, f140)
TEN(12, 13, f130) TEN(11, 12, f120) TEN(10, 11, f110) TEN(9, 10, f100)
TEN(8, 9, f90) TEN(7, 8, f80) TEN(6, 7, f70) TEN(5, 6, f60) TEN(4, 5, f50)
TEN(3, 4, f40) TEN(2, 3, f30) TEN(1, 2, f20) TEN(0, 1, f10)

/* --- the walkers -------------------------------------------------------- */

static unsigned walk_ours(const void *context)
{
	enum unwind_end end;

	(void)context;
	return unwind_cfi.walk(&here, &stack, pcs, FRAMES_MAX, &end);
}

static unsigned walk_backtrace(const void *context)
{
	(void)context;
	return (unsigned)unw_backtrace((void **)pcs, FRAMES_MAX);
}

static unsigned walk_step(const void *context)
{
	unw_cursor_t cursor;
	unw_word_t pc;
	unsigned n = 0;

	unw_init_local2(&cursor, (unw_context_t *)(uintptr_t)context,
			UNW_INIT_SIGNAL_FRAME);
	do {
		unw_get_reg(&cursor, UNW_REG_IP, &pc);
		pcs[n++] = pc;
	} while (n < FRAMES_MAX && unw_step(&cursor) > 0);
	return n;
}

static const struct walker {
	const char *name;
	unsigned (*walk)(const void *context);
	unsigned repeat;	/* walks timed together */
	bool forget;		/* all rules, before each walk */
} walkers[] = {
	{ "ours, warm", walk_ours, 40, false },
	{ "ours, every address met first", walk_ours, 1, true },
	{ "unw_backtrace, warm", walk_backtrace, 40, false },
	{ "unw_step, warm", walk_step, 1, false },
};

#define WALKERS (sizeof(walkers) / sizeof(walkers[0]))

struct result {
	double ns[ROUNDS];	/* a frame */
	unsigned frames;
};

static struct result results[WALKERS];
static int round_now;

static void time_walker(size_t i, const void *context)
{
	const struct walker *w = &walkers[i];
	unsigned frames = 0;
	uint64_t begin, end;

	if (w->forget)
		unwind_cfi.forget();
	else
		frames = w->walk(context);	/* into the caches */
	begin = now_ns();
	for (unsigned k = 0; k < w->repeat; k++)
		frames = w->walk(context);
	end = now_ns();
	results[i].frames = frames;
	results[i].ns[round_now] = (double)(end - begin) / w->repeat / frames;
}

static void set_here(const void *context)
{
	unwind_regs_from_context(&here, context);
	stack.low = here.reg[7];
	stack.high = stack_high;
}

static void measure(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	set_here(context);
	for (round_now = 0; round_now < ROUNDS; round_now++) {
		size_t first = (size_t)rand() % WALKERS;

		for (size_t i = 0; i < WALKERS; i++)
			time_walker((first + i) % WALKERS, context);
	}
}

static void measure_walks(void)
{
	raise(SIGUSR1);
}

/* --- handlers ----------------------------------------------------------- */

static void handler_empty(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
}

static double handler_ns[2][ROUNDS];
static uint32_t slot;
static struct thread_record *record;

/* A thread of the agent's with a clock that we play ourselves. */
static int sampler_start(uint64_t low)
{
	static char dir[] = "/tmp/bench-walk-XXXXXX";
	int fd, err;

	if (!mkdtemp(dir))
		return -errno;
	err = region_init(dir, "0123456789abcdef", 42, &fd);
	if (err != 0)
		return err;
	region_unlink();
	sampler_init(&unwind_cfi, 4096);
	clock_init("cputime", 1000000);
	slot = thread_claim_now(sys_gettid(), 0, 0);
	record = region_record(slot);
	record->period_ns = 1000000;
	record->clock = CLOCK_CPUTIME;
	record->stack_low = low;
	record->stack_high = stack_high;
	thread_publish(slot);
	err = signals_init(SIGPROF);
	sampler_enable(1);
	return err;
}

/* What lies in the ring is written, as it were. */
static void empty_ring(void)
{
	uint64_t head;

	ring_oldest(&record->ring, &head);
	ring_release(&record->ring, head);
}

/* A signal as the thread's timer sends it. */
static void expire(void)
{
	siginfo_t info = { .si_signo = SIGPROF, .si_code = SI_TIMER };

	info.si_value.sival_ptr = (void *)(uintptr_t)thread_cookie(slot);
	sys_call(SYS_rt_tgsigqueueinfo, getpid(), sys_gettid(), SIGPROF,
		 &info);
}

/* Runs at the bottom of the stack, outside of any handler. */
static void measure_handlers(void)
{
	enum { SIGNALS = 40 };
	static void (*const handlers[])(int, siginfo_t *, void *) = {
		handler_empty, sampler_handle,
	};
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_RESTART |
					    SA_ONSTACK };
	uint64_t begin, samples;

	sigfillset(&sa.sa_mask);
	for (int k = 0; k < 2 * ROUNDS; k++) {
		int which = (k + k / 2 % 2) % 2;

		sa.sa_sigaction = handlers[which];
		sigaction(SIGPROF, &sa, NULL);
		expire();
		empty_ring();
		samples = record->samples;
		begin = now_ns();
		for (int i = 0; i < SIGNALS; i++)
			expire();
		handler_ns[which][k / 2] = (double)(now_ns() - begin) /
					   SIGNALS;
		if (record->samples - samples != (which ? SIGNALS : 0)) {
			fprintf(stderr, "bench-walk: %d samples of %d\n",
				(int)(record->samples - samples), SIGNALS);
			exit(1);
		}
	}
	empty_ring();
}

/* --- addresses of a library, met first ---------------------------------- */

/*
 * Addresses of libc where a thread can be interrupted: within functions, at any
 * byte. And a stack with room for any of their frames: what lies outside is
 * read by a system call, in the bench alone.
 */
enum { POOL = 50000, BATCH = 16, WORDS = 1 << 16 };

static uint64_t pool[POOL];
static uint64_t fake[WORDS];

static unsigned step_from(uint64_t pc, enum unwind_end *end)
{
	struct unwind_regs regs = { .known = 0x1ffff };
	struct unwind_stack s = { (uintptr_t)fake, (uintptr_t)(fake + WORDS) };

	regs.reg[16] = pc;
	regs.reg[7] = (uintptr_t)(fake + 8);
	regs.reg[6] = (uintptr_t)(fake + 128);
	return unwind_cfi.walk(&regs, &s, pcs, 1, end);
}

static void choose_addresses(void)
{
	const struct module *m = modules_find(
		modules_current(), (uint64_t)(uintptr_t)&qsort);
	enum unwind_end end;

	for (int k = 0; k < POOL;) {
		pool[k] = m->start + (uint64_t)rand() % (m->end - m->start);
		step_from(pool[k], &end);
		k += end != UNWIND_NO_RULE;	/* between two functions */
	}
}

/* One step from each of some, their tables seldom in near caches. */
static void measure_cold(struct result *r)
{
	enum unwind_end end;

	choose_addresses();
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t begin, at[BATCH];

		unwind_cfi.forget();
		for (int k = 0; k < BATCH; k++)
			at[k] = pool[rand() % POOL];
		begin = now_ns();
		for (int k = 0; k < BATCH; k++)
			step_from(at[k], &end);
		r->ns[i] = (double)(now_ns() - begin) / BATCH;
	}
}

/* --- the table ---------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *sorted, double q)
{
	return sorted[(int)(q * (ROUNDS - 1))];
}

/* An upper bound of 0: no budget. */
static void print_row(const char *what, unsigned frames, double *values,
		      const char *unit, double budget)
{
	char limit[40] = "", verdict[8] = "";
	double middle;

	qsort(values, ROUNDS, sizeof(double), compare_doubles);
	middle = quantile(values, 0.5);
	if (budget > 0) {
		snprintf(limit, sizeof(limit), "<= %g %s", budget, unit);
		strcpy(verdict, middle <= budget ? "within" : "OVER");
	}
	printf("| %s | %u | %.2f %s [%.2f, %.2f] | %s | %s |\n", what, frames,
	       middle, unit, quantile(values, 0.05), quantile(values, 0.95),
	       limit, verdict);
}

static void on_signal(int sig, void (*f)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO };

	sa.sa_sigaction = f;
	sigaction(sig, &sa, NULL);
}

static void print_depth(int depth, double handler_budget)
{
	double paired[ROUNDS];
	unsigned frames;

	bottom = measure_walks;
	f00(depth);
	frames = results[0].frames;
	for (int i = 0; i < ROUNDS; i++)
		paired[i] = results[0].ns[i] / results[2].ns[i];
	for (size_t i = 0; i < WALKERS; i++)
		print_row(walkers[i].name, results[i].frames, results[i].ns,
			  "ns/frame", walkers[i].forget ? 200 : 0);
	print_row("ours / unw_backtrace, warm", frames, paired, "x", 0.9);
	bottom = measure_handlers;
	f00(depth);
	for (int i = 0; i < ROUNDS; i++)
		paired[i] = (handler_ns[1][i] - handler_ns[0][i]) / 1000;
	print_row("handler - empty handler", frames, paired, "us",
		  handler_budget);
}

int main(void)
{
	static struct result cold;
	pthread_attr_t attr;
	void *low;
	size_t size;
	int err;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &low, &size);
	stack_high = (uint64_t)(uintptr_t)low + size;
	err = modules_init(NULL);
	if (err == 0)
		err = unwind_cfi.init();
	if (err == 0)
		err = sampler_start((uint64_t)(uintptr_t)low);
	if (err != 0) {
		fprintf(stderr, "bench-walk: %s\n", strerror(-err));
		return 1;
	}
	on_signal(SIGUSR1, measure);
	print_depth(30, 0.5);
	print_depth(100, 1);
	print_depth(250, 2);
	measure_cold(&cold);
	print_row("ours, a random address of libc met first", 1, cold.ns, "ns",
		  200);
	return 0;
}
