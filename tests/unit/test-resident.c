/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/resident.h"

#include <check.h>
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

/* Of the C library itself, and linked by hardly anybody: what there is. */
static const char *const others[] = {
	"libBrokenLocale.so.1", "libmemusage.so", "libnss_compat.so.2",
	"libanl.so.1", "libthread_db.so.1",
};

static bool is_loaded(const char *name)
{
	void *handle = dlopen(name, RTLD_NOW | RTLD_NOLOAD);

	if (handle)
		dlclose(handle);
	return handle != NULL;
}

static struct link_map *load_other(void)
{
	struct link_map *map;
	void *handle;
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (is_loaded(others[i]))
			continue;
		handle = dlopen(others[i], RTLD_NOW);
		if (handle && dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0)
			return map;
	}
	return NULL;
}

/* Every object that is there at the beginning was linked, by us or by those. */
START_TEST(what_the_program_was_linked_to_stays)
{
	const struct link_map *map;
	unsigned count = 0;

	resident_init();
	for (map = _r_debug.r_map; map; map = map->l_next, count++)
		if (map->l_ld && strcmp(map->l_name, "linux-vdso.so.1") != 0)
			ck_assert_msg(resident_has(map->l_addr), "%s",
				      map->l_name);
	ck_assert_uint_gt(count, 3);
}
END_TEST

START_TEST(what_was_opened_may_go)
{
	const struct link_map *map = load_other();

	ck_assert_ptr_nonnull(map);
	resident_init();
	ck_assert_msg(!resident_has(map->l_addr), "%s", map->l_name);
	ck_assert(resident_has(_r_debug.r_map->l_addr));
}
END_TEST

/* Opened or not, somebody needs it. */
START_TEST(what_was_opened_as_well_stays)
{
	struct link_map *map;
	void *handle = dlopen("libc.so.6", RTLD_NOW);

	ck_assert_int_eq(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
	resident_init();
	ck_assert(resident_has(map->l_addr));
	dlclose(handle);
}
END_TEST

START_TEST(other_numbers_are_nobodys)
{
	uint64_t bias = _r_debug.r_map->l_addr;

	ck_assert(!resident_has(bias));		/* before the beginning */
	resident_init();
	resident_init();			/* the same again */
	ck_assert(resident_has(bias));
	ck_assert(!resident_has(bias + 1));
	ck_assert(!resident_has(bias - 4096));
	ck_assert(!resident_has(UINT64_MAX));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resident");
	TCase *all = tcase_create("all");

	tcase_add_test(all, what_the_program_was_linked_to_stays);
	tcase_add_test(all, what_was_opened_may_go);
	tcase_add_test(all, what_was_opened_as_well_stays);
	tcase_add_test(all, other_numbers_are_nobodys);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
