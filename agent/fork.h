/* SPDX-License-Identifier: MIT */
/*
 * fork: where that lies which a forked child touches.
 *
 * Each page of memory a child writes to and each 64 KiB of code it enters is a
 * page fault, 2 to 3 us: more than all that the agent does there. So what every
 * child touches lies together; and what a child needs only when it is
 * sampled is set back by its flusher, not in fork (agent_begun()).
 */
#ifndef PROFAGENT_AGENT_FORK_H
#define PROFAGENT_AGENT_FORK_H

/* Variables that agent_forked() and all it calls write, or may find unused. */
#define FORK_DATA __attribute__((section("fork_data")))

/*
 * Arrays too large for that. They lie behind all other variables, which without
 * holes of megabytes between them need one page of page tables instead of seven:
 * a fork copies each, and the child's end frees it.
 */
#define FORK_LARGE __attribute__((section(".lbss.fork_large")))

/* These functions. */
#define FORK_CODE __attribute__((hot))

#endif
