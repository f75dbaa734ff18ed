/* SPDX-License-Identifier: MIT */
/*
 * Threads that end in every way: return, pthread_exit, cancellation at a call
 * and at once, C11's thrd_exit, with cleanup handlers and TLS destructors.
 */
#include "tests/programs/truth.h"

#include <pthread.h>
#include <threads.h>
#include <unistd.h>

#define ROUNDS 25

static _Atomic int destroyed, cleaned, ended;
static pthread_key_t key;
static _Atomic int ready;

BURNER(burn_ending)

static void destroy(void *value)
{
	burn_ending(2 * MS);
	destroyed += value != NULL;
}

static void cleanup(void *arg)
{
	cleaned += arg != NULL;
}

static void begin(void)
{
	pthread_setspecific(key, &key);
	burn_ending(4 * MS);
	ready = 1;
}

static void *by_return(void *arg)
{
	begin();
	ended++;
	return arg;
}

static void *by_pthread_exit(void *arg)
{
	begin();
	pthread_cleanup_push(cleanup, arg);
	pthread_exit(arg);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *by_cancel(void *arg)
{
	pthread_cleanup_push(cleanup, arg);
	begin();
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return NULL;
}

static void *by_async_cancel(void *arg)
{
	volatile unsigned spin = 0;

	pthread_cleanup_push(cleanup, arg);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	begin();
	for (;;)
		spin++;
	pthread_cleanup_pop(0);
	return NULL;
}

static int by_thrd_exit(void *arg)
{
	begin();
	ended += arg != NULL;
	thrd_exit(4);
}

static void run(void *(*start)(void *), int cancel)
{
	void *result = NULL;
	pthread_t id;

	ready = 0;
	REQUIRE(!pthread_create(&id, NULL, start, &key));
	if (cancel) {
		while (!ready)
			usleep(500);
		REQUIRE(!pthread_cancel(id));
	}
	REQUIRE(!pthread_join(id, &result));
	REQUIRE(result == (cancel ? PTHREAD_CANCELED : (void *)&key));
}

int main(void)
{
	pthread_key_create(&key, destroy);
	for (int i = 0; i < ROUNDS; i++) {
		thrd_t id;
		int result = 0;

		run(by_return, 0);
		run(by_pthread_exit, 0);
		run(by_cancel, 1);
		run(by_async_cancel, 1);
		REQUIRE(thrd_create(&id, by_thrd_exit, &key) == thrd_success);
		thrd_join(id, &result);
		REQUIRE(result == 4);
	}
	printf("destroyed %d, cleaned %d, ended %d\n", destroyed, cleaned,
	       ended);
	/* The rest is by_async_cancel() until it is met. */
	puts("expect sampled-share burn_ending 93 9");
	truth_cpu(6);
	return 0;
}
