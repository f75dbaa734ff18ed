/* SPDX-License-Identifier: MIT */
/*
 * Where all threads are, asked of an agent in this process; and how the command
 * shows it (tools/snapshot.h).
 */
#define _GNU_SOURCE
#include "agent/snapshot.h"

#include <check.h>
#include <json-glib/json-glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/arena.h"
#include "agent/command.h"
#include "agent/flusher.h"
#include "agent/own-labels.h"
#include "tests/unit/agent-fixture.h"
#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"
#include "tools/json-out.h"
#include "tools/pprof-read.h"
#include "tools/snapshot.h"

#define RUNNERS 17	/* more than are asked at once */
#define ROUNDS 200	/* of snapshots, until each has been seen */

static int pipes[2];
static _Atomic bool over;

static void setup(void)
{
	agent_fixture_begin("PROFAGENT_START=0");
	ck_assert_int_eq(pipe(pipes), 0);
}

static void teardown(void)
{
	close(pipes[0]);
	close(pipes[1]);
	agent_fixture_end();
}

static Profile *snapshot_read(void)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GError) error = NULL;
	uint8_t *message = NULL;
	size_t size = 0;

	ck_assert_int_eq(command_do("snapshot", &message, &size), 0);
	ck_assert_msg(pprof_read_bytes(p, "test", message, size,
				       PPROF_READ_NO_REGION, &error), "%s",
		      error ? error->message : "");
	arena_block_free(message, size);
	return g_steal_pointer(&p);
}

/* The one sample of a thread, NULL: there is none. */
static const ProfileSample *sample_of(const Profile *p, int tid)
{
	const ProfileSample *found = NULL;

	for (guint i = 0; i < p->samples->len; i++) {
		const ProfileSample *s = profile_at(p->samples, ProfileSample,
						    i);

		ck_assert_uint_ne(s->thread, PROFILE_NONE);
		if (profile_at(p->threads, ProfileThread, s->thread)->tid !=
		    tid)
			continue;
		ck_assert_ptr_null(found);
		found = s;
	}
	return found;
}

/* Of a label; "" if it has none. */
static const char *label(const Profile *p, const ProfileSample *s,
			 const char *key)
{
	for (guint i = 0; i < s->label_count; i++) {
		const ProfileLabel *l = profile_at(p->labels, ProfileLabel,
						   s->first_label + i);

		if (strcmp(profile_text(p, l->key), key) == 0)
			return profile_text(p, l->text);
	}
	return "";
}

static const char *state(const Profile *p, const ProfileSample *s)
{
	return label(p, s, "state");
}

static void thread_begin(const char *name)
{
	uint64_t here = (uint64_t)__builtin_frame_address(0);

	prctl(PR_SET_NAME, name);
	agent_thread_begin(0, here - (64 << 10), here + 4096);
}

static void *wait_in_read(void *arg)
{
	char byte;

	thread_begin("waits");
	own_labels_push("route", "/a");
	atomic_store((_Atomic int *)arg, (int)syscall(SYS_gettid));
	(void)!read(pipes[0], &byte, 1);
	return NULL;
}

static void *run(void *arg)
{
	thread_begin("runs");
	atomic_store((_Atomic int *)arg, (int)syscall(SYS_gettid));
	while (!atomic_load(&over))
		;
	return NULL;
}

/* A thread without a record is looked at as well. */
static void *wait_unknown(void *arg)
{
	char byte;

	atomic_store((_Atomic int *)arg, (int)syscall(SYS_gettid));
	(void)!read(pipes[0], &byte, 1);
	return NULL;
}

static int tid_of(_Atomic int *tid)
{
	while (atomic_load(tid) == 0)
		usleep(1000);
	return atomic_load(tid);
}

/* Snapshots until a thread waits in the kernel; its sample. */
static const ProfileSample *await_blocked(int tid, Profile **p)
{
	for (int i = 0; i < ROUNDS; i++) {
		const ProfileSample *s;

		*p = snapshot_read();
		s = sample_of(*p, tid);
		ck_assert_ptr_nonnull(s);
		if (strcmp(state(*p, s), "blocked") == 0)
			return s;
		profile_free(*p);
	}
	ck_abort_msg("it never was blocked");
}

START_TEST(a_thread_that_waits)
{
	_Atomic int tid = 0;
	const ProfileSample *s;
	Profile *p;
	pthread_t id;

	pthread_create(&id, NULL, wait_in_read, &tid);
	s = await_blocked(tid_of(&tid), &p);
	ck_assert_str_eq(label(p, s, "call"), "read");
	ck_assert_str_eq(label(p, s, "route"), "/a");
	ck_assert_uint_ge(s->frame_count, 1);
	ck_assert_str_eq(profile_text(p, profile_at(
		p->threads, ProfileThread, s->thread)->name), "waits");
	ck_assert_int_eq(s->value[0], 1);
	ck_assert_uint_eq(p->type_count, 1);
	ck_assert_ptr_null(sample_of(p, flusher_tid()));
	ck_assert_ptr_nonnull(sample_of(p, getpid()));
	/* it is no sample: nothing counts */
	ck_assert_uint_eq(profile_at(p->processes, ProfileProcess,
				     0)->samples, 0);
	ck_assert_int_eq(agent_state(), AGENT_PAUSED);
	profile_free(p);
	ck_assert_int_eq(write(pipes[1], "x", 1), 1);
	pthread_join(id, NULL);
}
END_TEST

START_TEST(a_thread_that_nobody_registered)
{
	_Atomic int tid = 0;
	const ProfileSample *s;
	Profile *p;
	pthread_t id;

	pthread_create(&id, NULL, wait_unknown, &tid);
	s = await_blocked(tid_of(&tid), &p);
	ck_assert_str_eq(label(p, s, "call"), "read");
	profile_free(p);
	ck_assert_int_eq(write(pipes[1], "x", 1), 1);
	pthread_join(id, NULL);
	p = snapshot_read();
	ck_assert_ptr_null(sample_of(p, tid));
	profile_free(p);
}
END_TEST

/*
 * Each is there each time, once; on a busy machine one may not have run while it
 * was waited for, and has no stack then, but not always.
 */
START_TEST(threads_that_run_are_asked)
{
	static _Atomic int tids[RUNNERS];
	bool walked[RUNNERS] = { false };
	pthread_t ids[RUNNERS];
	int left = RUNNERS, round, i;

	for (i = 0; i < RUNNERS; i++)
		pthread_create(&ids[i], NULL, run, &tids[i]);
	for (i = 0; i < RUNNERS; i++)
		tid_of(&tids[i]);
	for (round = 0; round < ROUNDS && left > 0; round++) {
		g_autoptr(Profile) p = snapshot_read();

		for (i = 0; i < RUNNERS; i++) {
			const ProfileSample *s = sample_of(p, tids[i]);

			ck_assert_ptr_nonnull(s);
			ck_assert_str_eq(state(p, s), "running");
			if (s->frame_count == 0 || walked[i])
				continue;
			walked[i] = true;
			left--;
		}
	}
	atomic_store(&over, true);
	for (i = 0; i < RUNNERS; i++)
		pthread_join(ids[i], NULL);
	ck_assert_int_eq(left, 0);
}
END_TEST

/* Signals of ours that are late, or somebody else's. */
START_TEST(only_its_own_signals_are_answered)
{
	siginfo_t info = { .si_code = SI_TIMER };

	info.si_value.sival_ptr = (void *)(0x5afdull << 48 | 7);
	ck_assert(snapshot_is_asked(&info));
	snapshot_answer(&info, NULL);	/* of an old question: not walked */
	info.si_value.sival_ptr = (void *)(0x5afdull << 48 | 0xff);
	ck_assert(snapshot_is_asked(&info));
	snapshot_answer(&info, NULL);	/* of a number that there is not */
	info.si_code = SI_QUEUE;
	ck_assert(!snapshot_is_asked(&info));
	ck_assert(!snapshot_is_cookie(0));
	ck_assert(!snapshot_is_cookie(UINT64_MAX));
	ck_assert(!snapshot_is_cookie(0x5afcull << 48));
}
END_TEST

/* --- how it is shown --------------------------------------------------------------- */

/* A sample with labels as a snapshot has them, whoever wrote them. */
static void put_labels(Profile *p, guint sample, const char *where,
		       const char *call)
{
	ProfileSample *s = profile_at(p->samples, ProfileSample, sample);
	const ProfileLabel labels[] = {
		{ .key = profile_string(p, "state", -1),
		  .text = profile_string(p, where, -1) },
		{ .key = profile_string(p, "call", -1),
		  .text = profile_string(p, call, -1) },
	};

	s->first_label = p->labels->len;
	s->label_count = 2;
	g_array_append_vals(p->labels, labels, 2);
}

static Profile *shown_new(void)
{
	Profile *p = sample_profile_new("wo\x1b[31mrk\"");

	put_labels(p, 0, "running", "");
	put_labels(p, 1, "block\x1b[2Jed", "re\nad");
	return p;
}

START_TEST(shown_as_text)
{
	g_autoptr(Profile) p = shown_new();
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	snapshot_print(p, 42, to);
	fclose(to);
	ck_assert_ptr_nonnull(strstr(text, ": 4 threads\n"));
	ck_assert_ptr_nonnull(strstr(text, "Thread 100 worker-100: running\n"
				     "  #0  memcpy in prog\n  #1  wo"));
	ck_assert_ptr_nonnull(strstr(text, "Thread 101 worker-101: block"));
	/* inlined frames are frames, unknown code is named by its place */
	ck_assert_ptr_nonnull(strstr(text, "  #2  main at "));
	ck_assert_ptr_nonnull(strstr(text, "libx.so+0x10 in libx.so\n"));
	/* no byte of it steers a terminal, or makes a line of its own */
	ck_assert_ptr_null(strchr(text, '\x1b'));
	ck_assert_ptr_null(strstr(text, "\nad"));
	free(text);
}
END_TEST

START_TEST(a_thread_without_a_stack_says_why)
{
	g_autoptr(Profile) p = shown_new();
	ProfileSample *s = profile_at(p->samples, ProfileSample, 0);
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	s->frame_count = 0;
	s->thread = PROFILE_NONE;
	profile_at(p->samples, ProfileSample, 1)->end = G_MAXUINT16;
	snapshot_print(p, 42, to);
	fclose(to);
	ck_assert_ptr_nonnull(strstr(text, "Thread 0 : running\n"
				     "  (no stack: it did not"));
	ck_assert_ptr_nonnull(strstr(text, "(cut short: no-table)"));
	free(text);
}
END_TEST

START_TEST(shown_as_json)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autoptr(Profile) p = shown_new();
	g_autoptr(GString) text = g_string_new(NULL);
	JsonObject *root, *thread, *frame;
	JsonArray *threads;
	JsonOut out;

	json_out_init(&out, text);
	snapshot_put(p, 42, &out);
	ck_assert(json_parser_load_from_data(parser, text->str, -1, NULL));
	root = json_node_get_object(json_parser_get_root(parser));
	ck_assert_int_eq(json_object_get_int_member(root, "pid"), 42);
	threads = json_object_get_array_member(root, "threads");
	ck_assert_uint_eq(json_array_get_length(threads), 4);
	thread = json_array_get_object_element(threads, 1);
	ck_assert_int_eq(json_object_get_int_member(thread, "tid"), 101);
	ck_assert_str_eq(json_object_get_string_member(thread, "state"),
			 "block\x1b[2Jed");
	ck_assert_str_eq(json_object_get_string_member(thread, "call"),
			 "re\nad");
	ck_assert(!json_object_has_member(thread, "cut_short"));
	frame = json_array_get_object_element(
		json_object_get_array_member(thread, "frames"), 1);
	ck_assert_str_eq(json_object_get_string_member(frame, "function"),
			 "wo\x1b[31mrk\"");
	ck_assert_str_eq(json_object_get_string_member(frame, "module"),
			 "prog");
	thread = json_array_get_object_element(threads, 2);
	ck_assert_str_eq(json_object_get_string_member(thread, "cut_short"),
			 "no-table");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *shown = tcase_create("shown");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_thread_that_waits);
	tcase_add_test(t, a_thread_that_nobody_registered);
	tcase_add_test(t, threads_that_run_are_asked);
	tcase_add_test(t, only_its_own_signals_are_answered);
	suite_add_tcase(suite, t);
	tcase_add_test(shown, shown_as_text);
	tcase_add_test(shown, a_thread_without_a_stack_says_why);
	tcase_add_test(shown, shown_as_json);
	suite_add_tcase(suite, shown);
	return runner_run(suite);
}
