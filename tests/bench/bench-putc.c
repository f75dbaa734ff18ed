/* SPDX-License-Identifier: MIT */
/*
 * putc() in a program of one thread, which libc does not lock for; prints
 * nanoseconds a call.
 */
#include "tests/programs/truth.h"

#define CALLS 50000000

int main(void)
{
	FILE *null = fopen("/dev/null", "w");
	uint64_t begin;

	REQUIRE(null);
	begin = truth_thread_ns();
	for (int i = 0; i < CALLS; i++)
		putc(i & 127, null);
	printf("%.4f\n", (double)(truth_thread_ns() - begin) / CALLS);
	return 0;
}
