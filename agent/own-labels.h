/* SPDX-License-Identifier: MIT */
/*
 * own-labels: the labels (agent/labels.h) of the calling thread.
 *
 * They are in its record, where its handler and the flusher find them. All
 * functions are async-signal-safe and lock-free.
 */
#ifndef PROFAGENT_AGENT_OWN_LABELS_H
#define PROFAGENT_AGENT_OWN_LABELS_H

#include <stdint.h>

/*
 * Adds a pair until own_labels_pop(), which may be called more often.
 * 0; else the pair is not there, but own_labels_pop() is called for it all the
 * same:
 * -EINVAL, -E2BIG, -ENOSPC without room, -ESRCH for a thread that is not
 * profiled.
 */
int own_labels_push(const char *key, const char *value);
int own_labels_pop(void);	/* 0, -ENOENT: there is nothing to pop, -ESRCH */

/*
 * Gives a key another value below all that was pushed since it was set; NULL
 * takes it out. Errors as own_labels_push().
 */
int own_labels_set(const char *key, const char *value);

/*
 * What a forked child goes on with: its thread has no record yet. In the parent's
 * thread, before its record is gone.
 */
uint16_t own_labels_of_forked(void);

#endif
