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
static _Atomic uint64_t ran_ns;		/* CPU, up to the end of thread_main() */

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
	ran_ns += truth_thread_ns();
	return arg;
}

/*
 * The kernel takes some us to end a thread after its last function, and more
 * where others want the CPU: to be in the share, but not to be missed.
 */
static void print_share(void)
{
	double all = (double)truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	double low = 100 * (double)ran_ns / all;
	double high = 100 * (all - (double)truth_thread_ns()) / all;

	printf("expect share thread_main %.2f %.2f\n", (low + high) / 2,
	       (high - low) / 2 + 4);
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
	print_share();
	truth_cpu(5);
	return 0;
}
