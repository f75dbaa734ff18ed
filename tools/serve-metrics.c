/* SPDX-License-Identifier: MIT */
/*
 * serve-metrics: how all agents and the server do, in the text format of
 * Prometheus.
 */
#include <string.h>

#include "agent/unwind.h"
#include "tools/control-stream.h"
#include "tools/health.h"
#include "tools/serve-push.h"
#include "tools/serve.h"
#include "tools/targets.h"

#define PREFIX "profagent_"

/* A number of an agent's status. */
typedef struct {
	const char *field, *name, *kind, *help;
	double factor;
} Metric;

static const Metric metrics[] = {
	{ "samples", "samples_total", "counter", "Stacks taken.", 1 },
	{ "expirations", "expirations_total", "counter",
	  "Times that a sample was due.", 1 },
	{ "cpu_ns", "program_cpu_seconds_total", "counter",
	  "CPU time of the program while it was profiled.", 1e-9 },
	{ "sampled_ns", "sampled_cpu_seconds_total", "counter",
	  "CPU time that samples stand for.", 1e-9 },
	{ "handler_ns", "handler_seconds_total", "counter",
	  "Time that taking samples took.", 1e-9 },
	{ "flusher_cpu_ns", "flusher_cpu_seconds_total", "counter",
	  "CPU time of the agent's own thread.", 1e-9 },
	{ "period_ns", "period_seconds", "gauge",
	  "CPU time from one sample to the next.", 1e-9 },
	{ "threads", "threads", "gauge", "Threads alive.", 1 },
	{ "memory", "memory_bytes", "gauge", "Memory of the agent.", 1 },
	{ "subscribers", "subscribers", "gauge", "Who watches it.", 1 },
};

/* Counts by reason: arrays in the status. */
typedef struct {
	const char *field, *name, *help;
	const char *(*reason)(guint number);
	guint first;
} Reasons;

static const Reasons reasons[] = {
	{ "lost_by", "lost_total", "Samples that were lost.",
	  health_lost_name, 0 },
	{ "truncated_by", "truncated_total", "Stacks that were cut short.",
	  health_truncated_name, UNWIND_COMPLETE + 1 },
};

static char *escape_label(const char *text)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	const char *at;

	for (at = valid; *at; at++) {
		if (*at == '\\' || *at == '"')
			g_string_append_c(out, '\\');
		if (*at == '\n')
			g_string_append(out, "\\n");
		else
			g_string_append_c(out, *at);
	}
	return g_strdup(out->str);
}

static char *labels_of(const Target *t)
{
	g_autofree char *program = escape_label(target_program(t));

	return g_strdup_printf("pid=\"%d\",program=\"%s\"", t->pid, program);
}

static void begin(GString *out, const char *name, const char *kind,
		  const char *help)
{
	g_string_append_printf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX
			       "%s %s\n", name, help, name, kind);
}

static void add_value(GString *out, const char *name, const char *labels,
		      double value)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE];

	g_ascii_dtostr(text, sizeof(text), value);
	g_string_append_printf(out, PREFIX "%s{%s} %s\n", name, labels, text);
}

static void add_metric(GString *out, const Metric *m, const GPtrArray *targets)
{
	guint i;

	begin(out, m->name, m->kind, m->help);
	for (i = 0; i < targets->len; i++) {
		const Target *t = targets->pdata[i];
		g_autofree char *labels = labels_of(t);

		if (t->status)
			add_value(out, m->name, labels, m->factor * (double)
				  control_stream_number(t->status, m->field));
	}
}

static void add_reason(GString *out, const Reasons *r, const char *labels,
		       const char *reason, double n)
{
	g_autofree char *safe = escape_label(reason);
	g_autofree char *all = g_strdup_printf("%s,reason=\"%s\"", labels,
					       safe);

	add_value(out, r->name, all, n);
}

static double count_at(JsonArray *counts, guint i)
{
	JsonNode *node = json_array_get_element(counts, i);

	return JSON_NODE_HOLDS_VALUE(node) ? (double)json_node_get_int(node)
					   : 0;
}

/* Reasons that only a newer agent knows are one: no series may come twice. */
static void add_reasons(GString *out, const Reasons *r, const Target *t)
{
	g_autofree char *labels = labels_of(t);
	JsonNode *node = json_object_get_member(t->status, r->field);
	JsonArray *counts = node && JSON_NODE_HOLDS_ARRAY(node)
				    ? json_node_get_array(node) : NULL;
	guint i, n = counts ? json_array_get_length(counts) : 0;
	double others = 0;

	for (i = r->first; i < n && r->reason(i); i++)
		add_reason(out, r, labels, r->reason(i), count_at(counts, i));
	if (i >= n)
		return;
	for (; i < n; i++)
		others += count_at(counts, i);
	add_reason(out, r, labels, "other", others);
}

static void add_states(GString *out, const GPtrArray *targets)
{
	guint i;

	begin(out, "up", "gauge", "Whether its agent answers.");
	for (i = 0; i < targets->len; i++) {
		g_autofree char *labels = labels_of(targets->pdata[i]);
		const Target *t = targets->pdata[i];

		add_value(out, "up", labels, t->status ? 1 : 0);
	}
	begin(out, "running", "gauge", "Whether it is profiled now.");
	for (i = 0; i < targets->len; i++) {
		g_autofree char *labels = labels_of(targets->pdata[i]);
		const Target *t = targets->pdata[i];

		if (t->status)
			add_value(out, "running", labels, strcmp(
				control_stream_text(t->status, "state"),
				"running") == 0);
	}
}

static void add_agents(GString *out, const GPtrArray *targets)
{
	gsize k;
	guint i;

	add_states(out, targets);
	for (k = 0; k < G_N_ELEMENTS(metrics); k++)
		add_metric(out, &metrics[k], targets);
	for (k = 0; k < G_N_ELEMENTS(reasons); k++) {
		begin(out, reasons[k].name, "counter", reasons[k].help);
		for (i = 0; i < targets->len; i++) {
			const Target *t = targets->pdata[i];

			if (t->status)
				add_reasons(out, &reasons[k], t);
		}
	}
}

/* --- the server, and the request ---------------------------------------------------- */

static void add_count(GString *out, const char *name, const char *kind,
		      const char *help, guint64 n)
{
	begin(out, name, kind, help);
	g_string_append_printf(out, PREFIX "%s %" G_GUINT64_FORMAT "\n", name,
			       n);
}

static void add_push(GString *out, const Push *push)
{
	const PushCounters n = push_counters(push);

	add_count(out, "push_sent_total", "counter", "Profiles sent.", n.sent);
	add_count(out, "push_failures_total", "counter",
		  "Attempts to send one that failed.", n.failed);
	add_count(out, "push_dropped_total", "counter",
		  "Profiles that were given up.", n.dropped);
	add_count(out, "push_spool_bytes", "gauge",
		  "Profiles that wait for being sent.", n.spooled);
}

static void add_server(GString *out, const Serve *s)
{
	add_count(out, "serve_connections", "gauge",
		  "Connections to the server.",
		  connections_count(s->connections));
	add_count(out, "serve_watched", "gauge",
		  "Processes that are watched.", feeds_count(s->feeds));
	add_count(out, "serve_requests_total", "counter", "Requests.",
		  s->requests);
	add_count(out, "serve_refused_total", "counter",
		  "Requests of clients that were not let in.", s->refused);
	if (s->push)
		add_push(out, s->push);
}

static void done(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GPtrArray) targets = targets_list_finish(result);
	g_autoptr(GString) out = g_string_new(NULL);
	ServeRequest *r = data;

	(void)source;
	add_agents(out, targets);
	add_server(out, r->serve);
	serve_answer_text(r, "text/plain; version=0.0.4; charset=utf-8",
			  out->str);
	serve_request_unref(r);
}

void serve_metrics(ServeRequest *r)
{
	serve_wait(r, NULL);
	targets_list_async(NULL, done, serve_request_ref(r));
}
