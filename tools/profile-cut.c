/* SPDX-License-Identifier: MIT */
/* profile-cut: see profile-cut.h. A sample's moments are sorted by time. */
#include "tools/profile-cut.h"

#include <string.h>

#include "tools/selection.h"

static gboolean parse_end(const char *text, guint64 *ns)
{
	return !*text || selection_parse_time(text, ns);
}

static gboolean parse_range(const char *text, ProfileCut *cut)
{
	g_auto(GStrv) ends = g_strsplit(text, "..", 2);

	*cut = (ProfileCut){ 0, 0 };
	if (g_strv_length(ends) != 2 || (!*ends[0] && !*ends[1]) ||
	    !parse_end(ends[0], &cut->from_ns) ||
	    !parse_end(ends[1], &cut->to_ns))
		return FALSE;
	return !*ends[1] || cut->to_ns > cut->from_ns;
}

gboolean profile_cut_parse(const char *word, char **path, ProfileCut *cut,
			   GError **error)
{
	const char *at = strrchr(word, '@');

	if (!at || at == word || !strstr(at, "..") || strchr(at, '/') ||
	    g_file_test(word, G_FILE_TEST_EXISTS))
		return FALSE;
	if (!parse_range(at + 1, cut)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "%s: a range is FILE@FROM..TO, as in "
			    "app.pb.gz@2.5..10s; one end may be left out",
			    word);
		return FALSE;
	}
	*path = g_strndup(word, (gsize)(at - word));
	return TRUE;
}

static gboolean is_inside(const ProfileCut *cut, const ProfileMoment *m)
{
	return m->time_ns >= cut->from_ns &&
	       (cut->to_ns == 0 || m->time_ns < cut->to_ns);
}

/* The run of moments inside; *whole, *part: sums of weights. */
static void cut_moments(const Profile *p, ProfileSample *s,
			const ProfileCut *cut, double *whole, double *part)
{
	guint32 first = s->first_moment, count = 0;

	*whole = *part = 0;
	s->square = 0;
	for (guint32 i = 0; i < s->moment_count; i++) {
		const ProfileMoment *m = profile_at(p->moments, ProfileMoment,
						    s->first_moment + i);
		double weight = (double)m->weight_ns;

		*whole += weight;
		if (!is_inside(cut, m))
			continue;
		if (count++ == 0)
			first = s->first_moment + i;
		*part += weight;
		s->square += weight * weight;
	}
	s->first_moment = first;
	s->moment_count = count;
	s->taken = count;
}

static void cut_sample(const Profile *p, ProfileSample *s,
		       const ProfileCut *cut)
{
	guint32 had = s->moment_count;
	double whole, part;

	cut_moments(p, s, cut, &whole, &part);
	if (s->moment_count == had && had > 0)
		return;
	for (guint i = 0; i < p->type_count; i++) {
		gboolean weighed = (double)s->value[i] == whole &&
				   part > 0 && part < whole;

		/* sums below 2^53 ns, 104 days, come out exactly */
		s->value[i] = weighed ? (gint64)part :
				profile_part(s->value[i], part, whole);
	}
}

static void cut_duration(Profile *p, const ProfileCut *cut)
{
	guint64 end = (guint64)MAX(p->duration_nanos, 0);

	if (cut->to_ns != 0)
		end = MIN(end, cut->to_ns);
	p->duration_nanos = cut->from_ns < end ? (gint64)(end - cut->from_ns)
					       : 0;
}

/* As it is on the timeline, which may begin with a process of another file. */
static ProfileCut move_cut(const Profile *p, guint first,
			   const ProfileCut *cut)
{
	guint64 begin = G_MAXUINT64;
	ProfileCut moved = *cut;

	for (guint i = first; i < p->samples->len; i++) {
		guint32 at = profile_at(p->samples, ProfileSample, i)->process;

		if (at != PROFILE_NONE)
			begin = MIN(begin, profile_begin_of(p, profile_at(
				p->processes, ProfileProcess, at)));
	}
	if (begin == G_MAXUINT64)
		return moved;
	if (!g_uint64_checked_add(&moved.from_ns, cut->from_ns, begin))
		moved.from_ns = G_MAXUINT64;
	if (cut->to_ns != 0 &&
	    !g_uint64_checked_add(&moved.to_ns, cut->to_ns, begin))
		moved.to_ns = G_MAXUINT64;
	return moved;
}

gboolean profile_cut(Profile *p, guint first, const ProfileCut *cut)
{
	const ProfileCut moved = move_cut(p, first, cut);
	guint i, kept = first;
	gboolean timed = FALSE;

	for (i = first; i < p->samples->len && !timed; i++)
		timed = profile_at(p->samples, ProfileSample,
				   i)->moment_count > 0;
	if (!timed)
		return FALSE;
	for (i = first; i < p->samples->len; i++) {
		ProfileSample *s = profile_at(p->samples, ProfileSample, i);

		cut_sample(p, s, &moved);
		if (s->moment_count > 0)
			*profile_at(p->samples, ProfileSample, kept++) = *s;
	}
	g_array_set_size(p->samples, kept);
	cut_duration(p, cut);
	return TRUE;
}
