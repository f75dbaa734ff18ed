/* SPDX-License-Identifier: MIT */
/*
 * viewer-text: what the viewer would show, as text: where there is no terminal,
 * or no ncurses.
 */
#ifndef PROFAGENT_TOOLS_VIEWER_TEXT_H
#define PROFAGENT_TOOLS_VIEWER_TEXT_H

#include "tools/calltree.h"

/* Health and the call tree, on standard output. `notes` (char *) may be NULL. */
void viewer_text_print(Profile *p, const CalltreeOptions *options,
		       const GPtrArray *notes);

#endif
