/* SPDX-License-Identifier: MIT */
#include "tools/profile-cut.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"

#define SECOND 1000000000ull

static const struct {
	const char *word, *path;	/* path NULL: no range */
	guint64 from_ns, to_ns;
	gboolean wrong;
} words[] = {
	{ "a.pb.gz", NULL, 0, 0, FALSE },
	{ "me@host.pb.gz", NULL, 0, 0, FALSE },
	{ "a@1..2/b.pb.gz", NULL, 0, 0, FALSE },
	{ "@1..2", NULL, 0, 0, FALSE },
	{ "a@1..2", "a", SECOND, 2 * SECOND, FALSE },
	{ "a@b@..300ms", "a@b", 0, 300000000, FALSE },
	{ "a@2m..", "a", 120 * SECOND, 0, FALSE },
	{ "a@..", NULL, 0, 0, TRUE },
	{ "a@2..1", NULL, 0, 0, TRUE },
	{ "a@1..1", NULL, 0, 0, TRUE },
	{ "a@1..x", NULL, 0, 0, TRUE },
	{ "a@1..2..3", NULL, 0, 0, TRUE },
};

START_TEST(words_with_and_without_a_range)
{
	g_autofree char *path = NULL;
	g_autoptr(GError) error = NULL;
	ProfileCut cut = { 0, 0 };
	gboolean has = profile_cut_parse(words[_i].word, &path, &cut, &error);

	ck_assert_int_eq(has, words[_i].path != NULL);
	ck_assert_int_eq(error != NULL, words[_i].wrong);
	if (!has)
		return;
	ck_assert_str_eq(path, words[_i].path);
	ck_assert_uint_eq(cut.from_ns, words[_i].from_ns);
	ck_assert_uint_eq(cut.to_ns, words[_i].to_ns);
}
END_TEST

/* Moments: of the first at 1 2 3 4 s, of the second three at 2 s. */
START_TEST(what_is_outside_goes)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	ProfileCut cut = { 2 * SECOND, 4 * SECOND };
	const ProfileSample *s;

	p->duration_nanos = 3 * SECOND;
	ck_assert(profile_cut(p, 0, &cut));
	ck_assert_uint_eq(p->samples->len, 2);
	s = profile_at(p->samples, ProfileSample, 0);
	ck_assert_int_eq(s->value[0], 2);
	ck_assert_int_eq(s->value[1], 20 * SAMPLE_MS);
	ck_assert_uint_eq(s->taken, 2);
	ck_assert_uint_eq(s->moment_count, 2);
	ck_assert_double_eq(s->square, 2 * 100.0 * SAMPLE_MS * SAMPLE_MS);
	ck_assert_uint_eq(profile_at(p->moments, ProfileMoment,
				     s->first_moment)->time_ns, 2 * SECOND);
	s = profile_at(p->samples, ProfileSample, 1);
	ck_assert_int_eq(s->value[1], 30 * SAMPLE_MS);
	ck_assert_int_eq(p->duration_nanos, SECOND);
}
END_TEST

/* The ranges of a division add up to the whole. */
START_TEST(parts_add_up)
{
	g_autoptr(Profile) a = sample_profile_new("work");
	g_autoptr(Profile) b = sample_profile_new("work");
	ProfileCut before = { 0, 3 * SECOND }, after = { 3 * SECOND, 0 };
	gint64 sum = 0;

	ck_assert(profile_cut(a, 0, &before) && profile_cut(b, 0, &after));
	for (guint i = 0; i < a->samples->len; i++)
		sum += profile_at(a->samples, ProfileSample, i)->value[1];
	for (guint i = 0; i < b->samples->len; i++)
		sum += profile_at(b->samples, ProfileSample, i)->value[1];
	ck_assert_int_eq(sum, 70 * SAMPLE_MS);
}
END_TEST

/* What another file brought, and a profile without times. */
/* Weights of a hostile file: one part is below nothing, so the other is more
 * than the whole. */
START_TEST(no_part_is_more_than_the_whole)
{
	for (int side = 0; side < 2; side++) {
		g_autoptr(Profile) p = sample_profile_new("work");
		ProfileCut cut = { side ? 3 * SECOND : 0,
				   side ? 0 : 3 * SECOND };
		ProfileSample *s = profile_at(p->samples, ProfileSample, 0);

		s->value[1] = G_MAXINT64;
		profile_at(p->moments, ProfileMoment, 0)->weight_ns =
			G_MAXINT64;
		profile_at(p->moments, ProfileMoment, 1)->weight_ns =
			G_MAXINT64;
		profile_at(p->moments, ProfileMoment, 2)->weight_ns =
			-G_MAXINT64;
		p->duration_nanos = -1;
		ck_assert(profile_cut(p, 0, &cut));
		s = profile_at(p->samples, ProfileSample, 0);
		ck_assert_int_ge(s->value[1], 0);
		ck_assert_int_eq(p->duration_nanos, 0);
	}
}
END_TEST

START_TEST(only_the_file_is_cut)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	guint n = p->samples->len;
	ProfileCut cut = { 100 * SECOND, 0 };

	ck_assert(!profile_cut(p, n, &cut));
	ck_assert(!profile_cut(p, 2, &cut));
	ck_assert_uint_eq(p->samples->len, n);
	ck_assert(profile_cut(p, 1, &cut));
	ck_assert_uint_eq(p->samples->len, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("profile-cut");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, words_with_and_without_a_range, 0,
			    G_N_ELEMENTS(words));
	tcase_add_test(tcase, what_is_outside_goes);
	tcase_add_test(tcase, parts_add_up);
	tcase_add_test(tcase, no_part_is_more_than_the_whole);
	tcase_add_test(tcase, only_the_file_is_cut);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
