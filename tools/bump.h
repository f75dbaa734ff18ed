/* SPDX-License-Identifier: MIT */
/*
 * bump: memory for one message at a time.
 *
 * An allocator for protobuf-c that never frees single pieces: the whole is
 * emptied after each message. Beyond `limit` bytes it refuses, which makes
 * the message unreadable and nothing else.
 */
#ifndef PROFAGENT_TOOLS_BUMP_H
#define PROFAGENT_TOOLS_BUMP_H

#include <glib.h>
#include <protobuf-c/protobuf-c.h>

typedef struct _BumpBlock BumpBlock;

typedef struct {
	ProtobufCAllocator allocator;	/* give its address to protobuf-c */
	BumpBlock *blocks;		/* the newest, which is in use, first */
	gsize used;			/* bytes of the newest block */
	gsize total, limit;		/* bytes of all blocks */
} Bump;

void bump_init(Bump *b, gsize limit);
void bump_release(Bump *b);

/* Forgets everything taken; keeps one block. */
void bump_clear(Bump *b);

#endif
