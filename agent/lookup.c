/* SPDX-License-Identifier: MIT */
/*
 * lookup: from a pc to unwind tables. Runs in the signal handler and in the
 * flusher; calls nothing of the loader but _dl_find_object, which takes no lock
 * and is documented as async-signal-safe.
 */
#include "agent/lookup.h"

#include <stddef.h>

#include "agent/modules.h"

/*
 * What _dl_find_object fills, as glibc's manual has it for x86-64. Declared
 * here because glibc before 2.35 has no declaration and we do not link to it.
 */
struct dl_object {
	unsigned long long flags;
	void *map_start, *map_end;
	void *link_map;
	void *eh_frame;		/* PT_GNU_EH_FRAME, NULL if none */
	unsigned long long reserved[7];
};

/* Written once, in lookup_init(). */
static int (*dl_find_object)(void *pc, struct dl_object *result);
static const struct lookup_method *method = &lookup_table;

static enum unwind_end object_from_module(struct lookup_object *object,
					  const struct module *m)
{
	if (m == NULL)
		return UNWIND_NO_MODULE;
	object->table = m->eh_table;
	object->start = m->start;
	object->end = m->end;
	object->low = m->resident ? m->table_low : 0;
	object->high = m->resident ? m->table_high : 0;
	return m->eh_table.count == 0 ? UNWIND_NO_TABLE : UNWIND_ENDS;
}

static enum unwind_end find_in_table(struct lookup_object *object, uint64_t pc,
				     struct memory *memory)
{
	const struct module_table *table = modules_hold();
	enum unwind_end end = UNWIND_NO_MODULE;

	(void)memory;
	if (table != NULL) {
		end = object_from_module(object, modules_find(table, pc));
		modules_drop(table);
	}
	return end;
}

/*
 * The loader knows best which object is there now. Our table, if it knows that
 * one already, has an index of it.
 */
static enum unwind_end find_in_loader(struct lookup_object *object,
				      uint64_t pc, struct memory *memory)
{
	struct dw_source source = { 0, 0, memory };
	struct dl_object found;
	uint64_t hdr;

	if (dl_find_object((void *)(uintptr_t)pc, &found) != 0)
		return UNWIND_NO_MODULE;
	hdr = (uint64_t)(uintptr_t)found.eh_frame;
	if (hdr == 0)
		return UNWIND_NO_TABLE;
	if (find_in_table(object, pc, memory) == UNWIND_ENDS &&
	    object->table.hdr == hdr)
		return UNWIND_ENDS;
	object->start = (uint64_t)(uintptr_t)found.map_start;
	object->end = (uint64_t)(uintptr_t)found.map_end;
	object->low = 0;
	object->high = 0;
	return eh_table_init(&object->table, &source, hdr) ? UNWIND_ENDS :
							     UNWIND_NO_TABLE;
}

const struct lookup_method lookup_dl_find_object = {
	.name = "dl_find_object",
	.find = find_in_loader,
};

const struct lookup_method lookup_table = {
	.name = "table",
	.find = find_in_table,
};

void lookup_init(void *address)
{
	dl_find_object = (int (*)(void *, struct dl_object *))address;
	method = address != NULL ? &lookup_dl_find_object : &lookup_table;
}

const struct lookup_method *lookup_current(void)
{
	return method;
}

enum unwind_end lookup_object_find(struct lookup_object *object, uint64_t pc,
				   struct memory *memory)
{
	const struct module_table *first = modules_resident();
	const struct module *m = NULL;

	if (first != NULL)
		m = modules_find(first, pc);
	if (m != NULL && m->resident)
		return object_from_module(object, m);
	return method->find(object, pc, memory);
}
