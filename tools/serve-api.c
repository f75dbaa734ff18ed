/* SPDX-License-Identifier: MIT */
/* serve-api: looking at and steering the agents of a process or a tree. */
#include <string.h>

#include "tools/json-out.h"
#include "tools/page.h"
#include "tools/period.h"
#include "tools/serve.h"
#include "tools/snapshot.h"
#include "tools/span-list.h"
#include "tools/symbols.h"
#include "tools/targets.h"

typedef enum { ASK_STATUS, ASK_SNAPSHOT, ASK_SPANS, ASK_SPANS_CSV } Question;

/* One request to each process, made in a thread. */
typedef struct {
	ServeRequest *request;
	gint32 pid;
	gboolean tree;
	Question what;
	char *line;			/* asked first; NULL: only the status */
} Asking;

static void asking_free(gpointer data)
{
	Asking *a = data;

	g_free(a->line);
	g_free(a);
}

/* --- the thread ------------------------------------------------------------------- */

static gboolean put_status(const Asking *a, Target *t, GString *text,
			   GError **error)
{
	g_autoptr(JsonGenerator) generator = json_generator_new();
	g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
	g_autoptr(JsonObject) answer = NULL, status = NULL;
	g_autofree char *json = NULL;

	if (a->line) {
		answer = client_ask(t->client, a->line, error);
		if (!answer)
			return FALSE;
	}
	status = client_ask(t->client, "status", error);
	if (!status)
		return FALSE;
	json_object_remove_member(status, "ok");
	json_object_set_int_member(status, "pid", t->pid);
	json_node_set_object(node, status);
	json_generator_set_root(generator, node);
	json = json_generator_to_data(generator, NULL);
	if (text->len > 0)
		g_string_append_c(text, ',');
	g_string_append(text, json);
	return TRUE;
}

static gboolean put_snapshot(Target *t, GString *text, GError **error)
{
	const SymbolsOptions options = { .quiet = TRUE };
	g_autoptr(Profile) p = snapshot_of_agent(t->client, error);
	g_autoptr(Symbols) symbols = NULL;
	JsonOut out;

	if (!p)
		return FALSE;
	symbols = symbols_new(&options);
	symbols_resolve(symbols, p);
	if (text->len > 0)
		g_string_append_c(text, ',');
	json_out_init(&out, text);
	snapshot_put(p, t->pid, &out);
	return TRUE;
}

/* All are asked, whatever one of them says; the first to refuse is told of. */
static char *ask_all(const Asking *a, GPtrArray *targets, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint i;

	for (i = 0; i < targets->len; i++) {
		Target *t = targets->pdata[i];
		g_autoptr(GError) local = NULL;
		gboolean ok = FALSE;

		if (!t->client)
			local = g_error_copy(t->error);
		else if (a->what == ASK_SNAPSHOT)
			ok = put_snapshot(t, text, &local);
		else
			ok = put_status(a, t, text, &local);
		if (!ok && error && !*error)
			g_propagate_prefixed_error(error,
						   g_steal_pointer(&local),
						   "%d: ", t->pid);
	}
	if (error && *error)
		return NULL;
	if (!a->tree)
		return g_strconcat(text->str, "\n", NULL);
	return g_strdup_printf("[%s]\n", text->str);
}

/* Of a tree they are added up. */
static char *ask_spans(const Asking *a, GPtrArray *targets, GError **error)
{
	g_autoptr(SpanList) list = span_list_new();
	g_autoptr(GString) text = g_string_new(NULL);
	JsonOut out;
	guint i;

	for (i = 0; i < targets->len; i++) {
		Target *t = targets->pdata[i];

		if (!t->client) {
			g_propagate_error(error, g_error_copy(t->error));
			return NULL;
		}
		if (!span_list_add_client(list, t->client, error))
			return NULL;
	}
	if (a->what == ASK_SPANS_CSV) {
		span_list_put_csv(list, text);
	} else {
		json_out_init(&out, text);
		span_list_put_json(list, &out);
		g_string_append_c(text, '\n');
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static void run(GTask *task, gpointer source, gpointer data,
		GCancellable *cancel)
{
	const Asking *a = data;
	g_autofree char *word = g_strdup_printf("%d", a->pid);
	char *words[] = { word, NULL };
	const TargetQuery query = { .words = words, .tree = a->tree };
	GError *error = NULL;
	g_autoptr(GPtrArray) targets = targets_find(&query, &error);
	char *text = NULL;

	(void)source;
	(void)cancel;
	if (targets && (a->what == ASK_SPANS || a->what == ASK_SPANS_CSV))
		text = ask_spans(a, targets, &error);
	else if (targets)
		text = ask_all(a, targets, &error);
	if (text)
		g_task_return_pointer(task, text, g_free);
	else
		g_task_return_error(task, error);
}

static void answer(const Asking *a, const char *text)
{
	g_autofree char *name = g_strdup_printf("%d.spans.csv", a->pid);

	if (a->what != ASK_SPANS_CSV) {
		serve_answer_text(a->request, "application/json", text);
		return;
	}
	serve_as_file(a->request, name);
	serve_answer_text(a->request, "text/csv; charset=utf-8", text);
}

static void done(GObject *source, GAsyncResult *result, gpointer data)
{
	const Asking *a = g_task_get_task_data(G_TASK(result));
	g_autoptr(GError) error = NULL;
	g_autofree char *text = g_task_propagate_pointer(G_TASK(result),
							 &error);

	(void)source;
	(void)data;
	if (a->line && text)
		serve_audit(a->request, a->line);
	if (text)
		answer(a, text);
	else
		serve_refuse_error(a->request, error);
	serve_request_unref(a->request);
}

static void ask(ServeRequest *r, Question what, char *line)
{
	g_autoptr(GTask) task = g_task_new(NULL, NULL, done, NULL);
	Asking *a = g_new(Asking, 1);

	*a = (Asking){ serve_request_ref(r), r->pid, r->tree, what, line };
	serve_wait(r, NULL);
	g_task_set_task_data(task, a, asking_free);
	g_task_run_in_thread(task, run);
}

/* --- routes ---------------------------------------------------------------------------- */

void serve_api_status(ServeRequest *r)
{
	ask(r, ASK_STATUS, NULL);
}

void serve_api_snapshot(ServeRequest *r)
{
	ask(r, ASK_SNAPSHOT, NULL);
}

void serve_api_spans(ServeRequest *r)
{
	ask(r, g_str_has_suffix(r->route->path, ".csv") ? ASK_SPANS_CSV
							: ASK_SPANS, NULL);
}

/* The verb is what the path ends with. */
void serve_api_steer(ServeRequest *r)
{
	ask(r, ASK_STATUS, g_strdup(strrchr(r->route->path, '/') + 1));
}

void serve_api_interval(ServeRequest *r)
{
	const char *text = serve_query(r, "interval");
	g_autoptr(GError) error = NULL;
	guint64 ns;

	if (!text)
		serve_refuse(r, SOUP_STATUS_BAD_REQUEST, "which interval? Say "
			     "?interval=5ms, 250us or 99Hz");
	else if (!period_parse(text, &ns, &error))
		serve_refuse(r, SOUP_STATUS_BAD_REQUEST, "%s", error->message);
	else
		ask(r, ASK_STATUS, g_strdup_printf("interval %" G_GUINT64_FORMAT,
					      ns));
}

void serve_api_description(ServeRequest *r)
{
	g_autoptr(GBytes) part = page_part("openapi.json");

	serve_answer(r, "application/json", part);
}
