/* SPDX-License-Identifier: MIT */
/*
 * A thread that libc knows nothing of, made by clone itself; it runs on the
 * TLS of its creator and burns two thirds of the CPU time.
 */
#include "tests/programs/truth.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK 65536

static uint64_t used;
static _Atomic uint32_t running = 1;	/* the kernel clears it at the end */

BURNER(burn_raw)
BURNER(burn_main)

static int raw_main(void *arg)
{
	used = burn_raw(1600 * MS);
	/* Not exit(): this is not a thread libc could end. */
	syscall(SYS_exit, arg != NULL);
	return 0;
}

int main(void)
{
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
		    CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t mine, all;
	uint32_t seen;

	REQUIRE(stack != MAP_FAILED);
	REQUIRE(clone(raw_main, stack + STACK, flags, NULL, NULL, NULL,
		      &running) > 0);
	mine = burn_main(800 * MS);
	while ((seen = running))
		syscall(SYS_futex, &running, FUTEX_WAIT, seen, NULL, NULL, 0);
	puts("raw thread done");
	all = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	/* It is met at the first flush, up to a second after its start. */
	printf("expect share-at-least burn_raw %.2f\n",
	       (used > 1200 * MS ? 100.0 * 300 * MS : 0) / (double)all);
	printf("expect share-at-least burn_main %.2f\n",
	       80.0 * (double)mine / (double)all);
	return 0;
}
