/* SPDX-License-Identifier: MIT */
/*
 * cases: a program of many small cases, each a process of its own.
 *
 * Without an argument it prints the names of its cases; with one it runs that
 * case. What a case prints, and how it ends, is the same with the agent and
 * without (lines beginning with "expect" apart, see truth.h).
 */
#ifndef PROFAGENT_TESTS_CASES_H
#define PROFAGENT_TESTS_CASES_H

#include "tests/programs/truth.h"

#include <string.h>

struct case_entry {
	const char *name;
	void (*run)(void);
};

static inline int cases_main(const struct case_entry *cases, size_t count,
			     int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < count; i++) {
		if (argc < 2) {
			puts(cases[i].name);
		} else if (!strcmp(cases[i].name, argv[1])) {
			cases[i].run();
			return 0;
		}
	}
	return argc < 2 ? 0 : 2;
}

#define CASES_MAIN(table)						\
	int main(int argc, char **argv)					\
	{								\
		return cases_main(table, sizeof(table) / sizeof(table[0]), \
				  argc, argv);				\
	}

#endif
