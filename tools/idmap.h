/* SPDX-License-Identifier: MIT */
/*
 * idmap: the ids of a file (any 64-bit numbers, mostly 1, 2, 3 ...) to indices.
 */
#ifndef PROFAGENT_TOOLS_IDMAP_H
#define PROFAGENT_TOOLS_IDMAP_H

#include <glib.h>

typedef struct {
	GArray *dense;			/* index + 1 of small ids, 0: none */
	GHashTable *sparse;		/* of the others */
} Idmap;

void idmap_init(Idmap *m);
void idmap_release(Idmap *m);

/* G_MAXUINT32: unknown. */
guint32 idmap_find(const Idmap *m, guint64 id);

/* Adds or replaces. */
void idmap_set(Idmap *m, guint64 id, guint32 index);

/* Bytes held, about. */
gsize idmap_memory(const Idmap *m);

#endif
