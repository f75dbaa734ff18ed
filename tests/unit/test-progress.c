/* SPDX-License-Identifier: MIT */
#include "tools/progress.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/runner.h"

/* Our stderr becomes a terminal; what is written to it can be read here. */
static int terminal;

static void setup(void)
{
	int fd;

	terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	ck_assert_int_ge(terminal, 0);
	ck_assert_int_eq(grantpt(terminal), 0);
	ck_assert_int_eq(unlockpt(terminal), 0);
	fd = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

static void teardown(void)
{
	close(terminal);
}

static const char *written(void)
{
	static char text[1024];
	ssize_t got = read(terminal, text, sizeof(text) - 1);

	text[MAX(got, 0)] = '\0';
	return text;
}

START_TEST(short_work_shows_nothing)
{
	Progress p;

	progress_init(&p, "names", FALSE);
	progress_update(&p, 1, 2);
	progress_release(&p);
	ck_assert_str_eq(written(), "");
}
END_TEST

START_TEST(long_work_shows_a_bar_and_wipes_it)
{
	Progress p;
	const char *text;

	progress_init(&p, "names", FALSE);
	p.begun -= 2 * G_USEC_PER_SEC;
	progress_update(&p, 1, 2);
	text = written();
	ck_assert_ptr_nonnull(strstr(text, "names [####################...."));
	ck_assert_ptr_nonnull(strstr(text, " 50%"));
	/* drawn again only after a while */
	progress_update(&p, 2, 2);
	ck_assert_str_eq(written(), "");
	p.shown -= G_USEC_PER_SEC;
	progress_update(&p, 3, 2);
	ck_assert_ptr_nonnull(strstr(written(), "100%"));
	progress_release(&p);
	ck_assert_str_eq(written(), "\r\033[K");
}
END_TEST

START_TEST(nothing_is_shown_if_told_so_or_without_terminal)
{
	Progress p;
	int null = open("/dev/null", O_WRONLY);

	progress_init(&p, "names", TRUE);
	p.begun -= 2 * G_USEC_PER_SEC;
	progress_update(&p, 1, 2);
	progress_release(&p);
	ck_assert_str_eq(written(), "");
	ck_assert_int_ge(dup2(null, STDERR_FILENO), 0);
	close(null);
	progress_init(&p, "names", FALSE);
	ck_assert(p.off);
}
END_TEST

START_TEST(no_total_is_no_division)
{
	Progress p;

	progress_init(&p, "names", FALSE);
	p.begun -= 2 * G_USEC_PER_SEC;
	progress_update(&p, 0, 0);
	progress_release(&p);
	ck_assert_ptr_nonnull(strstr(written(), "  0%"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("progress");
	TCase *tc = tcase_create("progress");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, short_work_shows_nothing);
	tcase_add_test(tc, long_work_shows_a_bar_and_wipes_it);
	tcase_add_test(tc, nothing_is_shown_if_told_so_or_without_terminal);
	tcase_add_test(tc, no_total_is_no_division);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
