/* SPDX-License-Identifier: MIT */
/*
 * alive: whether the process that wrote a profile is still there.
 */
#ifndef PROFAGENT_TOOLS_ALIVE_H
#define PROFAGENT_TOOLS_ALIVE_H

#include "tools/profile.h"

/* A process that is seen here, of this boot, with that pid and start time. */
gboolean alive_process(const Profile *p, const ProfileProcess *process);

/* When a process began, as field 22 of /proc/PID/stat; 0: it does not live. */
guint64 alive_start(gint32 pid);

/* Whether process `pid`, begun at `start` (field 22 of /proc/PID/stat), lives; a
 * zombie does not. */
gboolean alive_pid(gint32 pid, guint64 start);

/* Whether `boot_id` is this boot's; "" is taken for it. */
gboolean alive_is_this_boot(const char *boot_id);

#endif
