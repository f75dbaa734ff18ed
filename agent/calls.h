/* SPDX-License-Identifier: MIT */
/*
 * calls: names of system calls, for the label that says what a blocked thread
 * waits for.
 */
#ifndef PROFAGENT_AGENT_CALLS_H
#define PROFAGENT_AGENT_CALLS_H

/*
 * The name of system call `nr`, "page fault" for -1, "system call" for one that
 * the table does not know. Constant storage. Any thread.
 */
const char *calls_name(int nr);

#endif
