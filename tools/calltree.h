/* SPDX-License-Identifier: MIT */
/*
 * calltree: a Profile aggregated for people.
 *
 * What a frame is called and merged by is the key (function, line, address,
 * module, thread, process, label). From the same stacks come a flat table, a
 * top-down tree (callees below callers) and a bottom-up tree (callers below
 * callees). self: the frame is the leaf; total: it is anywhere in the stack,
 * counted once a sample however often it recurs. Inlined functions are frames.
 */
#ifndef PROFAGENT_TOOLS_CALLTREE_H
#define PROFAGENT_TOOLS_CALLTREE_H

#include "tools/profile.h"

typedef enum {
	CALLTREE_BY_FUNCTION,
	CALLTREE_BY_LINE,
	CALLTREE_BY_ADDRESS,
	CALLTREE_BY_MODULE,
	CALLTREE_BY_THREAD,
	CALLTREE_BY_PROCESS,
	CALLTREE_BY_LABEL,
} CalltreeBy;

typedef struct {
	CalltreeBy by;
	const char *label;		/* for CALLTREE_BY_LABEL */
	guint type;			/* sample type, index */
	gboolean inverted;		/* bottom-up */
	gboolean no_inlines;		/* fold inlined frames into their function */

	/* All may be NULL. Samples: */
	GRegex *focus;			/* keep samples with a matching frame */
	GRegex *ignore;			/* drop samples with a matching frame */
	GRegex *thread;			/* keep samples of matching threads */
	gint32 pid;			/* keep samples of this process, 0: all */
	guint64 from_ns, to_ns;		/* keep moments in [from, to), 0: all */
	/* Frames, totals kept: */
	GRegex *hide;			/* leave matching frames out */
	GRegex *root_at;		/* cut what is above the match */
	GRegex *fold;			/* runs of matching frames become one */
	GRegex *group_threads;		/* pools: first group names the pool */
} CalltreeOptions;

/* A thing with a name: function, line, module, ... */
typedef struct {
	ProfileString name;
	ProfileString place;		/* "file.c:12" or module, may be 0 */
	ProfileString module;
	gint64 self, total;
	guint64 self_count, total_count; /* ring samples: for error bars */
} CalltreeItem;

typedef struct _CalltreeNode CalltreeNode;
struct _CalltreeNode {
	guint32 item;			/* index in items */
	CalltreeNode *parent, *child, *sibling; /* heaviest child first */
	gint64 self, total;
	guint64 self_count, total_count;
};

typedef struct {
	GArray *items;			/* CalltreeItem, by total, descending */
	CalltreeNode root;		/* its total is that of all samples kept */
	gint64 total;			/* value of the samples kept */
	guint64 count;			/* expirations they stand for */
	gint64 dropped;			/* value of the samples filtered out */
	Profile *profile;		/* not owned */
	GStringChunk *names;		/* private */
	GPtrArray *blocks;		/* private */
} Calltree;

Calltree *calltree_new(Profile *p, const CalltreeOptions *options);
void calltree_free(Calltree *t);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Calltree, calltree_free)

#endif
