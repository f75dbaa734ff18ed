/* SPDX-License-Identifier: MIT */
/* serve-list: /processes, for people and for programs, and /healthz. */
#include <string.h>

#include "tools/control-stream.h"
#include "tools/json-out.h"
#include "tools/period.h"
#include "tools/serve.h"
#include "tools/targets.h"
#include "tools/text.h"

void serve_health(ServeRequest *r)
{
	serve_answer_text(r, "application/json", "{\"ok\":true}\n");
}

/* --- as JSON ---------------------------------------------------------------------- */

static const char *const texts[] = { "program", "state", "clock", "unwind",
				     "output", "run_id", "parent_run_id" };
static const char *const numbers[] = {
	"ppid", "start_unix_ns", "period_ns", "threads", "samples",
	"expirations", "lost", "truncated", "cpu_ns", "sampled_ns",
	"handler_ns", "flusher_cpu_ns", "memory", "subscribers" };

static void put_one(JsonOut *out, const Target *t)
{
	gsize i;

	json_out_open(out, '{');
	json_out_key(out, "pid");
	json_out_int(out, t->pid);
	if (t->error) {
		json_out_key(out, "error");
		json_out_string(out, t->error->message);
	}
	for (i = 0; t->status && i < G_N_ELEMENTS(texts); i++) {
		json_out_key(out, texts[i]);
		json_out_string(out, strcmp(texts[i], "run_id") == 0
			? client_run_id(t->client)
			: control_stream_text(t->status, texts[i]));
	}
	for (i = 0; t->status && i < G_N_ELEMENTS(numbers); i++) {
		json_out_key(out, numbers[i]);
		json_out_int(out, control_stream_number(t->status,
							numbers[i]));
	}
	json_out_close(out, '}');
}

static GBytes *make_json(const GPtrArray *targets)
{
	GString *text = g_string_new(NULL);
	JsonOut out;
	guint i;

	json_out_init(&out, text);
	json_out_open(&out, '[');
	for (i = 0; i < targets->len; i++)
		put_one(&out, targets->pdata[i]);
	json_out_close(&out, ']');
	g_string_append_c(text, '\n');
	return g_string_free_to_bytes(text);
}

/* --- as a page --------------------------------------------------------------------- */

static const char page_head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, "
	"initial-scale=1\">\n<title>Processes – profagent</title>\n"
	"<link rel=\"icon\" href=\"data:,\">\n"
	"<link rel=\"stylesheet\" href=\"/web/style.css\">\n"
	"<link rel=\"stylesheet\" href=\"/web/live.css\">\n"
	"</head>\n<body class=\"list\">\n<header><h1>Processes</h1>"
	"<p>that run with the agent. Looking at one profiles it, as long as "
	"somebody does.</p></header>\n<main>\n";

static const char page_foot[] =
	"</main>\n<footer><p>For programs: "
	"<a href=\"/api/processes\">JSON</a>, "
	"<a href=\"/metrics\">metrics</a>, "
	"<a href=\"/api/openapi.json\">what there is</a></p></footer>\n"
	"</body>\n</html>\n";

static void add_cell(GString *page, const char *class, char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	g_autofree char *safe = g_markup_escape_text(valid, -1);

	g_string_append_printf(page, "<td%s>%s</td>", class, safe);
	g_free(text);
}

static void add_links(GString *page, gint32 pid)
{
	g_string_append_printf(page,
		"<td><a href=\"/processes/%d/tree/\">with children</a> "
		"<a href=\"/processes/%d/debug/pprof/\">pprof</a></td>",
		pid, pid);
}

static void add_row(GString *page, const Target *t)
{
	static const char right[] = " class=\"number\"";
	static const char *const counts[] = { "threads", "samples", "lost" };
	g_autofree char *name = g_markup_escape_text(
		t->status ? target_program(t) : "?", -1);
	gsize i;

	g_string_append_printf(page, "<tr><td class=\"number\">%d</td>"
			       "<td><a href=\"/processes/%d/\">%s</a></td>",
			       t->pid, t->pid, name);
	if (!t->status) {
		add_cell(page, " colspan=\"7\"", g_strdup(t->error->message));
	} else {
		add_cell(page, "", g_strdup(control_stream_text(t->status,
								"state")));
		add_cell(page, right, period_rate((guint64)
			control_stream_number(t->status, "period_ns")));
		for (i = 0; i < G_N_ELEMENTS(counts); i++)
			add_cell(page, right, text_count((double)
				control_stream_number(t->status, counts[i])));
		add_cell(page, right, text_time((double)
			control_stream_number(t->status, "cpu_ns")));
		add_links(page, t->pid);
	}
	g_string_append(page, "</tr>\n");
}

static GBytes *make_html(const GPtrArray *targets)
{
	GString *page = g_string_new(page_head);
	guint i;

	if (targets->len == 0)
		g_string_append(page, "<p>There is none. Start a program with "
			"<code>profagent run</code>, or with LD_PRELOAD and "
			"PROFAGENT_START=0 to have it asleep until somebody "
			"looks.</p>\n");
	else
		g_string_append(page, "<table>\n<thead><tr><th>PID</th>"
			"<th>Program</th><th>State</th><th>Rate</th>"
			"<th>Threads</th><th>Samples</th><th>Lost</th>"
			"<th>CPU time</th><th></th></tr></thead>\n<tbody>\n");
	for (i = 0; i < targets->len; i++)
		add_row(page, targets->pdata[i]);
	if (targets->len > 0)
		g_string_append(page, "</tbody></table>\n");
	g_string_append(page, page_foot);
	return g_string_free_to_bytes(page);
}

/* --- both ---------------------------------------------------------------------------- */

typedef struct {
	ServeRequest *request;
	gboolean html;
} Listing;

static void run(GTask *task, gpointer source, gpointer data,
		GCancellable *cancel)
{
	const Listing *l = data;
	g_autoptr(GPtrArray) targets = targets_list();

	(void)source;
	(void)cancel;
	g_task_return_pointer(task, l->html ? make_html(targets)
					    : make_json(targets),
			      (GDestroyNotify)g_bytes_unref);
}

static void done(GObject *source, GAsyncResult *result, gpointer data)
{
	const Listing *l = g_task_get_task_data(G_TASK(result));
	g_autoptr(GBytes) body = g_task_propagate_pointer(G_TASK(result), NULL);

	(void)source;
	(void)data;
	serve_answer(l->request, l->html ? "text/html; charset=utf-8"
					 : "application/json", body);
	serve_request_unref(l->request);
}

void serve_list(ServeRequest *r)
{
	g_autoptr(GTask) task = g_task_new(NULL, NULL, done, NULL);
	Listing *l = g_new(Listing, 1);

	*l = (Listing){ serve_request_ref(r), serve_wants_html(r) };
	serve_wait(r, NULL);
	g_task_set_task_data(task, l, g_free);
	g_task_run_in_thread(task, run);
}
