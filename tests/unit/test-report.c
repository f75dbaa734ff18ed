/* SPDX-License-Identifier: MIT */
/* Tables, trees, folded stacks and JSON of a profile known by heart. */
#include "tools/report.h"

#include <check.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"

static char *printed(CalltreeOptions o, Report r, const char *work,
		     void (*print)(const Report *r, FILE *to))
{
	g_autoptr(Profile) p = sample_profile_new(work);
	g_autoptr(Calltree) t = NULL;
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	Health h;

	o.type = p->default_type;
	t = calltree_new(p, &o);
	health_init(&h, p, NULL);
	r.profile = p;
	r.options = &o;
	r.tree = t;
	r.health = &h;
	print(&r, to);
	health_release(&h);
	fclose(to);
	return text;
}

START_TEST(folded_is_what_other_programs_read)
{
	g_autofree char *text = printed((CalltreeOptions){ .label = NULL },
					(Report){ .limit = 0 }, "wo;r\nk",
					report_print_folded);

	ck_assert_str_eq(text, "main;wo:r\\x0ak;memcpy 40000000\n"
			 "main;wo:r\\x0ak;libx.so+0x10 30000000\n"
			 "wo:r\\x0ak 20000000\n[not sampled] 10000000\n");
}
END_TEST

static void print_raw_type(const Report *r, FILE *to)
{
	Profile *p = r->profile;

	p->type[p->default_type].type = profile_string(p, "cpu\033[2J", -1);
	report_print_head(r, to);
	report_print_timeline(r, to);
}

START_TEST(a_type_of_samples_is_no_command)
{
	g_autofree char *text = printed((CalltreeOptions){ .label = NULL },
					(Report){ .limit = 0 }, "work",
					print_raw_type);

	ck_assert_ptr_null(strchr(text, '\033'));
	ck_assert_ptr_nonnull(strstr(text, "cpu\\x1b[2J"));
}
END_TEST

/* The first word of each line behind the titles, joined. */
static char *column(const char *text, guint number)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	GString *out = g_string_new(NULL);
	guint i;

	for (i = 1; lines[i] && lines[i][0]; i++) {
		g_autoptr(GRegex) gap = g_regex_new("  +", 0, 0, NULL);
		g_auto(GStrv) cells = g_regex_split(gap, g_strstrip(lines[i]),
						    0);

		g_string_append_printf(out, "%s ", g_strv_length(cells) > number
				       ? cells[number] : "-");
	}
	return g_string_free(out, FALSE);
}

START_TEST(the_table_is_sorted_and_cut)
{
	g_autofree char *self = printed((CalltreeOptions){ .flat = TRUE },
		(Report){ .sort = REPORT_BY_SELF }, "work", report_print_flat);
	g_autofree char *total = printed((CalltreeOptions){ .flat = TRUE },
		(Report){ .sort = REPORT_BY_TOTAL, .limit = 2 }, "work",
		report_print_flat);
	g_autofree char *names = printed((CalltreeOptions){ .flat = TRUE },
		(Report){ .sort = REPORT_BY_NAME, .min_percent = 35 }, "work",
		report_print_flat);
	g_autofree char *by_self = column(self, 4);
	g_autofree char *by_total = column(total, 4);
	g_autofree char *by_name = column(names, 4);

	ck_assert_str_eq(by_self, "memcpy libx.so+0x10 work [not sampled] "
			 "main ");
	ck_assert_msg(g_str_has_prefix(by_total, "work main "), "%s",
		      by_total);
	ck_assert_ptr_nonnull(strstr(total, "(3 more; --limit 0 shows all)"));
	ck_assert_str_eq(by_name, "main memcpy work ");
}
END_TEST

START_TEST(the_tree_leaves_small_branches_out)
{
	g_autofree char *text = printed((CalltreeOptions){ .label = NULL },
		(Report){ .min_percent = 25 }, "work", report_print_tree);

	ck_assert_ptr_nonnull(strstr(text, "  work"));
	ck_assert_ptr_nonnull(strstr(text, "memcpy"));
	ck_assert_ptr_null(strstr(text, "[not sampled]"));
	ck_assert_ptr_nonnull(strstr(text, "(branches below 25 % are left out: 2;"));
}
END_TEST

START_TEST(callers_of_what_is_sought_alone)
{
	g_autoptr(GRegex) filter = g_regex_new("^memcpy$", 0, 0, NULL);
	g_autofree char *text = printed((CalltreeOptions){ .inverted = TRUE },
		(Report){ .filter = filter }, "work", report_print_tree);

	ck_assert_ptr_nonnull(strstr(text, "memcpy"));
	ck_assert_ptr_nonnull(strstr(text, "  main"));
	ck_assert_ptr_null(strstr(text, "libx.so"));
	ck_assert_ptr_null(strstr(text, "left out"));
}
END_TEST

START_TEST(json_is_whole)
{
	g_autofree char *text = printed((CalltreeOptions){ .label = NULL },
		(Report){ .with_tree = TRUE }, "wo\"r\033k",
		report_print_json);
	g_autoptr(JsonNode) node = json_from_string(text, NULL);
	JsonObject *o, *row, *tree;
	JsonArray *rows;

	ck_assert_ptr_nonnull(node);
	o = json_node_get_object(node);
	rows = json_object_get_array_member(o, "rows");
	ck_assert_uint_eq(json_array_get_length(rows), 5);
	row = json_array_get_object_element(rows, 0);
	ck_assert_str_eq(json_object_get_string_member(row, "name"), "memcpy");
	ck_assert_int_eq(json_object_get_int_member(row, "self_ns"),
			 40000000);
	ck_assert_double_eq_tol(json_object_get_double_member(
		row, "total_percent"), 40, 1e-6);
	ck_assert_double_lt(json_object_get_double_member(row, "self_low"),
			    40);
	ck_assert_int_eq(json_object_get_int_member(row, "self_samples"), 4);
	tree = json_object_get_object_member(o, "tree");
	ck_assert_int_eq(json_object_get_int_member(tree, "total_ns"),
			 100000000);
	ck_assert_uint_eq(json_array_get_length(
		json_object_get_array_member(tree, "children")), 3);
	ck_assert(json_object_has_member(o, "health"));
	ck_assert_str_eq(json_object_get_string_member(
		json_object_get_object_member(o, "profile"), "type"), "cpu");
}
END_TEST

START_TEST(the_head_names_the_process)
{
	g_autofree char *text = printed((CalltreeOptions){ .flat = TRUE },
		(Report){ .limit = 0 }, "work", report_print_head);

	ck_assert_ptr_nonnull(strstr(text, "(42)"));
	ck_assert_ptr_nonnull(strstr(text, "cpu: 100 ms"));
	ck_assert_ptr_nonnull(strstr(text, "samples "));
}
END_TEST

static void add_process(Profile *p, const char *program, gint32 pid)
{
	guint32 i = profile_add_process(p);

	profile_at(p->processes, ProfileProcess, i)->program =
		profile_string(p, program, -1);
	profile_at(p->processes, ProfileProcess, i)->pid = pid;
}

START_TEST(the_head_names_the_programs)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	CalltreeOptions o = { .type = p->default_type, .flat = TRUE };
	g_autoptr(Calltree) t = calltree_new(p, &o);
	g_autofree char *text = NULL;
	Health health;
	Report r = { .profile = p, .options = &o, .tree = t,
		     .health = &health };
	size_t size;
	FILE *to;
	gint32 i;

	for (i = 0; i < 3; i++)
		add_process(p, "sh", 100 + i);
	for (i = 0; i < 4; i++)
		add_process(p, (const char *[]){ "a", "b", "c", "d" }[i], i);
	health_init(&health, p, NULL);
	to = open_memstream(&text, &size);
	report_print_head(&r, to);
	fclose(to);
	health_release(&health);
	ck_assert_msg(g_str_has_prefix(text, "sh (3 processes), prog (42), a, "
		"b (1) and 2 more programs: 8 processes on here; "), "%s",
		text);
}
END_TEST

/* main called by main, 30 deep. */
static Profile *deep_profile(void)
{
	Profile *p = sample_profile_new("work");
	ProfileSample s = *profile_at(p->samples, ProfileSample, 0);
	const guint32 at_main = 0;

	s.first_frame = p->frames->len;
	s.frame_count = 30;
	for (guint i = 0; i < s.frame_count; i++)
		g_array_append_val(p->frames, at_main);
	g_array_append_val(p->samples, s);
	return p;
}

/* What a terminal of `columns` is sent; it has few kilobytes of room. */
static char *shown(const char *columns, const Report *r)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	char *text = g_malloc0(65536);
	ssize_t got, used = 0;
	FILE *to;

	ck_assert(master >= 0 && grantpt(master) == 0 &&
		  unlockpt(master) == 0);
	to = fopen(ptsname(master), "w");
	ck_assert_ptr_nonnull(to);
	g_setenv("COLUMNS", columns, TRUE);
	g_setenv("NO_COLOR", "1", TRUE);
	report_print_tree(r, to);
	fclose(to);
	/* in pieces, as the kernel hands them on; EIO at the end */
	while ((got = read(master, text + used, 65535 - (size_t)used)) > 0)
		used += got;
	close(master);
	return text;
}

START_TEST(names_of_a_deep_tree_have_room_on_a_narrow_terminal)
{
	g_autoptr(Profile) p = deep_profile();
	CalltreeOptions o = { .type = p->default_type };
	g_autoptr(Calltree) t = calltree_new(p, &o);
	Report r = { .profile = p, .options = &o, .tree = t };
	g_autofree char *narrow = shown("80", &r), *wide = shown("200", &r);

	ck_assert_ptr_nonnull(strstr(narrow, "        [9] main "));
	ck_assert_ptr_nonnull(strstr(narrow, "        [29] main "));
	ck_assert_ptr_null(strstr(narrow, "..."));
	ck_assert_ptr_nonnull(strstr(wide, "                             main"));
	ck_assert_ptr_null(strstr(wide, "[29]"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, folded_is_what_other_programs_read);
	tcase_add_test(tcase, a_type_of_samples_is_no_command);
	tcase_add_test(tcase,
		       names_of_a_deep_tree_have_room_on_a_narrow_terminal);
	tcase_add_test(tcase, the_table_is_sorted_and_cut);
	tcase_add_test(tcase, the_tree_leaves_small_branches_out);
	tcase_add_test(tcase, callers_of_what_is_sought_alone);
	tcase_add_test(tcase, json_is_whole);
	tcase_add_test(tcase, the_head_names_the_process);
	tcase_add_test(tcase, the_head_names_the_programs);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
