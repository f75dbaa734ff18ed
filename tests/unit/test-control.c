/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/control.h"

#include <check.h>
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/control-proto.h"
#include "agent/flusher.h"
#include "tests/unit/runner.h"

#define PID 4711

static char dir[] = "/tmp/test-control-XXXXXX";
static char heard[1 << 20];	/* what hear() read */

static void setup(void)
{
	/* whoever connects sends it to the flusher, which blocks it */
	signal(FLUSHER_WAKE_SIGNAL, SIG_IGN);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	agent_process.pid = PID;
	strcpy(agent_process.run_id, "0123456789abcdef");
	ck_assert_int_eq(control_open(dir, PID), 0);
}

static void teardown(void)
{
	control_close();
	rmdir(dir);
}

/* What the flusher does between two rounds, until nothing is left to do. */
static void pump(void)
{
	struct pollfd p[CONTROL_POLLS];
	unsigned n = control_polls(p);

	while (n > 0 && poll(p, n, 0) > 0) {
		control_serve(p, n);
		n = control_polls(p);
	}
}

static int enter(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, control_path());
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address,
				 sizeof(address)), 0);
	pump();
	return fd;
}

/* All there is to read; -1: it was cut off. */
static ssize_t hear(int fd)
{
	size_t used = 0;
	ssize_t n;

	while ((n = recv(fd, heard + used, sizeof(heard) - 1 - used,
			 MSG_DONTWAIT)) > 0)
		used += (size_t)n;
	heard[used] = '\0';
	return n == 0 && used == 0 ? -1 : (ssize_t)used;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 (ssize_t)strlen(text));
	pump();
}

static bool has(const char *part)
{
	return strstr(heard, part) != NULL;
}

static int enter_and_hear(void)
{
	int fd = enter();

	hear(fd);
	return fd;
}

/* --- the socket ---------------------------------------------------------------- */

START_TEST(it_is_for_us_alone)
{
	struct stat st;

	ck_assert_int_eq(stat(control_path(), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_ptr_nonnull(strstr(control_path(), "/4711.sock"));
	control_close();
	ck_assert_str_eq(control_path(), "");
	ck_assert_int_eq(control_open("", PID), -ENOENT);
	ck_assert_int_eq(control_open("/nowhere/at/all", PID), -ENOENT);
}
END_TEST

/* A process of another container with the same number is left alone. */
START_TEST(beside_another_of_the_same_number)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	control_close();
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%d.sock",
		 dir, PID);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address,
			      sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(control_open(dir, PID), 0);
	ck_assert_ptr_nonnull(strstr(control_path(), "/4711.1.sock"));
	control_close();
	ck_assert_int_eq(access(address.sun_path, F_OK), 0);
	close(fd);
	/* stale now: its place is taken */
	ck_assert_int_eq(control_open(dir, PID), 0);
	ck_assert_ptr_nonnull(strstr(control_path(), "/4711.sock"));
}
END_TEST

/* What follows an exec has the name for itself, and may leave nothing there. */
START_TEST(away_and_back)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct pollfd p[CONTROL_POLLS];
	int before = enter_and_hear(), after;

	strcpy(path, control_path());
	control_leave();
	control_leave();
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_uint_eq(control_polls(p), 0);
	control_return();
	ck_assert_str_eq(control_path(), path);
	after = enter_and_hear();
	ck_assert(has("\"pid\":4711"));
	/* who was there before has heard nothing of it */
	say(before, "nonsense\n");
	ck_assert_int_gt(hear(before), 0);
	control_leave();
	control_close();
	control_return();
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_str_eq(control_path(), "");
	close(before);
	close(after);
}
END_TEST

/* --- requests ------------------------------------------------------------------- */

START_TEST(who_comes_is_greeted)
{
	int fd = enter();

	ck_assert_int_gt(hear(fd), 0);
	ck_assert_str_eq(heard, "{\"profagent\":1,\"version\":\""
			 PACKAGE_VERSION "\",\"pid\":4711,\"run_id\":"
			 "\"0123456789abcdef\"}\n");
	close(fd);
	pump();
}
END_TEST

static const struct {
	const char *request, *answer;
} refusals[] = {
	{ "\n", "unknown verb; known are status, start" },
	{ "dance\n", "unknown verb" },
	{ "STATUS\n", "unknown verb" },
	{ " status\n", "unknown verb" },
	{ "flush now\n", "this verb takes no argument" },
	{ "interval\n", "this verb takes an argument" },
	{ "interval \n", "interval takes a number of ns from 100000" },
	{ "interval 0\n", "interval takes a number" },
	{ "interval -1\n", "interval takes a number" },
	{ "interval 99999\n", "interval takes a number" },
	{ "interval 10000000001\n", "interval takes a number" },
	{ "interval 1e6\n", "interval takes a number" },
	{ "interval 99999999999999999999999\n", "interval takes a number" },
};

START_TEST(what_is_wrong_is_said)
{
	int fd = enter_and_hear();

	say(fd, refusals[_i].request);
	ck_assert_int_gt(hear(fd), 0);
	ck_assert_msg(has("{\"ok\":false,\"error\":\"") &&
		      has(refusals[_i].answer), "%s", heard);
	/* and the next one is heard as ever */
	say(fd, "subscribe\n");
	hear(fd);
	ck_assert_str_eq(heard, "{\"ok\":true}\n");
	close(fd);
	pump();
}
END_TEST

START_TEST(in_pieces_and_together)
{
	int fd = enter_and_hear();

	say(fd, "sub");
	ck_assert_int_eq(hear(fd), 0);
	say(fd, "scribe\r");
	ck_assert_int_eq(hear(fd), 0);
	say(fd, "\nx\nsubscribe\n");
	hear(fd);
	ck_assert(g_str_has_prefix(heard, "{\"ok\":true}\n{\"ok\":false"));
	ck_assert(g_str_has_suffix(heard, "}\n{\"ok\":true}\n"));
	close(fd);
	pump();
}
END_TEST

START_TEST(too_long_a_line_is_the_last)
{
	char line[CONTROL_LINE + 1];
	int fd = enter_and_hear(), other = enter_and_hear();

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	say(fd, line);
	ck_assert_int_gt(hear(fd), 0);
	ck_assert(has("one line of at most 256 bytes"));
	ck_assert_int_eq(hear(fd), -1);
	say(other, "subscribe\n");
	ck_assert_int_gt(hear(other), 0);
	close(fd);
	close(other);
	pump();
}
END_TEST

/* --- many -------------------------------------------------------------------------- */

START_TEST(the_most_silent_makes_room)
{
	int fds[CONTROL_CLIENTS + 1];
	unsigned i;

	for (i = 0; i < CONTROL_CLIENTS; i++)
		fds[i] = enter_and_hear();
	say(fds[0], "subscribe\n");	/* who watches stays */
	hear(fds[0]);
	fds[CONTROL_CLIENTS] = enter_and_hear();
	ck_assert(has("profagent"));
	ck_assert_int_eq(hear(fds[1]), -1);
	for (i = 2; i <= CONTROL_CLIENTS; i++)
		ck_assert_int_eq(hear(fds[i]), 0);
	ck_assert_int_eq(hear(fds[0]), 0);
	for (i = 0; i <= CONTROL_CLIENTS; i++)
		close(fds[i]);
	pump();
	ck_assert(!control_wants_member());
}
END_TEST

START_TEST(a_storm_of_comers_and_goers)
{
	int fd, watcher = enter_and_hear();
	unsigned i;

	say(watcher, "subscribe\n");
	for (i = 0; i < 3000; i++) {
		fd = enter();
		close(fd);
	}
	pump();
	ck_assert(control_wants_member());
	hear(watcher);
	control_publish((const uint8_t *)"member", 6);
	hear(watcher);
	ck_assert_str_eq(heard, "{\"member\":6,\"number\":1}\nmember");
	close(watcher);
	pump();
	ck_assert(!control_wants_member());
}
END_TEST

/* A fragment that no socket takes at once, to who reads and who does not. */
START_TEST(who_does_not_read_misses_whole_fragments)
{
	enum { SIZE = 700000, SENT = 5 };
	uint8_t *fragment = calloc(1, SIZE);
	int quick = enter_and_hear(), slow = enter_and_hear();
	size_t got = 0;
	ssize_t n;
	unsigned i;

	memset(fragment, 'f', SIZE);
	say(quick, "subscribe\n");
	say(slow, "subscribe\n");
	hear(quick);
	hear(slow);
	for (i = 0; i < SENT; i++) {
		control_publish(fragment, SIZE);
		for (got = 0; got < SIZE; pump()) {
			n = hear(quick);
			ck_assert_int_ge(n, 0);
			got += (size_t)n;
		}
	}
	/* the first, and after it the next that is published */
	for (got = 0; (n = hear(slow)) > 0; pump())
		got += (size_t)n;
	ck_assert_uint_eq(got, SIZE + strlen("{\"member\":700000,"
					     "\"number\":1}\n"));
	control_publish((const uint8_t *)"last", 4);
	hear(slow);
	ck_assert_str_eq(heard, "{\"member\":4,\"number\":6}\nlast");
	close(quick);
	close(slow);
	pump();
	free(fragment);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, it_is_for_us_alone);
	tcase_add_test(all, beside_another_of_the_same_number);
	tcase_add_test(all, away_and_back);
	tcase_add_test(all, who_comes_is_greeted);
	tcase_add_loop_test(all, what_is_wrong_is_said, 0,
			    (int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_test(all, in_pieces_and_together);
	tcase_add_test(all, too_long_a_line_is_the_last);
	tcase_add_test(all, the_most_silent_makes_room);
	tcase_add_test(all, a_storm_of_comers_and_goers);
	tcase_add_test(all, who_does_not_read_misses_whole_fragments);
	suite_add_tcase(suite, all);
	return runner_run(suite);
}
