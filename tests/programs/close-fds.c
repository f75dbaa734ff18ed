/* SPDX-License-Identifier: MIT */
/*
 * A program that counts its descriptors, closes all it does not know in three
 * ways, and sees that the numbers it then gets are the lowest.
 */
#include "tests/programs/truth.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

BURNER(burn_closed)

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int count = -1;		/* its own */

	REQUIRE(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static void open_two(const char *when)
{
	int a = open("/dev/null", O_RDONLY), b = open("/dev/zero", O_RDONLY);

	printf("%s: %d and %d\n", when, a, b);
	close(a);
	close(b);
}

int main(void)
{
	printf("at the start: %d\n", count_descriptors());
	open_two("first");
	burn_closed(200 * MS);
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	open_two("after close");
	burn_closed(1200 * MS);
	close_range(3, ~0u, 0);
	open_two("after close_range");
	burn_closed(200 * MS);
	closefrom(3);
	open_two("after closefrom");
	printf("at the end: %d\n", count_descriptors());
	puts("expect share burn_closed 100 4");
	truth_cpu(4);
	return 0;
}
