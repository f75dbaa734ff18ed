/* SPDX-License-Identifier: MIT */
/*
 * span-counts: all that the program's spans took so far, as a pprof message
 * without samples, for who asks. It leaves the threads alone.
 */
#ifndef PROFAGENT_AGENT_SPAN_COUNTS_H
#define PROFAGENT_AGENT_SPAN_COUNTS_H

#include <stddef.h>
#include <stdint.h>

/*
 * *size bytes, a block of agent/arena.h that is the caller's; NULL without
 * memory. Flusher only.
 */
uint8_t *span_counts_make(size_t *size);

#endif
