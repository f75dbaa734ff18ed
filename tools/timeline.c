/* SPDX-License-Identifier: MIT */
/*
 * timeline: see timeline.h. One flat call tree says in which item each sample
 * was; its moments are then dealt out to the pieces, so that the work does not
 * grow with their number.
 */
#include "tools/timeline.h"

/* What one sample adds to one piece, or all of an item together. */
typedef struct {
	guint32 piece, item;
	gint64 value;
} Part;

typedef struct {
	const Profile *p;
	const Calltree *tree;
	guint type;
	guint64 from, end, interval;	/* ns; pieces cover [from, end) */
	GArray *pieces;			/* TimelinePiece */
	GArray *parts;			/* Part */
} Deal;

guint64 timeline_round_interval(guint64 span_ns, guint count)
{
	static const guint64 steps[] = { 1, 2, 5 };
	guint64 unit = 1;
	gsize i;

	for (; unit <= G_MAXUINT64 / 10; unit *= 10)
		for (i = 0; i < G_N_ELEMENTS(steps); i++)
			if (unit * steps[i] >= span_ns / MAX(count, 1u) +
			    (span_ns % MAX(count, 1u) > 0))
				return unit * steps[i];
	return unit;
}

static guint64 last_moment(const Profile *p)
{
	guint64 last = 0;
	guint i;

	for (i = 0; i < p->moments->len; i++)
		last = MAX(last, profile_at(p->moments, ProfileMoment,
					    i)->time_ns);
	return last;
}

/* From options->from_ns on; 0: there is nothing behind that. */
static guint64 span_of(const Profile *p, const CalltreeOptions *options)
{
	guint64 last = last_moment(p);
	guint64 end = last < G_MAXUINT64 ? last + 1 : last;

	if (options->to_ns)
		end = MIN(end, options->to_ns);
	return end > options->from_ns ? end - options->from_ns : 0;
}

guint64 timeline_least_interval(const Profile *p,
				const CalltreeOptions *options)
{
	guint64 span = span_of(p, options);

	return span / TIMELINE_PIECES_MAX + (span % TIMELINE_PIECES_MAX > 0);
}

/* --- dealing out ------------------------------------------------------------- */

static void add_pieces(Deal *d, guint64 most)
{
	guint64 from = d->from;

	while (from < d->end && d->pieces->len < TIMELINE_PIECES_MAX) {
		TimelinePiece piece = { .from_ns = from };

		piece.to_ns = d->interval < most - from ? from + d->interval
							: most;
		g_array_append_val(d->pieces, piece);
		from = piece.to_ns;
	}
}

/* FALSE: the moment is in none. */
static gboolean find_piece(const Deal *d, const ProfileMoment *m,
			   guint32 *piece)
{
	guint64 at;

	if (m->time_ns < d->from || m->time_ns >= d->end)
		return FALSE;
	at = (m->time_ns - d->from) / d->interval;
	*piece = (guint32)at;
	return at < d->pieces->len;
}

static gint64 weight_of(const Deal *d, const ProfileSample *s)
{
	gint64 whole = 0;
	guint32 i;

	for (i = 0; i < s->moment_count; i++)
		profile_add(&whole, profile_at(d->p->moments, ProfileMoment,
					       s->first_moment + i)->weight_ns);
	return whole;
}

/* `weight` of a sample whose moments weigh `whole`, in the type's unit. */
static void add_part(Deal *d, const ProfileSample *s, guint32 item,
		     guint32 piece, gint64 weight, gint64 whole)
{
	gint64 value = s->value[d->type];
	Part part = { piece, item, weight };

	if (value != whole)
		part.value = profile_part(value, (double)weight,
					  (double)whole);
	profile_add(&g_array_index(d->pieces, TimelinePiece, piece).value,
		    part.value);
	if (item != CALLTREE_NO_FRAME)
		g_array_append_val(d->parts, part);
}

/* Moments are sorted by time: those of one piece follow each other. */
static void deal_sample(Deal *d, const ProfileSample *s, guint32 item)
{
	gint64 whole = weight_of(d, s), weight = 0;
	guint32 piece = 0, last = PROFILE_NONE, i;

	for (i = 0; i < s->moment_count; i++) {
		const ProfileMoment *m = profile_at(d->p->moments,
						    ProfileMoment,
						    s->first_moment + i);

		if (!find_piece(d, m, &piece))
			continue;
		if (piece != last && last != PROFILE_NONE) {
			add_part(d, s, item, last, weight, whole);
			weight = 0;
		}
		last = piece;
		profile_add(&weight, m->weight_ns);
		g_array_index(d->pieces, TimelinePiece, piece).taken++;
	}
	if (last != PROFILE_NONE)
		add_part(d, s, item, last, weight, whole);
}

/* --- what has most of a piece --------------------------------------------------- */

static gint compare_parts(gconstpointer a, gconstpointer b)
{
	const Part *x = a, *y = b;

	if (x->piece != y->piece)
		return x->piece < y->piece ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

static void offer_top(Deal *d, const Part *all)
{
	TimelinePiece *piece = &g_array_index(d->pieces, TimelinePiece,
					      all->piece);

	if (all->value <= piece->top_self)
		return;
	piece->top_self = all->value;
	piece->top = g_array_index(d->tree->items, CalltreeItem,
				   all->item).name;
}

static void find_tops(Deal *d)
{
	guint i;

	g_array_sort(d->parts, compare_parts);
	for (i = 0; i < d->parts->len;) {
		Part all = g_array_index(d->parts, Part, i);

		for (i++; i < d->parts->len; i++) {
			const Part *part = &g_array_index(d->parts, Part, i);

			if (compare_parts(part, &all) != 0)
				break;
			profile_add(&all.value, part->value);
		}
		offer_top(d, &all);
	}
}

static void deal_all(Deal *d)
{
	guint i;

	for (i = 0; i < d->p->samples->len; i++)
		if (d->tree->leaves[i] != CALLTREE_NOT_SHOWN)
			deal_sample(d, profile_at(d->p->samples,
						  ProfileSample, i),
				    d->tree->leaves[i]);
	find_tops(d);
}

GArray *timeline_new(Profile *p, const CalltreeOptions *options,
		     guint64 interval_ns, guint count)
{
	guint64 span = span_of(p, options);
	CalltreeOptions o = *options;
	g_autoptr(Calltree) tree = NULL;
	Deal d = {
		.p = p, .type = o.type, .from = o.from_ns,
		.end = o.from_ns + span, .interval = interval_ns,
		.pieces = g_array_new(FALSE, FALSE, sizeof(TimelinePiece)),
	};

	if (span == 0)
		return d.pieces;
	if (interval_ns == 0)
		d.interval = timeline_round_interval(span, count);
	add_pieces(&d, o.to_ns ? o.to_ns : G_MAXUINT64);
	o.flat = o.leaves = TRUE;
	d.tree = tree = calltree_new(p, &o);
	d.parts = g_array_new(FALSE, FALSE, sizeof(Part));
	deal_all(&d);
	g_array_free(d.parts, TRUE);
	return d.pieces;
}
