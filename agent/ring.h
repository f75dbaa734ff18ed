/* SPDX-License-Identifier: MIT */
/*
 * ring: the samples of one thread on their way to the flusher.
 *
 * Single producer (the signal handler on the thread that owns the ring), single
 * consumer (the flusher, or a reader of the region after the process died).
 * Records are contiguous and 8-byte aligned:
 *
 *        tail                      head
 *         v                         v
 *   |.....[sample][sample][sample]..............| RING_BYTES
 *   0             published by                  end: a SKIP record where the
 *                 head (release)                next sample would not fit
 *
 * head and tail count bytes since the ring was born and never wrap (64 bits);
 * their value modulo RING_BYTES is the place in the buffer. When the
 * ring is empty the producer goes back to the first byte by the same SKIP
 * record, so that a quiet thread touches the first pages only.
 */
#ifndef PROFAGENT_AGENT_RING_H
#define PROFAGENT_AGENT_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RING_BYTES (256u * 1024u)	/* address space, a power of two */
#define RING_RESIDENT (16u * 1024u)	/* kept in memory for a quiet thread */

enum ring_kind {
	RING_SAMPLE = 1,
	RING_SKIP = 2,	/* nothing here: continue at the first byte */
};

/*
 * One sample as it lies in a ring; frames follow. Part of the region's format
 * (agent/region.h): a change of layout is a new REGION_VERSION.
 */
struct ring_sample {
	uint32_t size;		/* bytes, this header and frames, 8-aligned */
	uint16_t kind;		/* enum ring_kind */
	uint16_t end;		/* enum unwind_end */
	uint32_t frames;	/* how many pcs follow, leaf first */
	uint32_t count;		/* expirations it stands for, >= 1 */
	uint64_t time_ns;	/* CLOCK_MONOTONIC */
	uint64_t cpu_ns;	/* CPU time it stands for */
	uint64_t pcs[];
};

/* In shared memory. Producer and consumer fields on lines of their own. */
struct ring {
	_Alignas(64) _Atomic uint64_t head;	/* written by the producer */
	_Atomic uint32_t resident;	/* bytes known to have memory behind */
	_Alignas(64) _Atomic uint64_t tail;	/* written by the consumer */
};

/*
 * All functions take the buffer apart from the ring: a reader in another
 * process maps both at addresses of its own.
 */

/*
 * Producer. Room for a sample of up to `max_frames` frames; fewer are given
 * when the free room is smaller, down to `min_frames`. Returns the
 * record to fill and stores the granted number in *granted, or NULL: full.
 * `*wrapped_head` is where ring_commit() continues. Async-signal-safe.
 */
struct ring_sample *ring_reserve(struct ring *ring, uint8_t *buffer,
				 uint32_t min_frames, uint32_t max_frames,
				 uint32_t *granted, uint64_t *start);

/*
 * Producer. Publishes the record reserved at `start`, holding s->frames frames.
 * Returns true when the ring became more than half full by it: wake the flusher.
 * Async-signal-safe.
 */
bool ring_commit(struct ring *ring, struct ring_sample *s, uint64_t start);

/*
 * Consumer. The next sample at or after *pos and before `head`, NULL when there
 * is none or when what lies there is no valid record (*bad is set; only a
 * damaged region can do that). *pos moves behind it.
 */
const struct ring_sample *ring_next(const uint8_t *buffer, uint64_t head,
				    uint64_t *pos, bool *bad);

/* Consumer. Everything before `pos` may be overwritten. */
void ring_release(struct ring *ring, uint64_t pos);

#endif
