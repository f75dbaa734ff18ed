/* SPDX-License-Identifier: MIT */
/*
 * viewer-header: what the lines above the rows say. Knows nothing of terminals.
 */
#ifndef PROFAGENT_TOOLS_VIEWER_HEADER_H
#define PROFAGENT_TOOLS_VIEWER_HEADER_H

#include "tools/profile.h"

typedef struct {
	char *title;			/* file, or program; owned */
	char *state;			/* "running", "reconnecting"; owned */
	char *window;			/* "all time"; owned */
	char *missing;			/* why there are no data; owned */
	guint64 cpu_ns, wall_ns;
	guint64 samples, lost, threads;
	double asked_hz, achieved_hz;	/* 0: not known */
	gint64 at_us;			/* of the data: since 1970, 0: none */
	gint64 age_us;			/* if they are old: since then; else 0 */
} ViewerInfo;

void viewer_info_release(ViewerInfo *info);

/* Replaces a text; takes the new one over. */
void viewer_info_set(char **text, char *to);

/* The counters of all processes of `p`, as they are now. */
void viewer_info_count(ViewerInfo *info, const Profile *p);

/* 1: one core was busy. May be more, with threads. */
double viewer_info_cpu(const ViewerInfo *info);

/* g_free() what these return. */

/* "(47ms/205ms)"; more than one core says so. */
char *viewer_header_fraction(const ViewerInfo *info);

/* "running, all time, 1187 samples, 98.9 of 99 Hz, 0 lost, 4 threads" */
char *viewer_header_status(const ViewerInfo *info);

/* "app.1234.pb.gz 12:34:56", local time. */
char *viewer_header_title(const ViewerInfo *info);

#endif
