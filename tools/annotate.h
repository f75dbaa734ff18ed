/* SPDX-License-Identifier: MIT */
/*
 * annotate: a function's source, or its instructions, with the time each took.
 *
 * A call tree merged by line, or by address, has what is needed: the items of
 * that name. Source is read where the compiler found it, or below a directory
 * given; instructions come from objdump, of the very binary that was profiled.
 */
#ifndef PROFAGENT_TOOLS_ANNOTATE_H
#define PROFAGENT_TOOLS_ANNOTATE_H

#include <stdio.h>

#include "tools/report.h"

typedef struct {
	const Report *report;		/* its tree: by line or by address */
	const char *function;		/* exact name */
	const char *source_dir;		/* tried as well; may be NULL */
	const char *sysroot;		/* may be NULL */
	guint context;			/* source lines around what took time */
} Annotate;

/*
 * The name that is meant by `wanted`: itself, or the only one that contains it.
 * NULL, and in *similar (g_free() it) names to choose from or "".
 */
const char *annotate_find(const Report *r, const char *wanted,
			  char **similar);

/* The tree is by line. */
void annotate_source(const Annotate *a, FILE *to);

/* The tree is by address. FALSE with `error` if objdump cannot be had. */
gboolean annotate_instructions(const Annotate *a, FILE *to, GError **error);

#endif
