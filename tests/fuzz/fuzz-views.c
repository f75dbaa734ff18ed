/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: profiles from any bytes (views-profile.h) through every
 * view: reports, exports, pages, drawings, differences, annotated source.
 *
 * What is written must be well formed: JSON that parses, SVG that is XML, no
 * control characters where a terminal reads, no name that becomes markup. And
 * of a profile whose values can be added up, each says the same total.
 *
 * An input begins with four bytes that choose (struct choice); then come two
 * profiles, of which the second may be empty.
 */
#include <json-glib/json-glib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/views-profile.h"
#include "tools/annotate.h"
#include "tools/diff.h"
#include "tools/export.h"
#include "tools/otlp.pb-c.h"
#include "tools/page.h"
#include "tools/pprof-read.h"
#include "tools/profile-cut.h"
#include "tools/svg.h"

#define EXACT ((gint64)1 << 53)	/* up to here doubles are whole numbers */
#define JSON_MAX (256u << 10)	/* more takes json-glib seconds to parse */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct choice {
	CalltreeOptions options;
	gboolean selects;		/* some samples may be left out */
	gboolean page, moments;
	ReportSort sort;
	guint limit, width;
	double min_percent;
};

struct view {
	Profile *p, *other;		/* other NULL: there is but one */
	struct choice choice;
	gint64 total;			/* of p's type, -1: it cannot be added */
};

/* --- what is asked for ---------------------------------------------------- */

static GRegex *pattern(guint8 k)
{
	static const char *const patterns[] = { "main", "a", "^$", "." };

	return k < G_N_ELEMENTS(patterns) ?
		g_regex_new(patterns[k], 0, 0, NULL) : NULL;
}

static void choose_regexes(struct choice *c, ViewsBytes *b)
{
	GRegex **all[] = { &c->options.focus, &c->options.ignore,
			   &c->options.hide, &c->options.root_at,
			   &c->options.fold, &c->options.thread,
			   &c->options.group_threads };
	guint8 k = views_byte(b);

	if (k % 16 < G_N_ELEMENTS(all))
		*all[k % 16] = pattern(k / 16);
	c->selects = c->options.focus || c->options.ignore ||
		     c->options.hide || c->options.root_at ||
		     c->options.fold || c->options.thread;
}

static void choose(struct choice *c, ViewsBytes *b)
{
	guint8 k = views_byte(b);

	c->options.by = (CalltreeBy)(k % 7);
	c->sort = (ReportSort)(k / 7 % 3);
	c->page = k / 21 % 4 == 3;
	k = views_byte(b);
	c->options.threads = k & 1;
	c->options.no_inlines = k & 2;
	c->options.type = k >> 2 & 3;
	c->moments = !(k & 16);
	c->min_percent = k & 32 ? 1 : 0;
	c->limit = k & 64 ? 3 : 0;
	c->width = k & 128 ? SVG_WIDTH_MIN : SVG_WIDTH_MAX;
	choose_regexes(c, b);
	k = views_byte(b);
	if (k & 1) {
		c->options.from_ns = views_number(b);
		c->options.to_ns = views_number(b);
		c->selects = TRUE;
	}
	if (k & 2) {
		c->options.pid = (gint32)views_number(b);
		c->selects = TRUE;
	}
}

static void choice_release(struct choice *c)
{
	g_clear_pointer(&c->options.focus, g_regex_unref);
	g_clear_pointer(&c->options.ignore, g_regex_unref);
	g_clear_pointer(&c->options.hide, g_regex_unref);
	g_clear_pointer(&c->options.root_at, g_regex_unref);
	g_clear_pointer(&c->options.fold, g_regex_unref);
	g_clear_pointer(&c->options.thread, g_regex_unref);
	g_clear_pointer(&c->options.group_threads, g_regex_unref);
}

/* --- what is written ------------------------------------------------------ */

/* No control characters but `but`. */
static void check_controls(const char *text, gsize size, const char *but)
{
	g_assert_true(g_utf8_validate(text, (gssize)size, NULL));
	for (const char *at = text; at < text + size;
	     at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		if ((c < 0x20 && !strchr(but, (int)c)) ||
		    (c >= 0x7f && c < 0xa0))
			g_error("U+%04x at %zu: %.200s", c,
				(size_t)(at - text), MAX(at - 80, text));
	}
}

/* What a terminal may get: nothing that moves text around, either. */
static void check_text(const char *text, gsize size)
{
	static const char *const marks[] = { "\xe2\x80\xae", "\xe2\x80\xa8" };

	check_controls(text, size, "\n");
	for (gsize i = 0; i < G_N_ELEMENTS(marks); i++)
		g_assert_null(g_strstr_len(text, (gssize)size, marks[i]));
}

static JsonParser *check_json(const char *text, gsize size)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autoptr(GError) error = NULL;

	g_assert_true(g_utf8_validate(text, (gssize)size, NULL));
	if (size > JSON_MAX)
		return NULL;
	json_parser_load_from_data(parser, text, (gssize)size, &error);
	g_assert_no_error(error);
	return g_steal_pointer(&parser);
}

static JsonObject *root_of(JsonParser *parser)
{
	return json_node_get_object(json_parser_get_root(parser));
}

static void check_total(const struct view *v, gint64 total)
{
	if (v->total >= 0)
		g_assert_cmpint(total, ==, v->total);
}

static gint64 sum_of(JsonArray *values)
{
	gint64 sum = 0;

	for (guint i = 0; i < json_array_get_length(values); i++)
		profile_add(&sum, json_array_get_int_element(values, i));
	return sum;
}

/* The numbers at the ends of lines. */
static gint64 sum_of_lines(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	gint64 sum = 0;

	for (char **line = lines; *line; line++) {
		const char *number = strrchr(*line, ' ');

		if (number)
			profile_add(&sum, g_ascii_strtoll(number + 1, NULL,
							  10));
	}
	return sum;
}

/* --- reports -------------------------------------------------------------- */

typedef void (*Print)(const Report *r, FILE *to);

static char *printed(const Report *r, Print print, gsize *size)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, size);

	print(r, to);
	fclose(to);
	return text;
}

static void print_text(const Report *r, FILE *to)
{
	report_print_head(r, to);
	if (r->with_timeline)
		report_print_timeline(r, to);
	else if (r->with_tree)
		report_print_tree(r, to);
	else
		report_print_flat(r, to);
}

static void view_json(const struct view *v, const Report *r)
{
	gsize size;
	char *text = printed(r, report_print_json, &size);
	g_autoptr(JsonParser) json = check_json(text, size);

	if (json && !v->choice.selects)
		check_total(v, json_object_get_int_member(
			json_object_get_object_member(root_of(json),
						      "profile"), "total"));
	free(text);
}

/* A sample without a frame is in the total, and below it in no node. */
static gint64 with_stack(const Calltree *t)
{
	gint64 sum = 0;

	for (const CalltreeNode *n = t->root.child; n; n = n->sibling)
		profile_add(&sum, n->total);
	return sum;
}

static void view_lines(const struct view *v, const Report *r)
{
	gsize size;
	char *text = printed(r, report_print_folded, &size);

	check_text(text, size);
	if (!v->choice.selects && v->total >= 0)
		g_assert_cmpint(sum_of_lines(text), ==, with_stack(r->tree));
	free(text);
	text = printed(r, report_print_csv, &size);
	g_assert_true(g_utf8_validate(text, (gssize)size, NULL));
	free(text);
}

static void view_annotated(const Report *r)
{
	Annotate a = { .report = r, .context = 3 };
	g_autofree char *similar = NULL;
	char *text = NULL;
	gsize size;
	FILE *to;

	if (r->tree->items->len == 0)
		return;
	a.function = annotate_find(r, profile_text(r->profile, g_array_index(
		r->tree->items, CalltreeItem, 0).name), &similar);
	if (!a.function)
		return;
	to = open_memstream(&text, &size);
	annotate_source(&a, to);
	fclose(to);
	check_text(text, size);
	free(text);
}

static void report_init(Report *r, const struct view *v, const Calltree *t,
			const CalltreeOptions *o, const Health *health)
{
	*r = (Report){
		.profile = v->p, .options = o, .tree = t, .health = health,
		.sort = v->choice.sort, .limit = v->choice.limit,
		.min_percent = v->choice.min_percent, .with_tree = !o->flat,
	};
}

static void view_report(const struct view *v, gboolean flat, gboolean inverted)
{
	CalltreeOptions o = v->choice.options;
	g_autoptr(Calltree) t = NULL;
	Health health;
	Report r;
	gsize size;
	char *text;

	o.flat = flat;
	o.inverted = inverted;
	t = calltree_new(v->p, &o);
	if (!v->choice.selects)
		check_total(v, t->total + t->dropped);
	health_init(&health, v->p, NULL);
	report_init(&r, v, t, &o, &health);
	text = printed(&r, print_text, &size);
	check_text(text, size);
	free(text);
	view_json(v, &r);
	if (!flat && !inverted)
		view_lines(v, &r);
	if (flat && o.by == CALLTREE_BY_LINE)
		view_annotated(&r);
	health_release(&health);
}

static void view_timeline(const struct view *v)
{
	const CalltreeOptions *o = &v->choice.options;
	g_autoptr(Calltree) t = calltree_new(v->p, o);
	Health health;
	Report r;
	gsize size;
	char *text;

	health_init(&health, v->p, NULL);
	report_init(&r, v, t, o, &health);
	r.with_timeline = TRUE;
	r.with_tree = FALSE;
	text = printed(&r, print_text, &size);
	check_text(text, size);
	free(text);
	view_json(v, &r);
	health_release(&health);
}

/* --- pictures ------------------------------------------------------------- */

static void check_drawing(const GString *svg)
{
	static const GMarkupParser nothing;
	g_autoptr(GMarkupParseContext) xml = g_markup_parse_context_new(
		&nothing, 0, NULL, NULL);
	g_autoptr(GError) error = NULL;

	check_text(svg->str, svg->len);
	g_markup_parse_context_parse(xml, svg->str, (gssize)svg->len, &error);
	g_assert_no_error(error);
	g_markup_parse_context_end_parse(xml, &error);
	g_assert_no_error(error);
	g_assert_null(strstr(svg->str, "<script"));
}

static void view_drawing(const struct view *v)
{
	g_autoptr(Calltree) t = calltree_new(v->p, &v->choice.options);
	g_autoptr(Calltree) before = NULL;
	SvgOptions o = { .title = profile_text(v->p, 1),
			 .width = v->choice.width };
	GString *svg;

	o.unit = profile_text(v->p, v->p->type[v->choice.options.type].unit);
	svg = svg_new(t, &o);
	check_drawing(svg);
	g_string_free(svg, TRUE);
	if (!v->other)
		return;
	before = calltree_new(v->other, &v->choice.options);
	o.before = before;
	svg = svg_new(t, &o);
	check_drawing(svg);
	g_string_free(svg, TRUE);
}

/* The values of the type asked for, as the page adds them up. */
static gint64 document_total(JsonObject *document, guint type)
{
	return sum_of(json_array_get_array_element(
		json_object_get_array_member(json_object_get_object_member(
			document, "samples"), "values"), type));
}

static void view_page(const struct view *v)
{
	PageContent content = { .title = profile_text(v->p, 1),
				.profile = { v->p, NULL }, .type = -1,
				.name = { profile_text(v->p, 2), "after" },
				.no_inlines = v->choice.options.no_inlines };
	g_autoptr(JsonParser) json = NULL;
	GString *text = g_string_new(NULL);

	page_document_append(text, &content);
	check_controls(text->str, text->len, "");
	g_assert_null(strchr(text->str, '<'));
	json = check_json(text->str, text->len);
	if (json)
		check_total(v, document_total(root_of(json),
					      v->choice.options.type));
	g_string_free(text, TRUE);
	content.profile[1] = v->other;
	if (!v->choice.page || page_content_check(&content))
		return;
	text = page_new(&content);
	g_assert_null(strstr(text->str, "<script>alert"));
	g_assert_cmpuint(strlen(text->str), ==, text->len);
	check_controls(text->str, text->len, "\n\t");
	g_string_free(text, TRUE);
}

/* --- differences ---------------------------------------------------------- */

static void diff_run(Diff *d, DiffSide side, Profile *p,
		     const struct choice *c)
{
	CalltreeOptions o = c->options;
	g_autoptr(Calltree) t = NULL;
	DiffRun *run;

	o.flat = TRUE;
	t = calltree_new(p, &o);
	run = diff_add_calltree(d, side, t, o.by,
				(double)p->duration_nanos / 1e9);
	run->path = g_strdup(profile_text(p, 1));
}

static void view_diff(const struct view *v, gboolean absolute)
{
	static const char *const titles[] = { "function", "where" };
	g_autoptr(Diff) d = diff_new(2);
	g_autoptr(JsonParser) json = NULL;
	g_autoptr(GPtrArray) rows = NULL;
	char *text = NULL;
	gsize size;
	FILE *to;

	d->absolute = absolute;
	d->total = v->choice.options.threads;
	diff_run(d, DIFF_BEFORE, v->p, &v->choice);
	diff_run(d, DIFF_AFTER, v->other ? v->other : v->p, &v->choice);
	diff_test(d);
	rows = diff_sorted(d, (DiffSort)(v->choice.options.by % 4), NULL);
	to = open_memstream(&text, &size);
	diff_print(d, rows, v->choice.limit, titles, to);
	fclose(to);
	check_text(text, size);
	free(text);
	to = open_memstream(&text, &size);
	diff_print_json(d, rows, v->choice.limit, to);
	fclose(to);
	json = check_json(text, size);
	free(text);
}

/* --- exports -------------------------------------------------------------- */

static gint64 sum_in_json(JsonObject *o, guint type)
{
	JsonArray *samples = json_object_get_array_member(o, "samples");
	gint64 sum = 0;

	for (guint i = 0; i < json_array_get_length(samples); i++)
		profile_add(&sum, json_array_get_int_element(
			json_object_get_array_member(
			json_array_get_object_element(samples, i), "values"),
			type));
	return sum;
}

static gint64 sum_in_speedscope(JsonObject *o)
{
	JsonArray *all = json_object_get_array_member(o, "profiles");
	gint64 sum = 0;

	for (guint i = 0; i < json_array_get_length(all); i++)
		profile_add(&sum, sum_of(json_object_get_array_member(
			json_array_get_object_element(all, i), "weights")));
	return sum;
}

/* What has no stack has no line there. */
static gint64 without_stack(const struct view *v)
{
	gint64 sum = 0;

	for (guint i = 0; i < v->p->samples->len; i++) {
		const ProfileSample *s = profile_at(v->p->samples,
						    ProfileSample, i);

		if (s->frame_count == 0)
			profile_add(&sum, s->value[v->choice.options.type]);
	}
	return sum;
}

static void check_pprof(const struct view *v, const char *data, gsize size)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GError) error = NULL;
	gint64 sum = 0;

	pprof_read_bytes(p, "again", (const guint8 *)data, size,
			 PPROF_READ_NO_REGION, &error);
	g_assert_no_error(error);
	if (v->total < 0)
		return;
	for (guint i = 0; i < p->samples->len; i++)
		sum += profile_at(p->samples, ProfileSample,
				  i)->value[v->choice.options.type];
	check_total(v, sum);
}

static void check_lines(const struct view *v, const char *name,
			const char *text, gsize size)
{
	const char *summary = strstr(text, "\nsummary: ");

	check_controls(text, size, "\n\t");
	if (v->total < 0)
		return;
	if (strcmp(name, "folded") == 0)
		g_assert_cmpint(sum_of_lines(text), ==,
				v->total - without_stack(v));
	if (strcmp(name, "callgrind") == 0)
		g_assert_cmpint(g_ascii_strtoll(summary + 10, NULL, 10), ==,
				v->total - without_stack(v));
}

static void check_otlp(const char *data, gsize size)
{
	Otlp__ProfilesData *all = otlp__profiles_data__unpack(
		NULL, size, (const uint8_t *)data);

	g_assert_nonnull(all);
	otlp__profiles_data__free_unpacked(all, NULL);
}

static void check_export(const struct view *v, const Exporter *e,
			 const char *data, gsize size)
{
	g_autoptr(JsonParser) json = NULL;

	if (strcmp(e->name, "pprof") == 0) {
		check_pprof(v, data, size);
	} else if (strcmp(e->name, "otlp") == 0) {
		check_otlp(data, size);
	} else if (!strstr(e->extension, "json")) {
		check_lines(v, e->name, data, size);
	} else {
		json = check_json(data, size);
		if (json && strcmp(e->name, "json") == 0)
			check_total(v, sum_in_json(root_of(json),
						   v->choice.options.type));
		if (json && strcmp(e->name, "speedscope") == 0)
			check_total(v, sum_in_speedscope(root_of(json)));
	}
}

static void view_exports(const struct view *v)
{
	const ExportInput in = { v->p, v->choice.options.type,
				 profile_text(v->p, 1) };

	for (guint i = 0; i < exporter_count; i++) {
		g_autoptr(GOutputStream) to =
			g_memory_output_stream_new_resizable();
		g_autoptr(GError) error = NULL;
		g_autoptr(GBytes) bytes = NULL;
		g_autofree char *text = NULL;
		gsize size;

		exporters[i].write(&in, to, &error);
		g_assert_no_error(error);
		g_output_stream_close(to, NULL, NULL);
		bytes = g_memory_output_stream_steal_as_bytes(
			G_MEMORY_OUTPUT_STREAM(to));
		size = g_bytes_get_size(bytes);
		/* with a NUL behind it */
		text = g_malloc0(size + 1);
		if (size > 0)
			memcpy(text, g_bytes_get_data(bytes, NULL), size);
		check_export(v, &exporters[i], text, size);
	}
}

/* --- all of it ------------------------------------------------------------ */

/* -1: there are values below 0, or too large to be added up. */
static gint64 total_of(const Profile *p, guint type)
{
	gint64 sum = 0;

	for (guint i = 0; i < p->samples->len; i++) {
		const ProfileSample *s = profile_at(p->samples, ProfileSample,
						    i);

		for (guint k = 0; k < p->type_count; k++)
			if (s->value[k] < 0 || s->value[k] > EXACT)
				return -1;
		sum += s->value[type];
		if (sum > EXACT)
			return -1;
	}
	return sum;
}

static Profile *read_profile(ViewsBytes *b, gboolean moments)
{
	g_autoptr(GByteArray) message = views_profile(b);
	g_autoptr(Profile) p = profile_new();

	if (!pprof_read_bytes(p, "fuzz", message->data, message->len,
			      PPROF_READ_NO_REGION |
			      (moments ? 0 : PPROF_READ_NO_MOMENTS), NULL) ||
	    p->type_count == 0)
		return NULL;
	return g_steal_pointer(&p);
}

static void view_all(struct view *v)
{
	CalltreeOptions *o = &v->choice.options;
	const ProfileCut cut = { o->from_ns, o->to_ns };

	v->total = total_of(v->p, o->type);
	view_report(v, TRUE, FALSE);
	view_report(v, FALSE, FALSE);
	view_report(v, FALSE, TRUE);
	if (v->p->moments->len > 0)
		view_timeline(v);
	view_drawing(v);
	view_page(v);
	view_diff(v, FALSE);
	view_diff(v, TRUE);
	view_exports(v);
	if (profile_cut(v->p, 0, &cut)) {
		v->total = total_of(v->p, o->type);
		view_report(v, TRUE, FALSE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ViewsBytes b = { data, size };
	struct view v = { 0 };

	choose(&v.choice, &b);
	v.p = read_profile(&b, v.choice.moments);
	v.other = read_profile(&b, v.choice.moments);
	if (!v.p) {
		v.p = v.other;
		v.other = NULL;
	}
	if (v.p) {
		v.choice.options.type %= v.p->type_count;
		/* both are asked for one type */
		if (v.other && v.other->type_count <= v.choice.options.type)
			g_clear_pointer(&v.other, profile_free);
		view_all(&v);
	}
	g_clear_pointer(&v.p, profile_free);
	g_clear_pointer(&v.other, profile_free);
	choice_release(&v.choice);
	return 0;
}
