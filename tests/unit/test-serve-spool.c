/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/runner.h"

#ifdef HAVE_SOUP
#include "tools/serve-spool.h"

#define MOST 1000u		/* bytes */
#define FIRST "00000000000000000000.push"
#define SECOND "00000000000000000001.push"
#define THIRD "00000000000000000002.push"

static char *top, *dir;
static GString *said;		/* on stderr */

static void keep_said(const char *text)
{
	g_string_append(said, text);
}

static void setup(void)
{
	top = g_dir_make_tmp("test-serve-spool-XXXXXX", NULL);
	dir = g_build_filename(top, "a", "b", NULL);
	said = g_string_new(NULL);
	g_set_printerr_handler(keep_said);
}

static void teardown(void)
{
	g_autofree char *command = g_strdup_printf("rm -rf %s", top);

	g_set_printerr_handler(NULL);
	ck_assert_int_eq(system(command), 0);
	g_string_free(said, TRUE);
	g_free(dir);
	g_free(top);
}

static Spool *begin(void)
{
	g_autoptr(GError) error = NULL;
	Spool *s = spool_new(MOST);

	ck_assert_msg(spool_open(s, dir, &error), "%s",
		      error ? error->message : "");
	return s;
}

/* One of so many bytes, which all are its last letter. */
static void put(Spool *s, const char *query, gsize size)
{
	g_autofree char *data = g_strnfill(size, query[strlen(query) - 1]);
	g_autoptr(GBytes) profile = g_bytes_new(data, size);

	spool_put(s, g_strdup(query), profile);
}

/* Takes all out: "a:300 b:1 ", and each is what it was. */
static char *drain(Spool *s)
{
	GString *text = g_string_new(NULL);
	const Parcel *p;
	gsize size, i;

	while ((p = spool_first(s))) {
		const char *data = g_bytes_get_data(p->profile, &size);

		for (i = 0; i < size; i++)
			ck_assert_int_eq(data[i],
					 p->query[strlen(p->query) - 1]);
		g_string_append_printf(text, "%s:%zu ", p->query, size);
		spool_remove_first(s);
	}
	ck_assert_uint_eq(spool_bytes(s), 0);
	return g_string_free(text, FALSE);
}

static void expect(Spool *s, const char *wanted)
{
	g_autofree char *got = drain(s);

	ck_assert_str_eq(got, wanted);
}

static char *file(const char *name)
{
	return g_build_filename(dir, name, NULL);
}

static guint count_files(void)
{
	g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
	guint n = 0;

	while (g_dir_read_name(open))
		n++;
	return n;
}

static guint count_lines(void)
{
	guint i, n = 0;

	for (i = 0; i < said->len; i++)
		n += said->str[i] == '\n';
	return n;
}

/* --- in memory ------------------------------------------------------------------------ */

START_TEST(what_comes_first_goes_first)
{
	Spool *s = spool_new(MOST);

	ck_assert_ptr_null(spool_first(s));
	put(s, "a", 300);
	put(s, "b", 0);
	put(s, "c", 5);
	ck_assert_uint_eq(spool_bytes(s), 305);
	expect(s, "a:300 b:0 c:5 ");
	ck_assert_uint_eq(spool_dropped(s), 0);
	spool_free(s);
}
END_TEST

/* The first may be under way; of the others the oldest go. */
START_TEST(there_is_only_so_much_room)
{
	Spool *s = spool_new(MOST);

	put(s, "a", 400);
	put(s, "b", 300);
	put(s, "c", 300);
	ck_assert_uint_eq(spool_dropped(s), 0);
	put(s, "d", 301);
	ck_assert_uint_eq(spool_dropped(s), 2);
	ck_assert_uint_eq(spool_bytes(s), 701);
	expect(s, "a:400 d:301 ");
	put(s, "e", 2000);
	ck_assert_uint_eq(spool_dropped(s), 2);
	put(s, "f", 1);
	ck_assert_uint_eq(spool_dropped(s), 3);
	expect(s, "e:2000 ");
	spool_free(s);
}
END_TEST

/* --- in a directory -------------------------------------------------------------------- */

START_TEST(the_next_one_goes_on)
{
	Spool *s = begin();
	struct stat st;

	put(s, "a", 300);
	put(s, "b=%7b1", 0);
	put(s, "c", 5);
	spool_remove_first(s);
	spool_free(s);
	ck_assert_uint_eq(count_files(), 2);
	ck_assert_int_eq(stat(dir, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0700);
	s = begin();
	ck_assert_uint_eq(spool_bytes(s), 5);
	put(s, "d", 7);
	expect(s, "b=%7b1:0 c:5 d:7 ");
	ck_assert_uint_eq(count_files(), 0);
	spool_free(s);
	ck_assert_str_eq(said->str, "");
}
END_TEST

START_TEST(only_we_read_them)
{
	Spool *s = begin();
	g_autofree char *path = file(FIRST);
	mode_t before = umask(0);
	struct stat st;

	put(s, "a", 300);
	umask(before);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	spool_free(s);
}
END_TEST

/* Killed, not ended: nothing is missing, and its lock is gone. */
START_TEST(one_that_was_killed)
{
	pid_t pid = fork();
	int status;
	Spool *s;

	if (pid == 0) {
		s = begin();
		put(s, "a", 300);
		put(s, "b", 200);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	s = begin();
	expect(s, "a:300 b:200 ");
	spool_free(s);
}
END_TEST

/* The bound holds over starts, and one of fewer bytes is kept at once. */
START_TEST(a_smaller_one_takes_over)
{
	Spool *s = begin();

	put(s, "a", 400);
	put(s, "b", 300);
	put(s, "c", 300);
	put(s, "d", 400);
	ck_assert_uint_eq(count_files(), 2);
	spool_free(s);
	s = spool_new(500);
	ck_assert(spool_open(s, dir, NULL));
	ck_assert_uint_eq(spool_dropped(s), 1);
	ck_assert_uint_eq(count_files(), 1);
	expect(s, "d:400 ");
	spool_free(s);
}
END_TEST

/* Files that are not what they should be; FIRST and THIRD are whole. */
static void cut_short(const char *path)
{
	ck_assert_int_eq(truncate(path, 200), 0);
}

static void cut_to_nothing(const char *path)
{
	ck_assert_int_eq(truncate(path, 0), 0);
}

static void flip_a_bit(const char *path)
{
	g_autofree char *data = NULL;
	gsize size;

	ck_assert(g_file_get_contents(path, &data, &size, NULL));
	data[size - 1] ^= 1;
	ck_assert(g_file_set_contents(path, data, (gssize)size, NULL));
}

static void write_other(const char *path)
{
	ck_assert(g_file_set_contents(path, "profagent-push 2 00000000\nq\n",
				      -1, NULL));
}

static void make_directory(const char *path)
{
	g_unlink(path);
	g_mkdir(path, 0700);
}

static void make_fifo(const char *path)
{
	g_unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void make_link(const char *path)
{
	g_autofree char *other = file("other");

	ck_assert_int_eq(g_rename(path, other), 0);
	ck_assert_int_eq(symlink(other, path), 0);
}

static void make_huge(const char *path)
{
	ck_assert_int_eq(truncate(path, 1ll << 40), 0);
}

static void (*const harms[])(const char *path) = {
	cut_short, cut_to_nothing, flip_a_bit, write_other, make_directory,
	make_fifo, make_link, make_huge,
};

START_TEST(what_is_not_whole_is_skipped)
{
	g_autofree char *path = file(SECOND);
	Spool *s = begin();

	put(s, "a", 300);
	put(s, "b", 300);
	put(s, "c", 300);
	spool_free(s);
	harms[_i](path);
	s = begin();
	ck_assert_uint_eq(count_lines(), 1);
	ck_assert_msg(strstr(said->str, SECOND) &&
		      g_str_has_suffix(said->str, "; it is skipped\n"), "%s",
		      said->str);
	expect(s, "a:300 c:300 ");
	/* and it is left for whoever wants to look */
	ck_assert(g_file_test(path, G_FILE_TEST_EXISTS));
	spool_free(s);
}
END_TEST

/* An address is made of the query: no byte of it may end a line or a field. */
START_TEST(a_query_is_one_word)
{
	static const char *const queries[] = { "a b", "a\tb", "\x01", "",
					       "a\x7f", "\xc3\xa9" };
	Spool *s = begin();
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(queries); i++) {
		g_autoptr(GBytes) none = g_bytes_new(NULL, 0);

		spool_put(s, g_strdup(queries[i]), none);
	}
	spool_free(s);
	s = begin();
	ck_assert_ptr_null(spool_first(s));
	ck_assert_uint_eq(count_lines(), 1);
	ck_assert_msg(strstr(said->str, "it and 5 others are skipped"), "%s",
		      said->str);
	spool_free(s);
}
END_TEST

/* What was about to be written goes; what is not ours stays, unmentioned. */
START_TEST(other_files)
{
	g_autofree char *unfinished = file(FIRST ".A1B2C3");
	g_autofree char *readme = file("README");
	g_autofree char *number = file("1.push");
	Spool *s = begin();

	spool_free(s);
	ck_assert(g_file_set_contents(unfinished, "profagent", -1, NULL));
	ck_assert(g_file_set_contents(readme, "x", -1, NULL));
	ck_assert(g_file_set_contents(number, "x", -1, NULL));
	s = begin();
	ck_assert(!g_file_test(unfinished, G_FILE_TEST_EXISTS));
	ck_assert(g_file_test(readme, G_FILE_TEST_EXISTS));
	ck_assert(g_file_test(number, G_FILE_TEST_EXISTS));
	ck_assert_str_eq(said->str, "");
	spool_free(s);
}
END_TEST

START_TEST(it_is_for_one_server)
{
	g_autoptr(GError) error = NULL;
	Spool *one = begin(), *two = spool_new(MOST);

	ck_assert(!spool_open(two, dir, &error));
	ck_assert_msg(strstr(error->message, dir) &&
		      strstr(error->message, "another server uses it"), "%s",
		      error->message);
	spool_free(two);
	spool_free(one);
	one = begin();
	spool_free(one);
}
END_TEST

static void expect_refused(const char *at, const char *why)
{
	g_autoptr(GError) error = NULL;
	Spool *s = spool_new(MOST);

	ck_assert(!spool_open(s, at, &error));
	ck_assert_msg(strstr(error->message, at) &&
		      strstr(error->message, why), "%s", error->message);
	spool_free(s);
}

START_TEST(places_that_will_not_do)
{
	g_autofree char *path = g_build_filename(top, "file", NULL);
	g_autofree char *below = g_build_filename(path, "x", NULL);

	ck_assert(g_file_set_contents(path, "x", -1, NULL));
	expect_refused(path, "");
	expect_refused(below, "");
	expect_refused("/proc/nowhere", "");
	g_mkdir_with_parents(dir, 0700);
	ck_assert_int_eq(chmod(dir, 0777), 0);
	expect_refused(dir, "others may write to it");
}
END_TEST

/* The disk is full, the directory gone: said once, and all goes on. */
START_TEST(where_nothing_can_be_written)
{
	g_autofree char *elsewhere = g_strconcat(dir, "-moved", NULL);
	Spool *s = begin();

	put(s, "a", 300);
	ck_assert_int_eq(g_rename(dir, elsewhere), 0);
	put(s, "b", 200);
	put(s, "c", 100);
	ck_assert_uint_eq(count_lines(), 1);
	ck_assert_msg(strstr(said->str, "wait in memory alone"), "%s",
		      said->str);
	ck_assert_int_eq(g_rename(elsewhere, dir), 0);
	put(s, "d", 50);
	ck_assert_uint_eq(count_files(), 2);
	expect(s, "a:300 b:200 c:100 d:50 ");
	spool_free(s);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("serve-spool");
#ifdef HAVE_SOUP
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, what_comes_first_goes_first);
	tcase_add_test(all, there_is_only_so_much_room);
	tcase_add_test(all, the_next_one_goes_on);
	tcase_add_test(all, only_we_read_them);
	tcase_add_test(all, one_that_was_killed);
	tcase_add_test(all, a_smaller_one_takes_over);
	tcase_add_loop_test(all, what_is_not_whole_is_skipped, 0,
			    G_N_ELEMENTS(harms));
	tcase_add_test(all, a_query_is_one_word);
	tcase_add_test(all, other_files);
	tcase_add_test(all, it_is_for_one_server);
	tcase_add_test(all, places_that_will_not_do);
	tcase_add_test(all, where_nothing_can_be_written);
	suite_add_tcase(suite, all);
#endif
	return runner_run(suite);
}
