/* SPDX-License-Identifier: MIT */
#include "tools/rewrite.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/pprof.h"
#include "tests/unit/messages.h"
#include "tests/unit/runner.h"
#include "tools/pprof-read.h"

static char *dir, *path;

static void setup(void)
{
	dir = g_dir_make_tmp("profagent-XXXXXX", NULL);
	path = g_build_filename(dir, "a.pb.gz", NULL);
}

static void teardown(void)
{
	g_unlink(path);
	g_rmdir(dir);
	g_free(path);
	g_free(dir);
}

/* A file of process `pid`, of which `cut` bytes are missing at the end. */
static void write_file(guint32 pid, guint64 start, gsize cut)
{
	Profagent__Process p = PROFAGENT__PROCESS__INIT;
	g_autoptr(GByteArray) file = NULL;
	g_autoptr(GByteArray) second = NULL;
	Messages m;

	messages_init(&m);
	p.run_id = (char *)(guintptr)"00000000000000aa";
	p.pid = pid;
	p.pid_start = start;
	messages_add(&m, PPROF_PROCESS, &p);
	messages_small(&m);
	file = messages_take_member(&m);
	messages_sample(&m, (guint64[]){ 1, 0 }, 1, 10000000, "one", 101);
	second = messages_take_member(&m);
	g_byte_array_append(file, second->data, second->len);
	ck_assert(g_file_set_contents(path, (char *)file->data,
				      (gssize)(file->len - cut), NULL));
	messages_release(&m);
}

static gint64 total(const char *file, guint *skipped)
{
	g_autoptr(Profile) p = profile_new();
	gint64 sum = 0;
	guint i;

	ck_assert(pprof_read_path(p, file, PPROF_READ_DEFAULT, NULL));
	for (i = 0; i < p->samples->len; i++)
		sum += profile_at(p->samples, ProfileSample, i)->value[0];
	*skipped = profile_at(p->processes, ProfileProcess, 0)->skipped->len;
	return sum;
}

START_TEST(a_torn_file_becomes_whole)
{
	RewriteResult result;
	guint skipped;

	write_file(0, 0, 9);
	ck_assert_int_ge(total(path, &skipped), 4);
	ck_assert_uint_eq(skipped, 1);
	ck_assert(rewrite_file(path, NULL, NULL, &result, NULL));
	ck_assert_uint_eq(result.skipped->len, 1);
	ck_assert(!result.salvaged);
	rewrite_result_release(&result);
	ck_assert_int_ge(total(path, &skipped), 4);
	ck_assert_uint_eq(skipped, 0);
}
END_TEST

START_TEST(the_file_of_a_living_process_is_left_alone)
{
	g_autofree char *copy = g_build_filename(dir, "b.pb.gz", NULL);
	g_autofree char *stat = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	g_auto(GStrv) fields = NULL;
	g_autoptr(GError) error = NULL;
	gsize size, size_after;
	guint skipped;

	ck_assert(g_file_get_contents("/proc/self/stat", &stat, NULL, NULL));
	fields = g_strsplit(strrchr(stat, ')') + 2, " ", -1);
	write_file((guint32)getpid(),
		   g_ascii_strtoull(fields[19], NULL, 10), 0);
	ck_assert(g_file_get_contents(path, &before, &size, NULL));
	ck_assert(!rewrite_file(path, NULL, NULL, NULL, &error));
	ck_assert(g_error_matches(error, REWRITE_ERROR, REWRITE_ERROR_LIVE));
	ck_assert(g_file_get_contents(path, &after, &size_after, NULL));
	ck_assert_uint_eq(size, size_after);
	ck_assert_mem_eq(before, after, size);
	ck_assert(rewrite_file(path, copy, NULL, NULL, NULL));
	ck_assert_int_eq(total(copy, &skipped), 5);
	g_unlink(copy);
}
END_TEST

START_TEST(behind_a_link_the_file_changes)
{
	g_autofree char *link = g_build_filename(dir, "link.pb.gz", NULL);
	RewriteResult result;

	write_file(0, 0, 0);
	ck_assert_int_eq(symlink(path, link), 0);
	ck_assert(rewrite_file(link, NULL, NULL, &result, NULL));
	rewrite_result_release(&result);
	ck_assert(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
	g_unlink(link);
}
END_TEST

START_TEST(what_is_no_profile_stays)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;

	ck_assert(g_file_set_contents(path, "my diary", -1, NULL));
	ck_assert(!rewrite_file(path, NULL, NULL, NULL, &error));
	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	ck_assert_str_eq(text, "my diary");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rewrite");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_torn_file_becomes_whole);
	tcase_add_test(tcase, the_file_of_a_living_process_is_left_alone);
	tcase_add_test(tcase, behind_a_link_the_file_changes);
	tcase_add_test(tcase, what_is_no_profile_stays);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
