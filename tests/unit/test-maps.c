/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/maps.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static struct maps_text text;
static char path[] = "/tmp/profagent-test-maps.XXXXXX";

static void setup(void)
{
	close(mkstemp(path));
}

static void teardown(void)
{
	unlink(path);
	strcpy(strrchr(path, '.'), ".XXXXXX");
	maps_release(&text);
}

static void write_maps(const char *lines)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(lines, f);
	fclose(f);
}

static void expect_path(const struct maps_entry *e, const char *expected)
{
	ck_assert_uint_eq(e->path_size, strlen(expected));
	ck_assert_int_eq(memcmp(e->path, expected, e->path_size), 0);
}

START_TEST(lines_of_every_kind)
{
	struct maps_entry e;

	write_maps(
		"55e0c1a4b000-55e0c1a4d000 r--p 00000000 fe:01 1234567      "
		"/usr/bin/a program (deleted)\n"
		"7ffc0a5f9000-7ffc0a61a000 rw-p 00000000 00:00 0            "
		"[stack]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0\n"
		"7f0000000000-7f0000001000 rwxs 1fffff000 103:a0 18446744073709"
		"551615 /memfd:x\\012y\n");
	ck_assert_int_eq(maps_read(&text, path), 0);
	ck_assert(maps_next(&text, &e));
	ck_assert_uint_eq(e.start, 0x55e0c1a4b000);
	ck_assert_uint_eq(e.end, 0x55e0c1a4d000);
	ck_assert_uint_eq(e.prot, MAPS_READ);
	ck_assert_uint_eq(e.offset, 0);
	ck_assert_uint_eq(e.dev, 0xfeu << 20 | 1);
	ck_assert_uint_eq(e.inode, 1234567);
	expect_path(&e, "/usr/bin/a program (deleted)");
	ck_assert(maps_next(&text, &e));
	ck_assert_uint_eq(e.prot, MAPS_READ | MAPS_WRITE);
	expect_path(&e, "[stack]");
	ck_assert(maps_next(&text, &e));
	ck_assert_uint_eq(e.start, 0xffffffffff600000);
	ck_assert_uint_eq(e.prot, MAPS_EXEC);
	expect_path(&e, "");
	ck_assert(maps_next(&text, &e));
	ck_assert_uint_eq(e.prot, MAPS_READ | MAPS_WRITE | MAPS_EXEC);
	ck_assert_uint_eq(e.offset, 0x1fffff000);
	ck_assert_uint_eq(e.dev, 0x103u << 20 | 0xa0);
	ck_assert_uint_eq(e.inode, UINT64_MAX);
	expect_path(&e, "/memfd:x\\012y");
	ck_assert(!maps_next(&text, &e));
	ck_assert(!maps_next(&text, &e));
}
END_TEST

START_TEST(lines_that_are_none_are_left_out)
{
	struct maps_entry e;

	write_maps("\n"
		   "garbage\n"
		   "1000-\n"
		   "1000-2000\n"
		   "1000-2000 r-x\n"
		   "1000-2000 r-xp\n"
		   "1000-2000 r-xp 0\n"
		   "1000-2000 r-xp 0 1\n"
		   "1000-2000 r-xp 0 1:2\n"
		   "2000-1000 r-xp 0 1:2 3 /backwards\n"
		   "1000-1000 r-xp 0 1:2 3 /empty\n"
		   "1000-2000 r-xp 0 1:2 3 /good\n"
		   "3000-4000 r-xp 0 1:2 3 /no-newline");
	ck_assert_int_eq(maps_read(&text, path), 0);
	ck_assert(maps_next(&text, &e));
	expect_path(&e, "/good");
	ck_assert(maps_next(&text, &e));
	expect_path(&e, "/no-newline");
	ck_assert(!maps_next(&text, &e));
}
END_TEST

START_TEST(long_files_are_read_whole_and_again)
{
	FILE *f = fopen(path, "w");
	struct maps_entry e;
	unsigned n;

	for (unsigned i = 0; i < 50000; i++)
		fprintf(f, "%x000-%x800 r-xp 0 1:2 %u /path/of/number/%u\n",
			i, i, i + 1, i);
	fclose(f);
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(maps_read(&text, path), 0);
		for (n = 0; maps_next(&text, &e); n++)
			ck_assert_uint_eq(e.start, (uint64_t)n << 12);
		ck_assert_uint_eq(n, 50000);
	}
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_an_error)
{
	struct maps_entry e;

	ck_assert_int_eq(maps_read(&text, "/nonexistent/maps"), -ENOENT);
	ck_assert(!maps_next(&text, &e));
	ck_assert_int_eq(maps_read(&text, "/tmp"), -EISDIR);
	write_maps("");
	ck_assert_int_eq(maps_read(&text, path), 0);
	ck_assert(!maps_next(&text, &e));
}
END_TEST

START_TEST(our_own_maps_hold_our_code)
{
	uint64_t here = (uint64_t)(uintptr_t)&setup;
	struct maps_entry e;
	bool found = false;

	ck_assert_int_eq(maps_read(&text, "/proc/self/maps"), 0);
	while (maps_next(&text, &e))
		found |= e.start <= here && here < e.end &&
			 (e.prot & MAPS_EXEC) && e.inode != 0;
	ck_assert(found);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("maps");
	TCase *tc = tcase_create("maps");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, lines_of_every_kind);
	tcase_add_test(tc, lines_that_are_none_are_left_out);
	tcase_add_test(tc, long_files_are_read_whole_and_again);
	tcase_add_test(tc, a_file_that_cannot_be_read_is_an_error);
	tcase_add_test(tc, our_own_maps_hold_our_code);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
