/* SPDX-License-Identifier: MIT */
/* Spans of several processes are added up; as JSON and as CSV. */
#include "tools/span-list.h"

#include <check.h>
#include <string.h>

#include "tests/unit/runner.h"

/* A process with one span of `count` times 1 ms. */
static void add_process(Profile *p, const char *name, guint64 count)
{
	ProfileProcess process = { .pid = 1 };
	ProfileSpan s = { .number = 1, .count = count,
			  .sum_ns = count * 1000000, .max_ns = 1000000 };

	g_strlcpy(s.name, name, sizeof(s.name));
	s.counts[histogram_bucket(1000000)] = count;
	profile_put_span(&process, &s);
	g_array_append_val(p->processes, process);
}

/* What 1 ms is as a percentile. */
static guint64 bucket_ns(void)
{
	return MIN(histogram_value(histogram_bucket(1000000)), 1000000);
}

static SpanList *list_new(void)
{
	g_autoptr(Profile) p = profile_new();
	SpanList *l = span_list_new();

	add_process(p, "pay", 3);
	add_process(p, "a, \"b\"", 9);
	add_process(p, "pay", 2);
	add_process(p, "never", 0);
	span_list_add(l, p);
	return l;
}

START_TEST(equal_names_are_added_up)
{
	g_autoptr(SpanList) l = list_new();
	g_autoptr(GPtrArray) rows = span_list_rows(l);
	const ProfileSpan *s;

	ck_assert_uint_eq(rows->len, 2);
	s = rows->pdata[0];
	ck_assert_str_eq(s->name, "a, \"b\"");
	s = rows->pdata[1];
	ck_assert_str_eq(s->name, "pay");
	ck_assert_uint_eq(s->count, 5);
	ck_assert_uint_eq(span_list_mean(s), 1000000);
	ck_assert_uint_eq(span_list_quantile(s, 0.99), bucket_ns());
}
END_TEST

START_TEST(as_csv)
{
	g_autoptr(SpanList) l = list_new();
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *expected = NULL;
	unsigned long p = (unsigned long)bucket_ns();

	expected = g_strdup_printf(
		"name,n,total_ns,mean_ns,p50_ns,p95_ns,p99_ns,max_ns\r\n"
		"\"a, \"\"b\"\"\",9,9000000,1000000,%lu,%lu,%lu,1000000\r\n"
		"pay,5,5000000,1000000,%lu,%lu,%lu,1000000\r\n",
		p, p, p, p, p, p);
	span_list_put_csv(l, text);
	ck_assert_str_eq(text->str, expected);
}
END_TEST

START_TEST(as_json)
{
	g_autoptr(SpanList) l = list_new();
	g_autoptr(GString) text = g_string_new(NULL);
	JsonOut out;

	json_out_init(&out, text);
	span_list_put_json(l, &out);
	ck_assert(g_str_has_prefix(text->str,
		"[{\"name\":\"a, \\\"b\\\"\",\"n\":9,\"total_ns\":9000000,"));
	ck_assert(g_str_has_suffix(text->str, "\"max_ns\":1000000}]"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("span-list");
	TCase *t = tcase_create("all");

	tcase_add_test(t, equal_names_are_added_up);
	tcase_add_test(t, as_csv);
	tcase_add_test(t, as_json);
	suite_add_tcase(s, t);
	return runner_run(s);
}
