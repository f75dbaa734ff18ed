/* SPDX-License-Identifier: MIT */
/*
 * unwind-cfi, on live stacks. Two judges: backtrace() of libc, and single
 * steps. With the trap flag set the processor stops behind every instruction,
 * prologues, epilogues, PLT, libc and vdso included, and at each of them the
 * frames from the stepping function on must be the same.
 */
#define _GNU_SOURCE
#include <alloca.h>
#include <check.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "agent/arch-x86_64.h"
#include "agent/elfsym.h"
#include "agent/lookup.h"
#include "agent/modules.h"
#include "agent/sys.h"
#include "agent/unwind.h"
#include "tests/unit/runner.h"

#define NOINLINE __attribute__((noinline, noclone))
#define FRAMES_MAX 512

/* An object that this program is not linked to, in every Debian. */
#define LATER "libnss_compat.so.2"

static uint64_t pcs[FRAMES_MAX];
static unsigned frames;
static enum unwind_end end;
static struct unwind_regs captured;
static struct unwind_stack main_stack;
static volatile int sink;

static void find_stack(struct unwind_stack *stack)
{
	pthread_attr_t attr;
	size_t size;
	void *low;

	ck_assert_int_eq(pthread_getattr_np(pthread_self(), &attr), 0);
	ck_assert_int_eq(pthread_attr_getstack(&attr, &low, &size), 0);
	pthread_attr_destroy(&attr);
	stack->high = (uint64_t)(uintptr_t)low + size;
}

static void setup(void)
{
	ck_assert_int_eq(modules_init(NULL), 0);
	ck_assert_int_eq(unwind_cfi.init(), 0);
	find_stack(&main_stack);
}

/* As the sampler does: direct reads from rsp on if that is our stack. */
static unsigned walk(const struct unwind_regs *regs, uint64_t *to,
		     unsigned max, enum unwind_end *why)
{
	struct unwind_stack stack = { regs->reg[ARCH_RSP], main_stack.high };
	struct unwind_stack unknown = { 0, 0 };

	if (stack.low >= stack.high || stack.high - stack.low > 8u << 20)
		return unwind_cfi.walk(regs, &unknown, to, max, why);
	return unwind_cfi.walk(regs, &stack, to, max, why);
}

/* --- against backtrace() ------------------------------------------------ */

static void *theirs[FRAMES_MAX];
static int their_frames;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	unwind_regs_from_context(&captured, context);
	frames = walk(&captured, pcs, FRAMES_MAX, &end);
	their_frames = backtrace(theirs, FRAMES_MAX);
}

static void handle(int sig, int flags)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | flags };
	void *first[4];

	backtrace(first, 4);	/* loads libgcc_s */
	sa.sa_sigaction = on_signal;
	ck_assert_int_eq(sigaction(sig, &sa, NULL), 0);
}

/*
 * The interrupted pc is in backtrace()'s list as it is; what follows are return
 * addresses, or interrupted pcs again.
 */
static void expect_same(void)
{
	int first = 0;

	while (first < their_frames &&
	       (uint64_t)(uintptr_t)theirs[first] != pcs[0])
		first++;
	ck_assert_int_lt(first, their_frames);
	ck_assert_int_eq(end, UNWIND_COMPLETE);
	ck_assert_int_eq((int)frames, their_frames - first);
	for (unsigned i = 1; i < frames; i++) {
		uint64_t pc = (uint64_t)(uintptr_t)theirs[first + (int)i];

		ck_assert_msg(pcs[i] == pc - 1 || pcs[i] == pc,
			      "frame %u: %#lx, not %#lx", i,
			      (unsigned long)pcs[i], (unsigned long)pc);
	}
}

static void interrupt(void)
{
	raise(SIGUSR1);
}

static void nothing(void)
{
	sink++;
}

/* What is at the bottom of the frames below. */
static void (*bottom)(void) = interrupt;

static NOINLINE int recurse(int n)
{
	volatile int local[5];

	local[n % 5] = n;
	if (n == 0)
		bottom();
	else
		sink += recurse(n - 1);
	return local[n % 5];
}

START_TEST(recursion_is_as_deep_as_it_is)
{
	unsigned shallow;

	handle(SIGUSR1, 0);
	recurse(0);
	expect_same();
	shallow = frames;
	for (int depth = 1; depth < 300; depth += 23) {
		recurse(depth);
		expect_same();
		ck_assert_uint_eq(frames, shallow + (unsigned)depth);
	}
}
END_TEST

static NOINLINE int with_alloca(int n)
{
	volatile char *p = alloca((size_t)n * 100 + 1);

	p[0] = (char)n;
	sink += recurse(n);
	return p[0];
}

static NOINLINE int with_aligned_frame(int n)
{
	_Alignas(64) volatile int v[16] = { n };

	sink += with_alloca(n);
	return v[n & 15];
}

static NOINLINE int with_big_frame(int n)
{
	volatile char big[300000];

	big[n] = 1;
	sink += with_aligned_frame(n);
	return big[n];
}

START_TEST(frames_of_every_shape)
{
	handle(SIGUSR1, 0);
	with_big_frame(3);
	expect_same();
}
END_TEST

static int compare(const void *a, const void *b)
{
	raise(SIGUSR1);
	return *(const int *)a - *(const int *)b;
}

START_TEST(through_libc)
{
	int v[] = { 3, 1, 2 };

	handle(SIGUSR1, 0);
	qsort(v, 3, sizeof(v[0]), compare);
	expect_same();
}
END_TEST

static void nested(int sig)
{
	(void)sig;
	recurse(4);
}

START_TEST(signal_frames_on_the_same_stack)
{
	struct sigaction sa = { .sa_handler = nested };

	handle(SIGUSR1, 0);
	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR2);
	expect_same();
}
END_TEST

START_TEST(signal_frames_on_another_stack)
{
	struct sigaction sa = { .sa_handler = nested, .sa_flags = SA_ONSTACK };
	size_t size = 256 * 1024;
	stack_t other = { .ss_sp = malloc(size), .ss_size = size };

	handle(SIGUSR1, SA_ONSTACK);
	ck_assert_int_eq(sigaltstack(&other, NULL), 0);
	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR2);
	expect_same();
}
END_TEST

static ucontext_t here, there;

static void on_other_stack(void)
{
	recurse(5);
}

START_TEST(a_stack_of_makecontext_is_whole)
{
	size_t size = 256 * 1024;

	handle(SIGUSR1, 0);
	getcontext(&there);
	there.uc_stack.ss_sp = malloc(size);
	there.uc_stack.ss_size = size;
	there.uc_link = &here;
	makecontext(&there, on_other_stack, 0);
	swapcontext(&here, &there);
	ck_assert_int_eq(end, UNWIND_COMPLETE);
	ck_assert_uint_ge(frames, 8);	/* raise, 6 of recursion, the start */
	ck_assert_uint_le(frames, 14);
}
END_TEST

static void *in_thread(void *arg)
{
	struct unwind_stack saved = main_stack;

	find_stack(&main_stack);
	recurse(7);
	main_stack = saved;
	return arg;
}

START_TEST(the_stack_of_a_thread_is_whole)
{
	pthread_t thread;

	handle(SIGUSR1, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, in_thread, NULL), 0);
	pthread_join(thread, NULL);
	expect_same();
}
END_TEST

/* --- limits ------------------------------------------------------------- */

/* Walks while the frames live, with the captured registers. */
static void (*in_handler)(void);

static void on_signal_call(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	unwind_regs_from_context(&captured, context);
	in_handler();
}

static void call_in_handler(void (*f)(void))
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO };

	in_handler = f;
	sa.sa_sigaction = on_signal_call;
	ck_assert_int_eq(sigaction(SIGUSR1, &sa, NULL), 0);
	with_alloca(5);
}

static void walk_with_limits(void)
{
	uint64_t some[FRAMES_MAX];
	enum unwind_end why;

	frames = walk(&captured, pcs, FRAMES_MAX, &end);
	for (unsigned max = 0; max < frames; max++) {
		memset(some, 0, sizeof(some));
		ck_assert_uint_eq(walk(&captured, some, max, &why), max);
		ck_assert_int_eq(why, UNWIND_DEPTH);
		ck_assert_mem_eq(some, pcs, max * sizeof(pcs[0]));
		ck_assert_uint_eq(some[max], 0);
	}
	ck_assert_uint_eq(walk(&captured, some, frames, &why), frames);
	ck_assert_int_eq(why, UNWIND_COMPLETE);
}

START_TEST(at_most_the_depth_is_taken)
{
	call_in_handler(walk_with_limits);
	ck_assert_int_eq(end, UNWIND_COMPLETE);
}
END_TEST

static void walk_cold_and_warm(void)
{
	uint64_t some[FRAMES_MAX];
	enum unwind_end why;

	frames = walk(&captured, pcs, FRAMES_MAX, &end);
	for (int i = 0; i < 6; i++) {
		if (i % 2 == 0)
			unwind_cfi.forget();
		ck_assert_uint_eq(walk(&captured, some, FRAMES_MAX, &why),
				  frames);
		ck_assert_int_eq(why, end);
		ck_assert_mem_eq(some, pcs, frames * sizeof(pcs[0]));
	}
}

START_TEST(cached_or_not_makes_no_difference)
{
	call_in_handler(walk_cold_and_warm);
	ck_assert_int_eq(end, UNWIND_COMPLETE);
}
END_TEST

/* Its frame is found by rbp alone, and no callee has saved that. */
static NOINLINE int leaf_with_alloca(int n)
{
	volatile char *p = alloca((size_t)n * 100 + 1);

	p[0] = (char)n;
	sys_tgkill(getpid(), sys_gettid(), SIGUSR1);
	return p[0];
}

static void walk_without_rbp(void)
{
	enum unwind_end why;
	uint64_t some[FRAMES_MAX];
	unsigned n;

	frames = walk(&captured, pcs, FRAMES_MAX, &end);
	captured.known = ARCH_BIT(ARCH_PC) | ARCH_BIT(ARCH_RSP);
	captured.reg[ARCH_RBP] = 0xdeadbeef;
	for (int i = 0; i < 2; i++) {
		n = walk(&captured, some, FRAMES_MAX, &why);
		ck_assert_int_eq(why, UNWIND_NO_RBP);
		ck_assert_uint_eq(n, 1);
		ck_assert_uint_eq(some[0], pcs[0]);
	}
}

START_TEST(a_frame_that_needs_an_unknown_rbp_ends_the_stack)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO };

	in_handler = walk_without_rbp;
	sa.sa_sigaction = on_signal_call;
	ck_assert_int_eq(sigaction(SIGUSR1, &sa, NULL), 0);
	leaf_with_alloca(3);
	ck_assert_int_eq(end, UNWIND_COMPLETE);
}
END_TEST

static void walk_with_safe_reads(void)
{
	struct unwind_stack nothing = { 0, 0 };
	uint64_t some[FRAMES_MAX];
	enum unwind_end why;
	unsigned n;

	frames = walk(&captured, pcs, FRAMES_MAX, &end);
	n = unwind_cfi.walk(&captured, &nothing, some, FRAMES_MAX, &why);
	ck_assert_uint_eq(n, frames);
	ck_assert_int_eq(why, end);
	ck_assert_mem_eq(some, pcs, n * sizeof(pcs[0]));
}

START_TEST(fault_safe_reads_give_the_same_stack)
{
	call_in_handler(walk_with_safe_reads);
	ck_assert_int_eq(end, UNWIND_COMPLETE);
}
END_TEST

static void walk_with_both_methods(void)
{
	uint64_t some[FRAMES_MAX];
	enum unwind_end why;
	unsigned n;

	lookup_init(NULL);
	unwind_cfi.forget();
	frames = walk(&captured, pcs, FRAMES_MAX, &end);
	lookup_init(elfsym_find("_dl_find_object"));
	unwind_cfi.forget();
	n = walk(&captured, some, FRAMES_MAX, &why);
	ck_assert_uint_eq(n, frames);
	ck_assert_int_eq(why, end);
	ck_assert_mem_eq(some, pcs, n * sizeof(pcs[0]));
}

START_TEST(both_ways_to_look_objects_up_give_the_same_stack)
{
	call_in_handler(walk_with_both_methods);
	ck_assert_int_eq(end, UNWIND_COMPLETE);
}
END_TEST

/* --- every instruction -------------------------------------------------- */

static struct {
	uint64_t suffix[FRAMES_MAX];	/* from the stepping function on */
	unsigned size;
	unsigned long steps, wrong, limit;
	char first_wrong[200];
} step;

/* Every instruction behind the first `popf` traps, up to the second. */
__asm__(".pushsection .text\n"
	"test_step:\n"
	".cfi_startproc\n"
	"	sub $8, %rsp\n"	/* as calls want it aligned */
	".cfi_adjust_cfa_offset 8\n"
	"	pushfq\n"
	".cfi_adjust_cfa_offset 8\n"
	"	orq $0x100, (%rsp)\n"
	"	popfq\n"
	".cfi_adjust_cfa_offset -8\n"
	"	call *%rdi\n"
	"	pushfq\n"
	".cfi_adjust_cfa_offset 8\n"
	"	andq $~0x100, (%rsp)\n"
	"	popfq\n"
	".cfi_adjust_cfa_offset -8\n"
	"	add $8, %rsp\n"
	".cfi_adjust_cfa_offset -8\n"
	"	ret\n"
	".cfi_endproc\n"
	".popsection\n");

void test_step(void (*f)(void));

/* The frames that the stepping function's callers have, its own aside. */
static bool suffix_is_right(unsigned n)
{
	return n > step.size &&
	       memcmp(pcs + n - step.size, step.suffix,
		      step.size * sizeof(pcs[0])) == 0;
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	struct unwind_regs regs;
	ucontext_t *uc = context;
	enum unwind_end why;
	unsigned n;

	(void)sig;
	(void)info;
	unwind_regs_from_context(&regs, context);
	n = walk(&regs, pcs, FRAMES_MAX, &why);
	step.steps++;
	if (why != UNWIND_COMPLETE || !suffix_is_right(n)) {
		if (step.wrong++ == 0)
			snprintf(step.first_wrong, sizeof(step.first_wrong),
				 "at %#lx: %u frames, %s",
				 (unsigned long)pcs[0], n,
				 unwind_end_names[why]);
	}
	if (step.steps == step.limit)
		uc->uc_mcontext.gregs[REG_EFL] &= ~0x100;
}

static void on_first(int sig, siginfo_t *info, void *context)
{
	struct unwind_regs regs;
	enum unwind_end why;
	unsigned n, skip = 0;

	(void)sig;
	(void)info;
	unwind_regs_from_context(&regs, context);
	n = walk(&regs, pcs, FRAMES_MAX, &why);
	/* raise() and what it is made of, and the function that called it */
	while (skip < n && !(pcs[skip] >= (uint64_t)(uintptr_t)&walk &&
			     modules_find(modules_current(), pcs[skip]) ==
				     modules_main()))
		skip++;
	skip++;
	step.size = n - skip;
	memcpy(step.suffix, pcs + skip, step.size * sizeof(pcs[0]));
}

/* Steps through `f`; the frames of its caller's callers are what is known. */
static NOINLINE void step_through(void (*f)(void))
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO };

	memset(&step, 0, sizeof(step));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	step.limit = 60000;	/* a step takes ten times as long */
#else
	step.limit = 1000000;
#endif
	sa.sa_sigaction = on_first;
	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR2);
	sa.sa_sigaction = on_trap;
	sigaction(SIGTRAP, &sa, NULL);
	bottom = nothing;
	test_step(f);
	ck_assert_uint_gt(step.size, 2);
	ck_assert_uint_gt(step.steps, 50);
	ck_assert_msg(step.wrong == 0, "%lu of %lu steps; first %s",
		      step.wrong, step.steps, step.first_wrong);
}

static int compare_quietly(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void step_libc(void)
{
	char text[200];
	int v[50];

	for (int i = 0; i < 50; i++)
		v[i] = i * 7919 % 53;
	qsort(v, 50, sizeof(v[0]), compare_quietly);
	snprintf(text, sizeof(text), "%d %s %g %x", v[3], "abc", 3.25, v[4]);
	sink += (int)strlen(text) + atoi("77");
	for (size_t n = 1; n < 300000; n = n * 3 + 1) {
		char *p = malloc(n);

		memset(p, 1, n);
		sink += memcmp(p, p + n / 2, n / 4);
		free(p);
	}
}

static void step_vdso(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	sink += (int)time(NULL);
}

static void step_frames(void)
{
	volatile char *p = alloca(100);

	p[1] = 1;
	sink += with_big_frame(2);
}

static jmp_buf back;

static NOINLINE void jump(void)
{
	longjmp(back, 1);
}

static void step_jump(void)
{
	if (setjmp(back) == 0)
		jump();
}

/* First calls go through the lazy binding of the loader, if there is any. */
static void step_plt(void)
{
	sink += (int)labs(-(long)sink) + (int)strtol("12", NULL, 10);
	sink += getppid() + (int)sysconf(_SC_PAGESIZE);
}

START_TEST(exact_at_every_instruction_of_libc)
{
	step_through(step_libc);
}
END_TEST

START_TEST(exact_at_every_instruction_of_the_vdso)
{
	step_through(step_vdso);
}
END_TEST

START_TEST(exact_at_every_instruction_of_frames)
{
	step_through(step_frames);
}
END_TEST

START_TEST(exact_at_every_instruction_of_longjmp)
{
	step_through(step_jump);
}
END_TEST

START_TEST(exact_at_every_instruction_of_the_plt)
{
	step_through(step_plt);
}
END_TEST

/*
 * Hand-written code whose frames no compiler makes: CFA in rbx, in r12 behind
 * a realigned stack, saved in memory, the return address in a register.
 */
__asm__(".pushsection .text\n"
	".type test_asm_frames, @function\n"
	"test_asm_frames:\n"
	".cfi_startproc\n"
	"	push %rbx\n"
	".cfi_def_cfa_offset 16\n"
	".cfi_offset %rbx, -16\n"
	"	mov %rsp, %rbx\n"
	".cfi_def_cfa_register %rbx\n"
	"	sub $200, %rsp\n"
	"	and $-64, %rsp\n"
	"	call test_asm_r12\n"
	"	call test_asm_memory\n"
	"	call test_asm_register\n"
	"	mov %rbx, %rsp\n"
	".cfi_def_cfa_register %rsp\n"
	"	pop %rbx\n"
	".cfi_def_cfa_offset 8\n"
	".cfi_restore %rbx\n"
	"	ret\n"
	".cfi_endproc\n"
	".size test_asm_frames, . - test_asm_frames\n"

	".type test_asm_r12, @function\n"
	"test_asm_r12:\n"
	".cfi_startproc\n"
	"	push %r12\n"
	".cfi_def_cfa_offset 16\n"
	".cfi_offset %r12, -16\n"
	"	lea 16(%rsp), %r12\n"
	".cfi_def_cfa %r12, 0\n"
	"	push %rbx\n"
	".cfi_offset %rbx, -24\n"
	"	xor %ebx, %ebx\n"
	"	and $-256, %rsp\n"
	"	call test_asm_callee\n"
	"	mov -24(%r12), %rbx\n"
	".cfi_restore %rbx\n"
	"	lea -16(%r12), %rsp\n"
	".cfi_def_cfa %rsp, 16\n"
	"	pop %r12\n"
	".cfi_def_cfa_offset 8\n"
	".cfi_restore %r12\n"
	"	ret\n"
	".cfi_endproc\n"
	".size test_asm_r12, . - test_asm_r12\n"

	".type test_asm_memory, @function\n"
	"test_asm_memory:\n"
	".cfi_startproc\n"
	"	mov %rsp, %rax\n"
	"	sub $88, %rsp\n"
	".cfi_def_cfa_register %rax\n"
	"	and $-128, %rsp\n"
	"	mov %rax, 16(%rsp)\n"
	/* CFA = *(rsp + 16) + 8 */
	".cfi_escape 0x0f, 5, 0x77, 16, 0x06, 0x23, 8\n"
	"	xor %eax, %eax\n"
	"	call test_asm_callee\n"
	"	mov 16(%rsp), %rsp\n"
	".cfi_def_cfa %rsp, 8\n"
	"	ret\n"
	".cfi_endproc\n"
	".size test_asm_memory, . - test_asm_memory\n"

	".type test_asm_register, @function\n"
	"test_asm_register:\n"
	".cfi_startproc\n"
	"	pop %r11\n"
	".cfi_def_cfa_offset 0\n"
	".cfi_register %rip, %r11\n"
	"	nop\n"
	"	nop\n"
	"	push %r11\n"
	".cfi_def_cfa_offset 8\n"
	".cfi_offset %rip, -8\n"
	"	ret\n"
	".cfi_endproc\n"
	".size test_asm_register, . - test_asm_register\n"
	".popsection\n");

void test_asm_frames(void);
void test_asm_callee(void);

__attribute__((noinline, used)) void test_asm_callee(void)
{
	sink += with_alloca(0) + recurse(2);
}

START_TEST(exact_at_every_instruction_of_unusual_code)
{
	step_through(test_asm_frames);
}
END_TEST

/* --- damage ------------------------------------------------------------- */

static uint64_t some_address(const struct unwind_regs *regs)
{
	const struct module_table *t = modules_current();
	const struct module *m = &t->module[(uint32_t)rand() % t->count];

	switch (rand() % 5) {
	case 0:
		return regs->reg[ARCH_RSP] + (uint64_t)(rand() % 8192);
	case 1:
		return m->start + (uint64_t)rand() % (m->end - m->start);
	case 2:
		return (uint64_t)rand() << 32 | (uint64_t)rand();
	case 3:
		return m->table_low + (uint64_t)rand() % 65536;
	default:
		return (uint64_t)rand() % 4096;
	}
}

/* A stack of addresses of all sorts, and registers that point to any. */
START_TEST(no_registers_and_no_stack_can_crash_it)
{
	static uint64_t words[2048];
	struct unwind_stack stack = { (uintptr_t)words,
				      (uintptr_t)(words + 2048) };
	struct unwind_stack nothing = { 0, 0 };
	struct unwind_regs regs = { .reg = { [ARCH_RSP] = stack.low } };

	srand(8);
	for (int round = 0; round < 40000; round++) {
		for (int i = 0; i < 40; i++)
			words[rand() % 2048] = some_address(&regs);
		for (unsigned i = 0; i < UNWIND_REGS; i++)
			regs.reg[i] = some_address(&regs);
		regs.reg[ARCH_RSP] = rand() % 4 ?
			(uintptr_t)&words[rand() % 1000] : some_address(&regs);
		regs.known = round % 3 ? ARCH_KNOWN_ALL : (uint32_t)rand();
		frames = unwind_cfi.walk(&regs, round % 2 ? &stack : &nothing,
					 pcs, FRAMES_MAX, &end);
		ck_assert_uint_ge(frames, 1);
		ck_assert_uint_le(frames, FRAMES_MAX);
		ck_assert_uint_lt(end, UNWIND_ENDS);
		if (round % 1000 == 0)
			unwind_cfi.forget();
	}
}
END_TEST

START_TEST(a_circle_of_frames_ends)
{
	static uint64_t words[64];
	struct unwind_stack stack = { (uintptr_t)words,
				      (uintptr_t)(words + 64) };
	struct unwind_regs regs = { .known = ARCH_KNOWN_ALL };
	unsigned longest = 0;

	/* Every address of with_alloca(), its frame pointing to itself. */
	for (uint64_t at = 0; at < 200; at++) {
		uint64_t pc = (uint64_t)(uintptr_t)&with_alloca + at;

		for (int i = 0; i < 64; i += 2) {
			words[i] = (uintptr_t)&words[8];
			words[i + 1] = pc + 1;
		}
		regs.reg[ARCH_PC] = pc;
		regs.reg[ARCH_RSP] = (uintptr_t)&words[4];
		regs.reg[ARCH_RBP] = (uintptr_t)&words[8];
		frames = unwind_cfi.walk(&regs, &stack, pcs, FRAMES_MAX, &end);
		ck_assert_uint_lt(frames, FRAMES_MAX);
		longest = frames > longest ? frames : longest;
	}
	ck_assert_uint_gt(longest, 1);
}
END_TEST

/* --- objects that go away ----------------------------------------------- */

static _Atomic int stop;
static _Atomic uint64_t later_bias;	/* where it was loaded last */

static void *load_and_unload(void *arg)
{
	while (!atomic_load(&stop)) {
		void *handle = dlopen(LATER, RTLD_NOW);
		struct link_map *map;

		if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0)
			atomic_store(&later_bias, map->l_addr);
		usleep(50);
		dlclose(handle);
	}
	return arg;
}

/* Where the code of LATER lies, from its bias on. */
static void find_later(uint64_t *start, uint64_t *size)
{
	void *handle = dlopen(LATER, RTLD_NOW);
	const struct module *m = NULL;

	ck_assert_ptr_nonnull(handle);
	modules_refresh();
	for (uint32_t i = 0; i < modules_current()->count; i++)
		if (strstr(modules_current()->module[i].path, "/libnss_comp"))
			m = &modules_current()->module[i];
	ck_assert_ptr_nonnull(m);
	*start = m->start - m->bias;
	*size = m->end - m->start;
	atomic_store(&later_bias, m->bias);
	dlclose(handle);
}

static void walk_while_unloading(void *dl_find_object)
{
	static uint64_t words[64];
	struct unwind_stack stack = { (uintptr_t)words,
				      (uintptr_t)(words + 64) };
	struct unwind_regs regs = { .known = ARCH_KNOWN_ALL };
	uint64_t start, size, longer = 0;
	pthread_t thread;

	find_later(&start, &size);
	lookup_init(dl_find_object);
	atomic_store(&stop, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, load_and_unload, NULL),
			 0);
	for (int round = 0; round < 30000; round++) {
		uint64_t code = atomic_load(&later_bias) + start;

		for (int i = 0; i < 64; i++)
			words[i] = code + (uint64_t)rand() % size;
		regs.reg[ARCH_PC] = code + (uint64_t)rand() % size;
		regs.reg[ARCH_RSP] = (uintptr_t)words;
		regs.reg[ARCH_RBP] = (uintptr_t)&words[10];
		frames = unwind_cfi.walk(&regs, &stack, pcs, FRAMES_MAX, &end);
		longer += frames > 1;
		if (round % 50 == 0)
			unwind_cfi.forget();
		if (round % 20 == 0)
			modules_refresh();
	}
	atomic_store(&stop, 1);
	pthread_join(thread, NULL);
	ck_assert_uint_gt(longer, 0);
}

START_TEST(objects_may_vanish_while_looked_up_by_the_loader)
{
	void *dl_find_object = elfsym_find("_dl_find_object");

	if (dl_find_object != NULL)	/* glibc 2.35 and later */
		walk_while_unloading(dl_find_object);
}
END_TEST

START_TEST(objects_may_vanish_while_looked_up_in_our_table)
{
	walk_while_unloading(NULL);
}
END_TEST

/* --- its own stack ------------------------------------------------------ */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define STACK_BUDGET 1536

static uint8_t painted[64 * 1024] __attribute__((aligned(64)));
static struct unwind_stack walked_stack;
static void (*on_painted)(void);

/* Bytes of `painted` that a call on it has touched. */
static size_t stack_used(void (*f)(void))
{
	size_t low = 0;

	memset(painted, 0xa5, sizeof(painted));
	on_painted = f;
	__asm__ volatile("mov %%rsp, %%rbx\n\t"
			 "mov %0, %%rsp\n\t"
			 "call *%1\n\t"
			 "mov %%rbx, %%rsp"
			 :
			 : "r"(painted + sizeof(painted)), "r"(on_painted)
			 : "rbx", "rax", "rcx", "rdx", "rsi", "rdi", "r8",
			   "r9", "r10", "r11", "memory", "cc");
	while (painted[low] == 0xa5)
		low++;
	return sizeof(painted) - low;
}

static void walk_captured(void)
{
	unwind_cfi.walk(&captured, &walked_stack, pcs, FRAMES_MAX, &end);
}

static void measure_walks(void)
{
	size_t least = stack_used(nothing), used;

	for (int safe = 0; safe < 2; safe++) {
		walked_stack.low = safe ? 0 : captured.reg[ARCH_RSP];
		walked_stack.high = safe ? 0 : main_stack.high;
		unwind_cfi.forget();
		used = stack_used(walk_captured) - least;
		ck_assert_int_eq(end, UNWIND_COMPLETE);
		ck_assert_msg(used <= STACK_BUDGET, "%zu bytes", used);
	}
}

START_TEST(a_walk_uses_little_stack)
{
	call_in_handler(measure_walks);
}
END_TEST

static void measure_libraries(void)
{
	size_t least = stack_used(nothing), most = 0;
	uint64_t words[64] = { 0 };
	const struct module_table *t;

	dlopen(LATER, RTLD_NOW);
	modules_refresh();
	t = modules_current();
	walked_stack.low = (uintptr_t)words;
	walked_stack.high = (uintptr_t)(words + 64);
	for (int round = 0; round < 4000; round++) {
		const struct module *m = &t->module[(uint32_t)rand() %
						    t->count];
		size_t used;

		captured.reg[ARCH_PC] = m->start +
					(uint64_t)rand() % (m->end - m->start);
		captured.reg[ARCH_RSP] = (uintptr_t)words;
		captured.reg[ARCH_RBP] = (uintptr_t)&words[8];
		used = stack_used(walk_captured) - least;
		most = used > most ? used : most;
	}
	ck_assert_msg(most <= STACK_BUDGET, "%zu bytes", most);
}

START_TEST(so_it_does_anywhere)
{
	call_in_handler(measure_libraries);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("unwind-cfi");
	TCase *tc = tcase_create("unwind-cfi");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, recursion_is_as_deep_as_it_is);
	tcase_add_test(tc, frames_of_every_shape);
	tcase_add_test(tc, through_libc);
	tcase_add_test(tc, signal_frames_on_the_same_stack);
	tcase_add_test(tc, signal_frames_on_another_stack);
	tcase_add_test(tc, a_stack_of_makecontext_is_whole);
	tcase_add_test(tc, the_stack_of_a_thread_is_whole);
	tcase_add_test(tc, at_most_the_depth_is_taken);
	tcase_add_test(tc, cached_or_not_makes_no_difference);
	tcase_add_test(tc, a_frame_that_needs_an_unknown_rbp_ends_the_stack);
	tcase_add_test(tc, fault_safe_reads_give_the_same_stack);
	tcase_add_test(tc, both_ways_to_look_objects_up_give_the_same_stack);
	tcase_add_test(tc, exact_at_every_instruction_of_libc);
	tcase_add_test(tc, exact_at_every_instruction_of_the_vdso);
	tcase_add_test(tc, exact_at_every_instruction_of_frames);
	tcase_add_test(tc, exact_at_every_instruction_of_longjmp);
	tcase_add_test(tc, exact_at_every_instruction_of_the_plt);
	tcase_add_test(tc, exact_at_every_instruction_of_unusual_code);
	tcase_add_test(tc, no_registers_and_no_stack_can_crash_it);
	tcase_add_test(tc, a_circle_of_frames_ends);
	tcase_add_test(tc, objects_may_vanish_while_looked_up_by_the_loader);
	tcase_add_test(tc, objects_may_vanish_while_looked_up_in_our_table);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	tcase_add_test(tc, a_walk_uses_little_stack);
	tcase_add_test(tc, so_it_does_anywhere);
#endif
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
