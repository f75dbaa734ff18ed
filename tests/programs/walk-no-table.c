/* SPDX-License-Identifier: MIT */
/*
 * walk-no-table: the part of walk.c that is built without unwind tables
 * (-fno-asynchronous-unwind-tables), with a frame pointer and without.
 */
int no_table(int n, int (*call)(int));

static volatile int total;

static __attribute__((noinline)) int burn(int n)
{
	for (int i = 0; i < 200; i++)
		total += i * n;
	return total & 3;
}

static __attribute__((noinline)) int deeper(int n, int (*call)(int))
{
	volatile int local[9];

	local[n % 9] = burn(n);
	if (n == 0)
		return call(4) + local[n % 9];
	return deeper(n - 1, call) + local[n % 9];
}

int no_table(int n, int (*call)(int))
{
	return deeper(n, call) + burn(n);
}
