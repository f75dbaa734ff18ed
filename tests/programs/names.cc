/* SPDX-License-Identifier: MIT */
/*
 * Asks by C++ names which of its functions are hot.
 * names [MILLISECONDS]
 */
#include "tests/programs/truth.h"

#include <cstdio>
#include <cstring>
#include <string>
#include <unistd.h>

#include "agent/profagent.h"

namespace inner {

template <class T> NOINLINE T busy(T ms, const std::string &what)
{
	uint64_t end = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID) +
		       static_cast<uint64_t>(ms) * MS;
	T n = 0;

	while (truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end)
		n += static_cast<T>(what.size());
	return n;
}

} // namespace inner

static void print(const struct profagent_function *f, void *)
{
	printf("function %s\n", f->name);
}

static void ignore(const struct profagent_function *, void *)
{
}

int main(int argc, char **argv)
{
	double ms = static_cast<double>(truth_argument(argc, argv, 1, 300));
	bool did = inner::busy(ms, "something") > 0;

	/* by the name that people know, the file's own, and both with object */
	printf("found %d %d %d %d\n",
	       profagent_query("inner::busy<double>\\(", 0, print, nullptr),
	       profagent_query("^_ZN5inner4busy", 0, ignore,
			       nullptr),
	       profagent_query("names:.*inner::busy<", 1, ignore, nullptr),
	       profagent_query("^main$", 0, print, nullptr));
	profagent_show("inner::busy", 0, STDERR_FILENO);
	return !did;
}
