/* SPDX-License-Identifier: MIT */
#include "tools/live.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/messages.h"
#include "tests/unit/runner.h"

/* messages_small(): 4 samples of 10 ms. */
static GBytes *fragment_of(const char *run_id)
{
	GBytes *bytes;
	Messages m;

	messages_init(&m);
	messages_process(&m, run_id, 1);
	messages_small(&m);
	messages_strings(&m);
	bytes = g_bytes_new(m.bytes->data, m.bytes->len);
	messages_release(&m);
	return bytes;
}

static void add(Live *l, const char *run_id, gint64 now_us)
{
	g_autoptr(GBytes) bytes = fragment_of(run_id);
	g_autoptr(GError) error = NULL;

	ck_assert_msg(live_add(l, bytes, now_us, &error), "%s",
		      error ? error->message : "");
}

static gint64 sum(const Profile *p)
{
	gint64 n = 0;

	for (guint i = 0; i < p->samples->len; i++)
		n += profile_at(p->samples, ProfileSample, i)->value[0];
	return n;
}

START_TEST(the_first_is_what_was_before)
{
	g_autoptr(Live) l = live_new(FALSE);

	add(l, "0123456789abcdef", 1000000);
	ck_assert_int_eq(sum(live_view(l, 0)), 0);
	add(l, "0123456789abcdef", 2000000);
	add(l, "0123456789abcdef", 3000000);
	ck_assert_int_eq(sum(live_view(l, 0)), 8);
}
END_TEST

START_TEST(unless_we_were_there)
{
	g_autoptr(Live) l = live_new(FALSE);

	live_count_all(l);
	add(l, "0123456789abcdef", 1000000);
	ck_assert_int_eq(sum(live_view(l, 0)), 4);
}
END_TEST

START_TEST(each_process_has_its_first)
{
	g_autoptr(Live) l = live_new(FALSE);

	add(l, "0123456789abcdef", 1000000);
	add(l, "0123456789abcdef", 2000000);
	add(l, "fedcba9876543210", 2000000);
	ck_assert_int_eq(sum(live_view(l, 0)), 4);
	add(l, "fedcba9876543210", 3000000);
	ck_assert_int_eq(sum(live_view(l, 0)), 8);
	ck_assert_uint_eq(live_view(l, 0)->processes->len, 2);
}
END_TEST

START_TEST(the_last_seconds_alone)
{
	g_autoptr(Live) l = live_new(FALSE);

	for (gint64 t = 1; t <= 6; t++)
		add(l, "0123456789abcdef", t * 1000000);
	ck_assert_int_eq(sum(live_view(l, 0)), 20);
	ck_assert_int_eq(sum(live_view(l, 5000000)), 8);
	ck_assert_int_eq(sum(live_view(l, live_last_step(l))), 4);
	ck_assert_int_eq(sum(live_view(l, 7000000)), 0);
	/* and all of it again: looking takes nothing away */
	ck_assert_int_eq(sum(live_view(l, 0)), 20);
	ck_assert_int_eq(live_span(l, 0).latest_us, 6000000);
}
END_TEST

/* However long it goes on, each stack is there once. */
START_TEST(it_does_not_grow_with_what_is_the_same)
{
	g_autoptr(Live) l = live_new(FALSE);
	guint locations, stacks;

	add(l, "0123456789abcdef", 1000000);
	add(l, "0123456789abcdef", 2000000);
	locations = live_view(l, 0)->locations->len;
	stacks = live_view(l, 0)->samples->len;
	for (gint64 t = 3; t <= 300; t++)
		add(l, "0123456789abcdef", t * 1000000);
	ck_assert_uint_eq(live_view(l, 0)->locations->len, locations);
	ck_assert_uint_eq(live_view(l, 0)->samples->len, stacks);
	ck_assert_int_eq(sum(live_view(l, 0)), 4 * 299);
}
END_TEST

START_TEST(what_is_no_profile_changes_nothing)
{
	g_autoptr(Live) l = live_new(FALSE);
	g_autoptr(GBytes) bad = g_bytes_new_static("\xff\xff\xff\xff", 4);
	g_autoptr(GError) error = NULL;

	add(l, "0123456789abcdef", 1000000);
	add(l, "0123456789abcdef", 2000000);
	ck_assert(!live_add(l, bad, 3000000, &error));
	ck_assert_ptr_nonnull(error);
	ck_assert_int_eq(sum(live_view(l, 0)), 4);
	add(l, "0123456789abcdef", 4000000);
	ck_assert_int_eq(sum(live_view(l, 0)), 8);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("live");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_test(all, the_first_is_what_was_before);
	tcase_add_test(all, unless_we_were_there);
	tcase_add_test(all, each_process_has_its_first);
	tcase_add_test(all, the_last_seconds_alone);
	tcase_add_test(all, it_does_not_grow_with_what_is_the_same);
	tcase_add_test(all, what_is_no_profile_changes_nothing);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
