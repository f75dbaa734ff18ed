/* SPDX-License-Identifier: MIT */
/* span-counts: see span-counts.h. Flusher only. */
#include "agent/span-counts.h"

#include <string.h>

#include "agent/agent.h"
#include "agent/arena.h"
#include "agent/drain.h"
#include "agent/pprof.h"
#include "agent/sys.h"

static const uint8_t *encode(struct pprof *to, size_t *size)
{
	struct pprof_process process;

	drain_describe(&process);
	pprof_begin(to, &process, 0);
	drain_add_spans(to, false);
	return pprof_end(to, sys_clock_ns(CLOCK_MONOTONIC) -
				     agent_process.start_mono_ns, size);
}

uint8_t *span_counts_make(size_t *size)
{
	struct pprof *to = pprof_new();
	const uint8_t *message = to ? encode(to, size) : NULL;
	uint8_t *copy = message ? arena_block(NULL, 0, *size) : NULL;

	if (copy)
		memcpy(copy, message, *size);
	pprof_free(to);
	return copy;
}
