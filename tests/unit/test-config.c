/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/config.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/clock.h"
#include "tests/unit/runner.h"

static struct config c;
static struct config_error err;

static int read_one(const char *variable)
{
	const char *envp[] = { "PATH=/bin", variable, NULL };

	err.text[0] = '\0';
	return config_read(&c, (char **)envp, &err);
}

START_TEST(defaults)
{
	ck_assert_int_eq(read_one(NULL), 0);
	ck_assert_uint_eq(c.rate_mhz, 99000);
	ck_assert_str_eq(c.output, "%e.%p.pb.gz");
	ck_assert_uint_eq(c.flush_ms, 1000);
	ck_assert_str_eq(c.clock, "auto");
	ck_assert_str_eq(c.unwind, "cfi");
	ck_assert_uint_eq(c.depth, 4096);
	ck_assert_uint_eq(c.signal, SIGPROF);
	ck_assert_uint_eq(c.max_size, 256u << 20);
	ck_assert(c.start);
	ck_assert(c.children);
	ck_assert(!c.help);
	ck_assert_str_eq(c.seccomp, "leave");
	ck_assert_str_eq(c.log, "stderr");
	ck_assert_str_eq(c.parent_run, "");
}
END_TEST

#define NUMBER(name) offsetof(struct config, name)

static const struct {
	const char *variable;
	size_t field;
	uint64_t value;
} numbers[] = {
	{ "PROFAGENT_RATE=1", NUMBER(rate_mhz), 1000 },
	{ "PROFAGENT_RATE=10000", NUMBER(rate_mhz), 10000000 },
	{ "PROFAGENT_RATE=97.5", NUMBER(rate_mhz), 97500 },
	{ "PROFAGENT_RATE=97.125", NUMBER(rate_mhz), 97125 },
	{ "PROFAGENT_RATE=97.1250000", NUMBER(rate_mhz), 97125 },
	{ "PROFAGENT_RATE=0097.0", NUMBER(rate_mhz), 97000 },
	{ "PROFAGENT_RATE=", NUMBER(rate_mhz), 99000 },
	{ "PROFAGENT_FLUSH=250ms", NUMBER(flush_ms), 250 },
	{ "PROFAGENT_FLUSH=10ms", NUMBER(flush_ms), 10 },
	{ "PROFAGENT_FLUSH=2s", NUMBER(flush_ms), 2000 },
	{ "PROFAGENT_FLUSH=2", NUMBER(flush_ms), 2000 },
	{ "PROFAGENT_FLUSH=0.25", NUMBER(flush_ms), 250 },
	{ "PROFAGENT_FLUSH=1.5min", NUMBER(flush_ms), 90000 },
	{ "PROFAGENT_FLUSH=1h", NUMBER(flush_ms), 3600000 },
	{ "PROFAGENT_DEPTH=1", NUMBER(depth), 1 },
	{ "PROFAGENT_DEPTH=16384", NUMBER(depth), 16384 },
	{ "PROFAGENT_MAX_AGE=0", NUMBER(max_age_ms), 0 },
	{ "PROFAGENT_MAX_AGE=1s", NUMBER(max_age_ms), 1000 },
	{ "PROFAGENT_MAX_AGE=24h", NUMBER(max_age_ms), 86400000 },
	{ "PROFAGENT_KEEP=99", NUMBER(keep), 99 },
	{ "PROFAGENT_MAX_SIZE=0", NUMBER(max_size), 0 },
	{ "PROFAGENT_MAX_SIZE=64K", NUMBER(max_size), 65536 },
	{ "PROFAGENT_MAX_SIZE=65536", NUMBER(max_size), 65536 },
	{ "PROFAGENT_MAX_SIZE=1g", NUMBER(max_size), 1 << 30 },
	{ "PROFAGENT_MAX_SIZE=3M", NUMBER(max_size), 3 << 20 },
	{ "PROFAGENT_SIGNAL=PROF", NUMBER(signal), SIGPROF },
	{ "PROFAGENT_SIGNAL=SIGVTALRM", NUMBER(signal), SIGVTALRM },
	{ "PROFAGENT_SIGNAL=27", NUMBER(signal), 27 },
	{ "PROFAGENT_SIGNAL=USR2", NUMBER(signal), SIGUSR2 },
	{ "PROFAGENT_SIGNAL=RTMIN", NUMBER(signal), 34 },
	{ "PROFAGENT_SIGNAL=RTMIN+3", NUMBER(signal), 37 },
	{ "PROFAGENT_SIGNAL=SIGRTMAX-1", NUMBER(signal), 63 },
	{ "PROFAGENT_SIGNAL=RTMIN+30", NUMBER(signal), 64 },
	{ "PROFAGENT_SIGNAL=64", NUMBER(signal), 64 },
};

START_TEST(good_numbers)
{
	uint64_t got;

	ck_assert_msg(read_one(numbers[_i].variable) == 0, "%s: %s",
		      numbers[_i].variable, err.text);
	memcpy(&got, (char *)&c + numbers[_i].field, sizeof(got));
	ck_assert_msg(got == numbers[_i].value, "%s: %lu",
		      numbers[_i].variable, (unsigned long)got);
}
END_TEST

START_TEST(real_time_signals_are_those_of_libc)
{
	read_one("PROFAGENT_SIGNAL=RTMIN+2");
	ck_assert_uint_eq(c.signal, (unsigned)SIGRTMIN + 2);
	read_one("PROFAGENT_SIGNAL=RTMAX-2");
	ck_assert_uint_eq(c.signal, (unsigned)SIGRTMAX - 2);
}
END_TEST

START_TEST(words_and_paths)
{
	ck_assert_int_eq(read_one("PROFAGENT_CLOCK=itimer"), 0);
	ck_assert_str_eq(c.clock, "itimer");
	ck_assert_int_eq(read_one("PROFAGENT_CLOCK=auto"), 0);
	ck_assert_int_eq(read_one("PROFAGENT_UNWIND=fp"), 0);
	ck_assert_str_eq(c.unwind, "fp");
	ck_assert_int_eq(read_one("PROFAGENT_OUTPUT=/tmp/%h.%t"), 0);
	ck_assert_str_eq(c.output, "/tmp/%h.%t");
	ck_assert_int_eq(read_one("PROFAGENT_LOG=/tmp/log"), 0);
	ck_assert_str_eq(c.log, "/tmp/log");
	ck_assert_int_eq(read_one("PROFAGENT_START=0"), 0);
	ck_assert(!c.start);
	ck_assert_int_eq(read_one("PROFAGENT_CHILDREN=0"), 0);
	ck_assert(!c.children);
	ck_assert_int_eq(read_one("PROFAGENT_HELP=1"), 0);
	ck_assert(c.help);
	ck_assert_int_eq(read_one("PROFAGENT_PARENT_RUN=0123456789abcdef"), 0);
	ck_assert_str_eq(c.parent_run, "0123456789abcdef");
	ck_assert_int_eq(read_one("PROFAGENT_ROOT_RUN=fedcba9876543210"), 0);
	ck_assert_str_eq(c.root_run, "fedcba9876543210");
}
END_TEST

static const char *const mistakes[] = {
	"RATE=0", "RATE=0.9", "RATE=10000.001", "RATE=-1", "RATE=abc",
	"RATE=99Hz", "RATE=1e3", "RATE=.5", "RATE=5.", "RATE=97.1234",
	"RATE= 99", "RATE=99 ", "RATE=99999999999999999999", "RATE=nan",
	"RATE=18446744073709551",
	"FLUSH=9ms", "FLUSH=61min", "FLUSH=1d", "FLUSH=ms", "FLUSH=0.5ms",
	"FLUSH=10.5ms", "FLUSH=-1s", "FLUSH=18446744073709551615h",
	"FLUSH=1 s",
	"CLOCK=", "CLOCK=cpu", "CLOCK=cputimes", "CLOCK=auto, cputime",
	"CLOCK=,", "CLOCK= auto", "CLOCK=AUTO",
	"CLOCK=a-name-that-is-longer-than-any-name-of-a-clock",
	"UNWIND=dwarf", "UNWIND=c", "UNWIND=cfi,fp",
	"DEPTH=0", "DEPTH=16385", "DEPTH=1.5", "DEPTH=1k",
	"SIGNAL=KILL", "SIGNAL=SIGSTOP", "SIGNAL=SEGV", "SIGNAL=BUS",
	"SIGNAL=ILL", "SIGNAL=FPE", "SIGNAL=TRAP", "SIGNAL=9", "SIGNAL=11",
	"SIGNAL=32", "SIGNAL=33", "SIGNAL=0", "SIGNAL=65", "SIGNAL=RTMIN+31",
	"SIGNAL=RTMIN-1", "SIGNAL=RTMAX-31", "SIGNAL=RTMIN+", "SIGNAL=SIG",
	"SIGNAL=prof", "SIGNAL=STKFLT", "SIGNAL=16", "SIGNAL=27x",
	"SIGNAL=RTMIN+1x", "SIGNAL=SIGSIGPROF",
	"MAX_AGE=999ms", "MAX_AGE=745h", "MAX_AGE=-1", "KEEP=0", "KEEP=100",
	"MAX_SIZE=65535", "MAX_SIZE=1K", "MAX_SIZE=1T", "MAX_SIZE=1.5G",
	"MAX_SIZE=64 K", "MAX_SIZE=99999999999G", "MAX_SIZE=-1",
	"START=2", "START=yes", "START=01", "CHILDREN=no", "HELP=true",
	"OUTPUT=%x", "OUTPUT=a%", "OUTPUT=dir/",
};

START_TEST(mistakes_are_named)
{
	char variable[128], name[64], *value;

	snprintf(variable, sizeof(variable), "PROFAGENT_%s", mistakes[_i]);
	snprintf(name, sizeof(name), "PROFAGENT_%.*s=\"",
		 (int)strcspn(mistakes[_i], "="), mistakes[_i]);
	value = strchr(variable, '=') + 1;
	if (*value == '\0') { /* empty is unset */
		ck_assert_int_eq(read_one(variable), 0);
		return;
	}
	ck_assert_msg(read_one(variable) == -EINVAL, "%s", variable);
	ck_assert_int_eq(strncmp(err.text, name, strlen(name)), 0);
	ck_assert_ptr_nonnull(strstr(err.text, value));
	ck_assert_ptr_nonnull(strstr(err.text, "is not valid ("));
	ck_assert_ptr_null(strchr(err.text, '\n'));
}
END_TEST

START_TEST(a_message_is_one_clear_line)
{
	ck_assert_int_eq(read_one("PROFAGENT_CLOCK=sun\ndial"), -EINVAL);
	ck_assert_str_eq(err.text, "PROFAGENT_CLOCK=\"sun\\ndial\" is not "
			 "valid (" CLOCK_NAMES ")");
}
END_TEST

START_TEST(long_values_are_cut_in_the_message)
{
	char variable[PATH_MAX + 100] = "PROFAGENT_OUTPUT=";

	memset(variable + strlen(variable), 'x', PATH_MAX);
	variable[17 + PATH_MAX] = '\0';
	ck_assert_int_eq(read_one(variable), -EINVAL);
	ck_assert_uint_lt(strlen(err.text), 300);
	ck_assert_ptr_nonnull(strstr(err.text, "xxx\"... is not valid"));
	variable[17 + PATH_MAX - 1] = '\0'; /* fits with its NUL */
	ck_assert_int_eq(read_one(variable), 0);
}
END_TEST

START_TEST(the_first_of_two_counts)
{
	const char *envp[] = { "PROFAGENT_RATE=11", "PROFAGENT_RATE=22",
			 "PROFAGENT_RATES=33", "XPROFAGENT_RATE=44",
			 "PROFAGENT_", "PROFAGENT_RATE", NULL };

	ck_assert_int_eq(config_read(&c, (char **)envp, &err), 0);
	ck_assert_uint_eq(c.rate_mhz, 11000);
}
END_TEST

START_TEST(a_bad_internal_variable_is_ignored)
{
	ck_assert_int_eq(read_one("PROFAGENT_PARENT_RUN=short"), 0);
	ck_assert_str_eq(c.parent_run, "");
}
END_TEST

/* What config_help() and the warnings write, through a pipe. */
static char said[16384];

static void hear(int fd)
{
	ssize_t n = read(fd, said, sizeof(said) - 1);

	said[n > 0 ? n : 0] = '\0';
	close(fd);
}

START_TEST(unknown_variables_are_warned_of)
{
	const char *envp[] = { "PROFAGENT_RAET=1\n", "PROFAGENT_RATE=5",
			       "HOME=/", "PROFAGENT_PARENT_RUN=x",
			       "PROFAGENT_=", NULL };
	int ends[2], saved = dup(2);

	ck_assert_int_eq(pipe(ends), 0);
	dup2(ends[1], 2);
	config_warn_unknown((char **)envp);
	dup2(saved, 2);
	close(ends[1]);
	hear(ends[0]);
	ck_assert_str_eq(said,
		"profagent: unknown variable \"PROFAGENT_RAET\" ignored; "
		"PROFAGENT_HELP=1 lists all\n"
		"profagent: unknown variable \"PROFAGENT_\" ignored; "
		"PROFAGENT_HELP=1 lists all\n");
}
END_TEST

START_TEST(help_names_every_variable)
{
	static const char *const variables[] = {
		"RATE=99", "OUTPUT=%e.%p.pb.gz", "FLUSH=1s", "CLOCK=auto",
		"UNWIND=cfi", "DEPTH=4096", "SIGNAL=PROF", "MAX_SIZE=256M",
		"MAX_AGE=0", "KEEP=1", "START=1", "CHILDREN=1", "LOG=stderr", "HELP=0",
	};
	char line[64];
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	config_help(ends[1]);
	close(ends[1]);
	hear(ends[0]);
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		snprintf(line, sizeof(line), "\nPROFAGENT_%s\n", variables[i]);
		ck_assert_msg(strstr(said, line) != NULL, "%s", line);
	}
	ck_assert_ptr_null(strstr(said, "PARENT_RUN"));
	ck_assert_int_eq(said[strlen(said) - 1], '\n');
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tc = tcase_create("config");

	tcase_add_test(tc, defaults);
	tcase_add_loop_test(tc, good_numbers, 0,
			    sizeof(numbers) / sizeof(numbers[0]));
	tcase_add_test(tc, real_time_signals_are_those_of_libc);
	tcase_add_test(tc, words_and_paths);
	tcase_add_loop_test(tc, mistakes_are_named, 0,
			    sizeof(mistakes) / sizeof(mistakes[0]));
	tcase_add_test(tc, a_message_is_one_clear_line);
	tcase_add_test(tc, long_values_are_cut_in_the_message);
	tcase_add_test(tc, the_first_of_two_counts);
	tcase_add_test(tc, a_bad_internal_variable_is_ignored);
	tcase_add_test(tc, unknown_variables_are_warned_of);
	tcase_add_test(tc, help_names_every_variable);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
