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

struct eh_table {
	uint64_t hdr;		/* address of .eh_frame_hdr */
	uint64_t entries;	/* address of the first entry */
	uint64_t count;
};

/* Reads the header at `hdr`. False if it has no table that we can search. */
bool eh_table_init(struct eh_table *t, const struct dw_source *source,
		   uint64_t hdr);

/*
 * Address of the FDE whose code starts last at or before `pc`, 0 if there is
 * none; whether it reaches to pc only the FDE says. [start, end) is the code of
 * the object: where it is about right, copied tables are searched faster.
 */
uint64_t eh_table_find(const struct eh_table *t,
		       const struct dw_source *source, uint64_t pc,
		       uint64_t start, uint64_t end);

#endif
