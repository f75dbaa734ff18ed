/* SPDX-License-Identifier: MIT */
/*
 * elf-names: names of functions from the symbol table of an object's file.
 *
 * What is loaded has .dynsym alone, in which static functions are missing, so
 * the file is read. Nothing in it is trusted; it is read and not mapped, since
 * somebody may cut it short meanwhile. Flusher, or ordinary context: opens a
 * descriptor for the time of the call.
 */
#ifndef PROFAGENT_AGENT_ELF_NAMES_H
#define PROFAGENT_AGENT_ELF_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A larger table is not read: it would take memory from the program. */
#define ELF_NAMES_TABLE_MAX (256u << 20)	/* bytes */

/* The file that was loaded, so that no other is taken for it. */
struct elf_names_file {
	const char *path;
	uint64_t inode;			/* asked where there is no build id */
	const uint8_t *build_id;
	size_t build_id_size;		/* bytes; 0: none */
	const void *image;		/* where there is no file but the whole
					 * of it in memory (vdso); else NULL */
	size_t image_size;		/* bytes */
};

struct elf_names_wanted {
	uint64_t address;	/* in the object, as its symbols are */
	uint32_t symbol;	/* for elf_names_find() alone */
	uint32_t reserved;
	uint64_t start;		/* for elf_names_find() alone */
};

/*
 * Calls `named` for each of the addresses, which are in ascending order, that
 * lies in a function with a name; the name has `size` bytes, of any value, and
 * no NUL. Takes 10 ns a symbol, and memory for the table. Returns 0, -ESTALE
 * for another file than the one loaded, -ENOEXEC for no ELF file of this
 * machine or one without symbols, or another -errno.
 */
int elf_names_find(const struct elf_names_file *file,
		   struct elf_names_wanted *wanted, size_t count,
		   void (*named)(const struct elf_names_wanted *w,
				 const char *name, size_t size, void *arg),
		   void *arg);

#endif
