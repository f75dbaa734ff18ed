/* SPDX-License-Identifier: MIT */
/*
 * pprof-sieve: of a file with more places or stacks than anyone can look at,
 * which are told apart.
 *
 * Such a file is walked before it is decoded, three times, as each walk needs
 * what the one before found: what places weigh; what stacks of the heaviest
 * places weigh, and which functions and mappings these have; which strings are
 * left. What is not kept becomes one place, PROFILE_SMALL, so that every sum
 * stays what it is, and so do self and total of each place that is kept; but of
 * a stack that is not kept the innermost place alone is. Memory is fixed: 140
 * MiB while walking, then a tenth of that.
 */
#ifndef PROFAGENT_TOOLS_PPROF_SIEVE_H
#define PROFAGENT_TOOLS_PPROF_SIEVE_H

#include <glib.h>

#include "tools/fields.h"

typedef struct _PprofSieve PprofSieve;

/* Keeps about so many of each; see weights.h. */
PprofSieve *pprof_sieve_new(guint places, guint stacks);
void pprof_sieve_free(PprofSieve *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PprofSieve, pprof_sieve_free)

/* Takes one top-level field of the walk. */
void pprof_sieve_field(PprofSieve *s, const Field *field);

/* Ends a walk over the file: FALSE if it was the last. */
gboolean pprof_sieve_next(PprofSieve *s);

/* --- after the last walk --- */

gboolean pprof_sieve_has_place(const PprofSieve *s, guint64 location);

/* Of a whole field: what its message defines, or the stack of its sample. */
gboolean pprof_sieve_has_location(const PprofSieve *s, const Field *f);
gboolean pprof_sieve_has_function(const PprofSieve *s, const Field *f);
gboolean pprof_sieve_has_mapping(const PprofSieve *s, const Field *f);
gboolean pprof_sieve_has_stack(PprofSieve *s, const Field *f);

/* By its number in the table. */
gboolean pprof_sieve_has_string(const PprofSieve *s, guint64 number);

/* A sentence about what was not kept; NULL: all was. g_free() it. */
char *pprof_sieve_describe(const PprofSieve *s);

#endif
