/* SPDX-License-Identifier: MIT */
/*
 * A program that becomes a daemon and does its work there. The pipe on its
 * standard output closes when the daemon is done.
 */
#include "tests/programs/truth.h"

#include <fcntl.h>
#include <unistd.h>

BURNER(burn_daemon)

int main(void)
{
	REQUIRE(!daemon(1, 1));
	burn_daemon(1200 * MS);
	puts("work done in the background");
	puts("expect share burn_daemon 100 4");
	return 0;
}
