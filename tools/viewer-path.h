/* SPDX-License-Identifier: MIT */
/*
 * viewer-path: a number for each path of names from a root, the same for the
 * same path as long as the table lives.
 */
#ifndef PROFAGENT_TOOLS_VIEWER_PATH_H
#define PROFAGENT_TOOLS_VIEWER_PATH_H

#include <glib.h>

typedef struct _ViewerPaths ViewerPaths;

/* `roots` paths without a parent: 0 and so on. */
ViewerPaths *viewer_paths_new(guint32 roots);
void viewer_paths_free(ViewerPaths *p);

/* What tells one frame from another. The texts are copied. */
typedef struct {
	const char *name, *module, *file;
	gint32 line;
} ViewerPathStep;

/* That of `step` below `parent`. */
guint32 viewer_paths_child(ViewerPaths *p, guint32 parent,
			   const ViewerPathStep *step);

/* A root is its own. */
guint32 viewer_paths_parent(const ViewerPaths *p, guint32 path);

#endif
