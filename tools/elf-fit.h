/* SPDX-License-Identifier: MIT */
/*
 * elf-fit: which files that a profile or an object names are fit to be read.
 * Whoever made them may not wish us well.
 */
#ifndef PROFAGENT_TOOLS_ELF_FIT_H
#define PROFAGENT_TOOLS_ELF_FIT_H

#include <glib.h>

/*
 * A descriptor to read a regular file by, close() it; -1: it is none, or errno
 * says why. A device or a pipe does not block us.
 */
int elf_fit_open(const char *path);

/* An ELF file that does not expand beyond measure: elfutils may have it. */
gboolean elf_fit_is(int fd);

#endif
