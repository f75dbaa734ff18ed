/* SPDX-License-Identifier: MIT */
/*
 * elf-image: program headers and notes of a mapped object. Runs in the
 * constructor and in the flusher.
 */
#include "agent/elf-image.h"

#include <elf.h>
#include <string.h>

#include "agent/memory.h"

/* Linkers make about 13; objects with more are read as far as this. */
#define PHDRS_MAX 64u

/* Notes are read as far as this; the build id is among the first. */
#define NOTES_MAX 2048u

/* The flusher's stack is small, and it is the only caller. */
static struct {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[PHDRS_MAX];
	_Alignas(8) uint8_t notes[NOTES_MAX];
} scratch;

static bool read_headers(struct memory *memory, uint64_t header,
			 unsigned *count)
{
	Elf64_Ehdr *ehdr = &scratch.ehdr;
	size_t size;

	if (memory_copy(memory, header, ehdr, sizeof(*ehdr)) != sizeof(*ehdr))
		return false;
	if (memcmp(ehdr->e_ident, ELFMAG, SELFMAG) != 0 ||
	    ehdr->e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr->e_machine != EM_X86_64 ||
	    ehdr->e_phentsize != sizeof(Elf64_Phdr))
		return false;
	*count = ehdr->e_phnum < PHDRS_MAX ? ehdr->e_phnum : PHDRS_MAX;
	size = *count * sizeof(Elf64_Phdr);
	return memory_copy(memory, header + ehdr->e_phoff, scratch.phdrs,
			   size) == size;
}

/* Bytes from p_vaddr to memory, from the segment that `m` is mapped from. */
static bool find_bias(struct module *m, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const Elf64_Phdr *p = &scratch.phdrs[i];
		uint64_t page = p->p_offset & ~(uint64_t)(MEMORY_PAGE - 1);

		if (p->p_type == PT_LOAD && (p->p_flags & PF_X) &&
		    m->offset >= page &&
		    m->offset < p->p_offset + p->p_filesz) {
			m->bias = m->start - m->offset + p->p_offset -
				  p->p_vaddr;
			return true;
		}
	}
	return false;
}

static size_t aligned(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* Go's linker leaves a note of its own. */
#define NOTE_GO_BUILD_ID 4u

/* Takes the build id from a note; true if it is one that Go programs have. */
static bool note_take(struct module *m, const Elf64_Nhdr *note,
		      const uint8_t *name, const uint8_t *desc)
{
	if (note->n_namesz != 4)
		return false;
	if (note->n_type == NT_GNU_BUILD_ID && m->build_id_size == 0 &&
	    note->n_descsz <= MODULE_BUILD_ID_MAX &&
	    memcmp(name, "GNU", 4) == 0) {
		m->build_id_size = (uint8_t)note->n_descsz;
		memcpy(m->build_id, desc, note->n_descsz);
	}
	return note->n_type == NOTE_GO_BUILD_ID && memcmp(name, "Go\0", 4) == 0;
}

/*
 * Looks for the build id among `size` bytes of notes; true if one of them is
 * Go's.
 */
static bool read_notes(struct module *m, size_t size)
{
	bool is_go = false;
	Elf64_Nhdr note;
	size_t at = 0;

	while (at + sizeof(note) <= size) {
		size_t name, desc;

		memcpy(&note, scratch.notes + at, sizeof(note));
		name = at + sizeof(note);
		if (note.n_namesz > size || note.n_descsz > size)
			break;
		desc = name + aligned(note.n_namesz);
		at = desc + aligned(note.n_descsz);
		if (desc + note.n_descsz <= size)
			is_go |= note_take(m, &note, scratch.notes + name,
					   scratch.notes + desc);
	}
	return is_go;
}

/* The next loaded segment from *i on that is not code. */
static const Elf64_Phdr *next_data(unsigned *i, unsigned count)
{
	for (; *i < count; ++*i) {
		const Elf64_Phdr *p = &scratch.phdrs[*i];

		if (p->p_type == PT_LOAD && (p->p_flags & PF_R) &&
		    !(p->p_flags & PF_X))
			return &scratch.phdrs[(*i)++];
	}
	return NULL;
}

static struct go_range range_of(const struct module *m, const Elf64_Phdr *p)
{
	uint64_t low = m->bias + p->p_vaddr;

	return (struct go_range){ low, low + p->p_filesz };
}

/* The last one: what is made read-only when all is relocated lies before. */
static struct go_range find_variables(const struct module *m, unsigned count)
{
	struct go_range found = { 0, 0 };
	const Elf64_Phdr *p;
	unsigned i = 0;

	while ((p = next_data(&i, count)) != NULL)
		if (p->p_flags & PF_W)
			found = range_of(m, p);
	return found;
}

/* Go's table lies in one of the segments that are not code. */
static void find_go_table(struct module *m, struct memory *memory,
			  unsigned count)
{
	const struct go_range text = { m->start, m->end };
	const struct go_range variables = find_variables(m, count);
	const Elf64_Phdr *p;
	unsigned i = 0;

	while (m->go.count == 0 && (p = next_data(&i, count)) != NULL)
		go_table_search(&m->go, memory, range_of(m, p), variables,
				text);
}

bool elf_image_read(struct module *m, uint64_t header)
{
	struct memory memory;
	bool is_go = false;
	unsigned count;

	memory_init(&memory, 0, 0);
	if (!read_headers(&memory, header, &count) || !find_bias(m, count))
		return false;
	for (unsigned i = 0; i < count; i++) {
		const Elf64_Phdr *p = &scratch.phdrs[i];
		uint64_t addr = m->bias + p->p_vaddr;
		size_t size = p->p_filesz < NOTES_MAX ? p->p_filesz : NOTES_MAX;

		if (p->p_type == PT_GNU_EH_FRAME) {
			m->eh_frame_hdr = (const uint8_t *)(uintptr_t)addr;
			m->eh_frame_hdr_size = p->p_memsz;
		} else if (p->p_type == PT_NOTE) {
			is_go |= read_notes(m, memory_copy(&memory, addr,
							   scratch.notes,
							   size));
		}
	}
	if (is_go)
		find_go_table(m, &memory, count);
	return true;
}
