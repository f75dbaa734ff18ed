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
#include <stdatomic.h>
#include <stddef.h>

#include "agent/agent.h"
#include "agent/elfsym.h"

/* Exported: in libprofagent.map as well. */
#define PRELOAD_EXPORT __attribute__((visibility("default")))

/* A function that ours hides. The linker gathers them: see preload_find(). */
struct preload_real {
	const char *name;
	void *_Atomic function;
};

/*
 * The function ours hides. The constructor finds them all, because the list of
 * objects is only then sure not to change; other libraries' constructors may
 * come before it, so that here it is found when needed.
 */
#define PRELOAD_REAL(name) \
	({ \
		static struct preload_real real_ \
			__attribute__((section("preload_reals"), used)) = { \
				#name, NULL \
			}; \
		(__typeof__(&(name)))preload_find(&real_); \
	})

static inline void *preload_find(struct preload_real *real)
{
	/* relaxed: whoever else looks it up finds the same */
	void *found = atomic_load_explicit(&real->function,
					   memory_order_relaxed);

	if (__builtin_expect(!found, 0)) {
		found = elfsym_find_next(real->name);
		atomic_store_explicit(&real->function, found,
				      memory_order_relaxed);
	}
	return found;
}

/* Once, from the constructor: the thread interposer's key and fork handlers. */
void preload_threads_init(void);

#endif
