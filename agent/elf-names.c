/* SPDX-License-Identifier: MIT */
/* elf-names: see elf-names.h. No libc beyond mem* and str*. */
#include "agent/elf-names.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/arena.h"
#include "agent/sys.h"

#define NO_SYMBOL UINT32_MAX

/* A part of the file, in a block of its own. */
struct part {
	uint8_t *data;
	size_t size;	/* bytes */
};

struct image {
	int fd;			/* -1: it is in memory, at */
	const uint8_t *at;
	size_t size;		/* bytes */
	Elf64_Ehdr ehdr;
	struct part sections;	/* Elf64_Shdr, ehdr.e_shnum of them */
	struct part symbols;	/* Elf64_Sym */
	struct part strings;
};

static void part_release(struct part *p)
{
	arena_block_free(p->data, p->size);
	p->data = NULL;
	p->size = 0;
}

/* Reads exactly `size` bytes. */
static int read_exactly(const struct image *m, void *to, uint64_t at,
			size_t size)
{
	size_t done = 0;
	ssize_t got;

	if (m->at && (at > m->size || size > m->size - at))
		return -ENOEXEC;
	if (m->at)
		memcpy(to, m->at + at, size);
	while (!m->at && done < size) {
		got = sys_pread(m->fd, (uint8_t *)to + done, size - done,
				(off_t)(at + done));
		if (got <= 0)
			return got < 0 ? (int)got : -ENOEXEC;
		done += (size_t)got;
	}
	return 0;
}

static int part_read(struct part *p, const struct image *m, uint64_t at,
		     uint64_t size)
{
	if (size == 0 || size > ELF_NAMES_TABLE_MAX || at > INT64_MAX)
		return -ENOEXEC;
	p->data = arena_block(NULL, 0, size);
	if (!p->data)
		return -ENOMEM;
	p->size = size;
	return read_exactly(m, p->data, at, size);
}

/* --- the file ---------------------------------------------------------------- */

static int open_image(struct image *m, const struct elf_names_file *file)
{
	struct stat st;
	int err;

	m->fd = -1;
	m->at = file->image;
	m->size = file->image_size;
	if (m->at)
		return 0;
	m->fd = sys_open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (m->fd < 0)
		return m->fd;
	err = sys_fstat(m->fd, &st);
	if (err != 0)
		return err;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	if (file->build_id_size == 0 && st.st_ino != file->inode)
		return -ESTALE;
	return 0;
}

static int read_sections(struct image *m)
{
	const Elf64_Ehdr *e = &m->ehdr;

	if (read_exactly(m, &m->ehdr, 0, sizeof(m->ehdr)) != 0 ||
	    memcmp(e->e_ident, ELFMAG, SELFMAG) != 0 ||
	    e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_machine != EM_X86_64 ||
	    e->e_shentsize != sizeof(Elf64_Shdr) || e->e_shnum == 0)
		return -ENOEXEC;
	return part_read(&m->sections, m, e->e_shoff,
			 (uint64_t)e->e_shnum * sizeof(Elf64_Shdr));
}

static const Elf64_Shdr *section(const struct image *m, unsigned i)
{
	return (const Elf64_Shdr *)(const void *)m->sections.data + i;
}

static const Elf64_Shdr *find_section(const struct image *m, uint32_t type)
{
	unsigned i;

	for (i = 0; i < m->ehdr.e_shnum; i++)
		if (section(m, i)->sh_type == type)
			return section(m, i);
	return NULL;
}

/* Notes are in words of four bytes: namesz, descsz, type, name, description. */
static bool notes_hold(const struct part *notes, const uint8_t *id, size_t size)
{
	size_t at = 0, name, end;
	uint32_t word[3];

	while (notes->size - at >= sizeof(word)) {
		memcpy(word, notes->data + at, sizeof(word));
		name = at + sizeof(word);
		at = name + (((size_t)word[0] + 3) & ~(size_t)3);
		end = at + (((size_t)word[1] + 3) & ~(size_t)3);
		if (at > notes->size || end > notes->size)
			return false;
		if (word[2] == NT_GNU_BUILD_ID && word[0] == 4 &&
		    memcmp(notes->data + name, "GNU", 4) == 0)
			return word[1] == size &&
			       memcmp(notes->data + at, id, size) == 0;
		at = end;
	}
	return false;
}

static bool is_same(const struct image *m, const struct elf_names_file *file)
{
	struct part notes = { NULL, 0 };
	bool same = file->build_id_size == 0 || file->image;
	unsigned i;

	for (i = 0; i < m->ehdr.e_shnum && !same; i++) {
		if (section(m, i)->sh_type != SHT_NOTE)
			continue;
		if (part_read(&notes, m, section(m, i)->sh_offset,
			      section(m, i)->sh_size) == 0)
			same = notes_hold(&notes, file->build_id,
					  file->build_id_size);
		part_release(&notes);
	}
	return same;
}

static int read_symbols(struct image *m)
{
	const Elf64_Shdr *table = find_section(m, SHT_SYMTAB);
	const Elf64_Shdr *strings;
	int err;

	if (!table)
		table = find_section(m, SHT_DYNSYM);
	if (!table || table->sh_entsize != sizeof(Elf64_Sym) ||
	    table->sh_link >= m->ehdr.e_shnum)
		return -ENOEXEC;
	strings = section(m, table->sh_link);
	err = part_read(&m->symbols, m, table->sh_offset, table->sh_size);
	if (err == 0)
		err = part_read(&m->strings, m, strings->sh_offset,
				strings->sh_size);
	return err;
}

static int read_image(struct image *m, const struct elf_names_file *file)
{
	int err = open_image(m, file);

	if (err == 0)
		err = read_sections(m);
	if (err == 0 && !is_same(m, file))
		err = -ESTALE;
	return err ? err : read_symbols(m);
}

static void release_image(struct image *m)
{
	part_release(&m->sections);
	part_release(&m->symbols);
	part_release(&m->strings);
	if (m->fd >= 0)
		sys_close(m->fd);
}

/* --- the names --------------------------------------------------------------- */

static const Elf64_Sym *symbol(const struct image *m, size_t i)
{
	return (const Elf64_Sym *)(const void *)m->symbols.data + i;
}

static bool is_function(const Elf64_Sym *s)
{
	unsigned type = ELF64_ST_TYPE(s->st_info);

	return s->st_shndx != SHN_UNDEF &&
	       (type == STT_FUNC || type == STT_GNU_IFUNC ||
		(type == STT_NOTYPE && s->st_size > 0));
}

/* First of the addresses at or behind `address`. */
static size_t first_at(const struct elf_names_wanted *wanted, size_t count,
		       uint64_t address)
{
	size_t low = 0, high = count, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (wanted[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The one that begins nearest; of aliases one that others may link to. */
static bool is_better(const struct image *m, const Elf64_Sym *s,
		      const struct elf_names_wanted *w)
{
	if (w->symbol == NO_SYMBOL || s->st_value != w->start)
		return w->symbol == NO_SYMBOL || s->st_value > w->start;
	return ELF64_ST_BIND(s->st_info) == STB_GLOBAL &&
	       ELF64_ST_BIND(symbol(m, w->symbol)->st_info) != STB_GLOBAL;
}

static void offer(const struct image *m, uint32_t number,
		  struct elf_names_wanted *wanted, size_t count)
{
	const Elf64_Sym *s = symbol(m, number);
	size_t i = first_at(wanted, count, s->st_value);

	for (; i < count && (wanted[i].address == s->st_value ||
			     wanted[i].address - s->st_value < s->st_size);
	     i++) {
		if (!is_better(m, s, &wanted[i]))
			continue;
		wanted[i].symbol = number;
		wanted[i].start = s->st_value;
	}
}

static void match(const struct image *m, struct elf_names_wanted *wanted,
		  size_t count)
{
	size_t n = m->symbols.size / sizeof(Elf64_Sym), i;

	for (i = 0; i < count; i++)
		wanted[i].symbol = NO_SYMBOL;
	for (i = 0; i < n && i < NO_SYMBOL; i++)
		if (is_function(symbol(m, i)))
			offer(m, (uint32_t)i, wanted, count);
}

/* Bytes of the name, 0 if it has none. */
static size_t name_of(const struct image *m, uint32_t number,
		      const char **name)
{
	size_t at = symbol(m, number)->st_name, end = at;

	if (at >= m->strings.size)
		return 0;
	*name = (const char *)m->strings.data + at;
	while (end < m->strings.size && m->strings.data[end] != '\0')
		end++;
	return end - at;
}

int elf_names_find(const struct elf_names_file *file,
		   struct elf_names_wanted *wanted, size_t count,
		   void (*named)(const struct elf_names_wanted *w,
				 const char *name, size_t size, void *arg),
		   void *arg)
{
	struct image m;
	int err;
	size_t i, size;
	const char *name;

	memset(&m, 0, sizeof(m));
	err = read_image(&m, file);
	if (err == 0)
		match(&m, wanted, count);
	for (i = 0; err == 0 && i < count; i++) {
		if (wanted[i].symbol == NO_SYMBOL)
			continue;
		size = name_of(&m, wanted[i].symbol, &name);
		if (size > 0)
			named(&wanted[i], name, size, arg);
	}
	release_image(&m);
	return err;
}
