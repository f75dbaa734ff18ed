/* SPDX-License-Identifier: MIT */
/*
 * verbs: what can be asked of the agent (agent/control-proto.h), in a table.
 *
 * Flusher only.
 */
#ifndef PROFAGENT_AGENT_VERBS_H
#define PROFAGENT_AGENT_VERBS_H

#include <stdbool.h>

#include "agent/format.h"

/* Bytes of the longest answer: two paths of PATH_MAX, each byte escaped. */
#define VERBS_ANSWER_MAX (64u * 1024u)

/*
 * Obeys one request, without its newline, and writes the answer, a line of
 * JSON. The request is changed. True if the asker is now to get every
 * fragment.
 */
bool verbs_obey(char *request, struct format *answer);

/* The answer to what cannot be obeyed. */
void verbs_refuse(struct format *answer, const char *error);

/*
 * So many subscribers there are now. With the first a paused program begins to
 * be profiled, after the last it is paused again, unless somebody asked for the
 * one or the other meanwhile. Not while a round is under way.
 */
void verbs_watched(unsigned subscribers);

/* In a forked child: nobody watches. */
void verbs_reset_after_fork(void);

#endif
