/* SPDX-License-Identifier: MIT */
/* rewrite: see rewrite.h. */
#include "tools/rewrite.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>

#include "tools/alive.h"
#include "tools/pprof-read.h"
#include "tools/pprof-write.h"

G_DEFINE_QUARK(rewrite-error-quark, rewrite_error)

static gboolean is_live(const Profile *p, const char *path, GError **error)
{
	const ProfileProcess *process = profile_at(p->processes,
						   ProfileProcess, 0);

	if (process->done || !alive_process(p, process))
		return FALSE;
	g_set_error(error, REWRITE_ERROR, REWRITE_ERROR_LIVE,
		    "%s: process %d is still running and writes to it; -o FILE "
		    "makes a copy", path, process->pid);
	return TRUE;
}

/* Its samples are in the file now. A process that lives keeps it. */
static void remove_region(const Profile *p)
{
	const ProfileProcess *process = profile_at(p->processes,
						   ProfileProcess, 0);

	if (process->salvaged && !alive_process(p, process))
		g_unlink(profile_text(p, process->region));
}

static void fill_result(RewriteResult *result, const Profile *p)
{
	const ProfileProcess *process = profile_at(p->processes,
						   ProfileProcess, 0);

	if (!result)
		return;
	result->salvaged = process->salvaged;
	result->skipped = g_ptr_array_ref(process->skipped);
}

gboolean rewrite_file(const char *path, const char *output, Symbols *symbols,
		      RewriteResult *result, GError **error)
{
	g_autoptr(Profile) p = profile_new();
	g_autofree char *real = NULL;	/* behind a symbolic link */

	if (result)
		*result = (RewriteResult){ FALSE, NULL };
	if (!pprof_read_path(p, path, PPROF_READ_DEFAULT, error))
		return FALSE;
	fill_result(result, p);
	if (!output && is_live(p, path, error))
		return FALSE;
	if (symbols)
		symbols_resolve(symbols, p);
	if (!output && !(real = realpath(path, NULL))) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
			    "%s: %s", path, g_strerror(errno));
		return FALSE;
	}
	if (!pprof_write_file(p, output ? output : real, error))
		return FALSE;
	if (!output)
		remove_region(p);
	return TRUE;
}

void rewrite_result_release(RewriteResult *result)
{
	g_clear_pointer(&result->skipped, g_ptr_array_unref);
}
