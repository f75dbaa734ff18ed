/* SPDX-License-Identifier: MIT */
/*
 * export-frames: the frames of a Profile as other tools count them: functions,
 * and lines of functions, each once, inlined calls as frames of their own.
 */
#ifndef PROFAGENT_TOOLS_EXPORT_FRAMES_H
#define PROFAGENT_TOOLS_EXPORT_FRAMES_H

#include "tools/profile.h"

typedef struct {
	ProfileString name;		/* never "": unknown code has its place */
	ProfileString file;		/* source file, 0: unknown */
	ProfileString module;		/* path, 0: none */
	gint32 start_line;		/* 0: unknown */
} ExportFunction;

typedef struct {
	guint32 function;		/* index in functions */
	gint32 line;			/* 0: unknown */
} ExportFrame;

typedef struct {
	GArray *functions;		/* ExportFunction, all different */
	GArray *frames;			/* ExportFrame, all different */

	/* private */
	Profile *profile;
	GArray *expanded;		/* guint32: frames of all locations */
	guint32 *first;			/* by location, where its frames are */
	GHashTable *function_index, *frame_index;
} ExportFrames;

/* `p` must outlive it, and gets the names of unknown code. */
ExportFrames *export_frames_new(Profile *p);
void export_frames_free(ExportFrames *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExportFrames, export_frames_free)

/* The frames (guint32) of a sample, root first, instead of what `stack` held. */
void export_frames_stack(const ExportFrames *f, const ProfileSample *sample,
			 GArray *stack);

static inline const ExportFunction *
export_frames_function(const ExportFrames *f, guint32 frame)
{
	return &g_array_index(f->functions, ExportFunction,
		g_array_index(f->frames, ExportFrame, frame).function);
}

#endif
