/* SPDX-License-Identifier: MIT */
/*
 * views-profile: profiles from any bytes, nearly every one of which is read.
 * The bytes say which messages of pprof follow each other and what is in them:
 * names that hurt, numbers at the ends of their ranges, ids in circles, stacks
 * of thousands of frames.
 */
#ifndef PROFAGENT_TESTS_VIEWS_PROFILE_H
#define PROFAGENT_TESTS_VIEWS_PROFILE_H

#include <glib.h>

/* What is left of the input. */
typedef struct {
	const guint8 *at;
	gsize left;
} ViewsBytes;

/* The next byte; 0 when there are no more. */
guint8 views_byte(ViewsBytes *b);

/* A number: small ones mostly, and those that do not add up. */
guint64 views_number(ViewsBytes *b);

/*
 * One profile as an uncompressed pprof message; takes bytes to the end or to
 * the one that says that another profile follows.
 */
GByteArray *views_profile(ViewsBytes *b);

#endif
