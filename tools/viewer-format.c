/* SPDX-License-Identifier: MIT */
/* viewer-format: see viewer-format.h. */
#include "tools/viewer-format.h"

#include <math.h>

#define PRINT(to, ...) g_snprintf(to, VIEWER_FORMAT_SIZE, __VA_ARGS__)

/* --- shares ------------------------------------------------------------------ */

/* Steps lie where rounding would make it a digit longer. */
void viewer_format_percent(char *to, double share)
{
	double percent = share * 100;

	if (percent >= 99.95)
		PRINT(to, "%.0f", percent);
	else if (percent >= 9.995)
		PRINT(to, "%.1f", percent);
	else
		PRINT(to, "%.2f", percent);
}

ViewerGrade viewer_grade_percent(double share)
{
	static const struct {
		double above;
		ViewerGrade grade;
	} steps[] = {
		{ 0.9, VIEWER_GRADE_DANGER }, { 0.7, VIEWER_GRADE_CAUTION },
		{ 0.3, VIEWER_GRADE_WARNING }, { 0.1, VIEWER_GRADE_NOTICE },
		{ 0, VIEWER_GRADE_NONE },
	};
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(steps); i++)
		if (share > steps[i].above)
			return steps[i].grade;
	return VIEWER_GRADE_ZERO;
}

/* --- counts ------------------------------------------------------------------ */

void viewer_format_int(char *to, double n)
{
	static const char units[] = "kMGTPEZY";
	gsize unit = 0;

	if (fabs(n) < 999.5) {
		PRINT(to, "%.0f", n);
		return;
	}
	n /= 1000;
	while (fabs(n) >= 999.95 && unit + 2 < sizeof(units)) {
		n /= 1000;
		unit++;
	}
	if (fabs(n) >= 999.95)
		PRINT(to, "%s", n > 0 ? "o/f" : "u/f");
	else
		PRINT(to, "%.1f%c", n, units[unit]);
}

void viewer_format_int_or_na(char *to, double n)
{
	if (n == 0)
		PRINT(to, "n/a");
	else
		viewer_format_int(to, n);
}

ViewerGrade viewer_grade_int(double n)
{
	return n == 0 ? VIEWER_GRADE_ZERO : VIEWER_GRADE_NONE;
}

/* --- times ------------------------------------------------------------------- */

static void format_minutes(char *to, double s)
{
	double minutes = floor(s / 60);

	if (minutes < 100)
		PRINT(to, "%.0fm%.0fs", minutes, floor(s - 60 * minutes));
	else
		PRINT(to, "%.0fm", minutes);
}

void viewer_format_time(char *to, double ns)
{
	if (ns <= 0)
		PRINT(to, "0");
	else if (ns < 999.5)
		PRINT(to, "%.0fns", ns);
	else if (ns < 999.5e3)
		PRINT(to, "%.0fus", ns / 1e3);
	else if (ns < 999.5e6)
		PRINT(to, "%.0fms", ns / 1e6);
	else if (ns < 59.95e9)
		PRINT(to, "%.1fsec", ns / 1e9);
	else
		format_minutes(to, fmax(ns / 1e9, 60));
}

ViewerGrade viewer_grade_time(double ns)
{
	if (ns <= 0)
		return VIEWER_GRADE_ZERO;
	if (ns < 1e6)
		return VIEWER_GRADE_USEC;
	if (ns < 1e9)
		return VIEWER_GRADE_MSEC;
	return ns < 60e9 ? VIEWER_GRADE_SEC : VIEWER_GRADE_MIN;
}
