/* SPDX-License-Identifier: MIT */
/*
 * Many threads that live so briefly that a clock rarely reaches them.
 * short-threads [COUNT [MICROSECONDS [AT-ONCE]]]
 */
#include "tests/programs/truth.h"

#include <pthread.h>
#include <stdatomic.h>

static uint64_t length_ns;
static _Atomic unsigned long ran;

BURNER(burn_short)

static void *thread_main(void *arg)
{
	volatile uint32_t x = 1;

	/* burn_short() looks at the clock each 30 us: too coarse below. */
	if (length_ns >= 100000)
		burn_short(length_ns);
	else
		while (truth_thread_ns() < length_ns)
			for (int i = 0; i < 500; i++)
				x = x * 3 + 1;
	ran++;
	return arg;
}

int main(int argc, char **argv)
{
	unsigned long count = truth_argument(argc, argv, 1, 50000);
	unsigned long batch = truth_argument(argc, argv, 3, 4);
	pthread_t id[64];

	length_ns = truth_argument(argc, argv, 2, 20) * 1000;
	REQUIRE(batch > 0 && batch <= 64);
	for (unsigned long done = 0; done < count; done += batch) {
		for (unsigned long i = 0; i < batch; i++)
			REQUIRE(!pthread_create(&id[i], NULL, thread_main,
						NULL));
		for (unsigned long i = 0; i < batch; i++)
			pthread_join(id[i], NULL);
	}
	printf("%lu threads\n", ran);
	/*
	 * The kernel takes some us to end a thread after its last function:
	 * that part of its time belongs to the process alone.
	 */
	truth_start_routine("thread_main", length_ns < 100000 ? 12 : 4);
	truth_cpu(5);
	return 0;
}
