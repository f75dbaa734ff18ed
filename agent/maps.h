/* SPDX-License-Identifier: MIT */
/*
 * maps: the lines of /proc/self/maps.
 *
 * The text is read whole into a block of its own that is reused. One caller at
 * a time; uses sys.h alone.
 */
#ifndef PROFAGENT_AGENT_MAPS_H
#define PROFAGENT_AGENT_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum maps_prot { MAPS_READ = 1, MAPS_WRITE = 2, MAPS_EXEC = 4 };

struct maps_entry {
	uint64_t start, end;	/* [start, end) */
	uint64_t offset;	/* in the file, bytes */
	uint64_t inode;		/* 0: no file */
	uint32_t dev;		/* major << 20 | minor */
	uint32_t prot;		/* enum maps_prot */
	uint32_t path_size;	/* bytes */
	const char *path;	/* in the text, not terminated */
};

struct maps_text {
	char *text;
	size_t capacity, size;
	size_t at;		/* of the next line */
};

/* Reads `path`. Returns 0 or -errno. */
int maps_read(struct maps_text *m, const char *path);

/* The next line that can be understood; false at the end. */
bool maps_next(struct maps_text *m, struct maps_entry *entry);

void maps_release(struct maps_text *m);

#endif
