/* SPDX-License-Identifier: MIT */
#include "tools/harvest.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/pprof.h"
#include "tests/unit/messages.h"
#include "tests/unit/runner.h"

static char *dir;

static void setup(void)
{
	dir = g_dir_make_tmp("profagent-[x]-XXXXXX", NULL);
	g_setenv("XDG_RUNTIME_DIR", dir, TRUE);
}

static void teardown(void)
{
	g_autoptr(GDir) d = g_dir_open(dir, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(d))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		g_unlink(path);
	}
	g_rmdir(dir);
	g_free(dir);
}

static void write_file(const char *name, const char *id, const char *parent)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	Profagent__Process p = PROFAGENT__PROCESS__INIT;
	Messages m;

	messages_init(&m);
	messages_head(&m);
	p.run_id = (char *)(guintptr)id;
	p.parent_run_id = (char *)(guintptr)parent;
	messages_add(&m, PPROF_PROCESS, &p);
	ck_assert(g_file_set_contents(path, (char *)m.bytes->data,
				      (gssize)m.bytes->len, NULL));
	messages_release(&m);
}

/* Of a process below a run, whose parent left no file. */
static void write_file_below(const char *name, const char *id,
			     const char *root)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	Profagent__Process p = PROFAGENT__PROCESS__INIT;
	Messages m;

	messages_init(&m);
	messages_head(&m);
	p.run_id = (char *)(guintptr)id;
	p.parent_run_id = (char *)(guintptr)"00000000000000ab";
	p.root_run_id = (char *)(guintptr)root;
	messages_add(&m, PPROF_PROCESS, &p);
	ck_assert(g_file_set_contents(path, (char *)m.bytes->data,
				      (gssize)m.bytes->len, NULL));
	messages_release(&m);
}

static gboolean has(const GPtrArray *files, const char *name)
{
	guint i;

	for (i = 0; i < files->len; i++)
		if (g_str_has_suffix(files->pdata[i], name))
			return TRUE;
	return FALSE;
}

START_TEST(the_chain_of_a_run_is_found)
{
	g_autofree char *pattern = g_build_filename(dir, "%e.%p.pb.gz", NULL);
	g_autoptr(GPtrArray) files = NULL;
	g_autofree char *bad = g_build_filename(dir, "bad.2.pb.gz", NULL);

	write_file("grandchild.3.pb.gz", "000000000000000c",
		   "000000000000000b");
	write_file("child.2.pb.gz", "000000000000000b", "000000000000000a");
	write_file("child.2.old.pb.gz", "000000000000000b",
		   "000000000000000a");
	write_file("app.1.pb.gz", "000000000000000a", "00000000000000ff");
	write_file("other.4.pb.gz", "000000000000000d", "");
	write_file("another-run.5.pb.gz", "000000000000000e",
		   "00000000000000fe");
	write_file("name.txt", "0000000000000002", "00000000000000ff");
	ck_assert(g_file_set_contents(bad, "bad", 3, NULL));
	files = harvest_files(pattern, "00000000000000ff", 0);
	ck_assert_uint_eq(files->len, 4);
	ck_assert(has(files, "/app.1.pb.gz"));
	ck_assert(has(files, "/child.2.pb.gz"));
	ck_assert(has(files, "/child.2.old.pb.gz"));
	ck_assert(has(files, "/grandchild.3.pb.gz"));
}
END_TEST

START_TEST(a_parent_without_a_file_breaks_no_chain)
{
	g_autofree char *pattern = g_build_filename(dir, "%e.%p.pb.gz", NULL);
	g_autoptr(GPtrArray) files = NULL;

	write_file_below("child.2.pb.gz", "00000000000000aa",
			 "00000000000000ff");
	write_file_below("other.3.pb.gz", "00000000000000ac",
			 "00000000000000fe");
	files = harvest_files(pattern, "00000000000000ff", 0);
	ck_assert(has(files, "/child.2.pb.gz"));
	ck_assert_uint_eq(files->len, 1);
}
END_TEST

START_TEST(older_files_are_not_looked_at)
{
	g_autofree char *pattern = g_build_filename(dir, "%e.%p.pb.gz", NULL);
	g_autoptr(GPtrArray) files = NULL;

	write_file("app.1.pb.gz", "000000000000000a", "00000000000000ff");
	files = harvest_files(pattern, "00000000000000ff",
			      g_get_real_time() / G_USEC_PER_SEC + 100);
	ck_assert_uint_eq(files->len, 0);
}
END_TEST

START_TEST(a_name_clash_and_plain_names)
{
	g_autofree char *pattern = g_build_filename(dir, "out%%.pb.gz", NULL);
	g_autoptr(GPtrArray) files = NULL;

	write_file("out%.pb.gz", "000000000000000a", "00000000000000ff");
	write_file("out%.1.pb.gz", "000000000000000b", "00000000000000ff");
	write_file("out.pb.gz", "000000000000000c", "00000000000000ff");
	files = harvest_files(pattern, "00000000000000ff", 0);
	ck_assert_uint_eq(files->len, 2);
	ck_assert(has(files, "/out%.1.pb.gz"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("harvest");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_chain_of_a_run_is_found);
	tcase_add_test(tcase, a_parent_without_a_file_breaks_no_chain);
	tcase_add_test(tcase, older_files_are_not_looked_at);
	tcase_add_test(tcase, a_name_clash_and_plain_names);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
