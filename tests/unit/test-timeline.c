/* SPDX-License-Identifier: MIT */
#include "tools/timeline.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"

#define S 1000000000ull

START_TEST(intervals_are_round)
{
	ck_assert_uint_eq(timeline_round_interval(30 * S, 30), S);
	ck_assert_uint_eq(timeline_round_interval(31 * S, 30), 2 * S);
	ck_assert_uint_eq(timeline_round_interval(4 * S, 3), 2 * S);
	ck_assert_uint_eq(timeline_round_interval(1, 10), 1);
	ck_assert_uint_eq(timeline_round_interval(0, 10), 1);
	ck_assert_uint_gt(timeline_round_interval(G_MAXUINT64, 1), 0);
}
END_TEST

static TimelinePiece *piece(GArray *all, guint i)
{
	return &g_array_index(all, TimelinePiece, i);
}

START_TEST(pieces_hold_what_was_sampled_in_them)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	CalltreeOptions o = { .type = p->default_type };
	g_autoptr(GArray) all = timeline_new(p, &o, S, 0);

	/* moments at 1, 2, 3, 4 s, and three at 2 s, of 10 ms each */
	ck_assert_uint_eq(all->len, 5);
	ck_assert_int_eq(piece(all, 0)->value, 0);
	ck_assert_uint_eq(piece(all, 0)->top, 0);
	ck_assert_int_eq(piece(all, 2)->value, 40 * SAMPLE_MS);
	ck_assert_uint_eq(piece(all, 2)->taken, 4);
	ck_assert_str_eq(profile_text(p, piece(all, 2)->top), "libx.so+0x10");
	ck_assert_int_eq(piece(all, 2)->top_self, 30 * SAMPLE_MS);
	ck_assert_str_eq(profile_text(p, piece(all, 4)->top), "memcpy");
}
END_TEST

START_TEST(a_range_is_kept)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	CalltreeOptions o = { .type = p->default_type, .from_ns = 2 * S,
			      .to_ns = 3 * S };
	g_autoptr(GArray) all = timeline_new(p, &o, 300000000, 0);
	g_autoptr(GArray) none = NULL;

	ck_assert_uint_eq(all->len, 4);
	ck_assert_uint_eq(piece(all, 3)->to_ns, 3 * S);
	ck_assert_int_eq(piece(all, 0)->value, 40 * SAMPLE_MS);
	o.from_ns = 100 * S;
	o.to_ns = 0;
	none = timeline_new(p, &o, 0, 10);
	ck_assert_uint_eq(none->len, 0);
}
END_TEST

START_TEST(there_are_not_too_many)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	CalltreeOptions o = { .type = p->default_type };
	g_autoptr(GArray) all = timeline_new(p, &o, 1000, 0);
	g_autoptr(GArray) least = NULL;
	guint64 ns = timeline_least_interval(p, &o);

	/* so short that it does not reach the end */
	ck_assert_uint_eq(all->len, TIMELINE_PIECES_MAX);
	ck_assert_uint_eq(ns, 400001);
	least = timeline_new(p, &o, ns, 0);
	ck_assert_uint_le(least->len, TIMELINE_PIECES_MAX);
	ck_assert_uint_gt(piece(least, least->len - 1)->to_ns, 4 * S);
}
END_TEST

/* However long the pieces are, they hold the same. */
START_TEST(sums_are_kept)
{
	static const guint64 intervals[] = { S / 1000, S / 3, S, 7 * S };
	g_autoptr(Profile) p = sample_profile_new("work");
	CalltreeOptions o = { .type = p->default_type };
	guint k, i;

	for (k = 0; k < G_N_ELEMENTS(intervals); k++) {
		g_autoptr(GArray) all = timeline_new(p, &o, intervals[k], 0);
		guint64 taken = 0;
		gint64 value = 0;

		for (i = 0; i < all->len; i++) {
			value += piece(all, i)->value;
			taken += piece(all, i)->taken;
			ck_assert_int_le(piece(all, i)->top_self,
					 piece(all, i)->value);
		}
		ck_assert_int_eq(value, 70 * SAMPLE_MS);
		ck_assert_uint_eq(taken, 7);
	}
}
END_TEST

START_TEST(what_is_not_in_focus_is_left_out)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(GRegex) focus = g_regex_new("memcpy", 0, 0, NULL);
	CalltreeOptions o = { .type = p->default_type, .focus = focus };
	g_autoptr(GArray) all = timeline_new(p, &o, S, 0);

	ck_assert_uint_eq(all->len, 5);
	ck_assert_int_eq(piece(all, 4)->value, 10 * SAMPLE_MS);
	ck_assert_str_eq(profile_text(p, piece(all, 4)->top), "memcpy");
	ck_assert_int_lt(piece(all, 2)->value, 40 * SAMPLE_MS);
}
END_TEST

/* Times that a file may claim: a piece must not end before it begins. */
START_TEST(the_end_of_time_is_no_beginning)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	CalltreeOptions o = { .type = p->default_type };
	g_autoptr(GArray) all = NULL;

	profile_at(p->moments, ProfileMoment, 0)->time_ns = G_MAXUINT64;
	profile_at(p->moments, ProfileMoment, 1)->time_ns = G_MAXUINT64 - 1;
	all = timeline_new(p, &o, 0, 10);
	ck_assert_uint_ge(all->len, 1);
	ck_assert_uint_le(all->len, 11);
	for (guint i = 0; i < all->len; i++)
		ck_assert_uint_gt(piece(all, i)->to_ns, piece(all, i)->from_ns);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("timeline");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, intervals_are_round);
	tcase_add_test(tcase, pieces_hold_what_was_sampled_in_them);
	tcase_add_test(tcase, a_range_is_kept);
	tcase_add_test(tcase, there_are_not_too_many);
	tcase_add_test(tcase, sums_are_kept);
	tcase_add_test(tcase, what_is_not_in_focus_is_left_out);
	tcase_add_test(tcase, the_end_of_time_is_no_beginning);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
