/* SPDX-License-Identifier: MIT */
#include "agent/wire.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "agent/arena.h"
#include "tests/unit/runner.h"

static struct wire w;

static void teardown(void)
{
	wire_release(&w);
	ck_assert_uint_eq(arena_total(), 0);
}

static void check_bytes(const char *expected, size_t size)
{
	ck_assert(!w.failed);
	ck_assert_uint_eq(w.used, size);
	ck_assert_int_eq(memcmp(w.data, expected, size), 0);
}

static const struct {
	uint64_t value;
	const char *bytes;
	size_t size;
} varints[] = {
	{ 0, "\0", 1 }, { 1, "\1", 1 }, { 127, "\x7f", 1 },
	{ 128, "\x80\1", 2 }, { 300, "\xac\2", 2 },
	{ 16383, "\xff\x7f", 2 }, { 16384, "\x80\x80\1", 3 },
	{ UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 10 },
};

START_TEST(varints_are_as_documented)
{
	wire_varint(&w, varints[_i].value);
	check_bytes(varints[_i].bytes, varints[_i].size);
}
END_TEST

START_TEST(numbers_and_their_keys)
{
	wire_number(&w, 1, 150);	/* the example of protobuf's page */
	wire_number(&w, 2, 0);		/* left out */
	wire_number(&w, 1000, 1);
	check_bytes("\x08\x96\x01\xc0\x3e\x01", 6);
}
END_TEST

START_TEST(strings)
{
	wire_string(&w, 2, "testing");
	wire_string(&w, 3, "");
	wire_string(&w, 3, NULL);
	wire_text(&w, 3, "", 0);
	wire_bytes(&w, 4, "\0\xff", 2);
	check_bytes("\x12\7testing\x1a\0\x22\2\0\xff", 15);
}
END_TEST

START_TEST(bad_bytes_become_four_characters)
{
	wire_string(&w, 1, "a\xff");
	check_bytes("\x0a\5a\\xff", 7);
}
END_TEST

START_TEST(submessages_nest)
{
	size_t a = wire_open(&w, 3), b;

	wire_number(&w, 1, 150);
	b = wire_open(&w, 2);
	wire_close(&w, b);
	wire_close(&w, a);
	check_bytes("\x1a\5\x08\x96\x01\x12\0", 7);
}
END_TEST

/* Lengths of 1 to 3 bytes, one inside the other. */
START_TEST(lengths_grow_in_front)
{
	static uint8_t body[20000];
	size_t a, b;

	for (size_t size = 0; size < sizeof(body); size += 1 + size / 3) {
		wire_clear(&w, 4096);
		memset(body, (int)size, size);
		a = wire_open(&w, 1);
		b = wire_open(&w, 2);
		wire_bytes(&w, 3, body, size);
		wire_close(&w, b);
		wire_close(&w, a);
		ck_assert(!w.failed);
		ck_assert_int_eq(w.data[0], 1 << 3 | 2);
		ck_assert_uint_ge(w.used, size + 6);
		ck_assert_int_eq(memcmp(w.data + w.used - size, body, size), 0);
	}
}
END_TEST

START_TEST(failure_is_remembered_and_harmless)
{
	static uint8_t body[70000];
	size_t mark;

	arena_set_limit(arena_total() + 65536);
	mark = wire_open(&w, 1);
	wire_bytes(&w, 2, body, 60000);
	ck_assert(!w.failed);
	wire_bytes(&w, 2, body, sizeof(body));
	ck_assert(w.failed);
	wire_number(&w, 1, 1);
	wire_string(&w, 1, "x\xff");
	wire_close(&w, wire_open(&w, 1));
	wire_close(&w, mark);
	ck_assert(w.failed);
	ck_assert_uint_le(w.used, w.size);
	arena_set_limit(SIZE_MAX);
	wire_clear(&w, 65536);
	wire_number(&w, 1, 1);
	check_bytes("\x08\x01", 2);
}
END_TEST

START_TEST(clear_gives_back_what_is_beyond)
{
	static uint8_t body[1 << 20];

	wire_bytes(&w, 1, body, sizeof(body));
	ck_assert_uint_gt(w.size, 1 << 20);
	wire_clear(&w, 65536);
	ck_assert_uint_eq(w.size, 65536);
	ck_assert_uint_eq(arena_total(), 65536);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wire");
	TCase *tc = tcase_create("wire");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, varints_are_as_documented, 0,
			    sizeof(varints) / sizeof(varints[0]));
	tcase_add_test(tc, numbers_and_their_keys);
	tcase_add_test(tc, strings);
	tcase_add_test(tc, bad_bytes_become_four_characters);
	tcase_add_test(tc, submessages_nest);
	tcase_add_test(tc, lengths_grow_in_front);
	tcase_add_test(tc, failure_is_remembered_and_harmless);
	tcase_add_test(tc, clear_gives_back_what_is_beyond);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
