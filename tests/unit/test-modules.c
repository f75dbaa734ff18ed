/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/modules.h"

#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/runner.h"

/* An object that this program is not linked to, in every Debian. */
#define LATER "libnss_compat.so.2"

static char maps[] = "/tmp/profagent-test-modules.XXXXXX";

static void setup(void)
{
	close(mkstemp(maps));
}

static void teardown(void)
{
	unlink(maps);
	strcpy(strrchr(maps, '.'), ".XXXXXX");
}

/* Replaces the made-up maps at once, as a reader would see it. */
static void write_maps(const char *lines)
{
	char next[sizeof(maps) + 4];
	FILE *f;

	snprintf(next, sizeof(next), "%s.new", maps);
	f = fopen(next, "w");
	ck_assert_ptr_nonnull(f);
	fputs(lines, f);
	fclose(f);
	ck_assert_int_eq(rename(next, maps), 0);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static const struct module *find(uint64_t pc)
{
	return modules_find(modules_current(), pc);
}

static unsigned unloaded;

static void count_unloaded(const struct module *m, void *arg)
{
	ck_assert_uint_ne(m->unload_ns, 0);
	ck_assert_uint_ge(m->unload_ns, m->load_ns);
	*(uint32_t *)arg = m->id;
	unloaded++;
}

/* --- the real maps ------------------------------------------------------ */

static int check_object(struct dl_phdr_info *info, size_t size, void *count)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const struct module *m;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		m = find(info->dlpi_addr + p->p_vaddr);
		ck_assert_ptr_nonnull(m);
		ck_assert_uint_eq(m->bias, info->dlpi_addr);
		ck_assert_ptr_eq(find(info->dlpi_addr + p->p_vaddr +
				      p->p_memsz - 1), m);
		++*(int *)count;
	}
	return 0;
}

START_TEST(every_object_is_there)
{
	const struct module_table *t;
	int count = 0;

	ck_assert_int_eq(modules_init(NULL), 0);
	t = modules_current();
	dl_iterate_phdr(check_object, &count);
	ck_assert_int_ge((int)t->count, count);
	for (uint32_t i = 1; i < t->count; i++) {
		ck_assert_uint_ge(t->module[i].start, t->module[i - 1].end);
		ck_assert_uint_eq(t->module[i].id, i + 1);
	}
	ck_assert_ptr_null(find(0));
	ck_assert_ptr_null(find((uint64_t)(uintptr_t)&count));
}
END_TEST

START_TEST(the_main_module_is_the_program)
{
	char exe[PATH_MAX] = { 0 };

	ck_assert_int_eq(modules_init(NULL), 0);
	ck_assert_int_gt(readlink("/proc/self/exe", exe, sizeof(exe) - 1), 0);
	ck_assert_str_eq(modules_main()->path, exe);
}
END_TEST

START_TEST(a_library_comes_and_goes_and_comes)
{
	const struct module_table *before;
	uint32_t gone = 0, first_id, generation;
	void *handle;

	ck_assert_int_eq(modules_init(NULL), 0);
	modules_refresh();	/* what init itself may have mapped */
	before = modules_current();
	generation = before->generation;
	handle = dlopen(LATER, RTLD_NOW);
	ck_assert_int_eq(modules_refresh(), 1);
	ck_assert_uint_gt(modules_current()->generation, generation);
	ck_assert_uint_eq(modules_current()->count, before->count + 1);
	first_id = 0;
	for (uint32_t i = 0; i < modules_current()->count; i++)
		if (modules_current()->module[i].id > first_id)
			first_id = modules_current()->module[i].id;
	dlclose(handle);
	ck_assert_int_eq(modules_refresh(), 1);
	modules_visit_unloaded(count_unloaded, &gone);
	ck_assert_uint_eq(unloaded, 1);
	ck_assert_uint_eq(gone, first_id);
	/* it could not be written: again */
	modules_visit_unloaded(count_unloaded, &gone);
	ck_assert_uint_eq(unloaded, 2);
	modules_told_unloaded();
	modules_visit_unloaded(count_unloaded, &gone);
	ck_assert_uint_eq(unloaded, 2);
	handle = dlopen(LATER, RTLD_NOW);
	ck_assert_int_eq(modules_refresh(), 1);
	for (uint32_t i = 0; i < modules_current()->count; i++)
		ck_assert_uint_ne(modules_current()->module[i].id, first_id);
	dlclose(handle);
}
END_TEST

/* --- made-up maps ------------------------------------------------------- */

#define LIB_A "10000-12000 r-xp 0 1:2 100 /lib/a\n"
#define LIB_B "10000-12000 r-xp 0 1:2 200 /lib/b\n"
#define LIB_C "20000-30000 r-xp 3000 1:2 300 /lib/c (deleted)\n"

START_TEST(nothing_changed_nothing_published)
{
	const struct module_table *t;

	write_maps(LIB_A LIB_C);
	ck_assert_int_eq(modules_init(maps), 0);
	t = modules_current();
	ck_assert_uint_eq(t->count, 2);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(modules_refresh(), 0);
		ck_assert_ptr_eq(modules_current(), t);
	}
	/* Neither data nor another file's data are modules. */
	write_maps(LIB_A LIB_C "40000-50000 rw-p 0 0:0 0 [heap]\n"
		   "50000-60000 r--p 0 1:2 999 /lib/d\n");
	ck_assert_int_eq(modules_refresh(), 0);
}
END_TEST

START_TEST(addresses_belong_to_the_module_that_maps_them)
{
	write_maps(LIB_A LIB_C);
	ck_assert_int_eq(modules_init(maps), 0);
	ck_assert_ptr_null(find(0xffff));
	ck_assert_str_eq(find(0x10000)->path, "/lib/a");
	ck_assert_str_eq(find(0x11fff)->path, "/lib/a");
	ck_assert_ptr_null(find(0x12000));
	ck_assert_ptr_null(find(0x1ffff));
	ck_assert_str_eq(find(0x20000)->path, "/lib/c (deleted)");
	ck_assert_uint_eq(find(0x20000)->offset, 0x3000);
	ck_assert_ptr_null(find(0x30000));
	ck_assert_ptr_null(find(UINT64_MAX));
}
END_TEST

START_TEST(a_module_keeps_its_id_and_gives_it_to_no_other)
{
	uint32_t a, c;

	write_maps(LIB_A LIB_C);
	ck_assert_int_eq(modules_init(maps), 0);
	a = find(0x10000)->id;
	c = find(0x20000)->id;
	write_maps(LIB_B LIB_C);
	ck_assert_int_eq(modules_refresh(), 1);
	ck_assert_uint_eq(find(0x20000)->id, c);
	ck_assert_uint_gt(find(0x10000)->id, a);
	write_maps(LIB_A LIB_C);
	ck_assert_int_eq(modules_refresh(), 1);
	ck_assert_uint_gt(find(0x10000)->id, a + 1);
}
END_TEST

START_TEST(split_mappings_are_one_module)
{
	uint32_t id;

	write_maps("10000-20000 r-xp 1000 1:2 100 /lib/a\n");
	ck_assert_int_eq(modules_init(maps), 0);
	id = find(0x10000)->id;
	write_maps("10000-12000 r-xp 1000 1:2 100 /lib/a\n"
		   "12000-13000 rwxp 3000 1:2 100 /lib/a\n"
		   "13000-20000 r-xp 4000 1:2 100 /lib/a\n");
	ck_assert_int_eq(modules_refresh(), 0);
	ck_assert_uint_eq(find(0x12345)->id, id);
	/* Adjacent, but not what follows in the file: another one. */
	write_maps("10000-12000 r-xp 1000 1:2 100 /lib/a\n"
		   "12000-13000 r-xp 9000 1:2 100 /lib/a\n");
	ck_assert_int_eq(modules_refresh(), 1);
	ck_assert_uint_ne(find(0x12345)->id, id);
}
END_TEST

START_TEST(generated_code_may_grow)
{
	uint32_t id;

	write_maps("10000-20000 rwxp 0 0:0 0\n");
	ck_assert_int_eq(modules_init(maps), 0);
	id = find(0x10000)->id;
	ck_assert_str_eq(find(0x10000)->path, "");
	write_maps("10000-20000 rwxp 0 0:0 0\n20000-28000 r-xp 0 0:0 0\n");
	ck_assert_int_eq(modules_refresh(), 1);
	ck_assert_uint_eq(find(0x27fff)->id, id);
	ck_assert_uint_eq(modules_current()->count, 1);
}
END_TEST

START_TEST(maps_that_cannot_be_read_change_nothing)
{
	const struct module_table *t;

	ck_assert_int_eq(modules_init("/nonexistent/maps"), -ENOENT);
	write_maps(LIB_A);
	ck_assert_int_eq(modules_init(maps), 0);
	t = modules_current();
	unlink(maps);
	ck_assert_int_eq(modules_refresh(), -ENOENT);
	ck_assert_ptr_eq(modules_current(), t);
	ck_assert_ptr_nonnull(find(0x10000));
}
END_TEST

START_TEST(only_what_may_be_wrong_is_stale)
{
	write_maps(LIB_A);
	ck_assert_int_eq(modules_init(maps), 0);
	ck_assert(!modules_take_stale());
	/* More code, generated or loaded */
	write_maps(LIB_A LIB_C "50000-60000 rwxp 0 0:0 0\n");
	ck_assert_int_eq(modules_refresh(), 1);
	ck_assert(!modules_take_stale());
	/* Generated code that goes and comes */
	write_maps(LIB_A LIB_C);
	ck_assert_int_eq(modules_refresh(), 1);
	ck_assert(!modules_take_stale());
	write_maps(LIB_A LIB_C "50000-60000 rwxp 0 0:0 0\n");
	ck_assert_int_eq(modules_refresh(), 1);
	ck_assert(!modules_take_stale());
	write_maps(LIB_A LIB_C);
	ck_assert_int_eq(modules_refresh(), 1);
	ck_assert(!modules_take_stale());
	/* An object where that may have been */
	write_maps(LIB_A LIB_C "58000-59000 r-xp 0 1:2 7 /lib/d\n");
	ck_assert_int_eq(modules_refresh(), 1);
	ck_assert(modules_take_stale());
	ck_assert(!modules_take_stale());
	/* An object that goes */
	write_maps(LIB_A LIB_C);
	ck_assert_int_eq(modules_refresh(), 1);
	ck_assert(modules_take_stale());
	/* An object for another */
	write_maps(LIB_B LIB_C);
	ck_assert_int_eq(modules_refresh(), 1);
	ck_assert(modules_take_stale());
	ck_assert_int_eq(modules_refresh(), 0);
	ck_assert(!modules_take_stale());
}
END_TEST

START_TEST(tables_that_may_go_have_an_index)
{
	const struct module *m = NULL;
	const int32_t *index;
	void *handle;

	ck_assert_int_eq(modules_init(NULL), 0);
	m = find((uint64_t)(uintptr_t)&qsort);
	ck_assert(m->resident);
	ck_assert_uint_gt(m->eh_table.count, 1000);
	ck_assert_ptr_null(m->eh_table.index);
	for (int round = 0; round < 3; round++) {
		handle = dlopen(LATER, RTLD_NOW);
		ck_assert_int_eq(modules_refresh(), 1);
		for (uint32_t i = 0; i < modules_current()->count; i++) {
			m = &modules_current()->module[i];
			if (strstr(m->path, "/libnss_comp"))
				break;
		}
		ck_assert(!m->resident);
		ck_assert_uint_gt(m->eh_table.count, EH_TABLE_CHUNK);
		ck_assert_ptr_nonnull(m->eh_table.index);
		for (uint64_t i = 1; i < eh_table_keys(&m->eh_table); i++)
			ck_assert_int_gt(m->eh_table.index[i],
					 m->eh_table.index[i - 1]);
		/* Loaded again it has the same one. */
		if (round > 0)
			ck_assert_ptr_eq(m->eh_table.index, index);
		index = m->eh_table.index;
		dlclose(handle);
		ck_assert_int_eq(modules_refresh(), 1);
	}
}
END_TEST

/* --- times -------------------------------------------------------------- */

START_TEST(an_address_means_something_with_its_time)
{
	uint64_t in_a, between, in_b, after;

	write_maps(LIB_A);
	ck_assert_int_eq(modules_init(maps), 0);
	modules_refresh();
	in_a = find(0x10000)->load_ns;
	ck_assert_uint_le(in_a, now());
	usleep(2000);
	between = now();
	usleep(2000);
	write_maps(LIB_B);
	ck_assert_int_eq(modules_refresh(), 1);
	in_b = now();
	usleep(2000);
	modules_refresh();
	usleep(2000);
	after = now();
	write_maps(LIB_C);
	ck_assert_int_eq(modules_refresh(), 1);
	ck_assert_str_eq(modules_find_at(0x10000, in_a)->path, "/lib/a");
	/* Either of the two: it was between two readings. */
	ck_assert_ptr_null(modules_find_at(0x10000, between));
	ck_assert_str_eq(modules_find_at(0x10000, in_b)->path, "/lib/b");
	/* Only one it can be: still there, or there already. */
	ck_assert_str_eq(modules_find_at(0x10000, after)->path, "/lib/b");
	ck_assert_str_eq(modules_find_at(0x20000, after)->path,
			 "/lib/c (deleted)");
	/* It certainly was not there. */
	ck_assert_ptr_null(modules_find_at(0x20000, in_b));
	ck_assert_ptr_null(modules_find_at(0x10000, now()));
	ck_assert_ptr_null(modules_find_at(0x99000, in_a));
}
END_TEST

START_TEST(a_forked_child_begins_anew)
{
	int status;
	pid_t pid;

	write_maps(LIB_A LIB_C);
	ck_assert_int_eq(modules_init(maps), 0);
	write_maps(LIB_B);
	ck_assert_int_eq(modules_refresh(), 1);
	modules_hold();		/* as a thread that is not in the child */
	pid = fork();
	if (pid == 0) {
		unloaded = 0;
		modules_reset_after_fork();
		modules_visit_unloaded(count_unloaded, &status);
		_exit(unloaded != 0 || modules_current()->count != 1 ||
		      find(0x10000)->id != 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* --- many threads ------------------------------------------------------- */

static _Atomic int stop;
static _Atomic unsigned long tables;	/* looked at by all threads */

/* Every module of a table is of the version that the first one is of. */
static void *reader(void *arg)
{
	unsigned long wrong = 0;

	(void)arg;
	while (!atomic_load(&stop)) {
		const struct module_table *t = modules_hold();
		const char *path = t->module[0].path;
		uint64_t size = t->module[0].end - t->module[0].start;

		wrong += t->count != (path[1] == 'x' ? 40u : 3u);
		for (uint32_t i = 0; i < t->count; i++)
			wrong += strcmp(t->module[i].path, path) != 0 ||
				 t->module[i].end - t->module[i].start != size;
		modules_drop(t);
		atomic_fetch_add(&tables, 1);
	}
	return (void *)(uintptr_t)wrong;
}

static void write_version(const char *path, unsigned count, unsigned size)
{
	char text[8192];
	int n = 0;

	for (unsigned i = 0; i < count; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "%x-%x r-xp 0 1:2 %u %s\n", 0x100000 * (i + 1),
			      0x100000 * (i + 1) + size, i + 5, path);
	write_maps(text);
}

START_TEST(a_table_that_is_held_stays_as_it_is)
{
	pthread_t threads[4];

	write_version("/x", 40, 0x1000);
	ck_assert_int_eq(modules_init(maps), 0);
	atomic_store(&stop, 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, reader, NULL);
	for (int i = 0; i < 400 || atomic_load(&tables) < 10000; i++) {
		if (i % 2)
			write_version("/x", 40, 0x1000);
		else
			write_version("/y", 3, 0x2000);
		ck_assert_int_eq(modules_refresh(), 1);
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < 4; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		ck_assert_uint_eq((uintptr_t)wrong, 0);
	}
}
END_TEST

START_TEST(tables_nobody_holds_are_used_again)
{
	const struct module_table *held, *seen[100];
	unsigned different = 0;

	write_version("/x", 40, 0x1000);
	ck_assert_int_eq(modules_init(maps), 0);
	held = modules_hold();
	for (int i = 0; i < 100; i++) {
		write_version(i % 2 ? "/x" : "/y", 40, 0x2000);
		ck_assert_int_eq(modules_refresh(), 1);
		seen[i] = modules_current();
		ck_assert_ptr_ne(seen[i], held);
		for (int k = 0; k <= i; k++)
			if (k == i)
				different++;
			else if (seen[k] == seen[i])
				break;
	}
	ck_assert_uint_le(different, 3);
	ck_assert_str_eq(held->module[0].path, "/x");
	modules_drop(held);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("modules");
	TCase *tc = tcase_create("modules");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, every_object_is_there);
	tcase_add_test(tc, the_main_module_is_the_program);
	tcase_add_test(tc, a_library_comes_and_goes_and_comes);
	tcase_add_test(tc, nothing_changed_nothing_published);
	tcase_add_test(tc, addresses_belong_to_the_module_that_maps_them);
	tcase_add_test(tc, a_module_keeps_its_id_and_gives_it_to_no_other);
	tcase_add_test(tc, split_mappings_are_one_module);
	tcase_add_test(tc, generated_code_may_grow);
	tcase_add_test(tc, maps_that_cannot_be_read_change_nothing);
	tcase_add_test(tc, only_what_may_be_wrong_is_stale);
	tcase_add_test(tc, tables_that_may_go_have_an_index);
	tcase_add_test(tc, an_address_means_something_with_its_time);
	tcase_add_test(tc, a_forked_child_begins_anew);
	tcase_add_test(tc, a_table_that_is_held_stays_as_it_is);
	tcase_add_test(tc, tables_nobody_holds_are_used_again);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
