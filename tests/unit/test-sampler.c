/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/sampler.h"

#include <check.h>
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/clock.h"
#include "agent/modules.h"
#include "agent/region.h"
#include "agent/signals.h"
#include "agent/thread.h"
#include "agent/unwind.h"
#include "tests/unit/region-fixture.h"
#include "tests/unit/runner.h"

#define PERIOD 4000000u		/* ns */

static uint32_t slot;
static struct thread_record *t;

/* A walker whose result is known. */
static unsigned stack_depth = 3;

static unsigned fake_walk(const struct unwind_regs *regs,
			  const struct unwind_stack *stack, uint64_t *pcs,
			  unsigned max, enum unwind_end *end)
{
	unsigned i;

	(void)stack;
	for (i = 0; i < stack_depth && i < max; i++)
		pcs[i] = regs->reg[16] + i;
	*end = i < stack_depth ? UNWIND_DEPTH : UNWIND_COMPLETE;
	return i;
}

static const struct unwind_backend fake = { .name = "fake",
					    .walk = fake_walk };

static void setup(void)
{
	region_fixture_begin();
	sampler_init(&fake, 4096);
	clock_init("cputime", PERIOD);
	slot = thread_claim_now(gettid(), 0, 0);
	t = region_record(slot);
	t->period_ns = PERIOD;
	t->clock = CLOCK_CPUTIME;
	thread_publish(slot);
	ck_assert_int_eq(signals_init(SIGPROF), 0);
	ck_assert_int_eq(signals_install(), 0);
	sampler_enable(1);
}

/* As the kernel would call it for an expiry of our timer. */
static void expire(int overrun)
{
	siginfo_t info;
	ucontext_t context;

	memset(&info, 0, sizeof(info));
	memset(&context, 0, sizeof(context));
	info.si_code = SI_TIMER;
	info.si_overrun = overrun;
	info.si_value.sival_ptr = (void *)thread_cookie(slot);
	context.uc_mcontext.gregs[REG_RIP] = 0x1000;
	sampler_handle(SIGPROF, &info, &context);
}

static const struct ring_sample *next(void)
{
	static uint64_t pos, head;
	bool bad;

	pos = ring_oldest(&t->ring, &head);
	const struct ring_sample *s =
		ring_next(region_ring_buffer(slot), head, &pos, &bad);
	ck_assert(!bad);
	ring_release(&t->ring, pos);
	return s;
}

START_TEST(a_sample_holds_stack_time_and_weight)
{
	const struct ring_sample *s;
	struct timespec ts;

	atomic_store(&t->first_ns, 12345);
	expire(0);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	s = next();
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(s->frames, 3);
	ck_assert_uint_eq(s->pcs[0], 0x1000);
	ck_assert_uint_eq(s->count, 1);
	ck_assert_uint_eq(s->cpu_ns, 12345);
	ck_assert_uint_eq(s->end, UNWIND_COMPLETE);
	ck_assert_uint_le(s->time_ns,
			  (uint64_t)ts.tv_sec * 1000000000u +
				  (uint64_t)ts.tv_nsec);
	expire(2);
	s = next();
	ck_assert_uint_eq(s->count, 3);
	ck_assert_uint_eq(s->cpu_ns, 3 * PERIOD);
	ck_assert_uint_eq(atomic_load(&t->samples), 2);
	ck_assert_uint_eq(atomic_load(&t->expirations), 4);
	ck_assert_uint_eq(atomic_load(&t->weight_ns), 12345 + 3 * PERIOD);
	ck_assert_uint_gt(atomic_load(&t->handler_ticks), 0);
}
END_TEST

START_TEST(a_deep_stack_gets_the_room_it_needs)
{
	const struct ring_sample *s;

	stack_depth = 4000;
	expire(0);
	s = next();
	ck_assert_uint_eq(s->frames, 4000);
	ck_assert_uint_eq(s->end, UNWIND_COMPLETE);
	ck_assert_uint_eq(s->pcs[3999], 0x1000 + 3999);
	stack_depth = 5000;
	expire(0);
	s = next();
	ck_assert_uint_eq(s->frames, 4096);
	ck_assert_uint_eq(s->end, UNWIND_DEPTH);
	ck_assert_uint_eq(atomic_load(&t->truncated[UNWIND_DEPTH]), 1);
}
END_TEST

START_TEST(what_finds_no_room_weighs_on_the_next)
{
	uint64_t lost, weight = 0, count = 0;
	const struct ring_sample *s;
	int expired = 0;

	stack_depth = 100;
	while (atomic_load(&t->lost[LOST_RING_FULL]) < 5) {
		expire(0);
		expired++;
	}
	lost = atomic_load(&t->lost[LOST_RING_FULL]);
	ck_assert_uint_eq(atomic_load(&t->samples) + lost,
			  (uint64_t)expired);
	while ((s = next()))
		;
	expire(0);
	s = next();
	ck_assert_uint_eq(s->count, lost + 1);
	ck_assert_uint_eq(s->cpu_ns, (lost + 1) * PERIOD);
	weight = atomic_load(&t->weight_ns);
	count = atomic_load(&t->expirations);
	ck_assert_uint_eq(weight, count * PERIOD);
}
END_TEST

START_TEST(a_stack_that_is_full_is_not_made_fuller)
{
	uint64_t here = (uint64_t)__builtin_frame_address(0);

	t->stack_low = here - 3000;
	t->stack_high = here + 100000;
	expire(0);
	ck_assert_uint_eq(atomic_load(&t->lost[LOST_NO_STACK]), 1);
	ck_assert_uint_eq(atomic_load(&t->samples), 0);
	t->stack_low = here - 100000;
	expire(0);
	ck_assert_uint_eq(atomic_load(&t->samples), 1);
	ck_assert_uint_eq(atomic_load(&t->weight_ns), 2 * PERIOD);
}
END_TEST

START_TEST(a_handler_in_a_handler_steps_aside)
{
	atomic_store(&t->busy, 1);
	expire(0);
	ck_assert_uint_eq(atomic_load(&t->lost[LOST_NESTED]), 1);
	ck_assert_uint_eq(atomic_load(&t->samples), 0);
}
END_TEST

START_TEST(no_memory_is_counted)
{
	/* as after a full file system: the ring may not grow */
	atomic_store(&t->ring.trimming, 1);
	expire(0);
	ck_assert_uint_eq(atomic_load(&t->lost[LOST_NO_MEMORY]), 1);
	atomic_store(&t->ring.trimming, 0);
	expire(0);
	ck_assert_uint_eq(next()->count, 2);
}
END_TEST

START_TEST(switched_off_it_does_nothing)
{
	sampler_enable(0);
	expire(0);
	ck_assert_uint_eq(atomic_load(&t->expirations), 0);
}
END_TEST

START_TEST(a_stale_cookie_is_no_sample)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_code = SI_TIMER;
	info.si_value.sival_ptr = (void *)thread_cookie(slot);
	thread_end(slot, 0, NULL);
	sampler_handle(SIGPROF, &info, NULL);
	ck_assert_uint_eq(atomic_load(&t->expirations), 0);
}
END_TEST

START_TEST(an_ignored_signal_stays_ignored)
{
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	act.sa_handler = SIG_IGN;
	signals_action(SIGPROF, &act, NULL);
	raise(SIGPROF);
	ck_assert_uint_eq(atomic_load(&t->expirations), 0);
}
END_TEST

START_TEST(a_signal_of_others_kills_as_it_would)
{
	raise(SIGPROF);
}
END_TEST

static uint64_t thread_cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The real timer of the kernel: weights are CPU time, errno is left alone. */
START_TEST(weights_follow_the_cpu_clock)
{
	uint64_t cpu;

	t->cpu_start_ns = thread_cpu();
	ck_assert_int_eq(clock_arm(slot, SIGPROF, 0), 0);
	errno = 4711;
	while (thread_cpu() - t->cpu_start_ns < 300000000u)
		;
	ck_assert_int_eq(errno, 4711);
	clock_disarm(slot);
	cpu = thread_cpu();
	ck_assert_uint_gt(atomic_load(&t->samples), 0);
	ck_assert_uint_eq(thread_unsampled(t, cpu) + atomic_load(&t->weight_ns),
			  cpu - t->cpu_start_ns);
	/* the kernel looks at the timer once a tick, 10 ms at the slowest */
	ck_assert_uint_lt(thread_unsampled(t, cpu), PERIOD + 11000000u);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sampler");
	TCase *tc = tcase_create("sampler");

	tcase_add_checked_fixture(tc, setup, region_fixture_end);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_sample_holds_stack_time_and_weight);
	tcase_add_test(tc, a_deep_stack_gets_the_room_it_needs);
	tcase_add_test(tc, what_finds_no_room_weighs_on_the_next);
	tcase_add_test(tc, a_stack_that_is_full_is_not_made_fuller);
	tcase_add_test(tc, a_handler_in_a_handler_steps_aside);
	tcase_add_test(tc, no_memory_is_counted);
	tcase_add_test(tc, switched_off_it_does_nothing);
	tcase_add_test(tc, a_stale_cookie_is_no_sample);
	tcase_add_test(tc, an_ignored_signal_stays_ignored);
	tcase_add_test_raise_signal(tc, a_signal_of_others_kills_as_it_would,
				    SIGPROF);
	tcase_add_test(tc, weights_follow_the_cpu_clock);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
