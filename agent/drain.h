/* SPDX-License-Identifier: MIT */
/*
 * drain: one round of the flusher: from the rings into the file.
 *
 * A sample leaves its ring only when it is written: the member says how
 * far each ring is in the file, then the file is appended to, then the ring is
 * released. So after kill -9 at any moment ring and file together hold
 * every sample exactly once.
 */
#ifndef PROFAGENT_AGENT_DRAIN_H
#define PROFAGENT_AGENT_DRAIN_H

#include <stdbool.h>

/* See flusher_round(). Flusher only. */
int drain_round(bool last);

/* Opens the output now, while we still may. 0 or -errno. */
int drain_open(void);

/* Closes the output; a later round would go on where it ended. */
void drain_close(void);

/* Reads which objects are loaded now. */
void drain_refresh_modules(void);

/* Who we are, for a message; the strings live as long as the process. */
struct pprof_process;
void drain_describe(struct pprof_process *p);

/* The program's spans, all or those that the file does not have so. */
struct pprof;
void drain_add_spans(struct pprof *to, bool changed);

/* The counters as of now. */
struct pprof_health;
void drain_health(struct pprof_health *h);

/* Writes what there is; the next round begins a new part of the output. */
int drain_new_part(void);

/* In a forked child. */
void drain_reset_after_fork(void);

#endif
