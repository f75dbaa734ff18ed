/* SPDX-License-Identifier: MIT */
/*
 * unwind-cache: the rules of addresses met before, one word each.
 *
 * Nearly every row of every table says: CFA = rsp or rbp + offset, return
 * address at CFA - 8, rbp kept or saved at CFA - offset. That fits one word
 * together with what it is for, so that a reader needs no lock: an entry is
 * either whole and for its pc, or a miss.
 *
 *   63        32 31      23 22       9 8       2  1    0
 *   | ra >> 15  | generat. | CFA / 8  | rbp / 8 | end | rbp |
 *
 * The key is a return address, or the interrupted pc + 1: what tables are asked
 * for is one less. Its low 15 bits are the index, plain, because they are
 * spread well enough and the next load waits for it; index and tag together are
 * the whole key. bit 0: CFA is relative to rbp, not rsp. bit 1: the outermost
 * frame. rbp / 8: saved that many words below the CFA, 0: kept.
 *
 * All functions are async-signal-safe and may run at once in any thread.
 */
#ifndef PROFAGENT_AGENT_UNWIND_CACHE_H
#define PROFAGENT_AGENT_UNWIND_CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/arch-x86_64.h"

#define UNWIND_CACHE_BITS 15
#define UNWIND_CACHE_ENTRIES (1u << UNWIND_CACHE_BITS)
#define UNWIND_CACHE_GENERATIONS 512u

#define UNWIND_CACHE_CFA_RBP 1u		/* bit 0 */
#define UNWIND_CACHE_OUTERMOST 2u	/* bit 1 */

/* Largest offsets that fit, in words of 8 bytes. */
#define UNWIND_CACHE_CFA_MAX 0x3fff
#define UNWIND_CACHE_RBP_MAX 0x7f

/* Relaxed throughout: an entry says itself whether it is the one asked for. */
extern _Atomic uint64_t unwind_cache[UNWIND_CACHE_ENTRIES];

/* 1 to UNWIND_CACHE_GENERATIONS - 1: an empty entry is of no generation. */
extern _Atomic uint32_t unwind_cache_generation;

/* One walk uses one generation, taken at its start. */
static inline uint32_t unwind_cache_begin(void)
{
	/* Relaxed: a walk that still sees the old one is an older walk. */
	return atomic_load_explicit(&unwind_cache_generation,
				    memory_order_relaxed);
}

static inline uint32_t unwind_cache_index(uint64_t ra)
{
	return (uint32_t)ra & (UNWIND_CACHE_ENTRIES - 1);
}

/* What an entry for `ra` has in its bits 23 and up. */
static inline uint64_t unwind_cache_key(uint64_t ra, uint32_t generation)
{
	return (ra >> UNWIND_CACHE_BITS) << 9 | generation;
}

/* The entry for `ra` in *word; false if there is none. */
static inline bool unwind_cache_find(uint64_t ra, uint32_t generation,
				     uint64_t *word)
{
	*word = atomic_load_explicit(&unwind_cache[unwind_cache_index(ra)],
				     memory_order_relaxed);
	return *word >> 23 == unwind_cache_key(ra, generation);
}

/* Bytes from the register to the CFA. */
static inline uint64_t unwind_cache_cfa_offset(uint64_t word)
{
	return word >> 6 & (UNWIND_CACHE_CFA_MAX << 3);
}

/* Bytes from the saved rbp up to the CFA, 0: rbp is as it is. */
static inline uint64_t unwind_cache_rbp_offset(uint64_t word)
{
	return word << 1 & (UNWIND_CACHE_RBP_MAX << 3);
}

/*
 * Keeps a rule; offsets in words of 8 bytes, at most the maxima above; `bits`
 * of UNWIND_CACHE_CFA_RBP and _OUTERMOST.
 */
void unwind_cache_store(uint64_t ra, uint32_t generation, uint64_t cfa_words,
			uint64_t rbp_words, uint64_t bits);

/* Forgets everything: walks that begin from now on find none of it. */
void unwind_cache_forget(void);

#endif
