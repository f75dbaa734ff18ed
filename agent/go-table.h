/* SPDX-License-Identifier: MIT */
/*
 * go-table: the functions of a Go program, and how far rsp is from the return
 * address at each of their instructions.
 *
 * Go's linker writes it for Go's own tracebacks (runtime/symtab.go, "pclntab");
 * it is there in stripped programs too, and knows the assembly. Read are the
 * tables of Go 1.18 and later. Nothing read is trusted. All but the search for
 * it is async-signal-safe.
 */
#ifndef PROFAGENT_AGENT_GO_TABLE_H
#define PROFAGENT_AGENT_GO_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/dw-cursor.h"

/* Addresses of this process. */
struct go_table {
	uint64_t text, text_end;	/* code that is told of */
	uint64_t functions;		/* the first of count + 1 entries */
	uint64_t count;			/* 0: no table */
	uint64_t depths, names;		/* what functions refer to */
	uint64_t limit;			/* nothing of it lies behind */
};

struct go_function {
	uint64_t entry;
	uint64_t depths;		/* 0: none are told */
	uint64_t name;
};

struct go_range {
	uint64_t low, high;		/* [low, high) */
};

/*
 * Looks in `constants` for the table of code that lies within `text`. From Go
 * 1.26 on it does not say itself where that starts; the program's own record
 * of it does (runtime.moduledata), which is looked for in `variables`. One
 * caller at a time: the flusher, or whoever starts it.
 */
bool go_table_search(struct go_table *t, struct memory *memory,
		     struct go_range constants, struct go_range variables,
		     struct go_range text);

/* The function whose code begins last at or before `pc`. */
bool go_table_find(const struct go_table *t, const struct dw_source *source,
		   uint64_t pc, struct go_function *f);

/*
 * Bytes from rsp up to the return address when `pc` is next, or interrupted
 * there. False if it is not told or pc is not in `f`.
 */
bool go_table_depth(const struct go_table *t, const struct dw_source *source,
		    const struct go_function *f, uint64_t pc, uint64_t *bytes);

/* Copies the name, cut to `size` - 1 bytes. */
void go_table_name(const struct go_table *t, const struct dw_source *source,
		   const struct go_function *f, char *name, unsigned size);

#endif
