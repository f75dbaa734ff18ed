/* SPDX-License-Identifier: MIT */
/*
 * Programs that use signals which the agent might: handlers of every kind,
 * waiting threads, timers, and signals sent to threads that block them.
 */
#include "tests/programs/cases.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

BURNER(burn_owner)

static volatile sig_atomic_t handled, strays, interrupted;

static void on_signal(int sig)
{
	handled++;
	(void)sig;
}

/* The program itself sends them, by kill, raise, sigqueue or its timer. */
static void on_info(int sig, siginfo_t *info, void *context)
{
	handled++;
	if (info->si_code == SI_TIMER && info->si_value.sival_int != 42)
		strays++;
	if (info->si_signo != sig || !context)
		strays++;
}

static void block_all(void)
{
	sigset_t set;

	sigfillset(&set);
	REQUIRE(!pthread_sigmask(SIG_BLOCK, &set, NULL));
}

static void unblock_all(void)
{
	sigset_t set;

	sigfillset(&set);
	REQUIRE(!pthread_sigmask(SIG_UNBLOCK, &set, NULL));
}

static void print_action(int sig)
{
	struct sigaction sa;

	REQUIRE(!sigaction(sig, NULL, &sa));
	printf("action of %d: %s%s, flags %x\n", sig,
	       sa.sa_handler == SIG_DFL ? "default" : "",
	       sa.sa_handler == SIG_IGN ? "ignore" :
	       sa.sa_handler == SIG_DFL ? "" : "function",
	       sa.sa_flags & ~0x04000000u);
}

static void install(int sig, int flags)
{
	struct sigaction sa = { .sa_sigaction = on_info,
				.sa_flags = flags | SA_SIGINFO };

	REQUIRE(!sigaction(sig, &sa, NULL));
}

static void print_handled(const char *what)
{
	printf("%s: handled %d, strays %d\n", what, (int)handled, (int)strays);
}

/* --- who dies of what ------------------------------------------------------- */

static void case_die_prof(void)
{
	burn_owner(50 * MS);
	raise(SIGPROF);
	puts("not reached");
}

static void case_die_62(void)
{
	burn_owner(50 * MS);
	kill(getpid(), 62);
	puts("not reached");
}

static void case_blocked_then_die(void)
{
	block_all();
	burn_owner(50 * MS);
	kill(getpid(), SIGPROF);
	burn_owner(200 * MS);
	puts("still here");
	unblock_all();
	puts("not reached");
}

static void case_default_again_then_die(void)
{
	install(SIGPROF, 0);
	burn_owner(50 * MS);
	raise(SIGPROF);
	print_handled("mine");
	signal(SIGPROF, SIG_DFL);
	burn_owner(50 * MS);
	print_action(SIGPROF);
	raise(SIGPROF);
	puts("not reached");
}

static void case_default_sets(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	burn_owner(300 * MS);
	for (int sig = 1; sig < NSIG; sig++)
		if (sig != 32 && sig != 33)
			print_action(sig);
	puts("expect share burn_owner 100 4");
}

static void case_ignore_all(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_IGN);
	burn_owner(300 * MS);
	for (int sig = 1; sig < NSIG; sig++) {
		if (sig == 32 || sig == 33 || sig == SIGKILL || sig == SIGSTOP)
			continue;
		print_action(sig);
		raise(sig);
	}
	puts("expect share burn_owner 100 4");
}

/* --- handlers ---------------------------------------------------------------- */

static void case_all_handled(void)
{
	for (int sig = 1; sig < NSIG; sig++) {
		struct sigaction sa = { .sa_handler = on_signal };

		sigaction(sig, &sa, NULL);
	}
	for (int sig = 1; sig < NSIG; sig++) {
		if (sig == 32 || sig == 33 || sig == SIGKILL || sig == SIGSTOP)
			continue;
		raise(sig);
		kill(getpid(), sig);
		burn_owner(5 * MS);
		print_action(sig);
	}
	print_handled("all");
	burn_owner(300 * MS);
	print_handled("no more");
	puts("expect share burn_owner 100 4");
}

/* As a runtime does that knows no libc. */
static long raw_sigaction(int sig)
{
	struct sigaction was;
	struct {
		void (*handler)(int, siginfo_t *, void *);
		unsigned long flags;
		void (*restorer)(void);
		unsigned long mask;
	} act, model;

	/* libc's restorer, as its own sigaction installs it */
	REQUIRE(!sigaction(SIGUSR2, NULL, &was));
	install(SIGUSR2, 0);
	REQUIRE(!syscall(SYS_rt_sigaction, SIGUSR2, NULL, &model, 8));
	act = model;
	act.handler = on_info;
	act.flags |= SA_ONSTACK | SA_RESTART;
	act.mask = ~0ul;
	return syscall(SYS_rt_sigaction, sig, &act, NULL, 8);
}

static void case_all_raw(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		raw_sigaction(sig);
	burn_owner(1500 * MS);	/* the agent notices at a flush */
	handled = strays = 0;
	for (int sig = 1; sig < NSIG; sig++) {
		if (sig == 32 || sig == 33 || sig == SIGKILL || sig == SIGSTOP)
			continue;
		raise(sig);
		kill(getpid(), sig);
		burn_owner(5 * MS);
	}
	print_handled("all");
	burn_owner(1500 * MS);
	print_handled("no more");
	puts("expect share burn_owner 100 4");
}

static void case_flags(void)
{
	install(SIGPROF, SA_RESETHAND);
	print_action(SIGPROF);
	burn_owner(20 * MS);
	raise(SIGPROF);
	print_action(SIGPROF);
	install(SIGPROF, SA_RESTART | SA_NODEFER | SA_ONSTACK);
	print_action(SIGPROF);
	signal(SIGPROF, on_signal);
	print_action(SIGPROF);
	sysv_signal(SIGPROF, on_signal);
	print_action(SIGPROF);
	siginterrupt(SIGPROF, 1);
	print_action(SIGPROF);
	signal(SIGPROF, on_signal);
	print_action(SIGPROF);
	siginterrupt(SIGPROF, 0);
	print_action(SIGPROF);
	printf("sigset: %d\n", sigset(SIGPROF, SIG_HOLD) == on_signal);
	raise(SIGPROF);
	print_handled("held");
	printf("sigset: %d\n", sigset(SIGPROF, on_signal) == SIG_HOLD);
	print_handled("no longer");
	sigignore(SIGPROF);
	print_action(SIGPROF);
	raise(SIGPROF);
	print_handled("ignored");
	printf("signal: %d\n", signal(SIGPROF, SIG_DFL) == SIG_IGN);
}

static void *read_pipe(void *arg)
{
	char byte;
	ssize_t n = read(*(int *)arg, &byte, 1);

	printf("read: %zd%s\n", n, n < 0 && errno == EINTR ? " EINTR" : "");
	return NULL;
}

/* A handler without SA_RESTART interrupts, one with it does not. */
static void interrupt_read(int flags)
{
	pthread_t id;
	int fd[2];

	install(SIGPROF, flags);
	REQUIRE(!pipe(fd));
	REQUIRE(!pthread_create(&id, NULL, read_pipe, fd));
	burn_owner(100 * MS);
	pthread_kill(id, SIGPROF);
	burn_owner(50 * MS);
	REQUIRE(write(fd[1], "x", 1) == 1);
	pthread_join(id, NULL);
	print_handled("read");
}

static void case_restart(void)
{
	interrupt_read(0);
	interrupt_read(SA_RESTART);
}

static sigjmp_buf env;
static volatile int jumps;

static void on_jump(int sig)
{
	jumps++;
	siglongjmp(env, sig);
}

/* A handler that never returns, from the timer that also moves our clocks. */
static void case_longjmp(void)
{
	struct itimerval timer = { { 0, 4000 }, { 0, 4000 } };
	struct sigaction sa = { .sa_handler = on_jump };

	REQUIRE(!sigaction(SIGPROF, &sa, NULL));
	REQUIRE(!setitimer(ITIMER_PROF, &timer, NULL));
	sigsetjmp(env, 1);
	while (jumps < 50)
		burn_owner(1 * MS);
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_PROF, &timer, NULL);
	puts("jumped");
	puts("expect share burn_owner 100 6");
}

/* --- waiting --------------------------------------------------------------------- */

static volatile int stop;

static void *work(void *arg)
{
	struct pollfd none;

	/* on a computer of one core the others shall run, too */
	while (!stop) {
		burn_owner(5 * MS);
		if (poll(&none, 0, 1) != 0)
			interrupted++;
	}
	return arg;
}

#define WORKERS 2
static pthread_t workers[WORKERS];

static void start_workers(void)
{
	for (int i = 0; i < WORKERS; i++)
		REQUIRE(!pthread_create(&workers[i], NULL, work, NULL));
}

static void stop_workers(void)
{
	stop = 1;
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
}

static const int sent[] = { SIGUSR1, SIGPROF, SIGTERM, 40, SIGPROF, SIGCHLD };
#define SENT (sizeof(sent) / sizeof(sent[0]))

static void wait_all(int (*wait_one)(const sigset_t *set, void *arg),
		     void *arg)
{
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < SENT; i++) {
		burn_owner(100 * MS);
		kill(getpid(), sent[i]);
		printf("got %d\n", wait_one(&set, arg));
	}
}

static int by_sigwait(const sigset_t *set, void *arg)
{
	int sig = 0;

	(void)arg;
	errno = sigwait(set, &sig);
	return errno ? -errno : sig;
}

static int by_sigwaitinfo(const sigset_t *set, void *arg)
{
	siginfo_t info;
	int sig = sigwaitinfo(set, &info);

	(void)arg;
	if (sig > 0 && (info.si_code != SI_USER || info.si_pid != getpid()))
		strays++;
	return sig;
}

static int by_sigtimedwait(const sigset_t *set, void *arg)
{
	static const struct timespec second = { 1, 0 };

	(void)arg;
	return sigtimedwait(set, NULL, &second);
}

static int by_signalfd(const sigset_t *set, void *arg)
{
	struct signalfd_siginfo si;
	static int fd = -1;

	(void)arg;
	if (fd < 0)
		REQUIRE((fd = signalfd(-1, set, SFD_CLOEXEC)) >= 0);
	REQUIRE(read(fd, &si, sizeof(si)) == sizeof(si));
	return (int)si.ssi_signo;
}

/* A manager that waits for everything, beside workers that block it. */
static void manage(int (*wait_one)(const sigset_t *set, void *arg))
{
	static const struct timespec soon = { 0, 300000000 };
	sigset_t set;

	block_all();
	start_workers();
	wait_all(wait_one, NULL);
	printf("interrupted %d\n", (int)interrupted);
	sigfillset(&set);
	if (sigtimedwait(&set, NULL, &soon) != -1 || errno != EAGAIN)
		puts("a stray signal");
	stop_workers();
	print_handled("managed");
	/*
	 * A worker ends with what came since its last tick, which belongs to no
	 * function. Of 450 ticks one in a hundred meets poll(), with a weight of any
	 * size: a standard deviation of 0.7 points.
	 */
	puts("expect sampled-share burn_owner 100 5");
}

static void case_sigwait(void)
{
	manage(by_sigwait);
}

static void case_sigwaitinfo(void)
{
	manage(by_sigwaitinfo);
}

static void case_sigtimedwait(void)
{
	manage(by_sigtimedwait);
}

static void case_signalfd(void)
{
	manage(by_signalfd);
}

/* The manager is there before; main blocks all and only sleeps. */
static void *manage_prof(void *arg)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGPROF);
	for (int i = 0; i < 20; i++) {
		REQUIRE(!sigwait(&set, &sig));
		handled++;
	}
	return arg;
}

static void case_sigwait_late(void)
{
	pthread_t id;

	block_all();
	start_workers();
	burn_owner(200 * MS);
	REQUIRE(!pthread_create(&id, NULL, manage_prof, NULL));
	for (int i = 0; i < 20; i++) {
		while (handled < i)
			burn_owner(1 * MS);
		kill(getpid(), SIGPROF);
	}
	pthread_join(id, NULL);
	stop_workers();
	print_handled("late");
}

/* --- one thread handles what the others block ------------------------------- */

static pthread_t handler_thread;

static void on_thread(int sig)
{
	handled++;
	strays += !pthread_equal(pthread_self(), handler_thread);
	(void)sig;
}

static void case_blocked_elsewhere(void)
{
	struct sigaction sa = { .sa_handler = on_thread };
	sigset_t set;

	block_all();
	start_workers();
	burn_owner(100 * MS);
	handler_thread = pthread_self();
	REQUIRE(!sigaction(SIGPROF, &sa, NULL));
	sigemptyset(&set);
	sigaddset(&set, SIGPROF);
	/* the workers block it still: all come here */
	REQUIRE(!pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	for (int i = 0; i < 50; i++) {
		kill(getpid(), SIGPROF);
		burn_owner(4 * MS);
	}
	/* nobody takes these until the end */
	REQUIRE(!pthread_sigmask(SIG_BLOCK, &set, NULL));
	kill(getpid(), SIGPROF);
	burn_owner(100 * MS);
	printf("handled while blocked: %d\n", (int)handled - 50);
	REQUIRE(!pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	stop_workers();
	print_handled("in one thread");
	puts("expect share burn_owner 100 5");
}

static void case_pthread_kill_blocked(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	block_all();
	start_workers();
	burn_owner(100 * MS);
	unblock_all();
	for (int i = 0; i < WORKERS; i++)
		pthread_kill(workers[i], SIGPROF);	/* for good */
	burn_owner(200 * MS);
	puts("still here");
	REQUIRE(!sigaction(SIGPROF, &sa, NULL));
	burn_owner(200 * MS);
	print_handled("blocked in the workers");
	stop_workers();
	print_handled("at the end");
}

/* --- timers ------------------------------------------------------------------ */

/*
 * Until the program's timer of 10 ms of the process's CPU time has come ten
 * times: where others have the CPUs the kernel notices it late. It charges by
 * whole ticks, 1.4 times the CPU time was seen; with ours it would be ten times.
 */
static void burn_until_expired(void)
{
	uint64_t begin = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID), most;

	do
		burn_owner(500 * MS);
	while (handled < 10 && truth_thread_ns() < 20000 * MS);
	most = (truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin) / (10 * MS);
	printf("expired %s\n", handled < 10 ? "seldom"
			: (uint64_t)handled <= 2 * most + 5 ? "well" : "too often");
}

static void case_itimer(void)
{
	struct itimerval timer = { { 0, 10000 }, { 0, 10000 } }, was;

	REQUIRE(!getitimer(ITIMER_PROF, &was));
	printf("at first %ld %ld\n", (long)was.it_interval.tv_usec,
	       (long)was.it_value.tv_usec);
	REQUIRE(!setitimer(ITIMER_PROF, NULL, &was));
	burn_owner(100 * MS);
	install(SIGPROF, SA_RESTART);
	REQUIRE(!setitimer(ITIMER_PROF, &timer, &was));
	printf("before %ld %ld\n", (long)was.it_interval.tv_usec,
	       (long)was.it_value.tv_usec);
	burn_until_expired();
	REQUIRE(!getitimer(ITIMER_PROF, &was));
	printf("while %ld %d\n", (long)was.it_interval.tv_usec,
	       was.it_value.tv_usec > 0);
	memset(&timer, 0, sizeof(timer));
	REQUIRE(!setitimer(ITIMER_PROF, &timer, &was));
	printf("after %ld\n", (long)was.it_interval.tv_usec);
	REQUIRE(!getitimer(ITIMER_PROF, &was));
	printf("at last %ld %ld\n", (long)was.it_interval.tv_usec,
	       (long)was.it_value.tv_usec);
	handled = 0;
	burn_owner(200 * MS);
	print_handled("no more");
	puts("expect share burn_owner 100 5");
}

static void case_itimer_off(void)
{
	static const struct itimerval off;
	struct itimerval was;

	/* programs switch it off without having had one */
	REQUIRE(!setitimer(ITIMER_PROF, &off, &was));
	printf("was %ld %ld\n", (long)was.it_interval.tv_usec,
	       (long)was.it_value.tv_usec);
	burn_owner(400 * MS);
	REQUIRE(!getitimer(ITIMER_PROF, &was));
	printf("is %ld %ld\n", (long)was.it_interval.tv_usec,
	       (long)was.it_value.tv_usec);
	puts("expect share burn_owner 100 5");
}

static void case_timer_create(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = SIGPROF,
				  .sigev_value.sival_int = 42 };
	struct itimerspec when = { { 0, 10000000 }, { 0, 10000000 } };
	timer_t timer;

	install(SIGPROF, 0);
	REQUIRE(!timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer));
	REQUIRE(!timer_settime(timer, 0, &when, NULL));
	burn_until_expired();
	REQUIRE(!timer_delete(timer));
	handled = 0;
	burn_owner(100 * MS);
	print_handled("no more");
	puts("expect share burn_owner 100 5");
}

static void on_expiry(union sigval value)
{
	__atomic_fetch_add(&handled, value.sival_int == 7, __ATOMIC_RELAXED);
}

static void case_timer_thread(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD,
				  .sigev_notify_function = on_expiry,
				  .sigev_value.sival_int = 7 };
	struct itimerspec when = { { 0, 10000000 }, { 0, 10000000 } };
	timer_t timer;

	REQUIRE(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	REQUIRE(!timer_settime(timer, 0, &when, NULL));
	while (__atomic_load_n(&handled, __ATOMIC_RELAXED) < 10)
		burn_owner(5 * MS);
	timer_delete(timer);
	puts("ten expiries");
}

/* SIGPROF by kill() from a child, many, while the clocks run. */
static void case_storm(void)
{
	int status;

	install(SIGPROF, SA_RESTART);
	install(62, SA_RESTART);
	if (fork() == 0) {
		for (int i = 0; i < 2000; i++) {
			kill(getppid(), SIGPROF);
			kill(getppid(), 62);
			usleep(50);
		}
		_exit(0);
	}
	while (waitpid(-1, &status, WNOHANG) == 0)
		burn_owner(1 * MS);
	printf("handled %s, strays %d\n", handled > 100 ? "many" : "few",
	       (int)strays);
}

static const struct case_entry cases[] = {
	{ "die-prof", case_die_prof },
	{ "die-62", case_die_62 },
	{ "blocked-then-die", case_blocked_then_die },
	{ "default-again-then-die", case_default_again_then_die },
	{ "default-sets", case_default_sets },
	{ "ignore-all", case_ignore_all },
	{ "all-handled", case_all_handled },
	{ "all-raw", case_all_raw },
	{ "flags", case_flags },
	{ "restart", case_restart },
	{ "longjmp", case_longjmp },
	{ "sigwait", case_sigwait },
	{ "sigwaitinfo", case_sigwaitinfo },
	{ "sigtimedwait", case_sigtimedwait },
	{ "signalfd", case_signalfd },
	{ "sigwait-late", case_sigwait_late },
	{ "blocked-elsewhere", case_blocked_elsewhere },
	{ "pthread-kill-blocked", case_pthread_kill_blocked },
	{ "itimer", case_itimer },
	{ "itimer-off", case_itimer_off },
	{ "timer-create", case_timer_create },
	{ "timer-thread", case_timer_thread },
	{ "storm", case_storm },
};

CASES_MAIN(cases)
