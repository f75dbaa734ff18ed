/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/module-history.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/runner.h"

#define SECOND UINT64_C(1000000000)

/* There from reading `load` on; the one before, at `absent`, had it not. */
static struct module module(uint32_t id, uint64_t start, uint64_t absent,
			    uint64_t load)
{
	return (struct module){ .id = id, .start = start,
				.end = start + 0x1000, .path = "",
				.absent_ns = absent, .load_ns = load };
}

static uint32_t found(const struct module *current, uint64_t pc, uint64_t time)
{
	const struct module *m = module_history_find(current, pc, time);

	return m != NULL ? m->id : 0;
}

static void setup(void)
{
	module_history_clear();
}

START_TEST(a_module_is_found_in_its_time)
{
	struct module a = module(1, 0x1000, 100, 200);

	module_history_add(&a, 500, 600);
	ck_assert_uint_eq(found(NULL, 0x1000, 100), 0);
	ck_assert_uint_eq(found(NULL, 0x1000, 101), 1);	/* may have been */
	ck_assert_uint_eq(found(NULL, 0x1fff, 300), 1);
	ck_assert_uint_eq(found(NULL, 0x1000, 599), 1);	/* may still be */
	ck_assert_uint_eq(found(NULL, 0x1000, 600), 0);
	ck_assert_uint_eq(found(NULL, 0x2000, 300), 0);
	ck_assert_uint_eq(found(NULL, 0xfff, 300), 0);
}
END_TEST

START_TEST(between_two_readings_either_may_have_been_there)
{
	struct module a = module(1, 0x1000, 0, 200);
	struct module b = module(2, 0x1000, 500, 600);

	module_history_add(&a, 500, 600);
	ck_assert_uint_eq(found(&b, 0x1000, 500), 1);
	ck_assert_uint_eq(found(&b, 0x1000, 550), 0);
	ck_assert_uint_eq(found(&b, 0x1000, 600), 2);
	/* Where only one can have been it was that one. */
	ck_assert_uint_eq(found(NULL, 0x1000, 550), 1);
}
END_TEST

START_TEST(certainty_wins_over_chance)
{
	struct module a = module(1, 0x1000, 0, 200);
	struct module b = module(2, 0x1000, 0, 900);

	module_history_add(&a, 500, 600);
	ck_assert_uint_eq(found(&b, 0x1000, 300), 1);
	ck_assert_uint_eq(found(&b, 0x1000, 700), 2);
}
END_TEST

static unsigned visits;

static void visit(const struct module *m, void *arg)
{
	ck_assert_uint_eq(m->id, ++*(uint32_t *)arg);
	visits++;
}

static void take(uint32_t *last)
{
	module_history_visit(visit, last);
	module_history_told();
}

START_TEST(each_is_told_once_and_in_order)
{
	uint32_t last = 0;

	for (uint32_t i = 1; i <= 500; i++) {
		struct module m = module(i, 0x1000 * i, 0, 1);

		module_history_add(&m, 10, 20);
		if (i % 100 == 0)
			take(&last);
	}
	take(&last);
	ck_assert_uint_eq(visits, 500);
}
END_TEST

START_TEST(what_was_not_told_is_shown_again)
{
	struct module a = module(1, 0x1000, 0, 1);
	uint32_t last = 0;

	module_history_add(&a, 10, 20);
	module_history_visit(visit, &last);
	last = 0;
	module_history_visit(visit, &last);
	module_history_told();
	ck_assert_uint_eq(visits, 2);
	take(&last);
	ck_assert_uint_eq(visits, 2);
}
END_TEST

START_TEST(what_is_old_goes_once_it_was_told)
{
	struct module a = module(1, 0x1000, 0, SECOND);
	struct module b = module(2, 0x2000, 0, SECOND);
	uint32_t last = 0;

	module_history_add(&a, 2 * SECOND, 3 * SECOND);
	module_history_add(&b, 99 * SECOND, 100 * SECOND);
	module_history_prune(200 * SECOND);	/* nobody was told */
	ck_assert_uint_eq(found(NULL, 0x1000, 2 * SECOND), 1);
	take(&last);
	module_history_prune(30 * SECOND);	/* not old yet */
	ck_assert_uint_eq(found(NULL, 0x1000, 2 * SECOND), 1);
	module_history_prune(70 * SECOND);
	ck_assert_uint_eq(found(NULL, 0x1000, 2 * SECOND), 0);
	ck_assert_uint_eq(found(NULL, 0x2000, 2 * SECOND), 2);
	module_history_clear();
	ck_assert_uint_eq(found(NULL, 0x2000, 2 * SECOND), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("module-history");
	TCase *tc = tcase_create("module-history");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_module_is_found_in_its_time);
	tcase_add_test(tc, between_two_readings_either_may_have_been_there);
	tcase_add_test(tc, certainty_wins_over_chance);
	tcase_add_test(tc, each_is_told_once_and_in_order);
	tcase_add_test(tc, what_was_not_told_is_shown_again);
	tcase_add_test(tc, what_is_old_goes_once_it_was_told);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
