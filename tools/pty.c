/* SPDX-License-Identifier: MIT */
/* pty: see pty.h. */
#include "tools/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static int open_ours(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct winsize size;

	if (fd < 0)
		return -1;
	if (grantpt(fd) != 0 || unlockpt(fd) != 0) {
		close(fd);
		return -1;
	}
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(fd, TIOCSWINSZ, &size);
	return fd;
}

/* In the child. */
static void exec_program(char **argv, int theirs) __attribute__((noreturn));

static void exec_program(char **argv, int theirs)
{
	sigset_t none;
	int null;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	ioctl(theirs, TIOCSCTTY, 0);
	if (isatty(STDIN_FILENO)) {
		null = open("/dev/null", O_RDONLY);
		if (null >= 0)
			dup2(null, STDIN_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	dup2(theirs, STDOUT_FILENO);
	dup2(theirs, STDERR_FILENO);
	if (theirs > STDERR_FILENO)
		close(theirs);
	execv(argv[0], argv);
	_exit(127);
}

static gboolean fail(GError **error, const char *what)
{
	g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
		    "%s: %s", what, g_strerror(errno));
	return FALSE;
}

gboolean pty_start(Pty *p, char **argv, GError **error)
{
	int theirs;

	p->fd = open_ours();
	if (p->fd < 0)
		return fail(error, "no pseudo-terminal");
	theirs = open(ptsname(p->fd), O_RDWR | O_NOCTTY);
	p->pid = theirs >= 0 ? fork() : -1;
	if (p->pid == 0)
		exec_program(argv, theirs);
	if (p->pid < 0)
		fail(error, "the program cannot be started");
	if (theirs >= 0)
		close(theirs);
	if (p->pid < 0)
		close(p->fd);
	return p->pid > 0;
}

void pty_interrupt(const Pty *p)
{
	static const char intr = 3;

	if (write(p->fd, &intr, 1) != 1)
		kill(p->pid, SIGINT);
}

void pty_release(Pty *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}
