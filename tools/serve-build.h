/* SPDX-License-Identifier: MIT */
/*
 * serve-build: makes answers out of fragments, in a thread of its own, so that
 * the server goes on meanwhile.
 */
#ifndef PROFAGENT_TOOLS_SERVE_BUILD_H
#define PROFAGENT_TOOLS_SERVE_BUILD_H

#include <gio/gio.h>

typedef struct _Builder Builder;

typedef enum {
	/*
	 * pprof for collectors, CPU time shown first, or wall time alone. It says
	 * of all objects that they have their names: go tool pprof would ask us
	 * for those that nobody knows, and give up when it learns that.
	 */
	BUILD_CPU,
	BUILD_WALL,
	BUILD_FILE,		/* pprof to be kept; it may get names later */
	BUILD_PAGE,		/* the document of the page */
	BUILD_TABLE,		/* JSON as of `profagent report --json` */
	BUILD_TABLE_CSV,	/* the rows of that */
} BuildKind;

/* What is wanted. The caller keeps what it points to until build() returns. */
typedef struct {
	BuildKind kind;
	GPtrArray *feeds;	/* of each process a GPtrArray of GBytes, first
				 * the base that the others count from */
	const char *title;	/* of the page */
	GRegex *filter;		/* of the table's functions, NULL: all */
	guint limit;		/* rows of the table, 0: all */
} Build;

Builder *builder_new(void);
void builder_free(Builder *b);

/*
 * `done` is called in the main loop with the result, or NULL and an error that
 * says in a clause what is missing.
 */
typedef void (*BuildDone)(gpointer data, GBytes *result,
			  const GError *error);
void build(Builder *b, const Build *what, BuildDone done, gpointer data);

#endif
