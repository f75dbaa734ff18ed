/* SPDX-License-Identifier: MIT */
#include "tools/elf-fit.h"

#include <check.h>
#include <fcntl.h>
#include <gelf.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static char *dir;

static void setup(void)
{
	dir = g_dir_make_tmp("test-elf-fit-XXXXXX", NULL);
	ck_assert_ptr_nonnull(dir);
}

static void teardown(void)
{
	g_rmdir(dir);
	g_free(dir);
}

static gboolean opens(const char *path)
{
	int fd = elf_fit_open(path);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static gboolean is_fit(const void *bytes, gsize size)
{
	g_autofree char *path = g_build_filename(dir, "file", NULL);
	gboolean fit;
	int fd;

	ck_assert(g_file_set_contents(path, bytes, (gssize)size, NULL));
	fd = elf_fit_open(path);
	ck_assert_int_ge(fd, 0);
	fit = elf_fit_is(fd);
	close(fd);
	g_unlink(path);
	return fit;
}

/* Nobody writes to the pipe: who waits for that hangs here. */
START_TEST(only_regular_files_are_opened)
{
	g_autofree char *pipe = g_build_filename(dir, "pipe", NULL);
	g_autofree char *none = g_build_filename(dir, "none", NULL);

	ck_assert_int_eq(mkfifo(pipe, 0600), 0);
	ck_assert(!opens(pipe));
	ck_assert(!opens(dir));
	ck_assert(!opens("/dev/null"));
	ck_assert(!opens(none));
	ck_assert(opens("/proc/self/exe"));
	g_unlink(pipe);
}
END_TEST

/* An object with one section, which says that it expands to `size`. */
struct object {
	Elf64_Ehdr header;
	Elf64_Shdr sections[3];
	char names[32];
	Elf64_Chdr compressed;
};

static struct object object_with(guint64 size)
{
	struct object o = {
		.header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64,
					 ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_DYN, .e_machine = EM_X86_64,
			    .e_version = EV_CURRENT,
			    .e_shoff = offsetof(struct object, sections),
			    .e_ehsize = sizeof(Elf64_Ehdr),
			    .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 3,
			    .e_shstrndx = 1 },
		.sections = {
			{ 0 },
			{ .sh_name = 1, .sh_type = SHT_STRTAB,
			  .sh_offset = offsetof(struct object, names),
			  .sh_size = 32 },
			{ .sh_name = 8, .sh_type = SHT_PROGBITS,
			  .sh_flags = SHF_COMPRESSED, .sh_addralign = 8,
			  .sh_offset = offsetof(struct object, compressed),
			  .sh_size = sizeof(Elf64_Chdr) },
		},
		.names = "\0.names\0.debug_info",
		.compressed = { .ch_type = ELFCOMPRESS_ZLIB, .ch_size = size,
				.ch_addralign = 1 },
	};

	return o;
}

START_TEST(what_expands_beyond_measure_is_not_fit)
{
	const guint64 most = 64 << 20;
	struct object o = object_with(1000);

	ck_assert(is_fit(&o, sizeof(o)));
	o = object_with(most);
	ck_assert(is_fit(&o, sizeof(o)));
	o = object_with(most + 1);
	ck_assert(!is_fit(&o, sizeof(o)));
	o = object_with(G_MAXUINT64);
	ck_assert(!is_fit(&o, sizeof(o)));
}
END_TEST

START_TEST(what_is_no_elf_file_is_not_fit)
{
	static const guint8 gzip[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };

	ck_assert(!is_fit("", 0));
	ck_assert(!is_fit("\177EL", 3));
	ck_assert(!is_fit("text", 4));
	ck_assert(!is_fit(gzip, sizeof(gzip)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elf-fit");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, only_regular_files_are_opened);
	tcase_add_test(tc, what_expands_beyond_measure_is_not_fit);
	tcase_add_test(tc, what_is_no_elf_file_is_not_fit);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
