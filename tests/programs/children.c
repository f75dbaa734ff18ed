/* SPDX-License-Identifier: MIT */
/*
 * Processes and threads made in every way, at bad moments: by several
 * threads at once, in handlers, while others hold locks of libc, and so often
 * that a signal comes within each call.
 */
#include "tests/programs/cases.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define STACK 65536
/* So much memory takes fork() several periods of the clock at 1 kHz. */
#define MUCH ((size_t)256 << 20)

BURNER(burn_maker)
BURNER(burn_made)

static int status_of(pid_t pid)
{
	int status = -1;

	REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static void touch(size_t size)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(at != MAP_FAILED);
	madvise(at, size, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < size; i += 4096)
		at[i] = 1;
}

/* A fork longer than the period ends all the same. */
static void case_long_forks(void)
{
	int sum = 0;

	touch(MUCH);
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(i);
		sum += status_of(pid);
		burn_maker(5 * MS);
	}
	printf("sum %d\n", sum);
}

static _Atomic int sum;

static void *fork_often(void *arg)
{
	for (int i = 0; i < 60; i++) {
		pid_t pid;

		burn_maker(1 * MS);
		pid = fork();
		if (pid == 0) {
			/* the memory and files of a child that has no threads */
			free(malloc(100000));
			burn_made(3 * MS);
			_exit(1);
		}
		sum += status_of(pid);
	}
	return arg;
}

static _Atomic int stop;

static int count_objects(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)info, (void)size;
	return ++*(int *)arg > 1000;
}

/* Locks of the allocator, of the loader and of stdio are held most times. */
static void *hold_locks(void *arg)
{
	while (!stop) {
		int n = 0;

		free(malloc(500000));
		dl_iterate_phdr(count_objects, &n);
		dlclose(dlopen("libm.so.6", RTLD_NOW));
		flockfile(stdout);
		funlockfile(stdout);
	}
	return arg;
}

static void case_forks_of_threads(void)
{
	pthread_t makers[3], holders[2];

	for (int i = 0; i < 2; i++)
		REQUIRE(!pthread_create(&holders[i], NULL, hold_locks, NULL));
	for (int i = 0; i < 3; i++)
		REQUIRE(!pthread_create(&makers[i], NULL, fork_often, NULL));
	for (int i = 0; i < 3; i++)
		pthread_join(makers[i], NULL);
	stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(holders[i], NULL);
	printf("%d children\n", sum);
}

/* The child makes threads of its own, which are seen as well. */
static void *burn_in_child(void *arg)
{
	burn_made(150 * MS);
	return arg;
}

static void case_threads_of_forks(void)
{
	for (int k = 0; k < 3; k++) {
		pid_t pid;

		burn_maker(50 * MS);
		pid = fork();
		if (pid == 0) {
			pthread_t id[2];

			for (int i = 0; i < 2; i++)
				REQUIRE(!pthread_create(&id[i], NULL,
							burn_in_child, NULL));
			for (int i = 0; i < 2; i++)
				pthread_join(id[i], NULL);
			exit(k);
		}
		printf("child %d\n", status_of(pid));
	}
	puts("expect share burn_made 86 6");
	puts("expect process children 4");
}

static volatile sig_atomic_t forked;

static void fork_in_handler(int sig)
{
	pid_t pid = fork();

	if (pid == 0) {
		burn_made(2 * MS);
		_exit(sig == SIGUSR1 ? 0 : 1);
	}
	forked += waitpid(pid, NULL, 0) == pid;
}

static void case_forks_in_handlers(void)
{
	struct sigaction sa = { .sa_handler = fork_in_handler,
				.sa_flags = SA_RESTART };

	REQUIRE(!sigaction(SIGUSR1, &sa, NULL));
	for (int i = 0; i < 50; i++) {
		burn_maker(4 * MS);
		raise(SIGUSR1);
	}
	printf("%d forks\n", (int)forked);
}

/* --- children that share our memory ---------------------------------------- */

static int made_by_clone(void *arg)
{
	/* no libc: its TLS is the parent's, which runs as well */
	for (volatile long i = 0; i < 20000000; i++)
		;
	syscall(SYS_exit, (long)(intptr_t)arg);
	return 0;
}

static void *clone_often(void *arg)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(stack != MAP_FAILED);
	for (int i = 0; i < 10; i++) {
		pid_t pid = clone(made_by_clone, stack + STACK,
				  CLONE_VM | SIGCHLD, (void *)(intptr_t)2);

		burn_maker(20 * MS);
		sum += status_of(pid);
	}
	return arg;
}

static void case_clones_share_memory(void)
{
	pthread_t id[2];

	for (int i = 0; i < 2; i++)
		REQUIRE(!pthread_create(&id[i], NULL, clone_often, NULL));
	for (int i = 0; i < 2; i++)
		pthread_join(id[i], NULL);
	printf("sum %d\n", sum);
	puts("expect share burn_maker 100 6");
}

/* The child calls what the agent interposes, in its parent's memory. */
static void vfork_once(void)
{
	char *argv[] = { (char *)"true", NULL };
	sigset_t set;
	pid_t pid;

	sigfillset(&set);
	pid = vfork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &set, NULL);
		signal(SIGPROF, SIG_DFL);
		setuid(getuid());
		execv("/nowhere/true", argv);
		execv("/bin/true", argv);
		_exit(errno);
	}
	sum += status_of(pid);
}

static void *vfork_often(void *arg)
{
	sigset_t set;

	for (int i = 0; i < 40; i++) {
		burn_maker(4 * MS);
		vfork_once();
		pthread_sigmask(SIG_SETMASK, NULL, &set);
		REQUIRE(!sigismember(&set, SIGTERM));
	}
	return arg;
}

static void case_vforks_of_threads(void)
{
	pthread_t id[2];

	for (int i = 0; i < 2; i++)
		REQUIRE(!pthread_create(&id[i], NULL, vfork_often, NULL));
	for (int i = 0; i < 2; i++)
		pthread_join(id[i], NULL);
	printf("sum %d\n", sum);
	puts("expect share burn_maker 90 14");
}

static void *spawn_often(void *arg)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"exit 3", NULL };
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 5, "/dev/null", 0, 0);
	for (int i = 0; i < 20; i++) {
		pid_t pid = 0;

		burn_maker(4 * MS);
		REQUIRE(!posix_spawnp(&pid, "sh", &actions, NULL, argv,
				      environ));
		sum += status_of(pid);
	}
	posix_spawn_file_actions_destroy(&actions);
	return arg;
}

static void case_spawns_of_threads(void)
{
	pthread_t id[3];

	for (int i = 0; i < 3; i++)
		REQUIRE(!pthread_create(&id[i], NULL, spawn_often, NULL));
	for (int i = 0; i < 3; i++)
		pthread_join(id[i], NULL);
	printf("sum %d\n", sum);
}

/* --- no function of libc was asked -------------------------------------------- */

/* The agent finds out by the process id, and must not touch the parent's. */
static void case_raw_forks(void)
{
	for (int i = 0; i < 5; i++) {
		long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

		if (pid == 0) {
			sigset_t set;

			sigfillset(&set);
			sigprocmask(SIG_BLOCK, &set, NULL);
			burn_made(100 * MS);
			sigprocmask(SIG_UNBLOCK, &set, NULL);
			_exit(i);
		}
		burn_maker(60 * MS);
		printf("child %d\n", status_of((pid_t)pid));
	}
	puts("expect share burn_maker 100 6");
	puts("expect process children 1");
}

/* --- the end ------------------------------------------------------------------- */

static void *burn_for_ever(void *arg)
{
	for (;;)
		burn_made(10 * MS);
	return arg;
}

/* A child that ends right after its first sample, hundreds of times. */
static void case_short_lives(void)
{
	unsigned long long random = 1;
	int total = 0;

	for (int i = 0; i < 150; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			burn_made(truth_random((uint64_t *)&random, 100, 8000) *
				  1000);
			_exit(1);
		}
		truth_random((uint64_t *)&random, 0, 2);
		total += status_of(pid);
	}
	printf("%d lives\n", total);
}

/* And one that ends, or becomes another program, while its threads run. */
static void case_ends_in_the_middle(void)
{
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			pthread_t id;

			for (int k = 0; k < 3; k++)
				REQUIRE(!pthread_create(&id, NULL,
							burn_for_ever, NULL));
			burn_maker((uint64_t)(i + 1) * 2 * MS);
			if (i % 2)
				_exit(i);
			execl("/bin/sh", "sh", "-c", "exit 20", (char *)NULL);
			_exit(98);
		}
		printf("child %d\n", status_of(pid));
	}
}

/*
 * Exec by number, of one thread in three: what failed is
 * profiled further, and who follows meets no signal of ours.
 */
static void exec_by_number(int i)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"exit 21", NULL };

	REQUIRE(syscall(SYS_execve, "/nowhere/sh", argv, environ) == -1 &&
		errno == ENOENT);
	burn_maker((uint64_t)(i + 1) * 2 * MS);
	if (i % 2)
		syscall(SYS_execve, "/bin/sh", argv, environ);
	else
		syscall(SYS_execveat, -1, "/bin/sh", argv, environ, 0);
	_exit(98);
}

static void case_execs_by_number(void)
{
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			pthread_t id;

			for (int k = 0; k < 2; k++)
				REQUIRE(!pthread_create(&id, NULL,
							burn_for_ever, NULL));
			burn_maker(5 * MS);
			exec_by_number(i);
		}
		printf("child %d\n", status_of(pid));
	}
}

/* A thread that libc does not know becomes another program. */
static int exec_in_clone(void *arg)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"exit 22", NULL };

	/* until the agent has found it, and on */
	for (volatile long i = 0; i < 100000000; i++)
		;
	execve("/bin/sh", argv, arg);
	syscall(SYS_exit_group, 97);
	return 0;
}

static void case_execs_of_clones(void)
{
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			REQUIRE(stack != MAP_FAILED);
			REQUIRE(clone(exec_in_clone, stack + STACK,
				      CLONE_VM | CLONE_SIGHAND | CLONE_THREAD |
					      CLONE_FS | CLONE_FILES |
					      CLONE_SYSVSEM,
				      environ) > 0);
			for (;;)
				burn_maker(100 * MS);
		}
		printf("child %d\n", status_of(pid));
	}
}

static const struct case_entry cases[] = {
	{ "long-forks", case_long_forks },
	{ "forks-of-threads", case_forks_of_threads },
	{ "threads-of-forks", case_threads_of_forks },
	{ "forks-in-handlers", case_forks_in_handlers },
	{ "clones-share-memory", case_clones_share_memory },
	{ "vforks-of-threads", case_vforks_of_threads },
	{ "spawns-of-threads", case_spawns_of_threads },
	{ "raw-forks", case_raw_forks },
	{ "short-lives", case_short_lives },
	{ "ends-in-the-middle", case_ends_in_the_middle },
	{ "execs-by-number", case_execs_by_number },
	{ "execs-of-clones", case_execs_of_clones },
};

CASES_MAIN(cases)
