/* SPDX-License-Identifier: MIT */
/* What other tools write: each form of it becomes the same stacks. */
#include "tools/import.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/messages.h"
#include "tests/unit/runner.h"
#include "tools/pprof-read.h"

static void put_frame(GString *to, const Profile *p, guint32 at)
{
	const ProfileLocation *l = profile_at(p->locations, ProfileLocation,
					      at);
	const ProfileLine *line;

	if (l->line_count == 0) {
		g_string_append_printf(to, "0x%" G_GINT64_MODIFIER "x",
				       l->address);
		return;
	}
	line = profile_at(p->lines, ProfileLine, l->first_line);
	g_string_append(to, profile_text(p, profile_at(p->functions,
		ProfileFunction, line->function)->name));
}

/* "root;leaf 3 30 @thread/tid" a line; g_free() it. */
static char *dump(const Profile *p)
{
	GString *to = g_string_new(NULL);

	for (guint i = 0; i < p->samples->len; i++) {
		const ProfileSample *s = profile_at(p->samples, ProfileSample,
						    i);

		for (guint k = s->frame_count; k-- > 0;) {
			put_frame(to, p, g_array_index(p->frames, guint32,
						       s->first_frame + k));
			if (k > 0)
				g_string_append_c(to, ';');
		}
		for (guint k = 0; k < p->type_count; k++)
			g_string_append_printf(to, " %" G_GINT64_FORMAT,
					       s->value[k]);
		if (s->thread != PROFILE_NONE) {
			const ProfileThread *t = profile_at(
				p->threads, ProfileThread, s->thread);

			g_string_append_printf(to, " @%s/%d",
					       profile_text(p, t->name),
					       t->tid);
		}
		g_string_append_c(to, '\n');
	}
	return g_string_free(to, FALSE);
}

static Profile *read_profile(const void *data, gsize size)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GError) error = NULL;

	ck_assert_msg(pprof_read_bytes(p, "test", data, size,
				       PPROF_READ_DEFAULT, &error), "%s",
		      error ? error->message : "");
	return g_steal_pointer(&p);
}

static void becomes(const char *text, const char *expected)
{
	g_autoptr(Profile) p = read_profile(text, strlen(text));
	g_autofree char *got = dump(p);

	ck_assert_str_eq(got, expected);
}

static void refused(const char *text, const char *part)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GError) error = NULL;

	ck_assert(!pprof_read_bytes(p, "test", (const guint8 *)text,
				    strlen(text), PPROF_READ_DEFAULT,
				    &error));
	ck_assert_msg(strstr(error->message, part) != NULL, "%s",
		      error->message);
	ck_assert_uint_eq(p->samples->len, 0);
	ck_assert_uint_eq(p->processes->len, 0);
}

/* --- folded ---------------------------------------------------------------- */

START_TEST(folded_stacks)
{
	becomes("main;work 3\nmain 1\nmain;work 2\n",
		"main;work 5\nmain 1\n");
	becomes("# a comment\n\na b;operator new(int) 7", "a b;operator new(int) 7\n");
	becomes("main;_ZN1a1bEi 1.6\r\n", "main;a::b 2\n");
	becomes("one;;two 9007199254740993\n", "one;two 9007199254740993\n");
	refused("main;work three\n", "not a profile");
	refused("main;work 3\nand prose\n", "not a profile");
}
END_TEST

/* awk prints the sum of many so, and rounds it. */
START_TEST(folded_numbers)
{
	becomes("a 1e+09\nb 2.5e+09\nc 7E2\n",
		"a 1000000000\nb 2500000000\nc 700\n");
	becomes("a 8999999999999998976\n", "a 8999999999999998976\n");
	becomes("a 0\nb 2.4\n", "a 0\nb 2\n");
	refused("a 9000000000000000001\n", "not a profile");
	refused("a 0x10\n", "not a profile");
	refused("a -1\n", "not a profile");
	refused("a 1e\n", "not a profile");
	refused("a inf\n", "not a profile");
}
END_TEST

START_TEST(folded_lines_may_be_indented)
{
	becomes("main 1\n  main 2\n\t# of 3\n \r\n", "main 3\n");
}
END_TEST

START_TEST(a_late_line_that_is_none_is_counted)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(Profile) p = NULL;
	const ProfileProcess *process;

	while (text->len < IMPORT_HEAD)
		g_string_append(text, "main;work 1\n");
	g_string_append(text, "no number\nmain;work 1\n");
	p = read_profile(text->str, text->len);
	process = profile_at(p->processes, ProfileProcess, 0);
	ck_assert_uint_eq(p->samples->len, 1);
	ck_assert_uint_eq(process->skipped->len, 1);
	ck_assert(strstr(process->skipped->pdata[0], "1 lines") != NULL);
}
END_TEST

START_TEST(compressed_text_is_text)
{
	const char text[] = "main;work 3\n";
	g_autoptr(GByteArray) gz = messages_gzip((const guint8 *)text,
						 strlen(text));
	g_autoptr(Profile) p = read_profile(gz->data, gz->len);
	g_autofree char *got = dump(p);

	ck_assert_str_eq(got, "main;work 3\n");
}
END_TEST

START_TEST(a_line_of_16_mib_is_cut)
{
	gsize size = IMPORT_LINE_MAX + 100;
	g_autofree char *text = g_malloc(size + 20);
	g_autoptr(Profile) p = NULL;

	memcpy(text, "a 1\n", 4);
	memset(text + 4, 'x', size);
	memcpy(text + 4 + size, " 1\nb 1\n", 8);
	p = read_profile(text, strlen(text));
	ck_assert_uint_eq(p->samples->len, 2);
	ck_assert_uint_eq(profile_at(p->processes, ProfileProcess,
				     0)->skipped->len, 2);
}
END_TEST

/* --- perf script -------------------------------------------------------------- */

static const struct {
	const char *text, *expected;
} perf_cases[] = {
	/* with chains */
	{ "burn  2711 12343.123549:     250000 cpu-clock: \n"
	  "\t            1181 work+0x48 (/tmp/burn)\n"
	  "\t            11d1 main+0x15 (/tmp/burn)\n\n",
	  "main;work 1 250000 @burn/2711\n" },
	/* without */
	{ "            burn  2711 12343.123549:     250000 cpu-clock:u:  "
	  "    1181 work+0x48 (/tmp/burn)\n"
	  "            burn  2711 12343.123550:     250000 cpu-clock:u:  "
	  "    1182 work+0x49 (/tmp/burn)\n",
	  "work 1 250000 @burn/2711\nwork 1 250000 @burn/2711\n" },
	/* process and thread, a processor, a name with blanks and numbers */
	{ "a 12 b 10/11 [003] 1.5: 7 cycles:ppp: \n\tff f (/x)\n\n",
	  "f 1 7 @a 12 b/11\n" },
	/* no period, a tracepoint, no offset, a name with blanks, a C++ one */
	{ "x 1 2.0: syscalls:sys_enter_read: \n"
	  "\tff operator new(unsigned long) (/a (b)/x.so (deleted))\n"
	  "\tfe _ZN1a1bEi+0x1 ([unknown])\n\n",
	  "a::b;operator new(unsigned long) 1 @x/1\n" },
	/* what -F leaves of it, and source lines */
	{ "# a head\n\nx 1 \n\tff f+0x1 (/x)\n  x.c:12\n\tfe main+0x2 (/x)\n",
	  "main;f 1 @x/1\n" },
	/* records that are no samples */
	{ "x 1 1.0: PERF_RECORD_COMM exec: x:1/1\n\n"
	  "x 1 1.5: 5 cycles: \n\tff [unknown] (/x)\n\n",
	  "[unknown] 1 5 @x/1\n" },
	/* two events */
	{ "x 1 1.0: 5 cycles: \n\tff f (/x)\n\n"
	  "x 1 1.1: 6 instructions: \n\tff f (/x)\n\n",
	  "f 2 5 6 @x/1\n" },
	/* a sample without a stack */
	{ "x 1 1.0: 5 cycles: \n\nx 1 1.0: 6 cycles: \n\n",
	  " 2 11 @x/1\n" },
	/* template arguments as our own names have them */
	{ "x 1 1.0: 5 cycles:\n"
	  "\tff std::vector<int, std::allocator<int> >::size+0x1 (/x)\n\n",
	  "std::vector<int>::size 1 5 @x/1\n" },
	/* inlined */
	{ "x 1 1.0: 5 cycles:\n\tff g (inlined)\n\tff f (/x)\n\n",
	  "f;g 1 5 @x/1\n" },
};

START_TEST(perf_script)
{
	becomes(perf_cases[_i].text, perf_cases[_i].expected);
}
END_TEST

/*
 * Lines that are no head of a sample, but look long as if they were: whoever
 * tries each of their blanks needs hours for them.
 */
START_TEST(perf_lines_are_tried_once)
{
	static const char *const parts[] = { " ", " 1", "1", "x 1 1.0: " };
	gsize size = 1 << 20, part = strlen(parts[_i]);
	g_autoptr(GString) text = g_string_new(
		"x 1 1.0: 5 cycles: \n\tff f (/x)\n\n");
	g_autoptr(Profile) p = NULL;

	for (guint line = 0; line < 2; line++) {
		g_string_append(text, "a ");
		for (gsize i = 0; i < size / part; i++)
			g_string_append(text, parts[_i]);
		g_string_append(text, "x\n");
	}
	g_string_append(text, "x 1 1.0: 5 cycles: \n\tff f (/x)\n\n");
	p = read_profile(text->str, text->len);
	ck_assert_uint_eq(p->samples->len, 1);
	ck_assert_int_eq(profile_at(p->samples, ProfileSample, 0)->value[0],
			 2);
	ck_assert(strstr(profile_at(p->processes, ProfileProcess,
				    0)->skipped->pdata[0], "2 lines") != NULL);
}
END_TEST

/* Of what is more than a profile has room for nothing is put elsewhere. */
START_TEST(perf_events_beyond_the_types_are_counted)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(Profile) p = NULL;
	g_autofree char *got = NULL;

	for (guint i = 0; i < PROFILE_VALUES_MAX + 2; i++)
		g_string_append_printf(text, "x 1 1.%u: %u event%u: \n"
				       "\tff f (/x)\n\n", i, 10 + i, i);
	p = read_profile(text->str, text->len);
	got = dump(p);
	ck_assert_uint_eq(p->type_count, PROFILE_VALUES_MAX);
	ck_assert_str_eq(got, "f 3 10 11 12 @x/1\n");
	ck_assert(strstr(profile_at(p->processes, ProfileProcess,
				    0)->skipped->pdata[0], "3 lines") != NULL);
}
END_TEST

START_TEST(perf_modules_times_and_processes)
{
	const char text[] =
		"one 10/10 5.000001: 9 cpu-clock: \n\tff f (/a/x y.so)\n\n"
		"two 20/21 7.5: 9 cpu-clock: \n\tff f (/a/x y.so)\n\n";
	g_autoptr(Profile) p = read_profile(text, strlen(text));
	const ProfileMapping *m = profile_at(p->mappings, ProfileMapping, 0);
	const ProfileProcess *process = profile_at(p->processes,
						   ProfileProcess, 0);

	ck_assert_str_eq(profile_text(p, m->path), "/a/x y.so");
	ck_assert_uint_eq(p->mappings->len, 1);
	ck_assert_str_eq(profile_text(p, p->type[p->default_type].type),
			 "cpu");
	ck_assert_uint_eq(p->moments->len, 2);
	ck_assert_uint_eq(profile_at(p->moments, ProfileMoment, 0)->time_ns,
			  0);
	ck_assert_uint_eq(profile_at(p->moments, ProfileMoment, 1)->time_ns,
			  2499999000u);
	ck_assert_int_eq(p->duration_nanos, 2499999000);
	ck_assert_str_eq(profile_text(p, process->program), "one");
	ck_assert(process->foreign);
	/* several processes are told apart by a label */
	ck_assert_int_eq(process->pid, 0);
	ck_assert_uint_eq(profile_at(p->samples, ProfileSample,
				     1)->label_count, 1);
}
END_TEST

START_TEST(perf_heads_alone_are_no_profile)
{
	refused("# ========\n# captured on : today\n#\n", "not a profile");
	refused("PERFILE2 and so on", "perf script -i FILE");
}
END_TEST

/* --- gperftools ------------------------------------------------------------------ */

#define MAPS "1000-2000 r-xp 00000000 08:01 7    /bin/a program\n" \
	"2000-3000 rw-p 00001000 08:01 7    /bin/a program\n"

/* Words of `size` bytes, as the other byte order has them if `swap`. */
static void put_words(GByteArray *to, const guint64 *words, gsize n,
		      gsize size, gboolean swap)
{
	for (gsize i = 0; i < n; i++) {
		guint64 wide = swap ? GUINT64_SWAP_LE_BE(words[i]) : words[i];
		guint32 narrow = swap ? GUINT32_SWAP_LE_BE((guint32)words[i])
				      : (guint32)words[i];

		if (size == 8)
			g_byte_array_append(to, (guint8 *)&wide, 8);
		else
			g_byte_array_append(to, (guint8 *)&narrow, 4);
	}
}

static const guint64 gperftools_words[] = {
	0, 3, 0, 10000, 0,			/* 10 ms */
	2, 2, 0x1010, 0x1021,
	1, 1, 0x5000,
	0, 1, 0,
};

START_TEST(gperftools_of_every_machine)
{
	gsize size = _i & 1 ? 4 : 8;
	g_autoptr(GByteArray) file = g_byte_array_new();
	g_autoptr(Profile) p = NULL;
	g_autofree char *got = NULL;
	const ProfileMapping *m;

	put_words(file, gperftools_words, G_N_ELEMENTS(gperftools_words),
		  size, (_i & 2) != 0);
	g_byte_array_append(file, (const guint8 *)MAPS, strlen(MAPS));
	p = read_profile(file->data, file->len);
	got = dump(p);
	ck_assert_str_eq(got, "0x1020;0x1010 2 20000000\n"
			 "0x5000 1 10000000\n");
	ck_assert_uint_eq(p->mappings->len, 1);
	m = profile_at(p->mappings, ProfileMapping, 0);
	ck_assert_str_eq(profile_text(p, m->path), "/bin/a program");
	ck_assert_uint_eq(profile_at(p->locations, ProfileLocation,
				     0)->mapping, 0);
	ck_assert_int_eq(p->period, 10000000);
}
END_TEST

/* Their lines in any order, what is no code, what has no name, what is wrong. */
START_TEST(gperftools_finds_the_piece_of_each_address)
{
	static const guint64 words[] = {
		0, 3, 0, 1, 0,
		1, 1, 0xfff, 1, 1, 0x1000, 1, 1, 0x1fff, 1, 1, 0x2000,
		1, 1, 0x8000, 1, 1, 0x8fff, 1, 1, 0x9000, 1, 1, 0x5000,
		1, 1, 0x6000, 1, 1, G_MAXUINT64,
		0, 1, 0,
	};
	static const char maps[] =
		"8000-9000 r-xp 00003000 08:01 7    /c\n"
		"5000-6000 rw-p 00000000 08:01 7    /data\n"
		"6000-7000 r-xp 00000000 00:00 0\n"
		"not a line of maps\n"
		"1000-2000 r-xp 00000000 08:01 7    /a\n";
	static const char *const paths[] = {
		NULL, "/a", "/a", NULL, "/c", "/c", NULL, NULL, NULL, NULL
	};
	g_autoptr(GByteArray) file = g_byte_array_new();
	g_autoptr(Profile) p = NULL;

	put_words(file, words, G_N_ELEMENTS(words), 8, FALSE);
	g_byte_array_append(file, (const guint8 *)maps, strlen(maps));
	p = read_profile(file->data, file->len);
	ck_assert_uint_eq(p->locations->len, G_N_ELEMENTS(paths));
	for (guint i = 0; i < p->locations->len; i++) {
		guint32 at = profile_at(p->locations, ProfileLocation,
					i)->mapping;

		ck_assert_int_eq(at == PROFILE_NONE, paths[i] == NULL);
		if (paths[i])
			ck_assert_str_eq(profile_text(p, profile_at(
				p->mappings, ProfileMapping, at)->path),
				paths[i]);
	}
}
END_TEST

/* What no real run counts is as much as fits, and never less than nothing. */
START_TEST(gperftools_counts_are_bounded)
{
	static const guint64 words[] = {
		0, 3, 0, G_MAXUINT64, 0,
		G_MAXUINT64, 1, 0x1000,
		1, 65537, 0x2000,		/* too deep */
		0, 1, 0,
	};
	g_autoptr(GByteArray) file = g_byte_array_new();
	g_autoptr(Profile) p = NULL;
	const ProfileSample *s;

	put_words(file, words, G_N_ELEMENTS(words), 8, FALSE);
	p = read_profile(file->data, file->len);
	ck_assert_uint_eq(p->samples->len, 1);
	s = profile_at(p->samples, ProfileSample, 0);
	ck_assert_int_eq(s->value[0], G_MAXINT32);
	ck_assert_int_gt(s->value[1], G_MAXINT32);
	ck_assert_uint_eq(profile_at(p->processes, ProfileProcess,
				     0)->skipped->len, 1);
}
END_TEST

/* Every prefix and many changed files: an error or a profile. */
START_TEST(broken_files_do_no_harm)
{
	g_autoptr(GByteArray) file = g_byte_array_new();
	g_autoptr(GRand) rand = g_rand_new_with_seed(11);

	put_words(file, gperftools_words, G_N_ELEMENTS(gperftools_words), 8,
		  FALSE);
	g_byte_array_append(file, (const guint8 *)MAPS, strlen(MAPS));
	if (_i == 1) {
		g_byte_array_set_size(file, 0);
		for (gsize i = 0; i < G_N_ELEMENTS(perf_cases); i++)
			g_byte_array_append(
				file, (const guint8 *)perf_cases[i].text,
				(guint)strlen(perf_cases[i].text));
	}
	for (guint i = 0; i < 3000; i++) {
		g_autoptr(Profile) p = profile_new();
		guint size = i < file->len ? i : file->len;
		g_autofree guint8 *copy = g_memdup2(file->data, file->len);

		for (guint k = 0; k < i / file->len; k++)
			copy[g_rand_int_range(rand, 0, (gint)file->len)] =
				(guint8)g_rand_int(rand);
		pprof_read_bytes(p, "test", copy, size, PPROF_READ_NO_REGION,
				 NULL);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("import");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, folded_stacks);
	tcase_add_test(tcase, folded_numbers);
	tcase_add_test(tcase, folded_lines_may_be_indented);
	tcase_add_test(tcase, a_late_line_that_is_none_is_counted);
	tcase_add_test(tcase, compressed_text_is_text);
	tcase_add_test(tcase, a_line_of_16_mib_is_cut);
	tcase_add_loop_test(tcase, perf_script, 0, G_N_ELEMENTS(perf_cases));
	tcase_add_loop_test(tcase, perf_lines_are_tried_once, 0, 4);
	tcase_add_test(tcase, perf_events_beyond_the_types_are_counted);
	tcase_add_test(tcase, perf_modules_times_and_processes);
	tcase_add_test(tcase, perf_heads_alone_are_no_profile);
	tcase_add_loop_test(tcase, gperftools_of_every_machine, 0, 4);
	tcase_add_test(tcase, gperftools_finds_the_piece_of_each_address);
	tcase_add_test(tcase, gperftools_counts_are_bounded);
	tcase_add_loop_test(tcase, broken_files_do_no_harm, 0, 2);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
