/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#ifdef HAVE_SOUP
#include "tools/serve-connections.h"

static char *dir, *address, *path;
static SoupServer *soup;
static Connections *all;

static void setup(void)
{
	dir = g_dir_make_tmp("test-connections-XXXXXX", NULL);
	path = g_build_filename(dir, "socket", NULL);
	address = g_strconcat("unix:", path, NULL);
	soup = g_object_new(SOUP_TYPE_SERVER, NULL);
	all = connections_new(soup, NULL);
}

static void teardown(void)
{
	if (all)
		connections_free(all);
	g_object_unref(soup);
	g_rmdir(dir);
	g_free(address);
	g_free(path);
	g_free(dir);
}

static const struct {
	const char *address;
	gboolean local;
} rows[] = {
	{ "127.0.0.1:8912", TRUE },  { "127.1.2.3:1", TRUE },
	{ "127.0.0.1", TRUE },	     { "0.0.0.0", FALSE },
	{ "[::1]:8912", TRUE },	     { "unix:/tmp/x", TRUE },
	{ "0.0.0.0:8912", FALSE },   { "[::]:8912", FALSE },
	{ "192.168.1.1:80", FALSE }, { "8.8.8.8:80", FALSE },
	{ "[2001:db8::1]:80", FALSE },
};

START_TEST(who_can_reach_it)
{
	ck_assert_msg(connections_is_local(rows[_i].address) ==
		      rows[_i].local, "%s", rows[_i].address);
}
END_TEST

static const char *const wrong[] = {
	"", ":", "8912", "127.0.0.1:", "127.0.0.1:x",
	"127.0.0.1:65536", "127.0.0.1:-1", "unix:", "::1:80:",
	"unix:/nowhere/at/all/socket",
};

START_TEST(wrong_addresses_are_named)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(!connections_listen(all, wrong[_i], &error), "'%s'",
		      wrong[_i]);
	ck_assert_ptr_nonnull(error);
	ck_assert_ptr_null(strchr(error->message, '\n'));
	ck_assert_msg(strstr(error->message, wrong[_i]) != NULL, "'%s': %s",
		      wrong[_i], error->message);
}
END_TEST

START_TEST(a_free_port)
{
	g_autoptr(GError) error = NULL;
	const char *at;

	ck_assert(connections_listen(all, "127.0.0.1:0", &error));
	at = connections_address(all);
	ck_assert(g_str_has_prefix(at, "127.0.0.1:"));
	ck_assert_int_gt(atoi(strchr(at, ':') + 1), 0);
	ck_assert(!connections_is_unix(all));
	ck_assert_uint_eq(connections_count(all), 0);
}
END_TEST

START_TEST(a_path_is_ours_alone)
{
	g_autoptr(GError) error = NULL;
	GStatBuf st;

	ck_assert(connections_listen(all, address, &error));
	ck_assert(connections_is_unix(all));
	ck_assert_str_eq(connections_address(all), address);
	ck_assert_int_eq(g_stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0077, 0);
	connections_free(all);
	all = NULL;
	ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(one_that_is_in_use_stays)
{
	g_autoptr(GError) error = NULL;
	Connections *second = connections_new(soup, NULL);

	ck_assert(connections_listen(all, address, NULL));
	ck_assert(!connections_listen(second, address, &error));
	connections_free(second);
	ck_assert(g_file_test(path, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(a_file_is_not_taken_away)
{
	g_autoptr(GError) error = NULL;

	ck_assert(g_file_set_contents(path, "precious", -1, NULL));
	ck_assert(!connections_listen(all, address, &error));
	ck_assert(g_file_test(path, G_FILE_TEST_IS_REGULAR));
	g_unlink(path);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("serve-connections");
#ifdef HAVE_SOUP
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, who_can_reach_it, 0, G_N_ELEMENTS(rows));
	tcase_add_loop_test(tcase, wrong_addresses_are_named, 0,
			    G_N_ELEMENTS(wrong));
	tcase_add_test(tcase, a_free_port);
	tcase_add_test(tcase, a_path_is_ours_alone);
	tcase_add_test(tcase, one_that_is_in_use_stays);
	tcase_add_test(tcase, a_file_is_not_taken_away);
	suite_add_tcase(suite, tcase);
#endif
	return runner_run(suite);
}
