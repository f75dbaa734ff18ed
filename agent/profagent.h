/* SPDX-License-Identifier: MIT */
/*
 * profagent.h: what a program may ask the agent it runs under.
 *
 * Link libprofagent-stub.a (pkg-config --libs profagent): without the agent in
 * LD_PRELOAD every call returns -ENOSYS, or 0 where that is said, and costs a
 * branch; with it the calls reach the agent. Or link nothing and look the
 * functions up with dlsym(): the preloaded agent has them under the same names.
 *
 * Every function returns 0 or a negative errno, never aborts, never changes
 * errno, and may be called any number of times in any state. "Anywhere" means
 * from any thread, signal handlers included; "threads" from any thread, but not
 * in a signal handler. Since 0.1.0.
 *
 *	-ENOSYS		the agent is not preloaded, or is older than the call
 *	-ESRCH		it has ended, or this is a vfork() child
 *	-ETIMEDOUT	it did not come to it within 5 s; it will
 *	-EBUSY		it has not come to the one before yet
 */
#ifndef PROFAGENT_H
#define PROFAGENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The agent's version, such as "0.1.0"; NULL without it. A constant, never
 * freed. Anywhere.
 */
const char *profagent_version(void);

/* --- steering: threads -------------------------------------------------------- */

/*
 * Sets what `options` says, if it is not NULL, and starts. Fields that are 0
 * stay as they are; `size` is sizeof(struct profagent_options). -EINVAL: no
 * size; -ERANGE: the interval is none, and nothing was done.
 */
struct profagent_options {
	size_t size;
	uint64_t interval_ns;
};

int profagent_launch(const struct profagent_options *options);

/* Profiling begins, or goes on; 0 also if it already did. The same. */
int profagent_start(void);
int profagent_resume(void);

/* It stops; what there is is kept, and written. The same. */
int profagent_stop(void);
int profagent_pause(void);

/*
 * Ends it for good, whatever its state: what was sampled is written, all clocks
 * and the agent's thread are gone when it returns. Labels, spans and queries
 * of what was sampled still work, the rest is -ESRCH from here on.
 * -ETIMEDOUT: its thread is still writing.
 */
int profagent_cancel(void);

/* 1: it is profiled, 0: it is not, or there is no agent. Anywhere. */
int profagent_is_running(void);

/* Time between two samples of a thread, 100000 to 10^10 ns; else -ERANGE. */
int profagent_interval(uint64_t ns);

/* Writes what was sampled so far to the file; returns when it is there. */
int profagent_flush(void);

/*
 * Where all threads are now, as a pprof message with one sample for each: a
 * block of *size bytes that profagent_snapshot_free() gives back. NULL is fine
 * there. -ENOMEM.
 */
int profagent_snapshot(void **message, size_t *size);
void profagent_snapshot_free(void *message, size_t size);

/* --- what was sampled so far: threads -------------------------------------------- */

/* A function, valid during the call that it is given to. */
struct profagent_function {
	const char *name;	/* symbol in its file; FILE+0xADDRESS where
				 * there is none. Of C++ as its own runtime
				 * demangles it, where the program is linked to
				 * a shared one; Rust's stay mangled */
	const char *object;	/* path of the file; "" if in none */
	uint64_t self, total;	/* samples in it; in it and what it called */
	uint64_t self_ns, total_ns; /* CPU time they stand for; where the wall
				     * clock is on, wall time */
};

/*
 * Calls `row` for the functions whose name or "OBJECT:NAME", mangled or not, the
 * extended regular expression `filter` (regex(7); NULL: all) matches, the most
 * own time first, for `limit` of them at most (0: all). Returns how many match.
 *
 * It counts from the beginning of the process. A sample counts once in the
 * total of a function however often that calls itself, except in code without
 * unwind tables. What was inlined counts for the function that it is in; 8191
 * functions are told apart, more are "[others]". The names come from the files'
 * own symbol tables: `profagent report` of the output finds more.
 *
 * Costs 10 ns a symbol of the files that have new functions, on the agent's
 * thread, and as much memory as their tables while it reads them; it calls
 * malloc() for the expression and for C++ names. `row` may call anything of this page.
 * -EINVAL: the expression is none, or row is NULL. -ENOMEM. -ENOSYS: also
 * where libc has no regular expressions and a filter is given.
 */
int profagent_query(const char *filter, size_t limit,
		    void (*row)(const struct profagent_function *function,
				void *arg), void *arg);

/*
 * Writes the same to descriptor `fd` as a table, names cut at 40 bytes: own and
 * total samples, and their shares of all. Returns how many match; or the error
 * of write().
 */
int profagent_show(const char *filter, size_t limit, int fd);

/* --- labels: anywhere ----------------------------------------------------------- */

/*
 * What the calling thread works on from here to the matching pop. Samples carry
 * it: `profagent report --by=label:KEY`. Key and value are copied; an inner label
 * hides an outer one of the same key. Costs 0.1 us, and memory once for each
 * set of labels: 16384 of them, 1 MiB of text. Values should be few: a route, a
 * kind of request; not the request's number.
 *
 * Whatever push returns, pop is to be called for it. -EINVAL: an empty key, or
 * thread, tid, state or call; -E2BIG: a key of more than 63 bytes or a value of
 * more than 255; -ENOSPC: 16 are pushed already, or there is no memory left.
 * A thread begins without labels, a forked child with those of the thread that
 * forked it.
 */
int profagent_label_push(const char *key, const char *value);
int profagent_label_pop(void);		/* -ENOENT: there is none */

/*
 * Gives the calling thread a label that stays, and replaces the one of that
 * key; value NULL takes it away. Errors as push.
 */
int profagent_label_set(const char *key, const char *value);

/* --- spans: anywhere --------------------------------------------------------------- */

/*
 * Counts how long something took: number, mean, median, 95th and 99th
 * percentile and maximum of each name, in `profagent spans`. Begin returns what
 * end is to be given, on this or another thread; 0 where it is not counted
 * (no agent, more than 512 names), which end takes as well. A name is cut after
 * 63 bytes; percentiles are right within 3.2 %. Costs 0.1 us each.
 */
uint64_t profagent_span_begin(const char *name);
int profagent_span_end(uint64_t span);	/* -EINVAL: that is no span */

/* --- an event loop: threads ------------------------------------------------------------ */

/*
 * A descriptor that becomes readable whenever samples were written, for poll()
 * or an event loop; then profagent_dispatch() hands each batch, a pprof message,
 * to `batch`, and returns how many there were. Neither waits. While it is open
 * the program is profiled, as while somebody watches it; close() ends that.
 * There is one; a second call returns the same. -ENOENT: there is no directory
 * for sockets, or another error of connect().
 */
int profagent_fd(void);
int profagent_dispatch(void (*batch)(const void *message, size_t size,
				     void *arg), void *arg);

#ifdef __cplusplus
}

namespace profagent {

/* Labels and spans that end with the block. */
class label {
public:
	label(const char *key, const char *value)
	{
		profagent_label_push(key, value);
	}
	~label() { profagent_label_pop(); }
	label(const label &) = delete;
	label &operator=(const label &) = delete;
};

class span {
public:
	explicit span(const char *name) : begun(profagent_span_begin(name)) {}
	~span() { profagent_span_end(begun); }
	span(const span &) = delete;
	span &operator=(const span &) = delete;

private:
	uint64_t begun;
};

}
#endif

#endif
