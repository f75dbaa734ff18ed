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
#include "tools/stats.h"

typedef enum {
	CALLTREE_BY_FUNCTION,
	CALLTREE_BY_LINE,
	CALLTREE_BY_ADDRESS,
	CALLTREE_BY_MODULE,
	CALLTREE_BY_THREAD,
	CALLTREE_BY_PROCESS,
	CALLTREE_BY_LABEL,
} CalltreeBy;

/* What of a Profile is looked at, and how frames are merged. */
typedef struct {
	CalltreeBy by;
	const char *label;		/* for CALLTREE_BY_LABEL; NULL: all labels
					 * of a sample together */
	guint type;			/* sample type, index */
	gboolean flat;			/* the items alone: root stays empty */
	gboolean inverted;		/* bottom-up */
	gboolean threads;		/* trees: each stack begins with its thread */
	gboolean leaves;		/* fill Calltree.leaves */
	gboolean no_inlines;		/* fold inlined frames into their function */

	/*
	 * All may be NULL. Expressions are matched against function names, of
	 * unknown code module+0xoffset, whatever frames are merged by.
	 */
	/* Which samples are looked at: the others do not count at all. */
	GRegex *thread;			/* of matching threads */
	gint32 pid;			/* of this process, 0: all */
	char **labels;			/* with all of these, each "KEY=VALUE"
					 * or "KEY" for any value */
	guint64 from_ns, to_ns;		/* moments in [from, to), to 0: all */
	/* Which are shown: the others still count in the total. */
	GRegex *focus;			/* with a matching frame */
	GRegex *ignore;			/* without one */
	/* What becomes of frames: */
	GRegex *hide;			/* matching ones are left out */
	GRegex *root_at;		/* what is above the outermost match is cut
					 * off; samples without one are not shown */
	GRegex *end_at;			/* what is below the innermost match is cut
					 * off, so that it is its own; samples
					 * without one are not shown */
	GRegex *fold;			/* a run of matching ones becomes its
					 * outermost */
	GRegex *group_threads;		/* pools: the first group names the pool */
} CalltreeOptions;

/*
 * self, total: values of the chosen type. self_count, total_count: stacks that
 * were taken, and self_square, total_square: sums of their squared weights, for
 * error bars (tools/stats.h). self_exact, total_exact: what of the value no
 * sample stands for, "[not sampled]".
 */

/* A thing with a name: function, line, module, ... */
typedef struct {
	ProfileString name;
	ProfileString command;		/* of a process, else 0 */
	ProfileString module;		/* path, may be 0 */
	ProfileString file;		/* source file as recorded, may be 0 */
	gint32 line;			/* 0: unknown */
	guint32 location;		/* the first it was made for;
					 * PROFILE_NONE: of no frame */
	gint64 self, total;
	guint64 self_count, total_count;
	double self_square, total_square;
	gint64 self_exact, total_exact;
} CalltreeItem;

typedef struct _CalltreeNode CalltreeNode;
struct _CalltreeNode {
	guint32 item;			/* index in items */
	CalltreeNode *parent, *child, *sibling; /* heaviest child first */
	gint64 self, total;		/* inverted: self of the first level */
	guint64 self_count, total_count;
	double self_square, total_square;
	gint64 self_exact, total_exact;
};

/* Calltree.leaves: of samples that are not shown, and of those without frames. */
#define CALLTREE_NOT_SHOWN G_MAXUINT32
#define CALLTREE_NO_FRAME (G_MAXUINT32 - 1)

typedef struct {
	GArray *items;			/* CalltreeItem, by total, descending */
	CalltreeNode root;		/* its total is that of the samples shown */
	gint64 total;			/* value of the samples shown */
	guint64 count;			/* expirations they stand for */
	gint64 dropped;			/* value of those not shown; both together
					 * are 100 % */
	guint64 taken;			/* stacks taken, shown or not, and the */
	double square;			/* sum of their squared weights */
	gint64 exact;			/* value of those not taken, shown or not */
	guint64 folded;			/* nodes PROFILE_SMALL_STACKS: what is
					 * below is not in the tree, only in items */
	CalltreeBy by;
	guint32 *leaves;		/* a sample of the profile: the item that
					 * has it as self; NULL: not asked for */
	Profile *profile;		/* not owned */
	GPtrArray *blocks;		/* private */
} Calltree;

/* A tree has as many nodes at most, about; larger ones are folded where they
 * are lightest (tools/tree-sieve.h). */
#define CALLTREE_NODES (1u << 21)

/* The same with fewer. */
Calltree *calltree_new_within(Profile *p, const CalltreeOptions *options,
			      guint nodes);

/* Never fails. Interns strings in `p`. */
Calltree *calltree_new(Profile *p, const CalltreeOptions *options);
void calltree_free(Calltree *t);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Calltree, calltree_free)

/*
 * The stacks themselves, each once, root first: items of the frames as a tree
 * would have them.
 */
typedef void (*CalltreeStackFunc)(gpointer data, const guint32 *items,
				  guint32 count, gint64 value);
void calltree_stacks(const Calltree *t, CalltreeStackFunc each, gpointer data);

/* An item's or a node's self or total within everything, shown or not. */
StatsShare calltree_share(const Calltree *t, gint64 value, double square,
			  gint64 exact);

/*
 * Where an item is, "file.c:12" or its module; of a process its command line.
 * May be 0. Interned in the Profile when it is asked for: few are shown.
 */
ProfileString calltree_place(const Calltree *t, const CalltreeItem *item);

/* The item of a node. */
static inline CalltreeItem *calltree_item(const Calltree *t,
					  const CalltreeNode *n)
{
	return &g_array_index(t->items, CalltreeItem, n->item);
}

#endif
