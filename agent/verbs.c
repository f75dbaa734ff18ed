/* SPDX-License-Identifier: MIT */
/* verbs: see verbs.h and control-proto.h. Flusher only. */
#include "agent/verbs.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/clock.h"
#include "agent/control-proto.h"
#include "agent/drain.h"
#include "agent/functions.h"
#include "agent/json.h"
#include "agent/pprof.h"
#include "agent/region.h"
#include "agent/sampler.h"
#include "agent/signals.h"
#include "agent/snapshot.h"
#include "agent/span-counts.h"
#include "agent/spans.h"
#include "agent/sys.h"
#include "agent/thread.h"
#include "agent/writer.h"

/* Bytes of one span in an answer, its name escaped. */
#define SPAN_TEXT_MAX (6u * SPANS_NAME_MAX + 256u)

static struct {
	unsigned subscribers;
	bool runs_for_them;	/* was paused before they came */
} v;

/* --- answers ----------------------------------------------------------------- */

static void answer_ok(struct format *f)
{
	format_string(f, "{\"ok\":true}\n");
}

void verbs_refuse(struct format *f, const char *error)
{
	format_string(f, "{\"ok\":false,\"error\":");
	json_string(f, error);
	format_string(f, "}\n");
}

static void refuse(struct verbs_reply *r, int err, const char *error)
{
	r->err = err;
	verbs_refuse(&r->answer, error);
}

static void answer_result(struct verbs_reply *r, int err, const char *error)
{
	if (err == 0 || err == -EALREADY)
		answer_ok(&r->answer);
	else
		refuse(r, err, error);
}

/* --- status ------------------------------------------------------------------ */

static const char *state_name(void)
{
	switch (agent_state()) {
	case AGENT_RUNNING:
		return "running";
	case AGENT_PAUSED:
		return "paused";
	default:
		return "ended";
	}
}

static uint64_t sum(const uint64_t *n, unsigned count)
{
	uint64_t total = 0;

	while (count-- > 0)
		total += n[count];
	return total;
}

/* By reason: element i is of the reason of number i. */
static void json_counts(struct format *f, const char *name, const uint64_t *n,
			unsigned count)
{
	unsigned i;

	format_printf(f, ",\"%s\":[", name);
	for (i = 0; i < count; i++) {
		if (i > 0)
			format_string(f, ",");
		format_unsigned(f, n[i]);
	}
	format_string(f, "]");
}

static void write_settings(struct format *f)
{
	json_text(f, "state", state_name());
	json_text(f, "program", agent_process.program);
	json_number(f, "ppid", (uint64_t)agent_process.ppid);
	json_text(f, "parent_run_id", agent_process.parent_run_id);
	json_number(f, "start_unix_ns", agent_process.start_unix_ns);
	json_number(f, "period_ns", clock_period_ns());
	json_text(f, "clock", clock_name());
	json_text(f, "unwind", sampler_unwind_name());
	json_number(f, "signal", (uint64_t)signals_ours());
}

static void write_counters(struct format *f)
{
	struct pprof_health h;

	drain_health(&h);
	json_number(f, "threads", thread_count_live());
	json_number(f, "samples", h.samples);
	json_number(f, "expirations", h.expirations);
	json_number(f, "lost", sum(h.lost, LOST_REASONS));
	json_number(f, "truncated", sum(h.truncated, UNWIND_ENDS));
	json_counts(f, "lost_by", h.lost, LOST_REASONS);
	json_counts(f, "truncated_by", h.truncated, UNWIND_ENDS);
	json_number(f, "cpu_ns", h.cpu_ns);
	json_number(f, "sampled_ns", h.sampled_ns);
	json_number(f, "handler_ns", h.handler_ns);
	json_number(f, "flusher_cpu_ns", h.flusher_cpu_ns);
	json_number(f, "memory", h.memory);
}

static void do_status(struct verbs_reply *r, const char *arg)
{
	struct format *f = &r->answer;

	(void)arg;
	format_string(f, "{\"ok\":true");
	write_settings(f);
	write_counters(f);
	json_text(f, "output", writer_path());
	json_text(f, "region", region_path());
	json_number(f, "subscribers", v.subscribers);
	json_bool(f, "for_subscribers", v.runs_for_them);
	format_string(f, "}\n");
}

/* --- the others --------------------------------------------------------------- */

static void do_run(struct verbs_reply *r, const char *arg)
{
	(void)arg;
	v.runs_for_them = false;	/* asked for: it outlives them */
	answer_result(r, agent_run(), "the profiler has ended");
}

static int pause_and_write(void)
{
	int err = agent_pause();

	if (err == 0)
		drain_round(false);
	return err;
}

static void do_pause(struct verbs_reply *r, const char *arg)
{
	(void)arg;
	v.runs_for_them = false;
	answer_result(r, pause_and_write(), "the profiler has ended");
}

static bool parse_number(const char *text, uint64_t *n)
{
	*n = 0;
	if (*text == '\0')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (*n > UINT64_MAX / 16)
			return false;
		*n = *n * 10 + (uint64_t)(*text - '0');
	}
	return *text == '\0';
}

static void do_interval(struct verbs_reply *r, const char *arg)
{
	uint64_t ns;

	if (!parse_number(arg, &ns) || ns < CONTROL_INTERVAL_MIN ||
	    ns > CONTROL_INTERVAL_MAX) {
		refuse(r, -ERANGE, "interval takes a number of ns from 100000 to "
		       "10000000000");
		return;
	}
	agent_set_period(ns);
	answer_ok(&r->answer);
}

static void do_flush(struct verbs_reply *r, const char *arg)
{
	(void)arg;
	answer_result(r, drain_round(false), "could not be written");
}

static void do_reset(struct verbs_reply *r, const char *arg)
{
	(void)arg;
	answer_result(r, drain_new_part(), "no new file could be begun");
}

static void do_subscribe(struct verbs_reply *r, const char *arg)
{
	(void)arg;
	answer_ok(&r->answer);
	r->subscribes = true;
}

static void do_snapshot(struct verbs_reply *r, const char *arg)
{
	(void)arg;
	r->frame = snapshot_make(&r->frame_size);
	answer_result(r, r->frame ? 0 : -ENOMEM, "without memory");
}

static uint64_t quantile(const struct span_stats *s, double share)
{
	uint64_t ns = histogram_quantile(s->counts, s->count, share);

	return ns < s->max_ns ? ns : s->max_ns;
}

static void write_span(struct format *f, const struct span_stats *s)
{
	format_string(f, "{\"name\":");
	json_string(f, s->name);
	json_number(f, "n", s->count);
	json_number(f, "mean_ns", s->count ? s->sum_ns / s->count : 0);
	json_number(f, "p50_ns", quantile(s, 0.5));
	json_number(f, "p95_ns", quantile(s, 0.95));
	json_number(f, "p99_ns", quantile(s, 0.99));
	json_number(f, "max_ns", s->max_ns);
	format_char(f, '}');
}

static void do_spans(struct verbs_reply *r, const char *arg)
{
	static struct span_stats stats;
	struct format *f = &r->answer;
	uint32_t i, n = spans_count(), written = 0;

	(void)arg;
	format_string(f, "{\"ok\":true,\"spans\":[");
	for (i = 0; i < n && f->used + SPAN_TEXT_MAX < f->size; i++) {
		if (!spans_get(i, false, &stats))
			continue;
		if (written++ > 0)
			format_char(f, ',');
		write_span(f, &stats);
	}
	format_char(f, ']');
	json_number(f, "left_out", n - i);
	format_string(f, "}\n");
}

static void do_span_counts(struct verbs_reply *r, const char *arg)
{
	(void)arg;
	r->frame = span_counts_make(&r->frame_size);
	answer_result(r, r->frame ? 0 : -ENOMEM, "without memory");
}

static void do_functions(struct verbs_reply *r, const char *arg)
{
	size_t size;
	char *list;

	(void)arg;
	if (agent_state() == AGENT_RUNNING)
		drain_round(false);
	list = functions_list(&size);
	r->frame = (uint8_t *)list;
	r->frame_size = size + 1;
	answer_result(r, list ? 0 : -ENOMEM, "without memory");
}

static void do_hottest(struct verbs_reply *r, const char *arg)
{
	const char *name = "", *object = "";
	unsigned share = functions_hottest(&name, &object,
					   sys_clock_ns(CLOCK_MONOTONIC));

	(void)arg;
	format_string(&r->answer, "{\"ok\":true");
	json_text(&r->answer, "name", name);
	json_text(&r->answer, "object", object);
	json_number(&r->answer, "permille", share);
	format_string(&r->answer, "}\n");
}

/* --- the table ----------------------------------------------------------------- */

static const struct verb {
	const char *name;
	void (*run)(struct verbs_reply *r, const char *arg);
	bool takes_argument;
} verbs[] = {
	{ "status", do_status, false },
	{ "start", do_run, false },
	{ "resume", do_run, false },
	{ "stop", do_pause, false },
	{ "pause", do_pause, false },
	{ "interval", do_interval, true },
	{ "flush", do_flush, false },
	{ "reset", do_reset, false },
	{ "snapshot", do_snapshot, false },
	{ "spans", do_spans, false },
	{ "span-counts", do_span_counts, false },
	{ "functions", do_functions, false },
	{ "hottest", do_hottest, false },
	{ "subscribe", do_subscribe, false },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void refuse_unknown(struct verbs_reply *r)
{
	char text[256];
	struct format error;
	unsigned i;

	format_init(&error, text, sizeof(text));
	format_string(&error, "unknown verb; known are ");
	for (i = 0; i < VERBS; i++)
		format_printf(&error, "%s%s", i > 0 ? ", " : "",
			      verbs[i].name);
	refuse(r, -ENOSYS, text);
}

void verbs_obey(char *request, struct verbs_reply *r)
{
	char *arg = strchr(request, ' ');
	unsigned i;

	r->err = 0;
	r->subscribes = false;
	r->frame = NULL;
	if (arg)
		*arg++ = '\0';
	for (i = 0; i < VERBS; i++) {
		if (strcmp(verbs[i].name, request) != 0)
			continue;
		if (verbs[i].takes_argument == (arg != NULL))
			verbs[i].run(r, arg);
		else
			refuse(r, -EINVAL,
			       arg ? "this verb takes no argument"
				   : "this verb takes an argument");
		return;
	}
	refuse_unknown(r);
}

void verbs_toggle(void)
{
	v.runs_for_them = false;	/* asked for */
	if (agent_state() == AGENT_RUNNING)
		pause_and_write();
	else
		agent_run();
}

void verbs_watched(unsigned subscribers)
{
	bool came = v.subscribers == 0 && subscribers > 0;
	bool left = v.subscribers > 0 && subscribers == 0;

	v.subscribers = subscribers;
	if (came && agent_state() == AGENT_PAUSED && agent_run() == 0)
		v.runs_for_them = true;
	if (left && v.runs_for_them) {
		v.runs_for_them = false;
		pause_and_write();
	}
}

void verbs_reset_after_fork(void)
{
	memset(&v, 0, sizeof(v));
}
