/* SPDX-License-Identifier: MIT */
/*
 * A program that has a use for SIGPROF: its own handler with ITIMER_PROF, a
 * thread in sigwait, a signalfd, or SIGPROF ignored. It gets what it asked for
 * and nothing else.
 * sigprof-owner handler | sigwait | signalfd | ignore
 */
#include "tests/programs/truth.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <unistd.h>

#define SENT 20

static volatile sig_atomic_t ticks;
static int strays;

BURNER(burn_owner)

static void on_sigprof(int sig)
{
	ticks += sig == SIGPROF;
}

/*
 * 10 ms of CPU time a tick: half of 100 is what even a slow tick gives. The
 * kernel charges this timer by whole ticks of its own, so where others want the
 * CPU it runs fast, 1.4 times; with our ticks it would be 350.
 */
static void own_by_handler(void)
{
	struct sigaction sa = { .sa_handler = on_sigprof }, old;
	struct itimerval timer = { { 0, 10000 }, { 0, 10000 } }, was;

	REQUIRE(!sigaction(SIGPROF, &sa, &old));
	printf("before: %s\n",
	       old.sa_handler == SIG_DFL ? "default" : "something");
	REQUIRE(!setitimer(ITIMER_PROF, &timer, &was));
	printf("timer before: %ld\n",
	       (long)(was.it_interval.tv_usec + was.it_value.tv_usec));
	burn_owner(1000 * MS);
	REQUIRE(!sigaction(SIGPROF, NULL, &old));
	printf("after: %s\n", old.sa_handler == on_sigprof ? "mine" : "lost");
	memset(&timer, 0, sizeof(timer));
	REQUIRE(!setitimer(ITIMER_PROF, &timer, &was));
	printf("ticks: %s\n", ticks >= 50 && ticks <= 200 ? "as asked" :
	       ticks < 50 ? "too few" : "too many");
}

static void *send_all(void *arg)
{
	for (int i = 0; i < SENT; i++) {
		burn_owner(40 * MS);
		kill(getpid(), SIGPROF);
	}
	return arg;
}

static void own_by_sigwait(int use_fd)
{
	struct signalfd_siginfo si;
	int got = 0, sig, fd = -1;
	pthread_t id;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPROF);
	REQUIRE(!pthread_sigmask(SIG_BLOCK, &set, NULL));
	if (use_fd)
		REQUIRE((fd = signalfd(-1, &set, SFD_CLOEXEC)) >= 0);
	REQUIRE(!pthread_create(&id, NULL, send_all, NULL));
	for (; got < SENT; got++) {
		if (use_fd) {
			REQUIRE(read(fd, &si, sizeof(si)) == sizeof(si));
			strays += si.ssi_code != SI_USER;
		} else {
			REQUIRE(!sigwait(&set, &sig));
			strays += sig != SIGPROF;
		}
	}
	pthread_join(id, NULL);
	printf("got %d, strays %d\n", got, strays);
}

static void own_by_ignoring(void)
{
	struct sigaction old;

	signal(SIGPROF, SIG_IGN);
	for (int i = 0; i < SENT; i++) {
		burn_owner(40 * MS);
		kill(getpid(), SIGPROF);
	}
	sigaction(SIGPROF, NULL, &old);
	printf("%s\n", old.sa_handler == SIG_IGN ? "ignored" : "not ignored");
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "handler";

	if (!strcmp(way, "handler"))
		own_by_handler();
	else if (!strcmp(way, "ignore"))
		own_by_ignoring();
	else
		own_by_sigwait(!strcmp(way, "signalfd"));
	puts("expect share burn_owner 100 4");
	truth_cpu(6);
	return 0;
}
