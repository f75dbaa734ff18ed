/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_SOUP
#include "tools/serve-users.h"

#include "tests/unit/runner.h"

static char *path;

static void write_file(const char *text, int mode)
{
	ck_assert(g_file_set_contents(path, text, -1, NULL));
	ck_assert_int_eq(g_chmod(path, mode), 0);
}

static char *line_of(const char *name, const char *role)
{
	g_autoptr(GError) error = NULL;
	char *line = users_make_line(name, "a secret", role, &error);

	ck_assert_msg(line != NULL, "%s", error ? error->message : "");
	return line;
}

START_TEST(a_user_is_known_by_the_password)
{
	g_autofree char *line = line_of("ann", "control");
	g_autofree char *hash = NULL;
	ServeRole role;
	Users *u;

	write_file(line, 0600);
	u = users_new(path, NULL);
	ck_assert_ptr_nonnull(u);
	ck_assert(users_find(u, "ann", &hash, &role));
	ck_assert_int_eq(role, ROLE_CONTROL);
	ck_assert(users_password_fits("a secret", hash));
	ck_assert(!users_password_fits("a secre", hash));
	ck_assert(!users_password_fits("", hash));
	users_free(u);
}
END_TEST

START_TEST(nobody_has_a_hash_that_nothing_fits)
{
	g_autofree char *line = line_of("ann", "view");
	g_autofree char *hash = NULL;
	ServeRole role;
	Users *u;

	write_file(line, 0600);
	u = users_new(path, NULL);
	ck_assert(!users_find(u, "bob", &hash, &role));
	ck_assert_int_eq(role, ROLE_NONE);
	ck_assert(!users_password_fits("nobody has this one", hash));
	users_free(u);
}
END_TEST

START_TEST(a_changed_file_is_read_again)
{
	g_autofree char *ann = line_of("ann", "view");
	g_autofree char *bob = line_of("bobby", "view");
	g_autofree char *first = NULL, *second = NULL, *third = NULL;
	ServeRole role;
	Users *u;
	guint before;

	write_file(ann, 0600);
	u = users_new(path, NULL);
	before = users_generation(u);
	write_file(bob, 0600);
	ck_assert(!users_find(u, "ann", &first, &role));
	ck_assert(users_find(u, "bobby", &second, &role));
	ck_assert_uint_ne(users_generation(u), before);
	write_file("nonsense in it\n", 0600);
	ck_assert(users_find(u, "bobby", &third, &role));
	users_free(u);
}
END_TEST

/* The line that is wrong is named; nothing of it is let in. */
START_TEST(wrong_files_are_refused)
{
	static const struct {
		const char *text, *says;
		int mode;
	} all[] = {
		{ "", "no user", 0600 },
		{ "# only this\n\n", "no user", 0600 },
		{ "ann\n", "line 1", 0600 },
		{ "# x\nann:secret:view\n", "line 2", 0600 },
		{ "ann:$1$abcdefgh$x:view\n", "hash", 0600 },
		{ "ann:$y$j9T$abc$def:admin\n", "role", 0600 },
		{ ":$y$j9T$abc$def:view\n", "NAME", 0600 },
		{ "a:b:c:d\n", "NAME", 0600 },
		{ "ann:$y$j9T$abc$def:view\n", "chmod", 0644 },
	};
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(all); i++) {
		g_autoptr(GError) error = NULL;

		write_file(all[i].text, all[i].mode);
		ck_assert_ptr_null(users_new(path, &error));
		ck_assert_msg(strstr(error->message, all[i].says) != NULL,
			      "%zu: %s", i, error->message);
	}
}
END_TEST

START_TEST(wrong_names_make_no_line)
{
	ck_assert_ptr_null(users_make_line("a:b", "x", "view", NULL));
	ck_assert_ptr_null(users_make_line("", "x", "view", NULL));
	ck_assert_ptr_null(users_make_line("a b", "x", "view", NULL));
	ck_assert_ptr_null(users_make_line("ann", "x", "admin", NULL));
	ck_assert_ptr_null(users_make_line("ann", "", "view", NULL));
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("serve-users");
	int status;
#ifdef HAVE_SOUP
	TCase *all = tcase_create("all");

	path = g_strdup_printf("%s/profagent-users-%d", g_get_tmp_dir(),
			       (int)getpid());
	tcase_add_test(all, a_user_is_known_by_the_password);
	tcase_add_test(all, nobody_has_a_hash_that_nothing_fits);
	tcase_add_test(all, a_changed_file_is_read_again);
	tcase_add_test(all, wrong_files_are_refused);
	tcase_add_test(all, wrong_names_make_no_line);
	suite_add_tcase(suite, all);
#endif
	status = runner_run(suite);
#ifdef HAVE_SOUP
	g_unlink(path);
	g_free(path);
#endif
	return status;
}
