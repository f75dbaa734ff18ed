/* SPDX-License-Identifier: MIT */
/*
 * functions: which functions the samples since the process began were in.
 *
 * A function is what one record of .eh_frame covers, so that counting needs no
 * names; code without such records counts by the address, and may be counted
 * more than once where it calls itself. Names are read when somebody asks, and
 * kept. Memory is bounded: samples in what is beyond FUNCTIONS_MOST count as
 * one function "[others]".
 *
 * Flusher only, or ordinary context once that has ended.
 */
#ifndef PROFAGENT_AGENT_FUNCTIONS_H
#define PROFAGENT_AGENT_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>

#define FUNCTIONS_MOST 8192u		/* 64 bytes each */
#define FUNCTIONS_ADDRESSES 16384u	/* remembered; 16 bytes each */
#define FUNCTIONS_NAME_MAX 1023u	/* bytes; what is longer is cut */

/* What was hot lately: a sample counts half as much after so long, ns. */
#define FUNCTIONS_HALF_LIFE_NS 2000000000ull

struct stacks_entry;

/*
 * Counts a stack: its leaf, and each function in it once. `ns` is what it
 * weighs, `now_ns` CLOCK_MONOTONIC. Takes 10 ns a frame.
 */
void functions_add(const struct stacks_entry *e, uint64_t ns, uint64_t now_ns);

/*
 * All of them, the most own time first, a line each:
 *
 *	SELF <tab> TOTAL <tab> SELF_NS <tab> TOTAL_NS <tab> OBJECT <tab> NAME
 *
 * SELF and TOTAL are samples; OBJECT is the file's path, or what stands in
 * its place in /proc/self/maps; NAME is the symbol as it is in the file, or
 * OBJECT's last part + 0x and the address in it. Bytes below a blank are '?'.
 * Returns *size bytes and a NUL behind them, in a block of agent/arena.h of
 * *size + 1 bytes that becomes the caller's; NULL without memory. Takes 10 ns
 * a symbol of the objects that have new functions.
 */
char *functions_list(size_t *size);

/*
 * The one that was hottest in the last seconds: its name and share of the CPU
 * time, in thousandths. 0: there was no sample. The texts are valid until
 * the next call of anything here.
 */
unsigned functions_hottest(const char **name, const char **object,
			   uint64_t now_ns);

size_t functions_memory(void);	/* bytes */

/* In a forked child; see agent/arena.h. */
void functions_reset_after_fork(void);

/* For unit tests: forgets all, and gives the memory back. */
void functions_release(void);

#endif
