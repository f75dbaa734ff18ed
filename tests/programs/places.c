/* SPDX-License-Identifier: MIT */
/*
 * Ten threads, each for ever in a function of its own: four burn, six wait. It
 * says which, one line each, and ends by a signal:
 *
 *	expect place FUNCTION STATE
 */
#include "tests/programs/truth.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

/* No call: who looks finds it in the function itself. */
#define FOR_EVER(name)							\
	NOINLINE static uint64_t name(uint64_t ns)			\
	{								\
		for (volatile uint64_t x = ns; ns;)			\
			x = x * 1664525u + 1013904223u;			\
		__asm__ volatile("" : "+r"(ns));			\
		return ns;						\
	}

FOR_EVER(burn_north)
FOR_EVER(burn_east)
FOR_EVER(burn_south)
FOR_EVER(burn_west)

static int fds[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;

/* The statement behind the call keeps it from being a jump. */
#define WAITER(name, statement)						\
	NOINLINE static uint64_t name(uint64_t ns)			\
	{								\
		statement;						\
		__asm__ volatile("" : "+r"(ns));			\
		return ns;						\
	}

static void read_byte(void)
{
	char byte;

	REQUIRE(read(fds[0], &byte, 1) == 1);
}

static void poll_for_ever(void)
{
	struct pollfd p = { fds[0], POLLIN, 0 };

	poll(&p, 1, -1);
}

static void wait_cond(void)
{
	pthread_mutex_lock(&lock);
	for (;;)
		pthread_cond_wait(&never, &lock);
}

WAITER(wait_in_read, read_byte())
WAITER(wait_in_poll, poll_for_ever())
WAITER(wait_in_cond, wait_cond())
WAITER(wait_in_sleep, sleep(1000000))
WAITER(wait_in_pause, pause())
WAITER(wait_in_usleep, for (;;) usleep(900000))

static const struct place {
	const char *name, *state;
	uint64_t (*stay)(uint64_t ns);
} places[] = {
	{ "burn_north", "running", burn_north },
	{ "burn_east", "running", burn_east },
	{ "burn_south", "running", burn_south },
	{ "burn_west", "running", burn_west },
	{ "wait_in_read", "blocked", wait_in_read },
	{ "wait_in_poll", "blocked", wait_in_poll },
	{ "wait_in_cond", "blocked", wait_in_cond },
	{ "wait_in_sleep", "blocked", wait_in_sleep },
	{ "wait_in_pause", "blocked", wait_in_pause },
	{ "wait_in_usleep", "blocked", wait_in_usleep },
};
#define PLACES (sizeof(places) / sizeof(places[0]))

static void *stay(void *arg)
{
	const struct place *p = arg;

	return (void *)p->stay(1);
}

int main(void)
{
	pthread_t thread;

	REQUIRE(!pipe(fds));
	for (size_t i = 0; i < PLACES; i++) {
		printf("expect place %s %s\n", places[i].name,
		       places[i].state);
		if (i > 0)
			REQUIRE(!pthread_create(&thread, NULL, stay,
						(void *)&places[i]));
	}
	fflush(stdout);
	stay((void *)&places[0]);
	return 0;
}
