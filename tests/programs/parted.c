/* SPDX-License-Identifier: MIT */
/*
 * One function whose code lies in two parts, busy in both: what a call of a
 * cold function makes seldom to the compiler is most of the work.
 * parted [MILLISECONDS]
 */
#include "tests/programs/truth.h"

static volatile uint64_t sum;

__attribute__((noinline, cold)) static void seldom(uint64_t n)
{
	sum += n;
}

__attribute__((noinline)) static uint64_t both_parts(uint64_t n)
{
	int i, k;

	for (i = 0; i < 4000; i++) {
		n = n * 6364136223846793005u + 1442695040888963407u;
		for (k = 0; k < 8; k++)
			sum += n >> k;
		if (n >> 61 == 0) {
			seldom(n);
			for (k = 0; k < 64; k++)
				sum += n ^= n >> 3;
			seldom(n);
		}
	}
	return n;
}

int main(int argc, char **argv)
{
	uint64_t all = truth_argument(argc, argv, 1, 1000) * MS, n = 1;

	while (truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID) < all)
		n = both_parts(n);
	printf("%d\n", n == 0);
	return 0;
}
