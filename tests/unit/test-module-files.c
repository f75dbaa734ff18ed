/* SPDX-License-Identifier: MIT */
/* module-files, and the growing arrays of agent/block.h below it. */
#define _GNU_SOURCE
#include "agent/module-files.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/block.h"
#include "tests/unit/runner.h"

START_TEST(an_array_grows_and_keeps_what_it_has)
{
	struct block b = { NULL, 0, 0 };

	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t *entry = block_push(&b, sizeof(*entry));

		ck_assert_ptr_nonnull(entry);
		*entry = i;
	}
	for (uint32_t i = 0; i < 100000; i++)
		ck_assert_uint_eq(((uint32_t *)b.data)[i], i);
	ck_assert_uint_eq(b.size, 400000);
}
END_TEST

START_TEST(a_path_is_kept_once_and_stays)
{
	const char *first[2000];
	char text[5000];

	for (int i = 0; i < 2000; i++) {
		int n = snprintf(text, sizeof(text), "/path/%d/%0*d", i,
				 i % 100, i);

		first[i] = module_files_path(text, (size_t)n);
		ck_assert_str_eq(first[i], text);
	}
	for (int i = 0; i < 2000; i++) {
		int n = snprintf(text, sizeof(text), "/path/%d/%0*d", i,
				 i % 100, i);

		ck_assert_str_eq(first[i], text);
		ck_assert_ptr_eq(module_files_path(text, (size_t)n), first[i]);
	}
	ck_assert_str_eq(module_files_path("", 0), "");
	memset(text, 'x', sizeof(text));
	ck_assert_uint_eq(strlen(module_files_path(text, 4096)), 4096);
}
END_TEST

/* A header and its table, as a linker writes it. */
static struct __attribute__((packed)) {
	uint8_t bytes[4];
	int32_t frame;
	uint32_t count;
	struct {
		int32_t start, fde;
	} entry[100];
} table = { .bytes = { 1, DW_EH_PE_PCREL | DW_EH_PE_SDATA4,
		       DW_EH_PE_UDATA4, DW_EH_PE_DATAREL | DW_EH_PE_SDATA4 },
	    .count = 100 };

static struct module with_table(uint64_t inode, bool resident)
{
	struct module m = { .inode = inode, .resident = resident,
			    .eh_frame_hdr = (const uint8_t *)&table };

	module_files_read_table(&m);
	return m;
}

START_TEST(a_table_that_may_go_has_an_index)
{
	struct module m;

	for (int i = 0; i < 100; i++)
		table.entry[i].start = 16 * i;
	m = with_table(5, false);
	ck_assert_uint_eq(m.eh_table.count, 100);
	ck_assert_ptr_nonnull(m.eh_table.index);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(m.eh_table.index[i],
				 16 * i * (int)EH_TABLE_CHUNK);
	/* The same file has the same, another one its own. */
	ck_assert_ptr_eq(with_table(5, false).eh_table.index,
			 m.eh_table.index);
	ck_assert_ptr_ne(with_table(6, false).eh_table.index,
			 m.eh_table.index);
	/* One that stays is searched in place. */
	ck_assert_uint_eq(with_table(7, true).eh_table.count, 100);
	ck_assert_ptr_null(with_table(7, true).eh_table.index);
}
END_TEST

START_TEST(what_is_no_table_has_no_entries)
{
	struct module m = { .eh_frame_hdr = (const uint8_t *)1 };

	module_files_read_table(&m);
	ck_assert_uint_eq(m.eh_table.count, 0);
	table.bytes[0] = 7;
	ck_assert_uint_eq(with_table(8, false).eh_table.count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("module-files");
	TCase *tc = tcase_create("module-files");

	tcase_add_test(tc, an_array_grows_and_keeps_what_it_has);
	tcase_add_test(tc, a_path_is_kept_once_and_stays);
	tcase_add_test(tc, a_table_that_may_go_has_an_index);
	tcase_add_test(tc, what_is_no_table_has_no_entries);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
