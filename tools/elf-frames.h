/* SPDX-License-Identifier: MIT */
/*
 * elf-frames: where functions begin in an object without their names.
 *
 * A stripped object still has .eh_frame, as unwinding needs it: one entry for
 * each function, with its first address and its length.
 */
#ifndef PROFAGENT_TOOLS_ELF_FRAMES_H
#define PROFAGENT_TOOLS_ELF_FRAMES_H

#include "tools/elf-file.h"

typedef struct _ElfFrames ElfFrames;

/* Never NULL; `f` is not needed any more afterwards. */
ElfFrames *elf_frames_new(const ElfFile *f);
void elf_frames_free(ElfFrames *e);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ElfFrames, elf_frames_free)

/*
 * The first address of the function that holds `address`, both the object's
 * own. FALSE if no entry covers it.
 */
gboolean elf_frames_find(const ElfFrames *e, guint64 address, guint64 *start);

/* The same, with the first address behind it. */
gboolean elf_frames_range(const ElfFrames *e, guint64 address, guint64 *start,
			  guint64 *end);

#endif
