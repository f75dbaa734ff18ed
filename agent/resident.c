/* SPDX-License-Identifier: MIT */
/*
 * resident: follows DT_NEEDED from the program and from us. Runs once, in the
 * constructor; the loader's list is the one that debuggers read.
 */
#define _GNU_SOURCE
#include "agent/resident.h"

#include <link.h>
#include <stddef.h>
#include <string.h>

/* chromium has 130; those beyond are read with care, that is all. */
#define OBJECTS_MAX 512u

extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

static struct {
	const struct link_map *map[OBJECTS_MAX];	/* all objects */
	bool stays[OBJECTS_MAX];
	unsigned count;
	uint64_t bias[OBJECTS_MAX];		/* of those that stay */
	unsigned biases;
} objects;

static const char *strings_of(const struct link_map *map)
{
	for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_STRTAB)
			/* Not relocated where the loader cannot write. */
			return (const char *)(d->d_un.d_ptr < map->l_addr ?
				d->d_un.d_ptr + map->l_addr : d->d_un.d_ptr);
	return NULL;
}

static const char *base_name(const char *path)
{
	const char *base = path;

	for (; *path != '\0'; path++)
		if (*path == '/')
			base = path + 1;
	return base;
}

static bool is_called(const struct link_map *map, const char *name)
{
	const char *strings = strings_of(map);

	if (strcmp(map->l_name, name) == 0 ||
	    strcmp(base_name(map->l_name), name) == 0)
		return true;
	for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_SONAME && strings != NULL &&
		    strcmp(strings + d->d_un.d_val, name) == 0)
			return true;
	return false;
}

/* The loader takes the first of that name, and so do we. */
static bool mark(const char *name)
{
	for (unsigned i = 0; i < objects.count; i++) {
		if (!is_called(objects.map[i], name))
			continue;
		if (objects.stays[i])
			return false;
		objects.stays[i] = true;
		return true;
	}
	return false;
}

/* Marks what object `i` needs; true if that was news. */
static bool mark_needed(unsigned i)
{
	const struct link_map *map = objects.map[i];
	const char *strings = strings_of(map);
	bool marked = false;

	if (strings == NULL)
		return false;
	for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_NEEDED)
			marked |= mark(strings + d->d_un.d_val);
	return marked;
}

void resident_init(void)
{
	bool marked = true;

	memset(&objects, 0, sizeof(objects));
	for (const struct link_map *map = _r_debug.r_map;
	     map != NULL && objects.count < OBJECTS_MAX; map = map->l_next) {
		if (map->l_ld == NULL || map->l_name == NULL)
			continue;
		/* The program is the first. */
		objects.stays[objects.count] = objects.count == 0 ||
					       map->l_ld == _DYNAMIC;
		objects.map[objects.count++] = map;
	}
	while (marked) {
		marked = false;
		for (unsigned i = 0; i < objects.count; i++)
			if (objects.stays[i])
				marked |= mark_needed(i);
	}
	for (unsigned i = 0; i < objects.count; i++)
		if (objects.stays[i])
			objects.bias[objects.biases++] =
				objects.map[i]->l_addr;
}

bool resident_has(uint64_t bias)
{
	for (unsigned i = 0; i < objects.biases; i++)
		if (objects.bias[i] == bias)
			return true;
	return false;
}
