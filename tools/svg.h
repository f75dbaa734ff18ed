/* SPDX-License-Identifier: MIT */
/*
 * svg: a call tree as a static picture for documents: SVG 1.1 without scripts,
 * links or fonts of its own, each box with its figures as <title>.
 */
#ifndef PROFAGENT_TOOLS_SVG_H
#define PROFAGENT_TOOLS_SVG_H

#include <glib.h>

#include "tools/calltree.h"

#define SVG_WIDTH_DEFAULT 1200
#define SVG_WIDTH_MIN 200
#define SVG_WIDTH_MAX 20000

typedef struct {
	const char *title;
	guint width;		/* px */
	gboolean icicle;	/* root above */
	const char *unit;	/* of the values: "nanoseconds" */
	const Calltree *before;	/* NULL, or what `tree` is compared with */
} SvgOptions;

/*
 * The picture in UTF-8. With `before`, boxes are as wide as `tree` has them and
 * coloured by what changed: shares that grew or shrank beyond chance (95 %
 * interval of the difference, tools/compare.h). Interns strings in the profile
 * of `tree`.
 *
 * boxes narrower than half a px are left out. */
GString *svg_new(const Calltree *tree, const SvgOptions *options);

#endif
