/* SPDX-License-Identifier: MIT */
/*
 * module-files: what is kept of each object file once, however often it is
 * loaded: its path and an index of its unwind table.
 *
 * Both are pointed to from module tables, which handlers read at any time, so
 * they are never given back. They grow with the files a process ever loads. One
 * caller at a time: constructor, flusher.
 */
#ifndef PROFAGENT_AGENT_MODULE_FILES_H
#define PROFAGENT_AGENT_MODULE_FILES_H

#include <stddef.h>

#include "agent/modules.h"

/* The path of `size` bytes as a string that stays; NULL without memory. */
const char *module_files_path(const char *path, size_t size);

/*
 * Fills m->eh_table from m->eh_frame_hdr, with an index if the table is one
 * that may go away. Without a table that we can search its count is 0.
 */
void module_files_read_table(struct module *m);

/* In a forked child, which does not have the memory: nothing is kept yet. */
void module_files_reset_after_fork(void);

#endif
