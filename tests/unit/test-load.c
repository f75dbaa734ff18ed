/* SPDX-License-Identifier: MIT */
/* The files of a command line: those that are good, and what is said of others. */
#include "tools/load.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/pprof.h"
#include "tests/unit/messages.h"
#include "tests/unit/runner.h"

#define SECOND G_GINT64_CONSTANT(1000000000)

static char *dir;
static Load load;

static void setup(void)
{
	dir = g_dir_make_tmp("test-load-XXXXXX", NULL);
	g_setenv("XDG_CACHE_HOME", dir, TRUE);
	memset(&load, 0, sizeof(load));
}

static void teardown(void)
{
	g_autofree char *command = g_strdup_printf("rm -rf %s", dir);

	load_release(&load);
	ck_assert_int_eq(system(command), 0);
	g_free(dir);
}

static char *path_of(const char *name)
{
	return g_build_filename(dir, name, NULL);
}

static void write_bytes(const char *name, const void *data, gsize size)
{
	g_autofree char *path = path_of(name);

	ck_assert(g_file_set_contents(path, data, (gssize)size, NULL));
}

/*
 * One sample of `ms` in a function, `second` seconds after the beginning of its
 * process, which is `start` seconds after that of others; it lasts a minute.
 */
static void write_profile_at(const char *name, const char *function, gint64 ms,
			     guint second, guint start)
{
	Profagent__Process process = PROFAGENT__PROCESS__INIT;
	Messages m;
	Profagent__Sample row = PROFAGENT__SAMPLE__INIT;
	guint64 location = 1, us = second * 1000000;
	gint64 values[] = { 1, ms * 1000000 };

	messages_init(&m);
	messages_head(&m);
	messages_number(&m, PPROF_DURATION_NANOS, 60 * SECOND);
	process.run_id = (char *)(guintptr)name;
	process.start_unix_ns = (gint64)(1700000000 + start) * SECOND;
	process.start_mono_ns = (5 + start) * (guint64)SECOND;
	messages_add(&m, PPROF_PROCESS, &process);
	messages_mapping(&m, 1, 0x1000, 0x9000, "/nowhere/app");
	messages_function(&m, 1, function);
	messages_location(&m, 1, 1, 0x1100, (guint64[]){ 1, 0 });
	row.location_id = &location;
	row.n_location_id = 1;
	row.value = values;
	row.n_value = 2;
	row.times = &us;
	row.n_times = 1;
	messages_add(&m, PPROF_SAMPLE, &row);
	write_bytes(name, m.bytes->data, m.bytes->len);
	messages_release(&m);
}

static void write_profile(const char *name, const char *function, gint64 ms,
			  guint second)
{
	write_profile_at(name, function, ms, second, 0);
}

/* As GOption leaves them: the names in `dir`, "" ends them. */
static Profile *load_files(const char *const *names)
{
	GStrvBuilder *files = g_strv_builder_new();

	for (; **names; names++) {
		g_autofree char *path = path_of(*names);

		g_strv_builder_add(files, path);
	}
	load.files = g_strv_builder_end(files);
	g_strv_builder_unref(files);
	return load_profile(&load, "test");
}

#define FILES(...) ((const char *const[]){ __VA_ARGS__, "" })

static gint64 sum(const Profile *p)
{
	gint64 all = 0;

	for (guint i = 0; i < p->samples->len; i++)
		all += profile_at(p->samples, ProfileSample, i)->value[1];
	return all / 1000000;
}

START_TEST(several_files_are_one_profile)
{
	g_autoptr(Profile) p = NULL;

	write_profile("one.pb", "work", 10, 1);
	write_profile("two.pb", "other", 20, 1);
	write_bytes("three", "main;work 3\n", 12);
	p = load_files(FILES("one.pb", "two.pb"));
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(sum(p), 30);
	ck_assert_uint_eq(p->processes->len, 2);
	ck_assert_uint_eq(load.failed + load.empty, 0);
	ck_assert_ptr_nonnull(load.notes);
}
END_TEST

/* The good ones are shown, each of the others is counted as what it is. */
START_TEST(what_cannot_be_read_is_counted)
{
	g_autoptr(Profile) p = NULL;

	write_profile("one.pb", "work", 10, 1);
	write_bytes("nothing.pb.gz", "", 0);
	write_bytes("prose", "and so on\n", 10);
	p = load_files(FILES("missing", "nothing.pb.gz", "one.pb", "prose"));
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(sum(p), 10);
	ck_assert_uint_eq(load.failed, 2);
	ck_assert_uint_eq(load.empty, 1);
}
END_TEST

/* Nothing but empty files is a failure as well. */
START_TEST(none_that_is_good)
{
	write_bytes("nothing.pb.gz", "", 0);
	write_bytes("more.pb.gz", "", 0);
	ck_assert_ptr_null(load_files(FILES("nothing.pb.gz", "more.pb.gz")));
	ck_assert_uint_eq(load.failed, 2);
}
END_TEST

START_TEST(times_are_kept_only_on_demand)
{
	g_autoptr(Profile) without = NULL, with = NULL;

	write_profile("one.pb", "work", 10, 1);
	without = load_files(FILES("one.pb"));
	ck_assert_uint_eq(without->moments->len, 0);
	load_release(&load);
	memset(&load, 0, sizeof(load));
	load.moments = TRUE;
	with = load_files(FILES("one.pb"));
	ck_assert_uint_eq(with->moments->len, 1);
}
END_TEST

/* Each FILE@FROM..TO is cut by itself; a file of that very name is that file. */
START_TEST(ranges_of_time)
{
	g_autoptr(Profile) p = NULL;

	write_profile("early.pb", "work", 10, 1);
	write_profile("late.pb", "work", 20, 8);
	write_profile("odd.pb@5s..", "work", 40, 1);
	p = load_files(FILES("early.pb@0s..5s", "late.pb@0s..5s",
			     "odd.pb@5s.."));
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(sum(p), 10 + 40);
	ck_assert_uint_eq(load.failed, 0);
}
END_TEST

/*
 * One that began 100 s later than the other, in either order: its range begins
 * with itself, and what is said of how long it took is the longest of all.
 */
START_TEST(ranges_begin_with_their_own_process)
{
	static const char *const orders[][2] = {
		{ "first.pb", "second.pb@2s..5s" },
		{ "second.pb@2s..5s", "first.pb" },
	};
	g_autoptr(Profile) p = NULL;

	write_profile_at("first.pb", "work", 10, 1, 0);
	write_profile_at("second.pb", "work", 20, 3, 100);
	load.moments = TRUE;
	p = load_files(FILES(orders[_i][0], orders[_i][1]));
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(sum(p), 30);
	ck_assert_uint_eq(p->moments->len, 2);
	ck_assert_int_eq(p->duration_nanos, 60 * SECOND);
}
END_TEST

START_TEST(a_range_lasts_as_long_as_it_is)
{
	g_autoptr(Profile) p = NULL;

	write_profile("one.pb", "work", 10, 3);
	p = load_files(FILES("one.pb@2s..5s"));
	ck_assert_int_eq(p->duration_nanos, 3 * SECOND);
}
END_TEST

/* They would not be added up: said, not half done. */
START_TEST(two_ranges_of_one_file)
{
	static const char *const pairs[][2] = {
		{ "one.pb@..5s", "one.pb@5s.." }, { "one.pb@..5s", "one.pb" },
		{ "one.pb", "one.pb@..5s" },
	};
	g_autoptr(Profile) p = NULL;

	write_profile("one.pb", "work", 10, 1);
	p = load_files(FILES(pairs[_i][0], pairs[_i][1]));
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(sum(p), 10);
	ck_assert_uint_eq(load.failed, 1);
}
END_TEST

START_TEST(a_range_of_what_has_no_times)
{
	write_bytes("stacks", "main;work 3\n", 12);
	ck_assert_ptr_null(load_files(FILES("stacks@1s..2s")));
	ck_assert_uint_eq(load.failed, 1);
}
END_TEST

START_TEST(ranges_are_looked_at_first)
{
	static const struct {
		char *files[3];
		gboolean good;
	} cases[] = {
		{ { NULL }, TRUE },
		{ { (char *)"a@1s..2s", (char *)"b" }, TRUE },
		{ { (char *)"a@1s..", (char *)"a@..2s" }, TRUE },
		{ { (char *)"b", (char *)"a@2s..1s" }, FALSE },
		{ { (char *)"a@1s..1s" }, FALSE },
		{ { (char *)"a@1q..2s" }, FALSE },
	};

	ck_assert(load_check_files(NULL, NULL));
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_msg(load_check_files(cases[i].files, &error) ==
			      cases[i].good, "case %zu", i);
		ck_assert_int_eq(error == NULL, cases[i].good);
	}
}
END_TEST

START_TEST(options_are_where_they_belong)
{
	GOptionContext *context = g_option_context_new(NULL);
	g_auto(GStrv) args = g_strsplit(
		"report --symbols=/a --symbols=/b --sysroot=/s --no-inlines "
		"--full-names --no-symbols --no-region one two", " ", -1);
	Load again;

	load_add_options(&load, context);
	ck_assert(g_option_context_parse_strv(context, &args, NULL));
	g_option_context_free(context);
	ck_assert_uint_eq(g_strv_length(load.files), 2);
	ck_assert_str_eq(load.files[1], "two");
	ck_assert_uint_eq(g_strv_length(load.symbol_dirs), 2);
	ck_assert_str_eq(load.symbol_dirs[1], "/b");
	ck_assert_str_eq(load.sysroot, "/s");
	ck_assert(load.no_inlines && load.full_names && load.no_symbols &&
		  load.no_region);
	load.failed = 3;
	/* others under the same options, whose texts stay ours */
	again = load_again(&load, NULL);
	ck_assert_ptr_eq(again.sysroot, load.sysroot);
	ck_assert(again.no_inlines);
	ck_assert_ptr_null(again.files);
	ck_assert_uint_eq(again.failed, 0);
	load_release_again(&again);
}
END_TEST

/* What a region adds is of a process that a file told of: it comes last. */
START_TEST(regions_are_read_after_the_files)
{
	g_autoptr(Profile) p = NULL;

	write_profile("one.pb", "work", 10, 1);
	write_profile("two.region", "other", 20, 1);
	p = load_files(FILES("two.region", "one.pb"));
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_ge(p->processes->len, 1);
	ck_assert_str_eq(profile_text(p, profile_at(
		p->processes, ProfileProcess, 0)->run_id), "one.pb");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("load");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, several_files_are_one_profile);
	tcase_add_test(t, what_cannot_be_read_is_counted);
	tcase_add_test(t, none_that_is_good);
	tcase_add_test(t, times_are_kept_only_on_demand);
	tcase_add_test(t, ranges_of_time);
	tcase_add_loop_test(t, ranges_begin_with_their_own_process, 0, 2);
	tcase_add_test(t, a_range_lasts_as_long_as_it_is);
	tcase_add_loop_test(t, two_ranges_of_one_file, 0, 3);
	tcase_add_test(t, a_range_of_what_has_no_times);
	tcase_add_test(t, ranges_are_looked_at_first);
	tcase_add_test(t, options_are_where_they_belong);
	tcase_add_test(t, regions_are_read_after_the_files);
	suite_add_tcase(suite, t);
	return runner_run(suite);
}
