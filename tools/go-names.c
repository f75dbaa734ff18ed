/* SPDX-License-Identifier: MIT */
/*
 * go-names: see go-names.h.
 *
 *	header: magic, three sizes, then eight words: number of functions and of
 *	  files, start of the code, offsets of names, units, file names, values
 *	  and functions
 *	functions: { start, offset of its record } * number, and the last's end
 *	values: for each, pairs of LEB128: change (zigzag), units of code that
 *	  have the value then: a file's number in its unit, a line, a call in the
 *	  tree of inlined calls
 *
 * Where those trees lie only the module's own record says (struct moduledata),
 * and from Go 1.26 on it alone knows where the code starts. It is found as what
 * begins with the addresses of the table and of its names. In a position
 * independent program such addresses are in relocations.
 */
#include "tools/go-names.h"

#include <gelf.h>
#include <string.h>

#define MAGIC_1_18 0xfffffff0u
#define MAGIC_1_20 0xfffffff1u
#define ALIGNMENT 8u			/* of the table, at least */
#define FUNCTIONS_MAX (1u << 24)
#define NAME_MAX_BYTES 65536u
#define INLINES_MAX 256u		/* deep */
/* Of one kind within a function: generated ones have some thousands. */
#define CHANGES_MAX 16384u
#define MODULES_MAX 16u			/* places that may be the record */
#define NONE G_MAXUINT32

struct header {
	guint32 magic;
	guint8 zero[2], code_unit, pointer_size;
	guint64 count, file_count, text;
	guint64 names, units, files, values, functions; /* offsets */
};

/* Of the module's record, in words. */
enum {
	MODULE_TABLE = 0,
	MODULE_NAMES = 1,
	MODULE_TEXT = 22,
	MODULE_TYPES = 37,
	MODULE_TREES_1_18 = 38,
	MODULE_TREES_1_20 = 40,
	MODULE_TREES_1_27 = 43,
};

/* A function's record; what follows `nfuncdata`, and where, differs. */
struct record {
	guint32 start, name, arguments, deferred;
	guint32 depths, files, lines, value_count, unit;
};

#define RECORD_SIZE_1_18 40u
#define RECORD_SIZE_1_20 44u
#define RECORD_START_LINE 36u		/* from 1.20 on */
#define VALUE_INLINED 2u		/* which of its values, */
#define DATA_INLINED 3u			/* and which of its data */

/* Bytes of the file that are loaded together. */
struct segment {
	guint64 address, size, offset;
	gboolean writable;
};

struct _GoNames {
	const guint8 *image;		/* the file */
	Elf *elf;
	GArray *segments;
	const guint8 *table;		/* in it, `room` bytes */
	gsize room;
	guint64 address;		/* of the table */
	guint64 text, trees;		/* trees 0: unknown */
	struct header header;
	GHashTable *starts;		/* before 1.20: name -> its line */
};

/* A place in the source. */
struct place {
	const char *file;		/* "" unknown */
	gint32 line;
};

/* A function at a place in the code. */
struct function {
	const guint8 *record;
	guint32 offset;			/* of the record */
	struct record r;
	guint64 entry;
};

/* --- bytes ------------------------------------------------------------------ */

/* `size` bytes of the loaded file, NULL if they are not all there. */
static const guint8 *bytes_at(const GoNames *g, guint64 address, guint64 size)
{
	for (guint i = 0; i < g->segments->len; i++) {
		const struct segment *s = &g_array_index(
			g->segments, struct segment, i);

		if (address >= s->address && address - s->address < s->size &&
		    size <= s->size - (address - s->address))
			return g->image + s->offset + (address - s->address);
	}
	return NULL;
}

/* The same of the table, by offset. */
static const guint8 *table_at(const GoNames *g, guint64 offset, gsize size)
{
	if (offset > g->room || g->room - offset < size)
		return NULL;
	return g->table + offset;
}

static gboolean table_read32(const GoNames *g, guint64 offset, guint32 *value)
{
	const guint8 *at = table_at(g, offset, sizeof(*value));

	if (at)
		memcpy(value, at, sizeof(*value));
	return at != NULL;
}

/* Owned by the file; "" if it does not end. */
static const char *table_text(const GoNames *g, guint64 offset)
{
	const guint8 *at = table_at(g, offset, 1);
	gsize most = at ? MIN(g->room - offset, NAME_MAX_BYTES) : 0;

	return at && memchr(at, '\0', most) ? (const char *)at : "";
}

/* --- the file ---------------------------------------------------------------- */

static void segments_read(GoNames *g, gsize size)
{
	size_t count;

	if (elf_getphdrnum(g->elf, &count) != 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct segment s;
		GElf_Phdr p;

		if (!gelf_getphdr(g->elf, (int)i, &p) ||
		    p.p_type != PT_LOAD || p.p_offset >= size)
			continue;
		s.address = p.p_vaddr;
		s.offset = p.p_offset;
		s.size = MIN(p.p_filesz, size - p.p_offset);
		s.writable = (p.p_flags & PF_W) != 0;
		g_array_append_val(g->segments, s);
	}
}

static gboolean header_is_good(const struct header *h, guint64 room)
{
	return (h->magic == MAGIC_1_18 || h->magic == MAGIC_1_20) &&
	       h->zero[0] == 0 && h->zero[1] == 0 && h->code_unit > 0 &&
	       h->code_unit <= 4 && h->pointer_size == 8 && h->count > 0 &&
	       h->count <= FUNCTIONS_MAX && h->names < room &&
	       h->units < room && h->files < room && h->values < room &&
	       h->functions < room && 8 * h->count + 4 <= room - h->functions;
}

/* Whether a table begins at `address`, `room` bytes before the end. */
static gboolean table_is_at(GoNames *g, guint64 address, const guint8 *at,
			    guint64 room)
{
	if (room < sizeof(g->header))
		return FALSE;
	memcpy(&g->header, at, sizeof(g->header));
	if (!header_is_good(&g->header, room))
		return FALSE;
	g->table = at;
	g->room = room;
	g->address = address;
	return TRUE;
}

/* By the bytes it begins with. */
static gboolean table_search(GoNames *g)
{
	for (guint i = 0; i < g->segments->len; i++) {
		const struct segment *s = &g_array_index(
			g->segments, struct segment, i);
		const guint8 *from = g->image + s->offset;
		guint64 at = -s->address & (ALIGNMENT - 1);

		for (; at + sizeof(g->header) <= s->size; at += ALIGNMENT)
			if (table_is_at(g, s->address + at, from + at,
					s->size - at))
				return TRUE;
	}
	return FALSE;
}

/* What the section headers say. */
struct sections {
	gboolean any, go;
	guint64 table;			/* 0: none */
};

static struct sections sections_read(Elf *elf)
{
	struct sections found = { 0 };
	Elf_Scn *scn = NULL;
	size_t strings;

	if (elf_getshdrstrndx(elf, &strings) != 0)
		return found;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = NULL;
		GElf_Shdr sh;

		if (gelf_getshdr(scn, &sh))
			name = elf_strptr(elf, strings, sh.sh_name);
		if (!name)
			continue;
		found.any = TRUE;
		found.go |= g_str_has_prefix(name, ".go.") ||
			    strcmp(name, ".note.go.buildid") == 0;
		if (g_str_has_suffix(name, ".gopclntab"))
			found.table = sh.sh_addr;
	}
	return found;
}

/* The section may be gone: strip takes headers, ld puts sections together. */
static gboolean table_find(GoNames *g)
{
	struct sections found = sections_read(g->elf);
	const guint8 *at;

	for (guint i = 0; found.table && i < g->segments->len; i++) {
		const struct segment *s = &g_array_index(
			g->segments, struct segment, i);

		at = bytes_at(g, found.table, sizeof(g->header));
		if (at && found.table >= s->address &&
		    found.table - s->address < s->size &&
		    table_is_at(g, found.table, at,
				s->size - (found.table - s->address)))
			return TRUE;
	}
	return (found.go || !found.any) && table_search(g);
}

/* --- the module's record --------------------------------------------------------- */

typedef gboolean (*RelocationFunc)(gpointer data, guint64 address,
				   guint64 value);

/* Addresses that a loader puts in; until `each` says that it is enough. */
static void relocations_each(Elf *elf, RelocationFunc each, gpointer data)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *d;
		GElf_Rela r;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA ||
		    sh.sh_entsize == 0 || !(d = elf_getdata(scn, NULL)))
			continue;
		for (guint64 i = 0; i < d->d_size / sh.sh_entsize; i++)
			if (gelf_getrela(d, (int)i, &r) &&
			    GELF_R_SYM(r.r_info) == 0 &&
			    each(data, r.r_offset, (guint64)r.r_addend))
				return;
	}
}

struct wanted {
	guint64 address, value;
	gboolean found;
};

static gboolean is_of_address(gpointer data, guint64 address, guint64 value)
{
	struct wanted *w = data;

	if (address != w->address)
		return FALSE;
	w->value = value;
	w->found = TRUE;
	return TRUE;
}

/* A word as the program would find it; 0: there is none. */
static guint64 word_at(const GoNames *g, guint64 address)
{
	const guint8 *at = bytes_at(g, address, 8);
	struct wanted w = { address, 0, FALSE };

	if (at)
		memcpy(&w.value, at, 8);
	if (at && w.value == 0)
		relocations_each(g->elf, is_of_address, &w);
	return w.value;
}

static gboolean is_module(const GoNames *g, guint64 address)
{
	return word_at(g, address) == g->address &&
	       word_at(g, address + 8 * MODULE_NAMES) ==
		       g->address + g->header.names;
}

struct module_search {
	const GoNames *g;
	guint64 found;
	guint tried;
};

static gboolean is_module_relocation(gpointer data, guint64 address,
				     guint64 value)
{
	struct module_search *s = data;

	if (value != s->g->address)
		return FALSE;
	if (is_module(s->g, address))
		s->found = address;
	return s->found != 0 || ++s->tried >= MODULES_MAX;
}

/* 0: there is none. */
static guint64 module_find(const GoNames *g)
{
	struct module_search search = { g, 0, 0 };
	guint tried = 0;

	for (guint i = 0; i < g->segments->len; i++) {
		const struct segment *s = &g_array_index(
			g->segments, struct segment, i);
		guint64 at = -s->address & 7, word;

		for (; s->writable && at + 8 <= s->size; at += 8) {
			memcpy(&word, g->image + s->offset + at, 8);
			if (word != g->address)
				continue;
			if (is_module(g, s->address + at))
				return s->address + at;
			if (++tried >= MODULES_MAX)
				return 0;
		}
	}
	relocations_each(g->elf, is_module_relocation, &search);
	return search.found;
}

static gboolean is_old(const GoNames *g)
{
	return g->header.magic == MAGIC_1_18;
}

/*
 * The address of the trees. 1.27 has put the length of the types between
 * their address and their end; before there is the end, which is no length of
 * what lies before the next word, the start of all constants.
 */
static guint64 module_trees(const GoNames *g, guint64 module)
{
	guint64 types, length, end;
	guint word = MODULE_TREES_1_20;

	types = word_at(g, module + 8 * MODULE_TYPES);
	length = word_at(g, module + 8 * (MODULE_TYPES + 1));
	end = word_at(g, module + 8 * (MODULE_TYPES + 2));
	if (is_old(g))
		word = MODULE_TREES_1_18;
	else if (end > types && length <= end - types)
		word = MODULE_TREES_1_27;
	return word_at(g, module + 8 * word);
}

/* Where the code starts, and the trees lie. FALSE: the former is unknown. */
static gboolean module_read(GoNames *g)
{
	guint64 module = module_find(g);

	g->text = g->header.text;
	if (module != 0) {
		g->trees = module_trees(g, module);
		g->text = word_at(g, module + 8 * MODULE_TEXT);
	}
	return g->text != 0;
}

/* --- opening ------------------------------------------------------------------- */

GoNames *go_names_new(Elf *elf)
{
	GoNames *g;
	size_t size;
	const char *image = elf_rawfile(elf, &size);
	const char *ident = elf_getident(elf, NULL);

	if (!image || !ident || ident[EI_CLASS] != ELFCLASS64 ||
	    ident[EI_DATA] != ELFDATA2LSB || G_BYTE_ORDER != G_LITTLE_ENDIAN)
		return NULL;
	g = g_new0(GoNames, 1);
	g->elf = elf;
	g->image = (const guint8 *)image;
	g->segments = g_array_new(FALSE, FALSE, sizeof(struct segment));
	segments_read(g, size);
	if (table_find(g) && module_read(g))
		return g;
	go_names_free(g);
	return NULL;
}

void go_names_free(GoNames *g)
{
	if (!g)
		return;
	g_array_free(g->segments, TRUE);
	g_clear_pointer(&g->starts, g_hash_table_destroy);
	g_free(g);
}

/* --- functions ------------------------------------------------------------------ */

static gboolean entry_read(const GoNames *g, guint64 i, guint32 *start,
			   guint32 *record)
{
	guint64 at = g->header.functions + 8 * i;

	return table_read32(g, at, start) &&
	       (i == g->header.count || table_read32(g, at + 4, record));
}

static gboolean function_read(const GoNames *g, guint64 i, struct function *f)
{
	guint32 start;

	if (!entry_read(g, i, &start, &f->offset))
		return FALSE;
	f->record = table_at(g, g->header.functions + f->offset,
			     is_old(g) ? RECORD_SIZE_1_18 : RECORD_SIZE_1_20);
	if (!f->record)
		return FALSE;
	memcpy(&f->r, f->record, sizeof(f->r));
	f->entry = g->text + start;
	return TRUE;
}

/* The function whose code begins last at or before `pc`. */
static gboolean function_find(const GoNames *g, guint64 pc, struct function *f)
{
	guint64 low = 0, count = g->header.count;
	guint32 start, record;

	if (pc < g->text || !entry_read(g, count, &start, &record) ||
	    pc - g->text >= start || !entry_read(g, 0, &start, &record) ||
	    pc - g->text < start)
		return FALSE;
	while (count > 1) {
		guint64 half = count / 2;

		if (!entry_read(g, low + half, &start, &record))
			return FALSE;
		low = start <= pc - g->text ? low + half : low;
		count -= half;
	}
	return function_read(g, low, f);
}

/* --- values ----------------------------------------------------------------------- */

static gboolean leb_read(const GoNames *g, guint64 *at, guint32 *value)
{
	guint shift = 0;

	*value = 0;
	while (*at < g->room && shift < 32) {
		guint8 byte = g->table[(*at)++];

		*value |= (guint32)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return TRUE;
		shift += 7;
	}
	return FALSE;
}

/* What the values at `offset` say of `pc`; -1: nothing. */
static gint32 value_at(const GoNames *g, guint32 offset, guint64 entry,
		       guint64 pc)
{
	guint64 at = g->header.values + offset, end = entry;
	guint32 value = NONE, change, length;

	if (offset == 0)
		return -1;
	for (guint i = 0; i < CHANGES_MAX; i++) {
		if (!leb_read(g, &at, &change) || (change == 0 && i > 0) ||
		    !leb_read(g, &at, &length))
			break;
		value += change & 1 ? ~(change >> 1) : change >> 1;
		end += (guint64)length * g->header.code_unit;
		if (pc < end)
			return (gint32)value;
	}
	return -1;
}

static struct place place_at(const GoNames *g, const struct function *f,
			     guint64 pc)
{
	gint32 file = value_at(g, f->r.files, f->entry, pc);
	struct place place = { "", MAX(value_at(g, f->r.lines, f->entry, pc),
				       0) };
	guint32 name;

	if (file >= 0 && f->r.unit != NONE &&
	    table_read32(g, g->header.units + 4 * ((guint64)f->r.unit +
						   (guint32)file), &name) &&
	    name != NONE)
		place.file = table_text(g, g->header.files + name);
	return place;
}

/* --- inlined calls ------------------------------------------------------------------ */

struct call {
	const char *name;
	gint32 start_line;		/* 0: unknown */
	guint64 parent;			/* a place in the code of the caller */
};

/* As it is in the file, before and from 1.20 on. */
struct call_1_18 {
	gint16 parent;
	guint8 kind, unused;
	gint32 file, line, name, parent_pc;
};

struct call_1_20 {
	guint8 kind, unused[3];
	gint32 name, parent_pc, start_line;
};

static const char *name_at(const GoNames *g, guint32 offset)
{
	return table_text(g, g->header.names + offset);
}

/* Where each function's line is that is not written: that of its first byte. */
static GHashTable *starts_read(const GoNames *g)
{
	GHashTable *starts = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint64 i = 0; i < g->header.count; i++) {
		struct function f;
		gint32 line;

		if (!function_read(g, i, &f))
			continue;
		line = place_at(g, &f, f.entry).line;
		g_hash_table_insert(starts, (gpointer)(guintptr)name_at(
			g, f.r.name), GINT_TO_POINTER(line));
	}
	return starts;
}

static gint32 start_of_name(GoNames *g, const char *name)
{
	if (!g->starts)
		g->starts = starts_read(g);
	return GPOINTER_TO_INT(g_hash_table_lookup(g->starts, name));
}

static gint32 start_line(const GoNames *g, const struct function *f)
{
	gint32 line;

	if (is_old(g))
		return place_at(g, f, f->entry).line;
	memcpy(&line, f->record + RECORD_START_LINE, sizeof(line));
	return MAX(line, 0);
}

/* Address of the tree of the calls inlined into `f`; 0: none is known. */
static guint64 tree_of(const GoNames *g, const struct function *f)
{
	gsize size = is_old(g) ? RECORD_SIZE_1_18 : RECORD_SIZE_1_20;
	guint64 at = g->header.functions + f->offset + size +
		     4 * ((guint64)f->r.value_count + DATA_INLINED);
	guint32 data;

	/* the record's last byte is the number of its data */
	if (g->trees == 0 || f->record[size - 1] <= DATA_INLINED ||
	    !table_read32(g, at, &data) || data == NONE)
		return 0;
	return g->trees + data;
}

/* Which call of the tree `pc` is in; -1: none, it is the function's own. */
static gint32 call_index(const GoNames *g, const struct function *f,
			 guint64 pc)
{
	gsize size = is_old(g) ? RECORD_SIZE_1_18 : RECORD_SIZE_1_20;
	guint32 values;

	if (f->r.value_count <= VALUE_INLINED ||
	    !table_read32(g, g->header.functions + f->offset + size +
			  4 * VALUE_INLINED, &values))
		return -1;
	return value_at(g, values, f->entry, pc);
}

static gboolean call_read(GoNames *g, const struct function *f, guint64 tree,
			  gint32 index, struct call *c)
{
	struct call_1_18 old = { 0 };
	struct call_1_20 new = { 0 };
	gsize size = is_old(g) ? sizeof(old) : sizeof(new);
	const guint8 *at = bytes_at(g, tree + size * (guint32)index, size);
	gint32 parent;

	if (tree == 0 || !at)
		return FALSE;
	memcpy(is_old(g) ? (gpointer)&old : (gpointer)&new, at, size);
	parent = is_old(g) ? old.parent_pc : new.parent_pc;
	c->name = name_at(g, (guint32)(is_old(g) ? old.name : new.name));
	c->start_line = is_old(g) ? start_of_name(g, c->name)
				  : MAX(new.start_line, 0);
	c->parent = f->entry + (guint32)parent;
	return *c->name != '\0' && parent >= 0;
}

/* --- into names ---------------------------------------------------------------------- */

static void add_line(SymbolNames *to, const char *name, gint32 start,
		     const struct place *place)
{
	SymbolFunction f = { 0 };

	f.name = symbol_names_add_text(to, name);
	f.file = symbol_names_add_text(to, place->file);
	f.start_line = start;
	symbol_names_add_line(to, symbol_names_add_function(to, &f),
			      place->line);
}

gboolean go_names_add(GoNames *g, guint64 address, guint64 offset,
		      SymbolNames *to)
{
	struct function f;
	struct place place;
	struct call call;
	guint64 tree, pc = address;
	gint32 index;

	if (!function_find(g, pc, &f) || *name_at(g, f.r.name) == '\0')
		return FALSE;
	/* the values end where its code does, before the next is aligned */
	if (f.r.lines != 0 && value_at(g, f.r.lines, f.entry, pc) < 0)
		return FALSE;
	symbol_names_add_address(to, offset);
	tree = tree_of(g, &f);
	for (guint i = 0; i < INLINES_MAX; i++) {
		index = call_index(g, &f, pc);
		place = place_at(g, &f, pc);
		if (index < 0 || !call_read(g, &f, tree, index, &call))
			break;
		add_line(to, call.name, call.start_line, &place);
		pc = call.parent;
	}
	/* a line of an inlined call that is not known is not the function's */
	if (index >= 0)
		place = (struct place){ place_at(g, &f, f.entry).file, 0 };
	add_line(to, name_at(g, f.r.name), start_line(g, &f), &place);
	return TRUE;
}
