/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/prologue.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/runner.h"

static struct memory memory;

/* Code to look at, in memory where nothing is found before it. */
static uint8_t *code;
static size_t used;

enum { SIZE = 64 * 1024, START = 32 * 1024 };

static void setup(void)
{
	code = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(code != MAP_FAILED);
	memset(code, 0x31, SIZE);	/* xor: goes on for ever */
	used = START;
	memory_init(&memory, 0, 0);
}

static void teardown(void)
{
	munmap(code, SIZE);
}

static void put(const char *bytes, size_t size)
{
	memcpy(code + used, bytes, size);
	used += size;
}

#define PUT(bytes) put(bytes, sizeof(bytes) - 1)

static void put_many(size_t n)
{
	memset(code + used, 0x31, n);
	used += n;
}

static bool keeps(void)
{
	return prologue_keeps_rbp(&memory, (uint64_t)(uintptr_t)(code + used));
}

START_TEST(push_and_mov_set_rbp_up)
{
	for (size_t distance = 0; distance < PROLOGUE_REACH_COPIED - 8;
	     distance += 13) {
		used = START;
		memset(code, 0x31, SIZE);
		PUT("\xcc\xcc\x55\x48\x89\xe5");
		put_many(distance);
		ck_assert_msg(keeps(), "%zu", distance);
	}
	used = START;
	PUT("\xcc\xcc\x55\x48\x8b\xec\x31\x31");
	ck_assert(keeps());
}
END_TEST

START_TEST(frames_of_go_set_rbp_up)
{
	PUT("\x48\x83\xec\x38\x48\x89\x6c\x24\x30\x48\x8d\x6c\x24\x30");
	put_many(200);
	ck_assert(keeps());
}
END_TEST

START_TEST(not_done_yet_does_not_count)
{
	PUT("\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc");
	PUT("\x55\x48\x89");
	ck_assert(!keeps());
	PUT("\xe5");
	ck_assert(keeps());
}
END_TEST

START_TEST(too_far_away_does_not_count)
{
	PUT("\x55\x48\x89\xe5");
	put_many(PROLOGUE_REACH_COPIED + 200);
	ck_assert(!keeps());
}
END_TEST

/* A function with a frame, what lies between, and one without. */
static bool another_function(const char *between, size_t size,
			     const char *entry, size_t entry_size)
{
	memset(code, 0x31, SIZE);
	used = START;
	PUT("\x55\x48\x89\xe5");
	put_many(16 * 5 - 4 - size % 16 + (size % 16 == 0 ? 16 : 0));
	put(between, size);
	ck_assert_uint_eq(used % 16, 0);
	put(entry, entry_size);
	put_many(40);
	return !keeps();
}

#define ANOTHER(between, entry) \
	another_function(between, sizeof(between) - 1, entry, \
			 sizeof(entry) - 1)

START_TEST(another_function_in_between_is_seen)
{
	ck_assert(ANOTHER("\xc3\xcc\xcc\xcc", "\x48\x8b\x07"));
	ck_assert(ANOTHER("\xc3", "\x53\x48\x89\xfb"));
	ck_assert(ANOTHER("\xc3\x0f\x1f\x00", "\x41\x57\x41\x56"));
	ck_assert(ANOTHER("\xc3\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00",
			  "\x48\x83\xec\x18"));
	ck_assert(ANOTHER("\xc3\x66\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00"
			  "\x0f\x1f\x00", "\xf3\x0f\x1e\xfa"));
	ck_assert(ANOTHER("\xe9\x01\x02\x03\x04\x90\x90", "\x48\x81\xec\x18"));
	ck_assert(ANOTHER("\xff\xe0\x66\x90", "\x55\x53"));
	ck_assert(ANOTHER("\x0f\x0b", "\x41\x54\x55"));
	ck_assert(ANOTHER("\xe8\x01\x02\x03\x04\x66\x90", "\x50\x41\x57"));
}
END_TEST

START_TEST(a_loop_in_the_same_function_is_not_another)
{
	ck_assert(!ANOTHER("\x31\x31\x0f\x1f\x00", "\x48\x8b\x07"));
	ck_assert(!ANOTHER("\xeb\x10\x0f\x1f\x00", "\x48\x8b\x07"));
	ck_assert(!ANOTHER("\x31\x31\x31", "\x53\x48\x89\xfb"));
}
END_TEST

START_TEST(code_that_cannot_be_read_keeps_nothing)
{
	ck_assert(!prologue_keeps_rbp(&memory, 0));
	ck_assert(!prologue_keeps_rbp(&memory, 5000));
	ck_assert(!prologue_keeps_rbp(&memory, 1ull << 40));
	ck_assert(!prologue_keeps_rbp(&memory, UINT64_MAX));
	ck_assert(!prologue_keeps_rbp(&memory, (uint64_t)(uintptr_t)code));
}
END_TEST

START_TEST(code_may_begin_and_end_anywhere_in_memory)
{
	uint8_t *page = mmap(NULL, 3 * MEMORY_PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(page != MAP_FAILED);
	mprotect(page, MEMORY_PAGE, PROT_NONE);
	mprotect(page + 2 * MEMORY_PAGE, MEMORY_PAGE, PROT_NONE);
	page += MEMORY_PAGE;
	memset(page, 0x31, MEMORY_PAGE);
	memcpy(page + 7, "\x55\x48\x89\xe5", 4);
	for (uint64_t at = 0; at < 300; at++)
		ck_assert_int_eq(prologue_keeps_rbp(&memory,
				 (uint64_t)(uintptr_t)(page + at)), at >= 11);
	memcpy(page + MEMORY_PAGE - 20, "\x55\x48\x89\xe5", 4);
	for (uint64_t at = MEMORY_PAGE - 16; at <= MEMORY_PAGE; at++)
		ck_assert(prologue_keeps_rbp(&memory,
					     (uint64_t)(uintptr_t)(page + at)));
	munmap(page - MEMORY_PAGE, 3 * MEMORY_PAGE);
}
END_TEST

START_TEST(any_bytes_end)
{
	srand(5);
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < SIZE; i++)
			code[i] = (uint8_t)rand();
		for (used = START; used < START + 1000; used += 17)
			keeps();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("prologue");
	TCase *tc = tcase_create("prologue");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, push_and_mov_set_rbp_up);
	tcase_add_test(tc, frames_of_go_set_rbp_up);
	tcase_add_test(tc, not_done_yet_does_not_count);
	tcase_add_test(tc, too_far_away_does_not_count);
	tcase_add_test(tc, another_function_in_between_is_seen);
	tcase_add_test(tc, a_loop_in_the_same_function_is_not_another);
	tcase_add_test(tc, code_that_cannot_be_read_keeps_nothing);
	tcase_add_test(tc, code_may_begin_and_end_anywhere_in_memory);
	tcase_add_test(tc, any_bytes_end);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
