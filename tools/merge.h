/* SPDX-License-Identifier: MIT */
/*
 * merge: many small Profiles of the same processes into one.
 *
 * What a subscriber gets from an agent each second is complete in itself; put
 * together, each mapping, location, thread and stack is there once, however long
 * it goes on, and keeps its index and the names it was given.
 */
#ifndef PROFAGENT_TOOLS_MERGE_H
#define PROFAGENT_TOOLS_MERGE_H

#include "tools/profile.h"

typedef struct _Merge Merge;

/* Into an empty Profile, which outlives it and which nobody else fills. */
Merge *merge_new(Profile *to);
void merge_free(Merge *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Merge, merge_free)

/*
 * Adds a Profile as an agent made it, without names and without moments (those
 * would have to lie together). Counters of a process that is known are replaced.
 * Returns the indices in `to` of its samples (guint32), in their order; NULL:
 * its sample types are others, nothing was added.
 */
GArray *merge_add(Merge *m, const Profile *from);

#endif
