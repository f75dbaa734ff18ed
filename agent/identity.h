/* SPDX-License-Identifier: MIT */
/*
 * identity: who the program is, so that the flusher is no one else.
 *
 * libc applies set*id to the threads it knows, by a signal that the flusher
 * does not take. So the thread that changed identity writes down what it now is,
 * and the flusher becomes the same.
 */
#ifndef PROFAGENT_AGENT_IDENTITY_H
#define PROFAGENT_AGENT_IDENTITY_H

#include <stdbool.h>

/*
 * Writes down user, groups and root of the calling thread. One thread at a
 * time. Returns 0 or -errno (more groups than we have room for).
 */
int identity_capture(void);

/* User and group that were captured: the effective ones. */
unsigned identity_user(void);
unsigned identity_group(void);

/*
 * The calling thread (the flusher) takes over what was captured. Returns 0 if
 * it now has no right that the captured thread has not, else -errno.
 */
int identity_adopt(void);

#endif
