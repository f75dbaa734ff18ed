/* SPDX-License-Identifier: MIT */
/* Without a flusher: what a list of it yields is in integration/api.py. */
#include "agent/query.h"

#include <check.h>
#include <errno.h>

#include "agent/modules.h"
#include "tests/unit/runner.h"

static void count(const struct profagent_function *f, void *arg)
{
	(void)f;
	++*(int *)arg;
}

START_TEST(expressions_are_looked_at_first)
{
	int rows = 0;

	ck_assert_int_eq(modules_init(NULL) < 0, 0);
	errno = 4711;
	ck_assert_int_eq(query_do("(", 0, count, &rows), -EINVAL);
	ck_assert_int_eq(query_do("[", 0, count, &rows), -EINVAL);
	ck_assert_int_eq(query_do("a{2,1}", 0, count, &rows), -EINVAL);
	ck_assert_int_eq(query_show("(", 0, -1), -EINVAL);
	ck_assert_int_eq(query_do(".*", 0, count, &rows), -ESRCH);
	ck_assert_int_eq(query_do(NULL, 0, count, &rows), -ESRCH);
	ck_assert_int_eq(query_do(NULL, 0, NULL, NULL), -EINVAL);
	ck_assert_int_eq(errno, 4711);
	ck_assert_int_eq(rows, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("query");
	TCase *t = tcase_create("query");

	tcase_add_test(t, expressions_are_looked_at_first);
	suite_add_tcase(s, t);
	return runner_run(s);
}
