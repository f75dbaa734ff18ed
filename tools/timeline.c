/* SPDX-License-Identifier: MIT */
/* timeline: see timeline.h. Each piece is a flat call tree of its time. */
#include "tools/timeline.h"

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
	guint64 end = last < G_MAXUINT64 ? last + 1 : last;

	if (options->to_ns)
		end = MIN(end, options->to_ns);
	if (end <= from)
		return pieces;
	if (interval_ns == 0)
		interval_ns = timeline_round_interval(end - from, count);
	while (from < end && pieces->len < TIMELINE_PIECES_MAX) {
		guint64 most = options->to_ns ? options->to_ns : G_MAXUINT64;
		guint64 to = interval_ns < most - from ? from + interval_ns
						       : most;
		TimelinePiece piece;

		piece = make_piece(p, options, from, to);
		g_array_append_val(pieces, piece);
		from = to;
	}
	return pieces;
}
