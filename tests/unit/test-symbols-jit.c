/* SPDX-License-Identifier: MIT */
#include "tools/symbols-jit.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/objects.h"
#include "tests/unit/runner.h"

static char *dir;

static void setup(void)
{
	dir = objects_directory();
	ck_assert(objects_run(dir, "mkdir tmp"));
}

static void teardown(void)
{
	objects_remove(dir);
	g_free(dir);
}

static void write_map(int pid, const char *text)
{
	g_autofree char *name = g_strdup_printf("perf-%d.map", pid);
	g_autofree char *path = g_build_filename(dir, "tmp", name, NULL);

	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

static guint32 add_process(Profile *p, int pid, gint64 start_unix_ns)
{
	guint32 i = profile_add_process(p);
	ProfileProcess *process = profile_at(p->processes, ProfileProcess, i);

	process->pid = pid;
	process->start_unix_ns = start_unix_ns;
	return i;
}

/* A location that only a sample of `process` knows to be its. */
static guint32 add_sampled(Profile *p, guint64 address, guint32 process)
{
	ProfileLocation l = { .address = address, .mapping = PROFILE_NONE };
	ProfileSample s = { .first_frame = p->frames->len, .frame_count = 1,
			    .process = process, .thread = PROFILE_NONE };
	guint32 index = p->locations->len;

	g_array_append_val(p->locations, l);
	g_array_append_val(p->frames, index);
	g_array_append_val(p->samples, s);
	return index;
}

/* One in a mapping, which knows its process. */
static guint32 add_mapped(Profile *p, guint64 address, const char *path,
			  guint32 process)
{
	ProfileMapping m = { .start = address & ~(guint64)0xfff,
			     .process = process };
	ProfileLocation l = { .address = address,
			      .mapping = p->mappings->len };

	m.end = m.start + 0x1000;
	m.path = profile_string(p, path, -1);
	g_array_append_val(p->mappings, m);
	g_array_append_val(p->locations, l);
	return p->locations->len - 1;
}

static const char *name_of(const Profile *p, guint32 location)
{
	const ProfileLocation *l = profile_at(p->locations, ProfileLocation,
					      location);

	if (l->line_count == 0)
		return "";
	return profile_text(p, profile_at(p->functions, ProfileFunction,
		profile_at(p->lines, ProfileLine,
			   l->first_line)->function)->name);
}

/* Names it all; the notes, one a line, g_free() them. */
static char *resolve(Profile *p)
{
	SymbolsOptions o = { .no_cache = TRUE, .sysroot = dir };
	g_autoptr(Symbols) s = symbols_new(&o);
	GString *text = g_string_new(NULL);

	symbols_resolve(s, p);
	for (guint i = 0; i < symbols_notes(s)->len; i++)
		g_string_append_printf(text, "%s\n",
			(char *)symbols_notes(s)->pdata[i]);
	return g_string_free(text, FALSE);
}

START_TEST(each_process_has_its_own_map)
{
	g_autoptr(Profile) p = profile_new();
	g_autofree char *notes = NULL;
	guint32 one = add_process(p, 70001, 0);
	guint32 two = add_process(p, 70002, 0);
	guint32 a = add_sampled(p, 0x9010, one);
	guint32 b = add_sampled(p, 0x9010, two);
	guint32 c = add_mapped(p, 0x9020, "", one);
	guint32 d = add_mapped(p, 0x9020, "//anon", two);
	guint32 e = add_sampled(p, 0x1234, one);

	write_map(70001, "9000 100 one\n");
	write_map(70002, "9000 100 _ZN3two3runEv\n");
	notes = resolve(p);
	ck_assert_str_eq(name_of(p, a), "one");
	ck_assert_str_eq(name_of(p, b), "two::run");
	ck_assert_str_eq(name_of(p, c), "one");
	ck_assert_str_eq(name_of(p, d), "two::run");
	ck_assert_str_eq(name_of(p, e), "");
	ck_assert_str_eq(notes, "");
	ck_assert_int_eq(p->functions->len, 2);
}
END_TEST

START_TEST(a_map_of_an_earlier_process_is_refused_with_a_note)
{
	g_autoptr(Profile) p = profile_new();
	g_autofree char *notes = NULL;
	gint64 later = (g_get_real_time() / G_USEC_PER_SEC + 1000) *
		       G_GINT64_CONSTANT(1000000000);
	guint32 process = add_process(p, 70003, later);
	guint32 a = add_sampled(p, 0x9010, process);

	write_map(70003, "9000 100 stale\n");
	notes = resolve(p);
	ck_assert_str_eq(name_of(p, a), "");
	ck_assert_ptr_nonnull(strstr(notes, "perf-70003.map: older than"));
}
END_TEST

START_TEST(a_mapped_jitdump_is_read)
{
	static const guint8 dump[] = {
		0x44, 0x54, 0x69, 0x4a, 1, 0, 0, 0, 40, 0, 0, 0, 62, 0, 0, 0,
		0, 0, 0, 0, 0x74, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0,
		/* code load of 16 bytes at 0x9000 */
		0, 0, 0, 0, 16 + 40 + 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0,
		0, 0x90, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0,
		1, 0, 0, 0, 0, 0, 0, 0, 'c', 'o', 'd', 'e', 0,
	};
	g_autoptr(Profile) p = profile_new();
	g_autofree char *path = g_build_filename(dir, "jit-70004.dump", NULL);
	g_autofree char *notes = NULL;
	guint32 process = add_process(p, 70004, 0);
	guint32 a = add_sampled(p, 0x9008, process);
	guint32 b = add_mapped(p, 0x5000, "/jit-70004.dump", process);

	ck_assert(g_file_set_contents(path, (const char *)dump, sizeof(dump),
				      NULL));
	notes = resolve(p);
	ck_assert_str_eq(name_of(p, a), "code");
	ck_assert_str_eq(name_of(p, b), "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("symbols-jit");
	TCase *tc = tcase_create("symbols-jit");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, each_process_has_its_own_map);
	tcase_add_test(tc,
		a_map_of_an_earlier_process_is_refused_with_a_note);
	tcase_add_test(tc, a_mapped_jitdump_is_read);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
