/* SPDX-License-Identifier: MIT */
/*
 * pprof-decode: the fields of one file, one after the other, into a Profile.
 *
 * Ids and strings may be used before they are defined (most writers put the
 * strings last), so that decoding has two steps: pprof_decode_field() stores
 * what comes, with numbers of the file where strings belong; then
 * pprof_decode_finish() (pprof-link.c) puts in what the numbers stand for. Until
 * then the Profile has rows that only this module understands; pprof_decode_undo
 * takes them away again.
 */
#ifndef PROFAGENT_TOOLS_PPROF_DECODE_H
#define PROFAGENT_TOOLS_PPROF_DECODE_H

#include "tools/bump.h"
#include "tools/fields.h"
#include "tools/idmap.h"
#include "tools/pprof-read.h"
#include "tools/pprof-sieve.h"
#include "tools/seqtable.h"

/* Stands where an object is referred to and not (yet) defined. */
#define PPROF_DECODE_UNDEFINED (G_MAXUINT32 - 1)

/* Lengths of a Profile's arrays: what is behind them belongs to this file. */
typedef struct {
	guint mappings, locations, lines, functions, samples, frames, labels;
	guint moments, threads, processes;
} ProfileMark;

typedef struct {
	guint64 type, unit;		/* numbers of strings */
} RawValueType;

/* What makes two samples of a file the same. */
typedef struct {
	guint32 first_frame, frame_count;
	guint32 first_label, label_count;
	guint32 end, owner;
} SampleKey;

typedef struct {
	guint64 time_ns;		/* since the start of the process */
	gint64 weight_ns;
	guint32 sample, unused;
} RawMoment;

typedef struct {
	guint64 mapping, ns;
} RawUnload;

/* What was wrong with a file; each counted, each a sentence in the end. */
typedef struct {
	guint64 unreadable;		/* messages that protobuf-c refuses */
	guint64 undefined;		/* ids and strings used, never defined */
	guint64 values;			/* sample types beyond what we hold */
	guint64 times;			/* times that do not fit their sample */
} PprofFaults;

/* A process of a file. One that a tool wrote may have several: what follows the
 * message of one belongs to it. Rows say whose they are by its number. */
typedef struct {
	ProfileProcess process;		/* its lists stay empty here */
	guint32 part;
	GPtrArray *notes;		/* char *, each once */
	GArray *spans;			/* ProfileSpan, or NULL */
} PprofOwner;

typedef struct {
	Profile *p;
	PprofReadFlags flags;
	ProfileMark mark;
	Bump bump;

	GArray *strings;		/* ProfileString of each of the file's */
	GArray *types;			/* RawValueType */
	RawValueType period_type;
	gint64 period, time_nanos, duration_nanos;
	guint64 default_type;

	Idmap mappings, locations, functions; /* to indices in the Profile */
	Seqtable stacks, labels, samples;
	GArray *keys;			/* SampleKey, beside the samples */
	GArray *moments;		/* RawMoment */
	GArray *ids;			/* scratch: guint32 */
	GArray *unloads;		/* RawUnload */
	GHashTable *threads;		/* tid and start -> index */
	GHashTable *rings;		/* slot and generation -> position */
	GPtrArray *notes;		/* char *, each once */
	ProfileProcess spans;		/* only its spans */

	PprofSieve *sieve;		/* what is told apart; NULL: all that
					 * comes. Not owned */
	guint32 small, small_function;	/* the location of all else, and its
					 * function */

	/* For samples from outside the file: */
	GHashTable *addresses;		/* address -> location, or NULL */
	GHashTable *texts;		/* text -> its number, or NULL */
	gint cpu_column, wall_column;	/* of a sample's values; -1: none */

	GArray *owners;			/* PprofOwner: those before the one that
					 * is being read; at last all */
	ProfileProcess process;		/* its lists stay empty here */
	gboolean has_process;		/* the file is one of ours */
	guint32 part;
	PprofFaults faults;
} PprofDecode;

/*
 * What the weights of a Sample's moments add up to: its CPU time, and where it
 * has none its time of the wall clock (agent/pprof.h, PPROF_SAMPLE_WEIGHTS).
 */
static inline gint64 pprof_decode_weighed(const gint64 *value, gsize n)
{
	if (n == 0)
		return 0;
	if (n == 1 || (n == 2 && value[1] == 0))
		return value[n - 1];
	return value[1] != 0 ? value[1] : value[2];
}

void pprof_decode_init(PprofDecode *d, Profile *p, PprofReadFlags flags);
void pprof_decode_release(PprofDecode *d);

/* Before the first field: keeps only what `sieve`, which outlives `d`, has. */
void pprof_decode_sieve(PprofDecode *d, PprofSieve *sieve);

/* Takes one top-level field. */
void pprof_decode_field(PprofDecode *d, const Field *field);

/*
 * One more ring sample (agent/ring.h), from outside the file: `pcs` leaf first,
 * time on the clock of the process. Before pprof_decode_finish().
 */
#define PPROF_RING_LABELS 16	/* at most */

typedef struct {
	const char *key, *value;
} PprofRingLabel;

typedef struct {
	const guint64 *pcs;
	guint32 frames, count, end;
	guint64 time_ns, cpu_ns;	/* time: CLOCK_MONOTONIC */
	gint32 tid;
	const char *thread;
	const PprofRingLabel *labels;	/* what the program says, */
	guint label_count;		/* PPROF_RING_LABELS at most */
} PprofRingSample;

void pprof_decode_ring_sample(PprofDecode *d, const PprofRingSample *s);

/* What is known of the process so far goes to the owners; it begins anew. */
void pprof_decode_next_owner(PprofDecode *d);

/* Memory taken by this file so far, about, in bytes. */
gsize pprof_decode_memory(const PprofDecode *d);

/*
 * Makes the rows of this file whole. `name` is for messages, `path` where the
 * file lies or NULL. Returns the index of its process. On error (FOREIGN,
 * MISMATCH, DAMAGED) PROFILE_NONE, and the Profile is as it was.
 */
guint32 pprof_decode_finish(PprofDecode *d, const char *name, const char *path,
			    GError **error);

/* Takes all rows of this file away again. */
void pprof_decode_undo(PprofDecode *d);

#endif
