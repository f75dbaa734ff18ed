/* SPDX-License-Identifier: MIT */
/*
 * Finding is a list of candidate paths, tried in order; the build id decides.
 * Opening is libdwfl's: one session an object, with the object at the very
 * addresses that its program headers name, so that no bias is left over.
 */
#include "tools/elf-file.h"

#include <elfutils/libdwelf.h>
#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define DELETED " (deleted)"
#define VDSO "[vdso]"
#define DEBUG_ROOT "/usr/lib/debug"

/* Mappings begin at page boundaries, segments need not. */
#define PAGE_MASK_OF(x) ((x) & ~(guint64)4095)

struct segment {
	guint64 offset, size, address;
	gboolean executable;
};

struct _ElfFile {
	Dwfl *dwfl;
	Dwfl_Module *module;
	Elf *elf;
	char *path;			/* of the file opened */
	char *recorded;			/* as the profile has it, undeleted */
	char *build_id;			/* NULL: it has none */
	char *stamp;
	GArray *segments;		/* struct segment */
	const ElfFileSearch *search;
	Dwfl_Callbacks callbacks;
};

static const ElfFileSearch no_search;

G_DEFINE_QUARK(elf-file-error-quark, elf_file_error)

char *elf_file_build_id(Elf *elf)
{
	const void *bytes;
	ssize_t size = dwelf_elf_gnu_build_id(elf, &bytes);
	GString *hex;

	if (size <= 0)
		return NULL;
	hex = g_string_sized_new(size * 2);
	for (ssize_t i = 0; i < size; i++)
		g_string_append_printf(hex, "%02x",
				       ((const guint8 *)bytes)[i]);
	return g_string_free(hex, FALSE);
}

/* A device or a pipe in the profile's list of files must not block us. */
static int regular_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -1;
}

/* --- hostile files -------------------------------------------------------- */

/*
 * What elfutils is kept from: it would unpack a whole file that is no ELF but
 * compressed, and any section to the size that the section itself claims.
 */
#define EXPANDS_FREE (64ull << 20)	/* bytes that any file may expand to */
#define EXPANDS_TIMES 64		/* and to how often its own size */

static gboolean is_elf(int fd)
{
	char magic[SELFMAG];

	return pread(fd, magic, SELFMAG, 0) == SELFMAG &&
	       memcmp(magic, ELFMAG, SELFMAG) == 0;
}

/* "ZLIB" and the size as a big-endian number, as GNU tools did it first. */
static guint64 zdebug_size(Elf_Scn *scn, const char *name)
{
	Elf_Data *data = g_str_has_prefix(name, ".zdebug") ?
			 elf_rawdata(scn, NULL) : NULL;
	guint64 size;

	if (!data || !data->d_buf || data->d_size < 12 ||
	    memcmp(data->d_buf, "ZLIB", 4) != 0)
		return 0;
	memcpy(&size, (const guint8 *)data->d_buf + 4, sizeof(size));
	return GUINT64_FROM_BE(size);
}

/* What the sections of `elf`, a file of `size` bytes, say they expand to. */
static gboolean expands_well(Elf *elf, guint64 size)
{
	guint64 most = MAX(EXPANDS_FREE, size * EXPANDS_TIMES), all = 0;
	Elf_Scn *scn = NULL;
	GElf_Chdr compressed;
	GElf_Shdr sh;
	size_t strings;

	if (elf_getshdrstrndx(elf, &strings) != 0)
		return TRUE;
	while ((scn = elf_nextscn(elf, scn)) && all <= most) {
		const char *name;
		guint64 more = 0;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, strings, sh.sh_name);
		if ((sh.sh_flags & SHF_COMPRESSED) != 0 &&
		    gelf_getchdr(scn, &compressed))
			more = compressed.ch_size;
		else if (name)
			more = zdebug_size(scn, name);
		all += MIN(more, G_MAXUINT32 * 16ull);
	}
	return all <= most;
}

/* An ELF file that elfutils may have. */
static gboolean is_fit(int fd)
{
	struct stat st;
	gboolean fit;
	Elf *elf;

	if (!is_elf(fd) || fstat(fd, &st) != 0)
		return FALSE;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	fit = elf && expands_well(elf, (guint64)st.st_size);
	elf_end(elf);
	return fit;
}

/* --- the debug file ------------------------------------------------------ */

static gboolean has_section(Elf *elf, const char *name)
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
static gboolean debug_is_alike(const ElfFile *f, Elf *elf)
{
	GElf_Ehdr own, debug;

	return (has_section(elf, ".symtab") ||
		has_section(elf, ".debug_info") ||
		has_section(elf, ".zdebug_info")) &&
	       gelf_getehdr(f->elf, &own) && gelf_getehdr(elf, &debug) &&
	       own.e_type == debug.e_type &&
	       own.e_machine == debug.e_machine &&
	       (own.e_phnum == 0) == (debug.e_phnum == 0) &&
	       own.e_ident[EI_CLASS] == debug.e_ident[EI_CLASS] &&
	       own.e_ident[EI_DATA] == debug.e_ident[EI_DATA];
}

static gboolean debug_is_itself(const ElfFile *f, int fd)
{
	struct stat own, debug;

	return stat(f->path, &own) == 0 && fstat(fd, &debug) == 0 &&
	       own.st_dev == debug.st_dev && own.st_ino == debug.st_ino;
}

static gboolean debug_matches(const ElfFile *f, int fd, GElf_Word crc)
{
	g_autofree char *id = NULL;
	gboolean alike;
	Elf *elf;

	if (!is_fit(fd) || debug_is_itself(f, fd))
		return FALSE;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	alike = elf && debug_is_alike(f, elf);
	id = alike ? elf_file_build_id(elf) : NULL;
	elf_end(elf);
	if (!f->build_id)
		return alike && crc != 0 && debug_crc_matches(fd, crc);
	return g_strcmp0(id, f->build_id) == 0;
}

/* Adds DIR/.build-id/xx/yy.debug and DIR/xx/yy.debug, or without the suffix. */
static void paths_add_id(GPtrArray *paths, const char *dir, const char *id,
			 const char *suffix)
{
	if (!id || strlen(id) < 3)
		return;
	g_ptr_array_add(paths, g_strdup_printf("%s/.build-id/%.2s/%s%s", dir,
					       id, id + 2, suffix));
	g_ptr_array_add(paths, g_strdup_printf("%s/%.2s/%s%s", dir, id,
					       id + 2, suffix));
}

static void debug_paths_add(GPtrArray *paths, const ElfFile *f,
			    const char *dir, const char *link)
{
	g_autofree char *base = g_path_get_basename(f->recorded);

	paths_add_id(paths, dir, f->build_id, ".debug");
	if (link) {
		g_autofree char *name = g_path_get_basename(link);

		g_ptr_array_add(paths, g_build_filename(dir, name, NULL));
	}
	g_ptr_array_add(paths, g_strdup_printf("%s/%s.debug", dir, base));
	g_ptr_array_add(paths, g_strdup_printf("%s%s.debug", dir,
					       f->recorded));
	g_ptr_array_add(paths, g_build_filename(dir, base, NULL));
}

static void debug_paths_add_root(GPtrArray *paths, const ElfFile *f,
				 const char *root, const char *link)
{
	g_autofree char *dir = root ? g_build_filename(root, DEBUG_ROOT, NULL)
				    : NULL;

	if (dir)
		debug_paths_add(paths, f, dir, link);
}

static GPtrArray *debug_paths(const ElfFile *f, const char *link)
{
	GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
	char **dir;

	for (dir = f->search->symbol_dirs; dir && *dir; dir++)
		debug_paths_add(paths, f, *dir, link);
	debug_paths_add_root(paths, f, f->search->sysroot, link);
	debug_paths_add_root(paths, f, f->search->root, link);
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
	g_ptr_array_add(paths, g_build_filename(DEBUG_ROOT, dir, name, NULL));
	g_ptr_array_add(paths, g_build_filename(DEBUG_ROOT, dir, base, NULL));
	g_ptr_array_add(paths, g_build_filename(DEBUG_ROOT, name, NULL));
}

/* The places that distributions and debuggers agree on. */
static void debug_paths_add_standard(GPtrArray *paths, const ElfFile *f,
				     const char *link)
{
	char *real = realpath(f->path, NULL);

	paths_add_id(paths, DEBUG_ROOT, f->build_id, ".debug");
	debug_paths_add_beside(paths, f->path, link);
	if (real && strcmp(real, f->path) != 0)
		debug_paths_add_beside(paths, real, link);
	free(real);
}

/* *found is libdwfl's, which will free() it. -1: it is none of `paths`. */
static int debug_open(const ElfFile *f, const GPtrArray *paths, GElf_Word crc,
		      char **found)
{
	for (guint i = 0; i < paths->len; i++) {
		int fd = regular_open(paths->pdata[i]);

		if (fd < 0)
			continue;
		if (debug_matches(f, fd, crc)) {
			*found = strdup(paths->pdata[i]);
			return fd;
		}
		close(fd);
	}
	return -1;
}

/* Whether it is not its own debug file, but what dwz took out of that. */
static gboolean is_supplement(const ElfFile *f, const char *link, GElf_Word crc)
{
	GElf_Word own_crc;
	const char *own = dwelf_elf_gnu_debuglink(f->elf, &own_crc);

	return link && crc == 0 && g_strcmp0(own, link) != 0;
}

/* A pipe of that name would be opened, and waited for. */
static gboolean link_is_safe(const ElfFile *f, const char *link)
{
	g_autofree char *dir = g_path_get_dirname(f->path);
	char *paths[] = {
		g_strdup(link && link[0] == '/' ? link : ""),
		g_build_filename(dir, link, NULL),
		g_build_filename(dir, ".debug", link, NULL),
		g_build_filename(DEBUG_ROOT, dir, link, NULL),
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

/* What a server sent has no name by itself, but then no stamp would tell that it
 * came. libdwfl frees it. */
static char *name_of_descriptor(int fd)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autofree char *path = g_file_read_link(link, NULL);

	return path ? strdup(path) : NULL;
}

/*
 * libdwfl's own search opens whatever has the right name. It is asked only for
 * what it alone finds: supplements, by their build id, and what servers have.
 */
static int find_debuginfo(Dwfl_Module *module, void **data, const char *name,
			  Dwarf_Addr base, const char *file, const char *link,
			  GElf_Word crc, char **found)
{
	const char *urls = g_getenv("DEBUGINFOD_URLS");
	const ElfFile *f = *data;
	g_autoptr(GPtrArray) paths = NULL;
	int fd;

	if (!f)
		return -1;
	paths = debug_paths(f, link);
	debug_paths_add_standard(paths, f, link);
	fd = debug_open(f, paths, crc, found);
	if (fd < 0 && link_is_safe(f, link) &&
	    ((urls && *urls) || is_supplement(f, link, crc)))
		fd = dwfl_standard_find_debuginfo(module, data, name, base,
						  file, link, crc, found);
	if (fd >= 0 && !*found)
		*found = name_of_descriptor(fd);
	return fd;
}

/* --- opening ------------------------------------------------------------- */

static void segments_read(ElfFile *f)
{
	size_t count;

	f->segments = g_array_new(FALSE, FALSE, sizeof(struct segment));
	if (elf_getphdrnum(f->elf, &count) != 0)
		return;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr ph;
		struct segment s;

		if (!gelf_getphdr(f->elf, i, &ph) || ph.p_type != PT_LOAD)
			continue;
		s.offset = ph.p_offset;
		s.size = ph.p_filesz;
		s.address = ph.p_vaddr;
		s.executable = (ph.p_flags & PF_X) != 0;
		g_array_append_val(f->segments, s);
	}
}

/* Takes `fd`. NULL: not an object that elfutils can work with. */
static ElfFile *file_open_fd(const ElfFileSearch *search, const char *path,
			     const char *recorded, int fd)
{
	g_autoptr(ElfFile) f = g_new0(ElfFile, 1);
	GElf_Addr bias;
	void **data;

	if (!is_fit(fd)) {
		close(fd);
		return NULL;
	}
	f->search = search;
	f->path = g_strdup(path);
	f->recorded = g_strdup(recorded);
	f->callbacks.find_elf = dwfl_build_id_find_elf;
	f->callbacks.find_debuginfo = find_debuginfo;
	f->callbacks.section_address = dwfl_offline_section_address;
	f->dwfl = dwfl_begin(&f->callbacks);
	if (f->dwfl) {
		dwfl_report_begin(f->dwfl);
		f->module = dwfl_report_elf(f->dwfl, recorded, path, fd, 0,
					    true);
	}
	if (!f->module) {
		close(fd);
		return NULL;
	}
	dwfl_report_end(f->dwfl, NULL, NULL);
	dwfl_module_info(f->module, &data, NULL, NULL, NULL, NULL, NULL, NULL);
	*data = f;
	f->elf = dwfl_module_getelf(f->module, &bias);
	if (!f->elf || bias != 0)
		return NULL;
	f->build_id = elf_file_build_id(f->elf);
	segments_read(f);
	return g_steal_pointer(&f);
}

void elf_file_free(ElfFile *f)
{
	if (!f)
		return;
	if (f->dwfl)
		dwfl_end(f->dwfl);
	if (f->segments)
		g_array_free(f->segments, TRUE);
	g_free(f->path);
	g_free(f->recorded);
	g_free(f->build_id);
	g_free(f->stamp);
	g_free(f);
}

/* Our own vdso is the profiled program's if the kernel is the same one. */
static int vdso_open(void)
{
	const guint8 *image = (const guint8 *)getauxval(AT_SYSINFO_EHDR);
	Elf64_Ehdr ehdr;
	size_t size;
	int fd;

	if (!image)
		return -1;
	memcpy(&ehdr, image, sizeof(ehdr));
	size = ehdr.e_shoff + (size_t)ehdr.e_shnum * ehdr.e_shentsize;
	fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	if (write(fd, image, size) == (ssize_t)size)
		return fd;
	close(fd);
	return -1;
}

/* --- finding ------------------------------------------------------------- */

static GPtrArray *candidates(const ElfFileSearch *search, const char *path,
			     const char *build_id)
{
	GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *base = g_path_get_basename(path);
	char **dir;

	for (dir = search->symbol_dirs; dir && *dir; dir++) {
		paths_add_id(paths, *dir, build_id, "");
		g_ptr_array_add(paths, g_strconcat(*dir, path, NULL));
		g_ptr_array_add(paths, g_build_filename(*dir, base, NULL));
	}
	if (search->sysroot)
		g_ptr_array_add(paths, g_strconcat(search->sysroot, path,
						   NULL));
	if (search->root)
		g_ptr_array_add(paths, g_strconcat(search->root, path, NULL));
	/* Without an id to compare, another root's file is anybody's. */
	if ((!search->sysroot && !search->root) || build_id)
		g_ptr_array_add(paths, g_strdup(path));
	paths_add_id(paths, DEBUG_ROOT, build_id, "");
	return paths;
}

/* Why a candidate was refused; the worst news so far is kept. */
static void refuse(GError **error, ElfFileError code, const char *format,
		   const char *path)
{
	if (*error && (*error)->code >= (int)code)
		return;
	g_clear_error(error);
	*error = g_error_new(ELF_FILE_ERROR, code, format, path);
}

static gboolean file_is_newer(int fd, gint64 not_after)
{
	struct stat st;

	return not_after > 0 && fstat(fd, &st) == 0 && st.st_mtime > not_after;
}

static ElfFile *candidate_open(const ElfFileSearch *search, const char *path,
			       const char *recorded, const char *build_id,
			       gint64 not_after, GError **error)
{
	g_autoptr(ElfFile) f = NULL;
	int fd = regular_open(path);
	gboolean newer;

	if (fd < 0)
		return NULL;
	newer = !build_id && file_is_newer(fd, not_after);
	f = file_open_fd(search, path, recorded, fd);
	if (!f) {
		refuse(error, ELF_FILE_ERROR_UNUSABLE,
		       "%s: not a readable ELF file", path);
		return NULL;
	}
	if (newer || (build_id && g_strcmp0(build_id, f->build_id) != 0)) {
		refuse(error, ELF_FILE_ERROR_DIFFERENT,
		       newer ? "%s: changed after the profile was taken" :
		       "%s: build id differs from the file on disk", path);
		return NULL;
	}
	return g_steal_pointer(&f);
}

/* A path that may be opened again, g_free() it; NULL if nobody has the file. */
static char *build_id_fetch(Dwfl_Module *module)
{
	char *file = NULL, *path = NULL;
	Elf *elf = NULL;
	int fd = dwfl_build_id_find_elf(module, NULL, "", 0, &file, &elf);

	if (fd >= 0) {
		g_autofree char *link = g_strdup_printf("/proc/self/fd/%d",
							fd);

		/* What a server sent has no name but that of the cache. */
		path = file ? g_strdup(file) : g_file_read_link(link, NULL);
		elf_end(elf);
		close(fd);
	}
	free(file);
	return path;
}

static char *build_id_find(const char *recorded, const char *build_id)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
	};
	g_autofree guint8 *bytes = g_malloc0(strlen(build_id) / 2 + 1);
	Dwfl *dwfl = dwfl_begin(&callbacks);
	Dwfl_Module *module;
	char *path = NULL;

	if (!dwfl)
		return NULL;
	for (gsize i = 0; i < strlen(build_id) / 2; i++)
		bytes[i] = g_ascii_xdigit_value(build_id[2 * i]) << 4 |
			   g_ascii_xdigit_value(build_id[2 * i + 1]);
	dwfl_report_begin(dwfl);
	/* Any range will do: the module is never read. */
	module = dwfl_report_module(dwfl, recorded, 0x1000, 0x2000);
	if (module && dwfl_module_report_build_id(module, bytes,
						  strlen(build_id) / 2, 0) == 0)
		path = build_id_fetch(module);
	dwfl_report_end(dwfl, NULL, NULL);
	dwfl_end(dwfl);
	return path;
}

/* Asks a server for the object itself, if the user named one. */
static ElfFile *server_open(const ElfFileSearch *search, const char *recorded,
			    const char *build_id, GError **error)
{
	const char *urls = g_getenv("DEBUGINFOD_URLS");
	g_autofree char *path = NULL;

	if (!urls || !*urls || !build_id ||
	    strspn(build_id, "0123456789abcdefABCDEF") != strlen(build_id))
		return NULL;
	path = build_id_find(recorded, build_id);
	return path ? candidate_open(search, path, recorded, build_id, 0,
				     error) : NULL;
}

static ElfFile *vdso_find(const ElfFileSearch *search, const char *build_id,
			  GError **error)
{
	g_autoptr(ElfFile) f = NULL;
	int fd = vdso_open();

	if (fd >= 0)
		f = file_open_fd(search, VDSO, VDSO, fd);
	if (!f)
		g_set_error(error, ELF_FILE_ERROR, ELF_FILE_ERROR_MISSING,
			    "%s: not found in this kernel", VDSO);
	else if (!build_id || g_strcmp0(build_id, f->build_id) != 0)
		g_set_error(error, ELF_FILE_ERROR, ELF_FILE_ERROR_DIFFERENT,
			    "%s: is that of another kernel", VDSO);
	else
		return g_steal_pointer(&f);
	return NULL;
}

ElfFile *elf_file_open(const ElfFileSearch *search, const char *path,
		       const char *build_id, gint64 not_after, GError **error)
{
	g_autoptr(GPtrArray) paths = NULL;
	g_autoptr(GError) why = NULL;
	g_autofree char *recorded = g_strdup(path);
	ElfFile *f = NULL;
	gboolean deleted;

	search = search ? search : &no_search;
	if (build_id && !*build_id)
		build_id = NULL;
	if (strcmp(path, VDSO) == 0)
		return vdso_find(search, build_id, error);
	if (g_str_has_suffix(recorded, DELETED))
		recorded[strlen(recorded) - strlen(DELETED)] = '\0';
	deleted = strlen(recorded) < strlen(path);
	why = g_error_new(ELF_FILE_ERROR, ELF_FILE_ERROR_MISSING,
			  "%s: %s", recorded, deleted ?
			  "was deleted while it ran" : "no such file here");
	/* What a deleted file's path names now is another file; an id tells. */
	if (recorded[0] == '/' && (build_id || !deleted)) {
		paths = candidates(search, recorded, build_id);
		for (guint i = 0; !f && i < paths->len; i++)
			f = candidate_open(search, paths->pdata[i], recorded,
					   build_id, not_after, &why);
		if (!f)
			f = server_open(search, recorded, build_id, &why);
	}
	if (!f)
		g_propagate_error(error, g_steal_pointer(&why));
	return f;
}

/* --- what is in it ------------------------------------------------------- */

static gboolean segment_find(const ElfFile *f, guint64 offset,
			     gboolean executable, gboolean whole_pages,
			     guint64 *address)
{
	for (guint i = 0; i < f->segments->len; i++) {
		const struct segment *s = &g_array_index(f->segments,
							 struct segment, i);
		guint64 start = s->offset, end = s->offset + s->size;

		if (whole_pages) {
			start = PAGE_MASK_OF(start);
			end = PAGE_MASK_OF(end + 4095);
		}
		if (s->executable != executable || offset < start ||
		    offset >= end)
			continue;
		*address = s->address + (offset - s->offset);
		return TRUE;
	}
	return FALSE;
}

/* Segments share pages of the file: what is code is meant as code. */
gboolean elf_file_address(const ElfFile *f, guint64 offset, guint64 *address)
{
	return segment_find(f, offset, TRUE, FALSE, address) ||
	       segment_find(f, offset, TRUE, TRUE, address) ||
	       segment_find(f, offset, FALSE, FALSE, address);
}

Dwfl_Module *elf_file_module(const ElfFile *f)
{
	return f->module;
}

const char *elf_file_path(const ElfFile *f)
{
	return f->path;
}

Elf *elf_file_elf(const ElfFile *f)
{
	return f->elf;
}

Dwarf *elf_file_dwarf(const ElfFile *f, guint64 *bias)
{
	Dwarf_Addr b = 0;
	Dwarf *dwarf = dwfl_module_getdwarf(f->module, &b);

	*bias = b;
	return dwarf;
}

ElfFile *elf_file_reopen(const ElfFile *f)
{
	g_autoptr(ElfFile) other = NULL;
	int fd = regular_open(f->path);

	if (fd < 0)
		return NULL;
	other = file_open_fd(f->search, f->path, f->recorded, fd);
	if (!other || g_strcmp0(other->build_id, f->build_id) != 0)
		return NULL;
	return g_steal_pointer(&other);
}

/* Where libdwfl found the debug file of a module; NULL: it has none so far. */
static char *debug_name(Dwfl_Module *module)
{
	const char *name = NULL;

	dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, &name);
	return name && name != (const char *)-1 ? g_strdup(name) : NULL;
}

/*
 * Finds the debug file; NULL: it has none, or needs none. Looking leaves traces
 * in libdwfl's module, so it is done with another one. It is libdwfl that has to
 * call what looks: called by anybody else, it closes descriptor 0 at its end.
 * Asking for symbols finds the file and reads little of it; DWARF, which may have
 * to be inflated, is asked for only where the symbols were not stripped.
 */
static char *debug_file_find(const ElfFile *f)
{
	g_autoptr(ElfFile) other = NULL;
	Dwarf_Addr bias;
	char *path;

	if (has_section(f->elf, ".debug_info") ||
	    has_section(f->elf, ".zdebug_info"))
		return NULL;
	other = elf_file_reopen(f);
	if (!other)
		return NULL;
	dwfl_module_getsymtab(other->module);
	path = debug_name(other->module);
	if (path || !has_section(f->elf, ".symtab"))
		return path;
	dwfl_module_getdwarf(other->module, &bias);
	return debug_name(other->module);
}

static void stamp_add(GString *stamp, const char *path, gboolean time)
{
	struct stat st;

	if (!path || stat(path, &st) != 0)
		return;
	g_string_append_printf(stamp, "%ju", (uintmax_t)st.st_size);
	if (time)
		g_string_append_printf(stamp, " %s %jd.%09ld", path,
				       (intmax_t)st.st_mtim.tv_sec,
				       st.st_mtim.tv_nsec);
	g_string_append_c(stamp, '\n');
}

const char *elf_file_stamp(ElfFile *f)
{
	g_autofree char *debug = NULL;
	GString *stamp;

	if (f->stamp)
		return f->stamp;
	debug = debug_file_find(f);
	stamp = g_string_new(NULL);
	/* Copies of one build differ in size if one of them is stripped. */
	stamp_add(stamp, f->path, FALSE);
	stamp_add(stamp, debug, TRUE);
	f->stamp = g_string_free(stamp, FALSE);
	return f->stamp;
}
