/* SPDX-License-Identifier: MIT */
/*
 * timeline: a profile cut into equal pieces of time.
 */
#ifndef PROFAGENT_TOOLS_TIMELINE_H
#define PROFAGENT_TOOLS_TIMELINE_H

#include "tools/calltree.h"

#define TIMELINE_PIECES_MAX 10000

typedef struct {
	guint64 from_ns, to_ns;		/* of the Profile's timeline */
	gint64 value;			/* of the sample type chosen */
	guint64 taken;			/* stacks */
	ProfileString top;		/* most self in it, 0: nothing at all */
	gint64 top_self;
} TimelinePiece;

/*
 * Pieces of `interval_ns`, or where that is 0 about `count` of a round length,
 * of the samples that `options` choose; TIMELINE_PIECES_MAX at most, so what is
 * less than timeline_least_interval() does not reach the end. The work grows
 * with the samples, not with the pieces. g_array_unref() it.
 */
GArray *timeline_new(Profile *p, const CalltreeOptions *options,
		     guint64 interval_ns, guint count);

/* The least interval, ns, of which TIMELINE_PIECES_MAX cover all. */
guint64 timeline_least_interval(const Profile *p,
				const CalltreeOptions *options);

/* The least of 1, 2, 5, 10 ... ns of which `count` cover `span`. */
guint64 timeline_round_interval(guint64 span_ns, guint count);

#endif
