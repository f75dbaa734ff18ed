/* SPDX-License-Identifier: MIT */
/*
 * viewer-spans: how long the pieces of work took that a program counts, as rows
 * of the terminal viewer: in place of the functions, the most time first.
 */
#ifndef PROFAGENT_TOOLS_VIEWER_SPANS_H
#define PROFAGENT_TOOLS_VIEWER_SPANS_H

#include "tools/profile.h"

/*
 * Titles at `line`, in `style`, and below them `rows` rows from number *top on;
 * *top is moved back where it is too far. `p` may be NULL.
 */
void viewer_spans_draw(const Profile *p, guint line, guint rows, guint style,
		       guint *top);

#endif
