/* SPDX-License-Identifier: MIT */
/*
 * stacks: merges equal samples between two flushes.
 *
 * A hash table from (thread slot, generation, labels, end reason, frames) to counts
 * and sums, with the time and weight of every single sample beside it. The
 * flusher fills it while it drains the rings, writes it, clears it. Memory
 * comes from an arena; nothing is freed one by one.
 */
#ifndef PROFAGENT_AGENT_STACKS_H
#define PROFAGENT_AGENT_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_sample;

/* What a thread did where it was seen. Only where the wall clock runs. */
enum stacks_state {
	STACKS_UNSAID = 0,
	STACKS_RUNNING,
	STACKS_RUNNABLE,	/* waiting for a CPU */
	STACKS_BLOCKED,
};

/* A stack as it was seen at one moment. */
struct stacks_sample {
	const uint64_t *pcs;	/* leaf first */
	uint32_t frames;
	uint16_t end;		/* enum unwind_end */
	uint16_t state;		/* enum stacks_state */
	int32_t call;		/* system call, while blocked; -1: none */
	uint16_t label;		/* set (agent/labels.h) */
	uint64_t time_ns;	/* CLOCK_MONOTONIC */
	uint64_t count, cpu_ns, wall_ns;
};

/* One moment at which a stack was seen. */
struct stacks_moment {
	struct stacks_moment *next;	/* later in time */
	uint64_t time_ns;		/* CLOCK_MONOTONIC */
	uint64_t cpu_ns;		/* wall time where no CPU time is */
};

struct stacks_entry {
	struct stacks_entry *next;	/* in order of first sight */
	struct stacks_entry *chain;	/* same bucket */
	uint64_t hash;
	uint32_t slot, generation;	/* the thread */
	struct stacks_entry *sibling;	/* the owner's of the table */
	uint16_t end;			/* enum unwind_end */
	uint16_t state;			/* enum stacks_state */
	int32_t call;
	uint16_t label;
	uint32_t frames;
	uint64_t count;			/* sum of ring_sample.count */
	uint64_t cpu_ns, wall_ns;	/* sums */
	struct stacks_moment *first, *last;
	uint64_t pcs[];			/* leaf first */
};

struct stacks;

/*
 * NULL without memory. A forked child does not have its parent's table
 * (agent/arena.h): it makes a new one and never touches the old pointer.
 */
struct stacks *stacks_new(void);
void stacks_free(struct stacks *t);	/* NULL is fine */

/*
 * Adds one sample. Returns 0, or -ENOMEM: then the sample is not in the table
 * and the caller counts it as lost.
 */
int stacks_add(struct stacks *t, uint32_t slot, uint32_t generation,
	       const struct ring_sample *s);

/* The same for any sample. The entry it went to, NULL without memory. */
struct stacks_entry *stacks_put(struct stacks *t, uint32_t slot,
				uint32_t generation,
				const struct stacks_sample *s);

/* First entry; walk on with ->next. NULL if empty. */
const struct stacks_entry *stacks_first(const struct stacks *t);

/* The same for the table's owner, who may set `sibling`. */
struct stacks_entry *stacks_entries(struct stacks *t);

/* Empties the table and gives memory beyond a small working set back. */
void stacks_clear(struct stacks *t);

size_t stacks_memory(const struct stacks *t);	/* bytes */

#endif
