/* SPDX-License-Identifier: MIT */
/*
 * profile-cut: a range of time of a profile, as if no more had been recorded.
 *
 * A file on a command line may be FILE@FROM..TO, either end left out: so two
 * ranges of one profile are two profiles wherever two are compared.
 */
#ifndef PROFAGENT_TOOLS_PROFILE_CUT_H
#define PROFAGENT_TOOLS_PROFILE_CUT_H

#include <gio/gio.h>

#include "tools/profile.h"

typedef struct {
	guint64 from_ns, to_ns;		/* [from, to) since the start of the
					 * file's first process; to 0: the end */
} ProfileCut;

/*
 * Whether `word` is FILE@FROM..TO: then *path, which g_free() frees, is FILE. A
 * file of that very name is meant as it is. FALSE with `error` set (one of
 * GOption's) if the range is none.
 */
gboolean profile_cut_parse(const char *word, char **path, ProfileCut *cut,
			   GError **error);

/*
 * Cuts the samples from index `first` on, which are those of one file, down to
 * what was taken in the range; those without times go. FALSE, and nothing is
 * changed, if none of them has times.
 */
gboolean profile_cut(Profile *p, guint first, const ProfileCut *cut);

#endif
