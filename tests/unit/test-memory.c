/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/memory.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/unit/runner.h"

/* Three pages, the last not mapped; every word holds its own address. */
static uint64_t pages;

static void setup(void)
{
	uint8_t *p = mmap(NULL, 3 * MEMORY_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(p != MAP_FAILED);
	pages = (uint64_t)(uintptr_t)p;
	for (uint64_t at = 0; at < 2 * MEMORY_PAGE; at += 8)
		memcpy(p + at, &(uint64_t){ pages + at }, 8);
	ck_assert_int_eq(munmap(p + 2 * MEMORY_PAGE, MEMORY_PAGE), 0);
}

static void teardown(void)
{
	munmap((void *)(uintptr_t)pages, 2 * MEMORY_PAGE);
}

START_TEST(every_word_is_read_alike_from_inside_and_outside)
{
	struct memory direct, copied;

	memory_init(&direct, pages, pages + 2 * MEMORY_PAGE);
	memory_init(&copied, 0, 0);
	for (uint64_t at = 0; at <= 2 * MEMORY_PAGE - 8; at += 3) {
		uint64_t expected, a = 1, b = 2;

		memcpy(&expected, (void *)(uintptr_t)(pages + at), 8);
		ck_assert(memory_is_direct(&direct, pages + at));
		ck_assert(!memory_is_direct(&copied, pages + at));
		ck_assert(memory_read(&direct, pages + at, &a));
		ck_assert(memory_read(&copied, pages + at, &b));
		ck_assert_uint_eq(a, expected);
		ck_assert_uint_eq(b, expected);
	}
}
END_TEST

START_TEST(what_cannot_be_read_fails)
{
	const uint64_t end = pages + 2 * MEMORY_PAGE;
	const uint64_t bad[] = { 0, 1, 4095, end, end - 7, end - 1,
				 UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 4096,
				 1ull << 47, 1ull << 63 };
	struct memory m;
	uint64_t value;

	memory_init(&m, pages, end);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!memory_read(&m, bad[i], &value), "%#lx",
			      (unsigned long)bad[i]);
	ck_assert(memory_read(&m, end - 8, &value));
}
END_TEST

START_TEST(empty_and_tiny_ranges_allow_no_direct_read)
{
	struct memory m;

	for (uint64_t size = 0; size < 8; size++) {
		memory_init(&m, pages, pages + size);
		ck_assert(!memory_is_direct(&m, pages));
	}
	memory_init(&m, pages, pages - 100);
	ck_assert(!memory_is_direct(&m, pages));
	memory_init(&m, pages, pages + 8);
	ck_assert(memory_is_direct(&m, pages));
	ck_assert(!memory_is_direct(&m, pages + 1));
	ck_assert(!memory_is_direct(&m, pages - 1));
}
END_TEST

START_TEST(a_copy_stops_where_memory_does)
{
	const uint64_t end = pages + 2 * MEMORY_PAGE;
	uint8_t buf[MEMORY_PAGE];
	struct memory m;

	memory_init(&m, 0, 0);
	ck_assert_uint_eq(memory_copy(&m, pages + 5, buf, 100), 100);
	ck_assert_int_eq(memcmp(buf, (void *)(uintptr_t)(pages + 5), 100), 0);
	ck_assert_uint_eq(memory_copy(&m, end - 16, buf, 100), 16);
	ck_assert_uint_eq(memory_copy(&m, end, buf, 100), 0);
	ck_assert_uint_eq(memory_copy(&m, 0, buf, 100), 0);
}
END_TEST

START_TEST(a_window_serves_the_words_around)
{
	struct memory m;
	uint64_t value;

	memory_init(&m, 0, 0);
	ck_assert(memory_read(&m, pages + 1000, &value));
	/* Gone from the page, still in the window: no second system call. */
	memset((void *)(uintptr_t)(pages + 900), 0, 200);
	ck_assert(memory_read(&m, pages + 1000 + 64, &value));
	ck_assert_uint_eq(value, pages + 1064);
	ck_assert(memory_read(&m, pages + 1000 - 24, &value));
	ck_assert_uint_eq(value, pages + 976);
}
END_TEST

START_TEST(pieces_near_one_another_are_copied_once)
{
	uint8_t a[96], b[96];
	struct memory m;

	memory_init(&m, 0, 0);
	ck_assert_uint_eq(memory_copy_near(&m, pages + 1000, a, 96), 96);
	ck_assert_mem_eq(a, (void *)(uintptr_t)(pages + 1000), 96);
	memset((void *)(uintptr_t)(pages + 900), 0, 300);
	ck_assert_uint_eq(memory_copy_near(&m, pages + 1010, b, 8), 8);
	ck_assert_mem_eq(b, a + 10, 8);
	/* The rest of the window, then the next one. */
	ck_assert_uint_eq(memory_copy_near(&m, pages + 1100, b, 96),
			  MEMORY_WINDOW - 100);
	ck_assert_uint_eq(memory_copy_near(&m, pages + 2 * MEMORY_PAGE - 5, b,
					   96), 5);
	ck_assert_uint_eq(memory_copy_near(&m, pages + 2 * MEMORY_PAGE, b, 96),
			  0);
	ck_assert_uint_eq(memory_copy_near(&m, UINT64_MAX - 5, b, 96), 0);
	ck_assert_uint_eq(memory_copy_near(&m, 0, b, 96), 0);
}
END_TEST

/* --- where a filter refuses process_vm_readv -------------------------------- */

static void refuse(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program),
			 0);
	ck_assert_int_eq(process_vm_readv(getpid(), NULL, 0, NULL, 0, 0), -1);
	ck_assert_int_eq(errno, EPERM);
}

static void setup_refused(void)
{
	setup();
	refuse();
}

static void setup_flusher(void)
{
	setup_refused();
	memory_begin_flusher();
}

static void teardown_flusher(void)
{
	memory_end_flusher();
	teardown();
}

START_TEST(asking_changes_no_mask)
{
	sigset_t before, after;
	uint64_t value;
	struct memory m;

	sigemptyset(&before);
	sigaddset(&before, SIGUSR1);
	sigprocmask(SIG_SETMASK, &before, NULL);
	memory_init(&m, 0, 0);
	ck_assert(memory_read(&m, pages + 8, &value));
	ck_assert(!memory_read(&m, pages + 2 * MEMORY_PAGE, &value));
	sigprocmask(SIG_SETMASK, NULL, &after);
	ck_assert(sigismember(&after, SIGUSR1) == 1);
	ck_assert(sigismember(&after, SIGUSR2) == 0);
}
END_TEST

/* What the program has open stays as it is but for the flusher's own. */
START_TEST(the_flusher_closes_what_it_opened)
{
	int before = dup(0), after;
	uint64_t value;
	struct memory m;

	close(before);
	memory_init(&m, 0, 0);
	ck_assert(memory_read(&m, pages + 8, &value));
	ck_assert_int_eq(fcntl(before, F_GETFD), FD_CLOEXEC);
	memory_end_flusher();
	after = dup(0);
	ck_assert_int_eq(after, before);
	close(after);
	/* then by asking */
	memory_init(&m, 0, 0);
	ck_assert(memory_read(&m, pages + 8, &value));
	ck_assert(!memory_read(&m, pages + 2 * MEMORY_PAGE, &value));
	memory_begin_flusher();
}
END_TEST

static TCase *make_case(const char *name, void (*set_up)(void),
			void (*tear_down)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, every_word_is_read_alike_from_inside_and_outside);
	tcase_add_test(tc, what_cannot_be_read_fails);
	tcase_add_test(tc, empty_and_tiny_ranges_allow_no_direct_read);
	tcase_add_test(tc, a_copy_stops_where_memory_does);
	tcase_add_test(tc, a_window_serves_the_words_around);
	tcase_add_test(tc, pieces_near_one_another_are_copied_once);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("memory");
	TCase *refused = make_case("refused", setup_refused, teardown);
	TCase *flusher = make_case("flusher", setup_flusher, teardown_flusher);

	tcase_add_test(refused, asking_changes_no_mask);
	tcase_add_test(flusher, the_flusher_closes_what_it_opened);
	suite_add_tcase(suite, make_case("memory", setup, teardown));
	suite_add_tcase(suite, refused);
	suite_add_tcase(suite, flusher);
	return runner_run(suite);
}
