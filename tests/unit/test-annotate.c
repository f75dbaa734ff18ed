/* SPDX-License-Identifier: MIT */
#include "tools/annotate.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"

static char *dir;

static void setup(void)
{
	dir = g_dir_make_tmp("profagent-XXXXXX", NULL);
}

static void teardown(void)
{
	g_rmdir(dir);
	g_free(dir);
}

static char *annotated(const char *source_dir, guint context)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	CalltreeOptions o = { .by = CALLTREE_BY_LINE, .flat = TRUE,
			      .type = p->default_type };
	g_autoptr(Calltree) t = calltree_new(p, &o);
	Report r = { .profile = p, .options = &o, .tree = t };
	Annotate a = { .report = &r, .function = "work",
		       .source_dir = source_dir, .context = context };
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	annotate_source(&a, to);
	fclose(to);
	return text;
}

/* All of the sample's functions run at line 7 of their file. */
START_TEST(lines_stand_beside_their_time)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autofree char *base = g_path_get_basename(profile_text(
		p, profile_at(p->functions, ProfileFunction, 1)->file));
	g_autofree char *path = g_build_filename(dir, base, NULL);
	g_autofree char *text = NULL;

	ck_assert(g_file_set_contents(path, "1\n2\n3\n4\nfive\n6\n"
				      "\tseven\033\n8\nnine\n10\n", -1, NULL));
	text = annotated(dir, 2);
	ck_assert_ptr_nonnull(strstr(text, "90.0 ±"));
	ck_assert_ptr_nonnull(strstr(text, "     7      seven\\x1b\n"));
	ck_assert_ptr_nonnull(strstr(text, "     5  five\n"));
	ck_assert_ptr_nonnull(strstr(text, "     9  nine\n"));
	ck_assert_ptr_null(strstr(text, "  10  10"));
	g_unlink(path);
}
END_TEST

START_TEST(without_source_there_are_numbers)
{
	g_autofree char *text = annotated(dir, 5);

	ck_assert_ptr_nonnull(strstr(text, "90.0 ±"));
	ck_assert_ptr_nonnull(strstr(text, "     7  \n"));
	ck_assert_ptr_nonnull(strstr(text, "--source"));
}
END_TEST

START_TEST(source_that_is_no_file_is_not_read)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autofree char *base = g_path_get_basename(profile_text(
		p, profile_at(p->functions, ProfileFunction, 1)->file));
	g_autofree char *path = g_build_filename(dir, base, NULL);
	g_autofree char *text = NULL;

	/* reading one that nobody writes to would never end */
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	text = annotated(dir, G_MAXINT32);
	ck_assert_ptr_nonnull(strstr(text, "the source is not here"));
	g_unlink(path);
}
END_TEST

START_TEST(a_part_of_a_name_is_enough)
{
	g_autoptr(Profile) p = sample_profile_new("worker");
	CalltreeOptions o = { .by = CALLTREE_BY_LINE, .flat = TRUE,
			      .type = p->default_type };
	g_autoptr(Calltree) t = calltree_new(p, &o);
	Report r = { .profile = p, .options = &o, .tree = t };
	char *similar;

	ck_assert_str_eq(annotate_find(&r, "main", &similar), "main");
	ck_assert_ptr_null(similar);
	ck_assert_str_eq(annotate_find(&r, "orke", &similar), "worker");
	g_free(similar);
	ck_assert_ptr_null(annotate_find(&r, "m", &similar));
	ck_assert_ptr_nonnull(strstr(similar, "main"));
	ck_assert_ptr_nonnull(strstr(similar, "memcpy"));
	g_free(similar);
	ck_assert_ptr_null(annotate_find(&r, "zzz", &similar));
	ck_assert_str_eq(similar, "");
	g_free(similar);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("annotate");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, lines_stand_beside_their_time);
	tcase_add_test(tcase, without_source_there_are_numbers);
	tcase_add_test(tcase, source_that_is_no_file_is_not_read);
	tcase_add_test(tcase, a_part_of_a_name_is_enough);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
