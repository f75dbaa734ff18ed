/* SPDX-License-Identifier: MIT */
#include "tools/health.h"

#include <check.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>

#include "agent/region.h"
#include "agent/unwind.h"
#include "tests/unit/runner.h"
#include "tools/pprof-read.h"

/* Two processes of ours that differ, and one of somebody else. */
static Profile *three(void)
{
	Profile *p = profile_new();
	ProfileProcess *a, *b;
	guint i;

	for (i = 0; i < 3; i++)
		profile_add_process(p);
	a = profile_at(p->processes, ProfileProcess, 0);
	a->samples = 900;
	a->expirations = 1000;
	a->cpu_ns = 10000000000;
	a->sampled_ns = 9900000000;
	a->handler_ns = 10000000;
	a->flusher_cpu_ns = 40000000;
	a->asked_mhz = 99000;
	a->clock = profile_string(p, "cputime", -1);
	a->unwind = profile_string(p, "cfi", -1);
	a->lost[LOST_RING_FULL] = 3;
	a->truncated[UNWIND_COMPLETE] = 890;
	a->truncated[UNWIND_NO_TABLE] = 9;
	a->done = TRUE;
	g_ptr_array_add(a->notes, g_strdup("be\033careful"));
	b = profile_at(p->processes, ProfileProcess, 1);
	b->samples = 100;
	b->expirations = 100;
	b->asked_mhz = 49500;
	b->clock = profile_string(p, "cputime+itimer", -1);
	b->unwind = a->unwind;
	b->lost[LOST_NO_STACK] = 1;
	g_ptr_array_add(b->skipped, g_strdup("x.pb.gz: torn"));
	profile_at(p->processes, ProfileProcess, 2)->foreign = TRUE;
	return p;
}

START_TEST(counters_add_up)
{
	g_autoptr(Profile) p = three();
	Health h;

	health_init(&h, p, NULL);
	ck_assert_uint_eq(h.own, 2);
	ck_assert_uint_eq(h.foreign, 1);
	ck_assert_uint_eq(h.unclean, 1);
	ck_assert_uint_eq(h.samples, 1000);
	ck_assert_uint_eq(h.lost, 4);
	ck_assert_uint_eq(h.truncated, 9);
	ck_assert_double_eq_tol(h.achieved_hz, 110, 1e-9);
	ck_assert_double_eq_tol(h.asked_hz, 99, 1e-9);
	ck_assert_double_eq_tol(h.asked_least_hz, 49.5, 1e-9);
	ck_assert_double_eq_tol(health_own_cost(&h), 0.005, 1e-12);
	ck_assert_uint_eq(h.notes->len, 2);
	health_release(&h);
}
END_TEST

static char *printed(const Profile *p, const GPtrArray *more)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	Health h;

	health_init(&h, p, more);
	health_print(&h, to);
	health_release(&h);
	fclose(to);
	return text;
}

START_TEST(the_line_says_it_all)
{
	static const char *const parts[] = {
		"samples 1000, lost 4 (ring-full 3, no-stack 1)",
		"stacks cut short 0.9 % (no-table 9)",
		"clock cputime+itimer: 49.5 to 99 Hz asked, 110 achieved",
		"walker cfi", "sampled 9.90 s of 10.0 s CPU (99.0 %)",
		"own cost 0.5 %", "1 of 2 processes did not end",
		"note: be\\x1bcareful\n", "note: x.pb.gz: torn\n",
	};
	g_autoptr(Profile) p = three();
	g_autofree char *text = printed(p, NULL);
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(parts); i++)
		ck_assert_msg(strstr(text, parts[i]) != NULL,
			      "no '%s' in:\n%s", parts[i], text);
}
END_TEST

/* A recording of 23 ms: one thread, four periods of 10.1 ms in two samples. */
static Profile *recording(guint64 cpu_ns)
{
	Profile *p = profile_new();
	guint32 at = profile_add_process(p);
	ProfileProcess *process = profile_at(p->processes, ProfileProcess, at);
	const ProfileSample sample = { .taken = 2 };
	const ProfileThread thread = { .tid = 1 };

	process->samples = 2;
	process->expirations = 4;
	process->cpu_ns = cpu_ns;
	process->sampled_ns = 40404040;
	process->asked_mhz = 99000;
	process->clock = profile_string(p, "perf", -1);
	g_array_append_val(p->threads, thread);
	g_array_append_val(p->samples, sample);
	return p;
}

START_TEST(no_more_than_all_was_sampled)
{
	static const char *const parts[] = {
		"99 Hz asked, 99 achieved (in 49.5 samples/s);",
		"sampled all of 23.2 ms CPU (the samples stand for 40.4 ms: a "
		"first one also for time before);",
	};
	g_autoptr(Profile) p = recording(23200000);
	g_autofree char *text = printed(p, NULL);
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(parts); i++)
		ck_assert_msg(strstr(text, parts[i]) != NULL,
			      "no '%s' in:\n%s", parts[i], text);
	ck_assert_ptr_null(strstr(text, "174"));
}
END_TEST

/* More than the first samples can explain is not hidden, nor is less. */
START_TEST(what_is_not_explained_is_shown)
{
	g_autoptr(Profile) less = recording(48200000);
	g_autoptr(Profile) more = recording(23200000);
	g_autofree char *less_text = NULL, *more_text = NULL;
	ProfileProcess *process = profile_at(more->processes, ProfileProcess,
					     0);

	process->sampled_ns *= 100;
	process->samples *= 100;
	less_text = printed(less, NULL);
	more_text = printed(more, NULL);
	ck_assert_ptr_nonnull(strstr(less_text, "of 48.2 ms CPU (83.8 %)"));
	ck_assert_ptr_nonnull(strstr(more_text, "sampled 4.04 s of 23.2 ms "
				     "CPU (17415.5 %)"));
}
END_TEST

START_TEST(a_foreign_profile_has_no_health)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GPtrArray) more = g_ptr_array_new();
	g_autofree char *text = NULL;

	profile_add_process(p);
	profile_at(p->processes, ProfileProcess, 0)->foreign = TRUE;
	g_ptr_array_add(more, (gpointer)(guintptr)"libx.so: no symbols");
	text = printed(p, more);
	ck_assert_ptr_nonnull(strstr(text, "nothing is known of losses"));
	ck_assert_ptr_nonnull(strstr(text, "note: libx.so: no symbols"));
}
END_TEST

START_TEST(several_runs_are_said)
{
	g_autoptr(Profile) p = three();
	g_autofree char *one = NULL, *two = NULL;
	guint i;

	for (i = 0; i < 2; i++)
		profile_at(p->processes, ProfileProcess, i)->root_run_id =
			profile_string(p, "00000000000000aa", -1);
	one = printed(p, NULL);
	profile_at(p->processes, ProfileProcess, 1)->root_run_id =
		profile_string(p, "00000000000000bb", -1);
	two = printed(p, NULL);
	ck_assert_ptr_null(strstr(one, "separate runs"));
	ck_assert_ptr_nonnull(strstr(two, "note: these are the profiles of 2 "
				     "separate runs of profagent run\n"));
}
END_TEST

START_TEST(json_has_the_same)
{
	g_autoptr(Profile) p = three();
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(JsonNode) node = NULL;
	JsonObject *o;
	JsonOut out;
	Health h;

	health_init(&h, p, NULL);
	json_out_init(&out, text);
	health_json(&h, &out);
	health_release(&h);
	node = json_from_string(text->str, NULL);
	ck_assert_ptr_nonnull(node);
	o = json_node_get_object(node);
	ck_assert_int_eq(json_object_get_int_member(o, "samples"), 1000);
	ck_assert_int_eq(json_object_get_int_member(
		json_object_get_object_member(o, "lost_by"), "ring-full"), 3);
	ck_assert_int_eq(json_object_get_int_member(
		json_object_get_object_member(o, "truncated_by"), "no-table"),
		9);
	ck_assert_uint_eq(json_array_get_length(
		json_object_get_array_member(o, "notes")), 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("health");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, counters_add_up);
	tcase_add_test(tcase, the_line_says_it_all);
	tcase_add_test(tcase, no_more_than_all_was_sampled);
	tcase_add_test(tcase, what_is_not_explained_is_shown);
	tcase_add_test(tcase, a_foreign_profile_has_no_health);
	tcase_add_test(tcase, several_runs_are_said);
	tcase_add_test(tcase, json_has_the_same);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
