/* SPDX-License-Identifier: MIT */
/*
 * region-read: samples that a process left in its shared region.
 *
 * What the agent's flusher had not written when the process died (or has not
 * yet, while it lives) lies in the rings of agent/region.h. Only what is beyond
 * the positions noted in the file is taken. The region is read, never mapped:
 * its owner may change it at any moment.
 */
#ifndef PROFAGENT_TOOLS_REGION_READ_H
#define PROFAGENT_TOOLS_REGION_READ_H

#include "tools/pprof-decode.h"

/*
 * Adds the rest of the process that `d` holds, before pprof_decode_finish(). A
 * region that is gone, of another run, part or owner adds nothing; one that is
 * damaged adds what is whole, and a sentence to `skipped` (char *).
 */
void region_read_rest(PprofDecode *d, GPtrArray *skipped);

/* Whether the file begins as a region does. */
gboolean region_read_is_region(int fd);

/* Whether it was to become one: by its name, and without a beginning. */
gboolean region_read_is_unborn(const char *path, int fd);

/*
 * A region by itself, of a process that died before its first flush: its
 * addresses have no names. Adds nothing if the process is in `p` already.
 */
gboolean region_read_alone(Profile *p, const char *path, int fd,
			   PprofReadFlags flags, GError **error);

#endif
