/* SPDX-License-Identifier: MIT */
/*
 * go-table: Go's table of functions. It is found in the constructor and in the
 * flusher, and read in the signal handler and in the flusher.
 *
 *	header: magic, three sizes, then eight words of which these matter:
 *	  number of functions, start of the code, offsets of names (3rd), of
 *	  the tables of values by pc (6th) and of the functions (7th)
 *	functions: { start, offset of its record } * number, and the last's end
 *	record: start, name, two more, offset of the depths ...
 *	depths: pairs of LEB128: change of depth (zigzag), bytes of its code
 */
#include "agent/go-table.h"

#include <string.h>

#define MAGIC_1_18 0xfffffff0u
#define MAGIC_1_20 0xfffffff1u

#define HEADER_SIZE 72u
#define ALIGNMENT 8u		/* of the table, by the linker */
#define OVERLAP (9 * ALIGNMENT)	/* no less than a header */
#define FUNCTIONS_MAX (1u << 24)

/* The largest programs' read-only data; more is not looked through. */
#define SEARCH_MAX (1ull << 30)

/* Changes of depth within one function: generated ones have some thousands. */
#define CHANGES_MAX 16384u

/* In a record. */
#define RECORD_NAME 4u
#define RECORD_DEPTHS 16u
#define RECORD_SIZE 20u

/* Of the program's record of it, in words. */
#define MODULE_NAMES 1u
#define MODULE_TEXT 22u
#define MODULE_WORDS 23u

struct header {
	uint32_t magic;
	uint8_t zero[2], code_unit, pointer_size;
	uint64_t count, files, text;
	uint64_t names, units, file_names, depths, functions; /* offsets */
};

/* --- finding it --------------------------------------------------------- */

static bool header_is_good(const struct header *h, uint64_t room)
{
	return (h->magic == MAGIC_1_18 || h->magic == MAGIC_1_20) &&
	       h->zero[0] == 0 && h->zero[1] == 0 && h->code_unit == 1 &&
	       h->pointer_size == 8 && h->count > 0 &&
	       h->count <= FUNCTIONS_MAX && h->names < room &&
	       h->depths < room && h->functions < room &&
	       8 * h->count + 4 <= room - h->functions;
}

/*
 * Where the code starts by the program's record, which begins with the
 * addresses of the table and of its names. 0: there is none.
 */
static uint64_t find_text(struct memory *memory, struct go_range variables,
			  uint64_t table, uint64_t names)
{
	static uint64_t words[1024];
	uint64_t addr = (variables.low + 7) & ~(uint64_t)7;

	while (addr < variables.high && addr - variables.low < SEARCH_MAX) {
		size_t room = variables.high - addr;
		size_t size = room < sizeof(words) ? room : sizeof(words);
		size_t got = memory_copy(memory, addr, words, size) / 8;

		for (size_t i = 0; i + MODULE_WORDS <= got; i++)
			if (words[i] == table &&
			    words[i + MODULE_NAMES] == names)
				return words[i + MODULE_TEXT];
		/* A record across the end of a piece is met again. */
		if (got < sizeof(words) / 8)
			break;
		addr += sizeof(words) - 8 * MODULE_WORDS;
	}
	return 0;
}

/* The table whose header lies at `addr`, if it is of that code. */
static bool table_init(struct go_table *t, struct memory *memory,
		       const struct header *h, uint64_t addr, uint64_t high,
		       struct go_range variables)
{
	uint32_t first, end;

	t->text = h->text != 0 ? h->text : find_text(memory, variables, addr,
						     addr + h->names);
	t->functions = addr + h->functions;
	t->names = addr + h->names;
	t->depths = addr + h->depths;
	t->limit = high;
	if (memory_copy(memory, t->functions, &first, 4) != 4 ||
	    memory_copy(memory, t->functions + 8 * h->count, &end, 4) != 4 ||
	    first != 0)
		return false;
	t->text_end = t->text + end;
	t->count = h->count;
	return true;
}

static bool table_is_of(const struct go_table *t, struct go_range text)
{
	return t->text >= text.low && t->text < t->text_end &&
	       t->text_end <= text.high;
}

bool go_table_search(struct go_table *t, struct memory *memory,
		     struct go_range constants, struct go_range variables,
		     struct go_range text)
{
	static _Alignas(8) uint8_t piece[16384];
	uint64_t low = constants.low, high = constants.high;
	uint64_t addr = (low + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);

	while (addr < high && addr - low < SEARCH_MAX) {
		size_t size = high - addr < sizeof(piece) ? high - addr :
							    sizeof(piece);
		size_t got = memory_copy(memory, addr, piece, size);

		for (size_t at = 0; at + HEADER_SIZE <= got; at += ALIGNMENT) {
			struct header h;

			memcpy(&h, piece + at, sizeof(h));
			if (header_is_good(&h, high - addr - at) &&
			    table_init(t, memory, &h, addr + at, high,
				       variables) &&
			    table_is_of(t, text))
				return true;
		}
		/* A header across the end of a piece is met again. */
		if (got < sizeof(piece))
			break;
		addr += sizeof(piece) - OVERLAP;
	}
	memset(t, 0, sizeof(*t));
	return false;
}

/* --- reading it --------------------------------------------------------- */

static bool read32(const struct go_table *t, const struct dw_source *source,
		   uint64_t addr, uint32_t *value)
{
	if (addr > t->limit || t->limit - addr < 4)
		return false;
	if (addr >= source->low && addr < source->high &&
	    source->high - addr >= 4) {
		memcpy(value, (const void *)(uintptr_t)addr, 4);
		return true;
	}
	return memory_copy_near(source->memory, addr, value, 4) == 4;
}

bool go_table_find(const struct go_table *t, const struct dw_source *source,
		   uint64_t pc, struct go_function *f)
{
	uint64_t low = 0, count = t->count;
	uint32_t start, offset, name, depths;

	if (pc < t->text || pc >= t->text_end)
		return false;
	while (count > 1) {
		uint64_t half = count / 2;

		if (!read32(t, source, t->functions + 8 * (low + half),
			    &start))
			return false;
		low = t->text + start <= pc ? low + half : low;
		count -= half;
	}
	if (!read32(t, source, t->functions + 8 * low, &start) ||
	    !read32(t, source, t->functions + 8 * low + 4, &offset) ||
	    !read32(t, source, t->functions + offset + RECORD_NAME, &name) ||
	    !read32(t, source, t->functions + offset + RECORD_DEPTHS, &depths))
		return false;
	f->entry = t->text + start;
	f->name = t->names + name;
	f->depths = depths != 0 ? t->depths + depths : 0;
	return f->entry <= pc;
}

/* Opens a cursor at `addr`, which a table refers to. */
static bool cursor_open(struct dw_cursor *c, const struct go_table *t,
			const struct dw_source *source, uint64_t addr)
{
	if (addr >= t->limit)
		return false;
	dw_cursor_init(c, source, addr, t->limit);
	return true;
}

bool go_table_depth(const struct go_table *t, const struct dw_source *source,
		    const struct go_function *f, uint64_t pc, uint64_t *bytes)
{
	uint64_t at = f->entry, depth = UINT64_MAX;	/* -1 */
	struct dw_cursor c;

	if (f->depths == 0 || !cursor_open(&c, t, source, f->depths))
		return false;
	for (unsigned i = 0; i < CHANGES_MAX; i++) {
		uint64_t change = dw_cursor_uleb(&c) & UINT32_MAX;

		if ((change == 0 && i > 0) || c.bad)
			return false;	/* the end */
		depth += change & 1 ? ~(change >> 1) : change >> 1;
		at += dw_cursor_uleb(&c) & UINT32_MAX;
		if (pc < at) {
			*bytes = depth;
			return !c.bad && depth <= INT32_MAX;
		}
	}
	return false;
}

void go_table_name(const struct go_table *t, const struct dw_source *source,
		   const struct go_function *f, char *name, unsigned size)
{
	struct dw_cursor c;
	unsigned n = 0;

	name[0] = '\0';
	if (!cursor_open(&c, t, source, f->name))
		return;
	while (n + 1 < size && (name[n] = (char)dw_cursor_u8(&c)) != '\0')
		n++;
	name[n] = '\0';
}
