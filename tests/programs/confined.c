/* SPDX-License-Identifier: MIT */
/*
 * Programs that give rights up, or never had them: other roots and users,
 * filters of system calls, no descriptors.
 */
#include "tests/programs/cases.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define SKIPPED 77

BURNER(burn_before)
BURNER(burn_confined)

static void need_root(void)
{
	if (geteuid() == 0)
		return;
	puts("needs root");
	exit(SKIPPED);
}

/* A directory below the current one, named as the process is. */
static void make_directory(char *name, size_t size)
{
	snprintf(name, size, "root-%d", (int)getpid());
	REQUIRE(!mkdir(name, 0755));
}

/* --- roots and users ------------------------------------------------------ */

static void case_chroot(void)
{
	char name[32];

	need_root();
	make_directory(name, sizeof(name));
	burn_before(200 * MS);
	REQUIRE(!chroot(name) && !chdir("/"));
	printf("/proc is %s\n", access("/proc", F_OK) ? "gone" : "there");
	burn_confined(600 * MS);
	puts("expect share burn_before 25 8");
	puts("expect share burn_confined 75 8");
	truth_cpu(5);
}

/* A daemon of the old school: root, user, session. */
static void case_jail(void)
{
	char name[32];

	need_root();
	make_directory(name, sizeof(name));
	burn_before(200 * MS);
	REQUIRE(!chroot(name) && !chdir("/"));
	REQUIRE(!setgroups(0, NULL) && !setgid(NOBODY) && !setuid(NOBODY));
	REQUIRE(setuid(0) == -1 && chroot("/") == -1);
	burn_confined(600 * MS);
	puts("expect share burn_confined 75 8");
	truth_cpu(5);
}

/* Each worker is somebody else, and none writes to its parent's file. */
static void case_workers(void)
{
	int status;

	need_root();
	burn_before(200 * MS);
	for (unsigned i = 1; i <= 3; i++)
		if (fork() == 0) {
			REQUIRE(!setresgid(i, i, i) && !setresuid(i, i, i));
			burn_confined(300 * MS);
			_exit(geteuid() != i);
		}
	for (int i = 0; i < 3; i++)
		REQUIRE(wait(&status) > 0 && status == 0);
	puts("expect share burn_confined 82 8");
	puts("expect process confined 4");
}

/* --- system calls ---------------------------------------------------------- */

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define DENY(number, action) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, action)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE (SECCOMP_RET_ERRNO | EPERM)

#define PROGRAM(name, ...)						\
	static const struct sock_filter name##_code[] = {		\
		LOAD(nr), __VA_ARGS__					\
	};								\
	static const struct sock_fprog name = {				\
		sizeof(name##_code) / sizeof(name##_code[0]),		\
		(struct sock_filter *)(uintptr_t)name##_code		\
	};

PROGRAM(no_timers, DENY(SYS_timer_create, REFUSE), ALLOW)
PROGRAM(no_perf, DENY(SYS_perf_event_open, REFUSE), ALLOW)
PROGRAM(no_clocks, DENY(SYS_timer_create, REFUSE),
	DENY(SYS_perf_event_open, REFUSE), DENY(SYS_setitimer, REFUSE), ALLOW)
PROGRAM(no_files, DENY(SYS_openat, REFUSE), DENY(SYS_open, REFUSE),
	DENY(SYS_creat, REFUSE), ALLOW)
/* Whatever the agent calls and a compute server does not: death. */
PROGRAM(deadly, DENY(SYS_timer_create, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_timer_settime, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_timer_delete, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_perf_event_open, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_rt_sigreturn, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_rt_sigaction, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_tgkill, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_madvise, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_openat, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_unlink, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_clone, SECCOMP_RET_KILL_PROCESS), ALLOW)
/* What a thread needs that is sampled and ends. */
PROGRAM(mild, DENY(SYS_ptrace, REFUSE), DENY(SYS_mount, REFUSE), ALLOW)

static void confine(const struct sock_fprog *program)
{
	REQUIRE(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	REQUIRE(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0));
}

/* As a container does: confined first, then the program begins. */
static void exec_confined(const struct sock_fprog *program, const char *name)
{
	const char *again = getenv("CONFINED");

	if (!again) {
		setenv("CONFINED", "1", 1);
		/* the agent would leave by the call it knows */
		REQUIRE(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		REQUIRE(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0,
				 program));
		execl("/proc/self/exe", "confined", name, (char *)NULL);
		_exit(98);
	}
	burn_confined(500 * MS);
	puts("ran confined");
}

static void case_born_without_timers(void)
{
	exec_confined(&no_timers, "born-without-timers");
	puts("expect share burn_confined 100 5");
}

static void case_born_without_perf(void)
{
	exec_confined(&no_perf, "born-without-perf");
	puts("expect share burn_confined 100 5");
}

/* Nothing to sample with: it runs all the same. */
static void case_born_without_clocks(void)
{
	exec_confined(&no_clocks, "born-without-clocks");
}

static void *burn_in_thread(void *arg)
{
	burn_confined(250 * MS);
	return arg;
}

static void run_threads(void)
{
	pthread_t id[2];

	for (int i = 0; i < 2; i++)
		REQUIRE(!pthread_create(&id[i], NULL, burn_in_thread, NULL));
	for (int i = 0; i < 2; i++)
		pthread_join(id[i], NULL);
}

static void confine_midway(const struct sock_fprog *program)
{
	burn_before(300 * MS);
	confine(program);
	burn_confined(200 * MS);
	puts("ran confined");
	fflush(stdout);
}

/* The profile ends where the filter begins. */
static void case_filter_kills(void)
{
	confine_midway(&deadly);
	puts("expect share burn_before 100 8");
	fflush(stdout);
	_exit(3);
}

static void case_filter_by_number(void)
{
	burn_before(300 * MS);
	REQUIRE(!syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	REQUIRE(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			 SECCOMP_FILTER_FLAG_TSYNC, &deadly));
	burn_confined(200 * MS);
	puts("expect share burn_before 100 8");
}

/* Not even the end of a thread: whoever else is there has to be gone. */
PROGRAM(lonely, DENY(SYS_exit, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_rt_sigtimedwait, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_openat, SECCOMP_RET_KILL_PROCESS),
	DENY(SYS_timer_create, SECCOMP_RET_KILL_PROCESS), ALLOW)

/* For the wall clock a child has an agent before its first sample. */
static void case_filter_in_child(void)
{
	int status;

	for (int i = 0; i < 8; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			/* within the first period, and after it */
			burn_before((uint64_t)i * 3 * MS);
			REQUIRE(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
			REQUIRE(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
					 SECCOMP_FILTER_FLAG_TSYNC, &lonely));
			burn_confined(40 * MS);
			_exit(i);
		}
		REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
		printf("child %d\n", WIFEXITED(status) ? WEXITSTATUS(status) :
							  1000 + status);
	}
}

/* Only exit, read, write and sigreturn are left. */
static void case_filter_strict(void)
{
	burn_before(300 * MS);
	puts("expect share burn_before 100 8");
	fflush(stdout);
	REQUIRE(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0));
	/* without a look at the clock, which may be a system call */
	for (volatile long i = 0; i < 200000000; i++)
		;
	if (write(STDOUT_FILENO, "strict\n", 7) != 7)
		syscall(SYS_exit, 99);
	syscall(SYS_exit, 5);
}

/* One that the agent can live with, if it is told to (PROFAGENT_SECCOMP). */
static void case_filter_mild(void)
{
	confine_midway(&mild);
	run_threads();
	puts("ran threads");
	puts("expect share burn_confined 70 8");
}

/* Asking whether there are filters ends nothing. */
static void case_filter_asked(void)
{
	REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == -1 &&
		errno == EFAULT);
	REQUIRE(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, ~0u, NULL) == -1);
	burn_confined(400 * MS);
	puts("expect share burn_confined 100 5");
	truth_cpu(5);
}

static void case_filter_files(void)
{
	confine_midway(&no_files);
	REQUIRE(open("/dev/null", O_RDONLY) == -1 && errno == EPERM);
	run_threads();
	puts("ran threads");
}

/* --- descriptors, memory ------------------------------------------------------ */

static void limit(__rlimit_resource_t what, rlim_t to)
{
	struct rlimit l = { to, to };

	REQUIRE(!setrlimit(what, &l));
}

static void case_no_descriptors(void)
{
	burn_before(300 * MS);
	limit(RLIMIT_NOFILE, 0);
	REQUIRE(open("/dev/null", O_RDONLY) == -1 && errno == EMFILE);
	burn_confined(300 * MS);
	run_threads();
	puts("expect share burn_before 27 8");
	puts("expect share burn_confined 73 8");
	truth_cpu(5);
}

static void begin_under(__rlimit_resource_t what, rlim_t to, const char *name)
{
	if (!getenv("CONFINED")) {
		setenv("CONFINED", "1", 1);
		limit(what, to);
		execl("/proc/self/exe", "confined", name, (char *)NULL);
		_exit(98);
	}
	burn_confined(400 * MS);
	run_threads();
	puts("ran confined");
}

/* libc and the loader need a few to begin: the program has its three. */
static void case_born_with_few_descriptors(void)
{
	begin_under(RLIMIT_NOFILE, 4, "born-with-few-descriptors");
	puts("expect share burn_confined 100 5");
}

static void case_born_with_small_files(void)
{
	begin_under(RLIMIT_FSIZE, 100 * 1024, "born-with-small-files");
	puts("expect share burn_confined 100 5");
}

static void case_born_without_files(void)
{
	begin_under(RLIMIT_FSIZE, 0, "born-without-files");
}

static void case_born_without_signals(void)
{
	begin_under(RLIMIT_SIGPENDING, 0, "born-without-signals");
}

/* Two stacks of 8 MiB, libc, and address space for the rings of threads. */
static void case_born_with_little_memory(void)
{
	begin_under(RLIMIT_AS, 48 << 20, "born-with-little-memory");
}

/* Who reads the time-stamp counter dies of it: the handler among them. */
static void case_no_time_stamps(void)
{
	REQUIRE(!prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
	burn_confined(600 * MS);
	puts("expect share burn_confined 100 4");
	truth_cpu(5);
}

static const struct case_entry cases[] = {
	{ "chroot", case_chroot },
	{ "jail", case_jail },
	{ "workers", case_workers },
	{ "born-without-timers", case_born_without_timers },
	{ "born-without-perf", case_born_without_perf },
	{ "born-without-clocks", case_born_without_clocks },
	{ "filter-kills", case_filter_kills },
	{ "filter-by-number", case_filter_by_number },
	{ "filter-in-child", case_filter_in_child },
	{ "filter-strict", case_filter_strict },
	{ "filter-mild", case_filter_mild },
	{ "filter-asked", case_filter_asked },
	{ "filter-files", case_filter_files },
	{ "no-time-stamps", case_no_time_stamps },
	{ "no-descriptors", case_no_descriptors },
	{ "born-with-few-descriptors", case_born_with_few_descriptors },
	{ "born-with-small-files", case_born_with_small_files },
	{ "born-without-files", case_born_without_files },
	{ "born-without-signals", case_born_without_signals },
	{ "born-with-little-memory", case_born_with_little_memory },
};

CASES_MAIN(cases)
