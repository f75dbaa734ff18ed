/* SPDX-License-Identifier: MIT */
#include "tools/sockets.h"

#include <check.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/runner.h"

/* Numbers that no process has: beyond pid_max. */
#define NOBODY 2000000001
#define NOBODY_TOO 2000000002

static char *runtime, *dir;

static void setup(void)
{
	runtime = g_dir_make_tmp("test-sockets-XXXXXX", NULL);
	dir = g_build_filename(runtime, "profagent", NULL);
	g_mkdir(dir, 0700);
	g_setenv("XDG_RUNTIME_DIR", runtime, TRUE);
}

static void teardown(void)
{
	g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(open))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		unlink(path);
	}
	g_rmdir(dir);
	g_rmdir(runtime);
	g_free(dir);
	g_free(runtime);
}

/* A socket of that name; its descriptor: close() makes it a stale one. */
static int listener(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", dir,
		   name);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address,
			      sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	return fd;
}

/* Numbers of the sockets found in our directory, or by other names of them. */
static char *found(void)
{
	g_autoptr(GPtrArray) list = sockets_list();
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < list->len; i++) {
		const Socket *s = list->pdata[i];

		if (g_str_has_prefix(s->path, dir))
			g_string_append_printf(text, "%d ", s->pid);
	}
	return g_string_free(text, FALSE);
}

static gboolean exists(const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

START_TEST(who_listens_is_listed_by_number)
{
	int a = listener("2000000002.sock"), b = listener("2000000001.sock");
	int c = listener("2000000003.1.sock");
	g_autofree char *text = found();

	ck_assert_str_eq(text, "2000000001 2000000002 2000000003 ");
	close(a);
	close(b);
	close(c);
}
END_TEST

START_TEST(what_the_dead_left_is_removed)
{
	int fd = listener("2000000001.sock");
	g_autofree char *before = found();
	g_autofree char *after = NULL;

	ck_assert_str_eq(before, "2000000001 ");
	close(fd);
	after = found();
	ck_assert_str_eq(after, "");
	ck_assert(!exists("2000000001.sock"));
}
END_TEST

START_TEST(other_names_are_nobodys)
{
	static const char *const names[] = {
		"x.sock", "0.sock", "-1.sock", "99999999999.sock", ".sock",
		"12.socket", "12",
	};
	g_autofree char *text = NULL;
	int fds[G_N_ELEMENTS(names)];

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		fds[i] = listener(names[i]);
	text = found();
	ck_assert_str_eq(text, "");
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		close(fds[i]);
	ck_assert(exists("12.socket"));
}
END_TEST

/* As two mounts of one directory show it. */
START_TEST(one_socket_of_two_names_is_one)
{
	int fd = listener("2000000001.sock");
	g_autofree char *first = g_build_filename(dir, "2000000001.sock",
						  NULL);
	g_autofree char *second = g_build_filename(dir, "2000000002.sock",
						   NULL);
	g_autofree char *text = NULL;

	ck_assert_int_eq(link(first, second), 0);
	text = found();
	ck_assert_int_eq(strlen(text), strlen("2000000001 "));
	close(fd);
}
END_TEST

START_TEST(a_directory_for_all_is_not_trusted)
{
	int fd = listener("2000000001.sock");
	g_autofree char *text = NULL;

	ck_assert_int_eq(g_chmod(dir, 0777), 0);
	text = found();
	ck_assert_str_eq(text, "");
	close(fd);
}
END_TEST

START_TEST(by_number)
{
	int fd = listener("2000000001.sock");
	g_autoptr(Socket) s = sockets_find(NOBODY, NULL);
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(s->pid, NOBODY);
	ck_assert_ptr_null(sockets_find(NOBODY_TOO, &error));
	ck_assert_str_eq(error->message, "there is no process 2000000002");
	g_clear_error(&error);
	ck_assert_ptr_null(sockets_find(getpid(), &error));
	ck_assert_ptr_nonnull(strstr(error->message, "without the agent"));
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sockets");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, who_listens_is_listed_by_number);
	tcase_add_test(all, what_the_dead_left_is_removed);
	tcase_add_test(all, other_names_are_nobodys);
	tcase_add_test(all, one_socket_of_two_names_is_one);
	tcase_add_test(all, a_directory_for_all_is_not_trusted);
	tcase_add_test(all, by_number);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
