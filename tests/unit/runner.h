/* SPDX-License-Identifier: MIT */
/*
 * runner: runs the one suite of a unit test.
 */
#ifndef PROFAGENT_TESTS_UNIT_RUNNER_H
#define PROFAGENT_TESTS_UNIT_RUNNER_H

#include <check.h>
#include <stdlib.h>

/*
 * Simulations of numbers alone have nothing for a sanitizer to find, which
 * makes them three times as long: they run in builds without.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RUNNER_SIMULATES 0
#else
#define RUNNER_SIMULATES 1
#endif

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
