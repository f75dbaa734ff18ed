/* SPDX-License-Identifier: MIT */
/* sample-profile: see sample-profile.h. */
#include "tests/unit/sample-profile.h"

#include "agent/unwind.h"

enum { MAIN, WORK, MEMCPY, NOT_SAMPLED };
enum { AT_MAIN, AT_WORK, AT_INLINED, AT_UNKNOWN, AT_NOT_SAMPLED };

static void add_function(Profile *p, const char *name, const char *file,
			 gint32 line)
{
	ProfileFunction f = {
		.name = profile_string(p, name, -1),
		.file = profile_string(p, file, -1), .start_line = line,
	};

	g_array_append_val(p->functions, f);
}

static void add_location(Profile *p, guint32 mapping, guint64 address,
			 const guint32 *functions, guint16 count)
{
	ProfileLocation l = { .address = address, .mapping = mapping,
			      .first_line = p->lines->len,
			      .line_count = count, .tried = TRUE };

	for (guint16 i = 0; i < count; i++) {
		ProfileLine line = { .function = functions[i], .line = 7 };

		g_array_append_val(p->lines, line);
	}
	g_array_append_val(p->locations, l);
}

static void add_mapping(Profile *p, guint64 start, const char *path)
{
	ProfileMapping m = { .start = start, .end = start + 0x1000,
			     .path = profile_string(p, path, -1) };

	g_array_append_val(p->mappings, m);
}

static void add_code(Profile *p)
{
	const guint32 main_only[] = { MAIN }, work[] = { WORK };
	const guint32 inlined[] = { MEMCPY, WORK }, none[] = { NOT_SAMPLED };

	add_mapping(p, 0x1000, "/bin/prog");
	add_mapping(p, 0x9000, "/lib/libx.so");
	add_location(p, 0, 0x1001, main_only, 1);
	add_location(p, 0, 0x1002, work, 1);
	add_location(p, 0, 0x1003, inlined, 2);
	add_location(p, 1, 0x9010, NULL, 0);
	add_location(p, PROFILE_NONE, 0, none, 1);
}

static void add_threads(Profile *p)
{
	for (gint32 tid = 100; tid < 102; tid++) {
		g_autofree char *name = g_strdup_printf("worker-%d", tid);
		ProfileThread t = { .process = 0, .tid = tid,
				    .name = profile_string(p, name, -1) };

		g_array_append_val(p->threads, t);
	}
}

typedef struct {
	guint32 frames[3];		/* locations, leaf first */
	guint32 frame_count, taken, thread;
	guint16 end;
	const guint64 *moments;		/* seconds, or NULL */
} Row;

static void add_sample(Profile *p, const Row *row)
{
	gint64 each = 10 * SAMPLE_MS;
	gint64 value = row->taken ? row->taken * each : each;
	ProfileSample s = {
		.first_frame = p->frames->len, .frame_count = row->frame_count,
		.value = { row->taken, value }, .thread = row->thread,
		.process = 0, .end = row->end, .taken = row->taken,
		.square = (double)each * (double)each * row->taken,
		.first_moment = p->moments->len,
		.moment_count = row->moments ? row->taken : 0,
	};

	g_array_append_vals(p->frames, row->frames, row->frame_count);
	for (guint32 i = 0; i < s.moment_count; i++) {
		ProfileMoment m = { row->moments[i] * 1000 * SAMPLE_MS, each };

		g_array_append_val(p->moments, m);
	}
	g_array_append_val(p->samples, s);
}

static void add_samples(Profile *p)
{
	static const guint64 one[] = { 1, 2, 3, 4 }, two[] = { 2, 2, 2 };
	static const Row rows[] = {
		{ { AT_INLINED, AT_MAIN }, 2, 4, 0, UNWIND_COMPLETE, one },
		{ { AT_UNKNOWN, AT_WORK, AT_MAIN }, 3, 3, 1, UNWIND_COMPLETE,
		  two },
		{ { AT_WORK }, 1, 2, 1, UNWIND_NO_TABLE, NULL },
		{ { AT_NOT_SAMPLED }, 1, 0, PROFILE_NONE, UNWIND_COMPLETE,
		  NULL },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		add_sample(p, &rows[i]);
}

static void add_process(Profile *p)
{
	guint32 index = profile_add_process(p);
	ProfileProcess *process = profile_at(p->processes, ProfileProcess,
					     index);

	process->pid = 42;
	process->program = profile_string(p, "prog", -1);
	process->host = profile_string(p, "here", -1);
	process->samples = 9;
	process->lost[0] = 3;
	process->truncated[UNWIND_COMPLETE] = 7;
	process->truncated[UNWIND_NO_TABLE] = 2;
	process->asked_mhz = 99500;
	process->cpu_ns = 100 * SAMPLE_MS;
	if (!process->notes)
		process->notes = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(process->notes, g_strdup("a note </script>"));
}

Profile *sample_profile_new(const char *work)
{
	Profile *p = profile_new();

	p->type_count = 2;
	p->default_type = 1;
	p->type[0] = (ProfileValueType){ profile_string(p, "samples", -1),
					 profile_string(p, "count", -1) };
	p->type[1] = (ProfileValueType){ profile_string(p, "cpu", -1),
					 profile_string(p, "nanoseconds", -1) };
	add_function(p, "main", "prog.c", 10);
	add_function(p, work, "work.c", 20);
	add_function(p, "memcpy", "", 0);
	add_function(p, PROFILE_NOT_SAMPLED, "", 0);
	add_process(p);
	add_code(p);
	add_threads(p);
	add_samples(p);
	return p;
}
