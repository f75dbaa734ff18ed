/* SPDX-License-Identifier: MIT */
/*
 * region: rings and thread records in shared memory, so that they outlive us.
 *
 * One MAP_SHARED file a process in the runtime directory, removed at a clean
 * exit. After kill -9 the reader (tools/region-read) takes from it the samples
 * that the flusher had not yet written. Layout of the file:
 *
 *   | header, one page | labels | slot 0 | slot 1 | ... |
 *                                slot = record page + ring
 *
 * The flusher maps more slots, chunk by chunk, before they run out; a chunk
 * never moves and is never unmapped. A slot holds one thread after another:
 * `generation` says which. Memory behind a ring is taken with
 * MADV_POPULATE_WRITE, never by touching it, so that a full /dev/shm
 * is an error code and not a SIGBUS.
 *
 * Runtime directory: $XDG_RUNTIME_DIR/profagent, else /dev/shm/profagent-UID,
 * else /tmp/profagent-UID, made 0700 and refused if it is not ours. Where none
 * can be had the region is anonymous and nothing outlives kill -9; the health
 * counters say so.
 */
#ifndef PROFAGENT_AGENT_REGION_H
#define PROFAGENT_AGENT_REGION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/ring.h"
#include "agent/unwind.h"

#define REGION_MAGIC 0x746e6761666f7270ull	/* "profagnt" in the file */
#define REGION_VERSION 4u
#define REGION_PAGE 4096u
#define REGION_SLOT_BYTES (REGION_PAGE + RING_BYTES)
#define REGION_SLOTS_MAX (1u << 17)
#define REGION_RUN_ID 16	/* hex digits; file name is RUNID.region */

/*
 * The first so many sets of labels (agent/labels.h) are in the file as well: a
 * sample has but the number. Later ones have no names after a kill -9.
 */
#define REGION_LABELS 1024u
#define REGION_LABELS_BYTES (82u * REGION_PAGE)
#define REGION_SLOTS_AT (REGION_PAGE + REGION_LABELS_BYTES)

/* One set: that of `parent` and one pair. Number 0 is none. */
struct region_label {
	_Atomic uint32_t whole;		/* 1: it is; stored last */
	uint32_t parent;
	char key[64], value[256];	/* NUL-terminated */
};

_Static_assert(REGION_LABELS * sizeof(struct region_label) <=
	       REGION_LABELS_BYTES, "all of them have room");

/* Why a sample was lost. In the file: append, never renumber. */
enum lost_reason {
	LOST_RING_FULL = 0,	/* its weight went to the next sample */
	LOST_NO_STACK = 1,	/* too little stack left to run the handler */
	LOST_NESTED = 2,	/* the signal met our own handler */
	LOST_NO_SLOT = 3,	/* no ring could be had for the thread */
	LOST_NO_MEMORY = 4,	/* no memory behind the ring */
	LOST_DISK = 5,		/* could not be written: disk full */
	LOST_STARTING = 6,	/* there was no record yet, and none followed */
	LOST_REASONS
};

extern const char *const lost_reason_names[LOST_REASONS];

/*
 * Life of a slot. FREE -> STARTING (claimed by compare-and-swap, by the
 * creating thread) -> LIVE (armed) -> ENDED (its thread will produce no more;
 * the flusher drains the rest, then frees).
 */
enum slot_state { SLOT_FREE = 0, SLOT_STARTING, SLOT_LIVE, SLOT_ENDED };

/*
 * One thread. Written by its thread and its handler, read by the flusher and
 * by readers in other processes, except where a field says otherwise.
 * Times are CLOCK_MONOTONIC, counters only grow.
 */
struct thread_record {
	_Atomic uint32_t state;		/* enum slot_state */
	_Atomic uint32_t generation;	/* grows when the slot is claimed */
	int32_t tid;			/* as the kernel numbers it */
	uint32_t flags;			/* enum thread_flags */
	uint64_t start_routine;		/* address, 0 for the main thread */
	uint64_t start_ns;
	_Atomic uint64_t end_ns;	/* 0 while it lives */
	uint64_t cpu_start_ns;		/* its CPU clock when registered */
	uint64_t paused_cpu_ns;		/* its CPU clock when paused, 0: is not */
	uint64_t granted_ns;		/* taken over from the account of its
					 * start routine (agent/thread.h) */
	_Atomic uint64_t cpu_end_ns;	/* its CPU clock at the end */
	char name[16];			/* at its end, else read from /proc */

	/* The clock of this thread; written where it is armed. */
	int32_t timer;			/* kernel timer id, -1: none */
	_Atomic int32_t clock;		/* enum clock_kind */
	_Atomic int32_t wish;		/* the one it shall have, CLOCK_NONE:
					 * as all */
	uint32_t slot;			/* its own number */
	uint64_t period_ns;
	_Atomic uint32_t clock_lock;	/* agent.c: who arms and disarms */

	/* Handler. */
	_Atomic uint32_t busy;		/* a handler runs: nesting guard */
	_Atomic uint64_t first_ns;	/* weight of the next expiration, once;
					 * 0: a period. Set by who arms */
	uint64_t carry_ns;		/* CPU time of samples that were lost: */
	uint64_t carry_count;		/* the next sample takes it over */
	_Atomic uint64_t samples;	/* committed */
	_Atomic uint64_t expirations;	/* of the clock, with overruns */
	_Atomic uint64_t weight_ns;	/* sum of cpu_ns of committed samples */
	_Atomic uint64_t handler_ticks;	/* time-stamp counter */
	_Atomic uint64_t lost[LOST_REASONS];
	_Atomic uint64_t truncated[UNWIND_ENDS];

	/* Where its stubs of blocking calls save registers (thread.h); 0: no */
	uint64_t call_regs;
	_Atomic uint32_t watched;	/* not free before it is drained */

	/* What it works on (agent/labels.h). Written by its thread alone. */
	_Atomic uint32_t label;		/* a set */
	uint32_t label_skipped;		/* pushed for want of room */

	/* Stack of the thread, bytes [low, high); 0: unknown. */
	uint64_t stack_low, stack_high;

	struct ring ring;
};

enum thread_flags {
	THREAD_MAIN = 1,
	THREAD_FOREIGN = 2,	/* raw clone: armed from outside */
	THREAD_ENDING = 4,	/* its clock stays disarmed */
};

_Static_assert(sizeof(struct thread_record) <= REGION_PAGE,
	       "a thread record is one page");

/* First page of the file. Written before the first slot is used. */
struct region_header {
	_Atomic uint64_t magic;		/* stored last */
	uint32_t version;
	uint32_t header_bytes;		/* REGION_SLOTS_AT */
	uint32_t slot_bytes;		/* REGION_SLOT_BYTES */
	uint32_t ring_bytes;
	_Atomic uint32_t slots;		/* that the file has room for */
	int32_t pid;
	char run_id[REGION_RUN_ID + 1];
	uint64_t pid_start;		/* field 22 of /proc/PID/stat */
	_Atomic uint32_t part;		/* of the output: grows by rotation */
};

/* --- in the agent ------------------------------------------------------ */

/*
 * Makes the region of this process with room for a first chunk of threads, in
 * `runtime_dir` ($XDG_RUNTIME_DIR, NULL if unset) or one of the others. Once,
 * before any thread claims a slot: in the constructor, or in the flusher of a
 * forked child. *fd is the file's descriptor, -1 if the region is anonymous:
 * the flusher keeps it. Returns 0 or -errno.
 */
int region_init(const char *runtime_dir, const char *run_id,
		uint64_t pid_start, int *fd);

/* The flusher's copy of the descriptor, for region_grow(). */
void region_set_fd(int fd);

/* Maps the next chunk. Flusher only. Returns 0 or -errno. */
int region_grow(void);

/* Slots mapped so far. Async-signal-safe. */
uint32_t region_slots(void);

/* Slot of that index, NULL beyond region_slots(). Async-signal-safe. */
struct thread_record *region_record(uint32_t slot);
uint8_t *region_ring_buffer(uint32_t slot);

/*
 * Puts memory behind ring bytes [0, bytes) of a slot have memory behind them.
 * Async-signal-safe (one system call when it has to do something).
 * Returns 0 or -errno.
 */
int region_populate(uint32_t slot, uint32_t bytes);

/*
 * Keeps a set of labels for the reader; its number may be one that is not kept.
 * The same again changes nothing. Any thread, async-signal-safe.
 */
void region_keep_label(uint16_t set, uint16_t parent, const char *key,
		       const char *value);

/* Gives memory beyond RING_RESIDENT back. Flusher, while the ring is empty. */
void region_trim(uint32_t slot);

/* Bytes of memory behind the region, about. */
uint64_t region_memory(void);

/* Path of the file, "" if anonymous. */
const char *region_path(void);

/* The directory it is in, "" if anonymous. In `text`, of PATH_MAX bytes. */
const char *region_directory(char *text);

/*
 * The process is about to become another user: moves the file to where that
 * user may remove it, and gives it to them; removes it if that cannot be.
 * Flusher, with the rights of before.
 */
void region_hand_over(unsigned user, unsigned group);

/* Removes the file. The memory stays mapped and usable. */
void region_unlink(void);

/* In a forked child: the parent's region is not ours. Never touches it. */
void region_reset_after_fork(void);

/* The same for what only the flusher needs: it calls this first. */
void region_begin_in_child(void);

#endif
