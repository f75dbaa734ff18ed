/* SPDX-License-Identifier: MIT */
/*
 * prologue: does the function around a pc keep its frame in rbp?
 *
 * For code that no unwind table covers. Looks backwards from pc for the
 * instructions that set rbp up, and gives up where another function seems to
 * begin in between: at an aligned address behind padding, or behind a return
 * or a jump where registers are saved. Async-signal-safe.
 */
#ifndef PROFAGENT_AGENT_PROLOGUE_H
#define PROFAGENT_AGENT_PROLOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/memory.h"

/* How far back it looks, bytes, where the code is read in place. */
#define PROLOGUE_REACH 16384u

/* The same where every 116 bytes take a system call. */
#define PROLOGUE_REACH_COPIED 1024u

/*
 * True if the function that `pc` is in, as far as can be seen, has put its
 * frame's address into rbp before it came to pc.
 */
bool prologue_keeps_rbp(struct memory *memory, uint64_t pc);

/*
 * Where the function that begins at `entry` has put its frame's address into
 * rbp, 0 if it is not seen to do so among its first instructions.
 */
uint64_t prologue_setup_end(struct memory *memory, uint64_t entry);

#endif
