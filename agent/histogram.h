/* SPDX-License-Identifier: MIT */
/*
 * histogram: how long things took, in a bounded number of buckets.
 *
 * Buckets are of width 1 up to 32 ns and above that 1/16 of a power of two, as
 * in HdrHistogram: what is said of a value is at most 1/32 off. The last one
 * holds all from 2^44 ns (4.9 hours) on. The numbers of the buckets are in the
 * file (agent/pprof.h). Pure functions; any thread.
 */
#ifndef PROFAGENT_AGENT_HISTOGRAM_H
#define PROFAGENT_AGENT_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS (32u + 39u * 16u + 1u)

static inline uint32_t histogram_bucket(uint64_t ns)
{
	unsigned power;

	if (ns < 32)
		return (uint32_t)ns;
	power = 63u - (unsigned)__builtin_clzll(ns);	/* >= 5 */
	if (power >= 44)
		return HISTOGRAM_BUCKETS - 1;
	return 32u + (power - 5) * 16u + (uint32_t)((ns >> (power - 4)) & 15);
}

/* The middle of a bucket, ns; of the last its lower end. */
static inline uint64_t histogram_value(uint32_t bucket)
{
	unsigned power;
	uint64_t low;

	if (bucket < 32)
		return bucket;
	if (bucket >= HISTOGRAM_BUCKETS - 1)
		return 1ull << 44;
	power = 5 + (bucket - 32) / 16;
	low = (1ull << power) + ((uint64_t)((bucket - 32) % 16)
				 << (power - 4));
	return low + (1ull << (power - 4)) / 2;
}

/*
 * The value that `share` (0 to 1) of all are not above, ns; 0 if there is none.
 * By the nearest rank.
 */
static inline uint64_t histogram_quantile(const uint64_t *counts,
					  uint64_t total, double share)
{
	uint64_t rank = (uint64_t)(share * (double)total), seen = 0;
	uint32_t i;

	if ((double)rank < share * (double)total)
		rank++;
	if (rank == 0)
		rank = 1;
	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += counts[i];
		if (seen >= rank)
			return histogram_value(i);
	}
	return 0;
}

#endif
