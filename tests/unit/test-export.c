/* SPDX-License-Identifier: MIT */
/* Every format of the sample profile, with and without a hostile name in it. */
#include "tools/export.h"

#include <check.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"
#include "tools/export-frames.h"
#include "tools/export-threads.h"

/* What it looks like in a terminal, a stack, a line, a script. */
#define HOSTILE "w;o\nr</script>\x1b[31mk\" (x)"

static char *export_profile(const char *format, Profile *p)
{
	g_autoptr(GOutputStream) to = g_memory_output_stream_new_resizable();
	ExportInput in = { p, p->default_type, "a title" };
	g_autoptr(GError) error = NULL;
	GMemoryOutputStream *memory = G_MEMORY_OUTPUT_STREAM(to);

	ck_assert(exporter_find(format)->write(&in, to, &error));
	ck_assert_ptr_null(error);
	return g_strndup(g_memory_output_stream_get_data(memory),
			 g_memory_output_stream_get_data_size(memory));
}

static char *export_text(const char *format, const char *work)
{
	g_autoptr(Profile) p = sample_profile_new(work);

	return export_profile(format, p);
}

START_TEST(formats_are_found_by_name_and_by_file)
{
	static const struct {
		const char *file, *format;
	} files[] = {
		{ "a.pb.gz", "pprof" },
		{ "a.json", "json" },
		{ "a.speedscope.json", "speedscope" },
		{ "dir.folded/a.firefox.json", "firefox" },
		{ "a.folded", "folded" },
		{ "a.callgrind", "callgrind" },
		{ "a.otlp", "otlp" },
		{ "a.perf", "perf" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(files); i++)
		ck_assert_ptr_eq(exporter_find_by_file(files[i].file),
				 exporter_find(files[i].format));
	ck_assert_ptr_null(exporter_find("nothing"));
	ck_assert_ptr_null(exporter_find_by_file("a.txt"));
	ck_assert_ptr_null(exporter_find_by_file("-"));
}
END_TEST

START_TEST(folded_has_each_stack_once)
{
	g_autofree char *text = export_text("folded", "work");

	ck_assert_str_eq(text, "[not sampled] 10000000\n"
			 "main;work;libx.so+0x10 30000000\n"
			 "main;work;memcpy 40000000\n"
			 "work 20000000\n");
}
END_TEST

START_TEST(a_hostile_name_stays_in_its_line_and_frame)
{
	g_autofree char *folded = export_text("folded", HOSTILE);
	g_autofree char *perf = export_text("perf", HOSTILE);
	g_autofree char *callgrind = export_text("callgrind", HOSTILE);
	g_auto(GStrv) lines = g_strsplit(folded, "\n", -1);

	ck_assert_int_eq(g_strv_length(lines), 5);
	for (guint i = 0; lines[i]; i++)
		ck_assert_ptr_null(strchr(lines[i], '\x1b'));
	ck_assert_ptr_nonnull(strstr(folded, "main;w:o:r"));
	ck_assert_ptr_null(strchr(perf, '\x1b'));
	ck_assert_ptr_null(strchr(callgrind, '\x1b'));
}
END_TEST

/* As a report calls it: by where its function begins, if that is known. */
START_TEST(unknown_code_has_one_name_everywhere)
{
	static const char *const formats[] = {
		"folded", "perf", "json", "speedscope", "firefox", "callgrind",
	};

	for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
		g_autoptr(Profile) p = sample_profile_new("work");
		ProfileLocation *l = profile_at(p->locations, ProfileLocation,
						3);
		g_autofree char *text = NULL;

		l->start = l->address - 8;
		text = export_profile(formats[i], p);
		ck_assert_msg(strstr(text, "libx.so+0x8") != NULL, "%s: %s",
			      formats[i], text);
		ck_assert_ptr_null(strstr(text, "libx.so+0x10"));
	}
}
END_TEST

START_TEST(threads_are_ordered_and_timed_where_times_are_known)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(GPtrArray) threads = export_threads_new(p, 1);
	const ExportThread *first = threads->pdata[0];
	const ExportThread *second = threads->pdata[1];
	const ExportThread *none = threads->pdata[2];

	ck_assert_int_eq(threads->len, 3);
	ck_assert_int_eq(first->total, 50 * SAMPLE_MS);
	ck_assert_int_eq(first->tid, 101);
	ck_assert(!first->timed);
	ck_assert_int_eq(second->tid, 100);
	ck_assert(second->timed);
	ck_assert_int_eq(second->events->len, 4);
	for (guint i = 0; i < 4; i++)
		ck_assert_int_eq(g_array_index(second->events, ExportEvent,
			i).time_ns, (i + 1) * 1000 * (guint64)SAMPLE_MS);
	ck_assert_int_eq(none->tid, 0);
	ck_assert_str_eq(none->name, "all threads");
}
END_TEST

START_TEST(times_are_made_of_values_where_none_are_known)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(GPtrArray) threads = export_threads_new(p, 0);
	const ExportThread *first = threads->pdata[0];

	/* Of counts nobody knows the moments: 3 and 2 samples of 1 ms. */
	ck_assert_int_eq(first->total, 5);
	ck_assert(!first->timed);
	ck_assert_int_eq(g_array_index(first->events, ExportEvent,
				       1).time_ns, 3 * SAMPLE_MS);
}
END_TEST

START_TEST(frames_are_counted_once)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(ExportFrames) f = export_frames_new(p);
	g_autoptr(GArray) stack = g_array_new(FALSE, FALSE, sizeof(guint32));
	const char *expected[] = { "main", "work", "memcpy" };

	/* main, work, memcpy, unknown code, [not sampled] */
	ck_assert_int_eq(f->functions->len, 5);
	export_frames_stack(f, profile_at(p->samples, ProfileSample, 0),
			    stack);
	ck_assert_int_eq(stack->len, 3);
	for (guint i = 0; i < 3; i++)
		ck_assert_str_eq(profile_text(p, export_frames_function(f,
			g_array_index(stack, guint32, i))->name), expected[i]);
}
END_TEST

/* --- JSON ---------------------------------------------------------------- */

static JsonNode *parse(const char *format, const char *work)
{
	g_autofree char *text = export_text(format, work);
	g_autoptr(GError) error = NULL;
	JsonNode *root = json_from_string(text, &error);

	ck_assert_msg(root, "%s: %s", format, error ? error->message : "?");
	return root;
}

START_TEST(json_documents_are_well_formed_with_any_name)
{
	static const char *const formats[] = { "json", "speedscope",
					       "firefox" };

	for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
		g_autoptr(JsonNode) plain = parse(formats[i], "work");
		g_autoptr(JsonNode) hostile = parse(formats[i], HOSTILE);
		g_autofree char *text = export_text(formats[i], HOSTILE);

		ck_assert(JSON_NODE_HOLDS_OBJECT(plain));
		ck_assert(JSON_NODE_HOLDS_OBJECT(hostile));
		ck_assert_ptr_null(strstr(text, "</script"));
		ck_assert_ptr_null(strchr(text, '\x1b'));
	}
}
END_TEST

START_TEST(speedscope_weights_sum_to_the_end_value)
{
	g_autoptr(JsonNode) root = parse("speedscope", "work");
	JsonObject *o = json_node_get_object(root);
	JsonArray *frames = json_object_get_array_member(
		json_object_get_object_member(o, "shared"), "frames");
	JsonArray *profiles = json_object_get_array_member(o, "profiles");
	gint64 all = 0;

	for (guint i = 0; i < json_array_get_length(profiles); i++) {
		JsonObject *p = json_array_get_object_element(profiles, i);
		JsonArray *weights = json_object_get_array_member(p, "weights");
		JsonArray *samples = json_object_get_array_member(p, "samples");
		gint64 sum = 0;

		ck_assert_int_eq(json_array_get_length(weights),
				 json_array_get_length(samples));
		for (guint k = 0; k < json_array_get_length(weights); k++) {
			JsonArray *s = json_array_get_array_element(samples, k);

			sum += json_array_get_int_element(weights, k);
			for (guint n = 0; n < json_array_get_length(s); n++)
				ck_assert_int_lt(
					json_array_get_int_element(s, n),
					json_array_get_length(frames));
		}
		ck_assert_int_eq(sum, json_object_get_int_member(p,
								 "endValue"));
		all += sum;
	}
	ck_assert_int_eq(all, 100 * SAMPLE_MS);
}
END_TEST

/* "events: ..." and "summary: ..." and the own costs agree. */
START_TEST(callgrind_costs_sum_to_the_summary)
{
	g_autofree char *text = export_text("callgrind", "work");
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	gint64 own = 0, calls = 0;
	gboolean inclusive = FALSE;

	ck_assert_ptr_nonnull(strstr(text, "\nsummary: 100000000\n"));
	for (guint i = 0; lines[i]; i++) {
		gint64 value;
		int line;

		if (g_str_has_prefix(lines[i], "calls="))
			inclusive = TRUE;
		if (sscanf(lines[i], "%d %" G_GINT64_FORMAT, &line,
			   &value) != 2)
			continue;
		if (inclusive)
			calls += value;
		else
			own += value;
		inclusive = FALSE;
	}
	ck_assert_int_eq(own, 100 * SAMPLE_MS);
	/* main > work 40 + 30, work > memcpy 40, work > libx 30 */
	ck_assert_int_eq(calls, 140 * SAMPLE_MS);
}
END_TEST

START_TEST(an_output_that_fails_is_an_error)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	ExportInput in = { p, p->default_type, "a title" };
	char room[16];

	for (guint i = 0; i < exporter_count; i++) {
		g_autoptr(GOutputStream) to = g_memory_output_stream_new(room,
						sizeof(room), NULL, NULL);
		g_autoptr(GError) error = NULL;

		ck_assert_msg(!exporters[i].write(&in, to, &error), "%s",
			      exporters[i].name);
		ck_assert_ptr_nonnull(error);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("export");
	TCase *tc = tcase_create("export");

	tcase_add_test(tc, formats_are_found_by_name_and_by_file);
	tcase_add_test(tc, folded_has_each_stack_once);
	tcase_add_test(tc, a_hostile_name_stays_in_its_line_and_frame);
	tcase_add_test(tc, unknown_code_has_one_name_everywhere);
	tcase_add_test(tc,
		threads_are_ordered_and_timed_where_times_are_known);
	tcase_add_test(tc, times_are_made_of_values_where_none_are_known);
	tcase_add_test(tc, frames_are_counted_once);
	tcase_add_test(tc, json_documents_are_well_formed_with_any_name);
	tcase_add_test(tc, speedscope_weights_sum_to_the_end_value);
	tcase_add_test(tc, callgrind_costs_sum_to_the_summary);
	tcase_add_test(tc, an_output_that_fails_is_an_error);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
