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

#include "tools/elf-debug.h"
#include "tools/elf-fit.h"

#define DELETED " (deleted)"
#define VDSO "[vdso]"

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

/* What a server sent has no name by itself, but then no stamp would tell that it
 * came. libdwfl frees it. */
static char *name_of_descriptor(int fd)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autofree char *path = g_file_read_link(link, NULL);

	return path ? strdup(path) : NULL;
}

/* libdwfl's question for the file with the debug information. */
static int find_debuginfo(Dwfl_Module *module, void **data, const char *name,
			  Dwarf_Addr base, const char *file, const char *link,
			  GElf_Word crc, char **found)
{
	const ElfFile *f = *data;
	ElfDebug debug;
	int fd;

	if (!f)
		return -1;
	debug = (ElfDebug){ f->search, f->path, f->recorded, f->build_id,
			    f->elf };
	fd = elf_debug_find(&debug, link, crc, found);
	if (fd < 0 && elf_debug_may_ask(&debug, link, crc))
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

	if (!elf_fit_is(fd)) {
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
		elf_debug_add_id(paths, *dir, build_id, "");
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
	elf_debug_add_id(paths, ELF_DEBUG_ROOT, build_id, "");
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
	int fd = elf_fit_open(path);
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
	int fd = elf_fit_open(f->path);

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

	if (elf_debug_has_section(f->elf, ".debug_info") ||
	    elf_debug_has_section(f->elf, ".zdebug_info"))
		return NULL;
	other = elf_file_reopen(f);
	if (!other)
		return NULL;
	dwfl_module_getsymtab(other->module);
	path = debug_name(other->module);
	if (path || !elf_debug_has_section(f->elf, ".symtab"))
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
