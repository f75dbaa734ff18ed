/* SPDX-License-Identifier: MIT */
/* execs: see execs.h. No libc, no lock. */
#include "agent/execs.h"

#include <stdatomic.h>

#include "agent/fork.h"

static FORK_DATA _Atomic int tids[EXECS_MAX];	/* 0: free */
static FORK_DATA _Atomic unsigned listed;	/* of them */

bool execs_add(int tid)
{
	int i, none;

	for (i = 0; i < EXECS_MAX; i++) {
		none = 0;
		/*
		 * release, of both: the request to the flusher that follows
		 * carries them over
		 */
		if (!atomic_compare_exchange_strong_explicit(
			    &tids[i], &none, tid, memory_order_release,
			    memory_order_relaxed))
			continue;
		atomic_fetch_add_explicit(&listed, 1, memory_order_release);
		return true;
	}
	return false;
}

void execs_remove(int tid)
{
	int i, own;

	for (i = 0; i < EXECS_MAX; i++) {
		own = tid;
		if (!atomic_compare_exchange_strong_explicit(
			    &tids[i], &own, 0, memory_order_release,
			    memory_order_relaxed))
			continue;
		atomic_fetch_sub_explicit(&listed, 1, memory_order_release);
		return;
	}
}

FORK_CODE bool execs_has_any(void)
{
	/* acquire: pairs with the releases of execs_add() */
	return atomic_load_explicit(&listed, memory_order_acquire) > 0;
}

bool execs_has(int tid)
{
	int i;

	if (!execs_has_any())
		return false;
	for (i = 0; i < EXECS_MAX; i++)
		if (atomic_load_explicit(&tids[i], memory_order_relaxed) == tid)
			return true;
	return false;
}

FORK_CODE void execs_reset_after_fork(void)
{
	int i;

	if (!execs_has_any())
		return;
	for (i = 0; i < EXECS_MAX; i++)
		atomic_store_explicit(&tids[i], 0, memory_order_relaxed);
	atomic_store_explicit(&listed, 0, memory_order_relaxed);
}
