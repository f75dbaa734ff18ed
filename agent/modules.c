/* SPDX-License-Identifier: MIT */
/*
 * modules: the objects mapped into this process. The flusher reads the maps and
 * publishes; handlers of all threads look up. No libc allocation, no loader.
 *
 * Tables lie in slots that are never unmapped. A reader holds a slot by its
 * counter and then checks that the slot is still the published one; the writer
 * takes only a slot that is not published and that nobody holds. Both do first
 * their store and then their load in the one total order of seq_cst, so either
 * the writer sees the reader's count or the reader sees that it came too late.
 */
#include "agent/modules.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>

#include "agent/block.h"
#include "agent/elf-image.h"
#include "agent/fork.h"
#include "agent/maps.h"
#include "agent/module-files.h"
#include "agent/module-history.h"
#include "agent/resident.h"
#include "agent/sys.h"

/* Segments of one object that may precede its code. */
#define SEGMENTS_BEFORE 64u

struct slot {
	struct slot *next;		/* all slots, newest first */
	_Atomic uint32_t readers;
	uint32_t capacity;		/* modules */
	struct module_table table;
};

/* Read by handlers. */
static FORK_DATA _Atomic(struct slot *) published;
static FORK_DATA const struct module_table *_Atomic resident;

/* The writer's alone. */
static struct {
	const char *path;		/* of the maps */
	struct maps_text text;
	struct slot *slots;
	struct block segments;		/* struct maps_entry, those we need */
	bool lost_generated, stale;	/* see modules_take_stale() */
	uint64_t taken_ns;		/* of the last reading */
	uint64_t main_pc;
	uint32_t next_id;
} writer;

/* --- reading ------------------------------------------------------------ */

static struct maps_entry *segments(size_t *count)
{
	*count = writer.segments.size / sizeof(struct maps_entry);
	return writer.segments.data;
}

/* Keeps the lines that are code or belong to a file. */
static int read_segments(void)
{
	struct maps_entry entry, *kept;
	int ret = maps_read(&writer.text, writer.path);

	writer.segments.size = 0;
	while (ret == 0 && maps_next(&writer.text, &entry)) {
		if (entry.inode == 0 && !(entry.prot & MAPS_EXEC))
			continue;
		kept = block_push(&writer.segments, sizeof(*kept));
		if (kept == NULL)
			return -ENOMEM;
		*kept = entry;
	}
	return ret;
}

static bool same_file(const struct maps_entry *a, const struct maps_entry *b)
{
	return a->inode == b->inode && a->dev == b->dev && a->inode != 0;
}

/* The segment where the ELF header of the object of segment `i` is mapped. */
static const struct maps_entry *find_header(const struct maps_entry *s,
					    size_t i)
{
	for (size_t back = 0; back <= i && back < SEGMENTS_BEFORE; back++) {
		const struct maps_entry *h = &s[i - back];

		if (h->offset == 0 && (back == 0 || same_file(h, &s[i])))
			return h;
	}
	return NULL;
}

static bool continues(const struct maps_entry *a, const struct maps_entry *b)
{
	return a->end == b->start && (b->prot & MAPS_READ) && same_file(a, b);
}

/* How far the mapping of the unwind tables reaches, or of Go's own. */
static void find_table_bounds(struct module *m, const struct maps_entry *s,
			      size_t count)
{
	uint64_t hdr = (uint64_t)(uintptr_t)m->eh_frame_hdr;

	if (hdr == 0)
		hdr = m->go.functions;
	for (size_t i = 0; i < count; i++) {
		if (hdr < s[i].start || hdr >= s[i].end ||
		    !(s[i].prot & MAPS_READ))
			continue;
		m->table_low = s[i].start;
		m->table_high = s[i].end;
		for (; i + 1 < count && continues(&s[i], &s[i + 1]); i++)
			m->table_high = s[i + 1].end;
		return;
	}
	m->eh_frame_hdr = NULL;	/* not where the header says */
	m->eh_frame_hdr_size = 0;
}

/* --- building a table --------------------------------------------------- */

static struct slot *slot_new(uint32_t capacity)
{
	size_t size = sizeof(struct slot) + capacity * sizeof(struct module);
	struct slot *slot;

	size = (size + 4095) & ~(size_t)4095;
	slot = block_map(size);
	if (slot == NULL)
		return NULL;
	slot->capacity = (uint32_t)((size - sizeof(*slot)) /
				    sizeof(struct module));
	slot->next = writer.slots;
	writer.slots = slot;
	return slot;
}

/* A slot that is not published and that nobody holds. */
static struct slot *slot_take(uint32_t capacity)
{
	struct slot *now = atomic_load_explicit(&published,
						memory_order_relaxed);

	for (struct slot *s = writer.slots; s != NULL; s = s->next) {
		/* Pairs with the counting in modules_hold(). */
		if (s != now && s->capacity >= capacity &&
		    atomic_load_explicit(&s->readers,
					 memory_order_seq_cst) == 0)
			return s;
	}
	return slot_new(capacity + capacity / 4 + 8);
}

static bool path_is(const char *path, const struct maps_entry *s)
{
	return strlen(path) == s->path_size &&
	       memcmp(path, s->path, s->path_size) == 0;
}

/* The module of `old` that segment `s` still is, NULL if it is a new one. */
static const struct module *find_same(const struct module_table *old,
				      const struct maps_entry *s)
{
	const struct module *m = NULL;

	if (old != NULL)
		m = modules_find(old, s->start);
	if (m == NULL || m->start != s->start || m->inode != s->inode ||
	    m->dev != s->dev || m->offset != s->offset || !path_is(m->path, s))
		return NULL;
	return m;
}

static int module_fill(struct module *m, size_t index, uint64_t now)
{
	size_t count;
	const struct maps_entry *all = segments(&count);
	const struct maps_entry *s = &all[index];
	const struct maps_entry *header = find_header(all, index);

	memset(m, 0, sizeof(*m));
	m->start = s->start;
	m->end = s->end;
	m->offset = s->offset;
	m->inode = s->inode;
	m->dev = s->dev;
	m->readable = s->prot & MAPS_READ;
	m->load_ns = now;
	m->absent_ns = writer.taken_ns;
	m->id = writer.next_id++;
	m->path = module_files_path(s->path, s->path_size);
	if (m->path == NULL)
		return -ENOMEM;
	if (header != NULL && elf_image_read(m, header->start))
		find_table_bounds(m, all, count);
	if (m->eh_frame_hdr != NULL || m->go.count > 0)
		m->resident = resident_has(m->bias) ||
			      strcmp(m->path, "[vdso]") == 0;
	if (m->eh_frame_hdr != NULL)
		module_files_read_table(m);
	return 0;
}

/* A program that changes the protection of its code splits a mapping. */
static bool is_continued(const struct module *m, const struct maps_entry *s)
{
	if (m->end != s->start || m->inode != s->inode || m->dev != s->dev ||
	    !path_is(m->path, s))
		return false;
	return s->inode == 0 || m->offset + (m->end - m->start) == s->offset;
}

/* Fills `slot` from the segments. Returns 0 or -errno. */
static int table_fill(struct slot *slot, const struct module_table *old,
		      uint64_t now)
{
	struct module_table *t = &slot->table;
	size_t count;
	const struct maps_entry *s = segments(&count);

	t->count = 0;
	t->taken_ns = now;
	t->generation = old != NULL ? old->generation + 1 : 1;
	for (size_t i = 0; i < count; i++) {
		const struct module *same;
		struct module *m = &t->module[t->count];

		if (!(s[i].prot & MAPS_EXEC))
			continue;
		if (t->count > 0 && is_continued(m - 1, &s[i])) {
			m[-1].end = s[i].end;
			m[-1].readable &= (s[i].prot & MAPS_READ) != 0;
			continue;
		}
		same = find_same(old, &s[i]);
		if (same != NULL) {
			*m = *same;
			m->end = s[i].end;
			m->readable = s[i].prot & MAPS_READ;
		} else if (module_fill(m, i, now) != 0) {
			return -ENOMEM;
		}
		t->count++;
	}
	return 0;
}

/* --- changes ------------------------------------------------------------ */

static bool is_gone(const struct module *m, const struct module_table *table)
{
	const struct module *now = modules_find(table, m->start);

	return now == NULL || now->id != m->id;
}

/* Moves what `next` does not have any more into the history. */
static void note_gone(const struct module_table *old,
		      const struct module_table *next)
{
	for (uint32_t i = 0; i < old->count; i++) {
		const struct module *m = &old->module[i];

		if (!is_gone(m, next))
			continue;
		if (m->inode != 0)
			writer.stale = true;
		else
			writer.lost_generated = true;
		module_history_add(m, writer.taken_ns, next->taken_ns);
	}
}

/*
 * Runtimes make code and drop it all the time, at places of their own. Only an
 * object that comes to such a place makes what was learnt there wrong.
 */
static void note_new_objects(const struct module_table *next)
{
	for (uint32_t i = 0; i < next->count && writer.lost_generated; i++) {
		const struct module *m = &next->module[i];

		if (m->inode != 0 && m->load_ns == next->taken_ns) {
			writer.stale = true;
			writer.lost_generated = false;
		}
	}
}

static bool is_changed(const struct module_table *old,
		       const struct module_table *next)
{
	if (old->count != next->count)
		return true;
	for (uint32_t i = 0; i < next->count; i++)
		if (old->module[i].id != next->module[i].id ||
		    old->module[i].end != next->module[i].end)
			return true;
	return false;
}

/* --- the writer --------------------------------------------------------- */

static const struct module_table *table_of(const struct slot *slot)
{
	return slot != NULL ? &slot->table : NULL;
}

/* Reads the maps and publishes a table that follows `old`. */
static int refresh(const struct module_table *old)
{
	uint64_t now = sys_clock_ns(CLOCK_MONOTONIC);
	struct slot *slot;
	size_t count;
	int ret = read_segments();

	if (ret != 0)
		return ret;
	segments(&count);
	slot = slot_take((uint32_t)count);
	if (slot == NULL)
		return -ENOMEM;
	ret = table_fill(slot, old, now);
	if (ret != 0)
		return ret;
	module_history_prune(now);
	ret = old == NULL || is_changed(old, &slot->table);
	if (old != NULL) {
		note_gone(old, &slot->table);
		note_new_objects(&slot->table);
	}
	writer.taken_ns = now;
	if (ret)
		/* Pairs with modules_hold(): the table is whole. */
		atomic_store_explicit(&published, slot, memory_order_seq_cst);
	return ret;
}

int modules_refresh(void)
{
	return refresh(modules_current());
}

bool modules_take_stale(void)
{
	bool stale = writer.stale;

	writer.stale = false;
	return stale;
}

/* As if nothing had been read yet. Slots stay: readers may look at them. */
static void forget(void)
{
	writer.next_id = 1;
	module_history_clear();
	writer.taken_ns = 0;
	writer.lost_generated = false;
	writer.stale = false;
}

int modules_begin(const char *maps)
{
	struct slot *first;
	int ret;

	forget();
	writer.path = maps != NULL ? maps : "/proc/self/maps";
	writer.main_pc = getauxval(AT_ENTRY);
	ret = refresh(NULL);
	if (ret < 0)
		return ret;
	first = atomic_load_explicit(&published, memory_order_relaxed);
	/* Held for good. */
	atomic_fetch_add_explicit(&first->readers, 1, memory_order_relaxed);
	/* Pairs with modules_resident(): the table is whole. */
	atomic_store_explicit(&resident, &first->table, memory_order_release);
	return 0;
}

int modules_init(const char *maps)
{
	resident_init();
	return modules_begin(maps);
}

FORK_CODE void modules_lose_after_fork(void)
{
	atomic_store_explicit(&published, NULL, memory_order_relaxed);
	atomic_store_explicit(&resident, NULL, memory_order_relaxed);
}

int modules_reset_after_fork(void)
{
	const char *path = writer.path;

	modules_lose_after_fork();
	memset(&writer, 0, sizeof(writer));
	module_files_reset_after_fork();
	module_history_reset_after_fork();
	return path != NULL ? modules_begin(path) : -ENOENT;
}

/* --- readers ------------------------------------------------------------ */

const struct module_table *modules_current(void)
{
	/* Acquire: pairs with the publication in refresh(). */
	return table_of(atomic_load_explicit(&published,
					     memory_order_acquire));
}

const struct module_table *modules_resident(void)
{
	/* Acquire: pairs with modules_begin(). */
	return atomic_load_explicit(&resident, memory_order_acquire);
}

const struct module_table *modules_hold(void)
{
	for (;;) {
		/* All seq_cst: see the head of this file. */
		struct slot *s = atomic_load_explicit(&published,
						      memory_order_seq_cst);

		if (s == NULL)
			return NULL;
		atomic_fetch_add_explicit(&s->readers, 1,
					  memory_order_seq_cst);
		if (s == atomic_load_explicit(&published,
					      memory_order_seq_cst))
			return &s->table;
		atomic_fetch_sub_explicit(&s->readers, 1,
					  memory_order_release);
	}
}

void modules_drop(const struct module_table *table)
{
	struct slot *s = (struct slot *)((char *)(uintptr_t)table -
					 offsetof(struct slot, table));

	/* Release: what we read was read before the slot is used again. */
	atomic_fetch_sub_explicit(&s->readers, 1, memory_order_release);
}

const struct module *modules_find(const struct module_table *table,
				  uint64_t pc)
{
	uint32_t low = 0, count = table->count;

	if (count == 0)
		return NULL;
	while (count > 1) {
		uint32_t half = count / 2;

		low = table->module[low + half].start <= pc ? low + half : low;
		count -= half;
	}
	if (pc < table->module[low].start || pc >= table->module[low].end)
		return NULL;
	return &table->module[low];
}

const struct module *modules_find_at(uint64_t pc, uint64_t time_ns)
{
	return module_history_find(modules_find(modules_current(), pc), pc,
				   time_ns);
}

const struct module *modules_main(void)
{
	const struct module_table *table = modules_current();
	const struct module *m;

	if (table == NULL || table->count == 0)
		return NULL;
	m = modules_find(table, writer.main_pc);
	return m != NULL ? m : &table->module[0];
}

void modules_visit_unloaded(void (*visit)(const struct module *, void *),
			    void *arg)
{
	module_history_visit(visit, arg);
}

void modules_told_unloaded(void)
{
	module_history_told();
}
