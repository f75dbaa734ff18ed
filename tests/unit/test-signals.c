/* SPDX-License-Identifier: MIT */
#include "agent/signals.h"

#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "tests/unit/runner.h"

/* Once: cases may share a process. */
static void setup(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	ck_assert_int_eq(signals_init(SIGPROF), 0);
	ck_assert_int_eq(signals_ours(), SIGPROF);
	signals_borrow_trap();
	ck_assert_int_eq(signals_install(), 0);
	ck_assert(signals_has_trap());
}

static void *handler_of(int signo)
{
	struct sigaction now;

	memset(&now, 0, sizeof(now));
	ck_assert_int_eq(sigaction(signo, NULL, &now), 0);
	return (void *)now.sa_sigaction;
}

START_TEST(a_silent_thread_execs_as_it_is)
{
	void *prof = handler_of(SIGPROF), *trap = handler_of(SIGTRAP);

	ck_assert_ptr_ne(prof, (void *)SIG_DFL);
	ck_assert_ptr_ne(trap, (void *)SIG_DFL);
	signals_exec_begin(true);
	ck_assert_ptr_eq(handler_of(SIGPROF), prof);
	ck_assert_ptr_eq(handler_of(SIGTRAP), trap);
	signals_exec_failed();
	ck_assert_ptr_eq(handler_of(SIGPROF), prof);
	ck_assert_ptr_eq(handler_of(SIGTRAP), trap);
}
END_TEST

/* What may still come shall not kill a program that has no handler. */
START_TEST(what_may_come_is_ignored)
{
	void *prof = handler_of(SIGPROF), *trap = handler_of(SIGTRAP);

	signals_exec_begin(false);
	ck_assert_ptr_eq(handler_of(SIGPROF), (void *)SIG_IGN);
	ck_assert_ptr_eq(handler_of(SIGTRAP), (void *)SIG_IGN);
	signals_exec_failed();
	ck_assert_ptr_eq(handler_of(SIGPROF), prof);
	ck_assert_ptr_eq(handler_of(SIGTRAP), trap);
}
END_TEST

/* A signal of ours that is pending is dropped, the program's stays. */
START_TEST(pending_signals_are_sorted)
{
	const struct timespec now = { 0, 0 };
	sigset_t set, pending;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGPROF);
	sigaddset(&set, SIGTRAP);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	memset(&info, 0, sizeof(info));
	info.si_signo = SIGPROF;
	info.si_code = SI_TIMER;
	info.si_value.sival_ptr = (void *)(uintptr_t)AGENT_FORKED_COOKIE;
	ck_assert_int_eq(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(),
				 SIGPROF, &info), 0);
	raise(SIGTRAP);
	raise(SIGUSR1);
	sigpending(&pending);
	ck_assert(sigismember(&pending, SIGPROF));
	signals_exec_begin(true);
	sigpending(&pending);
	ck_assert(sigismember(&pending, SIGTRAP));
	ck_assert(sigismember(&pending, SIGUSR1));
	ck_assert(!sigismember(&pending, SIGPROF));
	ck_assert_int_eq(sigtimedwait(&set, &info, &now), SIGTRAP);
	/* libc says so of what a thread sent */
	ck_assert_int_eq(info.si_code, SI_USER);
	ck_assert_int_eq(info.si_pid, getpid());
	ck_assert_int_eq(sigtimedwait(&set, NULL, &now), SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("signals");
	TCase *tc = tcase_create("signals");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_silent_thread_execs_as_it_is);
	tcase_add_test(tc, what_may_come_is_ignored);
	tcase_add_test(tc, pending_signals_are_sorted);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
