/* SPDX-License-Identifier: MIT */
/* serve-take: see serve-take.h. */
#include "tools/serve-take.h"

#define LAST_WORDS_MS 3000	/* that agents get for their last flush */

/* One process. Callbacks that are under way hold a reference. */
typedef struct {
	Take *take;			/* NULL: it is over, nobody cares */
	guint refs;
	Feed *feed;
	GPtrArray *list;		/* GBytes */
	gboolean over;			/* nothing more will come */
} Part;

struct _Take {
	GPtrArray *parts;		/* Part * */
	GPtrArray *result;		/* their lists */
	gsize bytes;
	guint timer;
	gboolean ending, cut;
	void (*done)(gpointer data, GPtrArray *result);
	gpointer data;
};

static void part_unref(Part *p)
{
	if (--p->refs > 0)
		return;
	feed_close(p->feed);
	g_ptr_array_unref(p->list);
	g_free(p);
}

/* --- ending --------------------------------------------------------------------- */

static gboolean finish(gpointer data)
{
	Take *t = data;

	t->timer = 0;
	t->done(t->data, t->result);
	return G_SOURCE_REMOVE;
}

/* From the loop, so that nobody is freed while it speaks. */
static void finish_when_over(Take *t)
{
	guint i;

	for (i = 0; i < t->parts->len; i++)
		if (!((Part *)t->parts->pdata[i])->over)
			return;
	g_clear_handle_id(&t->timer, g_source_remove);
	t->timer = g_idle_add(finish, t);
}

static void said_last(gpointer data)
{
	Part *p = data;

	p->over = TRUE;
	if (p->take)
		finish_when_over(p->take);
	part_unref(p);
}

static gboolean end(gpointer data)
{
	Take *t = data;
	guint i;

	t->ending = TRUE;
	t->timer = g_timeout_add(LAST_WORDS_MS, finish, t);
	for (i = 0; i < t->parts->len; i++) {
		Part *p = t->parts->pdata[i];

		p->refs++;
		feed_flush(p->feed, said_last, p);
	}
	return G_SOURCE_REMOVE;
}

/* --- what comes -------------------------------------------------------------------- */

static void fragment(gpointer data, GBytes *bytes)
{
	Part *p = data;
	Take *t = p->take;

	g_ptr_array_add(p->list, g_bytes_ref(bytes));
	t->bytes += g_bytes_get_size(bytes);
	if (t->bytes <= TAKE_BYTES_MAX || t->ending)
		return;
	t->cut = TRUE;
	g_source_remove(t->timer);
	end(t);
}

static void ended(gpointer data)
{
	Part *p = data;

	p->over = TRUE;
	finish_when_over(p->take);
}

static const FeedFuncs funcs = { .fragment = fragment, .ended = ended };

/* What came until now is only what the rest counts from. */
static void begun(gpointer data)
{
	Part *p = data;

	if (p->take && p->list->len > 1)
		g_ptr_array_remove_range(p->list, 0, p->list->len - 1);
	part_unref(p);
}

/* --- life --------------------------------------------------------------------------- */

static void add_part(Take *t, Feed *feed)
{
	Part *p = g_new0(Part, 1);

	p->take = t;
	p->refs = 2;			/* ours, and that of begun() */
	p->feed = feed;
	p->list = g_ptr_array_new_with_free_func(
		(GDestroyNotify)g_bytes_unref);
	g_ptr_array_add(t->parts, p);
	g_ptr_array_add(t->result, g_ptr_array_ref(p->list));
	feed_listen(feed, &funcs, p);
	feed_flush(feed, begun, p);
}

Take *take_new(Feeds *feeds, const gint32 *pids, char *const *paths,
	       guint count, guint seconds,
	       void (*done)(gpointer data, GPtrArray *result), gpointer data)
{
	Take *t = g_new0(Take, 1);
	guint i;

	t->parts = g_ptr_array_new();
	t->result = g_ptr_array_new_with_free_func(
		(GDestroyNotify)g_ptr_array_unref);
	t->done = done;
	t->data = data;
	for (i = 0; i < count; i++)
		add_part(t, feed_open(feeds, pids[i], paths[i]));
	t->timer = g_timeout_add(seconds * 1000, end, t);
	return t;
}

void take_end(Take *t)
{
	guint i;

	for (i = 0; i < t->parts->len; i++)
		if (!((Part *)t->parts->pdata[i])->over)
			break;
	/* else finish() is under way */
	if (t->ending || i == t->parts->len)
		return;
	g_clear_handle_id(&t->timer, g_source_remove);
	end(t);
}

void take_free(Take *t)
{
	guint i;

	g_clear_handle_id(&t->timer, g_source_remove);
	for (i = 0; i < t->parts->len; i++) {
		Part *p = t->parts->pdata[i];

		feed_unlisten(p->feed, p);
		p->take = NULL;
		part_unref(p);
	}
	g_ptr_array_unref(t->parts);
	g_ptr_array_unref(t->result);
	g_free(t);
}

const char *take_failed(const Take *t)
{
	const char *why = "its agent does not answer";
	guint i;

	for (i = 0; i < t->parts->len; i++) {
		const Part *p = t->parts->pdata[i];

		if (p->list->len > 0)
			return NULL;
		if (feed_ended(p->feed))
			why = feed_ended(p->feed);
	}
	return why;
}

gboolean take_is_cut(const Take *t)
{
	return t->cut;
}
