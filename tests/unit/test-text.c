/* SPDX-License-Identifier: MIT */
#include "tools/text.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static void same(char *seen, const char *wanted)
{
	ck_assert_str_eq(seen, wanted);
	g_free(seen);
}

START_TEST(nothing_reaches_the_terminal_unseen)
{
	same(text_escape("plain ä 字"), "plain ä 字");
	same(text_escape("\033[31mred\n"), "\\x1b[31mred\\x0a");
	same(text_escape("a\x7f" "b\xc2\x9b" "c"), "a\\x7fb\\x9bc");
	same(text_escape("x\xe2\x80\xaey"), "x\\u202ey");
	same(text_escape("bad \xff"), "bad \xef\xbf\xbd");
}
END_TEST

START_TEST(widths_are_columns)
{
	ck_assert_uint_eq(text_columns("abc"), 3);
	ck_assert_uint_eq(text_columns("äöü"), 3);
	ck_assert_uint_eq(text_columns("字字"), 4);
	ck_assert_uint_eq(text_columns("e\xcc\x81"), 1);
	same(text_fit("short", 10), "short");
	same(text_fit("0123456789abcdefghij", 12), "012...efghij");
	same(text_fit("0123456789", 4), "0123");
	same(text_fit("字字字字字字字字", 11), "字...字字");
}
END_TEST

START_TEST(numbers_have_three_digits)
{
	same(text_time(0), "0");
	same(text_time(950), "950 ns");
	same(text_time(1234), "1.23 us");
	same(text_time(12.34e6), "12.3 ms");
	same(text_time(999.6e6), "1.00 s");
	same(text_time(4.5e9), "4.50 s");
	same(text_time(123e9), "2m03s");
	same(text_time(3 * 3600e9 + 300e9), "3h05m");
	same(text_time(-12.34e6), "-12.3 ms");
	same(text_value(1536, "bytes"), "1.50 KiB");
	same(text_value(7, "count"), "7");
	same(text_value(2, "seconds"), "2.00 s");
	same(text_rate(0.5), "0.5");
	same(text_rate(172.34), "172.3");
	same(text_rate(999.96), "1000");
	same(text_rate(10000), "10000");
	same(text_count(99999), "99999");
	same(text_count(1.5e6), "1.50M");
}
END_TEST

START_TEST(colours_follow_shares)
{
	ck_assert_str_eq(text_share_color(0.1), "");
	ck_assert_str_ne(text_share_color(0.11), "");
	ck_assert_str_ne(text_share_color(0.31), text_share_color(0.3));
	ck_assert_str_ne(text_share_color(0.71), text_share_color(0.7));
	ck_assert_str_ne(text_share_color(0.91), text_share_color(0.9));
}
END_TEST

START_TEST(tables_line_up)
{
	static const TextColumn columns[] = {
		{ "n", TRUE, 0, 0 }, { "name", FALSE, 8, 0 },
		{ "end", FALSE, 0, 0 },
	};
	g_autoptr(TextTable) t = text_table_new(columns, 3);
	g_autofree char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	text_table_cell(t, g_strdup("7"), NULL);
	text_table_cell(t, g_strdup("a"), text_share_color(1));
	text_table_row(t);
	text_table_cell(t, g_strdup("123"), NULL);
	text_table_cell(t, g_strdup("longer"), NULL);
	text_table_cell(t, g_strdup("x"), NULL);
	text_table_print(t, to);
	fclose(to);
	ck_assert_str_eq(text, "  n  name    end\n"
			       "  7  a       \n"
			       "123  longer  x\n");
}
END_TEST

/* As a terminal of so many columns gets it. */
static char *on_terminal(const TextTable *t, unsigned short columns)
{
	const struct winsize size = { .ws_row = 24, .ws_col = columns };
	int ours = posix_openpt(O_RDWR | O_NOCTTY);
	g_auto(GStrv) parts = NULL;
	gsize size_read = 0;
	char text[1024];
	ssize_t n;
	FILE *to;

	ck_assert_int_ge(ours, 0);
	ck_assert_int_eq(grantpt(ours), 0);
	ck_assert_int_eq(unlockpt(ours), 0);
	ck_assert_int_eq(ioctl(ours, TIOCSWINSZ, &size), 0);
	to = fopen(ptsname(ours), "r+");
	ck_assert_ptr_nonnull(to);
	text_table_print(t, to);
	fclose(to);
	/* what was written stays readable; then EIO */
	while ((n = read(ours, text + size_read, sizeof(text) - 1 -
			 size_read)) > 0)
		size_read += (gsize)n;
	close(ours);
	text[size_read] = '\0';
	parts = g_strsplit(text, "\r", -1);
	return g_strjoinv("", parts);
}

START_TEST(what_is_too_wide_is_cut_then_left_out)
{
	static const TextColumn columns[] = {
		{ "n", TRUE, 0, 0 }, { "more", TRUE, 0, 1 },
		{ "name", FALSE, 8, 0 }, { "where", FALSE, 6, 2 },
	};
	static const struct {
		unsigned short width;
		const char *text;
	} all[] = {
		{ 80, "n  more  name              where\n"
		      "1  1234  a_function_of_it  somewhere.c\n" },
		{ 30, "n  more  name           where\n"
		      "1  1234  a_fu..._of_it  somewh\n" },
		{ 20, "n  more  name\n1  1234  a_f...of_it\n" },
		{ 11, "n  name\n1  a_..._it\n" },
		{ 3, "n  name\n1  a_..._it\n" },
	};
	g_autoptr(TextTable) t = text_table_new(columns, 4);
	gsize i;

	g_unsetenv("COLUMNS");
	g_setenv("NO_COLOR", "1", TRUE);
	text_table_cell(t, g_strdup("1"), NULL);
	text_table_cell(t, g_strdup("1234"), NULL);
	text_table_cell(t, g_strdup("a_function_of_it"), NULL);
	text_table_cell(t, g_strdup("somewhere.c"), NULL);
	for (i = 0; i < G_N_ELEMENTS(all); i++) {
		g_autofree char *text = on_terminal(t, all[i].width);

		ck_assert_str_eq(text, all[i].text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("text");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, nothing_reaches_the_terminal_unseen);
	tcase_add_test(tcase, widths_are_columns);
	tcase_add_test(tcase, numbers_have_three_digits);
	tcase_add_test(tcase, colours_follow_shares);
	tcase_add_test(tcase, tables_line_up);
	tcase_add_test(tcase, what_is_too_wide_is_cut_then_left_out);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
