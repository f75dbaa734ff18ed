/* SPDX-License-Identifier: MIT */
/*
 * unwind-cache: rules of addresses met before. Handlers of all threads read and
 * write it at any time; the flusher makes it forget.
 */
#include "agent/unwind-cache.h"

/* 256 KiB of address space; pages that no address hashes to stay untouched. */
_Atomic uint64_t unwind_cache[UNWIND_CACHE_ENTRIES];

_Atomic uint32_t unwind_cache_generation = 1;

void unwind_cache_store(uint64_t ra, uint32_t generation, uint64_t cfa_words,
			uint64_t rbp_words, uint64_t bits)
{
	uint64_t word = unwind_cache_key(ra, generation) << 23 |
			cfa_words << 9 | rbp_words << 2 | bits;

	if (ra >> ARCH_PC_BITS != 0)	/* its tag does not fit */
		return;
	atomic_store_explicit(&unwind_cache[unwind_cache_index(ra)], word,
			      memory_order_relaxed);
}

/*
 * A walk that is under way may still store under the old generation; such an
 * entry is met again only if the generation comes round to it without this
 * function having cleared it, which it does each time.
 */
void unwind_cache_forget(void)
{
	uint32_t old = atomic_load_explicit(&unwind_cache_generation,
					    memory_order_relaxed);
	uint32_t next;

	do {
		next = old + 1 < UNWIND_CACHE_GENERATIONS ? old + 1 : 1;
	} while (!atomic_compare_exchange_weak_explicit(
		&unwind_cache_generation, &old, next, memory_order_relaxed,
		memory_order_relaxed));
	for (unsigned i = 0; i < UNWIND_CACHE_ENTRIES; i++)
		if (atomic_load_explicit(&unwind_cache[i],
					 memory_order_relaxed) != 0)
			atomic_store_explicit(&unwind_cache[i], 0,
					      memory_order_relaxed);
}
