/* SPDX-License-Identifier: MIT */
/*
 * profile: one or more profiles in memory, merged, and cheap to walk.
 *
 * The pprof model in compact form: flat arrays with indices instead of ids,
 * one string pool, one array of all stacks' frames. Several files (the parts
 * of a rotation, the processes of a tree) merge into one Profile; each sample
 * knows its process. Nothing is symbolized here: symbols (tools/symbols.h)
 * adds functions and lines to the locations in place.
 *
 * A Profile is filled by one reader, then read-only but for symbolization;
 * several threads may then read it.
 */
#ifndef PROFAGENT_TOOLS_PROFILE_H
#define PROFAGENT_TOOLS_PROFILE_H

#include <glib.h>
#include <stdint.h>

#include "agent/histogram.h"

#define PROFILE_NONE G_MAXUINT32	/* "no such index" */
#define PROFILE_VALUES_MAX 4		/* sample types of one profile */

typedef struct _Profile Profile;

/* Index into the string pool; 0 is "". Equal strings have equal indices. */
typedef guint32 ProfileString;

typedef struct {
	ProfileString type, unit;	/* "cpu", "nanoseconds" */
} ProfileValueType;

typedef struct {
	guint64 start, end;		/* addresses; end 0: unknown */
	guint64 offset;			/* in the file */
	ProfileString path, build_id;	/* build id in hex */
	guint32 process;		/* index; PROFILE_NONE: foreign file */
	guint64 unload_ns;		/* CLOCK_MONOTONIC, 0: never */
	gboolean has_functions;		/* names came with the profile */
	gboolean has_inlines;
} ProfileMapping;

/* One function at one place: a Location has one, or more when inlined. */
typedef struct {
	guint32 function;		/* index */
	gint32 line;			/* executing line, 0: unknown */
} ProfileLine;

typedef struct {
	ProfileString name;		/* demangled, or as the file has it */
	ProfileString system_name;	/* linkage name */
	ProfileString file;		/* source file, 0: unknown */
	gint32 start_line;
} ProfileFunction;

typedef struct {
	guint64 address;
	guint32 mapping;		/* index or PROFILE_NONE */
	guint32 first_line;		/* in lines[], innermost inline first */
	guint16 line_count;		/* 0: not symbolized, or unknown code */
	gboolean tried;			/* symbolization was attempted */
	guint64 start;			/* first address of its function, where
					 * that is all that is known; 0: not */
} ProfileLocation;

/* A moment of a Sample, for timelines. Times are ns since the start of
 * the earliest process of the Profile. */
typedef struct {
	guint64 time_ns;
	gint64 weight_ns;
} ProfileMoment;

typedef struct {
	guint32 first_frame;		/* in frames[], leaf first */
	guint32 frame_count;
	gint64 value[PROFILE_VALUES_MAX];
	guint32 thread;			/* index or PROFILE_NONE */
	guint32 process;		/* index or PROFILE_NONE */
	guint32 first_label;		/* in labels[] */
	guint16 label_count;		/* without thread and tid */
	guint16 end;			/* enum unwind_end of agent/unwind.h */
	guint32 first_moment;		/* in moments[], by time */
	guint32 moment_count;		/* 0 also when they were left out */
	guint32 taken;			/* times a stack was taken: for error bars */
	double square;			/* sum of their squared weights, of the
					 * default type: see tools/stats.h */
} ProfileSample;

typedef struct {
	ProfileString key, text, unit;
	gint64 number;			/* when text is 0 */
} ProfileLabel;

typedef struct {
	guint32 process;
	gint32 tid;
	ProfileString name;		/* the last it had */
	guint64 start_routine;
	guint64 start_ns, end_ns;	/* on the timeline of moments; end 0: lives */
	guint64 cpu_ns, sampled_ns;
} ProfileThread;

/* What the program counted under one name (agent/spans.h). */
typedef struct {
	guint32 number;			/* a name may have two */
	char name[64];
	guint64 count, sum_ns, max_ns;
	guint64 counts[HISTOGRAM_BUCKETS];
} ProfileSpan;

typedef struct {
	gint32 pid, ppid;
	ProfileString run_id, parent_run_id, root_run_id;
	ProfileString program, exe, host, command;
	ProfileString region, version, boot_id, path; /* path: file it came from */
	gint64 start_unix_ns;
	guint64 start_mono_ns;
	guint64 duration_ns;
	guint64 pid_start;

	/* Health counters, see agent/pprof.h; all 0 in a foreign file. */
	guint64 samples, expirations;
	guint64 lost[16], truncated[16];
	guint64 asked_mhz, handler_ns, flusher_cpu_ns, threads, cpu_ns;
	guint64 sampled_ns, flushes, memory;
	ProfileString clock, unwind;
	gint32 signal;
	gboolean done;			/* ended cleanly */
	gboolean foreign;		/* no extension fields: not ours */
	gboolean salvaged;		/* samples came from its shared region */
	GPtrArray *notes;		/* char *, owned */

	/* What the reader had to leave out, each a sentence, owned. */
	GPtrArray *skipped;

	GArray *spans;			/* ProfileSpan, NULL: none; owned */

	guint64 parts;			/* bit N: part N % 64 of a rotation */
	guint32 part;			/* the latest that was read */
} ProfileProcess;

struct _Profile {
	ProfileValueType type[PROFILE_VALUES_MAX];
	guint type_count;
	guint default_type;		/* cpu if there is one, else the last */
	ProfileValueType period_type;
	gint64 period;
	gint64 time_nanos, duration_nanos;

	/* element types as named above */
	GArray *mappings, *locations, *lines, *functions;
	GArray *samples;
	GArray *frames;			/* guint32: location indices */
	GArray *labels, *moments, *threads, *processes;

	/* Where the timeline of moments and threads begins; private. */
	guint64 base_unix_ns, base_mono_ns;
	ProfileString base_boot;
	gboolean has_base;

	/* private: string pool */
	GPtrArray *strings;
	GHashTable *string_index;
	GStringChunk *string_data;
	GPtrArray *kept;		/* GArray of char: others' strings */
};

Profile *profile_new(void);
void profile_free(Profile *p);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Profile, profile_free)

/*
 * Interns; `len` -1 for NUL-terminated. The result is valid UTF-8: NUL bytes
 * inside and what is no UTF-8 become U+FFFD.
 */
ProfileString profile_string(Profile *p, const char *s, gssize len);

/* The same of text that stays where it is: a text given to profile_keep(). */
ProfileString profile_string_kept(Profile *p, const char *s);

/* Keeps a reference to `text` (char) for profile_string_kept(); it must not
 * grow any more. */
void profile_keep(Profile *p, GArray *text);

/*
 * Values are added modulo 2^64: the sum of hostile ones is wrong, but defined,
 * and the same in whatever order.
 */
static inline void profile_add(gint64 *to, gint64 value)
{
	*to = (gint64)((guint64)*to + (guint64)value);
}

/*
 * What `part` of `whole` weights is of a value. Weights below 0, which only a
 * hostile file has, make no part larger than the value.
 */
static inline gint64 profile_part(gint64 value, double part, double whole)
{
	if (!(part > 0) || !(whole > 0))
		return 0;
	return part >= whole ? value
			     : (gint64)((double)value * (part / whole) + 0.5);
}

/* Never NULL. Owned by the profile. */
const char *profile_text(const Profile *p, ProfileString s);

/* Index of the sample type called `name` ("cpu"), -1 if there is none. */
gint profile_find_type(const Profile *p, const char *name);

/* Appends an empty process, thread, ...; its index. */
guint32 profile_add_process(Profile *p);

/* Where a process of a Profile begins on the timeline of moments, ns. */
guint64 profile_begin_of(const Profile *p, const ProfileProcess *process);

/* Puts a span in the place of the one of its number, or behind all. */
void profile_put_span(ProfileProcess *process, const ProfileSpan *span);

/* CPU time that no sample stands for is one such frame (agent/pprof.h). */
#define PROFILE_NOT_SAMPLED "[not sampled]"

/* All that is not told apart of a file with too much in it is one such place
 * (tools/pprof-sieve.h). */
#define PROFILE_SMALL "[small places]"

/* All that is not shown below a node of a tree (tools/tree-sieve.h). */
#define PROFILE_SMALL_STACKS "[small stacks]"

#define profile_at(array, Type, i) (&g_array_index((array), Type, (i)))

#endif
