/* SPDX-License-Identifier: MIT */
/*
 * profile-functions: adds functions to a Profile, each only once.
 */
#ifndef PROFAGENT_TOOLS_PROFILE_FUNCTIONS_H
#define PROFAGENT_TOOLS_PROFILE_FUNCTIONS_H

#include "tools/profile.h"

typedef struct _ProfileFunctions ProfileFunctions;

/* Knows the functions that `p` has; `p` must outlive it. */
ProfileFunctions *profile_functions_new(Profile *p);
void profile_functions_free(ProfileFunctions *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProfileFunctions, profile_functions_free)

/* Index of a function equal to `function`. */
guint32 profile_functions_add(ProfileFunctions *f,
			      const ProfileFunction *function);

#endif
