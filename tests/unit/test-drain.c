/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/drain.h"

#include <check.h>
#include <glib.h>
#include <pthread.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/clock.h"
#include "agent/modules.h"
#include "agent/region.h"
#include "agent/ring.h"
#include "agent/sampler.h"
#include "agent/thread.h"
#include "agent/unwind.h"
#include "agent/writer.h"
#include "tests/unit/runner.h"
#include "tools/pprof-read.h"

#define PERIOD 10000000u	/* ns */
#define PRODUCERS 4
#define SAMPLES 20000u		/* of each producer */

static char dir[] = "/tmp/test-drain-XXXXXX";
static char output[128];

static void setup(void)
{
	static const struct writer_names names = { "test", 1, "host", 0 };
	char bad;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(output, sizeof(output), "%s/out.pb.gz", dir);
	agent_process.pid = getpid();
	strcpy(agent_process.run_id, "0123456789abcdef");
	strcpy(agent_process.program, "test");
	ck_assert_int_eq(modules_init(NULL), 0);
	sampler_init(&unwind_fp, 100);
	clock_init("cputime", PERIOD);
	ck_assert_int_eq(writer_init(output, dir, &names, "", 0, &bad), 0);
	ck_assert_int_eq(region_init(dir, agent_process.run_id, 42, &fd), 0);
}

static void teardown(void)
{
	char command[128];

	drain_close();
	region_unlink();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* Every frame is a function of this test, so that it has a module. */
static bool push(uint32_t slot, uint64_t serial, uint32_t frames)
{
	struct thread_record *t = region_record(slot);
	uint8_t *buffer = region_ring_buffer(slot);
	struct ring_place place;

	if (ring_reserve(&t->ring, buffer, frames, frames, &place) != 0)
		return false;
	place.sample->frames = frames;
	place.sample->end = UNWIND_COMPLETE;
	place.sample->count = 1;
	place.sample->cpu_ns = PERIOD;
	place.sample->time_ns = serial;
	for (uint32_t i = 0; i < frames; i++)
		place.sample->pcs[i] = (uint64_t)(uintptr_t)setup + i + frames;
	ring_commit(&t->ring, &place);
	atomic_fetch_add(&t->samples, 1);
	atomic_fetch_add(&t->weight_ns, PERIOD);
	return true;
}

static uint32_t begin_thread(int tid)
{
	uint32_t slot = thread_claim_now(tid, 0, 0);

	ck_assert_uint_ne(slot, THREAD_NO_SLOT);
	ck_assert_int_eq(region_populate(slot, RING_BYTES), 0);
	atomic_store(&region_record(slot)->ring.resident, RING_BYTES);
	thread_publish(slot);
	return slot;
}

/* Sum of the first sample type over the file as it lies there. */
static gint64 samples_in_file(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Profile) p = profile_new();
	gint64 sum = 0;

	if (!pprof_read_path(p, output, PPROF_READ_NO_REGION, &error))
		ck_abort_msg("%s", error->message);
	for (guint i = 0; i < p->samples->len; i++)
		sum += profile_at(p->samples, ProfileSample, i)->value[0];
	return sum;
}

START_TEST(no_sample_no_file)
{
	ck_assert_int_eq(drain_round(false), 0);
	ck_assert_int_eq(drain_round(true), 0);
	ck_assert_int_ne(access(output, F_OK), 0);
}
END_TEST

START_TEST(lost_samples_are_told_without_any)
{
	uint32_t slot = begin_thread(getpid());

	atomic_fetch_add(&region_record(slot)->lost[LOST_NO_STACK], 1);
	ck_assert_int_eq(drain_round(false), 0);
	ck_assert_int_ne(access(output, F_OK), 0);
	ck_assert_int_eq(drain_round(true), 0);
	ck_assert_int_eq(access(output, F_OK), 0);
}
END_TEST

START_TEST(a_round_writes_and_releases)
{
	uint32_t slot = begin_thread(getpid());
	uint64_t head;

	for (uint64_t i = 0; i < 10; i++)
		ck_assert(push(slot, i, 5));
	ck_assert_int_eq(drain_round(false), 0);
	ck_assert_int_eq(samples_in_file(), 10);
	ck_assert_uint_eq(ring_oldest(&region_record(slot)->ring, &head),
			  head);
	ck_assert_int_eq(drain_round(false), 0);
	ck_assert_int_eq(samples_in_file(), 10);
}
END_TEST

START_TEST(what_cannot_be_written_is_not_lost)
{
	uint32_t slot = begin_thread(getpid());

	ck_assert(push(slot, 0, 5));
	ck_assert_int_eq(drain_round(false), 0);
	/* nothing fits any more */
	ck_assert_int_eq(writer_open(), 0);
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit full = { 10, 1000000 }, wide = { 1000000, 1000000 };
	setrlimit(RLIMIT_FSIZE, &full);
	ck_assert(push(slot, 1, 5));
	ck_assert_int_lt(drain_round(false), 0);
	ck_assert(push(slot, 2, 5));
	ck_assert_int_lt(drain_round(false), 0);
	ck_assert_int_eq(samples_in_file(), 1);
	setrlimit(RLIMIT_FSIZE, &wide);
	ck_assert_int_eq(drain_round(false), 0);
	ck_assert_int_eq(samples_in_file(), 3);
}
END_TEST

START_TEST(a_new_part_is_a_whole_file)
{
	uint32_t slot = begin_thread(getpid());

	ck_assert(push(slot, 0, 5));
	ck_assert_int_eq(drain_new_part(), 0);
	ck_assert(push(slot, 1, 5));
	ck_assert(push(slot, 2, 5));
	ck_assert_int_eq(drain_round(true), 0);
	ck_assert_int_eq(samples_in_file(), 2);
}
END_TEST

START_TEST(a_file_that_vanished_is_begun_again)
{
	uint32_t slot = begin_thread(getpid());

	ck_assert(push(slot, 0, 5));
	ck_assert_int_eq(drain_round(false), 0);
	drain_close();
	ck_assert_int_eq(unlink(output), 0);
	ck_assert(push(slot, 1, 5));
	drain_round(false);
	drain_round(false);
	ck_assert_int_eq(samples_in_file(), 1);
}
END_TEST

/* All files together, and the size of the largest. */
START_TEST(no_file_is_larger_than_asked)
{
	static const struct writer_names names = { "test", 1, "host", 0 };
	uint32_t slot = begin_thread(getpid());
	char bad, old[sizeof(output) + 8];
	struct stat st;

	snprintf(old, sizeof(old), "%s/out.old.pb.gz", dir);
	ck_assert_int_eq(writer_init(output, dir, &names, "", 64 << 10, &bad),
			 0);
	for (uint64_t i = 0; i < 400; i++) {
		/* members of very different sizes */
		for (uint64_t k = 0; k <= i % 40; k++)
			ck_assert(push(slot, i, (uint32_t)(5 + k)));
		ck_assert_int_eq(drain_round(false), 0);
		ck_assert_int_eq(stat(output, &st), 0);
		ck_assert_int_le(st.st_size, 64 << 10);
	}
	ck_assert_int_eq(stat(old, &st), 0);
	ck_assert_int_gt(st.st_size, 32 << 10);
	ck_assert_int_le(st.st_size, 64 << 10);
	ck_assert_int_gt(samples_in_file(), 0);
}
END_TEST

static unsigned times_in_file(const char *text)
{
	g_autofree char *data = NULL;
	size_t size = 0;
	unsigned times = 0;

	ck_assert(g_file_get_contents(output, &data, &size, NULL));
	for (const char *at = data;
	     (at = memmem(at, size - (size_t)(at - data), text, strlen(text)));
	     at++)
		times++;
	return times;
}

START_TEST(a_note_is_written_once_a_file)
{
	uint32_t slot = begin_thread(getpid());

	clock_say(CLOCK_NOTE_TICK);
	for (uint64_t i = 0; i < 5; i++) {
		ck_assert(push(slot, i, 5));
		ck_assert_int_eq(drain_round(false), 0);
	}
	ck_assert_uint_eq(times_in_file(clock_said(CLOCK_NOTE_TICK)), 1);
	ck_assert_int_eq(drain_new_part(), 0);
	ck_assert(push(slot, 6, 5));
	ck_assert_int_eq(drain_round(false), 0);
	ck_assert_uint_eq(times_in_file(clock_said(CLOCK_NOTE_TICK)), 1);
}
END_TEST

/* --- threads: the sanitizer looks on ---------------------------------------- */

static _Atomic int running;

static void *produce(void *arg)
{
	uint32_t slot = begin_thread(gettid());

	(void)arg;
	for (uint64_t i = 0; i < SAMPLES;)
		if (push(slot, i, (uint32_t)(i % 60)))
			i++;
		else
			sched_yield();
	thread_end(slot, SAMPLES * (uint64_t)PERIOD, "producer");
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static void *flush(void *arg)
{
	(void)arg;
	while (atomic_load(&running) > 0)
		ck_assert_int_eq(drain_round(false), 0);
	ck_assert_int_eq(drain_round(true), 0);
	return NULL;
}

START_TEST(many_threads_lose_nothing)
{
	pthread_t producer[PRODUCERS], flusher;

	atomic_store(&running, PRODUCERS);
	for (int i = 0; i < PRODUCERS; i++)
		pthread_create(&producer[i], NULL, produce, NULL);
	pthread_create(&flusher, NULL, flush, NULL);
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(producer[i], NULL);
	pthread_join(flusher, NULL);
	ck_assert_int_eq(samples_in_file(), PRODUCERS * SAMPLES);
	ck_assert_uint_eq(atomic_load(&thread_totals.samples),
			  PRODUCERS * SAMPLES);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drain");
	TCase *tc = tcase_create("drain");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, no_sample_no_file);
	tcase_add_test(tc, lost_samples_are_told_without_any);
	tcase_add_test(tc, a_round_writes_and_releases);
	tcase_add_test(tc, what_cannot_be_written_is_not_lost);
	tcase_add_test(tc, a_new_part_is_a_whole_file);
	tcase_add_test(tc, no_file_is_larger_than_asked);
	tcase_add_test(tc, a_note_is_written_once_a_file);
	tcase_add_test(tc, a_file_that_vanished_is_begun_again);
	tcase_add_test(tc, many_threads_lose_nothing);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
