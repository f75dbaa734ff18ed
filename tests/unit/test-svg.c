/* SPDX-License-Identifier: MIT */
/* The drawing is parsed by GLib's parser, its boxes measured. */
#include "tools/svg.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"

typedef struct {
	char *title;
	double x, y, width;
} Box;

/* What the parser has seen of a drawing. */
typedef struct {
	GArray *boxes;			/* Box: of each <g> */
	GString *text;			/* of the element being read */
	GPtrArray *labels;		/* char *: of <text> */
} Seen;

static double number(const char **names, const char **values,
		     const char *wanted)
{
	for (guint i = 0; names[i]; i++)
		if (strcmp(names[i], wanted) == 0)
			return g_ascii_strtod(values[i], NULL);
	ck_abort_msg("no %s", wanted);
	return 0;
}

static void start_element(GMarkupParseContext *context, const char *element,
			  const char **names, const char **values,
			  gpointer data, GError **error)
{
	Seen *seen = data;
	const GSList *stack = g_markup_parse_context_get_element_stack(context);
	gboolean in_group = stack->next &&
		strcmp(stack->next->data, "g") == 0;
	Box fresh = { 0 };

	(void)error;
	g_string_truncate(seen->text, 0);
	ck_assert_str_ne(element, "script");
	ck_assert_str_ne(element, "a");
	if (strcmp(element, "g") == 0)
		g_array_append_val(seen->boxes, fresh);
	if (strcmp(element, "rect") == 0 && in_group) {
		Box *box = &g_array_index(seen->boxes, Box,
					  seen->boxes->len - 1);

		box->x = number(names, values, "x");
		box->y = number(names, values, "y");
		box->width = number(names, values, "width");
	}
}

static void end_element(GMarkupParseContext *context, const char *element,
			gpointer data, GError **error)
{
	Seen *seen = data;
	const GSList *stack = g_markup_parse_context_get_element_stack(context);
	gboolean in_group = stack->next &&
		strcmp(stack->next->data, "g") == 0;

	(void)error;
	if (strcmp(element, "title") == 0 && in_group)
		g_array_index(seen->boxes, Box, seen->boxes->len - 1).title =
			g_strdup(seen->text->str);
	if (strcmp(element, "text") == 0)
		g_ptr_array_add(seen->labels, g_strdup(seen->text->str));
}

static void take_text(GMarkupParseContext *context, const char *text,
		      gsize size, gpointer data, GError **error)
{
	(void)context;
	(void)error;
	g_string_append_len(((Seen *)data)->text, text, (gssize)size);
}

static void clear_box(gpointer box)
{
	g_free(((Box *)box)->title);
}

static void seen_init(Seen *seen, const GString *svg)
{
	static const GMarkupParser parser = {
		.start_element = start_element, .end_element = end_element,
		.text = take_text,
	};
	g_autoptr(GMarkupParseContext) context =
		g_markup_parse_context_new(&parser, 0, seen, NULL);
	g_autoptr(GError) error = NULL;

	seen->boxes = g_array_new(FALSE, FALSE, sizeof(Box));
	g_array_set_clear_func(seen->boxes, clear_box);
	seen->text = g_string_new(NULL);
	seen->labels = g_ptr_array_new_with_free_func(g_free);
	if (!g_markup_parse_context_parse(context, svg->str, (gssize)svg->len,
					  &error) ||
	    !g_markup_parse_context_end_parse(context, &error))
		ck_abort_msg("%s", error->message);
}

static void seen_release(Seen *seen)
{
	g_array_free(seen->boxes, TRUE);
	g_string_free(seen->text, TRUE);
	g_ptr_array_free(seen->labels, TRUE);
}

static const Box *find_box(const Seen *seen, const char *name)
{
	for (guint i = 0; i < seen->boxes->len; i++) {
		const Box *box = &g_array_index(seen->boxes, Box, i);

		if (g_str_has_prefix(box->title, name) &&
		    box->title[strlen(name)] == '\n')
			return box;
	}
	ck_abort_msg("no box %s", name);
	return NULL;
}

static void draw(Seen *seen, const char *work, gboolean icicle,
		 const CalltreeOptions *filter)
{
	g_autoptr(Profile) p = sample_profile_new(work);
	g_autoptr(Calltree) tree = calltree_new(p, filter);
	const SvgOptions options = { .title = "a & b", .width = 1024,
				     .icicle = icicle, .unit = "nanoseconds" };
	g_autoptr(GString) svg = svg_new(tree, &options);

	seen_init(seen, svg);
}

START_TEST(widths_are_shares)
{
	const CalltreeOptions filter = { .type = 1 };
	Seen seen;
	const Box *all, *up;

	draw(&seen, "work", FALSE, &filter);
	all = find_box(&seen, "all");
	up = find_box(&seen, "main");
	/* 70 of 100 ms, 1000 px wide; 0.8 px are the gap. */
	ck_assert_double_eq_tol(all->width, 999.2, 0.11);
	ck_assert_double_eq_tol(up->width, 699.2, 0.11);
	ck_assert_double_lt(up->y, all->y);
	ck_assert_ptr_nonnull(strstr(up->title, "70.00 %"));
	ck_assert_double_eq_tol(find_box(&seen, "memcpy")->width, 399.2, 0.11);
	seen_release(&seen);
}
END_TEST

#define LONG "a_name_of_more_columns_than_any_box_of_this_drawing_has" \
	"_where_one_of_them_has_about_seven_pixels_and_all_are_a_thousand_wide"

/* Names that no box has room for, and what is shown of them. */
static const struct {
	const char *name, *label;
} cut[] = {
	{ LONG "::part", "part" },
	{ "a::b<" LONG "::c>::part(d::e)", "part(d::e)" },
	{ "<" LONG "::A as b::C<d::E>>::part", "part" },
	{ LONG "::<impl a::B for c::D>::part", "part" },
	{ "<fn(" LONG ") -> a::b as c::D>::part", "part" },
	{ "(" LONG " namespace)::part", "part" },
	{ LONG "::operator<<", "operator<<" },
};

START_TEST(the_last_part_of_a_name_is_shown)
{
	const CalltreeOptions filter = { .type = 1 };
	Seen seen;

	draw(&seen, cut[_i].name, FALSE, &filter);
	ck_assert_msg(g_ptr_array_find_with_equal_func(
			      seen.labels, cut[_i].label, g_str_equal, NULL),
		      "%s", cut[_i].name);
	seen_release(&seen);
}
END_TEST

START_TEST(boxes_of_a_row_do_not_overlap)
{
	const CalltreeOptions filter = { .type = 1 };
	Seen seen;

	draw(&seen, "work", FALSE, &filter);
	for (guint i = 0; i < seen.boxes->len; i++)
		for (guint k = 0; k < seen.boxes->len; k++) {
			const Box *a = &g_array_index(seen.boxes, Box, i);
			const Box *b = &g_array_index(seen.boxes, Box, k);

			ck_assert(i == k || a->y != b->y ||
				  a->x + a->width <= b->x + 0.11 ||
				  b->x + b->width <= a->x + 0.11);
		}
	seen_release(&seen);
}
END_TEST

START_TEST(an_icicle_hangs)
{
	const CalltreeOptions filter = { .type = 1 };
	Seen seen;

	draw(&seen, "work", TRUE, &filter);
	ck_assert_double_gt(find_box(&seen, "main")->y,
			    find_box(&seen, "all")->y);
	seen_release(&seen);
}
END_TEST

START_TEST(hostile_names_stay_text)
{
	const CalltreeOptions filter = { .type = 1 };
	Seen seen;

	draw(&seen, "</text><script>bad()</script>\x01\x1b[31m\u202e", FALSE,
	     &filter);
	find_box(&seen, "</text><script>bad()</script>\ufffd\ufffd[31m\ufffd");
	seen_release(&seen);
}
END_TEST

START_TEST(nothing_left_is_a_drawing)
{
	g_autoptr(GRegex) focus = g_regex_new("nowhere", 0, 0, NULL);
	const CalltreeOptions filter = { .type = 1, .focus = focus };
	Seen seen;

	draw(&seen, "work", FALSE, &filter);
	ck_assert_uint_eq(seen.boxes->len, 1);
	seen_release(&seen);
}
END_TEST

/* A stack of 10 000 frames is a tall drawing, and no problem. */
START_TEST(deep_stacks_are_drawn)
{
	const CalltreeOptions filter = { .type = 1 };
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(Calltree) tree = NULL;
	g_autoptr(GString) svg = NULL;
	const SvgOptions options = { .title = "t", .width = 400,
				     .unit = "nanoseconds" };
	ProfileSample *sample = profile_at(p->samples, ProfileSample, 0);

	sample->first_frame = p->frames->len;
	sample->frame_count = 10000;
	for (guint32 i = 0; i < 10000; i++) {
		guint32 location = i % 2;

		g_array_append_val(p->frames, location);
	}
	tree = calltree_new(p, &filter);
	svg = svg_new(tree, &options);
	ck_assert_uint_gt(svg->len, 1000000);
	ck_assert(g_str_has_suffix(svg->str, "</svg>\n"));
}
END_TEST

/* A hundred times as many samples; those of the first stack `first` times. */
static Profile *many_samples(int first)
{
	Profile *p = sample_profile_new("work");

	for (guint i = 0; i < p->samples->len; i++) {
		ProfileSample *s = profile_at(p->samples, ProfileSample, i);
		int times = i == 0 ? first : 100;

		s->value[0] *= times;
		s->value[1] *= times;
		s->taken *= (guint32)times;
		s->square *= times;
	}
	return p;
}

START_TEST(what_changed_is_coloured)
{
	const CalltreeOptions filter = { .type = 1 };
	g_autoptr(Profile) a = many_samples(100), b = many_samples(25);
	g_autoptr(Calltree) before = calltree_new(a, &filter);
	g_autoptr(Calltree) after = calltree_new(b, &filter);
	const SvgOptions options = { .title = "t", .width = 1024,
				     .unit = "nanoseconds",
				     .before = before };
	g_autoptr(GString) svg = svg_new(after, &options);
	Seen seen;

	seen_init(&seen, svg);
	/* 40 of 100 before, 10 of 70 after */
	ck_assert_ptr_nonnull(strstr(find_box(&seen, "memcpy")->title,
				     "14.29 %, before 40.00 %: -25.71"));
	ck_assert_ptr_nonnull(strstr(find_box(&seen, "libx.so+0x10")->title,
				     "42.86 %, before 30.00 %: +12.86"));
	ck_assert_ptr_nonnull(strstr(find_box(&seen, "all")->title,
				     "100.00 %, before 100.00 %: +0.00"));
	ck_assert_ptr_nonnull(strstr(svg->str, "0.0 % of before is in stacks "
				     "that are gone"));
	seen_release(&seen);
}
END_TEST

START_TEST(the_same_again_has_no_colour)
{
	const CalltreeOptions filter = { .type = 1 };
	g_autoptr(Profile) a = many_samples(100), b = many_samples(100);
	g_autoptr(Calltree) before = calltree_new(a, &filter);
	g_autoptr(Calltree) after = calltree_new(b, &filter);
	const SvgOptions options = { .title = "t", .width = 1024,
				     .unit = "nanoseconds",
				     .before = before };
	g_autoptr(GString) svg = svg_new(after, &options);
	const char *at = svg->str;
	guint boxes = 0;

	for (; (at = strstr(at, "</title><rect")); at++, boxes++) {
		const char *fill = strstr(at, "fill=\"");

		ck_assert(g_str_has_prefix(fill, "fill=\"#e4e4e0\"") ||
			  g_str_has_prefix(fill, "fill=\"#dcdcd8\""));
	}
	ck_assert_uint_gt(boxes, 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("svg");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, widths_are_shares);
	tcase_add_loop_test(tcase, the_last_part_of_a_name_is_shown, 0,
			    G_N_ELEMENTS(cut));
	tcase_add_test(tcase, boxes_of_a_row_do_not_overlap);
	tcase_add_test(tcase, an_icicle_hangs);
	tcase_add_test(tcase, hostile_names_stay_text);
	tcase_add_test(tcase, nothing_left_is_a_drawing);
	tcase_add_test(tcase, deep_stacks_are_drawn);
	tcase_add_test(tcase, what_changed_is_coloured);
	tcase_add_test(tcase, the_same_again_has_no_colour);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
