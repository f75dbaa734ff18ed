/* SPDX-License-Identifier: MIT */
/*
 * A thread that loads, uses and unloads a library all the time while another
 * throws nothing but work at the sampler.
 * dlopen-loop PLUGIN [ROUNDS]
 */
#include "tests/programs/truth.h"

#include <dlfcn.h>
#include <pthread.h>

BURNER(burn_beside)

static _Atomic int done;

static void *thread_main(void *arg)
{
	uint64_t *used = arg;

	while (!done)
		*used += burn_beside(MS);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long rounds = truth_argument(argc, argv, 2, 500);
	uint64_t beside = 0, plugin = 0, all;
	pthread_t id;

	REQUIRE(argc > 1);
	REQUIRE(!pthread_create(&id, NULL, thread_main, &beside));
	for (unsigned long i = 0; i < rounds; i++) {
		void *handle = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
		uint64_t (*burn)(uint64_t);

		if (!handle) {
			fprintf(stderr, "%s\n", dlerror());
			return 99;
		}
		burn = (uint64_t (*)(uint64_t))dlsym(handle, "plugin_burn");
		REQUIRE(burn);
		plugin += burn(2 * MS);
		REQUIRE(!dlclose(handle));
	}
	done = 1;
	pthread_join(id, NULL);
	printf("%lu rounds\n", rounds);
	all = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	truth_share("share", "plugin_burn", plugin, all, 8);
	truth_share("share", "burn_beside", beside, all, 8);
	truth_cpu(3);
	return 0;
}
