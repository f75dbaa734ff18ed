/* SPDX-License-Identifier: MIT */
/*
 * Four threads of different shares, named in four ways: by themselves, by
 * their creator, by prctl, and only after half of their work.
 * threads [MILLISECONDS]
 */
#include "tests/programs/truth.h"

#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>

BURNER(burn_self)
BURNER(burn_creator)
BURNER(burn_prctl)
BURNER(burn_late)

struct work {
	const char *name;
	uint64_t (*burn)(uint64_t ns);
	unsigned percent;
	uint64_t used;
};

static struct work works[] = {
	{ "by-self", burn_self, 40, 0 },
	{ "by-creator", burn_creator, 30, 0 },
	{ "by-prctl", burn_prctl, 20, 0 },
	{ "by-itself-late", burn_late, 10, 0 },
};
static uint64_t all_ns;

static void *thread_main(void *arg)
{
	struct work *w = arg;
	uint64_t ns = all_ns * w->percent / 100;

	if (w->burn == burn_self)
		pthread_setname_np(pthread_self(), w->name);
	if (w->burn == burn_prctl)
		prctl(PR_SET_NAME, w->name);
	w->used = w->burn(ns / 2);
	if (w->burn == burn_late)
		pthread_setname_np(pthread_self(), w->name);
	w->used += w->burn(ns / 2);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t id[4];
	uint64_t all;

	all_ns = truth_argument(argc, argv, 1, 2000) * MS;
	for (int i = 0; i < 4; i++) {
		REQUIRE(!pthread_create(&id[i], NULL, thread_main, &works[i]));
		if (works[i].burn == burn_creator)
			pthread_setname_np(id[i], works[i].name);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(id[i], NULL);
	puts("four threads");
	all = truth_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < 4; i++)
		truth_share("thread", works[i].name, works[i].used, all, 8);
	truth_share("share", "burn_creator", works[1].used, all, 8);
	truth_share("share", "burn_late", works[3].used, all, 8);
	truth_cpu(3);
	return 0;
}
