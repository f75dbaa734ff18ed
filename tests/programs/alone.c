/* SPDX-License-Identifier: MIT */
/*
 * A single-threaded program finds itself alone: libc says so, it may enter a
 * user namespace, and nothing was loaded or changed but the agent.
 */
#include "tests/programs/truth.h"

#include <dlfcn.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <sys/wait.h>
#include <unistd.h>

BURNER(burn_alone)

static int print_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *name = strrchr(info->dlpi_name, '/');

	(void)size, (void)arg;
	if (name && !strstr(name, "libprofagent.so"))
		printf("object %s\n", name + 1);
	return 0;
}

static void print_masks(void)
{
	sigset_t set;

	sigprocmask(SIG_SETMASK, NULL, &set);
	for (int sig = 1; sig < NSIG; sig++) {
		struct sigaction sa;

		if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler != SIG_DFL)
			printf("signal %d has a handler\n", sig);
		if (sigismember(&set, sig) == 1)
			printf("signal %d is blocked\n", sig);
	}
}

int main(void)
{
	static const char *const strangers[] = {
		"backtrace", "_Unwind_Backtrace", "unw_step", "elf_begin",
		"deflate", "g_malloc", "ring_commit", "config_read",
	};
	int status;

	burn_alone(300 * MS);
	printf("single-threaded: %d\n", __libc_single_threaded);
	dl_iterate_phdr(print_object, NULL);
	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++)
		printf("%s: %s\n", strangers[i],
		       dlsym(RTLD_DEFAULT, strangers[i]) ? "there" : "none");
	print_masks();
	if (fork() == 0)
		_exit(unshare(CLONE_NEWUSER) ? 1 : 0);
	wait(&status);
	printf("child unshared: %d\n", status);
	printf("unshare: %d\n", unshare(CLONE_NEWUSER));
	burn_alone(600 * MS);
	puts("expect share burn_alone 100 4");
	return 0;
}
