/* SPDX-License-Identifier: MIT */
/*
 * verbs: what can be asked of the agent (agent/control-proto.h), in a table.
 *
 * Flusher only.
 */
#ifndef PROFAGENT_AGENT_VERBS_H
#define PROFAGENT_AGENT_VERBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/format.h"

/* Bytes of the longest answer: two paths of PATH_MAX, each byte escaped. */
#define VERBS_ANSWER_MAX (64u * 1024u)

struct verbs_reply {
	struct format answer;		/* a line of JSON */
	int err;			/* the same in short: 0 or -errno */
	bool subscribes;		/* is to get every fragment from now on */
	uint8_t *frame;			/* to be sent before the answer, NULL:
					 * none; a block of agent/arena.h that
					 * becomes the caller's */
	size_t frame_size;
};

/*
 * Obeys one request, without its newline, which is changed. The answer is
 * written where r->answer was initialized to, the rest is set.
 */
void verbs_obey(char *request, struct verbs_reply *r);

/* The answer to what cannot be obeyed. */
void verbs_refuse(struct format *answer, const char *error);

/*
 * A signal asks to start what is paused, and to pause what runs. Not while a
 * round is under way.
 */
void verbs_toggle(void);

/*
 * So many subscribers there are now. With the first a paused program begins to
 * be profiled, after the last it is paused again, unless somebody asked for the
 * one or the other meanwhile. Not while a round is under way.
 */
void verbs_watched(unsigned subscribers);

/* In a forked child: nobody watches. */
void verbs_reset_after_fork(void);

#endif
