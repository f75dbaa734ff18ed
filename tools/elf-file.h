/* SPDX-License-Identifier: MIT */
/*
 * elf-file: one object that was profiled, found again and opened.
 *
 * The file recorded in the profile may have been replaced, deleted, or belong
 * to another machine or container. It is looked for in --symbols directories
 * (by build id, then by name), under --sysroot, in the process's own root, at
 * its own path, and by build id in /usr/lib/debug and at debuginfod; a candidate whose build id differs from the
 * recorded one is never used. elfutils then finds its debug file the same way.
 */
#ifndef PROFAGENT_TOOLS_ELF_FILE_H
#define PROFAGENT_TOOLS_ELF_FILE_H

#include <elfutils/libdwfl.h>
#include <gio/gio.h>

typedef struct _ElfFile ElfFile;

#define ELF_FILE_ERROR elf_file_error_quark()
GQuark elf_file_error_quark(void);

typedef enum {
	ELF_FILE_ERROR_MISSING,		/* no such file anywhere */
	ELF_FILE_ERROR_DIFFERENT,	/* found, but with another build id */
	ELF_FILE_ERROR_UNUSABLE,	/* not ELF, or damaged */
} ElfFileError;

/* Where to look; all may be NULL. Strings are the caller's and must live as
 * long as the files opened with them. */
typedef struct {
	const char *sysroot;
	const char *root;	/* of the process, which still lives */
	char **symbol_dirs;
} ElfFileSearch;

/*
 * `path` as the profile has it (" (deleted)" at its end is understood, "[vdso]"
 * is our own process's), `build_id` in hex, "" or NULL if none was recorded;
 * then a file changed after `not_after` (seconds, Unix; 0: any) is refused.
 * Returns NULL with one of the errors above; its message names the file.
 */
ElfFile *elf_file_open(const ElfFileSearch *search, const char *path,
		       const char *build_id, gint64 not_after, GError **error);
void elf_file_free(ElfFile *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ElfFile, elf_file_free)

/*
 * The same object once more, for another thread: elfutils' handles are for one
 * thread each. NULL if it cannot be opened again, as the vdso cannot.
 */
ElfFile *elf_file_reopen(const ElfFile *f);

/* The virtual address that the byte at `offset` is loaded at; FALSE if it is
 * not loaded at all. */
gboolean elf_file_address(const ElfFile *f, guint64 offset, guint64 *address);

/* elfutils' view, owned by `f`. Its addresses are those of
 * elf_file_address(). */
Dwfl_Module *elf_file_module(const ElfFile *f);

/* Where it was found; "[vdso]" is no file. Owned by `f`. */
const char *elf_file_path(const ElfFile *f);

/* The object itself, without its debug file. Never NULL. */
Elf *elf_file_elf(const ElfFile *f);

/* NULL if it has no DWARF. `bias`: add to DWARF's addresses to get ours. */
Dwarf *elf_file_dwarf(const ElfFile *f, guint64 *bias);

/*
 * Text that changes when the names may although the build id does not: this
 * copy is stripped, its debug file came, went or changed. Owned by `f`.
 */
const char *elf_file_stamp(ElfFile *f);

/* Lower-case hex, g_free() it; NULL if there is none. */
char *elf_file_build_id(Elf *elf);

#endif
