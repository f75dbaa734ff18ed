/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/process.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"
#include "tests/unit/runner.h"

#define DIGITS "0123456789abcdef"

static char *argv0[] = { (char *)"./test", NULL };
static char *nothing[] = { NULL };

static void describe(char **argv, char **envp)
{
	process_describe(argv, envp, "", "");
}

START_TEST(ids_are_new_each_time)
{
	struct agent_process *p = &agent_process;
	char first[17];

	process_describe(argv0, nothing, "00000000000000aa",
			 "00000000000000bb and more");
	ck_assert_uint_eq(strlen(p->run_id), 16);
	ck_assert_uint_eq(strspn(p->run_id, DIGITS), 16);
	ck_assert_str_eq(p->parent_run_id, "00000000000000aa");
	ck_assert_str_eq(p->root_run_id, "00000000000000bb");
	ck_assert_int_eq(p->pid, getpid());
	ck_assert_int_eq(p->ppid, getppid());
	ck_assert_uint_ne(p->start_mono_ns, 0);
	strcpy(first, p->run_id);
	describe(argv0, nothing);
	ck_assert_str_ne(p->run_id, first);
	ck_assert_str_eq(p->parent_run_id, "");
}
END_TEST

START_TEST(the_command_as_the_kernel_has_it)
{
	static char *command[] = { (char *)"./app", (char *)"",
				   (char *)"a b", NULL };
	struct agent_process *p = &agent_process;

	describe(command, nothing);
	ck_assert_uint_eq(p->command_size, 11);
	ck_assert_int_eq(memcmp(p->command, "./app\0\0a b", 11), 0);
	describe(NULL, nothing);
	ck_assert_uint_eq(p->command_size, 0);
	describe(nothing, nothing);
	ck_assert_uint_eq(p->command_size, 0);
}
END_TEST

/* The longest are cut, not written behind the room there is. */
START_TEST(a_long_command_is_cut)
{
	struct agent_process *p = &agent_process;
	char text[sizeof(p->command)];
	char *command[] = { text, text, NULL };

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t size = sizeof(text) - 3; size < sizeof(text); size++) {
		text[size] = '\0';
		p->command_size = ~0u;
		describe(command, nothing);
		ck_assert_uint_ge(p->command_size, sizeof(text) - 4);
		ck_assert_uint_le(p->command_size, sizeof(p->command));
		ck_assert_uint_eq(strnlen(p->command, p->command_size),
				  size < p->command_size ? size
							 : p->command_size);
		text[size] = 'x';
	}
	/* what lies behind it is whole */
	ck_assert_str_eq(p->program, "test-process");
}
END_TEST

START_TEST(places)
{
	static char *set[] = { (char *)"XDG_RUNTIME_DIRECTORY=/no",
			       (char *)"XDG_RUNTIME_DIR=/run/user/7",
			       (char *)"XDG_RUNTIME_DIR=/second", NULL };
	static char *relative[] = { (char *)"XDG_RUNTIME_DIR=run", NULL };
	static char *empty[] = { (char *)"XDG_RUNTIME_DIR=", NULL };
	char of_user[64];

	snprintf(of_user, sizeof(of_user), "/tmp/profagent-%u",
		 (unsigned)geteuid());
	describe(argv0, set);
	ck_assert_str_eq(process_runtime_dir(), "/run/user/7");
	ck_assert_str_eq(process_fallback_dir(), "/run/user/7/profagent");
	describe(argv0, relative);
	ck_assert_str_eq(process_fallback_dir(), of_user);
	describe(argv0, empty);
	ck_assert_ptr_null(process_runtime_dir());
	ck_assert_str_eq(process_fallback_dir(), of_user);
	describe(argv0, nothing);
	ck_assert_ptr_null(process_runtime_dir());
	ck_assert_str_eq(process_fallback_dir(), of_user);
}
END_TEST

/* --- the program's name ------------------------------------------------------- */

/* Runs this program once more, with "--program": it says what it is called. */
static void check_name(int fd, const char *path, const char *name)
{
	char *args[] = { (char *)"another name", (char *)"--program", NULL };
	char said[100];
	int pipes[2], status;
	ssize_t got;
	pid_t pid;

	ck_assert_int_eq(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], 1);
		if (fd >= 0)
			fexecve(fd, args, environ);
		else
			execv(path, args);
		_exit(1);
	}
	close(pipes[1]);
	got = read(pipes[0], said, sizeof(said) - 1);
	close(pipes[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	said[got > 0 ? got : 0] = '\0';
	ck_assert_str_eq(said, name);
}

static int say_program(void)
{
	describe(argv0, nothing);
	return write(1, agent_process.program,
		     strlen(agent_process.program)) < 0;
}

START_TEST(the_name_it_was_started_by)
{
	char link[] = "/tmp/test-process-XXXXXX", path[64];
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	ck_assert_ptr_nonnull(mkdtemp(link));
	snprintf(path, sizeof(path), "%s/a name", link);
	describe(argv0, nothing);
	process_describe_rest();
	ck_assert_int_eq(symlink(agent_process.exe, path), 0);
	check_name(-1, path, "a name");
	check_name(fd, NULL, "test-process");
	unlink(path);
	rmdir(link);
	close(fd);
}
END_TEST

/* --- files of /proc -------------------------------------------------------------- */

/* Field 22, counted behind the name, which may hold anything. */
static unsigned long long field_22(void)
{
	char text[1024], *at;
	FILE *f = fopen("/proc/self/stat", "re");
	unsigned long long start = 0;

	ck_assert_ptr_nonnull(fgets(text, sizeof(text), f));
	fclose(f);
	at = strrchr(text, ')');
	ck_assert_int_eq(sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u "
				"%*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
				&start), 1);
	return start;
}

START_TEST(the_rest_is_of_proc)
{
	struct agent_process *p = &agent_process;
	char exe[1024] = "";

	prctl(PR_SET_NAME, "a) 1 2 (b");
	describe(argv0, nothing);
	process_describe_rest();
	ck_assert_uint_eq(p->pid_start, field_22());
	ck_assert_int_gt(readlink("/proc/self/exe", exe, sizeof(exe) - 1), 0);
	ck_assert_str_eq(p->exe, exe);
	ck_assert_uint_eq(strlen(p->boot_id), 36);
}
END_TEST

START_TEST(a_forked_child)
{
	char variable[] = "PROFAGENT_PARENT_RUN=0123456789abcdef";
	char *envp[] = { variable, NULL };
	struct agent_process *p = &agent_process;
	char parent[17];

	describe(argv0, envp);
	strcpy(parent, p->run_id);
	p->cpu_before_ns = 5;
	process_describe_child();
	ck_assert_str_eq(p->parent_run_id, parent);
	ck_assert_str_ne(p->run_id, parent);
	ck_assert_str_eq(strchr(variable, '=') + 1, p->run_id);
	ck_assert_uint_eq(p->cpu_before_ns, 0);
}
END_TEST

/* --- the environment ----------------------------------------------------------- */

START_TEST(the_id_is_passed_on_in_place)
{
	char room[] = "PROFAGENT_PARENT_RUN=0123456789abcdef\0behind it";
	char *envp[] = { room, NULL };

	describe(argv0, envp);
	process_pass_run_id("fedcba9876543210");
	ck_assert_str_eq(room, "PROFAGENT_PARENT_RUN=fedcba9876543210");
	/* a title was written over it: of another length, of another name */
	strcpy(room, "PROFAGENT_PARENT_RUN=0123456789abcde");
	process_pass_run_id("fedcba9876543210");
	ck_assert_str_eq(room, "PROFAGENT_PARENT_RUN=0123456789abcde");
	memset(room, 'x', 21);
	memcpy(room + 21, "0123456789abcdef", 17);
	process_pass_run_id("fedcba9876543210");
	ck_assert_str_eq(room, "xxxxxxxxxxxxxxxxxxxxx0123456789abcdef");
	ck_assert_str_eq(room + 38, "behind it");
	describe(argv0, nothing);
	process_pass_run_id("fedcba9876543210");
}
END_TEST

static const struct {
	const char *before, *after;	/* NULL: the variable is gone */
} lists[] = {
	{ "libprofagent.so", NULL },
	{ "/usr/lib/libprofagent.so", NULL },
	{ "/a/libprofagent.so:/b.so", "/b.so" },
	{ "/b.so:/a/libprofagent.so", "/b.so" },
	{ "/b.so /a/libprofagent.so /c.so", "/b.so:/c.so" },
	{ "libprofagent.so:libprofagent.so", NULL },
	{ "::libprofagent.so: :", NULL },
	{ ":/b.so::/c.so:", "/b.so:/c.so" },
	{ "", NULL },
	{ "/b.so", "/b.so" },
	/* others' */
	{ "notlibprofagent.so", "notlibprofagent.so" },
	{ "/libprofagent.so.1", "/libprofagent.so.1" },
	{ "/libprofagent.so/x", "/libprofagent.so/x" },
	{ "profagent.so", "profagent.so" },
};

START_TEST(we_are_taken_out_of_ld_preload)
{
	char list[100];
	char *envp[] = { (char *)"LD_PRELOADED=libprofagent.so", list,
			 (char *)"Z=libprofagent.so", NULL };

	snprintf(list, sizeof(list), "LD_PRELOAD=%s", lists[_i].before);
	process_hide_preload(envp);
	ck_assert_str_eq(envp[0], "LD_PRELOADED=libprofagent.so");
	if (lists[_i].after) {
		ck_assert_str_eq(envp[1] + sizeof("LD_PRELOAD"),
				 lists[_i].after);
		ck_assert_str_eq(envp[2], "Z=libprofagent.so");
		ck_assert_ptr_null(envp[3]);
	} else {
		ck_assert_str_eq(envp[1], "Z=libprofagent.so");
		ck_assert_ptr_null(envp[2]);
	}
	/* without it there is nothing to do */
	process_hide_preload(nothing);
}
END_TEST

/* --- the main stack -------------------------------------------------------------- */

static int check_stack(rlim_t most)
{
	struct rlimit limit = { most, RLIM_INFINITY };
	uint64_t here = (uint64_t)__builtin_frame_address(0), size;

	if (setrlimit(RLIMIT_STACK, &limit) != 0)
		return 0;	/* lowered by who started us */
	size = process_main_stack_high() - process_main_stack_low();
	return process_main_stack_high() % 4096 != 0 ||
	       here >= process_main_stack_high() ||
	       here < process_main_stack_low() ||
	       (uint64_t)environ[0] >= process_main_stack_high() ||
	       size != (most < 1u << 30 ? most : 1u << 30);
}

START_TEST(bounds_of_the_main_stack)
{
	static const rlim_t limits[] = { 8u << 20, 1u << 20, 1u << 30,
					 RLIM_INFINITY };

	ck_assert_int_eq(check_stack(limits[_i]), 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite;
	TCase *t;

	if (argc == 2 && strcmp(argv[1], "--program") == 0)
		return say_program();
	suite = suite_create("process");
	t = tcase_create("all");
	tcase_add_test(t, ids_are_new_each_time);
	tcase_add_test(t, the_command_as_the_kernel_has_it);
	tcase_add_test(t, a_long_command_is_cut);
	tcase_add_test(t, places);
	tcase_add_test(t, the_name_it_was_started_by);
	tcase_add_test(t, the_rest_is_of_proc);
	tcase_add_test(t, a_forked_child);
	tcase_add_test(t, the_id_is_passed_on_in_place);
	tcase_add_loop_test(t, we_are_taken_out_of_ld_preload, 0,
			    sizeof(lists) / sizeof(*lists));
	tcase_add_loop_test(t, bounds_of_the_main_stack, 0, 4);
	suite_add_tcase(suite, t);
	return runner_run(suite);
}
