/* SPDX-License-Identifier: MIT */
/*
 * import-feed: what an importer finds, as fields of a pprof profile.
 *
 * Numbers strings, mappings and locations on first use and hands packed
 * messages to pprof-decode one by one. The first value of a sample counts it
 * ("samples"); others are added as they are met.
 */
#ifndef PROFAGENT_TOOLS_IMPORT_FEED_H
#define PROFAGENT_TOOLS_IMPORT_FEED_H

#include "tools/pprof-decode.h"

typedef struct {
	PprofDecode *decode;		/* not owned */
	GHashTable *strings;		/* text -> number in the file */
	GHashTable *mappings;		/* path -> id */
	GHashTable *locations;		/* key -> id */
	GHashTable *functions;		/* name -> id */
	GStringChunk *keys;
	GByteArray *packed;		/* scratch */
	guint32 string_count, mapping_count, location_count;
	guint types;			/* sample types so far */
	guint64 samples;
	guint64 not_understood;		/* lines or records left out */
} ImportFeed;

typedef struct {
	const guint64 *locations;	/* ids, leaf first */
	gsize count;
	gint64 value[PROFILE_VALUES_MAX];
	const char *thread;		/* name, or NULL */
	gint64 pid, tid;		/* 0: unknown */
	gboolean has_time;
	guint64 time_ns;		/* since any moment of the file's own */
} ImportSample;

/* The first type is samples/count. */
void import_feed_init(ImportFeed *f, PprofDecode *decode);
void import_feed_release(ImportFeed *f);

/*
 * Column of a sample type, added if it is new; -1: no room for it. The first
 * one added is what is shown unless there is CPU time.
 */
gint import_feed_type(ImportFeed *f, const char *type, const char *unit);

/* A module without addresses, each path once; 0 for "". Its id. */
guint64 import_feed_module(ImportFeed *f, const char *path);

/* A piece of the address space; its id. Each call makes one. */
guint64 import_feed_mapping(ImportFeed *f, const char *path, guint64 start,
			    guint64 end, guint64 offset);

/*
 * The location known as `key` (any text), 0 if there is none yet; then one of
 * the two that make it.
 */
guint64 import_feed_find(const ImportFeed *f, const char *key);
guint64 import_feed_name(ImportFeed *f, const char *key, const char *name,
			 guint64 address, guint64 module);
guint64 import_feed_address(ImportFeed *f, const char *key, guint64 address,
			    guint64 mapping);

void import_feed_sample(ImportFeed *f, const ImportSample *sample);

/* How long was looked, between samples, and what the program is called. */
void import_feed_duration(ImportFeed *f, guint64 ns);
void import_feed_period(ImportFeed *f, const char *type, const char *unit,
			gint64 period);
void import_feed_program(ImportFeed *f, const char *name, gint32 pid);

#endif
