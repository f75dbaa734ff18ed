/* SPDX-License-Identifier: MIT */
/*
 * viewer-format: numbers of the terminal viewer, in the six or four columns they
 * have, and the grade that colours them.
 */
#ifndef PROFAGENT_TOOLS_VIEWER_FORMAT_H
#define PROFAGENT_TOOLS_VIEWER_FORMAT_H

#include <glib.h>

#define VIEWER_FORMAT_SIZE 32	/* bytes, with the NUL */

typedef enum {
	VIEWER_GRADE_NONE,
	VIEWER_GRADE_ZERO,
	/* shares */
	VIEWER_GRADE_NOTICE, VIEWER_GRADE_WARNING, VIEWER_GRADE_CAUTION,
	VIEWER_GRADE_DANGER,
	/* times */
	VIEWER_GRADE_USEC, VIEWER_GRADE_MSEC, VIEWER_GRADE_SEC,
	VIEWER_GRADE_MIN,
} ViewerGrade;

/* A share of 1 as per cent without the sign: "100", "80.0", "5.00". */
void viewer_format_percent(char *to, double share);

/* Above 0.9, 0.7, 0.3, 0.1; nothing, or less. */
ViewerGrade viewer_grade_percent(double share);

/* "0", "123", "12.3k", "100.0M"; beyond Y: "o/f", "u/f". */
void viewer_format_int(char *to, double n);

/* The same, but 0 is "n/a". */
void viewer_format_int_or_na(char *to, double n);
ViewerGrade viewer_grade_int(double n);

/* ns: "0", "500ns", "123us", "12ms", "1.2sec", "2m3s", "102m". */
void viewer_format_time(char *to, double ns);

/* None; below 1 ms, 1 s, 1 min; more. */
ViewerGrade viewer_grade_time(double ns);

#endif
