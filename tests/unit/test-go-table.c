/* SPDX-License-Identifier: MIT */
#include "agent/go-table.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/go-image.h"
#include "tests/unit/runner.h"

static uint8_t *image;
static struct go_table table;
static struct memory memory;
static struct dw_source source;

static uint64_t at(uint32_t offset)
{
	return (uint64_t)(uintptr_t)image + offset;
}

static uint64_t record[4096];		/* the program's variables */

static bool search_in(struct go_range constants)
{
	uint64_t low = (uint64_t)(uintptr_t)record;

	return go_table_search(&table, &memory, constants,
			       (struct go_range){ low, low + sizeof(record) },
			       (struct go_range){ at(GO_IMAGE_PAGE),
						  at(2 * GO_IMAGE_PAGE) });
}

static bool search(void)
{
	return search_in((struct go_range){ at(0), at(GO_IMAGE_PAGE) });
}

static void setup(void)
{
	image = go_image_new();
	memory_init(&memory, 0, 0);
	source = (struct dw_source){ at(0), at(GO_IMAGE_PAGE), &memory };
	ck_assert(search());
}

static void teardown(void)
{
	go_image_free(image);
}

/* Depth at an offset of the code, -1: not told. */
static int depth_at(uint32_t offset, char *name, unsigned size)
{
	uint64_t pc = go_image_pc(image, offset), bytes;
	struct go_function f;

	if (!go_table_find(&table, &source, pc, &f))
		return -1;
	ck_assert_uint_le(f.entry, pc);
	go_table_name(&table, &source, &f, name, size);
	return go_table_depth(&table, &source, &f, pc, &bytes) ? (int)bytes :
								 -1;
}

START_TEST(functions_and_their_depths)
{
	char name[16], little[5];

	for (int copied = 0; copied < 2; copied++) {
		ck_assert_int_eq(depth_at(GO_LEAF, name, sizeof(name)), 0);
		ck_assert_str_eq(name, "main.leaf");
		ck_assert_int_eq(depth_at(GO_FRAME + 3, name, 16), 0);
		ck_assert_str_eq(name, "main.frame");
		ck_assert_int_eq(depth_at(GO_FRAME + 4, name, 16), 24);
		ck_assert_int_eq(depth_at(GO_FRAME + 51, name, 16), 24);
		ck_assert_int_eq(depth_at(GO_FRAME + 52, name, 16), 0);
		ck_assert_int_eq(depth_at(GO_END - 1, little, 5), 32);
		ck_assert_str_eq(little, "main");
		ck_assert_int_eq(depth_at(GO_END, name, 16), -1);
		ck_assert_int_eq(depth_at((uint32_t)-1, name, 16), -1);
		source.low = source.high = 0;
	}
}
END_TEST

START_TEST(only_a_table_of_that_code_is_taken)
{
	static const uint32_t matters[] = { 0, 4, 6, 7, 15, 24, 39, 63, 71 };
	uint8_t *header = image + GO_IMAGE_TABLE;

	for (size_t i = 0; i < sizeof(matters) / sizeof(matters[0]); i++) {
		header[matters[i]] ^= 0x82;
		ck_assert_msg(!search() || table.text != at(GO_IMAGE_PAGE),
			      "byte %u", matters[i]);
		header[matters[i]] ^= 0x82;
	}
	ck_assert(search());
	header[0] = 0xf0;		/* Go 1.18 */
	ck_assert(search());
	ck_assert(!go_table_search(
		&table, &memory, (struct go_range){ at(0), at(GO_IMAGE_PAGE) },
		(struct go_range){ 0, 0 },
		(struct go_range){ at(GO_IMAGE_PAGE) + 1,
				   at(2 * GO_IMAGE_PAGE) }));
	ck_assert_uint_eq(table.count, 0);
	ck_assert(!search_in((struct go_range){ at(0), at(GO_IMAGE_TABLE) }));
}
END_TEST

/* Go 1.26: only the program's record says where the code starts. */
START_TEST(the_code_starts_where_the_record_says)
{
	char name[16];

	memset(image + GO_IMAGE_TABLE + 24, 0, 8);
	ck_assert(!search());
	for (size_t i = 0; i + 23 <= 4096; i += 7) {
		uint64_t *r = record + i;

		r[0] = at(GO_IMAGE_TABLE);
		r[1] = at(GO_IMAGE_TABLE + 128);
		r[22] = at(GO_IMAGE_PAGE);
		ck_assert_msg(search(), "word %zu", i);
		ck_assert_uint_eq(table.text, at(GO_IMAGE_PAGE));
		ck_assert_int_eq(depth_at(GO_FRAME + 4, name, 16), 24);
		r[1]++;
		ck_assert(!search());
		r[1]--;
		r[22] -= 8;
		ck_assert(!search());
		memset(r, 0, 23 * sizeof(*r));
	}
}
END_TEST

/* Any other byte anywhere: an answer or none, and no read outside. */
START_TEST(damaged_tables_are_survived)
{
	char name[24];

	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t where = GO_IMAGE_TABLE + (uint32_t)rand() %
				 (GO_IMAGE_PAGE - GO_IMAGE_TABLE);
		uint8_t before = image[where];

		image[where] = (uint8_t)rand();
		if (search())
			for (uint32_t pc = 0; pc < GO_END; pc += 21)
				depth_at(pc, name, sizeof(name));
		image[where] = before;
	}
}
END_TEST

START_TEST(it_is_found_wherever_it_lies)
{
	static _Alignas(8) uint8_t room[65536];
	uint64_t low = (uint64_t)(uintptr_t)room;

	for (uint32_t where = 0; where < 40000; where += 8) {
		uint64_t from = where > 0 ? low : low + 1;

		memcpy(room + where, image + GO_IMAGE_TABLE,
		       GO_IMAGE_PAGE - GO_IMAGE_TABLE);
		ck_assert(search_in((struct go_range){
			from, low + sizeof(room) }) == (where > 0));
		memset(room, 0, where + GO_IMAGE_PAGE);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("go-table");
	TCase *tc = tcase_create("go-table");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, functions_and_their_depths);
	tcase_add_test(tc, only_a_table_of_that_code_is_taken);
	tcase_add_test(tc, the_code_starts_where_the_record_says);
	tcase_add_test(tc, damaged_tables_are_survived);
	tcase_add_test(tc, it_is_found_wherever_it_lies);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
