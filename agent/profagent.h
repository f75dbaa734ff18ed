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
