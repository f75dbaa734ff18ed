/* SPDX-License-Identifier: MIT */
#include "agent/idtable.h"

#include <check.h>
#include <stdlib.h>

#include "agent/arena.h"
#include "tests/unit/runner.h"

static struct idtable t;

static void teardown(void)
{
	idtable_release(&t);
	ck_assert_uint_eq(arena_total(), 0);
}

/* True if `id` is among those of the hash. */
static bool has(uint32_t hash, uint32_t id)
{
	uint32_t at, got;

	for (at = idtable_start(&t, hash);
	     (got = idtable_probe(&t, hash, &at)) != 0; at++)
		if (got == id)
			return true;
	return false;
}

START_TEST(an_empty_table_finds_nothing)
{
	ck_assert(!has(0, 1));
	ck_assert(!has(0xffffffff, 1));
	idtable_clear(&t);
}
END_TEST

START_TEST(ids_are_found_by_their_hash)
{
	size_t missing = 0, extra = 0;

	for (uint32_t id = 1; id <= 100000; id++)
		ck_assert(idtable_add(&t, id * 2654435761u, id));
	for (uint32_t id = 1; id <= 100000; id++) {
		missing += !has(id * 2654435761u, id);
		extra += has(id * 2654435761u + 1, id);
	}
	ck_assert_uint_eq(missing, 0);
	ck_assert_uint_eq(extra, 0);
	ck_assert_uint_le(idtable_memory(&t), 100000 * 3 * 8);
}
END_TEST

START_TEST(equal_hashes_keep_all_their_ids)
{
	for (uint32_t id = 1; id <= 700; id++)
		ck_assert(idtable_add(&t, 0xffffffff, id));
	for (uint32_t id = 1; id <= 700; id++)
		ck_assert(has(0xffffffff, id));
	ck_assert(!has(0, 1));
}
END_TEST

START_TEST(cleared_it_takes_as_many_without_memory)
{
	uint32_t n = 0;

	while (idtable_memory(&t) < 8192 * 8)
		ck_assert(idtable_add(&t, n * 7, n + 1)), n++;
	idtable_clear(&t);
	ck_assert(!has(0, 1));
	arena_set_limit(0);
	for (uint32_t i = 0; i < n; i++)
		ck_assert(idtable_add(&t, i * 7, i + 1));
	for (; n < 100000 && idtable_add(&t, n * 7, n + 1); n++)
		;
	ck_assert_uint_lt(n, 8192); /* refused in the end, with room to spare */
	ck_assert(!has(n * 7, n + 1));
	ck_assert(has((n - 1) * 7, n));
	arena_set_limit(SIZE_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("idtable");
	TCase *tc = tcase_create("idtable");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, an_empty_table_finds_nothing);
	tcase_add_test(tc, ids_are_found_by_their_hash);
	tcase_add_test(tc, equal_hashes_keep_all_their_ids);
	tcase_add_test(tc, cleared_it_takes_as_many_without_memory);
	tcase_set_timeout(tc, 30);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
