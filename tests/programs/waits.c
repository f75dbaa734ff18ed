/* SPDX-License-Identifier: MIT */
/*
 * Threads that run and wait, in functions of known names, for times that they
 * measure themselves; and some that only wait.
 * waits [SECONDS [IDLE-THREADS]]
 *
 *	expect wall FUNCTION PERCENT TOLERANCE	of the time of the thread "busy"
 *	expect call FUNCTION CALL		what it waits for
 *	expect idle COUNT SECONDS		threads "idle", their time each
 */
#include "tests/programs/truth.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	return truth_clock_ns(CLOCK_MONOTONIC);
}

BURNER(burn_between)

NOINLINE static void wait_in_poll(uint64_t ns)
{
	struct timespec ts = { 0, (long)ns };

	ppoll(NULL, 0, &ts, NULL);
	__asm__ volatile("");
}

NOINLINE static void wait_in_sleep(uint64_t ns)
{
	struct timespec ts = { 0, (long)ns };

	nanosleep(&ts, NULL);
	__asm__ volatile("");
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

NOINLINE static void wait_in_cond(uint64_t ns)
{
	struct timespec ts;
	uint64_t at;

	clock_gettime(CLOCK_REALTIME, &ts);
	at = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec + ns;
	ts.tv_sec = (time_t)(at / 1000000000u);
	ts.tv_nsec = (long)(at % 1000000000u);
	pthread_mutex_lock(&mutex);
	pthread_cond_timedwait(&cond, &mutex, &ts);
	pthread_mutex_unlock(&mutex);
}

static int pipe_fds[2];

/* Somebody writes a byte every few milliseconds. */
NOINLINE static void wait_in_read(uint64_t ns)
{
	char byte;

	(void)ns;
	REQUIRE(read(pipe_fds[0], &byte, 1) == 1);
	__asm__ volatile("");
}

static void burn(uint64_t ns)
{
	burn_between(ns);
}

static struct {
	const char *name, *call;
	void (*wait)(uint64_t ns);
	unsigned weight;
	uint64_t ns;
} kinds[] = {
	{ "burn_between", NULL, burn, 2, 0 },
	{ "wait_in_poll", "ppoll", wait_in_poll, 4, 0 },
	{ "wait_in_sleep", "clock_nanosleep", wait_in_sleep, 2, 0 },
	{ "wait_in_cond", "futex", wait_in_cond, 3, 0 },
	{ "wait_in_read", "read", wait_in_read, 1, 0 },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static uint64_t length_ns, whole_ns;
static int idle_pipe[2];

static void *busy_main(void *arg)
{
	uint64_t begin = now_ns(), seed = 7, at, length;

	pthread_setname_np(pthread_self(), "busy");
	while (now_ns() < begin + length_ns) {
		for (size_t i = 0; i < KINDS; i++) {
			length = truth_random(&seed, 1000, 9000) * 1000;
			at = now_ns();
			kinds[i].wait(length * kinds[i].weight / 2);
			kinds[i].ns += now_ns() - at;
		}
	}
	whole_ns = now_ns() - begin;
	return arg;
}

static void *writer_main(void *arg)
{
	uint64_t seed = 9;

	pthread_setname_np(pthread_self(), "writer");
	for (;;) {
		usleep((useconds_t)truth_random(&seed, 2000, 30000));
		if (write(pipe_fds[1], "x", 1) != 1)
			return arg;
	}
}

static void *idle_main(void *arg)
{
	char byte;

	pthread_setname_np(pthread_self(), "idle");
	if (read(idle_pipe[0], &byte, 1) != 0)
		perror("read");
	return arg;
}

int main(int argc, char **argv)
{
	uint64_t idle = truth_argument(argc, argv, 2, 5);
	pthread_t busy, writer, sleeper[20000];

	length_ns = truth_argument(argc, argv, 1, 5) * 1000 * MS;
	REQUIRE(idle <= 20000 && !pipe(pipe_fds) && !pipe(idle_pipe));
	REQUIRE(!pthread_create(&writer, NULL, writer_main, NULL));
	for (uint64_t i = 0; i < idle; i++)
		REQUIRE(!pthread_create(&sleeper[i], NULL, idle_main, NULL));
	REQUIRE(!pthread_create(&busy, NULL, busy_main, NULL));
	pthread_join(busy, NULL);
	close(idle_pipe[1]);
	for (uint64_t i = 0; i < idle; i++)
		pthread_join(sleeper[i], NULL);
	puts("waits");
	for (size_t i = 0; i < KINDS; i++) {
		truth_share("wall", kinds[i].name, kinds[i].ns, whole_ns, 5);
		if (kinds[i].call)
			printf("expect call %s %s\n", kinds[i].name,
			       kinds[i].call);
	}
	printf("expect idle %llu %.3f\n", (unsigned long long)idle,
	       (double)whole_ns / 1e9);
	return 0;
}
