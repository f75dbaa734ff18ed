/* SPDX-License-Identifier: MIT */
/*
 * eh-table: the sorted table in .eh_frame_hdr.
 *
 * LSB core, "Exception Frame Header": the linker leaves there, for every FDE,
 * where its code starts and where it lies, both as 32-bit offsets from the
 * header. Async-signal-safe.
 */
#ifndef PROFAGENT_AGENT_EH_TABLE_H
#define PROFAGENT_AGENT_EH_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/dw-cursor.h"

/* Entries copied at once, and from one key of an index to the next. */
#define EH_TABLE_CHUNK 24u

struct eh_table {
	uint64_t hdr;		/* address of .eh_frame_hdr */
	uint64_t entries;	/* address of the first entry */
	uint64_t count;
	/*
	 * Our copy of the start of every EH_TABLE_CHUNK-th entry, relative to
	 * hdr, or NULL. With it a table that is copied takes one system call.
	 */
	const int32_t *index;
};

/* Keys in the index of a table. */
static inline uint64_t eh_table_keys(const struct eh_table *t)
{
	return (t->count + EH_TABLE_CHUNK - 1) / EH_TABLE_CHUNK;
}

/* Reads the header at `hdr`. False if it has no table that we can search. */
bool eh_table_init(struct eh_table *t, const struct dw_source *source,
		   uint64_t hdr);

/*
 * Fills keys[eh_table_keys(t)] for t->index; the caller owns them. False if the
 * table cannot be read. Uses a buffer of its own: one caller at a time.
 */
bool eh_table_read_keys(const struct eh_table *t, struct memory *memory,
			int32_t *keys);

/*
 * Address of the FDE whose code starts last at or before `pc`, 0 if there is
 * none; whether it reaches to pc only the FDE says. [start, end) is the code of
 * the object: where it is about right, copied tables are searched faster.
 */
uint64_t eh_table_find(const struct eh_table *t,
		       const struct dw_source *source, uint64_t pc,
		       uint64_t start, uint64_t end);

#endif
