/* SPDX-License-Identifier: MIT */
/*
 * elfsym: symbol lookup in loaded objects. Constructor only.
 *
 * The tables are those of the System V ABI, of the GNU hash section and of
 * the GNU symbol versions (Linux Standard Base, "Symbol Versioning").
 */
#define _GNU_SOURCE
#include "agent/elfsym.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#define VERSION_HIDDEN 0x8000u	/* not the default version of the symbol */

/* Our own dynamic section: says which of the loader's objects we are in. */
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

struct object {
	uintptr_t bias;		/* address - p_vaddr */
	const ElfW(Sym) *symbols;
	const char *strings;
	const uint32_t *gnu_hash, *hash;
	const uint16_t *versions;	/* NULL: none */
};

/* --- one object ----------------------------------------------------------- */

/*
 * The loader replaces the offsets of a dynamic section by addresses, but for
 * those sections that it cannot write, such as the vdso's.
 */
static const void *table_at(uintptr_t bias, uintptr_t value)
{
	return (const void *)(value < bias ? value + bias : value);
}

static bool object_init(struct object *o, uintptr_t bias, const ElfW(Dyn) *d)
{
	memset(o, 0, sizeof(*o));
	o->bias = bias;
	for (; d->d_tag != DT_NULL; d++) {
		const void *at = table_at(bias, d->d_un.d_ptr);

		switch (d->d_tag) {
		case DT_SYMTAB:
			o->symbols = at;
			break;
		case DT_STRTAB:
			o->strings = at;
			break;
		case DT_GNU_HASH:
			o->gnu_hash = at;
			break;
		case DT_HASH:
			o->hash = at;
			break;
		case DT_VERSYM:
			o->versions = at;
			break;
		}
	}
	return o->symbols != NULL && o->strings != NULL;
}

static bool is_definition(const struct object *o, uint32_t index,
			  const char *name)
{
	const ElfW(Sym) *s = &o->symbols[index];
	unsigned type = ELF64_ST_TYPE(s->st_info);
	unsigned bind = ELF64_ST_BIND(s->st_info);

	if (s->st_shndx == SHN_UNDEF ||
	    (s->st_value == 0 && s->st_shndx != SHN_ABS))
		return false;
	if (type != STT_NOTYPE && type != STT_OBJECT && type != STT_FUNC &&
	    type != STT_COMMON && type != STT_GNU_IFUNC)
		return false;
	if (bind != STB_GLOBAL && bind != STB_WEAK && bind != STB_GNU_UNIQUE)
		return false;
	if (o->versions != NULL && (o->versions[index] & VERSION_HIDDEN) != 0)
		return false;
	return strcmp(o->strings + s->st_name, name) == 0;
}

static uint32_t gnu_hash_of(const char *name)
{
	uint32_t hash = 5381;

	for (; *name != '\0'; name++)
		hash = hash * 33 + (uint8_t)*name;
	return hash;
}

/* Header of 4 words, bloom filter of 64-bit words, buckets, chains. */
static uint32_t find_by_gnu_hash(const struct object *o, const char *name)
{
	const uint32_t *table = o->gnu_hash, *buckets, *chains;
	uint32_t nbuckets = table[0], first = table[1], words = table[2];
	const uint64_t *bloom = (const uint64_t *)(table + 4);
	uint32_t hash = gnu_hash_of(name), index;
	uint64_t mask = 1ull << hash % 64 | 1ull << (hash >> table[3]) % 64;

	if (nbuckets == 0 || words == 0 ||
	    (bloom[hash / 64 % words] & mask) != mask)
		return 0;
	buckets = (const uint32_t *)(bloom + words);
	chains = buckets + nbuckets;
	index = buckets[hash % nbuckets];
	if (index < first)
		return 0;
	for (;; index++) {
		uint32_t chain = chains[index - first];

		if ((chain | 1) == (hash | 1) && is_definition(o, index, name))
			return index;
		if (chain & 1)
			return 0;
	}
}

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 0, high;

	for (; *name != '\0'; name++) {
		hash = (hash << 4) + (uint8_t)*name;
		high = hash & 0xf0000000u;
		hash = (hash ^ high >> 24) & ~high;
	}
	return hash;
}

/* Number of buckets, number of chains, buckets, chains. */
static uint32_t find_by_hash(const struct object *o, const char *name)
{
	const uint32_t *buckets = o->hash + 2, *chains = buckets + o->hash[0];
	uint32_t index;

	if (o->hash[0] == 0)
		return 0;
	for (index = buckets[hash_of(name) % o->hash[0]]; index != 0;
	     index = chains[index])
		if (is_definition(o, index, name))
			return index;
	return 0;
}

static void *find_in_object(const struct object *o, const char *name)
{
	const ElfW(Sym) *s;
	uintptr_t at;
	uint32_t index = 0;

	if (o->gnu_hash != NULL)
		index = find_by_gnu_hash(o, name);
	else if (o->hash != NULL)
		index = find_by_hash(o, name);
	if (index == 0)
		return NULL;
	s = &o->symbols[index];
	at = s->st_value + (s->st_shndx == SHN_ABS ? 0 : o->bias);
	/* The address is that of a function which chooses the real one. */
	if (ELF64_ST_TYPE(s->st_info) == STT_GNU_IFUNC)
		at = ((uintptr_t (*)(void))at)();
	return (void *)at;
}

/* --- the loader's list ---------------------------------------------------- */

/*
 * In the list where the kernel provides it, though the loader never searches
 * it: it defines clock_gettime and others under libc's names.
 */
static bool is_vdso(const struct link_map *map)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
	uintptr_t dynamic = (uintptr_t)map->l_ld;

	/* Its code and tables are a few pages. */
	return vdso != 0 && dynamic >= vdso && dynamic - vdso < 16 * 4096;
}

static void *find_from(const struct link_map *map, const char *name)
{
	struct object o;
	void *at = NULL;

	for (; map != NULL && at == NULL; map = map->l_next)
		if (map->l_ld != NULL && !is_vdso(map) &&
		    object_init(&o, map->l_addr, map->l_ld))
			at = find_in_object(&o, name);
	return at;
}

void *elfsym_find_next(const char *name)
{
	const struct link_map *map = _r_debug.r_map;

	while (map != NULL && map->l_ld != _DYNAMIC)
		map = map->l_next;
	return map == NULL ? NULL : find_from(map->l_next, name);
}

void *elfsym_find(const char *name)
{
	return find_from(_r_debug.r_map, name);
}

void *elfsym_find_in(const void *image, const char *name)
{
	const ElfW(Ehdr) *ehdr = image;
	const ElfW(Phdr) *ph, *dynamic = NULL, *load = NULL;
	struct object o;
	uintptr_t bias;

	if (ehdr == NULL || memcmp(ehdr->e_ident, ELFMAG, SELFMAG) != 0)
		return NULL;
	ph = (const ElfW(Phdr) *)((const char *)image + ehdr->e_phoff);
	for (unsigned i = 0; i < ehdr->e_phnum; i++) {
		if (ph[i].p_type == PT_DYNAMIC)
			dynamic = &ph[i];
		if (ph[i].p_type == PT_LOAD && load == NULL)
			load = &ph[i];
	}
	if (dynamic == NULL || load == NULL)
		return NULL;
	bias = (uintptr_t)image - (load->p_vaddr - load->p_offset);
	if (!object_init(&o, bias, (const void *)(bias + dynamic->p_vaddr)))
		return NULL;
	return find_in_object(&o, name);
}
