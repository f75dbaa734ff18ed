/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/writer.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "agent/arena.h"
#include "tests/unit/runner.h"

static const struct writer_names names = {
	.program = "prog", .pid = 77, .host = "a/b", .start_unix_s = 1234,
};

static char dir[64];
static uint8_t fragment[1 << 20];

static void setup(void)
{
	strcpy(dir, "/tmp/test-writer.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	srand(1);
	for (size_t i = 0; i < sizeof(fragment); i++)
		fragment[i] = (uint8_t)rand();
}

static void teardown(void)
{
	char command[128];

	writer_abandon();
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

static void init(const char *pattern, uint64_t max_size)
{
	char bad = 0;

	ck_assert_int_eq(writer_init(pattern, dir, &names, "", max_size, &bad),
			 0);
}

/* Path below the test's directory; the latest four stay valid. */
static const char *in_dir(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, PATH_MAX, "%s/%s", dir, name);
	return p;
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(in_dir(name), &st) == 0;
}

static void make_file(const char *name, const char *content)
{
	FILE *f = fopen(in_dir(name), "w");

	ck_assert_ptr_nonnull(f);
	fputs(content, f);
	fclose(f);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* Inflates a file of any number of members. Returns how many bytes came out. */
static size_t inflate_file(const char *path, uint8_t *out, size_t room)
{
	size_t size = 0;
	gzFile f = gzopen(path, "rb");
	int n;

	ck_assert_ptr_nonnull(f);
	while ((n = gzread(f, out + size, (unsigned)(room - size))) > 0)
		size += (size_t)n;
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(gzclose(f), Z_OK); /* checksums and end are right */
	return size;
}

static void check_content(const char *path, size_t size)
{
	uint8_t *out = malloc(size + 1);

	ck_assert_uint_eq(inflate_file(path, out, size + 1), size);
	ck_assert_int_eq(memcmp(out, fragment, size), 0);
	free(out);
}

static void append(size_t from, size_t size)
{
	ck_assert_int_eq(writer_append(fragment + from, size), 0);
}

/* --- members -------------------------------------------------------------- */

static const size_t sizes[] = {
	0, 1, 17, 65534, 65535, 65536, 131070, 131071, 1000000,
};

START_TEST(a_member_is_gzip)
{
	size_t size;
	const uint8_t *member;

	init("x.pb.gz", 0);
	append(0, sizes[_i]);
	check_content(in_dir("x.pb.gz"), sizes[_i]);
	member = writer_member(&size);
	ck_assert_int_eq(size, size_of(in_dir("x.pb.gz")));
	ck_assert_uint_eq(member[0], 0x1f);
}
END_TEST

START_TEST(members_append)
{
	size_t at = 0;

	init("x.pb.gz", 0);
	for (size_t size = 1; at + size < sizeof(fragment); size += size + 1) {
		append(at, size);
		at += size;
		check_content(in_dir("x.pb.gz"), at);
	}
	ck_assert_uint_gt(at, 500000);
}
END_TEST

static unsigned long write_calls(void)
{
	char line[128];
	unsigned long calls = 0;
	FILE *f = fopen("/proc/self/io", "r");

	if (f == NULL)
		ck_abort_msg("/proc/self/io: %s", strerror(errno));
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "syscw: %lu", &calls) == 1)
			break;
	fclose(f);
	return calls;
}

START_TEST(one_write_a_member)
{
	unsigned long before, after;
	int ret;

	init("x.pb.gz", 0);
	before = write_calls();
	ret = writer_append(fragment, 900000);
	after = write_calls(); /* an assertion writes, too */
	ck_assert_int_eq(ret, 0);
	ck_assert_uint_eq(after - before, 1);
}
END_TEST

START_TEST(the_buffer_shrinks_after_a_burst)
{
	size_t small;

	init("x.pb.gz", 0);
	append(0, 100);
	small = arena_total();
	ck_assert_uint_le(small, 64 * 1024);
	for (int i = 0; i < 3; i++) {
		uint8_t *large = calloc(1, 20 << 20);

		ck_assert_int_eq(writer_append(large, 20 << 20), 0);
		free(large);
	}
	append(0, 100);
	ck_assert_uint_le(arena_total(), 1 << 20);
}
END_TEST

START_TEST(without_memory_no_file)
{
	init("x.pb.gz", 0);
	arena_set_limit(4096);
	ck_assert_int_eq(writer_append(fragment, 100000), -ENOMEM);
	arena_set_limit(SIZE_MAX);
	ck_assert(!exists("x.pb.gz"));
	append(0, 100000);
	check_content(in_dir("x.pb.gz"), 100000);
}
END_TEST

/* --- names ---------------------------------------------------------------- */

static const struct {
	const char *pattern, *name;
} expansions[] = {
	{ "x", "x" },
	{ "%e.%p.pb.gz", "prog.77.pb.gz" },
	{ "%h-%t.gz", "a_b-1234.gz" },
	{ "100%%", "100%" },
	{ "%p%p%%p", "7777%p" },
};

START_TEST(patterns_expand)
{
	char absolute[PATH_MAX], bad;

	init(expansions[_i].pattern, 0);
	ck_assert_int_eq(writer_open(), 0);
	ck_assert_str_eq(writer_path(), in_dir(expansions[_i].name));
	ck_assert(exists(expansions[_i].name));
	writer_close();
	ck_assert_str_eq(writer_path(), "");
	/* An absolute one does not depend on the working directory. */
	snprintf(absolute, sizeof(absolute), "%s/%s", dir,
		 expansions[_i].pattern);
	ck_assert_int_eq(writer_init(absolute, "/nowhere", &names, "", 0,
				     &bad), 0);
	ck_assert_int_eq(writer_open(), 0);
	ck_assert_str_eq(writer_path(), in_dir(expansions[_i].name));
}
END_TEST

static const struct {
	const char *pattern;
	char bad;
} mistakes[] = {
	{ "%x.gz", 'x' }, { "a%", '%' }, { "%e%", '%' }, { "%%%q", 'q' },
	{ "", '/' }, { "dir/", '/' }, { "%e/", '/' }, { "% e", ' ' },
};

START_TEST(bad_patterns_are_named)
{
	char bad = 0;

	ck_assert_int_eq(writer_check_pattern(mistakes[_i].pattern, &bad),
			 -EINVAL);
	ck_assert_int_eq(bad, mistakes[_i].bad);
	bad = 0;
	ck_assert_int_eq(writer_init(mistakes[_i].pattern, dir, &names, "", 0,
				     &bad), -EINVAL);
	ck_assert_int_eq(bad, mistakes[_i].bad);
}
END_TEST

START_TEST(too_long_is_said_at_once)
{
	char text[2 * PATH_MAX], bad;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(writer_init(text, dir, &names, "", 0, &bad),
			 -ENAMETOOLONG);
	text[NAME_MAX - 11] = '\0'; /* no room for ".9999.old.99" */
	ck_assert_int_eq(writer_init(text, dir, &names, "", 0, &bad),
			 -ENAMETOOLONG);
	text[NAME_MAX - 12] = '\0';
	ck_assert_int_eq(writer_init(text, dir, &names, "", 0, &bad), 0);
	ck_assert_int_eq(writer_open(), 0);
	for (size_t i = 0; i < PATH_MAX; i += 100)
		text[i] = '/';
	text[NAME_MAX - 12] = text[NAME_MAX - 11] = 'x';
	text[PATH_MAX - 1] = '\0';
	ck_assert_int_eq(writer_init(text, dir, &names, "", 0, &bad),
			 -ENAMETOOLONG);
}
END_TEST

START_TEST(nothing_is_made_before_the_first_sample)
{
	init("x.pb.gz", 0);
	ck_assert(!exists("x.pb.gz"));
	ck_assert_str_eq(writer_path(), "");
	ck_assert_str_eq(writer_target(), in_dir("x.pb.gz"));
	writer_close();
	ck_assert(!exists("x.pb.gz"));
	ck_assert_int_eq(rmdir(dir), 0);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
}
END_TEST

START_TEST(a_file_is_private_and_not_inherited)
{
	struct stat st;
	int fd;

	init("x.pb.gz", 0);
	umask(0);
	fd = open("/dev/null", O_RDONLY); /* the number that comes next */
	close(fd);
	append(0, 10);
	ck_assert_int_eq(stat(writer_path(), &st), 0);
	ck_assert_int_eq(st.st_mode, S_IFREG | 0600);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_APPEND, O_APPEND);
}
END_TEST

START_TEST(existing_names_are_left_alone)
{
	make_file("x.pb.gz", "precious");
	make_file("x.2.pb.gz", "gold");
	ck_assert_int_eq(symlink("/nonexistent/target", in_dir("x.1.pb.gz")),
			 0);
	init("x.pb.gz", 0);
	append(0, 100);
	ck_assert_str_eq(writer_path(), in_dir("x.3.pb.gz"));
	check_content(in_dir("x.3.pb.gz"), 100);
	ck_assert_int_eq(size_of(in_dir("x.pb.gz")), 8);
	ck_assert_int_eq(size_of(in_dir("x.2.pb.gz")), 4);
}
END_TEST

START_TEST(a_clash_without_the_suffix)
{
	make_file("profile", "precious");
	init("profile", 0);
	append(0, 100);
	ck_assert_str_eq(writer_path(), in_dir("profile.1"));
}
END_TEST

/* --- where it cannot be written ------------------------------------------- */

static void init_with_fallback(const char *pattern, const char *fallback)
{
	char bad;

	ck_assert_int_eq(writer_init(pattern, dir, &names, in_dir(fallback), 0,
				     &bad), 0);
}

START_TEST(a_missing_directory_means_the_fallback)
{
	struct stat st;

	init_with_fallback("missing/x.pb.gz", "fall");
	ck_assert(!writer_fell_back());
	append(0, 100);
	ck_assert(writer_fell_back());
	ck_assert_str_eq(writer_path(), in_dir("fall/x.pb.gz"));
	check_content(in_dir("fall/x.pb.gz"), 100);
	ck_assert_int_eq(stat(in_dir("fall"), &st), 0);
	ck_assert_int_eq(st.st_mode, S_IFDIR | 0700);
}
END_TEST

START_TEST(without_fallback_it_is_an_error)
{
	init("missing/x.pb.gz", 0);
	ck_assert_int_eq(writer_append(fragment, 100), -ENOENT);
	ck_assert_str_eq(writer_path(), "");
	ck_assert(!writer_fell_back());
	/* It is tried again each time. */
	ck_assert_int_eq(mkdir(in_dir("missing"), 0700), 0);
	append(0, 100);
	check_content(in_dir("missing/x.pb.gz"), 100);
}
END_TEST

START_TEST(a_fallback_that_others_can_write_is_refused)
{
	ck_assert_int_eq(mkdir(in_dir("open"), 0700), 0);
	ck_assert_int_eq(chmod(in_dir("open"), 0777), 0);
	init_with_fallback("missing/x.pb.gz", "open");
	ck_assert_int_eq(writer_append(fragment, 100), -ENOENT);
	ck_assert(!exists("open/x.pb.gz"));

	ck_assert_int_eq(mkdir(in_dir("real"), 0700), 0);
	ck_assert_int_eq(symlink(in_dir("real"), in_dir("link")), 0);
	init_with_fallback("missing/x.pb.gz", "link");
	ck_assert_int_eq(writer_append(fragment, 100), -ENOENT);

	make_file("file", "");
	init_with_fallback("missing/x.pb.gz", "file");
	ck_assert_int_eq(writer_append(fragment, 100), -ENOENT);
}
END_TEST

START_TEST(another_users_fallback_is_refused)
{
	if (geteuid() != 0) {
		fprintf(stderr, "skipped: chown needs root\n");
		return;
	}
	ck_assert_int_eq(mkdir(in_dir("theirs"), 0700), 0);
	ck_assert_int_eq(chown(in_dir("theirs"), 65534, 65534), 0);
	init_with_fallback("missing/x.pb.gz", "theirs");
	ck_assert_int_eq(writer_append(fragment, 100), -ENOENT);
	ck_assert(!exists("theirs/x.pb.gz"));
}
END_TEST

START_TEST(want_of_descriptors_passes)
{
	struct rlimit limit, none = { 0, 0 };

	init_with_fallback("x.pb.gz", "fall");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none.rlim_max = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(writer_append(fragment, 100), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert(!writer_fell_back());
	append(0, 100);
	check_content(in_dir("x.pb.gz"), 100);
}
END_TEST

START_TEST(a_directory_that_vanishes)
{
	ck_assert_int_eq(mkdir(in_dir("gone"), 0700), 0);
	init_with_fallback("gone/x.pb.gz", "fall");
	append(0, 100);
	ck_assert_int_eq(unlink(in_dir("gone/x.pb.gz")), 0);
	ck_assert_int_eq(rmdir(in_dir("gone")), 0);
	/* the descriptor still works, and what goes there is seen by nobody */
	ck_assert_int_eq(writer_append(fragment, 100), -ESTALE);
	writer_abandon();
	append(0, 100);
	ck_assert(writer_fell_back());
	check_content(in_dir("fall/x.pb.gz"), 100);
}
END_TEST

/* --- full disks ----------------------------------------------------------- */

START_TEST(a_file_size_limit_cuts_back)
{
	struct rlimit limit, small;

	signal(SIGXFSZ, SIG_IGN);
	init("x.pb.gz", 0);
	append(0, 5000);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small.rlim_max = limit.rlim_max;
	small.rlim_cur = 10000; /* in the middle of the next member */
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(writer_append(fragment + 5000, 8000), -EFBIG);
		check_content(in_dir("x.pb.gz"), 5000);
	}
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	append(5000, 8000);
	check_content(in_dir("x.pb.gz"), 13000);
}
END_TEST

START_TEST(a_file_truncated_by_others_is_cut_where_it_ends)
{
	struct rlimit limit, small;

	signal(SIGXFSZ, SIG_IGN);
	init("x.pb.gz", 0);
	append(0, 5000);
	append(0, 5000);
	ck_assert_int_eq(truncate(in_dir("x.pb.gz"), 0), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small.rlim_max = limit.rlim_max;
	small.rlim_cur = 6000;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(writer_append(fragment, 8000), -EFBIG);
	ck_assert_int_eq(size_of(in_dir("x.pb.gz")), 0); /* no hole */
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	append(0, 8000);
	check_content(in_dir("x.pb.gz"), 8000);
}
END_TEST

/* A tmpfs of 64 KiB on the test's directory, in a namespace of its own. */
static bool mount_small(void)
{
	if (unshare(CLONE_NEWNS) != 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", dir, "tmpfs", 0, "size=64k,mode=0700") == 0;
}

START_TEST(a_full_disk_cuts_back_and_passes)
{
	if (!mount_small()) {
		fprintf(stderr, "skipped: no mount namespace: %s\n",
			strerror(errno));
		return;
	}
	init_with_fallback("x.pb.gz", "fall");
	append(0, 20000);
	for (int i = 0; i < 3; i++) { /* does not fit */
		ck_assert_int_eq(writer_append(fragment + 20000, 50000),
				 -ENOSPC);
		check_content(in_dir("x.pb.gz"), 20000);
	}
	append(20000, 10000); /* what fits is written meanwhile */
	ck_assert(!writer_fell_back());
	ck_assert_int_eq(mount("none", dir, "tmpfs", MS_REMOUNT,
			       "size=256k"), 0);
	append(30000, 50000);
	check_content(in_dir("x.pb.gz"), 80000);
	writer_abandon();
	ck_assert_int_eq(umount(dir), 0);
}
END_TEST

START_TEST(a_disk_without_room_for_a_name)
{
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", dir, "tmpfs", 0, "nr_inodes=2,mode=0700") != 0) {
		fprintf(stderr, "skipped: no mount namespace: %s\n",
			strerror(errno));
		return;
	}
	make_file("filler", "");
	init_with_fallback("x.pb.gz", "fall");
	ck_assert_int_eq(writer_append(fragment, 100), -ENOSPC);
	ck_assert(!writer_fell_back());
	ck_assert_int_eq(unlink(in_dir("filler")), 0);
	append(0, 100);
	check_content(in_dir("x.pb.gz"), 100);
	writer_abandon();
	ck_assert_int_eq(umount(dir), 0);
}
END_TEST

/* --- rotation ------------------------------------------------------------- */

START_TEST(full_is_known_beforehand)
{
	init("x.pb.gz", 70000);
	ck_assert(!writer_is_full(1000000)); /* nothing to rotate yet */
	append(0, 50000);
	ck_assert(!writer_is_full(70000 - 50023 - 23));
	ck_assert(writer_is_full(70000 - 50023 - 22));
	append(50000, 70000 - 50023 - 23);
	ck_assert_int_eq(size_of(writer_path()), 70000);
	init("x.pb.gz", 0);
	ck_assert(!writer_is_full(SIZE_MAX / 2));
}
END_TEST

static void rotate_at(size_t at)
{
	ck_assert_int_eq(writer_rotate(), 0);
	ck_assert_int_eq(writer_append(fragment + at, 1000), 0);
}

START_TEST(rotation_keeps_two)
{
	uint8_t got[2000];

	init("x.pb.gz", 0);
	ck_assert_int_eq(writer_rotate(), 0); /* nothing there: nothing done */
	append(0, 1000);
	for (size_t i = 1; i <= 3; i++) {
		rotate_at(i * 1000);
		ck_assert_str_eq(writer_path(), in_dir("x.pb.gz"));
		ck_assert_uint_eq(inflate_file(in_dir("x.pb.gz"), got, 2000),
				  1000);
		ck_assert_int_eq(memcmp(got, fragment + i * 1000, 1000), 0);
		ck_assert_uint_eq(inflate_file(in_dir("x.old.pb.gz"), got,
					       2000), 1000);
		ck_assert_int_eq(memcmp(got, fragment + (i - 1) * 1000, 1000),
				 0);
	}
	ck_assert_int_eq(unlink(in_dir("x.pb.gz")), 0);
	ck_assert_int_eq(unlink(in_dir("x.old.pb.gz")), 0);
	ck_assert_int_eq(rmdir(dir), 0); /* no third */
	ck_assert_int_eq(mkdir(dir, 0700), 0);
}
END_TEST

static void check_old(const char *name, size_t at)
{
	uint8_t got[2000];

	ck_assert_uint_eq(inflate_file(in_dir(name), got, 2000), 1000);
	ck_assert_int_eq(memcmp(got, fragment + at, 1000), 0);
}

START_TEST(rotation_keeps_as_many_as_wanted)
{
	writer_set_rotation(0, 3);
	init("x.pb.gz", 0);
	append(0, 1000);
	for (size_t i = 1; i <= 5; i++)
		rotate_at(i * 1000);
	check_old("x.pb.gz", 5000);
	check_old("x.old.pb.gz", 4000);
	check_old("x.old.2.pb.gz", 3000);
	check_old("x.old.3.pb.gz", 2000);
	ck_assert_int_ne(access(in_dir("x.old.4.pb.gz"), F_OK), 0);
}
END_TEST

START_TEST(an_old_file_is_full)
{
	const struct timespec moment = { .tv_nsec = 20000000 };

	writer_set_rotation(10000000, 1);
	init("x.pb.gz", 0);
	nanosleep(&moment, NULL);
	ck_assert(!writer_is_full(1));	/* no file yet */
	append(0, 1000);
	nanosleep(&moment, NULL);
	ck_assert(writer_is_full(1));
	writer_set_rotation(3600000000000, 1);
	ck_assert(!writer_is_full(1));
}
END_TEST

START_TEST(rotation_that_fails_goes_on_growing)
{
	init("x.pb.gz", 0);
	append(0, 1000);
	ck_assert_int_eq(mkdir(in_dir("x.old.pb.gz"), 0700), 0);
	ck_assert_int_eq(writer_rotate(), -EISDIR);
	append(1000, 1000);
	check_content(in_dir("x.pb.gz"), 2000);
}
END_TEST

START_TEST(rotation_leaves_anothers_file_alone)
{
	init("x.pb.gz", 0);
	append(0, 1000);
	ck_assert_int_eq(unlink(in_dir("x.pb.gz")), 0);
	make_file("x.pb.gz", "precious");
	rotate_at(0);
	ck_assert_str_eq(writer_path(), in_dir("x.1.pb.gz"));
	ck_assert(!exists("x.old.pb.gz"));
	ck_assert_int_eq(size_of(in_dir("x.pb.gz")), 8);
}
END_TEST

/* --- end and again -------------------------------------------------------- */

START_TEST(a_closed_file_is_continued)
{
	init("x.pb.gz", 0);
	append(0, 1000);
	writer_close();
	append(1000, 1000);
	ck_assert_str_eq(writer_path(), in_dir("x.pb.gz"));
	check_content(in_dir("x.pb.gz"), 2000);
}
END_TEST

START_TEST(a_file_that_is_gone_is_stale)
{
	init("x.pb.gz", 0);
	append(0, 1000);
	writer_close();
	ck_assert_int_eq(unlink(in_dir("x.pb.gz")), 0);
	ck_assert_int_eq(writer_append(fragment, 10), -ESTALE);
	make_file("x.pb.gz", "precious");
	ck_assert_int_eq(writer_append(fragment, 10), -ESTALE);
	writer_abandon();
	append(0, 10);
	ck_assert_str_eq(writer_path(), in_dir("x.1.pb.gz"));
	ck_assert_int_eq(size_of(in_dir("x.pb.gz")), 8);
}
END_TEST

START_TEST(an_empty_file_is_removed)
{
	init("x.pb.gz", 0);
	ck_assert_int_eq(writer_open(), 0);
	ck_assert(exists("x.pb.gz"));
	writer_close();
	ck_assert(!exists("x.pb.gz"));

	ck_assert_int_eq(writer_open(), 0);
	ck_assert_int_eq(rename(in_dir("x.pb.gz"), in_dir("y")), 0);
	make_file("x.pb.gz", "precious");
	writer_close();
	ck_assert_int_eq(size_of(in_dir("x.pb.gz")), 8);
}
END_TEST

/* What the child does, as exit status: 0 when all was right. */
static int write_in_child(void)
{
	struct writer_names child = names;
	char bad;

	child.pid = 78;
	arena_reset_after_fork();
	writer_reset_after_fork();
	return writer_init("%p.pb.gz", dir, &child, "", 0, &bad) != 0 ||
	       writer_path()[0] != '\0' ||
	       writer_append(fragment, 500) != 0 ||
	       strcmp(writer_path(), in_dir("78.pb.gz")) != 0;
}

START_TEST(a_forked_child_writes_its_own)
{
	int status;
	pid_t pid;

	init("%p.pb.gz", 0);
	append(0, 1000);
	pid = fork();
	if (pid == 0)
		_exit(write_in_child());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	append(1000, 1000);
	check_content(in_dir("77.pb.gz"), 2000);
	check_content(in_dir("78.pb.gz"), 500);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, a_member_is_gzip, 0,
			    sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test(tc, members_append);
	tcase_add_test(tc, one_write_a_member);
	tcase_add_test(tc, the_buffer_shrinks_after_a_burst);
	tcase_add_test(tc, without_memory_no_file);
	tcase_add_loop_test(tc, patterns_expand, 0,
			    sizeof(expansions) / sizeof(expansions[0]));
	tcase_add_loop_test(tc, bad_patterns_are_named, 0,
			    sizeof(mistakes) / sizeof(mistakes[0]));
	tcase_add_test(tc, too_long_is_said_at_once);
	tcase_add_test(tc, nothing_is_made_before_the_first_sample);
	tcase_add_test(tc, a_file_is_private_and_not_inherited);
	tcase_add_test(tc, existing_names_are_left_alone);
	tcase_add_test(tc, a_clash_without_the_suffix);
	tcase_add_test(tc, a_missing_directory_means_the_fallback);
	tcase_add_test(tc, without_fallback_it_is_an_error);
	tcase_add_test(tc, a_fallback_that_others_can_write_is_refused);
	tcase_add_test(tc, another_users_fallback_is_refused);
	tcase_add_test(tc, want_of_descriptors_passes);
	tcase_add_test(tc, a_directory_that_vanishes);
	tcase_add_test(tc, a_file_size_limit_cuts_back);
	tcase_add_test(tc, a_file_truncated_by_others_is_cut_where_it_ends);
	tcase_add_test(tc, a_full_disk_cuts_back_and_passes);
	tcase_add_test(tc, a_disk_without_room_for_a_name);
	tcase_add_test(tc, full_is_known_beforehand);
	tcase_add_test(tc, rotation_keeps_two);
	tcase_add_test(tc, rotation_keeps_as_many_as_wanted);
	tcase_add_test(tc, an_old_file_is_full);
	tcase_add_test(tc, rotation_that_fails_goes_on_growing);
	tcase_add_test(tc, rotation_leaves_anothers_file_alone);
	tcase_add_test(tc, a_closed_file_is_continued);
	tcase_add_test(tc, a_file_that_is_gone_is_stale);
	tcase_add_test(tc, an_empty_file_is_removed);
	tcase_add_test(tc, a_forked_child_writes_its_own);
}

int main(void)
{
	Suite *suite = suite_create("writer");
	TCase *tc = tcase_create("writer");

	tcase_add_checked_fixture(tc, setup, teardown);
	add_tests(tc);
	tcase_set_timeout(tc, 30);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
