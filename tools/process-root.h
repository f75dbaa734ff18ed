/* SPDX-License-Identifier: MIT */
/*
 * process-root: the files of a process of another container, as we see them.
 */
#ifndef PROFAGENT_TOOLS_PROCESS_ROOT_H
#define PROFAGENT_TOOLS_PROCESS_ROOT_H

#include "tools/profile.h"

/* Its number in its own process name space; `pid` where that is not known. */
gint32 process_root_inner_pid(gint32 pid);

/*
 * What stands before a path of process `pid` so that we find the same file:
 * "/proc/PID/root", or "" if it sees the files that we see. g_free() it.
 */
char *process_root_prefix(gint32 pid);

/* Of the processes of one profile; looked up once each. One thread. */
typedef struct _ProcessRoots ProcessRoots;

ProcessRoots *process_roots_new(void);
void process_roots_free(ProcessRoots *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProcessRoots, process_roots_free)

/*
 * The same of the process `index` of `p`, whatever its number is here; NULL if
 * it has ended, cannot be seen or sees what we see. Owned by `r`.
 */
const char *process_roots_find(ProcessRoots *r, const Profile *p,
			       guint32 index);

#endif
