/* SPDX-License-Identifier: MIT */
/*
 * live: what comes from watched processes, as one Profile that grows, and of
 * which all, the last step, or the last seconds are looked at.
 */
#ifndef PROFAGENT_TOOLS_LIVE_H
#define PROFAGENT_TOOLS_LIVE_H

#include <gio/gio.h>

#include "tools/profile.h"

typedef struct _Live Live;

/*
 * `moments`: keeps the time of each sample, for a file. The timeline begins with
 * the first fragment.
 */
Live *live_new(gboolean moments);
void live_free(Live *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Live, live_free)

/*
 * From now on the first of a process counts as well: we were there when it
 * started.
 */
void live_count_all(Live *l);

/*
 * Adds what an agent sent. The first of a process says what its counters were
 * before: its samples are not counted. `now_us` is the time of arrival
 * (g_get_monotonic_time).
 */
gboolean live_add(Live *l, GBytes *fragment, gint64 now_us, GError **error);

/*
 * A process was killed: adds what it had sampled since `last`, the last that it
 * sent, and finds in its region. Nothing if it ended by itself. How many stacks
 * those were.
 */
guint64 live_add_rest(Live *l, GBytes *last, gint64 now_us);

/* Stacks taken so far. */
guint64 live_samples(const Live *l);

/*
 * What is looked at from now on: samples that came at `from_us` or later; 0: all.
 * Counters of the processes are those of that time as well. The Profile is
 * valid until the next call of live_add() or live_view(); it may be given names.
 */
Profile *live_view(Live *l, gint64 from_us);

/* Time the view covers, ns, and CPU time of the programs meanwhile. */
typedef struct {
	guint64 wall_ns, cpu_ns;
	gint64 latest_us;		/* when the last fragment came, 0: none */
} LiveSpan;

LiveSpan live_span(const Live *l, gint64 from_us);

/* When the last step began: live_view() of it shows that step alone. */
gint64 live_last_step(const Live *l);

/*
 * All there is as a profile of its own, to be written to a file: counters and
 * times since the beginning. The caller's; `l` gets no more fragments.
 */
Profile *live_finish(Live *l);

#endif
