/* SPDX-License-Identifier: MIT */
#include "agent/auto.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#define PARTS 8
#define BOUND 33.0	/* what is called in step */

static uint64_t state = 1;

static uint32_t uniform(uint32_t below)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)((state >> 33) % below);
}

/* Looks at a thread that runs with `percent[part]` in each part of the tick. */
static double chi_of(const unsigned *percent, unsigned looks)
{
	uint32_t ran[PARTS] = { 0 }, looked[PARTS] = { 0 }, part;

	while (looks-- > 0) {
		part = uniform(PARTS);
		looked[part]++;
		ran[part] += uniform(100) < percent[part];
	}
	return auto_chi_squared(ran, looked, PARTS);
}

START_TEST(a_thread_in_step_is_found)
{
	/* woken every 4 ms, runs the first half of each tick */
	static const unsigned four[PARTS] = { 100, 100, 100, 100, 0, 0, 0, 0 };
	/* every 10 ms, for 5: the ticks fall to 5 places */
	static const unsigned ten[PARTS] = { 60, 60, 40, 40, 60, 60, 40, 40 };

	ck_assert_double_gt(chi_of(four, 64), BOUND);
	ck_assert_double_gt(chi_of(ten, 4096), BOUND);
}
END_TEST

START_TEST(one_that_is_not_is_left_in_peace)
{
	static const unsigned half[PARTS] = { 50, 50, 50, 50, 50, 50, 50, 50 };
	static const unsigned rare[PARTS] = { 3, 3, 3, 3, 3, 3, 3, 3 };
	unsigned i, found = 0;

	for (i = 0; i < 2000; i++)
		found += chi_of(half, 1024) > BOUND ||
			 chi_of(rare, 1024) > BOUND;
	/* one in 40 000 by chance; rare events are a little rougher */
	ck_assert_uint_le(found, 3);
}
END_TEST

/* Seven degrees of freedom: the mean is 7. */
START_TEST(the_statistic_has_the_mean_of_its_distribution)
{
	static const unsigned half[PARTS] = { 40, 40, 40, 40, 40, 40, 40, 40 };
	double sum = 0;
	unsigned i;

	for (i = 0; i < 4000; i++)
		sum += chi_of(half, 800);
	ck_assert_double_gt(sum / 4000, 6.7);
	ck_assert_double_lt(sum / 4000, 7.3);
}
END_TEST

START_TEST(nothing_seen_is_nothing)
{
	uint32_t none[PARTS] = { 0 }, some[PARTS];

	ck_assert_double_eq(auto_chi_squared(none, none, PARTS), 0);
	memset(some, 1, sizeof(some));
	ck_assert_double_eq(auto_chi_squared(none, some, PARTS), 0);
	ck_assert_double_eq(auto_chi_squared(some, some, PARTS), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("auto");
	TCase *tc = tcase_create("auto");

	tcase_add_test(tc, a_thread_in_step_is_found);
	tcase_add_test(tc, one_that_is_not_is_left_in_peace);
	tcase_add_test(tc, the_statistic_has_the_mean_of_its_distribution);
	tcase_add_test(tc, nothing_seen_is_nothing);
	suite_add_tcase(s, tc);
	return runner_run(s);
}
