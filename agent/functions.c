/* SPDX-License-Identifier: MIT */
/*
 * functions: see functions.h. No libc beyond mem* and str*.
 *
 * address -> struct place -> struct function -> struct object, each an
 * array that grows, and is found by a table of hashes.
 */
#include "agent/functions.h"

#include <stdbool.h>
#include <string.h>

#include "agent/arena.h"
#include "agent/cfi.h"
#include "agent/elf-names.h"
#include "agent/format.h"
#include "agent/idtable.h"
#include "agent/modules.h"
#include "agent/stacks.h"
#include "agent/wire.h"

#define OBJECTS_MOST 1024u
#define TEXT_MOST (4u << 20)	/* bytes of names and paths */
#define OTHERS 1u		/* the function all others count as */
#define NO_NAME 0u		/* not looked for yet */

/* An address that was met. */
struct place {
	uint64_t pc;
	uint32_t module;	/* its id, 0: none */
	uint32_t function;
};

struct function {
	uint64_t address;	/* in the object, as its symbols are */
	uint64_t self, total;	/* samples */
	uint64_t self_ns, total_ns;
	uint64_t recent_ns;	/* own CPU time, less each half-life */
	uint32_t object;	/* from 1; 0: none */
	uint32_t name;		/* in f.text; NO_NAME */
	uint32_t stack;		/* number of the last that it was counted in */
	uint32_t half_life;	/* number of the one recent_ns is of */
};

struct object {
	uint64_t inode;
	uint32_t path;		/* in f.text */
	uint32_t unnamed;	/* functions whose names were not looked for */
	uint8_t build_id_size;
	uint8_t build_id[MODULE_BUILD_ID_MAX];
};

/* An array: element i of `count`, in a block of `size` bytes. */
struct array {
	void *at;
	size_t size;
	uint32_t count;
};

static struct {
	struct array places, functions, objects;
	struct idtable place_of, function_of;
	struct array object_of;		/* uint32_t, by module id */
	struct wire text;		/* NUL-terminated each; 0 is none */
	uint32_t stacks;		/* that were counted */
} f;

/* --- arrays ------------------------------------------------------------------ */

/* Element `i`, zero if it is new; NULL without memory. */
static void *array_get(struct array *a, uint32_t i, size_t each)
{
	size_t size = a->size > 0 ? a->size : 4096;
	void *at;

	while (size / each <= i)
		size *= 2;
	if (size > a->size) {
		at = arena_block(a->at, a->size, size);
		if (!at)
			return NULL;
		a->at = at;
		a->size = size;
	}
	if (i >= a->count)
		a->count = i + 1;
	return (uint8_t *)a->at + i * each;
}

static void array_release(struct array *a)
{
	arena_block_free(a->at, a->size);
	memset(a, 0, sizeof(*a));
}

static struct function *function(uint32_t id)
{
	return (struct function *)f.functions.at + id;
}

static struct object *object(uint32_t id)
{
	return (struct object *)f.objects.at + id;
}

static const char *text(uint32_t at)
{
	return (const char *)f.text.data + at;
}

/* Where the copy is; 0 without memory. */
static uint32_t keep_text(const char *s, size_t size)
{
	uint32_t at;

	if (f.text.used == 0 && wire_room(&f.text, 1))
		f.text.data[f.text.used++] = '\0';
	if (size > FUNCTIONS_NAME_MAX)
		size = FUNCTIONS_NAME_MAX;
	if (f.text.used + size > TEXT_MOST || !wire_room(&f.text, size + 1))
		return 0;
	at = (uint32_t)f.text.used;
	memcpy(f.text.data + at, s, size);
	f.text.data[at + size] = '\0';
	f.text.used += size + 1;
	return at;
}

static uint32_t hash(uint32_t a, uint64_t b)
{
	unsigned __int128 product =
		(unsigned __int128)(b ^ 0x9e3779b97f4a7c15ull) *
		(0xd1b54a32d192ed03ull ^ ((uint64_t)a << 32));

	return (uint32_t)((uint64_t)product ^ (uint64_t)(product >> 64));
}

/* --- objects ----------------------------------------------------------------- */

static bool is_object(const struct object *o, const struct module *m)
{
	return o->inode == m->inode && o->build_id_size == m->build_id_size &&
	       memcmp(o->build_id, m->build_id, m->build_id_size) == 0 &&
	       strcmp(text(o->path), m->path) == 0;
}

static uint32_t new_object(const struct module *m)
{
	uint32_t id = f.objects.count > 0 ? f.objects.count : 1;
	uint32_t path = keep_text(m->path, strlen(m->path));
	struct object *o;

	if (path == 0 || id > OBJECTS_MOST)
		return 0;
	o = array_get(&f.objects, id, sizeof(*o));
	if (!o)
		return 0;
	o->inode = m->inode;
	o->path = path;
	o->build_id_size = m->build_id_size;
	memcpy(o->build_id, m->build_id, sizeof(o->build_id));
	return id;
}

/* Loaded anew it is the same object, though another module. 0: no room. */
static uint32_t object_of(const struct module *m)
{
	uint32_t *known = array_get(&f.object_of, m->id, sizeof(*known)), id;

	if (!known)
		return 0;
	for (id = 1; *known == 0 && id < f.objects.count; id++)
		if (is_object(object(id), m))
			*known = id;
	if (*known == 0)
		*known = new_object(m);
	return *known;
}

/* --- from an address to its function --------------------------------------------- */

/* Where the function begins, or the address itself. */
static uint64_t function_start(const struct module *m, uint64_t pc)
{
	struct memory memory;
	struct dw_source source = { 0, 0, &memory };
	struct cfi_fde fde;
	uint64_t at;

	memory_init(&memory, 0, 0);
	if (m->resident) {
		source.low = m->table_low;
		source.high = m->table_high;
	}
	if (m->eh_table.count == 0 || m->unload_ns != 0)
		return pc;
	at = eh_table_find(&m->eh_table, &source, pc, m->start, m->end);
	if (at == 0 || !cfi_fde_read(&fde, &source, at) || pc < fde.start ||
	    pc >= fde.end)
		return pc;
	return fde.start;
}

static uint32_t find_function(uint32_t key, uint32_t object_id,
			      uint64_t address)
{
	uint32_t at = idtable_start(&f.function_of, key), id;

	while ((id = idtable_probe(&f.function_of, key, &at)) != 0) {
		if (function(id)->address == address &&
		    function(id)->object == object_id)
			return id;
		at++;
	}
	return 0;
}

static uint32_t new_function(uint32_t key, uint32_t object_id,
			     uint64_t address)
{
	uint32_t id = f.functions.count > OTHERS ? f.functions.count
						 : OTHERS + 1;
	struct function *fn;

	if (id >= FUNCTIONS_MOST || !array_get(&f.functions, id, sizeof(*fn)))
		return OTHERS;
	if (!idtable_add(&f.function_of, key, id))
		return OTHERS;
	fn = function(id);
	fn->address = address;
	fn->object = object_id;
	if (object_id != 0)
		object(object_id)->unnamed++;
	return id;
}

static uint32_t function_at(const struct module *m, uint64_t pc)
{
	bool is_in_file = m && m->path[0] != '\0';	/* else made at run time */
	uint64_t address = is_in_file ? function_start(m, pc) - m->bias : pc;
	uint32_t object_id = is_in_file ? object_of(m) : 0, key, id;

	if (is_in_file && object_id == 0)
		return OTHERS;
	key = hash(object_id, address);
	id = find_function(key, object_id, address);
	return id ? id : new_function(key, object_id, address);
}

static const struct place *find_place(uint32_t key, uint32_t module,
				      uint64_t pc)
{
	uint32_t at = idtable_start(&f.place_of, key), id;
	const struct place *p;

	while ((id = idtable_probe(&f.place_of, key, &at)) != 0) {
		p = (const struct place *)f.places.at + id;
		if (p->pc == pc && p->module == module)
			return p;
		at++;
	}
	return NULL;
}

/* What is remembered is there to be fast, and can be found out again. */
static void keep_place(uint32_t key, uint32_t module, uint64_t pc,
		       uint32_t function_id)
{
	struct place *p;
	uint32_t id;

	if (f.places.count > FUNCTIONS_ADDRESSES) {
		idtable_clear(&f.place_of);
		f.places.count = 0;
	}
	id = f.places.count > 0 ? f.places.count : 1;
	p = array_get(&f.places, id, sizeof(*p));
	if (!p || !idtable_add(&f.place_of, key, id))
		return;
	*p = (struct place){ pc, module, function_id };
}

static uint32_t function_of(const struct module *m, uint64_t pc)
{
	uint32_t module = m ? m->id : 0, key = hash(module, pc), id;
	const struct place *p = find_place(key, module, pc);

	if (p)
		return p->function;
	id = function_at(m, pc);
	keep_place(key, module, pc, id);
	return id;
}

/* --- counting ---------------------------------------------------------------- */

static uint32_t half_life_of(uint64_t now_ns)
{
	return (uint32_t)(now_ns / FUNCTIONS_HALF_LIFE_NS);
}

static uint64_t recent_ns(const struct function *fn, uint32_t half_life)
{
	uint32_t passed = half_life - fn->half_life;

	return passed < 64 ? fn->recent_ns >> passed : 0;
}

static void count_self(struct function *fn, const struct stacks_entry *e,
		       uint64_t ns, uint64_t now_ns)
{
	uint32_t half_life = half_life_of(now_ns);

	fn->self += e->count;
	fn->self_ns += ns;
	fn->recent_ns = recent_ns(fn, half_life) + e->cpu_ns;
	fn->half_life = half_life;
}

static bool maps(const struct module *m, uint64_t pc)
{
	return m && pc >= m->start && pc < m->end;
}

void functions_add(const struct stacks_entry *e, uint64_t ns, uint64_t now_ns)
{
	uint64_t time_ns = e->first ? e->first->time_ns : 0;
	const struct module *m = NULL;
	struct function *fn;
	uint32_t i;

	if (!array_get(&f.functions, OTHERS, sizeof(*fn)))
		return;
	f.stacks++;
	for (i = 0; i < e->frames; i++) {
		if (!maps(m, e->pcs[i]))
			m = modules_find_at(e->pcs[i], time_ns);
		fn = function(function_of(m, e->pcs[i]));
		if (i == 0)
			count_self(fn, e, ns, now_ns);
		if (fn->stack == f.stacks)
			continue;	/* recursion */
		fn->stack = f.stacks;
		fn->total += e->count;
		fn->total_ns += ns;
	}
}

/* --- names ------------------------------------------------------------------- */

static const char *last_part(const char *path)
{
	const char *slash;

	while ((slash = strchr(path, '/')) && slash[1] != '\0')
		path = slash + 1;
	return path;
}

static void set_name(struct function *fn, const char *name, size_t size)
{
	fn->name = keep_text(name, size);
}

static void name_by_address(struct function *fn)
{
	char buffer[320];
	struct format s;

	format_init(&s, buffer, sizeof(buffer));
	if (fn->object != 0)
		format_bytes(&s, last_part(text(object(fn->object)->path)),
			     strlen(last_part(text(object(fn->object)->path))));
	else
		format_string(&s, "[unknown]");
	format_printf(&s, "+0x%lx", (unsigned long)fn->address);
	set_name(fn, buffer, s.used);
}

static void named(const struct elf_names_wanted *w, const char *name,
		  size_t size, void *arg)
{
	(void)arg;
	set_name(function(w->reserved), name, size);
}

/* Shell's sort with Ciura's gaps: few, and no recursion. */
static void sort_wanted(struct elf_names_wanted *w, size_t n)
{
	static const size_t gaps[] = { 1750, 701, 301, 132, 57, 23, 10, 4, 1 };
	struct elf_names_wanted one;
	size_t g, i, k;

	for (g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++)
		for (i = gaps[g]; i < n; i++) {
			one = w[i];
			for (k = i; k >= gaps[g] &&
				    w[k - gaps[g]].address > one.address;
			     k -= gaps[g])
				w[k] = w[k - gaps[g]];
			w[k] = one;
		}
}

/* The vdso is in no file, but whole in memory. */
static void find_image(struct elf_names_file *file)
{
	const struct module_table *table = modules_current();
	uint32_t i;

	for (i = 0; i < table->count; i++) {
		const struct module *m = &table->module[i];

		if (strcmp(m->path, "[vdso]") != 0)
			continue;
		file->image = (const void *)(uintptr_t)m->start;
		file->image_size = m->end - m->start;
	}
}

/* Reads the names of the object's functions that have none yet. */
static void name_object(uint32_t id)
{
	struct object *o = object(id);
	size_t bytes = o->unnamed * sizeof(struct elf_names_wanted), n = 0;
	struct elf_names_wanted *w = arena_block(NULL, 0, bytes);
	struct elf_names_file file = {
		text(o->path), o->inode, o->build_id, o->build_id_size,
		NULL, 0,
	};
	char path[FUNCTIONS_NAME_MAX + 1];
	uint32_t i;

	if (!w)
		return;
	for (i = OTHERS + 1; i < f.functions.count && n < o->unnamed; i++)
		if (function(i)->object == id && function(i)->name == NO_NAME)
			w[n++] = (struct elf_names_wanted){
				.address = function(i)->address,
				.reserved = i,
			};
	sort_wanted(w, n);
	/* the text may move while names are added to it */
	memcpy(path, file.path, strlen(file.path) + 1);
	file.path = path;
	if (strcmp(path, "[vdso]") == 0)
		find_image(&file);
	if (path[0] == '/' || file.image)
		elf_names_find(&file, w, n, named, NULL);
	o->unnamed = 0;
	arena_block_free(w, bytes);
}

static void name_all(void)
{
	uint32_t i;

	for (i = 1; i < f.objects.count; i++)
		if (object(i)->unnamed > 0)
			name_object(i);
	for (i = OTHERS; i < f.functions.count; i++) {
		if (function(i)->name != NO_NAME)
			continue;
		if (i == OTHERS)
			set_name(function(i), "[others]", 8);
		else
			name_by_address(function(i));
	}
}

/* --- telling ----------------------------------------------------------------- */

static const char *name_of(const struct function *fn)
{
	return fn->name != NO_NAME ? text(fn->name) : "[unknown]";
}

static const char *object_name(const struct function *fn)
{
	return fn->object != 0 ? text(object(fn->object)->path) : "";
}

/* The most own time first, then the most in all. */
static bool is_before(const struct function *a, const struct function *b)
{
	if (a->self_ns != b->self_ns)
		return a->self_ns > b->self_ns;
	if (a->self != b->self)
		return a->self > b->self;
	return a->total_ns > b->total_ns;
}

static void sift(uint32_t *ids, uint32_t at, uint32_t n)
{
	uint32_t child, one = ids[at];

	for (; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && is_before(function(ids[child]),
					       function(ids[child + 1])))
			child++;
		if (!is_before(function(one), function(ids[child])))
			break;
		ids[at] = ids[child];
	}
	ids[at] = one;
}

/* A heap whose top is the least. */
static void sort_ids(uint32_t *ids, uint32_t n)
{
	uint32_t i, one;

	for (i = n / 2; i-- > 0;)
		sift(ids, i, n);
	while (n > 1) {
		one = ids[--n];
		ids[n] = ids[0];
		ids[0] = one;
		sift(ids, 0, n);
	}
}

static void put_text(struct format *s, const char *t)
{
	for (; *t != '\0'; t++)
		format_char(s, (unsigned char)*t < ' ' ? '?' : *t);
}

static void put_line(struct format *s, const struct function *fn)
{
	format_printf(s, "%lu\t%lu\t%lu\t%lu\t", (unsigned long)fn->self,
		      (unsigned long)fn->total, (unsigned long)fn->self_ns,
		      (unsigned long)fn->total_ns);
	put_text(s, object_name(fn));
	format_char(s, '\t');
	put_text(s, name_of(fn));
	format_char(s, '\n');
}

/* Four numbers of 20 digits at most, tabs and newline. */
#define LINE_MAX_WITHOUT_TEXT 86u

static char *list(const uint32_t *ids, uint32_t n, size_t *size)
{
	size_t room = 1;
	struct format s;
	uint32_t i;
	char *to, *cut;

	for (i = 0; i < n; i++)
		room += LINE_MAX_WITHOUT_TEXT +
			strlen(object_name(function(ids[i]))) +
			strlen(name_of(function(ids[i])));
	to = arena_block(NULL, 0, room);
	if (!to)
		return NULL;
	format_init(&s, to, room);
	for (i = 0; i < n; i++)
		put_line(&s, function(ids[i]));
	*size = s.used;
	cut = arena_block(to, room, s.used + 1);
	if (!cut)
		arena_block_free(to, room);
	return cut;
}

char *functions_list(size_t *size)
{
	size_t bytes = (f.functions.count + 1u) * sizeof(uint32_t);
	uint32_t *ids = arena_block(NULL, 0, bytes), n = 0, i;
	char *to;

	if (!ids)
		return NULL;
	name_all();
	for (i = OTHERS; i < f.functions.count; i++)
		if (function(i)->total > 0)
			ids[n++] = i;
	sort_ids(ids, n);
	to = list(ids, n, size);
	arena_block_free(ids, bytes);
	return to;
}

unsigned functions_hottest(const char **name, const char **object_path,
			   uint64_t now_ns)
{
	uint32_t half_life = half_life_of(now_ns), i, best = 0;
	uint64_t all = 0, most = 0, ns;

	for (i = OTHERS; i < f.functions.count; i++) {
		ns = recent_ns(function(i), half_life);
		all += ns;
		if (ns <= most)
			continue;
		most = ns;
		best = i;
	}
	if (best == 0)
		return 0;
	name_all();
	*name = name_of(function(best));
	*object_path = object_name(function(best));
	return (unsigned)((double)most * 1000.0 / (double)all + 0.5);
}

/* --- life -------------------------------------------------------------------- */

size_t functions_memory(void)
{
	return f.places.size + f.functions.size + f.objects.size +
	       f.object_of.size + idtable_memory(&f.place_of) +
	       idtable_memory(&f.function_of) + f.text.size;
}

void functions_reset_after_fork(void)
{
	memset(&f, 0, sizeof(f));
}

void functions_release(void)
{
	array_release(&f.places);
	array_release(&f.functions);
	array_release(&f.objects);
	array_release(&f.object_of);
	idtable_release(&f.place_of);
	idtable_release(&f.function_of);
	wire_release(&f.text);
	memset(&f, 0, sizeof(f));
}
