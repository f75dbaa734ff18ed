/* SPDX-License-Identifier: MIT */
/*
 * sample-profile: a small Profile that the tests of views know by heart.
 *
 *	 cpu ms  taken  stack, root first
 *	     40      4  main > work [> memcpy inlined]	thread 0, moments 1 2 3 4 s
 *	     30      3  main > work > libx.so+0x10	thread 1, moments 2 2 2 s
 *	     20      2  [cut: no-table] work		thread 1, no moments
 *	     10      0  [not sampled]			no thread
 */
#ifndef PROFAGENT_TESTS_SAMPLE_PROFILE_H
#define PROFAGENT_TESTS_SAMPLE_PROFILE_H

#include "tools/profile.h"

/* `work` is the name of the function above main: for hostile names. */
Profile *sample_profile_new(const char *work);

#define SAMPLE_MS 1000000

#endif
