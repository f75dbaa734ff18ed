/* SPDX-License-Identifier: MIT */
/*
 * health: how good a profile is, in a few lines above every report.
 */
#ifndef PROFAGENT_TOOLS_HEALTH_H
#define PROFAGENT_TOOLS_HEALTH_H

#include <stdio.h>

#include "tools/json-out.h"
#include "tools/profile.h"

#define HEALTH_REASONS 16

/* The counters of all processes of a Profile together. */
typedef struct {
	guint own, foreign;		/* processes with counters, without */
	guint unclean;			/* did not end by themselves, or live */
	guint salvaged;			/* gave samples from their region */
	guint64 samples, expirations, threads, flushes;
	guint64 lost, lost_by[HEALTH_REASONS];
	guint64 truncated, truncated_by[HEALTH_REASONS];
	double asked_hz, asked_least_hz; /* most and least of all processes */
	double achieved_hz;		/* expirations per CPU second */
	guint busy;			/* threads that have samples */
	guint64 cpu_ns, sampled_ns, handler_ns, flusher_cpu_ns;
	guint64 memory;			/* bytes, of the largest */
	gint64 not_sampled_ns;		/* CPU time that no sample stands for */
	GPtrArray *clocks, *unwinds;	/* char *: names in use, each once */
	GPtrArray *notes;		/* char *: of agents and of the reader */
} Health;

/* `more`: further notes (char *), may be NULL. */
void health_init(Health *h, const Profile *p, const GPtrArray *more);
void health_release(Health *h);

/*
 * Whether the samples stand for more CPU time than passed because a sample
 * stands for the time before it: where a profile begins while threads run, as
 * those of running processes do, some of what the first sample of each stands
 * for was before.
 */
gboolean health_begins_early(const Health *h);

/* Share of the program's CPU time that the agent used besides. */
double health_own_cost(const Health *h);

void health_print(const Health *h, FILE *to);
void health_json(const Health *h, JsonOut *out);

/* Why a sample was lost or a stack cut short: a word; NULL beyond the last. */
const char *health_lost_name(guint reason);
const char *health_truncated_name(guint reason);

#endif
