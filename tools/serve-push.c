/* SPDX-License-Identifier: MIT */
/* serve-push: see serve-push.h. */
#include "tools/serve-push.h"

#include <libsoup/soup.h>
#include <string.h>

#include "tools/serve-always.h"
#include "tools/serve-spool.h"
#include "tools/serve-take.h"

#define TIMEOUT_S 30		/* that the store may take for an answer */
#define WAIT_FIRST_MS 1000	/* after a failure, then twice as long ... */
#define WAIT_MAX_MS 60000	/* ... up to this */

/* What Pyroscope is to make of the columns. */
static const char sample_types[] =
	"{\"cpu\":{\"units\":\"nanoseconds\",\"display-name\":\"cpu\"},"
	"\"samples\":{\"units\":\"count\",\"display-name\":\"samples\"},"
	"\"wall\":{\"units\":\"nanoseconds\",\"display-name\":\"wall\"}}";

struct _Push {
	Feeds *feeds;
	Builder *builder;
	SoupSession *session;
	GUri *url;
	char *labels;
	guint interval_s;
	Always *always;
	Spool *spool;
	GCancellable *cancel;
	guint wait_ms, timer;
	gboolean is_sending, has_complained, is_ending;
	GPtrArray *rounds;		/* Round *, of processes that are held */
	GPtrArray *makings;		/* Making *, under way */
	PushCounters counters;		/* beside those of the spool */
};

/* A process, of which one profile after the other is taken. */
typedef struct {
	Push *push;			/* NULL: it is over */
	guint refs;
	gint32 pid;
	char *path, *program;
	const Feed *feed;		/* of who holds the process */
	Take *take;
	gint64 from_s;
} Round;

/* --- sending -------------------------------------------------------------------------- */

static SoupMessage *make_message(Push *p, const Parcel *parcel)
{
	g_autoptr(SoupMultipart) form =
		soup_multipart_new(SOUP_FORM_MIME_TYPE_MULTIPART);
	g_autofree char *path = g_build_path("/", g_uri_get_path(p->url),
					     "ingest", NULL);
	g_autofree char *absolute = path[0] == '/'
		? g_strdup(path) : g_strconcat("/", path, NULL);
	g_autoptr(GUri) uri = g_uri_build(
		G_URI_FLAGS_ENCODED, g_uri_get_scheme(p->url), NULL,
		g_uri_get_host(p->url), g_uri_get_port(p->url), absolute,
		parcel->query, NULL);
	g_autofree char *text = g_uri_to_string(uri);
	g_autoptr(GBytes) types = g_bytes_new_static(sample_types,
						     sizeof(sample_types) - 1);

	soup_multipart_append_form_file(form, "profile", "profile.pb.gz",
					"application/octet-stream",
					parcel->profile);
	soup_multipart_append_form_file(form, "sample_type_config",
					"config.json", "application/json",
					types);
	return soup_message_new_from_multipart(text, form);
}

static void authorize(Push *p, SoupMessage *msg)
{
	g_autofree char *user = g_uri_unescape_string(
		g_uri_get_userinfo(p->url), NULL);
	g_autofree char *base64 = user
		? g_base64_encode((const guchar *)user, strlen(user)) : NULL;
	g_autofree char *value = g_strdup_printf("Basic %s", base64);

	if (base64)
		soup_message_headers_replace(
			soup_message_get_request_headers(msg),
			"Authorization", value);
}

static void send_next(Push *p);

static gboolean try_again(gpointer data)
{
	Push *p = data;

	p->timer = 0;
	send_next(p);
	return G_SOURCE_REMOVE;
}

/* Said once, and again when it works. */
static void wait_longer(Push *p, const char *why)
{
	p->counters.failed++;
	if (!p->has_complained)
		g_printerr("profagent serve: cannot push to %s: %s; will go "
			   "on trying\n", g_uri_get_host(p->url), why);
	p->has_complained = TRUE;
	p->wait_ms = p->wait_ms == 0 ? WAIT_FIRST_MS
				     : MIN(2 * p->wait_ms, WAIT_MAX_MS);
	p->timer = g_timeout_add(p->wait_ms, try_again, p);
}

static void went_through(Push *p)
{
	if (p->has_complained)
		g_printerr("profagent serve: pushing works again\n");
	p->has_complained = FALSE;
	p->wait_ms = 0;
	p->counters.sent++;
	spool_remove_first(p->spool);
	send_next(p);
}

/* A profile that the store does not want will not be wanted later either. */
static void was_refused(Push *p, guint status)
{
	if (!p->has_complained)
		g_printerr("profagent serve: %s refused a profile: %u %s\n",
			   g_uri_get_host(p->url), status,
			   soup_status_get_phrase(status));
	p->has_complained = TRUE;
	p->counters.dropped++;
	spool_remove_first(p->spool);
	send_next(p);
}

static gboolean is_final(guint status)
{
	return status >= 400 && status < 500 && status != 401 &&
	       status != 403 && status != 404 && status != 408 &&
	       status != 429;
}

static void sent(GObject *source, GAsyncResult *result, gpointer data)
{
	SoupMessage *msg = soup_session_get_async_result_message(
		SOUP_SESSION(source), result);
	guint status = msg ? soup_message_get_status(msg) : 0;
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) body = soup_session_send_and_read_finish(
		SOUP_SESSION(source), result, &error);
	Push *p = data;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;			/* `p` is gone */
	p->is_sending = FALSE;
	if (!body)
		wait_longer(p, error->message);
	else if (SOUP_STATUS_IS_SUCCESSFUL(status))
		went_through(p);
	else if (is_final(status))
		was_refused(p, status);
	else
		wait_longer(p, soup_status_get_phrase(status));
}

static void send_next(Push *p)
{
	const Parcel *parcel = spool_first(p->spool);
	g_autoptr(SoupMessage) msg = NULL;

	if (!parcel || p->is_sending)
		return;
	msg = make_message(p, parcel);
	authorize(p, msg);
	p->is_sending = TRUE;
	soup_session_send_and_read_async(p->session, msg, G_PRIORITY_DEFAULT,
					 p->cancel, sent, p);
}

/* --- taking ------------------------------------------------------------------------------ */

static void round_unref(Round *r)
{
	if (--r->refs > 0)
		return;
	g_free(r->path);
	g_free(r->program);
	g_free(r);
}

/* As Pyroscope names a series: program{label=value,...}. */
static char *make_query(const Round *r, gint64 until_s)
{
	g_autofree char *program = g_strdup(r->program[0] ? r->program
							  : "unknown");
	g_autofree char *name = NULL, *escaped = NULL;

	g_strdelimit(program, "{}=,\"", '_');
	name = g_strdup_printf("%s{pid=%d,host=%s%s%s}", program, r->pid,
			       g_get_host_name(),
			       r->push->labels ? "," : "",
			       r->push->labels ? r->push->labels : "");
	escaped = g_uri_escape_string(name, NULL, FALSE);
	return g_strdup_printf("name=%s&from=%" G_GINT64_FORMAT "&until=%"
			       G_GINT64_FORMAT "&format=pprof"
			       "&spyName=profagent", escaped, r->from_s,
			       until_s);
}

/* A profile on its way, of a stretch of time. */
typedef struct {
	Push *push;			/* NULL: it is over */
	Round *round;			/* its process may have gone meanwhile */
	char *query;
} Making;

static void built(gpointer data, GBytes *result, const GError *error)
{
	Making *m = data;
	Push *p = m->push;

	if (p)
		g_ptr_array_remove_fast(p->makings, m);
	if (p && result)
		spool_put(p->spool, g_steal_pointer(&m->query), result);
	if (p && result && p->timer == 0)
		send_next(p);
	if (p && !result)
		g_printerr("profagent serve: process %d: %s\n", m->round->pid,
			   error->message);
	round_unref(m->round);
	g_free(m->query);
	g_free(m);
}

/* Whether there is a fragment beyond that which the others count from. */
static gboolean has_news(const GPtrArray *feeds)
{
	return feeds->len > 0 && ((GPtrArray *)feeds->pdata[0])->len > 1;
}

static void begin(Round *r);

static void taken(gpointer data, GPtrArray *result)
{
	Round *r = data;
	const Build what = { .kind = BUILD_CPU, .feeds = result };
	gint64 now_s = MAX(g_get_real_time() / G_USEC_PER_SEC, r->from_s + 1);
	Making *m;

	if (has_news(result)) {
		m = g_new(Making, 1);
		r->refs++;
		*m = (Making){ r->push, r, make_query(r, now_s) };
		g_ptr_array_add(r->push->makings, m);
		build(r->push->builder, &what, built, m);
	}
	g_clear_pointer(&r->take, take_free);
	/* of one that has ended there is no more; it goes with the next scan */
	if (!feed_ended(r->feed) && !r->push->is_ending)
		begin(r);
}

static void begin(Round *r)
{
	r->from_s = g_get_real_time() / G_USEC_PER_SEC;
	r->take = take_new(r->push->feeds, &r->pid, &r->path, 1,
			   r->push->interval_s, taken, r);
}

static void came(gpointer data, AlwaysProcess *process)
{
	Push *p = data;
	Round *r = g_new0(Round, 1);

	r->push = p;
	r->refs = 1;
	r->pid = process->pid;
	r->path = g_strdup(process->path);
	r->program = g_strdup(process->program);
	r->feed = process->feed;
	process->data = r;
	g_ptr_array_add(p->rounds, r);
	if (!p->is_ending)
		begin(r);
}

static void went(gpointer data, AlwaysProcess *process)
{
	Round *r = process->data;

	g_ptr_array_remove_fast(((Push *)data)->rounds, r);
	g_clear_pointer(&r->take, take_free);
	r->push = NULL;
	round_unref(r);
}

static const AlwaysFuncs funcs = { came, went };

/* --- life ---------------------------------------------------------------------------------- */

static GUri *parse_url(const char *text, GError **error)
{
	g_autoptr(GUri) url = g_uri_parse(text, G_URI_FLAGS_ENCODED, error);

	if (!url)
		return NULL;
	if (g_uri_get_host(url) && g_uri_get_host(url)[0] &&
	    (strcmp(g_uri_get_scheme(url), "http") == 0 ||
	     strcmp(g_uri_get_scheme(url), "https") == 0))
		return g_steal_pointer(&url);
	g_set_error_literal(error, G_URI_ERROR, G_URI_ERROR_FAILED,
			    "it is no http:// or https:// address");
	return NULL;
}

static Spool *open_spool(const PushOptions *options, GError **error)
{
	Spool *spool = spool_new(options->spool_bytes);

	if (!options->spool_dir ||
	    spool_open(spool, options->spool_dir, error))
		return spool;
	g_prefix_error(error, "--spool-dir ");
	spool_free(spool);
	return NULL;
}

Push *push_new(Feeds *feeds, Builder *builder, const PushOptions *options,
	       GError **error)
{
	GUri *url = parse_url(options->url, error);
	Spool *spool;
	Push *p;

	if (!url) {
		g_prefix_error(error, "--push %s: ", options->url);
		return NULL;
	}
	spool = open_spool(options, error);
	if (!spool) {
		g_uri_unref(url);
		return NULL;
	}
	p = g_new0(Push, 1);
	p->feeds = feeds;
	p->builder = builder;
	p->url = url;
	p->labels = g_strdup(options->labels);
	p->interval_s = options->interval_s;
	p->spool = spool;
	p->rounds = g_ptr_array_new();
	p->makings = g_ptr_array_new();
	p->cancel = g_cancellable_new();
	p->session = soup_session_new_with_options("timeout", TIMEOUT_S,
						   "user-agent", "profagent/"
						   PACKAGE_VERSION, NULL);
	send_next(p);			/* what an earlier server left */
	p->always = always_new(feeds, options->only, &funcs, p);
	return p;
}

void push_free(Push *p)
{
	guint i;

	for (i = 0; i < p->makings->len; i++)
		((Making *)p->makings->pdata[i])->push = NULL;
	always_free(p->always);
	g_cancellable_cancel(p->cancel);
	g_clear_handle_id(&p->timer, g_source_remove);
	soup_session_abort(p->session);
	g_object_unref(p->session);
	g_object_unref(p->cancel);
	spool_free(p->spool);
	g_ptr_array_unref(p->rounds);
	g_ptr_array_unref(p->makings);
	g_uri_unref(p->url);
	g_free(p->labels);
	g_free(p);
}

/* --- the end -------------------------------------------------------------------------------- */

static guint count_unready(const Push *p)
{
	guint count = p->makings->len, i;

	for (i = 0; i < p->rounds->len; i++)
		count += ((Round *)p->rounds->pdata[i])->take != NULL;
	return count;
}

/* Nothing more can be done for what waits: it is tried again later. */
static gboolean is_settled(const Push *p)
{
	return count_unready(p) == 0 &&
	       (p->timer != 0 || !spool_first(p->spool));
}

static gboolean time_is_up(gpointer late)
{
	*(gboolean *)late = TRUE;
	return G_SOURCE_REMOVE;
}

void push_finish(Push *p, guint ms)
{
	gboolean late = FALSE;
	guint timer = g_timeout_add(ms, time_is_up, &late);
	guint i;

	p->is_ending = TRUE;
	for (i = 0; i < p->rounds->len; i++) {
		Round *r = p->rounds->pdata[i];

		if (r->take)
			take_end(r->take);
	}
	while (!late && !is_settled(p))
		g_main_context_iteration(NULL, TRUE);
	if (!late)
		g_source_remove(timer);
	if (count_unready(p) > 0)
		g_printerr("profagent serve: the last profiles of %u "
			   "processes were not ready in time\n",
			   count_unready(p));
}

PushCounters push_counters(const Push *p)
{
	PushCounters n = p->counters;

	n.dropped += spool_dropped(p->spool);
	n.spooled = spool_bytes(p->spool);
	return n;
}
