/* SPDX-License-Identifier: MIT */
#include "agent/functions.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/arena.h"
#include "agent/modules.h"
#include "agent/stacks.h"
#include "tests/unit/runner.h"

#define SECOND 1000000000ull

__attribute__((noinline)) static int hot(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

__attribute__((noinline)) static int cold(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 2;
}

static volatile int number = 1;
static uint64_t hot_pc, cold_pc;
static struct stacks *stacks;

static void setup(void)
{
	ck_assert_int_eq(modules_init(NULL) < 0, 0);
	hot_pc = (uint64_t)(uintptr_t)hot;
	cold_pc = (uint64_t)(uintptr_t)cold;
	ck_assert_int_eq(hot(number) + cold(number), 5);
	stacks = stacks_new();
}

static void teardown(void)
{
	stacks_free(stacks);
	functions_release();
	ck_assert_uint_eq(functions_memory(), 0);
}

/* `count` samples of `ns` CPU time each at a stack, leaf first. */
static void add(const uint64_t *pcs, uint32_t frames, unsigned count,
		uint64_t ns, uint64_t now_ns)
{
	struct stacks_sample s = {
		.pcs = pcs, .frames = frames, .call = -1,
		.time_ns = now_ns, .count = count, .cpu_ns = count * ns,
	};
	const struct stacks_entry *e = stacks_put(stacks, 0, 0, &s);

	ck_assert_ptr_nonnull(e);
	functions_add(e, e->cpu_ns, now_ns);
	stacks_clear(stacks);
}

static char *listed(void)
{
	size_t size, before = arena_total();
	char *block = functions_list(&size), *copy;

	ck_assert_ptr_nonnull(block);
	ck_assert_uint_eq(strlen(block), size);
	copy = strdup(block);
	arena_block_free(block, size + 1);
	ck_assert_uint_ge(arena_total() + 1, before);
	return copy;
}

START_TEST(a_sample_counts_once_for_a_function)
{
	const uint64_t deep[] = { hot_pc, cold_pc + 1, hot_pc + 2, cold_pc };
	const uint64_t flat[] = { cold_pc };
	char *text, *first, *second;

	add(deep, 4, 3, 10, SECOND);
	add(flat, 1, 1, 5, SECOND);
	text = listed();
	first = strtok(text, "\n");
	second = strtok(NULL, "\n");
	ck_assert_ptr_nonnull(second);
	ck_assert_ptr_null(strtok(NULL, "\n"));
	ck_assert_int_eq(strncmp(first, "3\t3\t30\t30\t/", 11), 0);
	ck_assert_str_eq(strrchr(first, '\t') + 1, "hot");
	ck_assert_int_eq(strncmp(second, "1\t4\t5\t35\t/", 10), 0);
	ck_assert_str_eq(strrchr(second, '\t') + 1, "cold");
	free(text);
}
END_TEST

START_TEST(code_without_a_file_has_its_address)
{
	void *made = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint64_t pcs[] = { (uint64_t)(uintptr_t)made + 16, 7 };
	char expected[64], *text;

	ck_assert_int_eq(modules_refresh(), 1);
	add(pcs, 2, 1, 10, SECOND);
	text = listed();
	snprintf(expected, sizeof(expected), "\t\t[unknown]+0x%lx\n",
		 (unsigned long)pcs[0]);
	ck_assert_ptr_nonnull(strstr(text, expected));
	ck_assert_ptr_nonnull(strstr(text, "0\t1\t0\t10\t\t[unknown]+0x7\n"));
	free(text);
	munmap(made, 4096);
}
END_TEST

START_TEST(what_is_too_many_is_others)
{
	uint64_t pcs[2] = { 0, cold_pc };
	unsigned i, n = FUNCTIONS_MOST + 1000, lines = 0;
	uint64_t self = 0;
	char *text, *line;

	for (i = 0; i < n; i++) {
		pcs[0] = i + 1;		/* in no object */
		add(pcs, 2, 1, 1, SECOND);
	}
	text = listed();
	ck_assert_ptr_nonnull(strstr(text, "[others]"));
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		self += strtoull(line, NULL, 10);
		lines++;
	}
	ck_assert_uint_eq(self, n);	/* none is lost */
	ck_assert_uint_lt(lines, FUNCTIONS_MOST);
	ck_assert_uint_lt(functions_memory(), 3u << 20);
	free(text);
}
END_TEST

START_TEST(others_are_hottest_later)
{
	const char *name = "", *object = "";

	ck_assert_uint_eq(functions_hottest(&name, &object, SECOND), 0);
	add(&hot_pc, 1, 100, 10, SECOND);
	add(&cold_pc, 1, 25, 10, SECOND);
	ck_assert_uint_eq(functions_hottest(&name, &object, SECOND), 800);
	ck_assert_str_eq(name, "hot");
	ck_assert_int_eq(object[0], '/');
	/* three half-lives later 1000 ns are 125, and 250 are 31 */
	add(&cold_pc, 1, 22, 10, SECOND + 3 * FUNCTIONS_HALF_LIFE_NS);
	ck_assert_uint_eq(functions_hottest(&name, &object, SECOND +
					    3 * FUNCTIONS_HALF_LIFE_NS), 668);
	ck_assert_str_eq(name, "cold");
	ck_assert_uint_eq(functions_hottest(&name, &object, 3600 * SECOND),
			  0);
}
END_TEST

START_TEST(nothing_is_an_empty_list)
{
	char *text = listed();

	ck_assert_str_eq(text, "");
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("functions");
	TCase *t = tcase_create("functions");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_sample_counts_once_for_a_function);
	tcase_add_test(t, code_without_a_file_has_its_address);
	tcase_add_test(t, what_is_too_many_is_others);
	tcase_add_test(t, others_are_hottest_later);
	tcase_add_test(t, nothing_is_an_empty_list);
	suite_add_tcase(s, t);
	return runner_run(s);
}
