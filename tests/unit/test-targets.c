/* SPDX-License-Identifier: MIT */
#include "tools/targets.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake-agent.h"
#include "tests/unit/runner.h"

/* No process has these numbers: beyond pid_max. */
#define FIRST "2000000001"
#define SECOND "2000000002"
#define NOBODY "2000000003"

static char *runtime, *dir;
static FakeAgent *first, *second;

static FakeAgent *begin(const char *pid, const char *greeting)
{
	g_autofree char *name = g_strconcat(pid, ".sock", NULL);
	g_autofree char *path = g_build_filename(dir, name, NULL);

	return fake_agent_new(path, greeting);
}

static void setup(void)
{
	runtime = g_dir_make_tmp("test-targets-XXXXXX", NULL);
	dir = g_build_filename(runtime, "profagent", NULL);
	g_mkdir(dir, 0700);
	g_setenv("XDG_RUNTIME_DIR", runtime, TRUE);
	first = begin(FIRST, NULL);
	second = begin(SECOND, "no greeting of ours");
}

static void teardown(void)
{
	fake_agent_free(first);
	fake_agent_free(second);
	ck_assert_int_eq(g_rmdir(dir), 0);
	ck_assert_int_eq(g_rmdir(runtime), 0);
	g_free(dir);
	g_free(runtime);
}

/* --- what is asked for -------------------------------------------------------------- */

static const struct {
	const char *args[5];
	gboolean ok;
	const char *part;		/* of the error */
} lines[] = {
	{ { "x", "123" }, TRUE, "" },
	{ { "x", "name", "123", "-t" }, TRUE, "" },
	{ { "x", "--all" }, TRUE, "" },
	{ { "x", "-a", "--tree" }, TRUE, "" },
	{ { "x" }, FALSE, "which process?" },
	{ { "x", "--tree" }, FALSE, "which process?" },
	{ { "x", "--all", "123" }, FALSE, "either --all or" },
};

START_TEST(a_command_line)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;
	char **argv = g_strdupv((char **)lines[_i].args);
	TargetQuery q = { 0 };

	target_query_add_options(&q, context);
	ck_assert(g_option_context_parse_strv(context, &argv, NULL));
	ck_assert_int_eq(target_query_check(&q, &error), lines[_i].ok);
	if (!lines[_i].ok)
		ck_assert_msg(g_error_matches(error, G_OPTION_ERROR,
					      G_OPTION_ERROR_BAD_VALUE) &&
			      strstr(error->message, lines[_i].part), "%s",
			      error->message);
	target_query_release(&q);
	g_strfreev(argv);
}
END_TEST

/* --- who is found -------------------------------------------------------------------- */

static GPtrArray *find(const char *one, const char *two, GError **error)
{
	char *words[] = { (char *)one, (char *)two, NULL };
	const TargetQuery q = { .words = words };

	return targets_find(&q, error);
}

START_TEST(one_by_its_number)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) list = find(FIRST, NULL, &error);
	g_autofree char *name = NULL;
	const Target *t;

	ck_assert_msg(list != NULL, "%s", error ? error->message : "");
	ck_assert_uint_eq(list->len, 1);
	t = list->pdata[0];
	ck_assert_int_eq(t->pid, atoi(FIRST));
	ck_assert_ptr_nonnull(t->client);
	ck_assert_ptr_nonnull(t->status);
	ck_assert_ptr_null(t->error);
	ck_assert_str_eq(client_run_id(t->client), "0123456789abcdef");
	ck_assert_str_eq(target_program(t), "");
	name = target_name(t);
	ck_assert_str_eq(name, FIRST);
}
END_TEST

/* It is there all the same, and says why it is not asked. */
START_TEST(one_that_does_not_answer)
{
	g_autoptr(GPtrArray) list = find(SECOND, NULL, NULL);
	const Target *t = list->pdata[0];

	ck_assert_uint_eq(list->len, 1);
	ck_assert_ptr_null(t->client);
	ck_assert_ptr_null(t->status);
	ck_assert_ptr_nonnull(t->error);
	ck_assert_ptr_null(strchr(t->error->message, '\n'));
	ck_assert_str_eq(target_program(t), "");
}
END_TEST

/* Each once, by number, however it was named. */
START_TEST(some_of_them)
{
	g_autoptr(GPtrArray) both = find(SECOND, FIRST, NULL);
	g_autoptr(GPtrArray) once = find(FIRST, FIRST, NULL);
	const Target *t = both->pdata[0];

	ck_assert_uint_eq(both->len, 2);
	ck_assert_int_eq(t->pid, atoi(FIRST));
	t = both->pdata[1];
	ck_assert_int_eq(t->pid, atoi(SECOND));
	ck_assert_uint_eq(once->len, 1);
}
END_TEST

static const struct {
	const char *one, *two, *part;
} nobody[] = {
	{ NOBODY, NULL, "there is no process " NOBODY },
	{ FIRST, NOBODY, "there is no process " NOBODY },
	{ "nobody's name", NULL, "a program called 'nobody's name'" },
	{ FIRST, "nobody's name", "a program called 'nobody's name'" },
	{ "0", NULL, "a program called '0'" },
	{ "-1", NULL, "a program called '-1'" },
	{ "2147483648", NULL, "a program called '2147483648'" },
	{ "1 ", NULL, "a program called '1 '" },
};

START_TEST(a_word_that_means_nothing)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(find(nobody[_i].one, nobody[_i].two, &error));
	ck_assert_ptr_nonnull(strstr(error->message, nobody[_i].part));
}
END_TEST

/* --- in a thread ------------------------------------------------------------------------ */

static void got(GObject *source, GAsyncResult *result, gpointer data)
{
	GPtrArray **list = data;

	(void)source;
	list[0] = targets_list_finish(result);
	list[1] = (gpointer)list;	/* it was called */
}

static gboolean has(const GPtrArray *list, gint32 pid)
{
	guint i;

	for (i = 0; i < list->len; i++)
		if (((const Target *)list->pdata[i])->pid == pid)
			return TRUE;
	return FALSE;
}

START_TEST(all_there_are)
{
	GPtrArray *list[2] = { NULL, NULL };

	targets_list_async(NULL, got, list);
	while (!list[1])
		g_main_context_iteration(NULL, TRUE);
	ck_assert(has(list[0], atoi(FIRST)) && has(list[0], atoi(SECOND)));
	g_ptr_array_unref(list[0]);
}
END_TEST

/* Who asked may be gone by then: it gets nothing. */
START_TEST(it_is_not_waited_for)
{
	g_autoptr(GCancellable) cancel = g_cancellable_new();
	GPtrArray *list[2] = { NULL, NULL };

	targets_list_async(cancel, got, list);
	g_cancellable_cancel(cancel);
	while (!list[1])
		g_main_context_iteration(NULL, TRUE);
	ck_assert_ptr_null(list[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("targets");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 100);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_loop_test(all, a_command_line, 0, G_N_ELEMENTS(lines));
	tcase_add_test(all, one_by_its_number);
	tcase_add_test(all, one_that_does_not_answer);
	tcase_add_test(all, some_of_them);
	tcase_add_loop_test(all, a_word_that_means_nothing, 0,
			    G_N_ELEMENTS(nobody));
	tcase_add_test(all, all_there_are);
	tcase_add_test(all, it_is_not_waited_for);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
