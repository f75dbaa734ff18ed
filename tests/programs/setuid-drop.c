/* SPDX-License-Identifier: MIT */
/*
 * A server that starts as root and gives its rights up for good; afterwards no
 * thread of the process, whoever made it, has any.
 */
#include "tests/programs/truth.h"

#include <dirent.h>
#include <grp.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define NOBODY 65534

BURNER(burn_root)
BURNER(burn_nobody)

static void *thread_main(void *arg)
{
	burn_root(200 * MS);
	burn_nobody(300 * MS);
	return arg;
}

/* Tasks whose status has `key` with another value than NOBODY four times. */
static int count_others(const char *key)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int others = 0;

	REQUIRE(dir);
	while ((entry = readdir(dir))) {
		char path[300], line[256];
		unsigned a = 0, b = 0, c = 0, d = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status",
			 entry->d_name);
		f = entry->d_name[0] != '.' ? fopen(path, "r") : NULL;
		while (f && fgets(line, sizeof(line), f))
			if (!strncmp(line, key, strlen(key)))
				sscanf(line + strlen(key), "%u %u %u %u", &a,
				       &b, &c, &d);
		if (f) {
			fclose(f);
			others += a != NOBODY || b != NOBODY || c != NOBODY ||
				  d != NOBODY;
		}
	}
	closedir(dir);
	return others;
}

int main(void)
{
	pthread_t id;

	if (getuid() != 0) {
		puts("needs root");
		return 77;
	}
	REQUIRE(!pthread_create(&id, NULL, thread_main, NULL));
	burn_root(400 * MS);
	REQUIRE(!setgroups(0, NULL));
	REQUIRE(!setresgid(NOBODY, NOBODY, NOBODY));
	REQUIRE(!setresuid(NOBODY, NOBODY, NOBODY));
	printf("tasks with other user %d, other group %d\n",
	       count_others("Uid:"), count_others("Gid:"));
	printf("back to root: %s\n", setuid(0) ? "refused" : "possible");
	burn_nobody(500 * MS);
	pthread_join(id, NULL);
	puts("expect share burn_root 43 9");
	puts("expect share burn_nobody 57 9");
	return 0;
}
