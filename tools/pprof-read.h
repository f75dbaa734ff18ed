/* SPDX-License-Identifier: MIT */
/*
 * pprof-read: files of any origin into a Profile.
 *
 * Reads gzip members and protobuf fragments one by one (zlib, protobuf-c), so
 * that memory holds the compact Profile and one message at a time. Accepts
 * any prefix of a file of ours and says in ProfileProcess.skipped what it left
 * out; a file that grows while it is read is read up to its last whole member.
 * Any bytes are safe: ids are checked, sizes are bounded.
 */
#ifndef PROFAGENT_TOOLS_PPROF_READ_H
#define PROFAGENT_TOOLS_PPROF_READ_H

#include <gio/gio.h>

#include "tools/profile.h"

/* Places (locations, functions and mappings) that are too many to be looked at:
 * then the heaviest half as many are told apart, and as many stacks. */
#define PPROF_READ_CROWD (1u << 20)

#define PPROF_READ_ERROR pprof_read_error_quark()
GQuark pprof_read_error_quark(void);

typedef enum {
	PPROF_READ_ERROR_EMPTY,		/* no bytes */
	PPROF_READ_ERROR_FOREIGN,	/* not gzip, not a pprof message */
	PPROF_READ_ERROR_DAMAGED,	/* nothing usable in it */
	PPROF_READ_ERROR_MISMATCH,	/* sample types unlike those merged before */
	PPROF_READ_ERROR_TOO_LARGE,
} PprofReadError;

typedef enum {
	PPROF_READ_DEFAULT = 0,
	PPROF_READ_NO_REGION = 1 << 0,	/* do not look for the shared region */
	PPROF_READ_NO_MOMENTS = 1 << 1,	/* leave per-sample times out */
	PPROF_READ_REST = 1 << 2,	/* of samples only those in the region */
	PPROF_READ_SIEVE = 1 << 3,	/* to look at: what is too much for that
					 * comes through tools/pprof-sieve.h */
	PPROF_READ_SIEVE_LATE = 1 << 4,	/* to write elsewhere: so does what
					 * would take 512 MiB and more */
} PprofReadFlags;

/*
 * Reads `path` into `p`, merging with what is there. A directory stands for
 * all *.pb.gz in it (not below it): it is read if one of them can be, the
 * others are named in the first process's `skipped`. Adds what a dead, or
 * live, process left in its shared region; the region itself can be named
 * when the process never wrote a file. On error `p` is as before.
 */
gboolean pprof_read_path(Profile *p, const char *path, PprofReadFlags flags,
			 GError **error);

/* Paths (char *) of the profiles in a directory, sorted; NULL on error. */
GPtrArray *pprof_read_list(const char *directory, GError **error);

/*
 * Who wrote a file, without reading it all: FALSE if it is not one of ours. The
 * ids are 16 hex digits, "" for no parent or root.
 */
typedef struct {
	char run_id[17], parent_run_id[17], root_run_id[17];
	gint32 pid;
	guint32 part;
} PprofOrigin;

gboolean pprof_read_origin(const char *path, PprofOrigin *origin);

/* As pprof_read_path() from memory; `name` for messages. */
gboolean pprof_read_bytes(Profile *p, const char *name, const guint8 *data,
			  gsize size, PprofReadFlags flags, GError **error);

/* The same, with PPROF_READ_SIEVE and fewer places that are too many. */
gboolean pprof_read_crowd(Profile *p, const char *name, const guint8 *data,
			  gsize size, guint crowd, GError **error);

#endif
