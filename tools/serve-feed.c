/* SPDX-License-Identifier: MIT */
/* serve-feed: see serve-feed.h. */
#include "tools/serve-feed.h"

#include "tools/control-stream.h"
#include "tools/watch.h"

struct _Feeds {
	GHashTable *by_pid;		/* Feed, not owned: they own themselves */
};

/* One fragment, and when it came. */
typedef struct {
	gint64 at_us;
	GBytes *bytes;
} Piece;

typedef struct {
	const FeedFuncs *funcs;
	gpointer data;
} Listener;

/* Who waits for an answer; answers come in the order of asking. */
typedef struct {
	void (*done)(gpointer data);	/* NULL: it is to a status */
	gpointer data;
} Asked;

struct _Feed {
	Feeds *all;
	guint refs;
	gint32 pid;
	Watch *watch;
	GQueue pieces, asked;
	gsize bytes;
	GPtrArray *listeners;		/* Listener *; NULL: left meanwhile */
	guint telling;			/* depth of calls to listeners */
	char *ended;
	guint64 missed;
};

Feeds *feeds_new(void)
{
	Feeds *all = g_new(Feeds, 1);

	all->by_pid = g_hash_table_new(NULL, NULL);
	return all;
}

void feeds_free(Feeds *all)
{
	g_hash_table_unref(all->by_pid);
	g_free(all);
}

guint feeds_count(const Feeds *all)
{
	return g_hash_table_size(all->by_pid);
}

/* --- listeners ------------------------------------------------------------------ */

/* What is called may leave, and close the feed: the loop holds both. */
static void begin_telling(Feed *f)
{
	f->telling++;
	f->refs++;
}

static void end_telling(Feed *f)
{
	if (--f->telling == 0)
		while (g_ptr_array_remove(f->listeners, NULL))
			;
	feed_close(f);
}

static Listener *listener(Feed *f, guint i)
{
	return f->listeners->pdata[i];
}

void feed_listen(Feed *f, const FeedFuncs *funcs, gpointer data)
{
	Listener *l = g_new(Listener, 1);

	*l = (Listener){ funcs, data };
	g_ptr_array_add(f->listeners, l);
}

void feed_unlisten(Feed *f, gpointer data)
{
	guint i;

	for (i = 0; i < f->listeners->len; i++)
		if (listener(f, i) && listener(f, i)->data == data)
			g_clear_pointer(&f->listeners->pdata[i], g_free);
	while (f->telling == 0 && g_ptr_array_remove(f->listeners, NULL))
		;
}

/* --- what comes ------------------------------------------------------------------ */

static void piece_free(gpointer data)
{
	Piece *p = data;

	g_bytes_unref(p->bytes);
	g_free(p);
}

/* The first one left is only the base of those behind it. */
static void forget_old(Feed *f, gint64 now_us)
{
	while (f->pieces.length > 2) {
		const Piece *second = g_queue_peek_nth(&f->pieces, 1);
		Piece *first = g_queue_peek_head(&f->pieces);

		if (f->bytes <= FEED_BYTES &&
		    second->at_us > now_us - FEED_SECONDS * G_USEC_PER_SEC)
			return;
		f->bytes -= g_bytes_get_size(first->bytes);
		piece_free(g_queue_pop_head(&f->pieces));
	}
}

static void took_fragment(gpointer data, GBytes *bytes, guint64 missed)
{
	Feed *f = data;
	Piece *p = g_new(Piece, 1);
	guint i;

	*p = (Piece){ g_get_monotonic_time(), g_bytes_ref(bytes) };
	g_queue_push_tail(&f->pieces, p);
	f->bytes += g_bytes_get_size(bytes);
	f->missed += missed;
	forget_old(f, p->at_us);
	begin_telling(f);
	for (i = 0; i < f->listeners->len; i++)
		if (listener(f, i) && listener(f, i)->funcs->fragment)
			listener(f, i)->funcs->fragment(listener(f, i)->data,
							bytes);
	end_telling(f);
}

static void tell_status(Feed *f, JsonObject *status)
{
	guint i;

	for (i = 0; i < f->listeners->len; i++)
		if (listener(f, i) && listener(f, i)->funcs->status)
			listener(f, i)->funcs->status(listener(f, i)->data,
						      status);
}

static void took_answer(gpointer data, JsonObject *answer)
{
	Feed *f = data;
	Asked *asked = g_queue_pop_head(&f->asked);

	if (!asked)
		return;
	begin_telling(f);
	if (asked->done)
		asked->done(asked->data);
	else
		tell_status(f, answer);
	end_telling(f);
	g_free(asked);
}

/* Nobody will be answered any more: all are told at once. */
static void took_end(gpointer data, const char *why)
{
	Feed *f = data;
	Asked *asked;
	guint i;

	if (f->ended)
		return;
	f->ended = g_strdup(why);
	begin_telling(f);
	while ((asked = g_queue_pop_head(&f->asked))) {
		if (asked->done)
			asked->done(asked->data);
		g_free(asked);
	}
	for (i = 0; i < f->listeners->len; i++)
		if (listener(f, i) && listener(f, i)->funcs->ended)
			listener(f, i)->funcs->ended(listener(f, i)->data);
	end_telling(f);
}

static const WatchFuncs watch_funcs = {
	.fragment = took_fragment,
	.answer = took_answer,
	.lost = took_end,
};

/* --- asking ----------------------------------------------------------------------- */

static void ask(Feed *f, const char *request, void (*done)(gpointer data),
		gpointer data)
{
	Asked *asked = g_new(Asked, 1);

	*asked = (Asked){ done, data };
	g_queue_push_tail(&f->asked, asked);
	watch_ask(f->watch, request);
}

void feed_ask_status(Feed *f)
{
	if (!f->ended && watch_is_connected(f->watch))
		ask(f, "status", NULL, NULL);
}

/* A flush that cannot be asked for now: what there is comes with connecting. */
typedef struct {
	void (*done)(gpointer data);
	gpointer data;
} Later;

static gboolean call_later(gpointer data)
{
	Later *later = data;

	later->done(later->data);
	g_free(later);
	return G_SOURCE_REMOVE;
}

void feed_flush(Feed *f, void (*done)(gpointer data), gpointer data)
{
	Later *later;

	if (!f->ended && watch_is_connected(f->watch)) {
		ask(f, "flush", done, data);
		return;
	}
	later = g_new(Later, 1);
	*later = (Later){ done, data };
	g_idle_add(call_later, later);
}

/* --- life --------------------------------------------------------------------------- */

Feed *feed_open(Feeds *all, gint32 pid, const char *path)
{
	Feed *f = g_hash_table_lookup(all->by_pid, GINT_TO_POINTER(pid));

	if (f && !f->ended) {
		f->refs++;
		return f;
	}
	f = g_new0(Feed, 1);
	f->all = all;
	f->refs = 1;
	f->pid = pid;
	f->listeners = g_ptr_array_new();
	g_queue_init(&f->pieces);
	g_queue_init(&f->asked);
	f->watch = watch_new(path, NULL, &watch_funcs, f);
	g_hash_table_insert(all->by_pid, GINT_TO_POINTER(pid), f);
	return f;
}

void feed_close(Feed *f)
{
	gpointer key = GINT_TO_POINTER(f->pid);

	if (--f->refs > 0)
		return;
	if (g_hash_table_lookup(f->all->by_pid, key) == f)
		g_hash_table_remove(f->all->by_pid, key);
	watch_free(f->watch);
	g_queue_clear_full(&f->pieces, piece_free);
	g_queue_clear_full(&f->asked, g_free);
	g_ptr_array_set_free_func(f->listeners, g_free);
	g_ptr_array_unref(f->listeners);
	g_free(f->ended);
	g_free(f);
}

gint32 feed_pid(const Feed *f)
{
	return f->pid;
}

const char *feed_ended(const Feed *f)
{
	return f->ended;
}

guint64 feed_missed(const Feed *f)
{
	return f->missed;
}

GPtrArray *feed_since(Feed *f, gint64 from_us)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(
		(GDestroyNotify)g_bytes_unref);
	GList *at, *first = f->pieces.head;

	for (at = first; at; at = at->next)
		if (((Piece *)at->data)->at_us < from_us)
			first = at;
	for (at = first; at; at = at->next)
		g_ptr_array_add(list, g_bytes_ref(((Piece *)at->data)->bytes));
	return list;
}
