/* SPDX-License-Identifier: MIT */
/* The one timer of a process, which may be the program's own. */
#define _GNU_SOURCE
#include "agent/clock-itimer.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/signals.h"
#include "agent/thread.h"
#include "tests/unit/agent-fixture.h"
#include "tests/unit/runner.h"

#define MS 1000000u
#define FAR (3600ull * 1000 * MS)	/* no signal comes meanwhile */

static volatile sig_atomic_t code, arrived;

static void note(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	code = info->si_code;
	arrived = 1;
}

static int arm(uint64_t period_ns, uint64_t first_ns, int signo)
{
	struct thread_record t = { .period_ns = period_ns };

	return clock_itimer.arm(&t, 1, first_ns, signo);
}

static struct itimerval timer_now(void)
{
	struct itimerval now;

	ck_assert_int_eq(getitimer(ITIMER_PROF, &now), 0);
	return now;
}

static bool is_off(void)
{
	struct itimerval now = timer_now();

	return now.it_value.tv_sec == 0 && now.it_value.tv_usec == 0;
}

START_TEST(it_has_a_period_and_a_first_expiry)
{
	struct itimerval now;

	ck_assert(!clock_itimer.owns(SI_KERNEL));
	ck_assert_int_eq(arm(FAR + 20 * MS, 2 * FAR, SIGPROF), 0);
	now = timer_now();
	ck_assert_int_eq(now.it_interval.tv_sec, 3600);
	ck_assert_int_eq(now.it_interval.tv_usec, 20000);
	ck_assert_int_ge(now.it_value.tv_sec, 7190);
	ck_assert(clock_itimer.owns(SI_KERNEL));
	ck_assert(!clock_itimer.owns(SI_TIMER));
	ck_assert(!clock_itimer.owns(SI_USER));
	clock_itimer.stop();
	ck_assert(is_off());
	ck_assert(!clock_itimer.owns(SI_KERNEL));
}
END_TEST

START_TEST(its_signal_is_the_kernels)
{
	struct sigaction action = { .sa_sigaction = note,
				    .sa_flags = SA_SIGINFO | SA_RESTART };

	sigaction(SIGPROF, &action, NULL);
	ck_assert_int_eq(arm(10 * MS, 10 * MS, SIGPROF), 0);
	while (!arrived)
		;	/* CPU time is what it waits for */
	ck_assert(clock_itimer.owns(code));
	clock_itimer.stop();
}
END_TEST

/* All threads share it: the second does not set it back, the first leaves it. */
START_TEST(it_is_armed_once)
{
	struct thread_record t = { .period_ns = FAR };

	ck_assert_int_eq(arm(FAR, FAR, SIGPROF), 0);
	ck_assert_int_eq(arm(2 * FAR, 2 * FAR, SIGPROF), 0);
	ck_assert_int_eq(timer_now().it_interval.tv_sec, 3600);
	clock_itimer.disarm(&t);
	ck_assert(!is_off());
	clock_itimer.stop();
	ck_assert(is_off());
}
END_TEST

/* No time at all would stop it. */
START_TEST(the_least_is_a_microsecond)
{
	struct itimerval now;

	signal(SIGPROF, SIG_IGN);
	ck_assert_int_eq(arm(999, 0, SIGPROF), 0);
	now = timer_now();
	ck_assert(now.it_interval.tv_usec > 0 && now.it_interval.tv_sec == 0);
	clock_itimer.stop();
}
END_TEST

START_TEST(the_programs_own_is_left_alone)
{
	struct itimerval own = { { 1800, 0 }, { 1800, 0 } };

	ck_assert_int_eq(setitimer(ITIMER_PROF, &own, NULL), 0);
	ck_assert_int_eq(arm(FAR, FAR, SIGPROF), -EBUSY);
	ck_assert(!clock_itimer.owns(SI_KERNEL));
	clock_itimer.stop();
	ck_assert_int_eq(timer_now().it_interval.tv_sec, 1800);
}
END_TEST

START_TEST(it_sends_no_other_signal)
{
	ck_assert_int_eq(arm(FAR, FAR, SIGRTMIN), -ENOTSUP);
	ck_assert(is_off());
	ck_assert(!clock_itimer.owns(SI_KERNEL));
}
END_TEST

/* 0, or the number of what was wrong. */
static int look_in_child(void)
{
	struct itimerval own = { { 1800, 0 }, { 1800, 0 } };

	clock_reset_after_fork();
	if (clock_itimer.owns(SI_KERNEL) || !is_off())
		return 1;
	/* what the program starts here it can stop as well */
	setitimer(ITIMER_PROF, &own, NULL);
	clock_itimer.stop();
	return is_off() ? 2 : 0;
}

START_TEST(a_child_has_none)
{
	int status;
	pid_t pid;

	ck_assert_int_eq(arm(FAR, FAR, SIGPROF), 0);
	pid = fork();
	if (pid == 0)
		_exit(look_in_child());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert(!is_off());
	clock_itimer.stop();
}
END_TEST

/*
 * A child has a clock before it has a flusher; when its program asks for the
 * signal, that clock makes room as it does elsewhere.
 */
static int claim_in_child(void)
{
	static const struct rlimit none;

	/* without timers of threads it is what is left */
	setrlimit(RLIMIT_SIGPENDING, &none);
	agent_forked();
	if (agent_state() != AGENT_FRESH || !clock_has_itimer() || is_off())
		return 1;
	signals_claim(SIGPROF);
	if (agent_state() != AGENT_FRESH)
		return 2;
	return clock_has_itimer() || !is_off() ? 3 : 0;
}

START_TEST(a_child_gives_the_signal_back)
{
	int status;
	pid_t pid;

	agent_fixture_begin("PROFAGENT_CLOCK=itimer");
	ck_assert(clock_has_itimer());
	pid = fork();
	if (pid == 0) {
		signals_set old = signals_block_all();
		int wrong = claim_in_child();

		signals_restore(old);
		_exit(wrong);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	agent_fixture_end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock-itimer");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, it_has_a_period_and_a_first_expiry);
	tcase_add_test(t, its_signal_is_the_kernels);
	tcase_add_test(t, it_is_armed_once);
	tcase_add_test(t, the_least_is_a_microsecond);
	tcase_add_test(t, the_programs_own_is_left_alone);
	tcase_add_test(t, it_sends_no_other_signal);
	tcase_add_test(t, a_child_has_none);
	tcase_add_test(t, a_child_gives_the_signal_back);
	suite_add_tcase(suite, t);
	return runner_run(suite);
}
