/* SPDX-License-Identifier: MIT */
/* timeline: see timeline.h. Each piece is a flat call tree of its time. */
#include "tools/timeline.h"

guint64 timeline_round_interval(guint64 span_ns, guint count)
{
	static const guint64 steps[] = { 1, 2, 5 };
	guint64 unit = 1;
	gsize i;

	for (; unit < G_MAXUINT64 / 100; unit *= 10)
		for (i = 0; i < G_N_ELEMENTS(steps); i++)
			if (unit * steps[i] * count >= span_ns)
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

static TimelinePiece make_piece(Profile *p, const CalltreeOptions *options,
				guint64 from, guint64 to)
{
	TimelinePiece piece = { .from_ns = from, .to_ns = to };
	CalltreeOptions o = *options;
	g_autoptr(Calltree) t = NULL;
	guint i;

	o.flat = TRUE;
	o.from_ns = from;
	o.to_ns = to;
	t = calltree_new(p, &o);
	piece.value = t->total;
	piece.taken = t->taken;
	for (i = 0; i < t->items->len; i++) {
		CalltreeItem *item = &g_array_index(t->items, CalltreeItem, i);

		if (item->self <= piece.top_self)
			continue;
		piece.top_self = item->self;
		piece.top = item->name;
	}
	return piece;
}

GArray *timeline_new(Profile *p, const CalltreeOptions *options,
		     guint64 interval_ns, guint count)
{
	GArray *pieces = g_array_new(FALSE, FALSE, sizeof(TimelinePiece));
	guint64 from = options->from_ns;
	guint64 last = last_moment(p);
	guint64 end = options->to_ns ? MIN(options->to_ns, last + 1)
				     : last + 1;

	if (end <= from)
		return pieces;
	if (interval_ns == 0)
		interval_ns = timeline_round_interval(end - from, count);
	while (from < end && pieces->len < TIMELINE_PIECES_MAX) {
		guint64 to = from + interval_ns;
		TimelinePiece piece;

		if (options->to_ns)
			to = MIN(to, options->to_ns);
		piece = make_piece(p, options, from, to);
		g_array_append_val(pieces, piece);
		from = to;
	}
	return pieces;
}
