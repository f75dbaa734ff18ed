/* SPDX-License-Identifier: MIT */
/*
 * oracle: a preloaded library that holds our walker against libunwind.
 *
 *	LD_PRELOAD=oracle.so ORACLE_OUTPUT=file program...
 *
 * Timers of its own interrupt the program; the handler walks the same registers
 * with both walkers, and compares pc by pc. At the end of each process one
 * report is appended to the file:
 *
 *	samples N	compared at all
 *	agree N		same addresses, both reached the outermost frame
 *	both N		both reached the outermost frame
 *	safe N		walked again with fault-safe reads: must be equal
 *	unsafe N	... and was not
 *	ended WORD N	our stacks, by reason
 *	differ N KIND WORD PC SYMBOL [ours PC SYMBOL] [theirs PC SYMBOL]
 *		distinct places of disagreement: the last address that both
 *		have, and what each has behind it. KIND is other (both go on),
 *		short (only libunwind does) or long (only we do, WORD is what
 *		unw_step() returned)
 *	truncated N WORD PC SYMBOL [ours PC SYMBOL]
 *		where our stacks ended, by reason, and the frame called from it
 *
 * libunwind is not made for this: it takes locks and allocates on first use.
 * With ORACLE_REFRESH set a thread reads the modules again all the time, as the
 * agent's own does; ORACLE_LOOKUP=table has objects looked up in our table;
 * ORACLE_ONSTACK has the handler run on the alternate stack where there is one;
 * ORACLE_PERIOD_US is the time from sample to sample (500; 0: CPU time only).
 *
 * The constructor has it do that before the first sample, and a sample that
 * interrupts libunwind itself is not taken.
 */
#define _GNU_SOURCE
#define UNW_LOCAL_ONLY
#include <dlfcn.h>
#include <fcntl.h>
#include <libunwind.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "agent/lookup.h"
#include "agent/memory.h"
#include "agent/modules.h"
#include "agent/sys.h"
#include "agent/unwind.h"

#define FRAMES_MAX 2048
#define PLACES_MAX 512

extern void *__libc_stack_end;

enum kind { KIND_NONE, KIND_OTHER, KIND_SHORT, KIND_LONG, KIND_TRUNCATED };

static const char *const kind_names[] = {
	[KIND_OTHER] = "other",
	[KIND_SHORT] = "short",
	[KIND_LONG] = "long",
};

struct place {
	uint64_t pc;		/* the last that both have */
	uint64_t ours, theirs;	/* behind it, when first met; 0: nothing */
	unsigned count;
	enum kind kind;
	int why;		/* enum unwind_end, or unw_step()'s result */
};

/* One process; its handler runs in one thread at a time, guarded by `busy`. */
static struct {
	int pid;
	bool has_timer;
	timer_t timer;			/* one shot, set again by the handler */
	struct itimerspec period;
	volatile int busy;
	uint64_t stack_high;		/* of the main thread */
	unsigned long samples, agree, both, safe, unsafe;
	unsigned long ended[UNWIND_ENDS];
	struct place places[PLACES_MAX];
	uint64_t ours[FRAMES_MAX], again[FRAMES_MAX], theirs[FRAMES_MAX];
} oracle;

static void note(enum kind kind, uint64_t pc, int why, uint64_t ours,
		 uint64_t theirs)
{
	for (struct place *p = oracle.places;
	     p < oracle.places + PLACES_MAX; p++) {
		if (p->kind == KIND_NONE) {
			p->kind = kind;
			p->pc = pc;
			p->why = why;
			p->ours = ours;
			p->theirs = theirs;
		}
		if (p->kind == kind && p->pc == pc && p->why == why) {
			p->count++;
			return;
		}
	}
}

/*
 * True for the code that a signal handler returns to. unw_is_signal_frame()
 * says so only of frames that it had to walk without their unwind table.
 */
static bool is_signal_return(uint64_t pc)
{
	/* mov rax, 15 (rt_sigreturn); syscall */
	static const uint8_t code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0x00,
					0x00, 0x00, 0x0f, 0x05 };

	static const unsigned syscall_at = 7;
	uint8_t there[sizeof(code)];
	struct memory memory;

	memory_init(&memory, 0, 0);	/* libunwind may have gone astray */
	for (unsigned at = 0; at <= syscall_at; at += syscall_at)
		if (memory_copy(&memory, pc - at, there, sizeof(there)) ==
			    sizeof(there) &&
		    memcmp(there, code, sizeof(code)) == 0)
			return true;
	return false;
}

/* As our walker stores them; *result is what the last unw_step() said. */
static unsigned walk_theirs(ucontext_t *context, int *result)
{
	unw_cursor_t cursor;
	unsigned n = 0;
	bool exact = true;

	*result = unw_init_local2(&cursor, context, UNW_INIT_SIGNAL_FRAME);
	do {
		unw_word_t pc;

		unw_get_reg(&cursor, UNW_REG_IP, &pc);
		if (pc == 0) {	/* it gives the end as a frame of its own */
			*result = 0;
			break;
		}
		oracle.theirs[n++] = exact ? pc : pc - 1;
		exact = is_signal_return(pc);
		*result = unw_step(&cursor);
	} while (*result > 0 && n < FRAMES_MAX);
	return n;
}

static void compare(unsigned n, enum unwind_end end, unsigned m, int result)
{
	unsigned same = 0;

	while (same < n && same < m && oracle.ours[same] == oracle.theirs[same])
		same++;
	if (end == UNWIND_COMPLETE && result == 0) {
		oracle.both++;
		oracle.agree += same == n && same == m;
	}
	if (end != UNWIND_COMPLETE)
		note(KIND_TRUNCATED, oracle.ours[n - 1], (int)end,
		     n > 1 ? oracle.ours[n - 2] : 0, 0);
	if (same == n && same == m)
		return;
	if (same == n)
		note(KIND_SHORT, oracle.ours[n - 1], (int)end, 0,
		     oracle.theirs[n]);
	else if (same == m)
		note(KIND_LONG, oracle.theirs[m - 1], result, oracle.ours[m],
		     0);
	else
		note(KIND_OTHER, same > 0 ? oracle.ours[same - 1] : 0,
		     (int)end, oracle.ours[same], oracle.theirs[same]);
}

static void walk_both(ucontext_t *context)
{
	struct unwind_regs regs;
	struct unwind_stack stack = { 0, 0 }, nowhere = { 0, 0 };
	enum unwind_end end, again;
	unsigned n, m;
	int result;

	unwind_regs_from_context(&regs, context);
	if (sys_gettid() == oracle.pid && regs.reg[7] < oracle.stack_high &&
	    oracle.stack_high - regs.reg[7] < (8u << 20)) {
		stack.low = regs.reg[7];
		stack.high = oracle.stack_high;
	}
	n = unwind_cfi.walk(&regs, &stack, oracle.ours, FRAMES_MAX, &end);
	m = unwind_cfi.walk(&regs, &nowhere, oracle.again, FRAMES_MAX, &again);
	oracle.samples++;
	oracle.ended[end]++;
	oracle.safe++;
	oracle.unsafe += n != m || end != again ||
			 memcmp(oracle.ours, oracle.again, n * 8) != 0;
	m = walk_theirs(context, &result);
	compare(n, end, m, result);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	int free = 0;

	(void)sig;
	(void)info;
	/* Acquire and release: one thread's sample follows another's. */
	if (__atomic_compare_exchange_n(&oracle.busy, &free, 1, false,
					__ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		/* A child that did not exec has our memory but no report. */
		if (sys_getpid() == oracle.pid)
			walk_both(context);
		/* From now on: a period shorter than a walk must not hang. */
		if (oracle.has_timer)
			timer_settime(oracle.timer, 0, &oracle.period, NULL);
		__atomic_store_n(&oracle.busy, 0, __ATOMIC_RELEASE);
	}
}

static void install_handler(void)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_RESTART };

	/* Go insists; elsewhere libunwind needs more than such a stack has. */
	if (getenv("ORACLE_ONSTACK") != NULL)
		sa.sa_flags |= SA_ONSTACK;
	sa.sa_sigaction = on_signal;
	sigfillset(&sa.sa_mask);
	sigaction(SIGPROF, &sa, NULL);
}

static void start_timers(void)
{
	const char *text = getenv("ORACLE_PERIOD_US");
	long us = text != NULL ? atol(text) : 500;
	struct itimerspec tick = { { 0, 4000000 }, { 0, 4000000 } };
	timer_t cpu;
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL };

	install_handler();
	event.sigev_signo = SIGPROF;
	/* Not setitimer(): that one outlives exec. */
	if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &cpu) == 0)
		timer_settime(cpu, 0, &tick, NULL);
	if (us <= 0)
		return;
	/* Real time: what runs when it expires, the kernel's tick or not. */
	oracle.period.it_value.tv_nsec = us * 1000;
	if (timer_create(CLOCK_MONOTONIC, &event, &oracle.timer) == 0) {
		oracle.has_timer = true;
		timer_settime(oracle.timer, 0, &oracle.period, NULL);
	}
}

/* What the flusher does: sees objects and generated code come and go. */
static void *keep_modules(void *unused)
{
	struct timespec pause = { 0, 50 * 1000 * 1000 };
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (;;) {
		nanosleep(&pause, NULL);
		install_handler();	/* a runtime may have its own */
		if (modules_refresh() == 1)
			unwind_cfi.forget();
	}
	return unused;
}

__attribute__((constructor)) static void oracle_start(void)
{
	pthread_t thread;
	const char *method = getenv("ORACLE_LOOKUP");
	ucontext_t here;
	int result;

	if (getenv("ORACLE_OUTPUT") == NULL || modules_init(NULL) != 0)
		return;
	unwind_cfi.init();
	if (method != NULL && strcmp(method, lookup_table.name) == 0)
		lookup_init(NULL);
	oracle.pid = getpid();
	oracle.stack_high = ((uint64_t)(uintptr_t)__libc_stack_end +
			     MEMORY_PAGE) & ~(uint64_t)(MEMORY_PAGE - 1);
	getcontext(&here);
	walk_theirs(&here, &result);
	if (getenv("ORACLE_REFRESH") != NULL)
		pthread_create(&thread, NULL, keep_modules, NULL);
	start_timers();
}

/* --- the report --------------------------------------------------------- */

/* " file+0xoffset symbol+0xoffset" */
static void print_address(FILE *out, uint64_t pc)
{
	Dl_info info = { 0 };
	const char *file = "?";
	uint64_t base = 0, symbol = 0;

	if (dladdr((void *)(uintptr_t)pc, &info) != 0) {
		base = (uint64_t)(uintptr_t)info.dli_fbase;
		symbol = (uint64_t)(uintptr_t)info.dli_saddr;
		file = strrchr(info.dli_fname, '/');
		file = file != NULL ? file + 1 : info.dli_fname;
	}
	fprintf(out, " %s+0x%lx %s", file, (unsigned long)(pc - base),
		info.dli_sname != NULL ? info.dli_sname : "-");
	if (info.dli_sname != NULL)
		fprintf(out, "+0x%lx", (unsigned long)(pc - symbol));
}

static void print_place(FILE *out, const struct place *p)
{
	if (p->kind == KIND_TRUNCATED)
		fprintf(out, "truncated %u %s", p->count,
			unwind_end_names[p->why]);
	else if (p->kind == KIND_LONG)
		fprintf(out, "differ %u long %d", p->count, p->why);
	else
		fprintf(out, "differ %u %s %s", p->count, kind_names[p->kind],
			unwind_end_names[p->why]);
	print_address(out, p->pc);
	if (p->ours != 0) {
		fputs(" ours", out);
		print_address(out, p->ours);
	}
	if (p->theirs != 0) {
		fputs(" theirs", out);
		print_address(out, p->theirs);
	}
	fputc('\n', out);
}

__attribute__((destructor)) static void oracle_report(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	FILE *out;

	if (oracle.pid != getpid())
		return;
	sigaction(SIGPROF, &ignore, NULL);
	oracle.busy = 1;
	out = fopen(getenv("ORACLE_OUTPUT"), "ae");
	if (out == NULL)
		return;
	fprintf(out, "samples %lu\nagree %lu\nboth %lu\nsafe %lu\nunsafe %lu\n",
		oracle.samples, oracle.agree, oracle.both, oracle.safe,
		oracle.unsafe);
	for (unsigned i = 0; i < UNWIND_ENDS; i++)
		fprintf(out, "ended %s %lu\n", unwind_end_names[i],
			oracle.ended[i]);
	for (unsigned i = 0; i < PLACES_MAX; i++)
		if (oracle.places[i].kind != KIND_NONE)
			print_place(out, &oracle.places[i]);
	fclose(out);
}
