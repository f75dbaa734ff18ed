/* SPDX-License-Identifier: MIT */
/*
 * ring: see ring.h. The producer half runs in the signal handler: no call, no
 * lock, no loop that depends on the other side.
 */
#include "agent/ring.h"

#include <errno.h>
#include <stddef.h>

#define RING_MASK ((uint64_t)RING_BYTES - 1)

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t next_lap(uint64_t pos)
{
	return (pos + RING_MASK) & ~RING_MASK;
}

static uint32_t sample_bytes(uint32_t frames)
{
	return (uint32_t)sizeof(struct ring_sample) + frames * 8u;
}

static uint32_t frames_in(uint32_t bytes, uint32_t max_frames)
{
	uint32_t frames;

	if (bytes < sizeof(struct ring_sample))
		return 0;
	frames = (bytes - (uint32_t)sizeof(struct ring_sample)) / 8u;
	return frames < max_frames ? frames : max_frames;
}

/* Tells the consumer that the rest of this lap holds nothing. */
static void write_skip(uint8_t *buffer, uint32_t offset)
{
	struct ring_sample *s = (struct ring_sample *)(buffer + offset);

	s->size = RING_BYTES - offset;
	s->kind = RING_SKIP;
}

static int grant(uint8_t *buffer, uint64_t start, uint32_t room,
		 uint32_t max_frames, struct ring_place *place)
{
	place->start = start;
	place->sample = (struct ring_sample *)(buffer + (start & RING_MASK));
	place->frames = frames_in(room, max_frames);
	return 0;
}

static int need(struct ring_place *place, uint32_t bytes)
{
	place->need = bytes;
	return bytes <= RING_BYTES ? -EAGAIN : -ENOSPC;
}

/*
 * The ring holds [toff, off): free are the end of the buffer and, after a
 * skip, its beginning. The end is taken while it has memory behind it.
 */
static int reserve_behind(uint8_t *buffer, uint64_t head, uint32_t toff,
			  uint32_t resident, uint32_t min, uint32_t max_frames,
			  struct ring_place *place)
{
	uint32_t off = (uint32_t)(head & RING_MASK);

	if (resident >= off + min)
		return grant(buffer, head, resident - off, max_frames, place);
	if (toff < min) {
		if (off + min > RING_BYTES)
			return -ENOSPC;
		return need(place, off + min);
	}
	if (resident < off + 8)		/* no memory for the skip itself */
		return need(place, off + 8);
	write_skip(buffer, off);
	return grant(buffer, next_lap(head), toff, max_frames, place);
}

int ring_reserve(struct ring *ring, uint8_t *buffer, uint32_t min_frames,
		 uint32_t max_frames, struct ring_place *place)
{
	uint32_t min = sample_bytes(min_frames);
	/* relaxed: head and base are ours */
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint64_t base = atomic_load_explicit(&ring->base, memory_order_relaxed);
	/*
	 * acquire: pairs with the release in ring_release(); the consumer's
	 * reads of what it gave back come before our writes into it
	 */
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	/* relaxed: region_trim() is ordered by the handler's busy flag */
	uint32_t resident = atomic_load_explicit(&ring->resident,
						 memory_order_relaxed);
	uint32_t off = (uint32_t)(head & RING_MASK);
	uint32_t toff;

	tail = max_u64(tail, base);
	if (head == tail) {
		if (resident < min)
			return need(place, min);
		return grant(buffer, next_lap(head), resident, max_frames,
			     place);
	}
	toff = (uint32_t)(tail & RING_MASK);
	if (off > toff)
		return reserve_behind(buffer, head, toff, resident, min,
				      max_frames, place);
	if (off == toff || toff - off < min)
		return -ENOSPC;
	return grant(buffer, head, toff - off, max_frames, place);
}

bool ring_commit(struct ring *ring, const struct ring_place *place)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint64_t base = atomic_load_explicit(&ring->base, memory_order_relaxed);
	/* relaxed: only a hint for the wake-up is derived from it */
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	struct ring_sample *s = place->sample;
	uint64_t before, after;

	s->kind = RING_SAMPLE;
	s->size = sample_bytes(s->frames);
	if (max_u64(tail, base) == head && place->start != head) {
		/*
		 * relaxed: published by the release of head below; the
		 * consumer reads it after its acquire of head
		 */
		base = place->start;
		atomic_store_explicit(&ring->base, base, memory_order_relaxed);
	}
	tail = max_u64(tail, base);
	before = place->start - tail;
	after = before + s->size;
	/*
	 * release: pairs with the acquire in ring_oldest(); whoever sees this
	 * head sees the sample, a skip before it, and base
	 */
	atomic_store_explicit(&ring->head, place->start + s->size,
			      memory_order_release);
	return before <= RING_BYTES / 2 && after > RING_BYTES / 2;
}

uint64_t ring_oldest(struct ring *ring, uint64_t *head)
{
	uint64_t tail, base;

	/* acquire: pairs with the release in ring_commit() */
	*head = atomic_load_explicit(&ring->head, memory_order_acquire);
	base = atomic_load_explicit(&ring->base, memory_order_relaxed);
	tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	tail = max_u64(tail, base);
	/* base may already belong to a head published after ours */
	return tail < *head ? tail : *head;
}

static bool sample_is_valid(const struct ring_sample *s, uint32_t left)
{
	return s->kind == RING_SAMPLE && s->size <= left &&
	       s->frames <= (RING_BYTES - sizeof(*s)) / 8u &&
	       s->size == sample_bytes(s->frames);
}

const struct ring_sample *ring_next(const uint8_t *buffer, uint64_t head,
				    uint64_t *pos, bool *bad)
{
	const struct ring_sample *s;
	uint32_t offset, left;

	*bad = false;
	while (*pos < head) {
		offset = (uint32_t)(*pos & RING_MASK);
		left = RING_BYTES - offset;
		s = (const struct ring_sample *)(buffer + offset);
		if (left >= 8 && s->kind == RING_SKIP && s->size == left) {
			*pos += left;
			continue;
		}
		if (left < sizeof(*s) || (offset & 7) ||
		    !sample_is_valid(s, left) || s->size > head - *pos) {
			*bad = true;
			return NULL;
		}
		*pos += s->size;
		return s;
	}
	return NULL;
}

void ring_release(struct ring *ring, uint64_t pos)
{
	/*
	 * release: pairs with the acquire in ring_reserve(); our reads of the
	 * samples before pos are over before the producer may overwrite them
	 */
	atomic_store_explicit(&ring->tail, pos, memory_order_release);
}
