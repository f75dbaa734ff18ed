/* SPDX-License-Identifier: MIT */
/* Files of every kind: ours, others', torn, merged, hostile. */
#include "tools/pprof-read.h"

#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/pprof.h"
#include "tests/unit/messages.h"
#include "tests/unit/runner.h"

static gboolean read_array(Profile *p, const GByteArray *b, GError **error)
{
	return pprof_read_bytes(p, "test", b->data, b->len,
				PPROF_READ_DEFAULT, error);
}

/* Reads, or fails the test. */
static void read_ok(Profile *p, const GByteArray *b)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(read_array(p, b, &error), "%s",
		      error ? error->message : "");
}

static void refused(const GByteArray *b, PprofReadError code)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GError) error = NULL;

	ck_assert(!read_array(p, b, &error));
	ck_assert_int_eq(error->domain, PPROF_READ_ERROR);
	ck_assert_int_eq(error->code, code);
	ck_assert(g_str_has_prefix(error->message, "test: "));
	ck_assert_uint_eq(p->samples->len + p->locations->len +
			  p->processes->len + p->type_count, 0);
}

static ProfileSample *sample(Profile *p, guint i)
{
	return profile_at(p->samples, ProfileSample, i);
}

static ProfileProcess *process(Profile *p, guint i)
{
	return profile_at(p->processes, ProfileProcess, i);
}

/* "leaf < caller < ..." of a sample. */
static char *stack(Profile *p, guint i)
{
	GString *out = g_string_new(NULL);
	guint k, n;

	for (k = 0; k < sample(p, i)->frame_count; k++) {
		ProfileLocation *l = profile_at(p->locations, ProfileLocation,
			g_array_index(p->frames, guint32,
				      sample(p, i)->first_frame + k));

		for (n = 0; n < l->line_count; n++) {
			ProfileLine *line = profile_at(p->lines, ProfileLine,
						       l->first_line + n);

			g_string_append_printf(out, "%s%s:%d",
				out->len ? " < " : "",
				profile_text(p, profile_at(p->functions,
					ProfileFunction,
					line->function)->name), line->line);
		}
		if (l->line_count == 0)
			g_string_append_printf(out, "%s%#" G_GINT64_MODIFIER
					       "x", out->len ? " < " : "",
					       l->address);
	}
	return g_string_free(out, FALSE);
}

static void check_small(Profile *p)
{
	g_autofree char *first = stack(p, 0);
	g_autofree char *second = stack(p, 1);
	ProfileThread *t = profile_at(p->threads, ProfileThread,
				      sample(p, 0)->thread);

	ck_assert_str_eq(first, "work:21 < main:11");
	ck_assert_str_eq(second, "idle:31 < main:11");
	ck_assert_uint_eq(p->samples->len, 2);
	ck_assert_int_eq(sample(p, 0)->value[0], 3);
	ck_assert_int_eq(sample(p, 0)->value[1], 30000000);
	ck_assert_uint_eq(sample(p, 0)->taken, 3);
	ck_assert_double_eq(sample(p, 0)->square, 3e14);
	ck_assert_uint_eq(sample(p, 0)->label_count, 0);
	ck_assert_str_eq(profile_text(p, t->name), "one");
	ck_assert_int_eq(t->tid, 101);
	ck_assert_uint_eq(p->default_type, 1);
	ck_assert_int_eq(p->period, 10000000);
}

START_TEST(plain_and_compressed_are_the_same)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(Profile) q = profile_new();
	g_autoptr(GByteArray) gzip = NULL;
	Messages m;

	messages_init(&m);
	messages_small(&m);
	read_ok(p, m.bytes);
	check_small(p);
	ck_assert(process(p, 0)->foreign);
	ck_assert_str_eq(profile_text(p, process(p, 0)->program), "app");
	ck_assert_uint_eq(process(p, 0)->skipped->len, 0);
	gzip = messages_take_member(&m);
	read_ok(q, gzip);
	check_small(q);
	messages_release(&m);
}
END_TEST

START_TEST(strings_may_come_last)
{
	g_autoptr(Profile) p = profile_new();
	Messages m;

	messages_init(&m);
	m.later = TRUE;
	messages_small(&m);
	refused(m.bytes, PPROF_READ_ERROR_DAMAGED);
	messages_strings(&m);
	read_ok(p, m.bytes);
	check_small(p);
	messages_release(&m);
}
END_TEST

START_TEST(ids_may_be_used_before_they_are_defined)
{
	g_autoptr(Profile) p = profile_new();
	const guint64 id = 0xfedcba9876543210;
	g_autofree char *text = NULL;
	Messages m;

	messages_init(&m);
	messages_head(&m);
	messages_sample(&m, (guint64[]){ id, 7, 0 }, 1, 10, NULL, 0);
	messages_location(&m, 7, 1, 0x20, (guint64[]){ id, 9, 0 });
	messages_location(&m, id, 1, 0x30, NULL);
	messages_function(&m, id, "inlined");
	messages_function(&m, 9, "outer");
	messages_mapping(&m, 1, 0, 0x100, "/lib/x.so");
	read_ok(p, m.bytes);
	text = stack(p, 0);
	ck_assert_msg(g_str_has_prefix(text, "0x30 < inlined:"), "%s", text);
	ck_assert(g_str_has_suffix(text, " < outer:91"));
	ck_assert_uint_eq(process(p, 0)->skipped->len, 0);
	ck_assert_uint_eq(sample(p, 0)->thread, PROFILE_NONE);
	messages_release(&m);
}
END_TEST

START_TEST(what_is_never_defined_keeps_its_weight)
{
	g_autoptr(Profile) p = profile_new();
	g_autofree char *text = NULL;
	Messages m;

	messages_init(&m);
	messages_head(&m);
	messages_sample(&m, (guint64[]){ 7, 0 }, 1, 10, NULL, 0);
	read_ok(p, m.bytes);
	text = stack(p, 0);
	ck_assert_str_eq(text, "0");
	ck_assert_int_eq(sample(p, 0)->value[1], 10);
	ck_assert_uint_eq(process(p, 0)->skipped->len, 1);
	messages_release(&m);
}
END_TEST

/* --- members ------------------------------------------------------------------- */

static void ours(Messages *m, const char *run_id, guint32 part)
{
	messages_head(m);
	messages_process(m, run_id, part);
	messages_mapping(m, 1, 0x1000, 0x9000, "/usr/bin/app");
	messages_location(m, 1, 1, 0x1100, NULL);
}

static void timed_sample(Messages *m, guint64 us, gint64 ns)
{
	Profagent__Sample row = PROFAGENT__SAMPLE__INIT;
	guint64 location = 1, times[] = { us, 1000 };
	gint64 values[] = { 2, 2 * ns };

	row.location_id = &location;
	row.n_location_id = 1;
	row.value = values;
	row.n_value = 2;
	row.times = times;
	row.n_times = 2;
	messages_add(m, PPROF_SAMPLE, &row);
}

START_TEST(members_merge_and_times_are_kept)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GByteArray) file = NULL;
	g_autoptr(GByteArray) second = NULL;
	Messages m;

	messages_init(&m);
	ours(&m, "00000000000000aa", 0);
	timed_sample(&m, 500000, 10);
	file = messages_take_member(&m);
	timed_sample(&m, 100, 10);
	second = messages_take_member(&m);
	g_byte_array_append(file, second->data, second->len);
	read_ok(p, file);
	ck_assert_uint_eq(p->samples->len, 1);
	ck_assert_int_eq(sample(p, 0)->value[1], 40);
	ck_assert_uint_eq(sample(p, 0)->taken, 4);
	ck_assert_uint_eq(sample(p, 0)->moment_count, 4);
	/* by time, though they came otherwise */
	ck_assert_uint_eq(profile_at(p->moments, ProfileMoment, 0)->time_ns,
			  100000);
	ck_assert_uint_eq(profile_at(p->moments, ProfileMoment, 3)->time_ns,
			  501000000);
	ck_assert_int_eq(profile_at(p->moments, ProfileMoment, 3)->weight_ns,
			 10);
	ck_assert_str_eq(profile_text(p, process(p, 0)->command),
			 "./app 'an argument'");
	messages_release(&m);
}
END_TEST

START_TEST(every_prefix_is_read_as_far_as_it_goes)
{
	g_autoptr(GByteArray) file = g_byte_array_new();
	gint64 last = 0;
	guint members[4], i, size;
	Messages m;

	messages_init(&m);
	for (i = 0; i < 4; i++) {
		g_autoptr(GByteArray) member = NULL;

		if (i == 0)
			ours(&m, "00000000000000aa", 0);
		timed_sample(&m, i * 1000000, 10);
		member = messages_take_member(&m);
		g_byte_array_append(file, member->data, member->len);
		members[i] = file->len;
	}
	for (size = 1; size <= members[3]; size++) {
		GByteArray prefix = { file->data, size };
		g_autoptr(Profile) p = profile_new();
		g_autoptr(GError) error = NULL;
		gboolean whole = FALSE;
		gint64 value;

		if (!read_array(p, &prefix, &error)) {
			ck_assert_uint_lt(size, members[0]);
			continue;
		}
		for (i = 0; i < 4; i++)
			whole |= size == members[i];
		value = p->samples->len ? sample(p, 0)->value[1] : 0;
		ck_assert_int_ge(value, last);
		ck_assert_uint_eq(process(p, 0)->skipped->len > 0, !whole);
		for (i = 0; i < 4; i++)
			if (size >= members[i])
				ck_assert_int_ge(value, (i + 1) * 20);
		last = value;
	}
	ck_assert_int_eq(last, 80);
	messages_release(&m);
}
END_TEST

START_TEST(parts_of_a_rotation_are_one_process)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GByteArray) old = NULL;
	Messages m;

	messages_init(&m);
	ours(&m, "00000000000000aa", 3);
	timed_sample(&m, 0, 10);
	old = messages_take_member(&m);
	messages_release(&m);
	messages_init(&m);
	ours(&m, "00000000000000aa", 4);
	timed_sample(&m, 5000000, 10);
	read_ok(p, m.bytes);
	read_ok(p, old);
	ck_assert_uint_eq(p->processes->len, 1);
	ck_assert_uint_eq(process(p, 0)->part, 4);
	ck_assert_uint_eq(p->samples->len, 2);
	/* the same file again is said, not counted twice */
	read_ok(p, old);
	ck_assert_uint_eq(p->samples->len, 2);
	ck_assert_uint_eq(process(p, 0)->skipped->len, 1);
	messages_release(&m);
}
END_TEST

START_TEST(types_agree_by_name)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GError) error = NULL;
	Messages m;
	guint samples;

	messages_init(&m);
	messages_small(&m);
	read_ok(p, m.bytes);
	messages_release(&m);

	messages_init(&m);
	messages_type(&m, "cpu", "nanoseconds");
	messages_type(&m, "wall", "nanoseconds");
	messages_sample(&m, (guint64[]){ 1, 0 }, 7, 9, NULL, 0);
	messages_location(&m, 1, 0, 0x40, NULL);
	read_ok(p, m.bytes);
	messages_release(&m);
	ck_assert_uint_eq(p->type_count, 3);
	ck_assert_int_eq(sample(p, 2)->value[0], 0);
	ck_assert_int_eq(sample(p, 2)->value[1], 7);
	ck_assert_int_eq(sample(p, 2)->value[2], 9);

	messages_init(&m);
	messages_type(&m, "inuse_space", "bytes");
	messages_sample(&m, (guint64[]){ 1, 0 }, 7, 9, NULL, 0);
	samples = p->samples->len;
	ck_assert(!read_array(p, m.bytes, &error));
	ck_assert_int_eq(error->code, PPROF_READ_ERROR_MISMATCH);
	ck_assert_uint_eq(p->samples->len, samples);
	ck_assert_uint_eq(p->type_count, 3);
	messages_release(&m);
}
END_TEST

/* --- threads ------------------------------------------------------------------- */

START_TEST(a_tid_that_returns_is_another_thread)
{
	static const char *const names[] = { "first", "second" };
	g_autoptr(Profile) p = profile_new();
	Messages m;
	guint i;

	messages_init(&m);
	ours(&m, "00000000000000aa", 0);
	for (i = 0; i < 2; i++) {
		Profagent__Thread t = PROFAGENT__THREAD__INIT;

		t.tid = 50;
		t.name = (char *)(guintptr)names[i];
		t.start_ns = 5000000000 + i * 1000;
		messages_add(&m, PPROF_THREAD, &t);
		messages_sample(&m, (guint64[]){ 1, 0 }, 1, 10, names[i], 50);
	}
	read_ok(p, m.bytes);
	ck_assert_uint_eq(p->threads->len, 2);
	for (i = 0; i < 2; i++) {
		ProfileThread *t = profile_at(p->threads, ProfileThread,
					      sample(p, i)->thread);

		ck_assert_str_eq(profile_text(p, t->name), names[i]);
		ck_assert_uint_eq(t->start_ns, i * 1000);
	}
	messages_release(&m);
}
END_TEST

/* --- bad input ------------------------------------------------------------------- */

START_TEST(what_is_no_profile_is_refused)
{
	static const char text[] = "#!/bin/sh\necho hello\n";
	g_autoptr(GByteArray) b = g_byte_array_new();
	g_autoptr(GByteArray) gzip = NULL;
	guint8 zeros[100] = { 0 };

	refused(b, PPROF_READ_ERROR_EMPTY);
	g_byte_array_append(b, (const guint8 *)text, sizeof(text));
	refused(b, PPROF_READ_ERROR_FOREIGN);
	gzip = messages_gzip((const guint8 *)text, sizeof(text));
	refused(gzip, PPROF_READ_ERROR_FOREIGN);
	g_byte_array_set_size(b, 0);
	g_byte_array_append(b, zeros, sizeof(zeros));
	refused(b, PPROF_READ_ERROR_FOREIGN);
}
END_TEST

/* 2^24 samples of nothing in a few KiB. */
START_TEST(a_bomb_is_refused)
{
	g_autoptr(GByteArray) bomb = NULL;
	g_autofree guint8 *block = g_malloc(1 << 20);
	Messages m;
	guint i;

	messages_init(&m);
	messages_head(&m);
	for (i = 0; i < 1 << 20; i += 2) {
		block[i] = PPROF_SAMPLE << 3 | 2;
		block[i + 1] = 0;
	}
	for (i = 0; i < 32; i++)
		g_byte_array_append(m.bytes, block, 1 << 20);
	bomb = messages_take_member(&m);
	ck_assert_uint_lt(bomb->len, 100 << 10);
	refused(bomb, PPROF_READ_ERROR_TOO_LARGE);
	messages_release(&m);
}
END_TEST

START_TEST(broken_messages_are_counted)
{
	g_autoptr(Profile) p = profile_new();
	static const guint8 broken[] = { 0x12, 3, 0x0a, 0x7f, 1 };
	Messages m;

	messages_init(&m);
	messages_small(&m);
	g_byte_array_append(m.bytes, broken, sizeof(broken));
	read_ok(p, m.bytes);
	check_small(p);
	ck_assert_uint_eq(process(p, 0)->skipped->len, 1);
	ck_assert_str_eq(process(p, 0)->skipped->pdata[0],
			 "1 messages could not be read");
	messages_release(&m);
}
END_TEST

/* --- paths -------------------------------------------------------------------------- */

START_TEST(a_directory_is_its_profiles)
{
	g_autofree char *dir = g_dir_make_tmp("profagent-XXXXXX", NULL);
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GError) error = NULL;
	static const char *const names[] = { "a.pb.gz", "b.pb.gz", "c.txt",
					     "z.pb.gz" };
	Messages m;
	guint i;

	ck_assert(!pprof_read_path(p, dir, PPROF_READ_DEFAULT, &error));
	g_clear_error(&error);
	for (i = 0; i < 4; i++) {
		g_autofree char *path = g_build_filename(dir, names[i], NULL);
		g_autofree char *id = g_strdup_printf("%016x", i);

		messages_init(&m);
		ours(&m, id, 0);
		messages_sample(&m, (guint64[]){ 1, 0 }, 1, 10, NULL, 0);
		g_file_set_contents(path, i == 3 ? "bad"
				    : (char *)m.bytes->data,
				    i == 3 ? 3 : (gssize)m.bytes->len, NULL);
		messages_release(&m);
	}
	ck_assert(pprof_read_path(p, dir, PPROF_READ_DEFAULT, &error));
	ck_assert_uint_eq(p->processes->len, 2);
	ck_assert_uint_eq(process(p, 0)->skipped->len, 1);
	ck_assert_ptr_nonnull(strstr(process(p, 0)->skipped->pdata[0],
				     "z.pb.gz"));
	for (i = 0; i < 4; i++) {
		g_autofree char *path = g_build_filename(dir, names[i], NULL);
		PprofOrigin origin;

		ck_assert_int_eq(pprof_read_origin(path, &origin), i != 3);
		if (i == 1)
			ck_assert_str_eq(origin.run_id, "0000000000000001");
		g_unlink(path);
	}
	g_rmdir(dir);
	ck_assert(!pprof_read_path(p, dir, PPROF_READ_DEFAULT, &error));
	ck_assert(g_str_has_prefix(error->message, dir));
}
END_TEST

/* Flips bytes of a good file: nothing may happen but an error or a profile. */
START_TEST(flipped_bytes_do_no_harm)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(7);
	Messages m;
	guint i, k;

	messages_init(&m);
	ours(&m, "00000000000000aa", 0);
	messages_small(&m);
	timed_sample(&m, 1000, 10);
	for (i = 0; i < 3000; i++) {
		g_autoptr(Profile) p = profile_new();
		g_autofree guint8 *copy = g_memdup2(m.bytes->data,
						    m.bytes->len);

		for (k = 0; k <= i % 5; k++)
			copy[g_rand_int_range(rand, 0, (gint)m.bytes->len)] =
				(guint8)g_rand_int(rand);
		pprof_read_bytes(p, "test", copy, m.bytes->len,
				 PPROF_READ_NO_REGION, NULL);
	}
	messages_release(&m);
}
END_TEST

/* A varint of four bytes. */
static void put_four(guint8 *to, guint32 n)
{
	to[0] = (guint8)(n | 0x80);
	to[1] = (guint8)(n >> 7 | 0x80);
	to[2] = (guint8)(n >> 14 | 0x80);
	to[3] = (guint8)(n >> 21 & 0x7f);
}

/* More than a long run of a large program has; `make torture` has more. */
START_TEST(two_million_locations)
{
	static const guint8 form[] = { 4 << 3 | 2, 10, 1 << 3, 0, 0, 0, 0,
				       3 << 3, 0, 0, 0, 0 };
	const guint32 first = 1u << 22, n = 2000000;
	g_autoptr(Profile) p = profile_new();
	guint64 ids[2] = { first + n - 1, 0 };
	Messages m;
	guint at, i;

	messages_init(&m);
	messages_head(&m);
	at = m.bytes->len;
	g_byte_array_set_size(m.bytes, at + n * sizeof(form));
	for (i = 0; i < n; i++) {
		guint8 *to = m.bytes->data + at + i * sizeof(form);

		memcpy(to, form, sizeof(form));
		put_four(to + 3, first + i);
		put_four(to + 8, first + 7 * i % (1u << 27));
	}
	messages_sample(&m, ids, 1, 1000, NULL, 0);
	read_ok(p, m.bytes);
	ck_assert_uint_eq(p->locations->len, n);
	ck_assert_uint_eq(p->samples->len, 1);
	ck_assert_uint_eq(g_array_index(p->frames, guint32, 0), n - 1);
	messages_release(&m);
}
END_TEST

/* --- too much to be looked at ------------------------------------------------ */

#define PLACES 100u	/* place i, from 1, weighs i times as much as the first */

static void add_places(Messages *m, guint64 id_of_first)
{
	guint64 i;

	messages_head(m);
	messages_mapping(m, 1, 0x1000, 0x9000, "/usr/bin/app");
	for (i = 1; i <= PLACES; i++) {
		g_autofree char *name = g_strdup_printf("f%u", (guint)i);
		guint64 id = id_of_first + i - 1;

		messages_function(m, i, name);
		messages_location(m, id, 1, 0x1000 + i, (guint64[]){ i, 0 });
		messages_sample(m, (guint64[]){ id, id_of_first, 0 }, 1,
				(gint64)i, i == PLACES ? "one" : NULL, 7);
	}
}

static gint64 sum_of(const Profile *p)
{
	gint64 sum = 0;
	guint i;

	for (i = 0; i < p->samples->len; i++)
		sum += profile_at(p->samples, ProfileSample, i)->value[1];
	return sum;
}

static gboolean has_function(const Profile *p, const char *name)
{
	guint i;

	for (i = 0; i < p->functions->len; i++)
		if (strcmp(profile_text(p, profile_at(p->functions,
				ProfileFunction, i)->name), name) == 0)
			return TRUE;
	return FALSE;
}

static void read_crowd(Profile *p, const Messages *m, guint crowd)
{
	g_autoptr(GError) error = NULL;

	ck_assert_msg(pprof_read_crowd(p, "test", m->bytes->data,
				       m->bytes->len, crowd, &error), "%s",
		      error ? error->message : "");
}

START_TEST(the_heaviest_of_a_crowd_are_told_apart)
{
	g_autoptr(Profile) p = profile_new();
	g_autofree char *first = NULL, *last = NULL;
	Messages m;

	messages_init(&m);
	m.later = TRUE;
	add_places(&m, 1000000);
	messages_strings(&m);
	/* ten are kept, and one is all the others */
	read_crowd(p, &m, 20);
	first = stack(p, 0);
	last = stack(p, p->samples->len - 1);
	ck_assert_uint_eq(p->locations->len, 11);
	ck_assert_uint_eq(p->functions->len, 11);
	ck_assert_uint_eq(p->samples->len, 11);
	ck_assert_int_eq(sum_of(p), PLACES * (PLACES + 1) / 2);
	ck_assert(has_function(p, "f1") && has_function(p, "f92"));
	ck_assert(!has_function(p, "f91"));
	ck_assert_str_eq(first, "f1:11 < f1:11");
	ck_assert_str_eq(last, "f100:1001 < f1:11");
	ck_assert_uint_eq(p->threads->len, 1);
	ck_assert(strstr(process(p, 0)->skipped->pdata[0],
			 "of its 100 places the 10 heaviest are told apart"));
	ck_assert_str_eq(profile_text(p, process(p, 0)->program), "app");
	messages_release(&m);
}
END_TEST

/* Such ids may be taken for each other: then more than ten are kept. */
START_TEST(a_crowd_of_large_ids)
{
	g_autoptr(Profile) p = profile_new();
	Messages m;

	messages_init(&m);
	add_places(&m, G_GUINT64_CONSTANT(1) << 40);
	read_crowd(p, &m, 20);
	ck_assert_uint_ge(p->locations->len, 11);
	ck_assert_uint_lt(p->locations->len, 20);
	ck_assert_int_eq(sum_of(p), PLACES * (PLACES + 1) / 2);
	ck_assert(has_function(p, "f1") && has_function(p, "f92"));
	messages_release(&m);
}
END_TEST

START_TEST(no_crowd_is_left_as_it_is)
{
	g_autoptr(Profile) p = profile_new();
	Messages m;

	messages_init(&m);
	add_places(&m, 1);
	read_crowd(p, &m, 3 * PLACES);
	ck_assert_uint_eq(p->locations->len, PLACES);
	ck_assert(!has_function(p, PROFILE_SMALL));
	ck_assert_uint_eq(process(p, 0)->skipped->len, 0);
	messages_release(&m);
}
END_TEST

/* All stacks of two of forty places, equally heavy. */
START_TEST(of_a_crowd_of_stacks_the_leaves_are_kept)
{
	g_autoptr(Profile) p = profile_new();
	guint64 i, k, whole = 0;
	Messages m;

	messages_init(&m);
	messages_head(&m);
	for (i = 1; i <= 40; i++)
		messages_location(&m, i, 0, 0x1000 + i, NULL);
	for (i = 1; i <= 60; i++)
		messages_location(&m, 100 + i, 0, 0x2000 + i, NULL);
	for (i = 1; i <= 40; i++)
		for (k = 1; k <= 40; k++)
			messages_sample(&m, (guint64[]){ i, k, 0 }, 1, 10,
					"one", 7);
	read_crowd(p, &m, 80);
	ck_assert_int_eq(sum_of(p), 40 * 40 * 10);
	ck_assert_uint_eq(p->locations->len, 41);
	ck_assert_uint_le(p->samples->len, 2 * 40 + 2 * 40);
	for (i = 0; i < p->samples->len; i++) {
		guint32 last = sample(p, (guint)i)->first_frame +
			       sample(p, (guint)i)->frame_count - 1;

		ck_assert_uint_eq(sample(p, (guint)i)->frame_count, 2);
		whole += g_array_index(p->frames, guint32, last) != 0;
	}
	/* place 0 of the Profile is that of all that is not kept */
	ck_assert_uint_gt(whole, 0);
	ck_assert_uint_eq(p->samples->len, whole + 40);
	ck_assert(strstr(process(p, 0)->skipped->pdata[0], "stacks are rare"));
	messages_release(&m);
}
END_TEST

/* What an earlier file brought is not touched, and both add up. */
START_TEST(a_crowd_after_another)
{
	g_autoptr(Profile) p = profile_new();
	Messages m;

	messages_init(&m);
	add_places(&m, 1);
	read_crowd(p, &m, 1000);
	read_crowd(p, &m, 220);
	ck_assert_uint_eq(p->locations->len, PLACES + 10 + 1);
	ck_assert_int_eq(sum_of(p), PLACES * (PLACES + 1));
	messages_release(&m);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pprof-read");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, plain_and_compressed_are_the_same);
	tcase_add_test(tcase, strings_may_come_last);
	tcase_add_test(tcase, ids_may_be_used_before_they_are_defined);
	tcase_add_test(tcase, what_is_never_defined_keeps_its_weight);
	tcase_add_test(tcase, members_merge_and_times_are_kept);
	tcase_add_test(tcase, every_prefix_is_read_as_far_as_it_goes);
	tcase_add_test(tcase, parts_of_a_rotation_are_one_process);
	tcase_add_test(tcase, types_agree_by_name);
	tcase_add_test(tcase, a_tid_that_returns_is_another_thread);
	tcase_add_test(tcase, what_is_no_profile_is_refused);
	tcase_add_test(tcase, a_bomb_is_refused);
	tcase_add_test(tcase, two_million_locations);
	tcase_add_test(tcase, the_heaviest_of_a_crowd_are_told_apart);
	tcase_add_test(tcase, a_crowd_of_large_ids);
	tcase_add_test(tcase, no_crowd_is_left_as_it_is);
	tcase_add_test(tcase, of_a_crowd_of_stacks_the_leaves_are_kept);
	tcase_add_test(tcase, a_crowd_after_another);
	tcase_add_test(tcase, broken_messages_are_counted);
	tcase_add_test(tcase, a_directory_is_its_profiles);
	tcase_add_test(tcase, flipped_bytes_do_no_harm);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
