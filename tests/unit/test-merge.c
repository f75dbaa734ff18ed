/* SPDX-License-Identifier: MIT */
/* What comes second by second becomes one: each thing once, its place kept. */
#include "tools/merge.h"

#include <check.h>
#include <string.h>

#include "tests/unit/runner.h"

#define SECOND G_GUINT64_CONSTANT(1000000000)

/* A Profile of an agent; `cpu_first`: its columns the other way round. */
static Profile *fragment_new(gboolean cpu_first)
{
	Profile *p = profile_new();
	ProfileValueType samples = { profile_string(p, "samples", -1),
				     profile_string(p, "count", -1) };
	ProfileValueType cpu = { profile_string(p, "cpu", -1),
				 profile_string(p, "nanoseconds", -1) };

	p->type[cpu_first ? 1 : 0] = samples;
	p->type[cpu_first ? 0 : 1] = cpu;
	p->type_count = 2;
	p->default_type = cpu_first ? 0 : 1;
	p->period_type = cpu;
	p->has_base = TRUE;
	p->base_mono_ns = 100 * SECOND;
	return p;
}

static guint32 add_process(Profile *p, const char *run_id, guint64 samples)
{
	guint32 at = profile_add_process(p);
	ProfileProcess *row = profile_at(p->processes, ProfileProcess, at);

	row->run_id = profile_string(p, run_id, -1);
	row->program = profile_string(p, "app", -1);
	row->samples = samples;
	return at;
}

static guint32 add_mapping(Profile *p, const char *path, guint32 process)
{
	ProfileMapping row = {
		.start = 0x1000, .end = 0x2000, .process = process,
		.path = profile_string(p, path, -1),
	};

	g_array_append_val(p->mappings, row);
	return p->mappings->len - 1;
}

static guint32 add_location(Profile *p, guint32 mapping, guint64 address)
{
	ProfileLocation row = { .address = address, .mapping = mapping };

	g_array_append_val(p->locations, row);
	return p->locations->len - 1;
}

static guint32 add_thread(Profile *p, guint32 process, gint32 tid,
			  guint64 start_ns, const char *name)
{
	ProfileThread row = { .process = process, .tid = tid,
			      .name = profile_string(p, name, -1),
			      .start_ns = start_ns };

	g_array_append_val(p->threads, row);
	return p->threads->len - 1;
}

/* Frames leaf first, PROFILE_NONE ends them; `route`: a label, or NULL. */
static ProfileSample *add_sample(Profile *p, const guint32 *frames,
				 guint32 thread, guint32 process,
				 const char *route)
{
	ProfileSample row = {
		.first_frame = p->frames->len, .thread = thread,
		.process = process, .first_label = p->labels->len,
		.label_count = route ? 1 : 0, .taken = 1, .square = 4,
	};
	ProfileLabel label = { .key = profile_string(p, "route", -1) };

	for (; frames[row.frame_count] != PROFILE_NONE; row.frame_count++)
		g_array_append_val(p->frames, frames[row.frame_count]);
	if (route) {
		label.text = profile_string(p, route, -1);
		g_array_append_val(p->labels, label);
	}
	row.value[p->default_type] = 10;
	row.value[1 - p->default_type] = 1;
	g_array_append_val(p->samples, row);
	return profile_at(p->samples, ProfileSample, p->samples->len - 1);
}

/* main > work of thread 7, in a Profile whose tables begin with `noise`. */
static Profile *small_new(gboolean cpu_first, guint noise)
{
	Profile *p = fragment_new(cpu_first);
	guint32 mapping, frames[3] = { 0, 0, PROFILE_NONE }, process;

	for (guint i = 0; i < noise; i++) {
		g_autofree char *name = g_strdup_printf("noise-%u", i);

		process = add_process(p, name, 0);
		mapping = add_mapping(p, name, process);
		add_location(p, mapping, 0x1f00 + i);
		add_thread(p, process, 1000, i, name);
	}
	process = add_process(p, "aa", 5);
	mapping = add_mapping(p, "/bin/app", process);
	frames[0] = add_location(p, mapping, 0x1100);
	frames[1] = add_location(p, mapping, 0x1010);
	add_sample(p, frames, add_thread(p, process, 7, 3 * SECOND, "worker"),
		   process, NULL);
	return p;
}

/* Adds, and frees it; the index of its first sample, PROFILE_NONE: refused. */
static guint32 add(Merge *m, Profile *from)
{
	g_autoptr(GArray) where = merge_add(m, from);
	guint n = from->samples->len;

	profile_free(from);
	if (!where)
		return PROFILE_NONE;
	ck_assert_uint_eq(where->len, n);
	return n ? g_array_index(where, guint32, 0) : 0;
}

static const ProfileSample *sample(const Profile *p, guint32 i)
{
	ck_assert_uint_lt(i, p->samples->len);
	return profile_at(p->samples, ProfileSample, i);
}

START_TEST(each_thing_is_there_once)
{
	g_autoptr(Profile) to = profile_new();
	g_autoptr(Merge) m = merge_new(to);
	const ProfileSample *s;
	guint32 at = add(m, small_new(FALSE, 0));

	/* other indices, other columns: the same */
	ck_assert_uint_eq(add(m, small_new(TRUE, 3)), at);
	ck_assert_uint_eq(add(m, small_new(FALSE, 0)), at);
	ck_assert_uint_eq(to->samples->len, 1);
	ck_assert_uint_eq(to->frames->len, 2);
	ck_assert_uint_eq(to->processes->len, 1 + 3);
	ck_assert_uint_eq(to->mappings->len, 1 + 3);
	ck_assert_uint_eq(to->locations->len, 2 + 3);
	ck_assert_uint_eq(to->threads->len, 1 + 3);
	s = sample(to, at);
	ck_assert_int_eq(s->value[0], 3);
	ck_assert_int_eq(s->value[1], 30);
	ck_assert_uint_eq(s->taken, 3);
	ck_assert(s->square == 12);
	ck_assert_uint_eq(to->default_type, 1);
	ck_assert_str_eq(profile_text(to, to->period_type.type), "cpu");
}
END_TEST

START_TEST(frames_lead_to_their_addresses)
{
	g_autoptr(Profile) to = profile_new();
	g_autoptr(Merge) m = merge_new(to);
	const ProfileSample *s;
	const ProfileLocation *leaf;
	const ProfileMapping *mapping;

	add(m, small_new(FALSE, 0));
	s = sample(to, add(m, small_new(FALSE, 5)));
	leaf = profile_at(to->locations, ProfileLocation,
			  g_array_index(to->frames, guint32, s->first_frame));
	mapping = profile_at(to->mappings, ProfileMapping, leaf->mapping);
	ck_assert_uint_eq(leaf->address, 0x1100);
	ck_assert_str_eq(profile_text(to, mapping->path), "/bin/app");
	ck_assert_str_eq(profile_text(to, profile_at(
		to->processes, ProfileProcess, mapping->process)->run_id),
		"aa");
	ck_assert_str_eq(profile_text(to, profile_at(
		to->threads, ProfileThread, s->thread)->name), "worker");
	/* and those that came with the second to theirs */
	leaf = profile_at(to->locations, ProfileLocation, 2);
	mapping = profile_at(to->mappings, ProfileMapping, leaf->mapping);
	ck_assert_uint_eq(leaf->address, 0x1f00);
	ck_assert_str_eq(profile_text(to, mapping->path), "noise-0");
}
END_TEST

/* Each differs from the first in one thing. */
START_TEST(what_differs_is_apart)
{
	g_autoptr(Profile) to = profile_new();
	g_autoptr(Merge) m = merge_new(to);
	Profile *p;
	guint32 first = add(m, small_new(FALSE, 0)), seen = 1;

	for (guint what = 0; what < 6; what++) {
		ProfileSample *s;
		guint32 at;

		p = small_new(FALSE, 0);
		s = profile_at(p->samples, ProfileSample, 0);
		if (what == 0)
			s->end = 3;
		else if (what == 1)
			s->frame_count = 1;
		else if (what == 2)
			s->thread = PROFILE_NONE;
		else if (what == 3)
			s->thread = add_thread(p, 0, 7, 4 * SECOND, "worker");
		else if (what == 4)
			profile_at(p->locations, ProfileLocation,
				   0)->address++;
		else
			s->process = PROFILE_NONE;
		at = add(m, p);
		ck_assert_uint_ne(at, first);
		ck_assert_uint_eq(to->samples->len, ++seen);
	}
}
END_TEST

START_TEST(labels_tell_samples_apart)
{
	static const char *const routes[] = { NULL, "/a", "/b", "/a" };
	static const guint32 expected[] = { 1, 2, 3, 2 };
	g_autoptr(Profile) to = profile_new();
	g_autoptr(Merge) m = merge_new(to);
	g_autoptr(Profile) p = small_new(FALSE, 0);
	g_autoptr(GArray) where = NULL;
	const ProfileLabel *label;

	for (guint i = 0; i < G_N_ELEMENTS(routes); i++)
		add_sample(p, (guint32[]){ 0, PROFILE_NONE }, 0, 0, routes[i]);
	where = merge_add(m, p);
	for (guint i = 0; i < G_N_ELEMENTS(routes); i++)
		ck_assert_uint_eq(g_array_index(where, guint32, i + 1),
				  expected[i]);
	label = profile_at(to->labels, ProfileLabel,
			   sample(to, 3)->first_label);
	ck_assert_str_eq(profile_text(to, label->key), "route");
	ck_assert_str_eq(profile_text(to, label->text), "/b");
	ck_assert_int_eq(sample(to, 2)->value[1], 20);
}
END_TEST

START_TEST(other_columns_are_refused)
{
	static const char *const types[][2] = {
		{ "wall", "nanoseconds" }, { "samples", "count" },
		{ "cpu", "microseconds" }
	};
	g_autoptr(Profile) to = profile_new();
	g_autoptr(Merge) m = merge_new(to);
	Profile *p = small_new(FALSE, 0);

	/* one that is wrong in itself does not say what they are */
	p->type[1] = p->type[0];
	ck_assert_uint_eq(add(m, p), PROFILE_NONE);
	add(m, small_new(FALSE, 0));
	for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
		p = small_new(FALSE, 0);
		p->type[1].type = profile_string(p, types[i][0], -1);
		p->type[1].unit = profile_string(p, types[i][1], -1);
		ck_assert_uint_eq(add(m, p), PROFILE_NONE);
	}
	p = small_new(FALSE, 0);
	p->type_count = 1;
	ck_assert_uint_eq(add(m, p), PROFILE_NONE);
	ck_assert_int_eq(sample(to, 0)->value[1], 10);
	/* and it goes on */
	ck_assert_uint_eq(add(m, small_new(FALSE, 0)), 0);
	ck_assert_int_eq(sample(to, 0)->value[1], 20);
}
END_TEST

START_TEST(counters_of_a_process_are_the_last)
{
	g_autoptr(Profile) to = profile_new();
	g_autoptr(Merge) m = merge_new(to);
	Profile *p = small_new(FALSE, 0);
	ProfileProcess *row = profile_at(p->processes, ProfileProcess, 0);
	ProfileSpan span = { .number = 4, .name = "work", .count = 1 };

	g_ptr_array_add(row->notes, g_strdup("a note"));
	profile_put_span(row, &span);
	add(m, p);
	p = small_new(FALSE, 2);
	row = profile_at(p->processes, ProfileProcess, 2);
	row->samples = 9;
	g_ptr_array_add(row->notes, g_strdup("a note"));
	g_ptr_array_add(row->notes, g_strdup("another"));
	span.count = 2;
	profile_put_span(row, &span);
	add(m, p);
	/* one without any keeps what is known */
	p = small_new(FALSE, 0);
	profile_at(p->processes, ProfileProcess, 0)->samples = 11;
	add(m, p);
	row = profile_at(to->processes, ProfileProcess, 0);
	ck_assert_uint_eq(row->samples, 11);
	ck_assert_uint_eq(row->notes->len, 2);
	ck_assert_str_eq(row->notes->pdata[1], "another");
	ck_assert_uint_eq(row->spans->len, 1);
	ck_assert_uint_eq(profile_at(row->spans, ProfileSpan, 0)->count, 2);
	ck_assert_str_eq(profile_text(to, row->program), "app");
}
END_TEST

START_TEST(a_module_that_went_is_known_to_have_gone)
{
	g_autoptr(Profile) to = profile_new();
	g_autoptr(Merge) m = merge_new(to);
	Profile *p = small_new(FALSE, 0);

	add(m, p);
	p = small_new(FALSE, 0);
	profile_at(p->mappings, ProfileMapping, 0)->unload_ns = 77;
	add(m, p);
	add(m, small_new(FALSE, 0));
	ck_assert_uint_eq(to->mappings->len, 1);
	ck_assert_uint_eq(profile_at(to->mappings, ProfileMapping,
				     0)->unload_ns, 77);
}
END_TEST

/* Threads are on the timeline of the first Profile, however far it is. */
START_TEST(times_are_moved)
{
	static const struct {
		guint64 base, start, moved;
	} cases[] = {
		{ 100 * SECOND, 3 * SECOND, 3 * SECOND },
		{ 102 * SECOND, 1 * SECOND, 3 * SECOND },
		{ 99 * SECOND, 3 * SECOND, 2 * SECOND },
		{ 90 * SECOND, 3 * SECOND, 0 },
		/* hostile ones */
		{ G_MAXINT64, G_MAXINT64, G_MAXINT64 },
		{ 100 * SECOND, G_MAXUINT64, 0 },
		{ G_MAXUINT64, 0, 0 },
	};
	g_autoptr(Profile) to = profile_new();
	g_autoptr(Merge) m = merge_new(to);

	add(m, fragment_new(FALSE));
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		Profile *p = fragment_new(FALSE);
		ProfileThread *t;

		p->base_mono_ns = cases[i].base;
		add_thread(p, add_process(p, "aa", 0), (gint32)i,
			   cases[i].start, "t");
		profile_at(p->threads, ProfileThread, 0)->end_ns =
			cases[i].start;
		add(m, p);
		t = profile_at(to->threads, ProfileThread, i);
		ck_assert_uint_eq(t->start_ns, cases[i].moved);
		ck_assert_uint_eq(t->end_ns, cases[i].moved);
	}
	ck_assert_uint_eq(to->base_mono_ns, 100 * SECOND);
}
END_TEST

/* The name of a thread is the last it had, one that ended has ended. */
START_TEST(threads_are_the_last_that_was_said)
{
	g_autoptr(Profile) to = profile_new();
	g_autoptr(Merge) m = merge_new(to);
	Profile *p = small_new(FALSE, 0);
	ProfileThread *t = profile_at(p->threads, ProfileThread, 0);

	t->name = profile_string(p, "renamed", -1);
	t->end_ns = 9 * SECOND;
	add(m, small_new(FALSE, 1));
	add(m, p);
	t = profile_at(to->threads, ProfileThread, 1);
	ck_assert_str_eq(profile_text(to, t->name), "renamed");
	ck_assert_uint_eq(t->end_ns, 9 * SECOND);
}
END_TEST

/* The sum of hostile values is wrong, but does no harm. */
START_TEST(values_wrap)
{
	g_autoptr(Profile) to = profile_new();
	g_autoptr(Merge) m = merge_new(to);

	for (guint i = 0; i < 2; i++) {
		Profile *p = small_new(FALSE, 0);

		profile_at(p->samples, ProfileSample, 0)->value[1] =
			G_MAXINT64;
		add(m, p);
	}
	ck_assert_int_eq(sample(to, 0)->value[1], -2);
}
END_TEST

START_TEST(an_empty_one_adds_nothing)
{
	g_autoptr(Profile) to = profile_new();
	g_autoptr(Merge) m = merge_new(to);

	ck_assert_uint_eq(add(m, fragment_new(FALSE)), 0);
	ck_assert_uint_eq(to->samples->len + to->processes->len +
			  to->mappings->len, 0);
	ck_assert_uint_eq(to->type_count, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("merge");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, each_thing_is_there_once);
	tcase_add_test(tcase, frames_lead_to_their_addresses);
	tcase_add_test(tcase, what_differs_is_apart);
	tcase_add_test(tcase, labels_tell_samples_apart);
	tcase_add_test(tcase, other_columns_are_refused);
	tcase_add_test(tcase, counters_of_a_process_are_the_last);
	tcase_add_test(tcase, a_module_that_went_is_known_to_have_gone);
	tcase_add_test(tcase, times_are_moved);
	tcase_add_test(tcase, threads_are_the_last_that_was_said);
	tcase_add_test(tcase, values_wrap);
	tcase_add_test(tcase, an_empty_one_adds_nothing);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
