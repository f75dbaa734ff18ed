/* SPDX-License-Identifier: MIT */
/*
 * A function that calls itself to a known depth and burns at the bottom.
 * Built with and without frame pointers.
 * recursion [DEPTH [MILLISECONDS]]
 */
#include "tests/programs/truth.h"

BURNER(burn_bottom)

NOINLINE uint64_t descend(unsigned long depth, uint64_t ns);
NOINLINE uint64_t descend(unsigned long depth, uint64_t ns)
{
	uint64_t used;

	used = depth > 1 ? descend(depth - 1, ns) : burn_bottom(ns);
	/* Something to do after the call: it cannot become a jump. */
	__asm__ volatile("" : "+r"(used));
	return used;
}

int main(int argc, char **argv)
{
	unsigned long depth = truth_argument(argc, argv, 1, 30);
	uint64_t ns = truth_argument(argc, argv, 2, 600) * MS;
	uint64_t used = descend(depth, ns), all;

	puts("one deep stack");
	all = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	truth_share("share", "burn_bottom", used, all, 2);
	/* Once a sample, however often it is on the stack. */
	truth_share("share", "descend", used, all, 2);
	truth_share("share", "main", used, all, 2);
	printf("expect depth descend %lu\n", depth);
	truth_cpu(4);
	return 0;
}
