/* SPDX-License-Identifier: MIT */
#include "tools/numhash.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/runner.h"
#include "tools/texthash.h"

#define NUMBERS 4096u

/* Numbers first + i * step: how many different values they have. */
static guint values_of(guint64 first, guint64 step)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

	for (guint i = 0; i < NUMBERS; i++) {
		guint64 number = first + i * step;

		g_hash_table_add(seen, GUINT_TO_POINTER(numhash(&number)));
	}
	return g_hash_table_size(seen);
}

/*
 * Of 4096 values out of 2^32 drawn at random, 2 in 1000 are a pair; a dozen
 * would not come up in the life of this test.
 */
START_TEST(no_pattern_falls_together)
{
	for (guint shift = 0; shift < 52; shift++) {
		ck_assert_uint_gt(values_of(0, 1ull << shift), NUMBERS - 12);
		ck_assert_uint_gt(values_of(7, (1ull << shift) + 1),
				  NUMBERS - 12);
	}
}
END_TEST

START_TEST(equal_keys_are_equal)
{
	guint64 a = 0x123456789abcdef, b = a;

	ck_assert_uint_eq(numhash(&a), numhash(&b));
	ck_assert_uint_eq(numhash_seed(), numhash_seed());
	ck_assert_uint_eq(texthash("a name of some length"),
			  texthash("a name of some length"));
	ck_assert_uint_ne(texthash("Ez"), texthash("FY"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("numhash");
	TCase *tcase = tcase_create("numhash");

	tcase_add_test(tcase, no_pattern_falls_together);
	tcase_add_test(tcase, equal_keys_are_equal);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
