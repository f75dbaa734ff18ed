/* SPDX-License-Identifier: MIT */
/*
 * spans: how often pieces of work that the program names took how long.
 *
 * There is room for SPANS_NAMES names, of which each counts in a histogram
 * (agent/histogram.h); memory is taken as names come and never grows beyond. A
 * span is counted while profiling is paused as well. A forked child begins from
 * zero.
 *
 * begin and end are async-signal-safe and lock-free, and may be on two
 * threads; the rest is the flusher's.
 */
#ifndef PROFAGENT_AGENT_SPANS_H
#define PROFAGENT_AGENT_SPANS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/histogram.h"

#define SPANS_NAMES 512u	/* 5 KiB each */
#define SPANS_NAME_MAX 63u	/* bytes; what is longer is cut */

/* A span that was begun; 0: there is no room for its name. */
uint64_t spans_begin(const char *name);

/* 0; -EINVAL: that is none. A span of 0 is ended in vain. */
int spans_end(uint64_t span);

struct span_stats {
	char name[SPANS_NAME_MAX + 1];
	uint64_t count, sum_ns, max_ns;
	uint64_t counts[HISTOGRAM_BUCKETS];
};

/* How many names there are. */
uint32_t spans_count(void);

/*
 * What is known of number `i`. False if nothing was counted since the file has
 * it (spans_written), or `changed` is false and nothing was at all.
 */
bool spans_get(uint32_t i, bool changed, struct span_stats *to);

/* What spans_get() said is in the file; undo: it is not. */
void spans_written(void);
void spans_all_changed(void);

/* In a forked child. */
void spans_reset_after_fork(void);

#endif
