/* SPDX-License-Identifier: MIT */
/*
 * control-proto: how an agent is steered while its program runs.
 *
 * Each process has a Unix stream socket PID.sock, mode 0600, in the directory
 * of its shared region (agent/region.h). Who connects must be the user the
 * program runs as, or root; others are told so and cut off.
 *
 * The agent greets with one line of JSON:
 *
 *	{"profagent":1,"version":"0.1.0","pid":123,"run_id":"0123456789abcdef"}
 *
 * where "profagent" is CONTROL_PROTOCOL. Then each request is one line, a verb
 * and at most one argument apart by a space, of at most CONTROL_LINE bytes; each
 * is answered in order by one line of JSON:
 *
 *	{"ok":true, ...}		or	{"ok":false,"error":"..."}
 *
 *	status			state, settings and counters, see below
 *	start, resume		profile; ok also if it already did
 *	stop, pause		do not; data is kept, and what it holds is written
 *	interval NS		period of the clock in ns, 100000 to 10^10
 *	flush			write what there is; answered when written
 *	reset			begin a new part of the file with the next flush
 *	snapshot		where all threads are now, see below
 *	functions		which functions the samples were in, see below
 *	hottest			the one most CPU time went to in the last seconds
 *	spans			what the program's spans took, see below
 *	span-counts		the same in full, see below
 *	subscribe		see below
 *
 * status: "state" ("running", "paused", "ended"), "program", "ppid",
 * "parent_run_id", "start_unix_ns", "period_ns", "clock", "unwind", "signal",
 * "threads" (alive), "samples", "expirations", "lost", "truncated",
 * "lost_by" and "truncated_by" (arrays: element i is of reason i of enum
 * lost_reason and enum unwind_end), "cpu_ns", "sampled_ns", "handler_ns", "flusher_cpu_ns", "memory", "output" (path, "" while
 * there is none), "region", "subscribers", "for_subscribers" (it runs only
 * because of them).
 *
 * subscribe: after its answer come, once a flush, frames: a line
 *
 *	{"member":SIZE,"number":N}
 *
 * followed by SIZE bytes: a pprof message, not compressed, with the samples
 * since the last flush and the counters as of now. Each is complete in itself.
 * What somebody asks for with "flush" comes before the answer to it. A
 * subscriber that does not read loses whole frames, never a part of one, and
 * sees it by N, which counts them. While anybody is subscribed the program is
 * profiled; when the last one leaves, it is as before, unless somebody said
 * start or stop meanwhile.
 *
 * spans: "spans", an array of objects with "name", "n", "mean_ns", "p50_ns",
 * "p95_ns", "p99_ns" and "max_ns" since the process began, and "left_out", how
 * many did not fit into the answer.
 *
 * functions: before its answer comes one frame of number 0: lines of text with
 * all samples since the process began (agent/functions.h), and a NUL. What was
 * sampled until now is in it.
 *
 * hottest: "name" and "object" as there, and "permille" of the CPU time sampled
 * in the last seconds; 0 and "" if there was none.
 *
 * span-counts: before its answer comes one frame of number 0: a pprof message
 * without samples that has the spans, with their histograms (agent/pprof.h).
 *
 * snapshot: before its answer comes one frame of number 0, whoever subscribes:
 * a pprof message with one sample for each thread (agent/snapshot.h).
 */
#ifndef PROFAGENT_AGENT_CONTROL_PROTO_H
#define PROFAGENT_AGENT_CONTROL_PROTO_H

#define CONTROL_PROTOCOL 1
#define CONTROL_LINE 256	/* bytes of a request with its newline */
#define CONTROL_INTERVAL_MIN 100000ull		/* ns: 10 kHz */
#define CONTROL_INTERVAL_MAX 10000000000ull	/* ns: 0.1 Hz */

#endif
