/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/eh-table.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/runner.h"

/* A header and its table, as a linker writes it. */
struct __attribute__((packed)) table {
	uint8_t version, frame_encoding, count_encoding, table_encoding;
	int32_t frame;
	uint32_t count;
	struct {
		int32_t start, fde;
	} entry[5000];
};

static struct table table;
static struct memory memory;
static struct dw_source in_place, copied;

static uint64_t hdr(void)
{
	return (uint64_t)(uintptr_t)&table;
}

/* `count` functions of random size from `start` on; FDE i is at hdr + 16 i. */
static void fill(uint32_t count, int32_t start)
{
	/* A walk never sees a table change: its copies may be kept. */
	memory_init(&memory, 0, 0);
	table.version = 1;
	table.frame_encoding = DW_EH_PE_PCREL | DW_EH_PE_SDATA4;
	table.count_encoding = DW_EH_PE_UDATA4;
	table.table_encoding = DW_EH_PE_DATAREL | DW_EH_PE_SDATA4;
	table.count = count;
	for (uint32_t i = 0; i < count; i++) {
		table.entry[i].start = start;
		table.entry[i].fde = (int32_t)(16 * i + 16);
		start += rand() % 100 == 0 ? 5000 : 1 + rand() % 300;
	}
}

static void setup(void)
{
	srand(3);
	memory_init(&memory, 0, 0);
	in_place = (struct dw_source){ hdr(), hdr() + sizeof(table), &memory };
	copied = (struct dw_source){ 0, 0, &memory };
}

/* The plain way. */
static uint64_t expected(int64_t offset)
{
	uint64_t found = 0;

	for (uint32_t i = 0; i < table.count; i++)
		if (table.entry[i].start <= offset)
			found = hdr() + (uint64_t)table.entry[i].fde;
	return found;
}

static void look_up_all(uint32_t count, uint64_t end_guess)
{
	struct eh_table a, b;
	int64_t first = table.entry[0].start;
	int64_t last = table.entry[count - 1].start;

	ck_assert(eh_table_init(&a, &in_place, hdr()));
	ck_assert(eh_table_init(&b, &copied, hdr()));
	ck_assert_uint_eq(a.count, count);
	ck_assert_uint_eq(b.count, count);
	for (int i = 0; i < 2000; i++) {
		int64_t offset = first - 10 + rand() % (last - first + 20);
		uint64_t pc = hdr() + (uint64_t)offset;
		uint64_t want = expected(offset);
		uint64_t start = hdr() + (uint64_t)first;

		ck_assert_uint_eq(eh_table_find(&a, &in_place, pc, start,
						start + end_guess), want);
		ck_assert_uint_eq(eh_table_find(&b, &copied, pc, start,
						start + end_guess), want);
	}
}

START_TEST(finds_what_a_plain_search_finds)
{
	static const uint32_t counts[] = { 1, 2, 3, 23, 24, 25, 48, 49, 1000,
					   5000 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		fill(counts[i], i % 2 ? 100000 : -100000000);
		look_up_all(counts[i], (uint64_t)counts[i] * 200);
	}
}
END_TEST

START_TEST(an_index_makes_no_difference)
{
	static const uint32_t counts[] = { 1, 24, 25, 47, 48, 49, 1536, 1537,
					   5000 };
	int32_t *keys = malloc(5000 * sizeof(*keys));

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct eh_table t;
		int64_t last;

		fill(counts[i], 1000);
		last = table.entry[counts[i] - 1].start;
		ck_assert(eh_table_init(&t, &copied, hdr()));
		ck_assert(eh_table_read_keys(&t, &memory, keys));
		t.index = keys;
		for (int k = 0; k < 3000; k++) {
			int64_t offset = 990 + rand() % (last - 980);

			ck_assert_uint_eq(eh_table_find(&t, &copied,
				hdr() + (uint64_t)offset, 0, 0),
				expected(offset));
		}
	}
	free(keys);
}
END_TEST

START_TEST(an_index_of_another_table_does_no_harm)
{
	int32_t keys[300];
	struct eh_table t;

	fill(5000, 0);
	ck_assert(eh_table_init(&t, &copied, hdr()));
	t.index = keys;
	for (int i = 0; i < 10000; i++) {
		keys[rand() % 300] = rand();
		eh_table_find(&t, &copied, hdr() + (uint64_t)rand(), 0, 0);
	}
}
END_TEST

START_TEST(wrong_bounds_of_the_code_do_no_harm)
{
	fill(3000, 5000);
	look_up_all(3000, 0);
	look_up_all(3000, 1);
	look_up_all(3000, UINT64_MAX / 2);
	look_up_all(3000, UINT64_MAX - 100000);
}
END_TEST

START_TEST(an_empty_table_has_nothing)
{
	struct eh_table t;

	fill(0, 0);
	ck_assert(eh_table_init(&t, &in_place, hdr()));
	ck_assert_uint_eq(eh_table_find(&t, &in_place, hdr(), 0, 100), 0);
	ck_assert(eh_table_init(&t, &copied, hdr()));
	ck_assert_uint_eq(eh_table_find(&t, &copied, hdr(), 0, 100), 0);
}
END_TEST

START_TEST(addresses_out_of_reach_have_nothing)
{
	struct eh_table t;

	fill(100, 0);
	ck_assert(eh_table_init(&t, &in_place, hdr()));
	ck_assert_uint_eq(eh_table_find(&t, &in_place, hdr() + (1ull << 31),
					hdr(), hdr() + 1), 0);
	ck_assert_uint_eq(eh_table_find(&t, &in_place, 0, 0, 0), 0);
	ck_assert_uint_eq(eh_table_find(&t, &in_place, UINT64_MAX, 0, 0), 0);
}
END_TEST

START_TEST(headers_that_we_cannot_read_are_refused)
{
	struct eh_table t;

	fill(100, 0);
	table.version = 2;
	ck_assert(!eh_table_init(&t, &in_place, hdr()));
	fill(100, 0);
	table.count_encoding = DW_EH_PE_OMIT;
	ck_assert(!eh_table_init(&t, &in_place, hdr()));
	fill(100, 0);
	table.table_encoding = DW_EH_PE_ABSPTR;
	ck_assert(!eh_table_init(&t, &in_place, hdr()));
	fill(100, 0);
	table.frame_encoding = 0x0f;
	ck_assert(!eh_table_init(&t, &in_place, hdr()));
	fill(100, 0);
	table.count = UINT32_MAX;
	ck_assert(!eh_table_init(&t, &in_place, hdr()));
	ck_assert(!eh_table_init(&t, &copied, 0));
	ck_assert(!eh_table_init(&t, &copied, UINT64_MAX));
	ck_assert(!eh_table_init(&t, &copied, UINT64_MAX - 8192));
}
END_TEST

START_TEST(garbage_ends)
{
	struct eh_table t;
	uint8_t *bytes = (uint8_t *)table.entry;

	for (int round = 0; round < 30; round++) {
		fill(5000, 0);
		for (size_t i = 0; i < sizeof(table.entry); i++)
			bytes[i] = (uint8_t)rand();
		ck_assert(eh_table_init(&t, &in_place, hdr()));
		for (int i = 0; i < 1000; i++) {
			uint64_t pc = hdr() + (uint64_t)(int32_t)rand() * 2;

			eh_table_find(&t, &in_place, pc, 0, 1);
			eh_table_find(&t, &copied, pc, hdr(), hdr() + 100000);
		}
	}
}
END_TEST

START_TEST(a_table_that_is_gone_has_nothing)
{
	size_t size = (sizeof(table) + MEMORY_PAGE) & ~(MEMORY_PAGE - 1ul);
	uint8_t *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t at = (uint64_t)(uintptr_t)page;
	struct eh_table t;

	ck_assert(page != MAP_FAILED);
	fill(5000, 0);
	memcpy(page, &table, sizeof(table));
	ck_assert(eh_table_init(&t, &copied, at));
	ck_assert_uint_eq(eh_table_find(&t, &copied, at, at, at + 500000),
			  at + 16);
	munmap(page, size);
	memory_init(&memory, 0, 0);
	ck_assert_uint_eq(eh_table_find(&t, &copied, at, at, at + 500000), 0);
	ck_assert(!eh_table_init(&t, &copied, at));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("eh-table");
	TCase *tc = tcase_create("eh-table");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, finds_what_a_plain_search_finds);
	tcase_add_test(tc, an_index_makes_no_difference);
	tcase_add_test(tc, an_index_of_another_table_does_no_harm);
	tcase_add_test(tc, wrong_bounds_of_the_code_do_no_harm);
	tcase_add_test(tc, an_empty_table_has_nothing);
	tcase_add_test(tc, addresses_out_of_reach_have_nothing);
	tcase_add_test(tc, headers_that_we_cannot_read_are_refused);
	tcase_add_test(tc, garbage_ends);
	tcase_add_test(tc, a_table_that_is_gone_has_nothing);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
