/* SPDX-License-Identifier: MIT */
/*
 * jitmap: names of code that a program made while it ran.
 *
 * Read from what JIT compilers write for profilers: /tmp/perf-PID.map (text:
 * start, size, name) and jitdump (jit-PID.dump: code loaded and moved, with
 * source lines). Code made later replaces what was at its place before.
 */
#ifndef PROFAGENT_TOOLS_JITMAP_H
#define PROFAGENT_TOOLS_JITMAP_H

#include <gio/gio.h>

typedef struct _JitMap JitMap;

typedef struct {
	const char *name;		/* owned by the map */
	const char *file;		/* "" if not known */
	gint32 line;			/* 0: unknown */
} JitCode;

JitMap *jitmap_new(void);
void jitmap_free(JitMap *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JitMap, jitmap_free)

/*
 * Add what a file says. Lines and records that make no sense are left out, a
 * torn end as well. FALSE only if the file cannot be read, is no such file, or
 * is older than `not_before` (Unix seconds; 0: any): a process id was used
 * again and the file is of another program.
 */
gboolean jitmap_read_perf(JitMap *m, const char *path, gint64 not_before,
			  GError **error);
gboolean jitmap_read_jitdump(JitMap *m, const char *path, gint64 not_before,
			     GError **error);

/* The same from memory. */
void jitmap_parse_perf(JitMap *m, const char *text, gsize size);
gboolean jitmap_parse_jitdump(JitMap *m, const guint8 *data, gsize size);

/* FALSE: no code known at `address`. */
gboolean jitmap_find(const JitMap *m, guint64 address, JitCode *code);

#endif
