/* SPDX-License-Identifier: MIT */
/*
 * lookup: which object holds a pc, and where its unwind tables are.
 *
 * Objects that are never unloaded (the program, what it was linked to, the
 * vdso) come from a table made at start, and their unwind tables are read in
 * place. Any other object comes from one of two methods, chosen once: glibc's
 * _dl_find_object (2.35 and later: lock-free, knows an object as soon as it
 * runs) or our own published table (knows it from the next refresh on); its
 * unwind tables may vanish at any moment, so they are copied.
 */
#ifndef PROFAGENT_AGENT_LOOKUP_H
#define PROFAGENT_AGENT_LOOKUP_H

#include <stdint.h>

#include "agent/dw-cursor.h"
#include "agent/eh-table.h"
#include "agent/unwind.h"

struct lookup_object {
	struct eh_table table;
	uint64_t start, end;	/* code, about */
	uint64_t low, high;	/* tables in [low, high) never go away */
};

struct lookup_method {
	const char *name;

	/* As lookup_object_find(). Async-signal-safe. */
	enum unwind_end (*find)(struct lookup_object *object, uint64_t pc,
				struct memory *memory);
};

extern const struct lookup_method lookup_dl_find_object;
extern const struct lookup_method lookup_table;

/*
 * Chooses the method: _dl_find_object if its address is given, else the table.
 * Ordinary context, before the first walk.
 */
void lookup_init(void *dl_find_object);

/* The one chosen. */
const struct lookup_method *lookup_current(void);

/*
 * The object that holds `pc`; `memory` is for reading its header where that is
 * not known yet. Returns UNWIND_ENDS if it has unwind tables, else
 * UNWIND_NO_TABLE or UNWIND_NO_MODULE. Async-signal-safe.
 */
enum unwind_end lookup_object_find(struct lookup_object *object, uint64_t pc,
				   struct memory *memory);

#endif
