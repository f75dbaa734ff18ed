/* SPDX-License-Identifier: MIT */
/*
 * serve-pprof: /debug/pprof/ as Go programs have it, of any process: what
 * `go tool pprof` and collectors of profiles ask for.
 */
#include <string.h>

#include "tools/serve-take.h"
#include "tools/serve.h"

#define SECONDS 30	/* what Go's own handler takes without ?seconds= */

/* --- profiles --------------------------------------------------------------------- */

typedef struct {
	ServeRequest *request;
	Take *take;
	BuildKind kind;
	guint seconds;
} Wanted;

static void wanted_free(Wanted *w)
{
	g_clear_pointer(&w->take, take_free);
	w->request->data = NULL;
	serve_request_unref(w->request);
	g_free(w);
}

static void built(gpointer data, GBytes *result, const GError *error)
{
	Wanted *w = data;
	ServeRequest *r = w->request;
	g_autofree char *name = g_strdup_printf(
		"%d.%s.pb.gz", r->pid, w->kind == BUILD_WALL ? "wall" : "cpu");

	if (result) {
		serve_as_file(r, name);
		serve_answer(r, "application/octet-stream", result);
	} else {
		serve_refuse_error(r, error);
	}
	wanted_free(w);
}

static void taken(gpointer data, GPtrArray *result)
{
	Wanted *w = data;
	const Build what = { .kind = w->kind, .feeds = result };
	const char *why = take_failed(w->take);

	w->request->left = NULL;
	if (why) {
		serve_refuse(w->request, SOUP_STATUS_BAD_GATEWAY, "%s", why);
		wanted_free(w);
		return;
	}
	if (take_is_cut(w->take))
		serve_header(w->request, "X-Profagent-Note",
			     "too many samples: it is shorter than asked");
	build(w->request->serve->builder, &what, built, w);
	g_clear_pointer(&w->take, take_free);
}

static void left(ServeRequest *r)
{
	wanted_free(r->data);
}

static void found(ServeRequest *r, const ServeTargets *targets)
{
	Wanted *w = g_new0(Wanted, 1);

	w->request = serve_request_ref(r);
	w->kind = r->route->handle == serve_pprof_wall ? BUILD_WALL
						       : BUILD_CPU;
	serve_query_number(r, "seconds", 1, TAKE_SECONDS_MAX, SECONDS,
			   &w->seconds);
	r->data = w;
	serve_wait(r, left);
	w->take = take_new(r->serve->feeds, targets->pids, targets->paths,
			   targets->count, w->seconds, taken, w);
}

void serve_pprof_profile(ServeRequest *r)
{
	guint seconds;

	if (serve_query_number(r, "seconds", 1, TAKE_SECONDS_MAX, SECONDS,
			       &seconds))
		serve_find(r, found);
}

void serve_pprof_wall(ServeRequest *r)
{
	serve_pprof_profile(r);
}

/* --- the index, and what else is asked for --------------------------------------------- */

static void found_for_index(ServeRequest *r, const ServeTargets *targets)
{
	g_autofree char *name = g_markup_escape_text(targets->programs[0], -1);
	g_autofree char *page = g_strdup_printf(
		"<!DOCTYPE html>\n<html lang=\"en\"><head>"
		"<meta charset=\"utf-8\"><title>pprof of %s</title>"
		"<link rel=\"icon\" href=\"data:,\"></head><body>\n"
		"<h1>%s, %d%s</h1>\n<ul>\n"
		"<li><a href=\"profile?seconds=10\">profile</a>: CPU time, "
		"of ?seconds=N (%d)</li>\n"
		"<li><a href=\"wall?seconds=10\">wall</a>: wall time, where "
		"the agent measures it</li>\n"
		"<li><a href=\"cmdline\">cmdline</a>: its command line</li>\n"
		"<li><a href=\"../../\">the live page</a></li>\n</ul>\n"
		"</body></html>\n", name, name, r->pid,
		r->tree ? " and all that came from it" : "", SECONDS);

	serve_answer_text(r, "text/html; charset=utf-8", page);
}

void serve_pprof_index(ServeRequest *r)
{
	serve_find(r, found_for_index);
}

/* Arguments apart by NUL, as Go has it. */
static void found_for_cmdline(ServeRequest *r, const ServeTargets *targets)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", r->pid);
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) body = NULL;
	char *text;
	gsize size;

	(void)targets;
	if (!g_file_get_contents(path, &text, &size, &error)) {
		serve_refuse(r, SOUP_STATUS_NOT_FOUND, "%s", error->message);
		return;
	}
	while (size > 0 && text[size - 1] == '\0')
		size--;
	body = g_bytes_new_take(text, size);
	serve_answer(r, "text/plain; charset=utf-8", body);
}

void serve_pprof_cmdline(ServeRequest *r)
{
	serve_find(r, found_for_cmdline);
}
