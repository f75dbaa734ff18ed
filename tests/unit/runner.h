/* SPDX-License-Identifier: MIT */
/*
 * runner: runs the one suite of a unit test.
 */
#ifndef PROFAGENT_TESTS_UNIT_RUNNER_H
#define PROFAGENT_TESTS_UNIT_RUNNER_H

#include <check.h>
#include <stdlib.h>

/*
 * Frees the suite; returns the exit status for main(). What is said, and
 * whether each case runs in a process of its own, is for the environment.
 */
static inline int runner_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
