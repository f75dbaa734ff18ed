/* SPDX-License-Identifier: MIT */
#include "agent/elf-names.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "agent/arena.h"
#include "agent/elfsym.h"
#include "agent/modules.h"
#include "tests/unit/runner.h"

#define NAMES_MAX 8

static char names[NAMES_MAX][64];	/* by `reserved` */
static struct elf_names_file self;
static uint64_t bias;
static volatile int number = 1;

/* Static: only .symtab has them. */
__attribute__((noinline)) static int one(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

__attribute__((noinline)) static int two(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 2;
}

static void setup(void)
{
	const struct module *m;

	ck_assert_int_eq(modules_init(NULL) < 0, 0);
	m = modules_find(modules_current(), (uint64_t)(uintptr_t)one);
	ck_assert_ptr_nonnull(m);
	self = (struct elf_names_file){
		.path = m->path, .inode = m->inode, .build_id = m->build_id,
		.build_id_size = m->build_id_size,
	};
	bias = m->bias;
	memset(names, 0, sizeof(names));
}

static void named(const struct elf_names_wanted *w, const char *name,
		  size_t size, void *arg)
{
	ck_assert_uint_lt(w->reserved, NAMES_MAX);
	snprintf(names[w->reserved], sizeof(names[0]), "%.*s", (int)size,
		 name);
	++*(int *)arg;
}

/* Of `one`, two bytes into `two`, and an address that nothing is at. */
static int find(const struct elf_names_file *file, int *count)
{
	uint64_t a = (uint64_t)(uintptr_t)one - bias;
	uint64_t b = (uint64_t)(uintptr_t)two - bias + 2;
	struct elf_names_wanted w[] = {
		{ .address = 0, .reserved = 0 },
		{ .address = a < b ? a : b, .reserved = a < b ? 1 : 2 },
		{ .address = a < b ? b : a, .reserved = a < b ? 2 : 1 },
		{ .address = UINT64_MAX, .reserved = 3 },
	};

	*count = 0;
	return elf_names_find(file, w, 4, named, count);
}

START_TEST(static_functions_have_names)
{
	size_t before = arena_total();
	int count;

	ck_assert_int_eq(one(number) + two(number), 5);
	ck_assert_int_eq(find(&self, &count), 0);
	ck_assert_int_eq(count, 2);
	ck_assert_str_eq(names[1], "one");
	ck_assert_str_eq(names[2], "two");
	ck_assert_uint_eq(arena_total(), before);
}
END_TEST

/* Also one that is no file, and no more of it than there is. */
START_TEST(an_image_in_memory_has_names)
{
	const struct module_table *table = modules_current();
	struct elf_names_file file = { .path = "[vdso]" };
	void *address = elfsym_find_in(
		(const void *)(uintptr_t)getauxval(AT_SYSINFO_EHDR),
		"__vdso_clock_gettime");
	uint64_t vdso = 0;
	uint32_t i;
	int count = 0;

	for (i = 0; i < table->count; i++)
		if (strcmp(table->module[i].path, "[vdso]") == 0) {
			vdso = table->module[i].bias;
			file.image = (const void *)(uintptr_t)
				table->module[i].start;
			file.image_size = table->module[i].end -
					  table->module[i].start;
		}
	if (!file.image || !address)
		return;			/* a kernel without one */
	struct elf_names_wanted w = {
		.address = (uint64_t)(uintptr_t)address - vdso,
	};

	ck_assert_int_eq(elf_names_find(&file, &w, 1, named, &count), 0);
	ck_assert_int_eq(count, 1);
	ck_assert_ptr_nonnull(strstr(names[0], "clock_gettime"));
	file.image_size = 100;
	ck_assert_int_eq(elf_names_find(&file, &w, 1, named, &count),
			 -ENOEXEC);
}
END_TEST

START_TEST(another_file_is_not_taken_for_it)
{
	static const uint8_t other[20] = { 1 };
	struct elf_names_file file = self;
	int count;

	file.build_id = other;
	file.build_id_size = sizeof(other);
	ck_assert_int_eq(find(&file, &count), -ESTALE);
	file.build_id_size = 0;		/* the inode decides */
	ck_assert_int_eq(find(&file, &count), 0);
	file.inode++;
	ck_assert_int_eq(find(&file, &count), -ESTALE);
	file.path = "/nonexistent";
	ck_assert_int_eq(find(&file, &count), -ENOENT);
	file = self;
	file.path = "/";
	ck_assert_int_eq(find(&file, &count), -ENOEXEC);
	file.path = "/proc/self/maps";
	ck_assert_int_eq(find(&file, &count), -ENOEXEC);
	ck_assert_int_eq(count, 0);
}
END_TEST

/* --- damaged files ------------------------------------------------------------ */

static char path[64];
static uint8_t *bytes;
static size_t size;

static void setup_copy(void)
{
	FILE *f;
	int fd;

	setup();
	f = fopen(self.path, "r");
	ck_assert_ptr_nonnull(f);
	fseek(f, 0, SEEK_END);
	size = (size_t)ftell(f);
	rewind(f);
	bytes = malloc(size);
	ck_assert_uint_eq(fread(bytes, 1, size, f), size);
	fclose(f);
	snprintf(path, sizeof(path), "%s/elf-names-XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	self.path = path;
}

static void teardown_copy(void)
{
	unlink(path);
	free(bytes);
}

static void write_copy(size_t n)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

START_TEST(a_file_may_end_anywhere)
{
	size_t before = arena_total(), i;
	int count;

	write_copy(size);
	ck_assert_int_eq(find(&self, &count), 0);
	ck_assert_int_eq(count, 2);
	for (i = 0; i < 200; i++) {
		write_copy(size / 200 * i);
		ck_assert_int_lt(find(&self, &count), 0);
	}
	ck_assert_uint_eq(arena_total(), before);
}
END_TEST

/* Headers, and the section headers at the end: any byte may be any other. */
START_TEST(a_file_may_hold_anything)
{
	size_t before = arena_total(), tail = size > 4096 ? size - 4096 : 0;
	unsigned i, seed = 1;
	int count;

	for (i = 0; i < 1500; i++) {
		size_t at = i % 3 == 0 ? i % 64 :
				       tail + (size_t)rand_r(&seed) %
						      (size - tail);
		uint8_t was = bytes[at];

		bytes[at] = (uint8_t)rand_r(&seed);
		write_copy(size);
		ck_assert_int_le(find(&self, &count), 0);
		bytes[at] = was;
	}
	ck_assert_uint_eq(arena_total(), before);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("elf-names");
	TCase *t = tcase_create("names");
	TCase *damaged = tcase_create("damaged");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, static_functions_have_names);
	tcase_add_test(t, an_image_in_memory_has_names);
	tcase_add_test(t, another_file_is_not_taken_for_it);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(damaged, setup_copy, teardown_copy);
	tcase_set_timeout(damaged, 120);
	tcase_add_test(damaged, a_file_may_end_anywhere);
	tcase_add_test(damaged, a_file_may_hold_anything);
	suite_add_tcase(s, damaged);
	return runner_run(s);
}
