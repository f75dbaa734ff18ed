/* SPDX-License-Identifier: MIT */
/* What is walked is put together by hand; decoding is test-pprof-read's. */
#include "tools/pprof-sieve.h"

#include <check.h>

#include "agent/pprof.h"
#include "tests/unit/messages.h"
#include "tests/unit/runner.h"

/* Calls `each` for each field of a file. */
static void walk(const Messages *m, void (*each)(PprofSieve *, const Field *),
		 PprofSieve *s)
{
	const Field file = { .bytes = m->bytes->data, .size = m->bytes->len };
	Fields fields;
	Field f;

	fields_borrow(&fields, &file);
	while (fields_next(&fields, &f) == FIELDS_FIELD)
		each(s, &f);
}

static PprofSieve *sieve(const Messages *m, guint places, guint stacks)
{
	PprofSieve *s = pprof_sieve_new(places, stacks);
	guint walks = 0;

	do {
		walk(m, pprof_sieve_field, s);
		walks++;
	} while (pprof_sieve_next(s));
	ck_assert_uint_eq(walks, 3);
	return s;
}

static guint kept_stacks;

static void count_stack(PprofSieve *s, const Field *f)
{
	if (f->number == PPROF_SAMPLE)
		kept_stacks += (guint)pprof_sieve_has_stack(s, f);
}

START_TEST(what_a_kept_place_needs_is_kept)
{
	g_autoptr(PprofSieve) s = NULL;
	Messages m;

	messages_init(&m);
	messages_head(&m);
	messages_mapping(&m, 1, 0, 1000, "/program");
	messages_mapping(&m, 2, 1000, 2000, "/heavy");
	messages_mapping(&m, 3, 2000, 3000, "/light");
	messages_function(&m, 1, "heavy");
	messages_function(&m, 2, "light");
	messages_location(&m, 1, 2, 1100, (guint64[]){ 1, 0 });
	messages_location(&m, 2, 3, 2100, (guint64[]){ 2, 0 });
	messages_sample(&m, (guint64[]){ 1, 0 }, 1, 20, NULL, 0);
	messages_sample(&m, (guint64[]){ 2, 0 }, 1, 10, NULL, 0);
	s = sieve(&m, 1, 10);
	ck_assert(pprof_sieve_has_place(s, 1) && !pprof_sieve_has_place(s, 2));
	ck_assert(pprof_sieve_has_string(s, (guint64)messages_string(
						    &m, "/heavy")));
	ck_assert(pprof_sieve_has_string(s, (guint64)messages_string(
						    &m, "heavy")));
	ck_assert(!pprof_sieve_has_string(s, (guint64)messages_string(
						     &m, "light")));
	ck_assert(!pprof_sieve_has_string(s, (guint64)messages_string(
						     &m, "/light")));
	/* the first names the program, whatever is in it */
	ck_assert(pprof_sieve_has_string(s, (guint64)messages_string(
						    &m, "/program")));
	ck_assert(pprof_sieve_has_string(s, (guint64)messages_string(
						    &m, "nanoseconds")));
	messages_release(&m);
}
END_TEST

START_TEST(stacks_are_those_of_kept_places)
{
	g_autoptr(PprofSieve) s = NULL;
	g_autofree char *text = NULL;
	guint64 i;
	Messages m;

	messages_init(&m);
	messages_head(&m);
	messages_location(&m, 1, 0, 1, NULL);
	messages_sample(&m, (guint64[]){ 1, 0 }, 1, 5000, NULL, 0);
	for (i = 2; i < 100; i++) {
		messages_location(&m, i, 0, i, NULL);
		messages_sample(&m, (guint64[]){ i, i + 1, 1, 0 }, 1, 10,
				NULL, 0);
	}
	messages_sample(&m, (guint64[]){ 1, 0 }, 1, 7, "rare", 7);
	s = sieve(&m, 1, 2);
	kept_stacks = 0;
	walk(&m, count_stack, s);
	/* all that came from small places are one and heavy; a label is not */
	ck_assert_uint_eq(kept_stacks, 99);
	ck_assert(!pprof_sieve_has_string(s, (guint64)messages_string(
						     &m, "rare")));
	text = pprof_sieve_describe(s);
	ck_assert_str_eq(text, "of its 99 places the 1 heaviest are told "
			 "apart, the others are [small places]; of 1 of its "
			 "100 samples, whose stacks are rare, the innermost "
			 "place alone is kept");
	messages_release(&m);
}
END_TEST

START_TEST(where_all_is_kept_nothing_is_said)
{
	g_autoptr(PprofSieve) s = NULL;
	Messages m;

	messages_init(&m);
	messages_small(&m);
	s = sieve(&m, 100, 100);
	kept_stacks = 0;
	walk(&m, count_stack, s);
	ck_assert_uint_eq(kept_stacks, 2);
	ck_assert_ptr_null(pprof_sieve_describe(s));
	messages_release(&m);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pprof-sieve");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, what_a_kept_place_needs_is_kept);
	tcase_add_test(tcase, stacks_are_those_of_kept_places);
	tcase_add_test(tcase, where_all_is_kept_nothing_is_said);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
