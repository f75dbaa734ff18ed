/* SPDX-License-Identifier: MIT */
/*
 * A program that counts its pieces of work: of 5 and of 1 ms of CPU time, three
 * of the one to one of the other, labelled as routes. The name of the one is
 * a trial for tables.
 * spans [MILLISECONDS]
 */
#include "tests/programs/truth.h"

#include "agent/profagent.h"

BURNER(burn_large)
BURNER(burn_small)

static uint64_t serve(const char *name, uint64_t (*burn)(uint64_t),
		      uint64_t ns)
{
	uint64_t span = profagent_span_begin(name), burnt;

	profagent_label_push("route", name);
	burnt = burn(ns);
	profagent_label_pop();
	profagent_span_end(span);
	return burnt;
}

int main(int argc, char **argv)
{
	uint64_t all = truth_argument(argc, argv, 1, 2000) * MS, burnt = 0;
	int i;

	while (burnt < all) {
		for (i = 0; i < 3; i++)
			burnt += serve("/large, \"<b>\"", burn_large, 5 * MS);
		burnt += serve("/small", burn_small, MS);
	}
	puts("done");
	return 0;
}
