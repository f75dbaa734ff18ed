/* SPDX-License-Identifier: MIT */
/*
 * A process that ends in the way it is told, after half a second of work in
 * two threads of which one still runs at the end.
 * exits return|exit|_exit|_Exit|quick_exit|abort|segv|term|fpe|main [STATUS]
 */
#include "tests/programs/truth.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

BURNER(burn_ending)
BURNER(burn_beside)

static int status;
static _Atomic uint64_t ending_ns;
static volatile int *volatile nowhere;

/* What both threads used up to now; either of them may be the last. */
static void print_truth(uint64_t ending, uint64_t beside)
{
	uint64_t all = ending + beside;

	truth_share("share", "burn_ending", ending, all, 13);
	truth_share("share", "burn_beside", beside, all, 13);
}

static void *thread_main(void *arg)
{
	for (int i = 0; !arg || i < 60 || !ending_ns; i++)
		burn_beside(10 * MS);
	puts("the thread is the last");
	print_truth(ending_ns, truth_thread_ns());
	return arg;
}

static void at_exit(void)
{
	puts("atexit");
}

static void on_quick_exit(void)
{
	puts("at_quick_exit");
	fflush(stdout);
}

static void end_exit(void) { exit(status); }
static void end__exit(void) { _exit(status); }
static void end__Exit(void) { _Exit(status); }
static void end_quick_exit(void) { quick_exit(status); }
static void end_abort(void) { abort(); }
static void end_segv(void) { *nowhere = 1; }
static void end_term(void) { kill(getpid(), SIGTERM); pause(); }
static void end_fpe(void) { raise(SIGFPE); }
static void end_main(void) { pthread_exit(NULL); }

static const struct {
	const char *name;
	void (*end)(void);
} ways[] = {
	{ "exit", end_exit }, { "_exit", end__exit }, { "_Exit", end__Exit },
	{ "quick_exit", end_quick_exit }, { "abort", end_abort },
	{ "segv", end_segv }, { "term", end_term }, { "fpe", end_fpe },
	{ "main", end_main },
};

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "return";
	int last = !strcmp(way, "main");
	clockid_t clock;
	pthread_t id;

	status = (int)truth_argument(argc, argv, 2, 0);
	atexit(at_exit);
	at_quick_exit(on_quick_exit);
	REQUIRE(!pthread_create(&id, NULL, thread_main, last ? &id : NULL));
	REQUIRE(!pthread_getcpuclockid(id, &clock));
	ending_ns = burn_ending(500 * MS);
	printf("ending by %s\n", way);
	if (!last)
		print_truth(ending_ns, truth_clock_ns(clock));
	fflush(stdout);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, way))
			ways[i].end();
	return status;
}
