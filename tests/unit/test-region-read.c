/* SPDX-License-Identifier: MIT */
/*
 * Regions made here as the agent makes them: what is beyond the file's
 * positions is added, and nothing else.
 */
#include "tools/region-read.h"

#include <check.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/pprof.h"
#include "agent/region.h"
#include "tests/unit/messages.h"
#include "tests/unit/runner.h"

/* bytes of a sample of one frame */
#define SAMPLE (sizeof(struct ring_sample) + 8)
#define RUN_ID "00000000000000aa"

static char *dir, *path;
static struct region_header header;
static struct thread_record records[2];
static guint8 rings[2][RING_BYTES];
static struct region_label labels[REGION_LABELS];

static void setup(void)
{
	dir = g_dir_make_tmp("profagent-XXXXXX", NULL);
	path = g_build_filename(dir, RUN_ID ".region", NULL);
	memset(&header, 0, sizeof(header));
	memset(records, 0, sizeof(records));
	memset(rings, 0, sizeof(rings));
	memset(labels, 0, sizeof(labels));
	header.magic = REGION_MAGIC;
	header.version = REGION_VERSION;
	header.header_bytes = REGION_SLOTS_AT;
	header.slot_bytes = REGION_SLOT_BYTES;
	header.ring_bytes = RING_BYTES;
	header.slots = 2;
	header.pid = 4711;
	memcpy(header.run_id, RUN_ID, REGION_RUN_ID);
}

static void teardown(void)
{
	g_unlink(path);
	g_rmdir(dir);
	g_free(path);
	g_free(dir);
}

/* A live thread with `n` samples of 10 ms at 0x1100. */
static void fill_slot(guint slot, guint n)
{
	struct thread_record *t = &records[slot];
	struct ring_place place;
	guint i;

	t->state = SLOT_LIVE;
	t->generation = 3;
	t->tid = 100 + (int)slot;
	g_strlcpy(t->name, slot ? "two" : "one", sizeof(t->name));
	t->ring.resident = RING_BYTES;
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(ring_reserve(&t->ring, rings[slot], 1, 2,
					      &place), 0);
		place.sample->end = 0;
		place.sample->frames = 1;
		place.sample->count = 1;
		place.sample->time_ns = 5000000000 + i * 1000000;
		place.sample->cpu_ns = 10000000;
		place.sample->pcs[0] = 0x1100;
		ring_commit(&t->ring, &place);
	}
}

static void write_region(void)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	guint i;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, &header, sizeof(header), 0),
			 sizeof(header));
	ck_assert_int_eq(pwrite(fd, labels, sizeof(labels), REGION_PAGE),
			 sizeof(labels));
	for (i = 0; i < 2; i++) {
		off_t at = (off_t)(REGION_SLOTS_AT + i * REGION_SLOT_BYTES);

		ck_assert_int_eq(pwrite(fd, &records[i], sizeof(records[i]),
					at), sizeof(records[i]));
		ck_assert_int_eq(pwrite(fd, rings[i], RING_BYTES,
					at + REGION_PAGE), RING_BYTES);
	}
	close(fd);
}

/* The file of the same run, of which ring 0 is written up to `position`. */
static Profile *read_file(guint64 position, guint32 part, gboolean done)
{
	Profile *p = profile_new();
	Profagent__Process process = PROFAGENT__PROCESS__INIT;
	Profagent__Ring ring = PROFAGENT__RING__INIT;
	Profagent__Health health = PROFAGENT__HEALTH__INIT;
	Messages m;

	messages_init(&m);
	messages_head(&m);
	process.run_id = (char *)(guintptr)RUN_ID;
	process.region = path;
	process.part = part;
	process.start_mono_ns = 5000000000;
	messages_add(&m, PPROF_PROCESS, &process);
	messages_mapping(&m, 1, 0x1000, 0x9000, "/usr/bin/app");
	messages_location(&m, 1, 1, 0x1100, NULL);
	messages_sample(&m, (guint64[]){ 1, 0 }, 2, 20000000, "one", 100);
	ring.slot = 0;
	ring.generation = 3;
	ring.position = position;
	messages_add(&m, PPROF_RING, &ring);
	health.done = done;
	messages_add(&m, PPROF_HEALTH, &health);
	ck_assert(pprof_read_bytes(p, "file", m.bytes->data, m.bytes->len,
				   PPROF_READ_DEFAULT, NULL));
	messages_release(&m);
	return p;
}

/* Its second sample type is `type`, the only time there is. */
static Profile *read_timed_file(const char *type)
{
	Profile *p = profile_new();
	Profagent__Process process = PROFAGENT__PROCESS__INIT;
	Messages m;

	messages_init(&m);
	messages_type(&m, "samples", "count");
	messages_type(&m, type, "nanoseconds");
	process.run_id = (char *)(guintptr)RUN_ID;
	process.region = path;
	messages_add(&m, PPROF_PROCESS, &process);
	messages_mapping(&m, 1, 0x1000, 0x9000, "/usr/bin/app");
	messages_location(&m, 1, 1, 0x1100, NULL);
	ck_assert(pprof_read_bytes(p, "file", m.bytes->data, m.bytes->len,
				   PPROF_READ_DEFAULT, NULL));
	messages_release(&m);
	return p;
}

static gint64 total(const Profile *p)
{
	gint64 sum = 0;
	guint i;

	for (i = 0; i < p->samples->len; i++)
		sum += profile_at(p->samples, ProfileSample, i)->value[1];
	return sum / 10000000;
}

static void check_total(guint64 position, guint32 part, gboolean done,
			gint64 wanted)
{
	g_autoptr(Profile) p = read_file(position, part, done);

	ck_assert_int_eq(total(p), wanted);
}

static void set_label(guint set, guint parent, const char *key,
		      const char *value)
{
	labels[set].parent = parent;
	labels[set].whole = 1;
	g_strlcpy(labels[set].key, key, sizeof(labels[set].key));
	g_strlcpy(labels[set].value, value, sizeof(labels[set].value));
}

/* "key=value ..." of the only sample, but for the thread's. */
static char *labels_of_sample(guint16 set)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GString) text = g_string_new("");
	const ProfileSample *s;
	int fd;
	guint i;

	fill_slot(0, 1);
	((struct ring_sample *)(void *)rings[0])->label = set;
	write_region();
	fd = open(path, O_RDONLY);
	ck_assert(region_read_alone(p, path, fd, PPROF_READ_DEFAULT, NULL));
	close(fd);
	ck_assert_uint_eq(p->samples->len, 1);
	s = profile_at(p->samples, ProfileSample, 0);
	for (i = 0; i < s->label_count; i++) {
		const ProfileLabel *l = profile_at(p->labels, ProfileLabel,
						   s->first_label + i);
		const char *key = profile_text(p, l->key);

		if (strcmp(key, "tid") != 0 && strcmp(key, "thread") != 0)
			g_string_append_printf(text, "%s=%s ", key,
					       profile_text(p, l->text));
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static void check_labels(guint16 set, const char *expected)
{
	g_autofree char *got = labels_of_sample(set);

	ck_assert_str_eq(got, expected);
	memset(records, 0, sizeof(records));
}

START_TEST(labels_are_those_of_the_set)
{
	set_label(1, 0, "route", "/old");
	set_label(2, 1, "step", "pay");
	set_label(3, 2, "route", "/new");
	set_label(4, 5, "half", "made");
	set_label(6, 6, "its own", "parent");
	check_labels(0, "");
	check_labels(1, "route=/old ");
	check_labels(3, "route=/new step=pay ");
	check_labels(4, "half=made ");
	check_labels(6, "its own=parent ");
	check_labels(5, "");
	check_labels(UINT16_MAX, "");
}
END_TEST

START_TEST(what_is_not_in_the_file_is_added)
{
	g_autoptr(Profile) p = NULL;
	ProfileProcess *process;

	fill_slot(0, 5);
	fill_slot(1, 3);
	write_region();
	p = read_file(0, 0, FALSE);
	process = profile_at(p->processes, ProfileProcess, 0);
	ck_assert_int_eq(total(p), 2 + 5 + 3);
	ck_assert(process->salvaged);
	ck_assert_uint_eq(process->samples, 8);
	/* the address is the file's, and so is its module */
	ck_assert_uint_eq(p->locations->len, 1);
	ck_assert_uint_eq(p->moments->len, 8);
	check_total(2 * SAMPLE, 0, FALSE, 2 + 3 + 3);
	check_total(5 * SAMPLE, 0, FALSE, 2 + 3);
}
END_TEST

START_TEST(a_running_thread_took_wall_time)
{
	g_autoptr(Profile) wall = NULL, p = NULL;

	fill_slot(0, 5);
	write_region();
	wall = read_timed_file("wall");
	ck_assert_int_eq(total(wall), 5);
	p = read_timed_file("allocated");
	ck_assert_int_eq(total(p), 0);
}
END_TEST

START_TEST(what_was_released_is_in_the_file)
{
	fill_slot(0, 5);
	ring_release(&records[0].ring, 2 * SAMPLE);
	write_region();
	check_total(0, 0, FALSE, 2 + 3);
}
END_TEST

START_TEST(other_regions_are_left_alone)
{
	fill_slot(0, 5);
	write_region();
	check_total(0, 0, TRUE, 2);		/* the process ended cleanly */
	check_total(0, 1, FALSE, 2);		/* another part */
	header.run_id[0] = '1';
	write_region();
	check_total(0, 0, FALSE, 2);		/* another run */
	header.run_id[0] = '0';
	header.version++;
	write_region();
	check_total(0, 0, FALSE, 2);
	g_unlink(path);
	check_total(0, 0, FALSE, 2);		/* gone */
}
END_TEST

START_TEST(damage_costs_what_is_damaged)
{
	g_autoptr(Profile) p = NULL;

	fill_slot(0, 5);
	fill_slot(1, 3);
	rings[0][2 * SAMPLE] = 0xff;	/* the size of the third */
	write_region();
	p = read_file(0, 0, FALSE);
	ck_assert_int_eq(total(p), 2 + 2 + 3);
	ck_assert_uint_eq(profile_at(p->processes, ProfileProcess,
				     0)->skipped->len, 1);
	records[1].ring.head = G_MAXUINT64;
	write_region();
	check_total(0, 0, FALSE, 2 + 2);
	header.slots = 50;		/* more than the file has */
	write_region();
	check_total(0, 0, FALSE, 2 + 2);
}
END_TEST

START_TEST(a_region_alone_is_a_profile)
{
	g_autoptr(Profile) p = profile_new();

	fill_slot(0, 5);
	write_region();
	ck_assert(pprof_read_path(p, path, PPROF_READ_DEFAULT, NULL));
	ck_assert_int_eq(total(p), 5);
	ck_assert_int_eq(profile_at(p->processes, ProfileProcess, 0)->pid,
			 4711);
	/* not again beside the file that tells of it */
	g_clear_pointer(&p, profile_free);
	p = read_file(0, 0, FALSE);
	ck_assert(pprof_read_path(p, path, PPROF_READ_DEFAULT, NULL));
	ck_assert_int_eq(total(p), 2 + 5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("region-read");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, labels_are_those_of_the_set);
	tcase_add_test(tcase, what_is_not_in_the_file_is_added);
	tcase_add_test(tcase, a_running_thread_took_wall_time);
	tcase_add_test(tcase, what_was_released_is_in_the_file);
	tcase_add_test(tcase, other_regions_are_left_alone);
	tcase_add_test(tcase, damage_costs_what_is_damaged);
	tcase_add_test(tcase, a_region_alone_is_a_profile);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
