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
 * head, tail and base count bytes since the ring was born and never wrap (64
 * bits); their value modulo RING_BYTES is the place in the buffer. A producer
 * that finds the ring empty goes on at the first byte of the buffer and
 * says so in `base`: nothing lies between tail and base. So a
 * quiet thread touches the first pages only. The oldest sample is at
 * max(tail, base).
 *
 * Only the first `resident` bytes have memory behind them; the producer asks
 * for more (region_populate) before it writes beyond.
 */
#ifndef PROFAGENT_AGENT_RING_H
#define PROFAGENT_AGENT_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RING_BYTES (256u * 1024u)	/* address space, a power of two */
#define RING_RESIDENT (16u * 1024u)	/* kept in memory after a burst */

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
	uint8_t kind;		/* enum ring_kind */
	uint8_t end;		/* enum unwind_end */
	uint16_t label;		/* set of labels (agent/labels.h), 0: none */
	uint32_t frames;	/* how many pcs follow, leaf first */
	uint32_t count;		/* expirations it stands for, >= 1 */
	uint64_t time_ns;	/* CLOCK_MONOTONIC */
	uint64_t cpu_ns;	/* CPU time it stands for */
	uint64_t pcs[];
};

/* In shared memory. Producer and consumer fields on lines of their own. */
struct ring {
	_Alignas(64) _Atomic uint64_t head;	/* written by the producer */
	_Atomic uint64_t base;			/* written by the producer */
	_Atomic uint32_t resident;	/* bytes with memory behind */
	_Alignas(64) _Atomic uint64_t tail;	/* written by the consumer */
	_Atomic uint32_t trimming;	/* resident may not grow just now */
};

/* Where the producer may write its next sample. */
struct ring_place {
	struct ring_sample *sample;	/* to be filled */
	uint32_t frames;		/* room for so many */
	uint32_t need;			/* -EAGAIN: resident bytes needed */
	uint64_t start;			/* for ring_commit() */
};

/*
 * All functions take the buffer apart from the ring: a reader in another
 * process maps both at addresses of its own.
 */

/*
 * Producer. Finds room for a sample of at least `min_frames` and at most
 * `max_frames` frames. Async-signal-safe.
 *   0        place->sample may be filled with place->frames frames
 *   -ENOSPC  the ring is full
 *   -EAGAIN  make place->need bytes resident, store them, and call again
 */
int ring_reserve(struct ring *ring, uint8_t *buffer, uint32_t min_frames,
		 uint32_t max_frames, struct ring_place *place);

/*
 * Producer. Publishes the reserved sample, which holds sample->frames frames.
 * Returns true when the ring became more than half full by it: wake the
 * flusher. Async-signal-safe.
 */
bool ring_commit(struct ring *ring, const struct ring_place *place);

/* Consumer. Where the oldest sample is, and how far it may read. */
uint64_t ring_oldest(struct ring *ring, uint64_t *head);

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
