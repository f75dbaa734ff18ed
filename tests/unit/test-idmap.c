/* SPDX-License-Identifier: MIT */
#include "tools/idmap.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/runner.h"

START_TEST(any_number_is_an_id)
{
	const guint64 ids[] = { 0, 1, 2, 4095, 4096, 100000, 1ull << 32,
				G_MAXUINT64 };
	Idmap m;
	guint i;

	idmap_init(&m);
	for (i = 0; i < G_N_ELEMENTS(ids); i++) {
		ck_assert_uint_eq(idmap_find(&m, ids[i]), G_MAXUINT32);
		idmap_set(&m, ids[i], i);
	}
	for (i = 0; i < G_N_ELEMENTS(ids); i++)
		ck_assert_uint_eq(idmap_find(&m, ids[i]), i);
	ck_assert_uint_eq(idmap_find(&m, 3), G_MAXUINT32);
	/* a few huge ones cost no array as long as they are large */
	ck_assert_uint_lt(idmap_memory(&m), 1 << 20);
	idmap_release(&m);
}
END_TEST

START_TEST(what_was_far_stays_known_when_it_is_near)
{
	Idmap m;
	guint32 i;

	idmap_init(&m);
	idmap_set(&m, 50000, 7);
	for (i = 1; i < 60000; i++)
		if (i != 50000)
			idmap_set(&m, i, i);
	ck_assert_uint_eq(idmap_find(&m, 50000), 7);
	ck_assert_uint_eq(idmap_find(&m, 59999), 59999);
	idmap_set(&m, 50000, 8);
	ck_assert_uint_eq(idmap_find(&m, 50000), 8);
	idmap_release(&m);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("idmap");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, any_number_is_an_id);
	tcase_add_test(tcase, what_was_far_stays_known_when_it_is_near);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
