/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/dw-cursor.h"

#include <check.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/unit/runner.h"

static struct memory memory;

/* The same bytes, read in place and copied piece by piece. */
static struct dw_source in_place, copied;

static void setup(void)
{
	memory_init(&memory, 0, 0);
	in_place = (struct dw_source){ 0, UINT64_MAX, &memory };
	copied = (struct dw_source){ 0, 0, &memory };
}

static uint64_t at(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static struct dw_cursor cursor(const struct dw_source *source,
			       const void *bytes, size_t size)
{
	struct dw_cursor c;

	dw_cursor_init(&c, source, at(bytes), at(bytes) + size);
	return c;
}

START_TEST(leb128_as_the_standard_has_it)
{
	/* DWARF 5, tables 7.7 and 7.8, and the widest there are. */
	static const struct {
		uint8_t size, byte[11];
		uint64_t value;
		bool is_signed;
	} known[] = {
		{ 1, { 2 }, 2, false },
		{ 1, { 127 }, 127, false },
		{ 2, { 0x80, 1 }, 128, false },
		{ 2, { 0x81, 1 }, 129, false },
		{ 2, { 57 + 0x80, 100 }, 12857, false },
		{ 10, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			1 }, UINT64_MAX, false },
		{ 1, { 2 }, 2, true },
		{ 1, { 0x7e }, (uint64_t)-2, true },
		{ 2, { 127 + 0x80, 0 }, 127, true },
		{ 2, { 1 + 0x80, 0x7f }, (uint64_t)-127, true },
		{ 2, { 0x80, 1 }, 128, true },
		{ 2, { 0x80, 0x7f }, (uint64_t)-128, true },
		{ 2, { 1 + 0x80, 1 }, 129, true },
		{ 2, { 0x7f + 0x80, 0x7e }, (uint64_t)-129, true },
		{ 10, { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
			0x7f }, 1ull << 63, true },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		for (int piecewise = 0; piecewise < 2; piecewise++) {
			struct dw_cursor c = cursor(piecewise ? &copied :
								&in_place,
						    known[i].byte,
						    known[i].size);
			uint64_t got = known[i].is_signed ?
					       (uint64_t)dw_cursor_sleb(&c) :
					       dw_cursor_uleb(&c);

			ck_assert_uint_eq(got, known[i].value);
			ck_assert(!c.bad);
			ck_assert(dw_cursor_done(&c));
		}
	}
}
END_TEST

START_TEST(pointers_in_every_encoding)
{
	static const uint8_t bytes[] = { 0xfe, 0xff, 0xff, 0xff,
					 0xff, 0xff, 0xff, 0xff, 0x00 };
	static const struct {
		uint8_t encoding;
		uint64_t value;
	} known[] = {
		{ DW_EH_PE_ABSPTR, UINT64_MAX - 1 },
		{ DW_EH_PE_UDATA2, 0xfffe },
		{ DW_EH_PE_UDATA4, 0xfffffffe },
		{ DW_EH_PE_UDATA8, UINT64_MAX - 1 },
		{ DW_EH_PE_SDATA2, UINT64_MAX - 1 },
		{ DW_EH_PE_SDATA4, UINT64_MAX - 1 },
		{ DW_EH_PE_SDATA8, UINT64_MAX - 1 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct dw_cursor c = cursor(&in_place, bytes, sizeof(bytes));
		uint8_t e = known[i].encoding;

		ck_assert_uint_eq(dw_cursor_pointer(&c, e, 0), known[i].value);
		c = cursor(&copied, bytes, sizeof(bytes));
		ck_assert_uint_eq(dw_cursor_pointer(&c, e | DW_EH_PE_PCREL, 0),
				  known[i].value + at(bytes));
		c = cursor(&in_place, bytes, sizeof(bytes));
		ck_assert_uint_eq(dw_cursor_pointer(&c, e | DW_EH_PE_DATAREL,
						    1000),
				  known[i].value + 1000);
		ck_assert(!c.bad);
	}
}
END_TEST

START_TEST(unknown_encodings_are_bad)
{
	static const uint8_t bytes[16];
	static const uint8_t unknown[] = {
		0x05, 0x0d, 0x0f, 0x20, 0x40, 0x50, 0x70,
		DW_EH_PE_INDIRECT | DW_EH_PE_PCREL | DW_EH_PE_SDATA4,
	};

	for (size_t i = 0; i < sizeof(unknown); i++) {
		struct dw_cursor c = cursor(&in_place, bytes, sizeof(bytes));

		ck_assert_uint_eq(dw_cursor_pointer(&c, unknown[i], 7), 0);
		ck_assert_msg(c.bad, "%#x", unknown[i]);
	}
}
END_TEST

START_TEST(nothing_is_read_beyond_the_limit)
{
	uint8_t bytes[20];

	memset(bytes, 0x81, sizeof(bytes));
	for (int piecewise = 0; piecewise < 2; piecewise++) {
		const struct dw_source *s = piecewise ? &copied : &in_place;
		struct dw_cursor c = cursor(s, bytes, 3);

		ck_assert_uint_eq(dw_cursor_fixed(&c, 4) >> 24, 0);
		ck_assert(c.bad);
		c = cursor(s, bytes, 5);
		dw_cursor_uleb(&c);	/* never ends */
		ck_assert(c.bad && dw_cursor_done(&c));
		c = cursor(s, bytes, 5);
		dw_cursor_skip(&c, 5);
		ck_assert(!c.bad && dw_cursor_done(&c));
		ck_assert_uint_eq(dw_cursor_u8(&c), 0);
		ck_assert(c.bad);
		c = cursor(s, bytes, 5);
		dw_cursor_skip(&c, UINT64_MAX);
		ck_assert(c.bad);
		dw_cursor_init(&c, s, 100, 99);
		ck_assert(c.bad);
		ck_assert_uint_eq(dw_cursor_u8(&c), 0);
	}
}
END_TEST

START_TEST(a_limit_can_be_moved)
{
	static const uint8_t bytes[300] = { [4] = 7, [250] = 9 };

	for (int piecewise = 0; piecewise < 2; piecewise++) {
		const struct dw_source *s = piecewise ? &copied : &in_place;
		struct dw_cursor c = cursor(s, bytes, sizeof(bytes));

		dw_cursor_skip(&c, 4);
		dw_cursor_set_limit(&c, at(bytes) + 5);
		ck_assert_uint_eq(dw_cursor_u8(&c), 7);
		ck_assert(dw_cursor_done(&c));
		ck_assert_uint_eq(dw_cursor_u8(&c), 0);
		c = cursor(s, bytes, sizeof(bytes));
		dw_cursor_skip(&c, 250);
		ck_assert_uint_eq(dw_cursor_addr(&c), at(bytes) + 250);
		ck_assert_uint_eq(dw_cursor_u8(&c), 9);
		dw_cursor_set_limit(&c, at(bytes) + 3);
		ck_assert(c.bad);
	}
}
END_TEST

/* Random operations have the same results either way. */
START_TEST(pieces_make_no_difference)
{
	uint8_t bytes[1000];

	srand(1);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)rand();
	for (int round = 0; round < 300; round++) {
		struct dw_cursor a = cursor(&in_place, bytes, sizeof(bytes));
		struct dw_cursor b = cursor(&copied, bytes, sizeof(bytes));

		while (!dw_cursor_done(&a)) {
			unsigned op = (unsigned)rand() % 4;
			unsigned n = (unsigned)rand() % 8 + 1;

			if (op == 0) {
				ck_assert_uint_eq(dw_cursor_uleb(&a),
						  dw_cursor_uleb(&b));
			} else if (op == 1) {
				ck_assert_int_eq(dw_cursor_sleb(&a),
						 dw_cursor_sleb(&b));
			} else if (op == 2) {
				ck_assert_uint_eq(dw_cursor_fixed(&a, n),
						  dw_cursor_fixed(&b, n));
			} else {
				dw_cursor_skip(&a, n * 13);
				dw_cursor_skip(&b, n * 13);
			}
			ck_assert_int_eq(a.bad, b.bad);
			if (!a.bad)
				ck_assert_uint_eq(dw_cursor_addr(&a),
						  dw_cursor_addr(&b));
		}
	}
}
END_TEST

START_TEST(unmapped_bytes_are_bad_not_fatal)
{
	uint8_t *page = mmap(NULL, 2 * MEMORY_PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct dw_cursor c;

	ck_assert(page != MAP_FAILED);
	munmap(page + MEMORY_PAGE, MEMORY_PAGE);
	c = cursor(&copied, page + MEMORY_PAGE - 3, 100);
	ck_assert_uint_eq(dw_cursor_fixed(&c, 3), 0);
	ck_assert(!c.bad);
	ck_assert_uint_eq(dw_cursor_u8(&c), 0);
	ck_assert(c.bad);
	munmap(page, MEMORY_PAGE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dw-cursor");
	TCase *tc = tcase_create("dw-cursor");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, leb128_as_the_standard_has_it);
	tcase_add_test(tc, pointers_in_every_encoding);
	tcase_add_test(tc, unknown_encodings_are_bad);
	tcase_add_test(tc, nothing_is_read_beyond_the_limit);
	tcase_add_test(tc, a_limit_can_be_moved);
	tcase_add_test(tc, pieces_make_no_difference);
	tcase_add_test(tc, unmapped_bytes_are_bad_not_fatal);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
