/* SPDX-License-Identifier: MIT */
/*
 * rewrite: a file as the agent left it into one that is finished: whole, one
 * compressed member, with names.
 */
#ifndef PROFAGENT_TOOLS_REWRITE_H
#define PROFAGENT_TOOLS_REWRITE_H

#include <gio/gio.h>

#include "tools/symbols.h"

#define REWRITE_ERROR rewrite_error_quark()
GQuark rewrite_error_quark(void);

typedef enum {
	REWRITE_ERROR_LIVE,	/* its process still writes to it */
} RewriteError;

typedef struct {
	gboolean salvaged;	/* samples came from the shared region */
	GPtrArray *skipped;	/* char *: what could not be read */
} RewriteResult;

/*
 * Rewrites `path` in place, or into `output` if it is not NULL, adding what a
 * dead process left in its region; the region is then removed, and only then.
 * `symbols` NULL: names stay as they are. In place, the file of a process that
 * lives is refused. `result` may be NULL; release it in any case.
 */
gboolean rewrite_file(const char *path, const char *output, Symbols *symbols,
		      RewriteResult *result, GError **error);
void rewrite_result_release(RewriteResult *result);

#endif
