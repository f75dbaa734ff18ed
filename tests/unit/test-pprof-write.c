/* SPDX-License-Identifier: MIT */
/* What is written is read again as it was, also by itself when it is torn. */
#include "tools/pprof-write.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/pprof.h"
#include "tests/unit/messages.h"
#include "tests/unit/runner.h"
#include "tools/pprof-read.h"

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

static void add_health(Messages *m)
{
	Profagent__Health h = PROFAGENT__HEALTH__INIT;
	Profagent__Count lost = PROFAGENT__COUNT__INIT, *losts = &lost;
	char *note = (char *)"a note";

	lost.what = 2;
	lost.n = 17;
	h.n_lost = 1;
	h.lost = &losts;
	h.samples = 4;
	h.asked_mhz = 99000;
	h.clock = (char *)"cputime";
	h.unwind = (char *)"cfi";
	h.cpu_ns = 41000000;
	h.note = &note;
	h.n_note = 1;
	h.done = 1;
	messages_add(m, PPROF_HEALTH, &h);
}

static void add_thread(Messages *m)
{
	Profagent__Thread t = PROFAGENT__THREAD__INIT;

	t.tid = 101;
	t.name = (char *)"one";
	t.start_ns = 5000001000;
	t.end_ns = 6000000000;
	t.cpu_ns = 77;
	messages_add(m, PPROF_THREAD, &t);
}

/* Everything that a Sample of ours may hold. */
static void add_sample(Messages *m)
{
	Profagent__Sample s = PROFAGENT__SAMPLE__INIT;
	Profagent__Label labels[2], *at[] = { &labels[0], &labels[1] };
	guint64 locations[] = { 3, 2, 1 }, times[] = { 100, 50, 0 };
	guint64 weights[] = { 1, 2, 30 };
	gint64 values[] = { 3, 33 };

	profagent__label__init(&labels[0]);
	labels[0].key = messages_string(m, "tid");
	labels[0].num = 101;
	profagent__label__init(&labels[1]);
	labels[1].key = messages_string(m, "size");
	labels[1].num = -5;
	labels[1].num_unit = messages_string(m, "bytes");
	s.location_id = locations;
	s.n_location_id = 3;
	s.value = values;
	s.n_value = 2;
	s.label = at;
	s.n_label = 2;
	s.times = times;
	s.n_times = 3;
	s.weights = weights;
	s.n_weights = 3;
	s.end = 4;
	messages_add(m, PPROF_SAMPLE, &s);
}

static Profile *everything(void)
{
	Profile *p = profile_new();
	Messages m;

	messages_init(&m);
	messages_small(&m);
	messages_process(&m, "00000000000000aa", 2);
	add_health(&m);
	add_thread(&m);
	add_sample(&m);
	ck_assert(pprof_read_bytes(p, "made", m.bytes->data, m.bytes->len,
				   PPROF_READ_NO_REGION, NULL));
	messages_release(&m);
	return p;
}

static Profile *read_back(const char *path)
{
	Profile *p = profile_new();
	g_autoptr(GError) error = NULL;

	ck_assert_msg(pprof_read_path(p, path, PPROF_READ_NO_REGION, &error),
		      "%s", error ? error->message : "");
	return p;
}

static void check_sample(Profile *p, Profile *q, guint i)
{
	ProfileSample *a = profile_at(p->samples, ProfileSample, i);
	ProfileSample *b = profile_at(q->samples, ProfileSample, i);
	guint k;

	ck_assert_mem_eq(a->value, b->value, sizeof(a->value));
	ck_assert_uint_eq(a->frame_count, b->frame_count);
	ck_assert_uint_eq(a->end, b->end);
	ck_assert_uint_eq(a->taken, b->taken);
	ck_assert_double_eq(a->square, b->square);
	ck_assert_uint_eq(a->moment_count, b->moment_count);
	ck_assert_uint_eq(a->label_count, b->label_count);
	ck_assert_int_eq(profile_at(p->threads, ProfileThread,
				    a->thread)->tid,
			 profile_at(q->threads, ProfileThread,
				    b->thread)->tid);
	for (k = 0; k < a->moment_count; k++)
		ck_assert_mem_eq(profile_at(p->moments, ProfileMoment,
					    a->first_moment + k),
				 profile_at(q->moments, ProfileMoment,
					    b->first_moment + k),
				 sizeof(ProfileMoment));
}

static void check_process(Profile *p, Profile *q)
{
	ProfileProcess *a = profile_at(p->processes, ProfileProcess, 0);
	ProfileProcess *b = profile_at(q->processes, ProfileProcess, 0);
	ProfileThread *t = profile_at(q->threads, ProfileThread, 0);

	ck_assert_int_eq(a->pid, b->pid);
	ck_assert_uint_eq(b->part, 2);
	ck_assert_str_eq(profile_text(p, a->run_id),
			 profile_text(q, b->run_id));
	ck_assert_str_eq(profile_text(p, a->command),
			 profile_text(q, b->command));
	ck_assert_uint_eq(b->lost[2], 17);
	ck_assert_uint_eq(b->asked_mhz, 99000);
	ck_assert_str_eq(profile_text(q, b->clock), "cputime");
	ck_assert_str_eq(b->notes->pdata[0], "a note");
	ck_assert(b->done);
	ck_assert_uint_eq(b->start_mono_ns, 5000000000);
	ck_assert_uint_eq(t->start_ns, 1000);
	ck_assert_uint_eq(t->end_ns, 1000000000);
	ck_assert_uint_eq(t->cpu_ns, 77);
}

START_TEST(everything_comes_back)
{
	g_autoptr(Profile) p = everything();
	g_autoptr(Profile) q = NULL;
	g_autofree char *path = g_build_filename(dir, "a.pb.gz", NULL);
	const ProfileLabel *l;
	guint i;

	ck_assert(pprof_write_file(p, path, NULL));
	q = read_back(path);
	ck_assert_uint_eq(q->samples->len, 3);
	for (i = 0; i < 3; i++)
		check_sample(p, q, i);
	check_process(p, q);
	l = profile_at(q->labels, ProfileLabel, profile_at(
		q->samples, ProfileSample, 2)->first_label);
	ck_assert_str_eq(profile_text(q, l->key), "size");
	ck_assert_int_eq(l->number, -5);
	ck_assert_str_eq(profile_text(q, l->unit), "bytes");
	ck_assert_uint_eq(q->functions->len, p->functions->len);
	ck_assert_int_eq(q->period, p->period);
	g_unlink(path);
}
END_TEST

/* A thread of either process has the same number. */
static Profile *two_processes(void)
{
	Profile *p = profile_new();
	const char *const ids[] = { "00000000000000aa", "00000000000000bb" };
	guint i;

	for (i = 0; i < 2; i++) {
		Messages m;

		messages_init(&m);
		messages_small(&m);
		messages_process(&m, ids[i], 0);
		messages_number(&m, PPROF_DURATION_NANOS, 1000 * (i + 1));
		if (i == 0)
			add_health(&m);
		add_thread(&m);
		add_sample(&m);
		ck_assert(pprof_read_bytes(p, "made", m.bytes->data,
					   m.bytes->len, PPROF_READ_NO_REGION,
					   NULL));
		messages_release(&m);
	}
	/* the second began a second later, and is another program */
	profile_at(p->processes, ProfileProcess, 1)->start_mono_ns +=
		G_GUINT64_CONSTANT(1000000000);
	profile_at(p->processes, ProfileProcess, 1)->program =
		profile_string(p, "second", -1);
	for (i = 0; i < p->moments->len; i++)
		if (i >= p->moments->len / 2)
			profile_at(p->moments, ProfileMoment, i)->time_ns +=
				1000000000;
	return p;
}

static void check_owner(const Profile *p, const Profile *q, guint i)
{
	const ProfileSample *a = profile_at(p->samples, ProfileSample, i);
	const ProfileSample *b = profile_at(q->samples, ProfileSample, i);
	guint32 location = g_array_index(q->frames, guint32, b->first_frame);

	ck_assert_uint_eq(a->process, b->process);
	ck_assert_uint_eq(a->label_count, b->label_count);
	ck_assert_uint_eq(profile_at(q->threads, ProfileThread,
				     b->thread)->process, b->process);
	ck_assert_uint_eq(profile_at(q->mappings, ProfileMapping, profile_at(
		q->locations, ProfileLocation, location)->mapping)->process,
		b->process);
}

START_TEST(several_processes_come_back)
{
	g_autoptr(Profile) p = two_processes();
	g_autoptr(Profile) q = NULL;
	g_autofree char *path = g_build_filename(dir, "two.pb.gz", NULL);
	const ProfileProcess *a, *b;
	guint i;

	ck_assert(pprof_write_file(p, path, NULL));
	q = read_back(path);
	ck_assert_uint_eq(q->processes->len, 2);
	ck_assert_uint_eq(q->samples->len, 6);
	ck_assert_uint_eq(q->threads->len, p->threads->len);
	for (i = 0; i < 6; i++) {
		check_sample(p, q, i);
		check_owner(p, q, i);
	}
	a = profile_at(q->processes, ProfileProcess, 0);
	b = profile_at(q->processes, ProfileProcess, 1);
	ck_assert_uint_eq(a->lost[2], 17);
	ck_assert_uint_eq(b->lost[2], 0);
	ck_assert_uint_eq(a->duration_ns, 1000);
	ck_assert_uint_eq(b->duration_ns, 2000);
	ck_assert_str_eq(profile_text(q, b->program), "second");
	ck_assert(!a->foreign && !b->foreign && a->done && !b->done);
	g_unlink(path);
}
END_TEST

/* What a file of several has in common with one read before is not counted
 * twice, the rest of it is. */
START_TEST(of_several_the_known_are_left_out)
{
	g_autoptr(Profile) p = two_processes();
	g_autoptr(Profile) q = profile_new();
	g_autofree char *path = g_build_filename(dir, "two.pb.gz", NULL);
	Messages m;
	int i;

	messages_init(&m);
	messages_small(&m);
	messages_process(&m, "00000000000000bb", 0);
	ck_assert(pprof_read_bytes(q, "one", m.bytes->data, m.bytes->len,
				   PPROF_READ_NO_REGION, NULL));
	messages_release(&m);
	ck_assert(pprof_write_file(p, path, NULL));
	for (i = 0; i < 2; i++) {
		ck_assert(pprof_read_path(q, path, PPROF_READ_NO_REGION,
					  NULL));
		ck_assert_uint_eq(q->processes->len, 2);
		ck_assert_uint_eq(q->samples->len, 2 + 3);
	}
	g_unlink(path);
}
END_TEST

START_TEST(where_a_function_begins_comes_back)
{
	g_autoptr(Profile) p = everything();
	g_autoptr(Profile) q = NULL;
	g_autofree char *path = g_build_filename(dir, "b.pb.gz", NULL);
	ProfileLocation *l = profile_at(p->locations, ProfileLocation, 0);
	ProfileLocation *beyond = profile_at(p->locations, ProfileLocation, 1);

	l->start = l->address - 1;
	beyond->start = beyond->address + 1;
	ck_assert(pprof_write_file(p, path, NULL));
	q = read_back(path);
	ck_assert_uint_eq(profile_at(q->locations, ProfileLocation, 0)->start,
			  l->start);
	ck_assert_uint_eq(profile_at(q->locations, ProfileLocation, 1)->start,
			  0);
	g_unlink(path);
}
END_TEST

START_TEST(one_member_that_can_be_torn)
{
	g_autoptr(Profile) p = everything();
	g_autofree char *path = g_build_filename(dir, "a.pb.gz", NULL);
	g_autofree char *data = NULL;
	gsize size, at, i;
	guint heads = 0;

	for (i = 0; i < 3000; i++) {
		ProfileFunction f = { 0 };
		g_autofree char *name = g_strdup_printf("function%u",
							g_random_int());

		f.name = profile_string(p, name, -1);
		g_array_append_val(p->functions, f);
	}
	ck_assert(pprof_write_file(p, path, NULL));
	ck_assert(g_file_get_contents(path, &data, &size, NULL));
	for (at = 0; at + 3 < size; at++)
		heads += memcmp(data + at, "\x1f\x8b\x08\0", 4) == 0;
	ck_assert_uint_eq(heads, 1);
	{
		g_autoptr(Profile) q = profile_new();

		ck_assert(pprof_read_bytes(q, "torn", (guint8 *)data,
					   size * 9 / 10, PPROF_READ_NO_REGION,
					   NULL));
		ck_assert_uint_gt(q->functions->len, 1000);
		ck_assert_str_eq(profile_text(q, profile_at(
			q->functions, ProfileFunction, 0)->name), "main");
	}
	g_unlink(path);
}
END_TEST

START_TEST(rights_stay_and_nothing_is_left)
{
	g_autoptr(Profile) p = everything();
	g_autofree char *path = g_build_filename(dir, "a.pb.gz", NULL);
	g_autofree char *missing = g_build_filename(dir, "no", "a.pb.gz", NULL);
	g_autoptr(GError) error = NULL;
	struct stat st;

	ck_assert(pprof_write_file(p, path, NULL));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert(pprof_write_file(p, path, NULL));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0644);
	ck_assert(!pprof_write_file(p, missing, &error));
	ck_assert(g_str_has_prefix(error->message, missing));
	g_unlink(path);
	/* teardown finds the directory empty */
	ck_assert_int_eq(g_rmdir(dir), 0);
	ck_assert_int_eq(g_mkdir(dir, 0700), 0);
}
END_TEST

START_TEST(where_nothing_can_be_made_it_fails)
{
	g_autoptr(Profile) p = everything();
	g_autoptr(GError) error = NULL;

	ck_assert(!pprof_write_file(p, "/proc/a.pb.gz", &error));
	ck_assert_ptr_nonnull(error);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pprof-write");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, everything_comes_back);
	tcase_add_test(tcase, several_processes_come_back);
	tcase_add_test(tcase, of_several_the_known_are_left_out);
	tcase_add_test(tcase, where_a_function_begins_comes_back);
	tcase_add_test(tcase, one_member_that_can_be_torn);
	tcase_add_test(tcase, rights_stay_and_nothing_is_left);
	tcase_add_test(tcase, where_nothing_can_be_made_it_fails);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
