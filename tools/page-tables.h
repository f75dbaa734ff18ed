/* SPDX-License-Identifier: MIT */
/*
 * page-tables: what the samples of a page refer to. Strings, modules, frames
 * and the tree of stacks of one or two profiles, merged.
 */
#ifndef PROFAGENT_TOOLS_PAGE_TABLES_H
#define PROFAGENT_TOOLS_PAGE_TABLES_H

#include <glib.h>

#include "tools/profile.h"
#include "tools/stack-tree.h"
#include "tools/tree-sieve.h"

enum page_frame_flag {
	PAGE_FRAME_INLINED = 1,		/* into the frame below it */
	PAGE_FRAME_UNKNOWN = 2,		/* no symbol: module+0xoffset */
	PAGE_FRAME_UNSAMPLED = 4,	/* CPU time no sample stands for */
	PAGE_FRAME_TRUNCATED = 8,	/* stands for callers that are lost */
};

typedef struct {
	guint32 name, file;		/* in strings */
	gint32 module;			/* -1: none */
	gint32 line;
	guint32 flags;
} PageFrame;

/* What is common to all profiles of a document. */
typedef struct {
	GPtrArray *strings;		/* const char *, the profiles' own */
	GHashTable *string_index;	/* text -> index + 1 */
	GPtrArray *modules;		/* const char *: paths */
	GHashTable *module_index;	/* path -> index + 1 */
	GArray *frames;			/* PageFrame */
	GHashTable *frame_index;	/* PageFrame * -> index + 1 */
	StackTree stacks;
	GStringChunk *texts;		/* names made here */
	GArray *ends;			/* guint32: node of each sample */
	GArray *run_frames;		/* guint32: frames of the runs */
	TreeSieve *sieve;		/* NULL: there is room for all nodes */
	guint32 small;			/* frame of what it folds */
	guint64 folded;			/* samples whose stack was */
} PageTables;

/* Texts are the profiles' own, which must live as long as the tables. */
void page_tables_init(PageTables *t);
void page_tables_release(PageTables *t);

/*
 * Adds the frames and stacks of a profile or two; profile[1] may be NULL. With
 * `no_inlines` inlined calls count as their callers. The tree has about `nodes`
 * nodes at most: its lightest branches are folded, and counted.
 */
void page_tables_add(PageTables *t, Profile *const profile[2],
		     gboolean no_inlines, guint nodes);

#endif
