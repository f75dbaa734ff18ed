/* SPDX-License-Identifier: MIT */
/* What the lines above the rows say. */
#include "tools/viewer-header.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"

static void expect(char *got, const char *text)
{
	ck_assert_str_eq(got, text);
	g_free(got);
}

START_TEST(the_share_of_a_core)
{
	ViewerInfo info = { .cpu_ns = 47 * SAMPLE_MS,
			    .wall_ns = 205 * SAMPLE_MS };

	expect(viewer_header_fraction(&info), "(47ms/205ms)");
	ck_assert_double_eq_tol(viewer_info_cpu(&info), 0.2293, 1e-4);
	info.cpu_ns *= 10;
	expect(viewer_header_fraction(&info), "(470ms/205ms) of one core");
	info.wall_ns = 0;
	ck_assert_double_eq(viewer_info_cpu(&info), 0);
}
END_TEST

START_TEST(the_status)
{
	ViewerInfo info = { .samples = 1187, .threads = 4 };

	expect(viewer_header_status(&info),
	       "1.2k samples, 0 lost, 4 threads");
	viewer_info_set(&info.state, g_strdup("running"));
	viewer_info_set(&info.window, g_strdup("all time"));
	info.asked_hz = 99;
	info.achieved_hz = 98.93;
	info.lost = 12;
	info.threads = 1;
	expect(viewer_header_status(&info), "running, all time, 1.2k samples, "
	       "98.9 of 99 Hz, 12 lost, 1 thread");
	info.achieved_hz = 0;
	info.age_us = 65 * G_USEC_PER_SEC;
	expect(viewer_header_status(&info), "running, all time, 1.2k samples, "
	       "99 Hz, 12 lost, 1 thread, 1m5s old");
	viewer_info_release(&info);
}
END_TEST

START_TEST(the_title)
{
	ViewerInfo info = { .title = NULL };

	g_setenv("TZ", "UTC", TRUE);
	expect(viewer_header_title(&info), "");
	info.at_us = 1700000000 * (gint64)G_USEC_PER_SEC;
	expect(viewer_header_title(&info), "22:13:20");
	viewer_info_set(&info.title, g_strdup("app.pb.gz"));
	expect(viewer_header_title(&info), "app.pb.gz 22:13:20");
	info.at_us = 0;
	expect(viewer_header_title(&info), "app.pb.gz");
	viewer_info_release(&info);
}
END_TEST

START_TEST(counters_of_a_profile)
{
	Profile *p = sample_profile_new("work");
	ViewerInfo info = { .title = NULL };

	viewer_info_count(&info, p);
	ck_assert_uint_eq(info.samples, 9);
	profile_free(p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("viewer-header");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, the_share_of_a_core);
	tcase_add_test(tcase, the_status);
	tcase_add_test(tcase, the_title);
	tcase_add_test(tcase, counters_of_a_profile);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
