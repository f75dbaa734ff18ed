/* SPDX-License-Identifier: MIT */
/*
 * walk: every kind of frame that a walker meets in C, for tests/integration/
 * walker.py, which builds it in many ways and has the oracle look on.
 *
 * usage: walk SECONDS. Prints a number, so that nothing is optimised away.
 */
#define _GNU_SOURCE
#include <alloca.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef WALK_EXTERNAL
int no_table(int n, int (*call)(int));	/* in walk-no-table.c */
#endif

static volatile unsigned sink;

static __attribute__((noinline)) int leaf(int n)
{
	for (int i = 0; i < 50; i++)
		sink += (unsigned)(i * n);
	return (int)sink & 7;
}

static __attribute__((noinline)) int with_alloca(int n)
{
	volatile char *p = alloca((size_t)(n % 5 + 1) * 100);

	p[0] = (char)n;
	return leaf(n) + p[0];
}

static __attribute__((noinline)) int with_big_frame(int n)
{
	volatile char big[200000];

	big[n % 1000] = 1;
	big[sizeof(big) - 1] = (char)n;
	return leaf(n) + big[n % 1000] + with_alloca(n);
}

/* Vectors on the stack make the compiler align it. */
static __attribute__((noinline)) int with_aligned_frame(int n)
{
	_Alignas(64) volatile int v[16];

	for (int i = 0; i < 16; i++)
		v[i] = i * n;
	return v[n & 15] + leaf(n) + with_alloca(n);
}

static __attribute__((noinline)) int many_arguments(int a, int b, int c, int d,
						    int e, int f, int g, int h)
{
	return leaf(a + b + c + d) + leaf(e + f + g + h);
}

static __attribute__((noinline)) int tail(int n)
{
	sink++;
	return with_aligned_frame(n + 1);
}

static __attribute__((noinline)) int recurse(int n)
{
	volatile int local[6];

	local[n % 6] = n;
	if (n == 0)
		return with_big_frame(3) + tail(5) +
		       many_arguments(1, 2, 3, 4, 5, 6, 7, 8);
	return recurse(n - 1) + local[n % 6];
}

static int compare(const void *a, const void *b)
{
	leaf(1);
	return *(const int *)a - *(const int *)b;
}

static __attribute__((noinline)) void through_libc(void)
{
	int v[40];
	char text[100];

	for (int i = 0; i < 40; i++)
		v[i] = i * 7919 % 41;
	qsort(v, 40, sizeof(v[0]), compare);
	for (int i = 0; i < 20; i++)
		sink += (unsigned)snprintf(text, sizeof(text), "%d %g %s",
					   v[i], v[i] * 0.3, "text");
	for (int i = 1; i < 2000; i *= 2) {
		char *p = malloc((size_t)i * 37);

		memset(p, i, (size_t)i * 37);
		sink += (unsigned)strlen(strcpy(text, "abc")) +
			(unsigned char)p[i];
		free(p);
	}
}

static void on_signal(int sig)
{
	leaf(sig);
	recurse(3);
}

static __attribute__((noinline)) void with_signal(void)
{
	raise(SIGUSR1);		/* on this stack */
	raise(SIGUSR2);		/* on the alternate one */
}

static ucontext_t here, there;

static void other_stack(void)
{
	recurse(10);
	swapcontext(&there, &here);
	recurse(2);
}

static __attribute__((noinline)) void with_context(void)
{
	static char stack[512 * 1024];

	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &here;
	makecontext(&there, other_stack, 0);
	swapcontext(&here, &there);
	swapcontext(&here, &there);
}

static jmp_buf back;

static __attribute__((noinline, noreturn)) void jump(int n)
{
	leaf(n);
	longjmp(back, 1);
}

static __attribute__((noinline)) void with_jump(void)
{
	if (setjmp(back) == 0)
		jump(2);
	leaf(1);
}

static void *in_thread(void *arg)
{
	recurse(*(int *)arg);
	through_libc();
	return NULL;
}

static __attribute__((noinline)) void with_thread(void)
{
	pthread_t thread;
	int depth = 20;

	if (pthread_create(&thread, NULL, in_thread, &depth) == 0)
		pthread_join(thread, NULL);
}

static void prepare_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	static char stack[512 * 1024];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };

	sigaltstack(&alternate, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR2, &sa, NULL);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 1;
	struct timespec ts;
	double end;

	prepare_signals();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	end = (double)ts.tv_sec + (double)ts.tv_nsec / 1e9 + seconds;
	do {
		recurse(30);
		through_libc();
		with_signal();
		with_context();
		with_jump();
		with_thread();
#ifdef WALK_EXTERNAL
		sink += (unsigned)no_table(5, recurse);
#endif
		clock_gettime(CLOCK_MONOTONIC, &ts);
	} while ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9 < end);
	printf("%u\n", sink != 0);
	return 0;
}
