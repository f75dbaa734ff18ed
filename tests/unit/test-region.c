/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/region.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/region-fixture.h"
#include "tests/unit/runner.h"

START_TEST(the_file_says_what_it_is)
{
	struct region_header h;
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/profagent/0123456789abcdef.region",
		 region_fixture_dir);
	ck_assert_str_eq(region_path(), path);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(pread(region_fixture_fd, &h, sizeof(h), 0), sizeof(h));
	ck_assert_uint_eq(h.magic, REGION_MAGIC);
	ck_assert_uint_eq(h.version, REGION_VERSION);
	ck_assert_uint_eq(h.slot_bytes, REGION_SLOT_BYTES);
	ck_assert_uint_eq(h.slots, region_slots());
	ck_assert_int_eq(h.pid, getpid());
	ck_assert_uint_eq(h.pid_start, 42);
	ck_assert_str_eq(h.run_id, "0123456789abcdef");
	ck_assert_int_ge(st.st_size,
			 (off_t)(REGION_SLOTS_AT +
				 (size_t)region_slots() * REGION_SLOT_BYTES));
}
END_TEST

START_TEST(sets_of_labels_are_kept)
{
	struct region_label l;
	off_t at = REGION_PAGE + 7 * (off_t)sizeof(l);

	region_keep_label(7, 3, "route", "/a");
	region_keep_label(7, 3, "route", "/a");
	region_keep_label(REGION_LABELS, 0, "too", "many");
	region_keep_label(UINT16_MAX, 0, "too", "many");
	ck_assert_int_eq(pread(region_fixture_fd, &l, sizeof(l), at),
			 sizeof(l));
	ck_assert_uint_eq(l.whole, 1);
	ck_assert_uint_eq(l.parent, 3);
	ck_assert_str_eq(l.key, "route");
	ck_assert_str_eq(l.value, "/a");
	ck_assert_int_eq(pread(region_fixture_fd, &l, sizeof(l),
			       at + (off_t)sizeof(l)), sizeof(l));
	ck_assert_uint_eq(l.whole, 0);
}
END_TEST

START_TEST(slots_are_where_the_format_says)
{
	uint32_t probe[] = { 0, 15, 16, 31, 32, 63 };

	ck_assert_int_eq(region_grow(), 0);
	ck_assert_int_eq(region_grow(), 0);
	ck_assert_uint_eq(region_slots(), 64);
	for (size_t i = 0; i < 6; i++) {
		uint32_t slot = probe[i], found;
		off_t at = REGION_SLOTS_AT + (off_t)slot * REGION_SLOT_BYTES;

		region_record(slot)->tid = (int32_t)(1000 + slot);
		ck_assert_int_eq(region_populate(slot, 4096), 0);
		memcpy(region_ring_buffer(slot), &slot, sizeof(slot));
		ck_assert_int_eq(
			pread(region_fixture_fd, &found, 4,
			      at + (off_t)offsetof(struct thread_record, tid)),
			4);
		ck_assert_uint_eq(found, 1000 + slot);
		ck_assert_int_eq(pread(region_fixture_fd, &found, 4, at + REGION_PAGE), 4);
		ck_assert_uint_eq(found, slot);
	}
	ck_assert_ptr_null(region_record(64));
}
END_TEST

START_TEST(growing_moves_nothing)
{
	struct thread_record *first = region_record(0);

	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(region_grow(), 0);
	ck_assert_ptr_eq(region_record(0), first);
	ck_assert_uint_eq(region_slots(), 1024);
}
END_TEST

START_TEST(populate_takes_memory_and_trim_gives_it_back)
{
	struct thread_record *t = region_record(3);
	struct stat before, full, after;

	fstat(region_fixture_fd, &before);
	ck_assert_int_eq(region_populate(3, RING_BYTES), 0);
	atomic_store(&t->ring.resident, RING_BYTES);
	fstat(region_fixture_fd, &full);
	ck_assert_int_ge((full.st_blocks - before.st_blocks) * 512,
			 RING_BYTES - 4096);
	region_trim(3);
	fstat(region_fixture_fd, &after);
	ck_assert_uint_eq(atomic_load(&t->ring.resident), RING_RESIDENT);
	ck_assert_int_le((after.st_blocks - before.st_blocks) * 512,
			 RING_RESIDENT + 4096);
}
END_TEST

START_TEST(trim_leaves_a_ring_alone_that_is_in_use)
{
	struct thread_record *t = region_record(3);
	uint8_t *buffer = region_ring_buffer(3);

	ck_assert_int_eq(region_populate(3, RING_BYTES), 0);
	atomic_store(&t->ring.resident, RING_BYTES);
	atomic_store(&t->busy, 1);
	buffer[RING_BYTES - 1] = 7;
	region_trim(3);
	ck_assert_uint_eq(buffer[RING_BYTES - 1], 7);
	ck_assert_uint_eq(atomic_load(&t->ring.trimming), 0);
}
END_TEST

START_TEST(no_room_is_an_error_and_no_signal)
{
	/* as a full file system: the file ends before the ring does */
	ck_assert_int_eq(ftruncate(region_fixture_fd, 2 * 4096), 0);
	ck_assert_int_ne(region_populate(3, 4096), 0);
}
END_TEST

START_TEST(a_forked_child_has_none_of_it)
{
	struct thread_record *t = region_record(0);
	unsigned char there;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(mincore(t, 4096, &there) == 0);
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_directory_of_others_is_refused)
{
	char path[64];

	region_unlink();
	region_reset_after_fork();
	ck_assert_uint_eq(region_slots(), 0);
	region_begin_in_child();
	snprintf(path, sizeof(path), "%s/profagent", region_fixture_dir);
	chmod(path, 0755);
	ck_assert_int_eq(region_init(region_fixture_dir, "0123456789abcdee", 1,
				     &region_fixture_fd), 0);
	ck_assert_ptr_null(strstr(region_path(), region_fixture_dir));
	chmod(path, 0700);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("region");
	TCase *tc = tcase_create("region");

	tcase_add_checked_fixture(tc, region_fixture_begin,
				  region_fixture_end);
	tcase_add_test(tc, the_file_says_what_it_is);
	tcase_add_test(tc, sets_of_labels_are_kept);
	tcase_add_test(tc, slots_are_where_the_format_says);
	tcase_add_test(tc, growing_moves_nothing);
	tcase_add_test(tc, populate_takes_memory_and_trim_gives_it_back);
	tcase_add_test(tc, trim_leaves_a_ring_alone_that_is_in_use);
	tcase_add_test(tc, no_room_is_an_error_and_no_signal);
	tcase_add_test(tc, a_forked_child_has_none_of_it);
	tcase_add_test(tc, a_directory_of_others_is_refused);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
