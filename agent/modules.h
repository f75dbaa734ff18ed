/* SPDX-License-Identifier: MIT */
/*
 * modules: the objects mapped into this process, from /proc/self/maps.
 *
 * An immutable table is built in ordinary context (constructor, flusher) and
 * published by one atomic pointer; readers (signal handler included) take the
 * pointer once and use the table without lock. A superseded table is kept
 * until no walk that may have taken it can still run, and then reused.
 *
 * A module is one object file mapped at one place. It keeps its id for as long
 * as the process lives: unloaded and loaded again, it is a new module with a
 * new id, so that an address means something only together with a time.
 */
#ifndef PROFAGENT_AGENT_MODULES_H
#define PROFAGENT_AGENT_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/eh-table.h"
#include "agent/go-table.h"

#define MODULE_BUILD_ID_MAX 32	/* bytes; sha1 is 20, md5 and uuid 16 */

/* Written once before publication, then read-only for everyone. */
struct module {
	uint64_t start, end;	/* executable mapping [start, end), bytes */
	uint64_t offset;	/* file offset of `start`, bytes */
	uint64_t bias;		/* load address - p_vaddr; 0 if unknown */
	uint64_t load_ns;	/* CLOCK_MONOTONIC when first seen */
	uint64_t unload_ns;	/* when seen gone, 0 while mapped */
	uint64_t absent_ns;	/* last reading that did not have it yet */
	uint64_t seen_ns;	/* last reading that had it; 0 while mapped */
	const uint8_t *eh_frame_hdr; /* mapped .eh_frame_hdr, NULL if none */
	uint64_t eh_frame_hdr_size;  /* bytes */
	uint64_t table_low, table_high; /* mapping that holds it */
	struct eh_table eh_table;	/* count 0: none to search */
	struct go_table go;		/* count 0: not Go */
	uint64_t inode;
	uint32_t dev;
	bool resident;		/* never unloaded: tables are read in place */
	bool readable;		/* its code can be read */
	uint32_t id;		/* from 1, never reused in this process */
	uint8_t build_id_size;	/* bytes, 0 if the object has none */
	uint8_t build_id[MODULE_BUILD_ID_MAX];
	const char *path;	/* as in maps, "[vdso]", "" and all */
};

struct module_table {
	uint32_t count;		/* executable mappings, sorted by start */
	uint32_t generation;	/* grows with every change */
	uint64_t taken_ns;	/* CLOCK_MONOTONIC of the reading */
	struct module module[];
};

/*
 * Reads the maps for the first time and publishes a table. `maps` is the path to
 * read, NULL for /proc/self/maps (a seam for tests). After resident_init(); the
 * flusher, or nobody else yet. Returns 0 or -errno.
 */
int modules_begin(const char *maps);

/* resident_init() and modules_begin(). Ordinary context. */
int modules_init(const char *maps);

/*
 * Reads the maps again; publishes a new table only if something changed.
 * One caller at a time (the flusher). Uses sys.h alone: no libc allocation, no
 * loader. Returns 1 if it changed, 0 if not, -errno (the old table stays).
 */
int modules_refresh(void);

/*
 * True if, since the last call, anything happened by which what was learnt of
 * an address may have become wrong: code went away, and more came where it was
 * or may have been. More code alone makes nothing wrong. Flusher only.
 */
bool modules_take_stale(void);

/*
 * In a forked child: the tables are not in its memory. The first is for fork, the
 * second forgets all else and begins anew (-ENOENT: there was no beginning).
 */
void modules_lose_after_fork(void);
int modules_reset_after_fork(void);

/*
 * The current table, never NULL after modules_begin(). For the flusher, and in
 * ordinary context before it runs: a handler uses modules_hold().
 */
const struct module_table *modules_current(void);

/*
 * The current table, NULL before modules_begin(). It stays as it is until
 * modules_drop() of it, and is not used again before. A few nanoseconds each;
 * any thread, async-signal-safe.
 */
const struct module_table *modules_hold(void);
void modules_drop(const struct module_table *table);

/*
 * The table of modules_begin(), which is never reused: what it calls resident
 * needs no holding. NULL before. Async-signal-safe.
 */
const struct module_table *modules_resident(void);

/* The module that maps `pc` as code, NULL if none. Async-signal-safe. */
const struct module *modules_find(const struct module_table *table,
				  uint64_t pc);

/*
 * The module that had `pc` mapped as code at CLOCK_MONOTONIC `time_ns`, also
 * one unloaded since (for at least a minute); NULL if none is known, or if
 * it could be either of two that were exchanged between two readings. Flusher
 * only; valid until the next modules_refresh().
 */
const struct module *modules_find_at(uint64_t pc, uint64_t time_ns);

/* The object that holds the program's main code (mapping 1 of the profile). */
const struct module *modules_main(void);

/*
 * Calls `visit` for every unloaded module that is not told yet; what it was
 * called for last is, from modules_told_unloaded() on. Between the two comes the
 * write that may fail. Flusher only.
 */
void modules_visit_unloaded(void (*visit)(const struct module *, void *),
			    void *arg);
void modules_told_unloaded(void);

#endif
