/* SPDX-License-Identifier: MIT */
/*
 * Burns, with ITIMER_PROF's worth of pending signals, and then becomes a
 * static program, into which nothing can be preloaded.
 * exec-static PROGRAM
 */
#include "tests/programs/truth.h"

#include <unistd.h>

BURNER(burn_before)

int main(int argc, char **argv)
{
	REQUIRE(argc > 1);
	burn_before(500 * MS);
	puts("before");
	puts("expect share burn_before 100 5");
	fflush(stdout);
	execl(argv[1], argv[1], (char *)NULL);
	return 99;
}
