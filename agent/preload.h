/* SPDX-License-Identifier: MIT */
/*
 * preload: what the interposers share.
 *
 * An interposer has always the same shape: if this is not our process (a vfork
 * child shares our memory) call the real function and nothing else; otherwise
 * before, call, keep errno, after. preload-*.c hold them by theme; only
 * the preloaded library links them.
 */
#ifndef PROFAGENT_AGENT_PRELOAD_H
#define PROFAGENT_AGENT_PRELOAD_H

#include <errno.h>
#include <stddef.h>

#include "agent/agent.h"
#include "agent/elfsym.h"

/* Exported: in libprofagent.map as well. */
#define PRELOAD_EXPORT __attribute__((visibility("default")))

/*
 * The function ours hides. Found when first needed: another library's
 * constructor may run before ours. Two threads may both look it up and
 * find the same.
 */
#define PRELOAD_REAL(name) \
	({ \
		static __typeof__(&(name)) real_; \
		__typeof__(&(name)) found_ = \
			__atomic_load_n(&real_, __ATOMIC_RELAXED); \
		if (!found_) { \
			found_ = (__typeof__(&(name)))elfsym_find_next(#name); \
			__atomic_store_n(&real_, found_, __ATOMIC_RELAXED); \
		} \
		found_; \
	})

/* Once, from the constructor: the thread interposer's key and fork handlers. */
void preload_threads_init(void);

#endif
