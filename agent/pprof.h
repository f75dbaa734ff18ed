/* SPDX-License-Identifier: MIT */
/*
 * pprof: the encoder of perftools.profiles.Profile, and our extension fields.
 *
 * The message is documented with pprof (proto/profile.proto of google/pprof);
 * the field numbers up to 999 are its. Ours begin at 1000: readers that do not
 * know them skip them. tools/profile.proto names the same numbers.
 *
 * The encoder builds one fragment of the message at a time. Strings, mappings,
 * functions and locations are written once, when first used, and keep their
 * ids in every later fragment of the same file, until there are so many of
 * them that they are forgotten and, when needed, written again. Text that is
 * no UTF-8 is written with \xNN for each bad byte (agent/wire.h). Flusher only:
 * memory comes from mmap, nothing here needs libc beyond mem* and str*.
 */
#ifndef PROFAGENT_AGENT_PPROF_H
#define PROFAGENT_AGENT_PPROF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/region.h"

struct module;
struct stacks_entry;

enum pprof_field {
	/* Profile */
	PPROF_SAMPLE_TYPE = 1,
	PPROF_SAMPLE = 2,
	PPROF_MAPPING = 3,
	PPROF_LOCATION = 4,
	PPROF_FUNCTION = 5,
	PPROF_STRING_TABLE = 6,
	PPROF_TIME_NANOS = 9,
	PPROF_DURATION_NANOS = 10,
	PPROF_PERIOD_TYPE = 11,
	PPROF_PERIOD = 12,
	PPROF_COMMENT = 13,
	PPROF_DEFAULT_SAMPLE_TYPE = 14,
	/* Profile, ours */
	PPROF_PROCESS = 1000,	/* message, first member of a file only; where
				 * a tool put several processes into one file,
				 * what follows one, up to the next, is its:
				 * health, threads, spans, mappings, samples */
	PPROF_THREAD = 1001,	/* repeated message; last of a tid+start wins */
	PPROF_HEALTH = 1002,	/* message; counters since start, last wins */
	PPROF_RING = 1003,	/* repeated message: how far a ring is written */
	PPROF_UNLOAD = 1004,	/* repeated message: a module went away */
	PPROF_SPAN = 1005,	/* repeated message; last of a number wins */
	/* ValueType */
	PPROF_VALUE_TYPE = 1,
	PPROF_VALUE_UNIT = 2,
	/* Label */
	PPROF_LABEL_KEY = 1,
	PPROF_LABEL_STR = 2,
	PPROF_LABEL_NUM = 3,
	PPROF_LABEL_UNIT = 4,
	/* Mapping */
	PPROF_MAPPING_ID = 1,
	PPROF_MAPPING_START = 2,
	PPROF_MAPPING_LIMIT = 3,
	PPROF_MAPPING_OFFSET = 4,
	PPROF_MAPPING_FILENAME = 5,
	PPROF_MAPPING_BUILD_ID = 6,	/* hex digits */
	/* Location */
	PPROF_LOCATION_ID = 1,
	PPROF_LOCATION_MAPPING = 2,
	PPROF_LOCATION_ADDRESS = 3,
	PPROF_LOCATION_LINE = 4,
	/* Line */
	PPROF_LINE_FUNCTION = 1,
	/* Function */
	PPROF_FUNCTION_ID = 1,
	PPROF_FUNCTION_NAME = 2,
	PPROF_FUNCTION_SYSTEM_NAME = 3,
	PPROF_FUNCTION_FILENAME = 4,
	/* Sample */
	PPROF_SAMPLE_LOCATION = 1,
	PPROF_SAMPLE_VALUE = 2,
	PPROF_SAMPLE_LABEL = 3,
	/* Sample, ours */
	PPROF_SAMPLE_TIMES = 1000, /* packed: us since the previous sample of
				    * this Sample, the first since the process's
				    * start_mono_ns; one for each ring sample */
	PPROF_SAMPLE_END = 1001,   /* enum unwind_end, absent if complete */
	PPROF_SAMPLE_WEIGHTS = 1002, /* packed ns, as many as times; absent when
				    * all are equal; of CPU time, and where a
				    * Sample has none of the wall clock */
	/* Location, ours */
	PPROF_LOCATION_START = 1000, /* address where its function begins, if
				      * that is all that is known of it; from
				      * the reader, when it puts in names */
};

enum pprof_process_field {
	PPROF_PROCESS_PID = 1,
	PPROF_PROCESS_PPID = 2,
	PPROF_PROCESS_RUN_ID = 3,	/* string, 16 hex digits */
	PPROF_PROCESS_PROGRAM = 4,	/* string, short name */
	PPROF_PROCESS_EXE = 5,		/* string, /proc/self/exe */
	PPROF_PROCESS_COMMAND = 6,	/* repeated string: argv */
	PPROF_PROCESS_HOST = 7,		/* string */
	PPROF_PROCESS_START_UNIX_NS = 8, /* of the agent in it */
	PPROF_PROCESS_START_MONO_NS = 9, /* the same moment, CLOCK_MONOTONIC */
	PPROF_PROCESS_REGION = 10,	/* string, path of the shared region */
	PPROF_PROCESS_VERSION = 11,	/* string, of the agent */
	PPROF_PROCESS_PART = 12,	/* 0, 1, ...: rotation */
	PPROF_PROCESS_BOOT_ID = 13,	/* string */
	PPROF_PROCESS_PARENT_RUN_ID = 14, /* string; forked from or exec'd by */
	PPROF_PROCESS_PID_START = 15,	/* field 22 of /proc/PID/stat, ticks */
	PPROF_PROCESS_DURATION_NS = 16,	/* of one of several in a file */
	PPROF_PROCESS_ROOT_RUN_ID = 17,	/* string; of the profagent run that it
					 * and all above it came from */
};

enum pprof_thread_field {
	PPROF_THREAD_TID = 1,
	PPROF_THREAD_NAME = 2,		/* string */
	PPROF_THREAD_START_ROUTINE = 3,	/* address, 0: main */
	PPROF_THREAD_START_NS = 4,	/* CLOCK_MONOTONIC */
	PPROF_THREAD_END_NS = 5,	/* 0: lives */
	PPROF_THREAD_CPU_NS = 6,	/* CPU clock, as of this member */
	PPROF_THREAD_SAMPLED_NS = 7,	/* sum of the cpu weights written */
};

enum pprof_health_field {
	PPROF_HEALTH_SAMPLES = 1,	/* committed by handlers */
	PPROF_HEALTH_EXPIRATIONS = 2,	/* of clocks, overruns counted */
	PPROF_HEALTH_LOST = 3,		/* repeated count, by lost_reason */
	PPROF_HEALTH_TRUNCATED = 4,	/* repeated count, by unwind_end */
	PPROF_HEALTH_ASKED_MHZ = 5,	/* rate asked, 1/1000 Hz */
	PPROF_HEALTH_CLOCK = 6,		/* string: "cputime", "itimer" ... */
	PPROF_HEALTH_UNWIND = 7,	/* string: "cfi", "fp" */
	PPROF_HEALTH_SIGNAL = 8,	/* number in use */
	PPROF_HEALTH_HANDLER_NS = 9,	/* time in our handler */
	PPROF_HEALTH_FLUSHER_CPU_NS = 10, /* CPU time of the flusher */
	PPROF_HEALTH_THREADS = 11,	/* seen so far */
	PPROF_HEALTH_CPU_NS = 12,	/* CPU time of all threads seen */
	PPROF_HEALTH_SAMPLED_NS = 13,	/* sum of cpu weights */
	PPROF_HEALTH_FLUSHES = 14,
	PPROF_HEALTH_NOTE = 15,		/* repeated string: what went wrong once
					 * and what would help; each once */
	PPROF_HEALTH_MEMORY = 16,	/* bytes of memory the agent holds */
	PPROF_HEALTH_DONE = 17,		/* 1 in the last member, clean end */
};

/* Counts grow; of one `what` the last wins. Zero counts may be left out. */
enum pprof_count_field {
	PPROF_COUNT_WHAT = 1,
	PPROF_COUNT_N = 2,
};

enum pprof_ring_field {
	PPROF_RING_SLOT = 1,
	PPROF_RING_GENERATION = 2,
	PPROF_RING_POSITION = 3,	/* all before it is in the file */
};

enum pprof_unload_field {
	PPROF_UNLOAD_MAPPING = 1,	/* id of the mapping */
	PPROF_UNLOAD_NS = 2,		/* CLOCK_MONOTONIC */
};

/* What profagent_span_begin() and _end() counted since the process began. */
enum pprof_span_field {
	PPROF_SPAN_NUMBER = 1,		/* from 1 on; a name may have two */
	PPROF_SPAN_NAME = 2,		/* string */
	PPROF_SPAN_SUM_NS = 3,
	PPROF_SPAN_MAX_NS = 4,
	PPROF_SPAN_BUCKETS = 5,		/* packed pairs: distance from the
					 * bucket before (the first: from -1),
					 * count; agent/histogram.h */
};

/* --- encoder -------------------------------------------------------------- */

/* What a file says of the process. Strings stay the caller's. */
struct pprof_process {
	int pid, ppid;
	const char *run_id, *program, *exe, *host, *region, *version, *boot_id;
	const char *parent_run_id, *root_run_id;
	const char *command;		/* as /proc/self/cmdline, NULs */
	size_t command_size;		/* bytes */
	uint64_t start_unix_ns, start_mono_ns, pid_start;
	uint64_t period_ns;
	bool cpu, wall;			/* sample types besides samples/count */
	bool whole;			/* times from its start, whatever part */
};

struct pprof_health {
	uint64_t samples, expirations;
	uint64_t lost[LOST_REASONS];
	uint64_t truncated[UNWIND_ENDS];
	uint64_t asked_mhz;
	const char *clock, *unwind;
	int signal;
	uint64_t handler_ns, flusher_cpu_ns, threads, cpu_ns, sampled_ns;
	uint64_t flushes, memory;
	bool done;
};

struct pprof_thread {
	int tid;
	const char *name;
	uint64_t start_routine, start_ns, end_ns, cpu_ns, sampled_ns;
};

struct pprof;

/*
 * An encoder, empty. NULL without memory. A forked child does not have its
 * parent's (agent/arena.h): it makes a new one, never touching the old pointer.
 */
struct pprof *pprof_new(void);
void pprof_free(struct pprof *p);	/* NULL is fine */

/* Forgets all ids: the next member begins a new file (rotation). */
void pprof_reset(struct pprof *p);

/*
 * Begins a member. The first of a file carries sample types, period, time and
 * the process. `part` counts rotated parts.
 */
void pprof_begin(struct pprof *p, const struct pprof_process *process,
		 uint32_t part);

/*
 * One merged stack (agent/stacks.h) with the labels thread and tid, and, where
 * the wall clock runs, state (running, runnable: waiting for a CPU, blocked) and
 * call (of the system, while blocked), and those of the program (agent/labels.h).
 * The object of an address is the one
 * mapped there at the time of the first sample (modules_find_at).
 */
void pprof_add_stack(struct pprof *p, const struct stacks_entry *entry,
		     const char *thread_name, int tid);

/*
 * CPU time that no sample stands for, as a Sample of the one location
 * "[not sampled]" below the thread's start routine (0: none).
 */
void pprof_add_unsampled(struct pprof *p, uint64_t start_routine,
			 uint64_t cpu_ns);

/* The same for time of the wall clock alone. */
void pprof_add_unsampled_wall(struct pprof *p, uint64_t wall_ns);

void pprof_add_thread(struct pprof *p, const struct pprof_thread *t);
struct span_stats;
void pprof_add_span(struct pprof *p, uint32_t number,
		    const struct span_stats *s);
void pprof_add_health(struct pprof *p, const struct pprof_health *h);
void pprof_add_note(struct pprof *p, const char *note);
void pprof_add_ring(struct pprof *p, uint32_t slot, uint32_t generation,
		    uint64_t position);
void pprof_add_unload(struct pprof *p, const struct module *module);

/*
 * Ends the member, `duration_ns` after the process's start (of which a later
 * part tells what is since its own beginning). Returns the fragment (the
 * encoder's memory, valid until the next pprof_begin) and its size in bytes;
 * NULL if memory ran out: then nothing of it may be written, and the encoder is
 * as it was before pprof_begin(), ready for another attempt at the same file.
 */
const uint8_t *pprof_end(struct pprof *p, uint64_t duration_ns, size_t *size);

/*
 * The member that was ended last will never be written: takes back the ids that
 * it introduced, so that the next member does not refer to what no file has.
 * At most once after each pprof_end() that returned a fragment.
 */
void pprof_undo(struct pprof *p);

/* Memory held, bytes: for the health counters. */
size_t pprof_memory(const struct pprof *p);

#endif
