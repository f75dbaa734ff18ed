/* SPDX-License-Identifier: MIT */
#include "tools/program.h"

#include <check.h>
#include <elf.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static char *dir, *path;

static void setup(void)
{
	dir = g_dir_make_tmp("profagent-XXXXXX", NULL);
	path = g_build_filename(dir, "program", NULL);
}

static void teardown(void)
{
	g_unlink(path);
	g_rmdir(dir);
	g_free(path);
	g_free(dir);
}

static void check_kind(const char *file, ProgramKind kind)
{
	Program program;

	program_init(&program, file);
	ck_assert_int_eq(program.kind, kind);
	ck_assert_int_eq(program_trouble(kind) == NULL,
			 kind == PROGRAM_FINE || kind == PROGRAM_UNKNOWN);
	program_release(&program);
}

/* Nothing but a header: no interpreter. */
static void write_elf(guint8 class, guint16 machine)
{
	Elf64_Ehdr e = { .e_type = ET_EXEC, .e_machine = machine,
			 .e_version = EV_CURRENT, .e_ehsize = sizeof(e),
			 .e_phentsize = sizeof(Elf64_Phdr) };

	memcpy(e.e_ident, ELFMAG, SELFMAG);
	e.e_ident[EI_CLASS] = class;
	e.e_ident[EI_DATA] = ELFDATA2LSB;
	e.e_ident[EI_VERSION] = EV_CURRENT;
	ck_assert(g_file_set_contents(path, (char *)&e, sizeof(e), NULL));
}

START_TEST(kinds_are_told_apart)
{
	check_kind("/bin/sh", PROGRAM_FINE);
	check_kind("/nonexistent", PROGRAM_UNKNOWN);
	check_kind("/", PROGRAM_UNKNOWN);
	write_elf(ELFCLASS64, EM_X86_64);
	check_kind(path, PROGRAM_STATIC);
	write_elf(ELFCLASS64, EM_AARCH64);
	check_kind(path, PROGRAM_OTHER_ARCH);
	write_elf(ELFCLASS32, EM_386);
	check_kind(path, PROGRAM_OTHER_ARCH);
	ck_assert(g_file_set_contents(path, "text", 4, NULL));
	check_kind(path, PROGRAM_UNKNOWN);
}
END_TEST

START_TEST(a_script_is_its_interpreter)
{
	ck_assert(g_file_set_contents(path, "#! /bin/sh -e\ntrue\n", -1,
				      NULL));
	check_kind(path, PROGRAM_FINE);
	ck_assert(g_file_set_contents(path, "#!/nonexistent/sh\n", -1, NULL));
	check_kind(path, PROGRAM_UNKNOWN);
	/* one that runs itself ends */
	{
		g_autofree char *loop = g_strdup_printf("#!%s\n", path);

		ck_assert(g_file_set_contents(path, loop, -1, NULL));
		check_kind(path, PROGRAM_UNKNOWN);
	}
}
END_TEST

START_TEST(setuid_is_seen)
{
	g_autofree char *sh = NULL;
	gsize size;

	ck_assert(g_file_get_contents("/bin/sh", &sh, &size, NULL));
	ck_assert(g_file_set_contents(path, sh, (gssize)size, NULL));
	ck_assert_int_eq(chmod(path, 04755), 0);
	check_kind(path, PROGRAM_FINE);		/* ours: nothing changes */
	if (geteuid() != 0 || chown(path, 65534, (gid_t)-1) != 0)
		return;		/* needs root */
	ck_assert_int_eq(chmod(path, 04755), 0);
	check_kind(path, PROGRAM_SETUID);
}
END_TEST

START_TEST(programs_are_found_as_exec_does)
{
	g_autofree char *found = NULL;

	g_setenv("PATH", "/nonexistent:/bin", TRUE);
	found = program_find("sh");
	ck_assert_str_eq(found, "/bin/sh");
	ck_assert_ptr_null(program_find("no-such-program-anywhere"));
	ck_assert_ptr_null(program_find("/nonexistent/sh"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("program");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, kinds_are_told_apart);
	tcase_add_test(tcase, a_script_is_its_interpreter);
	tcase_add_test(tcase, setuid_is_seen);
	tcase_add_test(tcase, programs_are_found_as_exec_does);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
