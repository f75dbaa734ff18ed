/* SPDX-License-Identifier: MIT */
/* child: see child.h. */
#include "tools/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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

/* --- was it for the whole group? ------------------------------------------------- */

/*
 * A signal that a process sends to our process group reaches the program
 * without us, and nothing in its siginfo tells it from one for us alone. So a
 * process of the group, which blocks all signals, waits beside us: what is pending
 * there was sent to all.
 */
static pid_t start_witness(void)
{
	sigset_t all;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* who reads what the program writes does not wait for this one */
	for (int fd = 0; fd < (int)sysconf(_SC_OPEN_MAX) && fd < 1024; fd++)
		close(fd);
	for (;;)
		pause();
}

static void stop_witness(pid_t witness)
{
	if (witness <= 0)
		return;
	kill(witness, SIGKILL);
	while (waitpid(witness, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Signal N is bit N - 1. */
static guint64 pending_signals(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
	g_autofree char *text = NULL;
	const char *line;

	if (pid <= 0 || !g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	line = strstr(text, "\nShdPnd:");
	return line ? g_ascii_strtoull(line + strlen("\nShdPnd:"), NULL, 16)
		    : 0;
}

/*
 * The kernel sends to a group under the lock that fork() takes for writing: once
 * the next witness is there, the one before has all that we have. It keeps
 * them pending, so it is of no further use.
 */
static gboolean was_for_group(pid_t *witness, int signo)
{
	pid_t next = start_witness();
	gboolean was = pending_signals(*witness) >> (signo - 1) & 1;

	stop_witness(*witness);
	*witness = next;
	return was;
}

/* --- signals ---------------------------------------------------------------------- */

/* As they were, for the program. */
typedef struct {
	struct sigaction child;
	sigset_t mask;
	sigset_t taken;		/* blocked by us, and waited for */
} Signals;

static void signals_take(Signals *s)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	gsize i;

	sigemptyset(&s->taken);
	sigaddset(&s->taken, SIGCHLD);
	for (i = 0; i < G_N_ELEMENTS(passed_on); i++)
		sigaddset(&s->taken, passed_on[i]);
	sigprocmask(SIG_BLOCK, &s->taken, &s->mask);
	/* ignored, it would take the child's status away from us */
	sigaction(SIGCHLD, &plain, &s->child);
}

static void signals_give_back(const Signals *s)
{
	sigaction(SIGCHLD, &s->child, NULL);
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
}

/* What came too late for the program is not for us either. */
static void signals_forget(const Signals *s)
{
	const struct timespec now = { 0, 0 };

	while (sigtimedwait(&s->taken, NULL, &now) > 0)
		;
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

static gboolean has_ended(Child *child)
{
	pid_t pid = waitpid(child->pid, &child->status, WNOHANG);

	if (pid < 0 && errno != EINTR)
		child->error = errno;
	return pid == child->pid || child->error != 0;
}

/* Meanwhile what a process sends to us alone goes to the program. */
static void wait_for(Child *child, const Signals *s, pid_t *witness)
{
	siginfo_t info;
	int signo;

	while (!has_ended(child)) {
		signo = sigwaitinfo(&s->taken, &info);
		/* those of a terminal come from the kernel (SI_KERNEL) */
		if (signo > 0 && signo != SIGCHLD && info.si_code <= 0 &&
		    !was_for_group(witness, signo))
			kill(child->pid, signo);
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
	pid_t witness;
	int ends[2];

	*child = (Child){ .pid = -1 };
	if (pipe2(ends, O_CLOEXEC) != 0) {
		child->error = errno;
		return;
	}
	signals_take(&signals);
	witness = start_witness();
	child->pid = fork();
	if (child->pid == 0)
		exec_program(argv, envp, &signals, ends[1]);
	close(ends[1]);
	if (child->pid < 0) {
		child->error = errno;
	} else {
		child->error = read_failure(ends[0]);
		if (child->error)
			waitpid(child->pid, &child->status, 0);
		else
			wait_for(child, &signals, &witness);
	}
	close(ends[0]);
	stop_witness(witness);
	signals_forget(&signals);
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
