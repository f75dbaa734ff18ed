/* SPDX-License-Identifier: MIT */
#include "agent/spans.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/unit/runner.h"

static struct span_stats stats;

START_TEST(buckets_are_in_order)
{
	uint64_t ns, value;
	uint32_t bucket, last = 0;

	for (ns = 0; ns < 1ull << 45; ns += 1 + ns / 100) {
		bucket = histogram_bucket(ns);
		value = histogram_value(bucket);
		ck_assert_uint_ge(bucket, last);
		ck_assert_uint_lt(bucket, HISTOGRAM_BUCKETS);
		if (ns < 1ull << 44)
			ck_assert(value <= ns + ns / 31 &&
				  value >= ns - ns / 31);
		last = bucket;
	}
	ck_assert_uint_eq(last, HISTOGRAM_BUCKETS - 1);
	ck_assert_uint_eq(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}
END_TEST

START_TEST(quantiles)
{
	static uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t i, got;
	static const double shares[] = { 0.5, 0.95, 0.99 };

	ck_assert_uint_eq(histogram_quantile(counts, 0, 0.5), 0);
	for (i = 1; i <= 100000; i++)
		counts[histogram_bucket(i * 1000)]++;
	for (i = 0; i < 3; i++) {
		got = histogram_quantile(counts, 100000, shares[i]);
		ck_assert(got > 0.968 * shares[i] * 1e8 &&
			  got < 1.032 * shares[i] * 1e8);
	}
}
END_TEST

static bool find(const char *name, bool changed)
{
	uint32_t i;

	for (i = 0; i < spans_count(); i++)
		if (spans_get(i, changed, &stats) &&
		    strcmp(stats.name, name) == 0)
			return true;
	return false;
}

START_TEST(are_counted)
{
	static const struct timespec ms = { 0, 1000000 };
	uint64_t span;
	int i;

	ck_assert(!find("work", false));
	for (i = 0; i < 10; i++) {
		span = spans_begin("work");
		nanosleep(&ms, NULL);
		ck_assert_int_eq(spans_end(span), 0);
	}
	ck_assert(find("work", true));
	ck_assert_uint_eq(stats.count, 10);
	ck_assert_uint_ge(stats.sum_ns, 10000000);
	ck_assert_uint_ge(stats.max_ns, stats.sum_ns / 10);
	ck_assert_uint_ge(histogram_quantile(stats.counts, 10, 0.5), 968000);
	spans_written();
	ck_assert(!find("work", true));
	ck_assert(find("work", false));
	spans_all_changed();
	ck_assert(find("work", true));
	spans_reset_after_fork();
	ck_assert(!find("work", false));
}
END_TEST

START_TEST(wrong_ones)
{
	ck_assert_int_eq(spans_end(UINT64_MAX), -EINVAL);
	ck_assert_int_eq(spans_end(500ull << 52), -EINVAL);
	ck_assert_int_eq(spans_end(1), -EINVAL);
}
END_TEST

START_TEST(names_are_bounded)
{
	char name[100];
	unsigned i;

	for (i = 0; i < SPANS_NAMES + 10; i++) {
		snprintf(name, sizeof(name), "span-%u", i);
		ck_assert((spans_begin(name) != 0) == (i < SPANS_NAMES));
	}
	ck_assert_uint_ne(spans_begin("span-0"), 0);
	ck_assert_uint_eq(spans_count(), SPANS_NAMES);
}
END_TEST

static void *count_many(void *arg)
{
	int i;

	for (i = 0; i < 10000; i++)
		spans_end(spans_begin(arg));
	return NULL;
}

START_TEST(threads_count_together)
{
	static char name[] = "a name that is longer than the sixty-three bytes "
			     "that are kept of one";
	pthread_t thread[4];
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, count_many,
						name), 0);
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	/* a name that two bring at once may be there twice */
	for (i = 0; i < spans_count(); i++)
		if (spans_get(i, false, &stats)) {
			ck_assert_uint_eq(strlen(stats.name), SPANS_NAME_MAX);
			sum += stats.count;
		}
	ck_assert_uint_eq(sum, 40000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("spans");
	TCase *t = tcase_create("spans");

	tcase_add_test(t, buckets_are_in_order);
	tcase_add_test(t, quantiles);
	tcase_add_test(t, are_counted);
	tcase_add_test(t, wrong_ones);
	tcase_add_test(t, names_are_bounded);
	tcase_add_test(t, threads_count_together);
	suite_add_tcase(s, t);
	return runner_run(s);
}
