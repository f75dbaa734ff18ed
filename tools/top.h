/* SPDX-License-Identifier: MIT */
/*
 * top: how all preloaded processes do, between one look and the next.
 */
#ifndef PROFAGENT_TOOLS_TOP_H
#define PROFAGENT_TOOLS_TOP_H

#include "tools/targets.h"

#define TOP_COLUMNS 10

typedef enum {
	TOP_PID, TOP_PROGRAM, TOP_STATE, TOP_CPU, TOP_THREADS, TOP_RATE,
	TOP_SAMPLES, TOP_LOST, TOP_COST, TOP_HOTTEST,
} TopColumn;

/* One process. Shares of one core are -1 at the first look. */
typedef struct {
	gint32 pid;
	char *program, *state;		/* owned */
	char *hottest;			/* function, owned; "": none */
	double value[TOP_COLUMNS];	/* what it is sorted by, by column */
	guint64 cpu_ns;			/* that it has used so far, */
	guint64 own_ns;			/* and the agent of that */
	gint64 at_us;			/* when it was looked at */
} TopRow;

/*
 * Asks each which function was hottest lately: "hottest" and
 * "hottest_permille" of its status from here on. Waits for them.
 */
void top_ask_hottest(const GPtrArray *targets);

/* TopRow of each Target; `before` (may be NULL): those of the last look. */
GPtrArray *top_rows(const GPtrArray *targets, const GPtrArray *before,
		    gint64 now_us);

/* By a column, the most first, names from A to Z; or the other way. */
void top_sort(GPtrArray *rows, TopColumn by, gboolean reverse);

/* Its title; whether it is aligned to the right; columns it needs. */
const char *top_title(TopColumn column);
gboolean top_is_right(TopColumn column);
guint top_width(TopColumn column);

/* Whether it is shown on a screen of so many columns. */
gboolean top_has_room(TopColumn column, guint screen);

/* What stands there, safe for a terminal; g_free() it. */
char *top_text(const TopRow *row, TopColumn column);

/* CPU time of a process in ns, from the text of /proc/PID/stat. 0: unknown. */
guint64 top_cpu_ns(const char *stat);

#endif
