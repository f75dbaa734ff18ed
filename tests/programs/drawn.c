/* SPDX-License-Identifier: MIT */
/*
 * One thread that draws by lot which of three functions it calls next, 50, 30
 * and 20 percent of the time, for far less than a period of the clock: what a
 * sample finds then says nothing about the next one, which is what error bars
 * are about. Phases as long as the period are found more evenly than by chance.
 * drawn [MILLISECONDS [SEED]]
 */
#include "tests/programs/truth.h"

BURNER(burn_half)
BURNER(burn_third)
BURNER(burn_fifth)

int main(int argc, char **argv)
{
	uint64_t all = truth_argument(argc, argv, 1, 1000) * MS;
	uint64_t seed = truth_argument(argc, argv, 2, 1);
	uint64_t half = 0, third = 0, fifth = 0;

	while (half + third + fifth < all) {
		uint64_t lot = truth_random(&seed, 0, 10);
		uint64_t ns = truth_random(&seed, 50, 250) * 1000;

		if (lot < 5)
			half += burn_half(ns);
		else if (lot < 8)
			third += burn_third(ns);
		else
			fifth += burn_fifth(ns);
	}
	puts("three functions by lot");
	all = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	truth_share("share", "burn_half", half, all, 8);
	truth_share("share", "burn_third", third, all, 8);
	truth_share("share", "burn_fifth", fifth, all, 8);
	truth_cpu(3);
	return 0;
}
