/* SPDX-License-Identifier: MIT */
/*
 * A location outside every mapping does not know its process; the samples that
 * hold it do.
 */
#include "tools/symbols-jit.h"

#include <stdio.h>

#include "tools/jitmap.h"
#include "tools/symbols.h"

struct jit {
	Profile *profile;
	ProfileFunctions *functions;
	const char *sysroot;
	ProcessRoots *roots;
	GPtrArray *notes;
	JitMap **maps;			/* by process; NULL: it wrote none */
	gboolean any;
};

static gint64 process_started(const ProfileProcess *process)
{
	return process->start_unix_ns / (1000 * 1000 * 1000);
}

static void path_read(struct jit *j, guint32 index, const char *path,
		      gboolean dump)
{
	const ProfileProcess *process = profile_at(j->profile->processes,
						   ProfileProcess, index);
	const char *root = j->sysroot ? j->sysroot
		: process_roots_find(j->roots, j->profile, index);
	g_autofree char *full = g_strconcat(root ? root : "", path, NULL);
	g_autoptr(GError) error = NULL;
	JitMap *map = j->maps[index] ? j->maps[index] : jitmap_new();
	gboolean read = dump ?
		jitmap_read_jitdump(map, full, process_started(process),
				    &error) :
		jitmap_read_perf(map, full, process_started(process), &error);

	if (!read && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
		g_ptr_array_add(j->notes, g_strdup(error->message));
	if (read)
		j->any = TRUE;
	if (!read && !j->maps[index])
		g_clear_pointer(&map, jitmap_free);
	j->maps[index] = map;
}

static gboolean path_is_jitdump(const char *path)
{
	g_autofree char *base = g_path_get_basename(path);
	int pid, end = 0;

	return sscanf(base, "jit-%d.dump%n", &pid, &end) == 1 && end > 0 &&
	       base[end] == '\0';
}

static void maps_read(struct jit *j)
{
	const Profile *p = j->profile;

	for (guint i = 0; i < p->mappings->len; i++) {
		const ProfileMapping *m = profile_at(p->mappings,
						     ProfileMapping, i);
		const char *path = profile_text(p, m->path);

		if (m->process < p->processes->len && path_is_jitdump(path))
			path_read(j, m->process, path, TRUE);
	}
	for (guint i = 0; i < p->processes->len; i++) {
		const ProfileProcess *process = profile_at(p->processes,
							ProfileProcess, i);
		g_autofree char *path = g_strdup_printf("/tmp/perf-%d.map",
							process->pid);

		if (process->pid > 0)
			path_read(j, i, path, FALSE);
	}
}

static void location_name(struct jit *j, ProfileLocation *l, guint32 process)
{
	Profile *p = j->profile;
	ProfileFunction f = { 0 };
	ProfileLine line;
	JitCode code;
	g_autofree char *name = NULL;

	if (process >= p->processes->len || !j->maps[process] ||
	    !jitmap_find(j->maps[process], l->address, &code))
		return;
	name = symbols_demangle(code.name, FALSE);
	f.name = profile_string(p, name, -1);
	f.system_name = profile_string(p, code.name, -1);
	f.file = profile_string(p, code.file, -1);
	line.function = profile_functions_add(j->functions, &f);
	line.line = code.line;
	l->first_line = p->lines->len;
	l->line_count = 1;
	g_array_append_val(p->lines, line);
}

static void sample_name(struct jit *j, const ProfileSample *s)
{
	for (guint32 i = 0; i < s->frame_count; i++) {
		guint32 index = g_array_index(j->profile->frames, guint32,
					      s->first_frame + i);
		ProfileLocation *l = profile_at(j->profile->locations,
						ProfileLocation, index);

		if (l->line_count == 0 && l->mapping == PROFILE_NONE)
			location_name(j, l, s->process);
	}
}

static void locations_name(struct jit *j)
{
	Profile *p = j->profile;

	for (guint i = 0; i < p->locations->len; i++) {
		ProfileLocation *l = profile_at(p->locations, ProfileLocation,
						i);

		if (l->line_count == 0 && l->mapping < p->mappings->len)
			location_name(j, l, profile_at(p->mappings,
				ProfileMapping, l->mapping)->process);
	}
	for (guint i = 0; i < p->samples->len; i++)
		sample_name(j, profile_at(p->samples, ProfileSample, i));
}

void symbols_jit_resolve(Profile *p, ProfileFunctions *functions,
			 const char *sysroot, ProcessRoots *roots,
			 GPtrArray *notes)
{
	struct jit j = { p, functions, sysroot, roots, notes, NULL, FALSE };

	j.maps = g_new0(JitMap *, p->processes->len + 1);
	maps_read(&j);
	if (j.any)
		locations_name(&j);
	for (guint i = 0; i < p->processes->len; i++)
		jitmap_free(j.maps[i]);
	g_free(j.maps);
}
