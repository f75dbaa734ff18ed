/* SPDX-License-Identifier: MIT */
/* The document is parsed by json-glib and read as its header says. */
#include "tools/page-document.h"

#include <check.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"

static JsonObject *parse(const PageContent *content, JsonParser *parser)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GError) error = NULL;

	page_document_append(text, content);
	if (!json_parser_load_from_data(parser, text->str, (gssize)text->len,
					&error))
		ck_abort_msg("%s", error->message);
	return json_node_get_object(json_parser_get_root(parser));
}

static gint64 int_at(JsonObject *table, const char *column, guint i)
{
	return json_array_get_int_element(
		json_object_get_array_member(table, column), i);
}

static guint column_length(JsonObject *table, const char *column)
{
	return json_array_get_length(
		json_object_get_array_member(table, column));
}

static const char *string_at(JsonObject *doc, gint64 i)
{
	return json_array_get_string_element(
		json_object_get_array_member(doc, "strings"), (guint)i);
}

/* Names of the stack of sample `s`, root first, flags in [], joined by '>'. */
static char *stack_of(JsonObject *doc, guint s)
{
	JsonObject *stacks = json_object_get_object_member(doc, "stacks");
	JsonObject *frames = json_object_get_object_member(doc, "frames");
	JsonObject *samples = json_object_get_object_member(doc, "samples");
	gint64 node = int_at(samples, "stack", s);
	GString *out = g_string_new(NULL);

	while (node > 0) {
		guint frame = (guint)int_at(stacks, "frame", (guint)node - 1);
		gint64 flags = int_at(frames, "flags", frame);
		g_autofree char *one = g_strdup_printf("%s%s",
			string_at(doc, int_at(frames, "name", frame)),
			flags == 0 ? "" : flags == 1 ? "[inlined]" :
			flags == 2 ? "[unknown]" : "[other]");

		g_string_prepend(out, out->len ? ">" : "");
		g_string_prepend(out, one);
		node -= int_at(stacks, "parent", (guint)node - 1);
	}
	return g_string_free(out, FALSE);
}

static void check_stack(JsonObject *doc, guint s, const char *expected)
{
	g_autofree char *stack = stack_of(doc, s);

	ck_assert_str_eq(stack, expected);
}

START_TEST(stacks_are_those_of_the_profile)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(JsonParser) parser = json_parser_new();
	PageContent content = { .title = "t", .profile = { p }, .type = -1,
				.name = { "one" } };
	JsonObject *doc = parse(&content, parser);
	JsonObject *stacks = json_object_get_object_member(doc, "stacks");

	check_stack(doc, 0, "main>work>memcpy[inlined]");
	check_stack(doc, 1, "main>work>libx.so+0x10[unknown]");
	check_stack(doc, 2, "[truncated: no-table][other]>work");
	check_stack(doc, 3, "[not sampled][other]");
	/* Two stacks share main and work. */
	ck_assert_uint_eq(column_length(stacks, "parent"), 7);
	ck_assert_uint_eq(column_length(stacks, "frame"), 7);
}
END_TEST

START_TEST(inlines_are_left_out_on_request)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(JsonParser) parser = json_parser_new();
	PageContent content = { .title = "t", .profile = { p }, .type = -1,
				.no_inlines = TRUE, .name = { "one" } };
	JsonObject *doc = parse(&content, parser);

	check_stack(doc, 0, "main>work");
	check_stack(doc, 1, "main>work>libx.so+0x10[unknown]");
}
END_TEST

START_TEST(samples_have_their_figures)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(JsonParser) parser = json_parser_new();
	PageContent content = { .title = "t", .profile = { p }, .type = -1,
				.name = { "one" } };
	JsonObject *doc = parse(&content, parser);
	JsonObject *samples = json_object_get_object_member(doc, "samples");
	JsonArray *values = json_object_get_array_member(samples, "values");
	JsonArray *cpu = json_array_get_array_element(values, 1);

	ck_assert_int_eq(json_object_get_int_member(doc, "version"), 1);
	ck_assert_int_eq(json_object_get_int_member(doc, "default_type"), 1);
	ck_assert_uint_eq(json_array_get_length(values), 2);
	ck_assert_int_eq(json_array_get_int_element(cpu, 0), 40 * SAMPLE_MS);
	ck_assert_int_eq(json_array_get_int_element(cpu, 3), 10 * SAMPLE_MS);
	ck_assert_int_eq(int_at(samples, "thread", 1), 1);
	ck_assert_int_eq(int_at(samples, "thread", 3), -1);
	ck_assert_int_eq(int_at(samples, "count", 0), 4);
	ck_assert_double_eq_tol(json_array_get_double_element(
		json_object_get_array_member(samples, "spread"), 0), 1, 1e-6);
	ck_assert(!json_object_has_member(samples, "set"));
}
END_TEST

START_TEST(moments_are_deltas)
{
	static const gint64 expected[] = { 1000, 1000, 1000, 1000, 2000, 0, 0 };
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(JsonParser) parser = json_parser_new();
	PageContent content = { .title = "t", .profile = { p }, .type = -1,
				.name = { "one" } };
	JsonObject *doc = parse(&content, parser);
	JsonObject *moments = json_object_get_object_member(doc, "moments");

	ck_assert_int_eq(json_object_get_int_member(moments, "unit_ns"),
			 SAMPLE_MS);
	ck_assert_uint_eq(column_length(moments, "count"), 4);
	ck_assert_uint_eq(column_length(moments, "delta"),
			  G_N_ELEMENTS(expected));
	for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
		ck_assert_int_eq(int_at(moments, "delta", i), expected[i]);
	ck_assert(!json_object_has_member(moments, "weight"));
}
END_TEST

START_TEST(unequal_weights_are_written)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(JsonParser) parser = json_parser_new();
	PageContent content = { .title = "t", .profile = { p }, .type = -1,
				.name = { "one" } };
	JsonObject *moments;

	profile_at(p->moments, ProfileMoment, 1)->weight_ns = 15 * SAMPLE_MS;
	moments = json_object_get_object_member(parse(&content, parser),
						"moments");
	ck_assert_int_eq(int_at(moments, "weight", 0), 10000);
	ck_assert_int_eq(int_at(moments, "weight", 1), 15000);
}
END_TEST

START_TEST(processes_say_how_it_went)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(JsonParser) parser = json_parser_new();
	PageContent content = { .title = "t", .profile = { p }, .type = -1,
				.name = { "one" } };
	JsonObject *process = json_array_get_object_element(
		json_object_get_array_member(parse(&content, parser),
					     "processes"), 0);
	JsonArray *lost = json_object_get_array_member(process, "lost");
	JsonArray *cut = json_object_get_array_member(process, "truncated");

	ck_assert_int_eq(json_object_get_int_member(process, "pid"), 42);
	ck_assert_double_eq(json_object_get_double_member(process, "asked_hz"),
			    99.5);
	ck_assert_uint_eq(json_array_get_length(lost), 1);
	ck_assert_str_eq(json_array_get_string_element(
		json_array_get_array_element(lost, 0), 0), "ring-full");
	/* A complete stack was not cut short. */
	ck_assert_uint_eq(json_array_get_length(cut), 1);
	ck_assert_str_eq(json_array_get_string_element(
		json_array_get_array_element(cut, 0), 0), "no-table");
}
END_TEST

START_TEST(two_profiles_share_tables)
{
	g_autoptr(Profile) a = sample_profile_new("work");
	g_autoptr(Profile) b = sample_profile_new("other");
	g_autoptr(JsonParser) parser = json_parser_new();
	PageContent content = { .title = "t", .profile = { a, b }, .type = 0,
				.name = { "a", "b" } };
	JsonObject *doc, *samples;

	ck_assert_ptr_null(page_content_check(&content));
	doc = parse(&content, parser);
	samples = json_object_get_object_member(doc, "samples");
	ck_assert_uint_eq(column_length(samples, "stack"), 8);
	ck_assert_int_eq(int_at(samples, "set", 3), 0);
	ck_assert_int_eq(int_at(samples, "set", 4), 1);
	ck_assert_int_eq(int_at(samples, "thread", 5), 3);
	ck_assert_int_eq(int_at(samples, "process", 5), 1);
	check_stack(doc, 4, "main>other>memcpy[inlined]");
	ck_assert_int_eq(int_at(samples, "stack", 3),
			 int_at(samples, "stack", 7));
	b->type[1].unit = profile_string(b, "seconds", -1);
	ck_assert_ptr_nonnull(page_content_check(&content));
}
END_TEST

/* Two nodes there is room for: main, 70 ms, and what it calls. */
START_TEST(too_many_nodes_are_folded)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autoptr(GString) text = g_string_new(NULL);
	PageContent content = { .title = "t", .profile = { p }, .type = -1,
				.name = { "one" } };
	JsonObject *doc, *samples;
	JsonArray *notes;

	page_document_append_within(text, &content, 2);
	ck_assert(json_parser_load_from_data(parser, text->str,
					     (gssize)text->len, NULL));
	doc = json_node_get_object(json_parser_get_root(parser));
	samples = json_object_get_object_member(doc, "samples");
	notes = json_object_get_array_member(doc, "notes");
	check_stack(doc, 0, "main>work>[small stacks]");
	check_stack(doc, 1, "main>work>[small stacks]");
	check_stack(doc, 3, "[small stacks]");
	ck_assert_uint_eq(column_length(samples, "stack"), 4);
	ck_assert_str_eq(json_array_get_string_element(notes, 0),
			 "small branches of the tree are [small stacks]: "
			 "those of 4 of 4 stacks");
}
END_TEST

START_TEST(an_empty_profile_is_a_document)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(JsonParser) parser = json_parser_new();
	PageContent content = { .title = "t", .profile = { p }, .type = -1,
				.name = { "one" } };
	JsonObject *doc = parse(&content, parser);

	ck_assert_uint_eq(column_length(
		json_object_get_object_member(doc, "samples"), "stack"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("page-document");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, stacks_are_those_of_the_profile);
	tcase_add_test(tcase, inlines_are_left_out_on_request);
	tcase_add_test(tcase, samples_have_their_figures);
	tcase_add_test(tcase, moments_are_deltas);
	tcase_add_test(tcase, unequal_weights_are_written);
	tcase_add_test(tcase, processes_say_how_it_went);
	tcase_add_test(tcase, two_profiles_share_tables);
	tcase_add_test(tcase, too_many_nodes_are_folded);
	tcase_add_test(tcase, an_empty_profile_is_a_document);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
