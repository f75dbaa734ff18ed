/* SPDX-License-Identifier: MIT */
/*
 * module-history: the modules that were unloaded of late.
 *
 * A sample is looked up after its module may have gone, so a module is kept for
 * a minute from when it was seen gone. Flusher only.
 */
#ifndef PROFAGENT_AGENT_MODULE_HISTORY_H
#define PROFAGENT_AGENT_MODULE_HISTORY_H

#include <stdint.h>

#include "agent/modules.h"

/* A module that was there at `seen_ns` and is not at `now`. */
void module_history_add(const struct module *m, uint64_t seen_ns,
			uint64_t now);

/* Lets go of what nobody can ask for any more. */
void module_history_prune(uint64_t now);

/*
 * Calls `visit` for each that is not told yet; module_history_told(): those that
 * it was last called for are.
 */
void module_history_visit(void (*visit)(const struct module *, void *),
			  void *arg);
void module_history_told(void);

/*
 * What had `pc` at `time_ns`: `current`, which has it now (or NULL), or one of
 * the history. NULL if none, or if it could be more than one.
 */
const struct module *module_history_find(const struct module *current,
					 uint64_t pc, uint64_t time_ns);

/* In a forked child: nothing was unloaded. */
void module_history_clear(void);

/* In a forked child, which does not have the memory. */
void module_history_reset_after_fork(void);

#endif
