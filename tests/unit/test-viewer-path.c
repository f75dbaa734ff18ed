/* SPDX-License-Identifier: MIT */
/* Equal paths have one number, others have others. */
#include "tools/viewer-path.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/runner.h"

START_TEST(paths_are_told_apart)
{
	ViewerPaths *p = viewer_paths_new(2);
	char name[] = "main";
	const ViewerPathStep step = { name, "/bin/a", "a.c", 1 };
	const ViewerPathStep same = { "main", "/bin/a", "a.c", 1 };
	ViewerPathStep other;
	guint32 path = viewer_paths_child(p, 0, &step), deeper;

	name[0] = 'x';			/* texts were copied */
	ck_assert_uint_ge(path, 2);
	ck_assert_uint_eq(viewer_paths_child(p, 0, &same), path);
	ck_assert_uint_ne(viewer_paths_child(p, 1, &same), path);
	deeper = viewer_paths_child(p, path, &same);
	ck_assert_uint_ne(deeper, path);
	ck_assert_uint_eq(viewer_paths_parent(p, deeper), path);
	ck_assert_uint_eq(viewer_paths_parent(p, path), 0);
	ck_assert_uint_eq(viewer_paths_parent(p, 1), 1);
	other = (ViewerPathStep){ "main", "/bin/b", "a.c", 1 };
	ck_assert_uint_ne(viewer_paths_child(p, 0, &other), path);
	other = (ViewerPathStep){ "main", "/bin/a", "b.c", 1 };
	ck_assert_uint_ne(viewer_paths_child(p, 0, &other), path);
	other = (ViewerPathStep){ "main", "/bin/a", "a.c", 2 };
	ck_assert_uint_ne(viewer_paths_child(p, 0, &other), path);
	viewer_paths_free(p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("viewer-path");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, paths_are_told_apart);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
