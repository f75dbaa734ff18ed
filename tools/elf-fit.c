/* SPDX-License-Identifier: MIT */
/*
 * What elfutils is kept from: it would unpack a whole file that is no ELF but
 * compressed, and any section to the size that the section itself claims.
 */
#include "tools/elf-fit.h"

#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPANDS_FREE (64ull << 20)	/* bytes that any file may expand to */
#define EXPANDS_TIMES 64		/* and to how often its own size */

int elf_fit_open(const char *path)
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

gboolean elf_fit_is(int fd)
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
