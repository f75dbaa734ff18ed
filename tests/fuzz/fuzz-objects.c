/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: an object that a profile names, from any bytes: its
 * symbols, unwind tables, stubs and DWARF, for addresses all over it.
 *
 * An input is the object itself, or 'S', its size in two bytes (little endian),
 * the object, and then a second file, which lies under each name that an object
 * may have for one: that of its debug file, of what dwz took out of several,
 * and of a unit of split DWARF. An odd byte 15 of the object, which is padding
 * in its header, asks for so many addresses that threads share them out.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/elf-file.h"
#include "tools/symbols.h"

#define HEAD 3u				/* 'S' and the size */
#define START 0x10000u
#define FEW 64u
#define MANY 4100u			/* more than one thread would take */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const others[] = { "object.debug", "object.dwz",
				      "object.dwo" };

static char *directory;

static void file_remove(const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);

	g_unlink(path);
}

static void directory_remove(void)
{
	file_remove("object");
	for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
		file_remove(others[i]);
	g_rmdir(directory);
	g_free(directory);
}

/* No server is asked, and names are those of this directory. */
static void directory_make(void)
{
	if (directory)
		return;
	g_unsetenv("DEBUGINFOD_URLS");
	directory = g_dir_make_tmp("fuzz-objects-XXXXXX", NULL);
	if (!directory)
		g_error("fuzz-objects: no directory for objects");
	atexit(directory_remove);
}

static void file_write(const char *name, const uint8_t *data, size_t size)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		g_error("fuzz-objects: cannot write %s", name);
	close(fd);
}

/* Files of an earlier input would make this one mean something else. */
static void others_write(const uint8_t *data, size_t size)
{
	for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
		if (size > 0)
			file_write(others[i], data, size);
		else
			file_remove(others[i]);
	}
}

/* A profile with `count` places all over the object. */
static Profile *profile_of(const char *path, size_t size, guint count)
{
	Profile *p = profile_new();
	ProfileMapping m = { .start = START, .end = START + size,
			     .path = profile_string(p, path, -1),
			     .process = PROFILE_NONE };

	g_array_append_val(p->mappings, m);
	for (guint i = 0; i < count; i++) {
		ProfileLocation l = { .address = START + i * size / count };

		g_array_append_val(p->locations, l);
	}
	return p;
}

static void profile_check(const Profile *p)
{
	for (guint i = 0; i < p->locations->len; i++) {
		const ProfileLocation *l = profile_at(p->locations,
						      ProfileLocation, i);

		g_assert_cmpuint((guint64)l->first_line + l->line_count, <=,
				 p->lines->len);
		g_assert_cmpuint(l->start, <=, l->address);
	}
	for (guint i = 0; i < p->lines->len; i++)
		g_assert_cmpuint(profile_at(p->lines, ProfileLine, i)->function,
				 <, p->functions->len);
}

static void resolve(const char *path, size_t size, guint count)
{
	char *dirs[] = { directory, NULL };
	const SymbolsOptions options = { .symbol_dirs = dirs, .quiet = TRUE,
					 .no_cache = TRUE };
	g_autoptr(Symbols) s = symbols_new(&options);
	g_autoptr(Profile) p = profile_of(path, size, count);
	g_autoptr(ElfFile) f = elf_file_open(NULL, path, NULL, 0, NULL);

	if (f)
		elf_file_stamp(f);
	symbols_resolve(s, p);
	profile_check(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *path = NULL;
	size_t first = size;

	directory_make();
	if (size > HEAD && data[0] == 'S') {
		first = MIN(data[1] | (size_t)data[2] << 8, size - HEAD);
		data += HEAD;
		size -= HEAD;
	}
	if (first < 16)
		return 0;
	path = g_build_filename(directory, "object", NULL);
	file_write("object", data, first);
	others_write(data + first, size - first);
	resolve(path, first, data[15] & 1 ? MANY : FEW);
	return 0;
}
