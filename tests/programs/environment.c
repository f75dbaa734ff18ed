/* SPDX-License-Identifier: MIT */
/*
 * Programs that treat their environment roughly, and children that inherit
 * what is left of it.
 */
#include "tests/programs/cases.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

BURNER(burn_environment)

static char **arguments;

static void print_environment(const char *when)
{
	printf("%s: %s\n", when, environ ? "there" : "none");
	fflush(stdout);
}

/* The child execs: without LD_PRELOAD nothing of ours is in it. */
static void run_child(void)
{
	int status = -1;

	if (fork() == 0) {
		burn_environment(20 * MS);
		if (system("exit 3") == -1)
			_exit(1);
		execl("/bin/sh", "sh", "-c", "exit 4", (char *)NULL);
		_exit(98);
	}
	REQUIRE(wait(&status) > 0);
	printf("child %d\n", status);
}

static void finish(void)
{
	burn_environment(300 * MS);
	run_child();
	burn_environment(100 * MS);
	puts("expect share burn_environment 95 6");
}

static void case_null(void)
{
	environ = NULL;
	print_environment("null");
	finish();
}

static void case_cleared(void)
{
	clearenv();
	print_environment("cleared");
	finish();
}

static void case_emptied(void)
{
	static char *none[] = { NULL };

	environ = none;
	print_environment("emptied");
	finish();
}

static void case_many(void)
{
	char name[32], value[1000];

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "PROFAGENT_X%d", i);
		REQUIRE(!setenv(name, value, 1));
	}
	unsetenv("LD_PRELOAD");
	finish();
}

static int is_whole(const char *begin, const char *end, const char *cut)
{
	for (const char *at = begin; at < end; at++)
		if (*at != 't' && at != cut + 16)
			return 0;
	return 1;
}

/*
 * A title over arguments and environment, as mail servers and databases have
 * it; the strings that begin there then are the program's.
 */
static void case_title(void)
{
	char *begin = arguments[0], *end = begin, *cut;
	int status;

	for (char **at = arguments; *at; at++)
		if (*at == end)
			end = *at + strlen(*at) + 1;
	for (char **at = environ; *at; at++)
		if (*at == end)
			end = *at + strlen(*at) + 1;
	/* what an agent keeps there is of the same length again, by chance */
	cut = getenv("PROFAGENT_PARENT_RUN");
	environ = NULL;
	memset(begin, 't', (size_t)(end - begin));
	if (cut)
		cut[16] = '\0';
	finish();
	printf("title %s\n", is_whole(begin, end, cut) ? "whole" : "changed");
	fflush(stdout);
	if (fork() == 0) {
		burn_environment(50 * MS);
		_exit(!is_whole(begin, end, cut));
	}
	REQUIRE(wait(&status) > 0);
	printf("in a child: %d\n", status);
}

static const struct case_entry cases[] = {
	{ "null", case_null },
	{ "cleared", case_cleared },
	{ "emptied", case_emptied },
	{ "many", case_many },
	{ "title", case_title },
};

int main(int argc, char **argv)
{
	arguments = argv;
	return cases_main(cases, sizeof(cases) / sizeof(cases[0]), argc, argv);
}
