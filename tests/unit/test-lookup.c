/* SPDX-License-Identifier: MIT */
/*
 * lookup, and what it stands on: resident and code. An object that is loaded
 * later comes from libm or liblzma, whichever this program is not linked to.
 */
#define _GNU_SOURCE
#include "agent/lookup.h"

#include <check.h>
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "agent/code.h"
#include "agent/elfsym.h"
#include "agent/modules.h"
#include "agent/resident.h"
#include "tests/unit/runner.h"

/* An object that this program is not linked to, in every Debian. */
#define LATER "libnss_compat.so.2"

static void *later;
static uint64_t later_pc;

/* An address in the code of `handle`, and its load bias. */
static uint64_t code_of(void *handle, uint64_t *bias)
{
	const struct module_table *table;
	struct link_map *map;

	ck_assert_int_eq(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
	*bias = map->l_addr;
	modules_refresh();
	table = modules_current();
	for (uint32_t i = 0; i < table->count; i++)
		if (table->module[i].bias == map->l_addr)
			return table->module[i].start + 64;
	ck_abort_msg("no code at bias %#lx", (unsigned long)map->l_addr);
}

static void setup(void)
{
	uint64_t bias;

	ck_assert_int_eq(modules_init(NULL), 0);
	later = dlopen(LATER, RTLD_NOW);
	ck_assert_msg(later != NULL, "%s", dlerror());
	later_pc = code_of(later, &bias);
}

static enum unwind_end find(struct lookup_object *object, uint64_t pc)
{
	struct memory memory;

	memory_init(&memory, 0, 0);
	return lookup_object_find(object, pc, &memory);
}

static void *loader(void)
{
	return elfsym_find("_dl_find_object");
}

START_TEST(the_method_is_chosen_by_what_there_is)
{
	lookup_init(NULL);
	ck_assert_ptr_eq(lookup_current(), &lookup_table);
	if (loader() != NULL) {
		lookup_init(loader());
		ck_assert_ptr_eq(lookup_current(), &lookup_dl_find_object);
	}
}
END_TEST

/* What both methods must say. */
static void check_method(void *dl_find_object)
{
	uint64_t libc = (uint64_t)(uintptr_t)&qsort;
	uint64_t here = (uint64_t)(uintptr_t)&setup;
	struct lookup_object o;
	void *heap = malloc(100);

	lookup_init(dl_find_object);
	ck_assert_int_eq(find(&o, here), UNWIND_ENDS);
	ck_assert(o.low <= o.table.hdr && o.table.hdr < o.high);
	ck_assert(o.start <= here && here < o.end);
	ck_assert_int_eq(find(&o, libc), UNWIND_ENDS);
	ck_assert(o.low < o.high);
	ck_assert(o.start <= libc && libc < o.end);
	ck_assert_int_eq(find(&o, later_pc), UNWIND_ENDS);
	ck_assert_uint_eq(o.high, 0);	/* may be unloaded: copied */
	ck_assert(o.start <= later_pc && later_pc < o.end);
	ck_assert_int_eq(find(&o, (uint64_t)(uintptr_t)heap),
			 UNWIND_NO_MODULE);
	ck_assert_int_eq(find(&o, 0), UNWIND_NO_MODULE);
	ck_assert_int_eq(find(&o, UINT64_MAX),
			 UNWIND_NO_MODULE);
	free(heap);
}

START_TEST(our_table_finds_objects)
{
	check_method(NULL);
}
END_TEST

START_TEST(the_loader_finds_objects)
{
	if (loader() != NULL)	/* glibc 2.35 and later */
		check_method(loader());
}
END_TEST

START_TEST(an_object_that_we_have_not_seen_yet_is_the_loaders)
{
	struct lookup_object o;
	uint64_t bias, pc = later_pc;

	if (loader() == NULL)
		return;
	dlclose(later);
	ck_assert_int_eq(modules_refresh(), 1);
	later = dlopen(LATER, RTLD_NOW);
	lookup_init(NULL);
	ck_assert_int_eq(find(&o, pc), UNWIND_NO_MODULE);
	lookup_init(loader());
	if (find(&o, pc) == UNWIND_ENDS)	/* the same place again */
		ck_assert_uint_gt(o.table.count, 0);
	pc = code_of(later, &bias);
	lookup_init(NULL);
	ck_assert_int_eq(find(&o, pc), UNWIND_ENDS);
}
END_TEST

START_TEST(both_find_the_same_tables)
{
	struct lookup_object a, b;

	if (loader() == NULL)
		return;
	lookup_init(NULL);
	ck_assert_int_eq(find(&a, later_pc), UNWIND_ENDS);
	lookup_init(loader());
	ck_assert_int_eq(find(&b, later_pc), UNWIND_ENDS);
	ck_assert_uint_eq(a.table.hdr, b.table.hdr);
}
END_TEST

START_TEST(code_without_tables_is_told_from_no_code)
{
	struct lookup_object o;
	void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(code != MAP_FAILED);
	modules_refresh();
	lookup_init(NULL);
	ck_assert_int_eq(find(&o, (uint64_t)(uintptr_t)code),
			 UNWIND_NO_TABLE);
	munmap(code, 4096);
}
END_TEST

START_TEST(what_we_were_linked_to_stays)
{
	struct link_map *map = _r_debug.r_map;
	uint64_t bias;
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);

	resident_init();
	ck_assert(resident_has(map->l_addr));		/* the program */
	ck_assert_ptr_nonnull(libc);
	code_of(libc, &bias);
	ck_assert(resident_has(bias));
	code_of(later, &bias);
	ck_assert(!resident_has(bias));
	ck_assert(!resident_has(1));
}
END_TEST

START_TEST(code_is_read_in_place_only_where_it_stays)
{
	uint64_t here = (uint64_t)(uintptr_t)&setup;
	struct memory memory;
	uint8_t a[32], b[32];

	memory_init(&memory, 0, 0);
	ck_assert(code_is_resident(here, sizeof(a)));
	ck_assert(!code_is_resident(later_pc, 1));
	ck_assert(!code_is_resident((uint64_t)(uintptr_t)a, 1));
	ck_assert(code_copy(&memory, here, a, sizeof(a)));
	ck_assert_uint_eq(memory_copy(&memory, here, b, sizeof(b)), 32);
	ck_assert_mem_eq(a, b, sizeof(a));
	ck_assert(code_copy(&memory, later_pc, a, sizeof(a)));
	ck_assert(!code_copy(&memory, 0, a, sizeof(a)));
	ck_assert(!code_copy(&memory, UINT64_MAX - 3, a, sizeof(a)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lookup");
	TCase *tc = tcase_create("lookup");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, the_method_is_chosen_by_what_there_is);
	tcase_add_test(tc, our_table_finds_objects);
	tcase_add_test(tc, the_loader_finds_objects);
	tcase_add_test(tc, an_object_that_we_have_not_seen_yet_is_the_loaders);
	tcase_add_test(tc, both_find_the_same_tables);
	tcase_add_test(tc, code_without_tables_is_told_from_no_code);
	tcase_add_test(tc, what_we_were_linked_to_stays);
	tcase_add_test(tc, code_is_read_in_place_only_where_it_stays);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
