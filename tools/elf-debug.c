/* SPDX-License-Identifier: MIT */
/* A list of candidate paths, tried in order; the build id or a CRC decides. */
#include "tools/elf-debug.h"

#include <elfutils/libdwelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tools/elf-fit.h"

gboolean elf_debug_has_section(Elf *elf, const char *name)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	size_t strings;

	if (elf_getshdrstrndx(elf, &strings) != 0)
		return FALSE;
	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) &&
		    g_strcmp0(elf_strptr(elf, strings, sh.sh_name), name) == 0)
			return TRUE;
	return FALSE;
}

static gboolean debug_crc_matches(int fd, GElf_Word wanted)
{
	g_autofree guint8 *buffer = g_malloc(1 << 16);
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t got;

	while ((got = pread(fd, buffer, 1 << 16, at)) > 0) {
		crc = crc32(crc, buffer, got);
		at += got;
	}
	return got == 0 && crc == wanted;
}

/*
 * Of another kind it cannot be, and it has something to tell; libdwfl loses
 * memory over those for which it is otherwise.
 */
static gboolean debug_is_alike(const ElfDebug *d, Elf *elf)
{
	GElf_Ehdr own, debug;

	return (elf_debug_has_section(elf, ".symtab") ||
		elf_debug_has_section(elf, ".debug_info") ||
		elf_debug_has_section(elf, ".zdebug_info")) &&
	       gelf_getehdr(d->elf, &own) && gelf_getehdr(elf, &debug) &&
	       own.e_type == debug.e_type &&
	       own.e_machine == debug.e_machine &&
	       (own.e_phnum == 0) == (debug.e_phnum == 0) &&
	       own.e_ident[EI_CLASS] == debug.e_ident[EI_CLASS] &&
	       own.e_ident[EI_DATA] == debug.e_ident[EI_DATA];
}

static gboolean debug_is_itself(const ElfDebug *d, int fd)
{
	struct stat own, debug;

	return stat(d->path, &own) == 0 && fstat(fd, &debug) == 0 &&
	       own.st_dev == debug.st_dev && own.st_ino == debug.st_ino;
}

static gboolean debug_matches(const ElfDebug *d, int fd, GElf_Word crc)
{
	g_autofree char *id = NULL;
	gboolean alike;
	Elf *elf;

	if (!elf_fit_is(fd) || debug_is_itself(d, fd))
		return FALSE;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	alike = elf && debug_is_alike(d, elf);
	id = alike ? elf_file_build_id(elf) : NULL;
	elf_end(elf);
	if (!d->build_id)
		return alike && crc != 0 && debug_crc_matches(fd, crc);
	return g_strcmp0(id, d->build_id) == 0;
}

void elf_debug_add_id(GPtrArray *paths, const char *dir, const char *id,
		      const char *suffix)
{
	if (!id || strlen(id) < 3)
		return;
	g_ptr_array_add(paths, g_strdup_printf("%s/.build-id/%.2s/%s%s", dir,
					       id, id + 2, suffix));
	g_ptr_array_add(paths, g_strdup_printf("%s/%.2s/%s%s", dir, id,
					       id + 2, suffix));
}

static void debug_paths_add(GPtrArray *paths, const ElfDebug *d,
			    const char *dir, const char *link)
{
	g_autofree char *base = g_path_get_basename(d->recorded);

	elf_debug_add_id(paths, dir, d->build_id, ".debug");
	if (link) {
		g_autofree char *name = g_path_get_basename(link);

		g_ptr_array_add(paths, g_build_filename(dir, name, NULL));
	}
	g_ptr_array_add(paths, g_strdup_printf("%s/%s.debug", dir, base));
	g_ptr_array_add(paths, g_strdup_printf("%s%s.debug", dir,
					       d->recorded));
	g_ptr_array_add(paths, g_build_filename(dir, base, NULL));
}

static void debug_paths_add_root(GPtrArray *paths, const ElfDebug *d,
				 const char *root, const char *link)
{
	g_autofree char *dir = root ? g_build_filename(root, ELF_DEBUG_ROOT, NULL)
				    : NULL;

	if (dir)
		debug_paths_add(paths, d, dir, link);
}

static GPtrArray *debug_paths(const ElfDebug *d, const char *link)
{
	GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
	char **dir;

	for (dir = d->search->symbol_dirs; dir && *dir; dir++)
		debug_paths_add(paths, d, *dir, link);
	debug_paths_add_root(paths, d, d->search->sysroot, link);
	debug_paths_add_root(paths, d, d->search->root, link);
	return paths;
}

/* Beside the object `path`, in .debug there, and in the tree of them all. */
static void debug_paths_add_beside(GPtrArray *paths, const char *path,
				   const char *link)
{
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *base = g_path_get_basename(path);
	g_autofree char *made = g_strconcat(base, ".debug", NULL);
	g_autofree char *name = g_path_get_basename(link ? link : made);

	g_ptr_array_add(paths, g_build_filename(dir, name, NULL));
	g_ptr_array_add(paths, g_build_filename(dir, ".debug", name, NULL));
	g_ptr_array_add(paths, g_build_filename(ELF_DEBUG_ROOT, dir, name, NULL));
	g_ptr_array_add(paths, g_build_filename(ELF_DEBUG_ROOT, dir, base, NULL));
	g_ptr_array_add(paths, g_build_filename(ELF_DEBUG_ROOT, name, NULL));
}

/* The places that distributions and debuggers agree on. */
static void debug_paths_add_standard(GPtrArray *paths, const ElfDebug *d,
				     const char *link)
{
	char *real = realpath(d->path, NULL);

	elf_debug_add_id(paths, ELF_DEBUG_ROOT, d->build_id, ".debug");
	debug_paths_add_beside(paths, d->path, link);
	if (real && strcmp(real, d->path) != 0)
		debug_paths_add_beside(paths, real, link);
	free(real);
}

/* *found is libdwfl's, which will free() it. -1: it is none of `paths`. */
static int debug_open(const ElfDebug *d, const GPtrArray *paths, GElf_Word crc,
		      char **found)
{
	for (guint i = 0; i < paths->len; i++) {
		int fd = elf_fit_open(paths->pdata[i]);

		if (fd < 0)
			continue;
		if (debug_matches(d, fd, crc)) {
			*found = strdup(paths->pdata[i]);
			return fd;
		}
		close(fd);
	}
	return -1;
}

/* Whether it is not its own debug file, but what dwz took out of that. */
static gboolean is_supplement(const ElfDebug *d, const char *link, GElf_Word crc)
{
	GElf_Word own_crc;
	const char *own = dwelf_elf_gnu_debuglink(d->elf, &own_crc);

	return link && crc == 0 && g_strcmp0(own, link) != 0;
}

/* A pipe of that name would be opened, and waited for. */
static gboolean link_is_safe(const ElfDebug *d, const char *link)
{
	g_autofree char *dir = g_path_get_dirname(d->path);
	char *paths[] = {
		g_strdup(link && link[0] == '/' ? link : ""),
		g_build_filename(dir, link, NULL),
		g_build_filename(dir, ".debug", link, NULL),
		g_build_filename(ELF_DEBUG_ROOT, dir, link, NULL),
	};
	gboolean safe = TRUE;
	struct stat st;

	for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
		if (link && *paths[i] && stat(paths[i], &st) == 0 &&
		    !S_ISREG(st.st_mode))
			safe = FALSE;
		g_free(paths[i]);
	}
	return safe;
}

int elf_debug_find(const ElfDebug *d, const char *link, GElf_Word crc,
		   char **found)
{
	g_autoptr(GPtrArray) paths = debug_paths(d, link);

	debug_paths_add_standard(paths, d, link);
	return debug_open(d, paths, crc, found);
}

gboolean elf_debug_may_ask(const ElfDebug *d, const char *link, GElf_Word crc)
{
	const char *urls = g_getenv("DEBUGINFOD_URLS");

	return link_is_safe(d, link) &&
	       ((urls && *urls) || is_supplement(d, link, crc));
}
