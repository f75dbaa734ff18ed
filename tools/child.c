/* SPDX-License-Identifier: MIT */
/* child: see child.h. */
#include "tools/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Passed on when a process sent them. SIGINT and SIGQUIT of the terminal go to
 * its whole foreground group: the program has them already.
 */
static const int passed_on[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT,
};

static volatile sig_atomic_t child_pid;

static void pass_on(int signo, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)context;
	/* kill(), sigqueue() and tgkill(); the terminal's come from the kernel
	 * (SI_KERNEL) */
	if (child_pid > 0 && info->si_code <= 0)
		kill((pid_t)child_pid, signo);
	errno = saved;
}

/* Dispositions as they were, for the program. */
typedef struct {
	struct sigaction actions[G_N_ELEMENTS(passed_on)];
	struct sigaction child;
	sigset_t mask;
} Signals;

static void signals_take(Signals *s)
{
	struct sigaction ours = { .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t all;
	gsize i;

	/* blocked until there is a child to pass them to */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &s->mask);
	ours.sa_sigaction = pass_on;
	sigemptyset(&ours.sa_mask);
	for (i = 0; i < G_N_ELEMENTS(passed_on); i++)
		sigaction(passed_on[i], &ours, &s->actions[i]);
	/* ignored, it would take the child's status away from us */
	sigaction(SIGCHLD, &plain, &s->child);
}

static void signals_give_back(const Signals *s)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(passed_on); i++)
		sigaction(passed_on[i], &s->actions[i], NULL);
	sigaction(SIGCHLD, &s->child, NULL);
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
}

/* In the child. Reports a failed exec through `pipe`, which exec closes. */
static void exec_program(char **argv, char **envp, const Signals *s, int pipe)
	__attribute__((noreturn));

static void exec_program(char **argv, char **envp, const Signals *s, int pipe)
{
	int err;

	signals_give_back(s);
	execvpe(argv[0], argv, envp);
	err = errno;
	if (write(pipe, &err, sizeof(err)) != sizeof(err))
		_exit(CHILD_NOT_EXECUTABLE);
	_exit(CHILD_MISSING);
}

static void wait_for(Child *child)
{
	while (waitpid(child->pid, &child->status, 0) < 0)
		if (errno != EINTR) {
			child->error = errno;
			return;
		}
}

/* 0, or the errno of exec: nothing comes through the pipe if it worked. */
static int read_failure(int fd)
{
	int err = 0;
	gssize got;

	do
		got = read(fd, &err, sizeof(err));
	while (got < 0 && errno == EINTR);
	return got == sizeof(err) ? err : 0;
}

void child_run(Child *child, char **argv, char **envp)
{
	Signals signals;
	int ends[2];

	*child = (Child){ .pid = -1 };
	if (pipe2(ends, O_CLOEXEC) != 0) {
		child->error = errno;
		return;
	}
	signals_take(&signals);
	child->pid = fork();
	if (child->pid == 0)
		exec_program(argv, envp, &signals, ends[1]);
	close(ends[1]);
	if (child->pid < 0) {
		child->error = errno;
	} else {
		child_pid = child->pid;
		sigprocmask(SIG_SETMASK, &signals.mask, NULL);
		child->error = read_failure(ends[0]);
		wait_for(child);
		child_pid = 0;
	}
	close(ends[0]);
	signals_give_back(&signals);
}

/* Dies of `signo`, without a core of our own beside the program's. */
static void die_of(int signo)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	struct rlimit none = { 0, 0 };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &none);
	sigaction(signo, &plain, NULL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	kill(getpid(), signo);
}

void child_end_likewise(const Child *child)
{
	if (child->error)
		exit(child->error == ENOENT ? CHILD_MISSING
					    : CHILD_NOT_EXECUTABLE);
	if (WIFSIGNALED(child->status))
		die_of(WTERMSIG(child->status));
	exit(WIFEXITED(child->status) ? WEXITSTATUS(child->status)
				      : EXIT_FAILURE);
}
