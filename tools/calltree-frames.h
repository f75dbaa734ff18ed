/* SPDX-License-Identifier: MIT */
/*
 * calltree-frames: what each location, thread, process or label of a Profile
 * is called, and which of the options' expressions it matches.
 *
 * Worked out once for all of a Profile, so that walking the samples is
 * indexing arrays.
 */
#ifndef PROFAGENT_TOOLS_CALLTREE_FRAMES_H
#define PROFAGENT_TOOLS_CALLTREE_FRAMES_H

#include "tools/calltree.h"
#include "tools/seqtable.h"

enum {
	FRAME_FOCUS = 1,
	FRAME_IGNORE = 2,
	FRAME_HIDE = 4,
	FRAME_ROOT = 8,
	FRAME_FOLD = 16,
	FRAME_END = 32,
};

typedef struct {
	guint32 item;
	guint32 flags;
} CalltreeFrame;

/* What was worked out for one function of the Profile. */
typedef struct {
	guint32 flags;			/* of its name; 0: not yet */
	ProfileString module;		/* by function, the item of the */
	guint32 item;			/* function in this module, + 1 */
} CalltreeFunction;

typedef struct {
	Profile *p;
	const CalltreeOptions *o;
	GArray *items;			/* CalltreeItem */
	GArray *keys;			/* private, one of each item */
	Seqtable index;			/* of keys */
	GArray *frames;			/* CalltreeFrame, innermost first */
	guint32 *first;			/* of each location, and one behind */
	CalltreeFunction *functions;
} CalltreeFrames;

void calltree_frames_init(CalltreeFrames *f, Profile *p,
			  const CalltreeOptions *o);

/* Leaves `items` to the caller. */
void calltree_frames_release(CalltreeFrames *f);

/* Whether a sample is one frame: its thread, process or label. */
gboolean calltree_frames_is_whole(const CalltreeOptions *o);

/* That frame's item. */
guint32 calltree_frames_of_sample(CalltreeFrames *f, const ProfileSample *s);

/* That of its thread, whatever frames are merged by. */
guint32 calltree_frames_thread_of(CalltreeFrames *f, const ProfileSample *s);

/* That of the stacks that are too small to be told apart. */
guint32 calltree_frames_small(CalltreeFrames *f);

/* The name that a thread goes by: its pool's, if they are grouped. */
ProfileString calltree_frames_thread(Profile *p, const CalltreeOptions *o,
				     guint32 thread);

/* See calltree_place(). */
ProfileString calltree_frames_place(Profile *p, CalltreeBy by,
				    const CalltreeItem *item);

/* The value of a label as text, g_free() it: "GET", "4096 bytes". */
char *calltree_frames_label(const Profile *p, const ProfileLabel *l);

#endif
