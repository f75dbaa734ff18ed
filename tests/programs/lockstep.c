/* SPDX-License-Identifier: MIT */
/*
 * A thread that is woken every few milliseconds, always at the same place
 * between two ticks of the kernel, and does two things of equal length. A clock
 * that rides on the tick sees always the same of them.
 * lockstep [PERIOD-MS [SECONDS [PHASE-US]]]
 */
#include "tests/programs/truth.h"

#include <errno.h>

BURNER(burn_first)
BURNER(burn_second)

/* When the kernel last ticked: its coarse clock stands still in between. */
static uint64_t last_tick_ns(void)
{
	uint64_t before = truth_clock_ns(CLOCK_MONOTONIC_COARSE), now;

	do
		now = truth_clock_ns(CLOCK_MONOTONIC_COARSE);
	while (now == before);
	return now;
}

static void sleep_until(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000u),
			       (long)(ns % 1000000000u) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) ==
	       EINTR)
		;
}

int main(int argc, char **argv)
{
	uint64_t period = truth_argument(argc, argv, 1, 4) * MS;
	uint64_t seconds = truth_argument(argc, argv, 2, 4);
	uint64_t phase = truth_argument(argc, argv, 3, 300) * 1000;
	uint64_t at = last_tick_ns() + phase, end, now;
	uint64_t first = 0, second = 0;

	for (end = at + seconds * 1000 * MS; at < end; at += period) {
		sleep_until(at);
		first += burn_first(period / 4);
		second += burn_second(period / 4);
		/* what was missed is missed, the place in the tick is kept */
		now = truth_clock_ns(CLOCK_MONOTONIC);
		while (at + period < now)
			at += period;
	}
	puts("in step");
	truth_share("share", "burn_first", first, first + second, 3);
	truth_share("share", "burn_second", second, first + second, 3);
	truth_cpu(3);
	return 0;
}
