/* SPDX-License-Identifier: MIT */
/*
 * Signal masks in every way a program sets, carries and reads them.
 */
#include "tests/programs/cases.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* Each some ticks of the clock, so that signals of ours come between. */
BURNER(burn_masked)

static uint64_t word_of(const sigset_t *set)
{
	uint64_t word = 0;

	for (int sig = 1; sig <= 64; sig++)
		if (sigismember(set, sig) == 1)
			word |= UINT64_C(1) << (sig - 1);
	return word;
}

static void print_set(const char *what, const sigset_t *set)
{
	printf("%s: %016llx\n", what, (unsigned long long)word_of(set));
}

/* As the program sees it, after some CPU time so that samples came. */
static void print_mask(const char *what)
{
	sigset_t set;

	burn_masked(8 * MS);
	REQUIRE(!pthread_sigmask(SIG_SETMASK, NULL, &set));
	print_set(what, &set);
	sigemptyset(&set);
	REQUIRE(!sigprocmask(SIG_BLOCK, NULL, &set));
	print_set("  the same", &set);
}

static void change(int how, const sigset_t *set)
{
	sigset_t old;

	REQUIRE(!sigprocmask(how, set, &old));
	print_set("  was", &old);
}

static void block_all(void)
{
	sigset_t set;

	sigfillset(&set);
	change(SIG_SETMASK, &set);
}

static sigset_t set_of(const int *signals)
{
	sigset_t set;

	sigemptyset(&set);
	for (; *signals; signals++)
		sigaddset(&set, *signals);
	return set;
}

#define SET(...) set_of((const int[]){ __VA_ARGS__, 0 })

static void case_all(void)
{
	sigset_t set;

	print_mask("at first");
	block_all();
	print_mask("all");
	sigfillset(&set);
	change(SIG_UNBLOCK, &set);
	print_mask("none");
	change(SIG_BLOCK, &set);
	print_mask("all again");
	sigemptyset(&set);
	change(SIG_SETMASK, &set);
	print_mask("none again");
}

/* A loop over the first 31, as old programs have it. */
static void case_standard(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (int sig = 1; sig < 32; sig++)
		sigaddset(&set, sig);
	change(SIG_BLOCK, &set);
	print_mask("standard");
	change(SIG_UNBLOCK, &set);
	print_mask("none");
}

static void case_all_but_prof(void)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGPROF);
	change(SIG_SETMASK, &set);
	print_mask("all but SIGPROF");
	set = SET(SIGPROF);
	change(SIG_BLOCK, &set);
	print_mask("all");
	change(SIG_UNBLOCK, &set);
	print_mask("all but SIGPROF again");
}

static void case_by_name(void)
{
	static const int names[] = { SIGPROF, SIGSTKFLT, SIGVTALRM, 34, 61, 62,
				     63, 64, 60, 59 };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		sigset_t set = SET(names[i]);

		change(SIG_BLOCK, &set);
		print_mask("one more");
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		sigset_t set = SET(names[i]);

		change(SIG_UNBLOCK, &set);
		print_mask("one less");
	}
}

static void case_all_then_names(void)
{
	static const int names[] = { 62, SIGPROF, 61, SIGSTKFLT };

	block_all();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		sigset_t set = SET(names[i]);

		change(SIG_UNBLOCK, &set);
		print_mask("one less");
	}
}

static void case_old_names(void)
{
	printf("sigblock %x\n", sigblock(1 << (SIGPROF - 1) | 1 << (SIGINT - 1)));
	printf("siggetmask %x\n", siggetmask());
	printf("sigsetmask %x\n", sigsetmask(~0));
	print_mask("sigsetmask");
	printf("sigsetmask %x\n", sigsetmask(0));
	print_mask("none");
	sighold(SIGPROF);
	print_mask("sighold");
	sigrelse(SIGPROF);
	print_mask("sigrelse");
	sighold(SIGUSR1);
	print_mask("sighold");
}

static void case_jump(void)
{
	static sigjmp_buf env;
	static volatile int rounds;

	sigsetjmp(env, 1);
	print_mask("at the jump's end");
	block_all();
	print_mask("before it");
	if (rounds++ < 3)
		siglongjmp(env, 1);
}

static ucontext_t first, second;
static char context_stack[65536];

static void in_context(void)
{
	print_mask("in the context");
	block_all();
	swapcontext(&second, &first);
	print_mask("in it again");
}

static void case_context(void)
{
	REQUIRE(!getcontext(&second));
	second.uc_stack.ss_sp = context_stack;
	second.uc_stack.ss_size = sizeof(context_stack);
	second.uc_link = &first;
	second.uc_sigmask = SET(SIGUSR2);
	makecontext(&second, in_context, 0);
	swapcontext(&first, &second);
	print_mask("back");
	swapcontext(&first, &second);
	print_mask("back again");
}

static void on_usr1(int sig)
{
	printf("handler of %d\n", sig);
	print_mask("in the handler");
}

static void handler_with(const sigset_t *mask, int flags)
{
	struct sigaction sa = { .sa_handler = on_usr1, .sa_flags = flags };
	struct sigaction old;

	sa.sa_mask = *mask;
	REQUIRE(!sigaction(SIGUSR1, &sa, NULL));
	REQUIRE(!sigaction(SIGUSR1, NULL, &old));
	print_set("mask of the action", &old.sa_mask);
	printf("its flags: %x\n", old.sa_flags & ~0x04000000u);
	raise(SIGUSR1);
	print_mask("after the handler");
}

static void case_handler(void)
{
	sigset_t set;

	sigfillset(&set);
	handler_with(&set, 0);
	sigdelset(&set, SIGPROF);
	handler_with(&set, SA_RESTART);
	sigemptyset(&set);
	handler_with(&set, SA_NODEFER);
	set = SET(SIGPROF, SIGTERM);
	handler_with(&set, 0);
}

static void case_handler_onstack(void)
{
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
	sigset_t set;

	REQUIRE(ss.ss_sp && !sigaltstack(&ss, NULL));
	sigemptyset(&set);
	handler_with(&set, SA_ONSTACK);
	sigfillset(&set);
	handler_with(&set, SA_ONSTACK);
}

static void print_pending(const char *what)
{
	sigset_t set;

	burn_masked(8 * MS);
	sigpending(&set);
	print_set(what, &set);
}

static void on_usr2(int sig)
{
	sigset_t set;

	print_pending("pending on the other stack");
	sigfillset(&set);
	change(SIG_SETMASK, &set);
	print_mask("all blocked there");
	print_pending("pending then");
	sigemptyset(&set);
	change(SIG_SETMASK, &set);
	print_mask("none blocked there");
	print_pending("pending at last");
	(void)sig;
}

static void case_pending_onstack(void)
{
	struct sigaction sa = { .sa_handler = on_usr2, .sa_flags = SA_ONSTACK };
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };

	REQUIRE(ss.ss_sp && !sigaltstack(&ss, NULL));
	REQUIRE(!sigaction(SIGUSR2, &sa, NULL));
	raise(SIGUSR2);
	print_mask("after the handler");
}

static void *print_in_thread(void *arg)
{
	sigset_t set;

	print_mask("in the thread");
	sigemptyset(&set);
	change(SIG_SETMASK, &set);
	print_mask("in the thread, none");
	return arg;
}

static void run_thread(const pthread_attr_t *attr)
{
	pthread_t id;

	REQUIRE(!pthread_create(&id, attr, print_in_thread, NULL));
	pthread_join(id, NULL);
}

static void case_thread(void)
{
	sigset_t set;

	run_thread(NULL);
	block_all();
	run_thread(NULL);
	print_mask("in main");
	sigfillset(&set);
	sigdelset(&set, SIGPROF);
	change(SIG_SETMASK, &set);
	run_thread(NULL);
	print_mask("in main");
}

static void case_thread_attr(void)
{
	pthread_attr_t attr;
	sigset_t set, got;

	pthread_attr_init(&attr);
	sigfillset(&set);
	REQUIRE(!pthread_attr_setsigmask_np(&attr, &set));
	REQUIRE(!pthread_attr_getsigmask_np(&attr, &got));
	print_set("attribute", &got);
	run_thread(&attr);
	set = SET(SIGPROF);
	REQUIRE(!pthread_attr_setsigmask_np(&attr, &set));
	run_thread(&attr);
	pthread_attr_destroy(&attr);
	print_mask("in main");
}

static void case_fork(void)
{
	int status;

	block_all();
	if (fork() == 0) {
		print_mask("in the child");
		fflush(stdout);
		_exit(3);
	}
	wait(&status);
	print_mask("in the parent");
}

/* What a program without the agent finds: the kernel's own state. */
static char *const clean_argv[] = {
	(char *)"grep", (char *)"-E", (char *)"Sig(Blk|Ign|Cgt|Pnd):|ShdPnd",
	(char *)"/proc/self/status", NULL
};
static char *const clean_envp[] = { NULL };

static void exec_clean(void)
{
	execve("/bin/grep", clean_argv, clean_envp);
	_exit(127);
}

static void case_exec(void)
{
	block_all();
	burn_masked(30 * MS);
	exec_clean();
}

static void case_exec_none(void)
{
	burn_masked(30 * MS);
	exec_clean();
}

static void case_exec_fails(void)
{
	block_all();
	for (int i = 0; i < 3; i++) {
		REQUIRE(execve("/nowhere", clean_argv, clean_envp) == -1 &&
			errno == ENOENT);
		print_mask("after a failed exec");
	}
	execl("/nowhere", "nowhere", (char *)NULL);
	print_mask("after another");
	exec_clean();
}

static void case_vfork_exec(void)
{
	int status;

	block_all();
	burn_masked(20 * MS);
	if (vfork() == 0)
		exec_clean();
	wait(&status);
	print_mask("in the parent");
	if (vfork() == 0) {
		execl("/nowhere", "nowhere", (char *)NULL);
		_exit(5);
	}
	wait(&status);
	printf("failed: %d\n", status);
	print_mask("in the parent");
}

static void case_spawn(void)
{
	int status;
	pid_t pid;

	block_all();
	burn_masked(20 * MS);
	REQUIRE(!posix_spawn(&pid, "/bin/grep", NULL, NULL, clean_argv,
			     clean_envp));
	waitpid(pid, &status, 0);
	REQUIRE(!posix_spawnp(&pid, "grep", NULL, NULL, clean_argv,
			      clean_envp));
	waitpid(pid, &status, 0);
	print_mask("in the parent");
}

static void case_fork_exec(void)
{
	int status;

	block_all();
	if (fork() == 0) {
		burn_masked(20 * MS);
		exec_clean();
	}
	wait(&status);
}

static void case_exec_ignored(void)
{
	signal(SIGPROF, SIG_IGN);
	signal(62, SIG_IGN);
	burn_masked(20 * MS);
	exec_clean();
}

static void case_exec_pending(void)
{
	block_all();
	raise(SIGPROF);
	raise(62);
	kill(getpid(), SIGUSR1);
	burn_masked(20 * MS);
	exec_clean();
}

static void on_signal(int sig)
{
	printf("handled %d\n", sig);
}

/* Calls with a mask of their own. */
static void case_suspend(void)
{
	static const struct timespec ms = { 0, 1000000 };
	sigset_t set;

	signal(SIGUSR1, on_signal);
	block_all();
	raise(SIGUSR1);
	sigfillset(&set);
	sigdelset(&set, SIGUSR1);
	printf("sigsuspend %d %d\n", sigsuspend(&set), errno == EINTR);
	print_mask("after sigsuspend");
	for (int i = 0; i < 50; i++) {
		burn_masked(3 * MS);
		if (ppoll(NULL, 0, &ms, &set) != 0)
			printf("ppoll: %d\n", errno);
		sigemptyset(&set);
		if (ppoll(NULL, 0, &ms, &set) != 0)
			printf("ppoll: %d\n", errno);
	}
	print_mask("after ppoll");
}

static const struct case_entry cases[] = {
	{ "all", case_all },
	{ "standard", case_standard },
	{ "all-but-prof", case_all_but_prof },
	{ "by-name", case_by_name },
	{ "all-then-names", case_all_then_names },
	{ "old-names", case_old_names },
	{ "jump", case_jump },
	{ "context", case_context },
	{ "handler", case_handler },
	{ "handler-onstack", case_handler_onstack },
	{ "pending-onstack", case_pending_onstack },
	{ "thread", case_thread },
	{ "thread-attr", case_thread_attr },
	{ "fork", case_fork },
	{ "exec", case_exec },
	{ "exec-none", case_exec_none },
	{ "exec-fails", case_exec_fails },
	{ "vfork-exec", case_vfork_exec },
	{ "spawn", case_spawn },
	{ "fork-exec", case_fork_exec },
	{ "exec-ignored", case_exec_ignored },
	{ "exec-pending", case_exec_pending },
	{ "suspend", case_suspend },
};

CASES_MAIN(cases)
