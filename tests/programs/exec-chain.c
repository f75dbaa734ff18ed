/* SPDX-License-Identifier: MIT */
/*
 * A process that replaces itself by each function of the exec family in turn,
 * one that fails included, and burns at every stage.
 */
#include "tests/programs/truth.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

BURNER(burn_stage)

/* Only returns if it fails. */
static void next_stage(int stage, char *self)
{
	static const char *const numbers[] = {
		"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"
	};
	char *argv[] = { self, (char *)numbers[stage + 1], NULL };

	switch (stage) {
	case 0: execv(self, argv); break;
	case 1: execve(self, argv, environ); break;
	case 2: execvp(self, argv); break;
	case 3: execvpe(self, argv, environ); break;
	case 4: execl(self, self, argv[1], (char *)NULL); break;
	case 5: execlp(self, self, argv[1], (char *)NULL); break;
	case 6: execle(self, self, argv[1], (char *)NULL, environ); break;
	case 7: fexecve(open(self, O_RDONLY), argv, environ); break;
	case 8: execveat(AT_FDCWD, self, argv, environ, 0); break;
	}
}

int main(int argc, char **argv)
{
	int stage = (int)truth_argument(argc, argv, 1, 0);
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	REQUIRE(n > 0);
	self[n] = '\0';
	burn_stage(100 * MS);
	if (stage == 4) {
		execl("/nonexistent/program", "program", (char *)NULL);
		printf("stage 4: %s, going on\n", strerror(errno));
		burn_stage(100 * MS);
	}
	if (stage < 9) {
		fflush(stdout);
		next_stage(stage, self);
		REQUIRE(!"exec came back");
	}
	printf("stage %d of pid %s\n", stage, getpid() > 1 ? "same" : "?");
	puts("expect share burn_stage 100 10");
	puts("expect process exec-chain 10");
	return 9;
}
