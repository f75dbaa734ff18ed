/* SPDX-License-Identifier: MIT */
/*
 * One thread, three functions, 50, 30 and 20 percent of its CPU time.
 * shares [MILLISECONDS]
 */
#include "tests/programs/truth.h"

BURNER(burn_half)
BURNER(burn_third)
BURNER(burn_fifth)

int main(int argc, char **argv)
{
	uint64_t all = truth_argument(argc, argv, 1, 2000) * MS;
	uint64_t half = 0, third = 0, fifth = 0, seed = 1;

	while (half + third + fifth < all) {
		uint64_t unit = truth_random(&seed, 100, 1100) * 1000;

		half += burn_half(5 * unit);
		third += burn_third(3 * unit);
		fifth += burn_fifth(2 * unit);
	}
	puts("three functions");
	all = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	truth_share("share", "burn_half", half, all, 8);
	truth_share("share", "burn_third", third, all, 8);
	truth_share("share", "burn_fifth", fifth, all, 8);
	truth_share("share", "main", all, all, 1.5);
	truth_cpu(3);
	return 0;
}
