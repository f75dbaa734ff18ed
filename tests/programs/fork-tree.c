/* SPDX-License-Identifier: MIT */
/*
 * A parent with two threads, three children, and two grandchildren of each:
 * ten processes, of which each burns in its own thread.
 */
#include "tests/programs/truth.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

BURNER(burn_parent)
BURNER(burn_child)
BURNER(burn_grandchild)

static int wait_all(int count)
{
	int sum = 0, status;

	for (int i = 0; i < count; i++) {
		REQUIRE(wait(&status) > 0);
		sum += WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
	}
	return sum;
}

static void *thread_main(void *arg)
{
	burn_parent(300 * MS);
	return arg;
}

static int child(void)
{
	for (int i = 0; i < 2; i++)
		if (fork() == 0) {
			burn_grandchild(150 * MS);
			_exit(1);
		}
	burn_child(150 * MS);
	return wait_all(2) + 10;
}

int main(void)
{
	pthread_t id;

	REQUIRE(!pthread_create(&id, NULL, thread_main, NULL));
	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			exit(child());
	burn_parent(300 * MS);
	pthread_join(id, NULL);
	printf("sum of exit codes %d\n", wait_all(3));
	/* 600 + 3 * 150 + 6 * 150 ms of CPU time. */
	truth_share("sampled-share", "burn_parent", 600, 1950, 5);
	truth_share("sampled-share", "burn_child", 450, 1950, 5);
	truth_share("sampled-share", "burn_grandchild", 900, 1950, 5);
	puts("expect process fork-tree 10");
	return 0;
}
