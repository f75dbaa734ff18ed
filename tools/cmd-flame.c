/* SPDX-License-Identifier: MIT */
/*
 * profagent flame: pictures of a profile. A page (.html) holds the whole
 * profile and is filtered by who looks at it; a drawing (.svg) is static, so
 * its filters are options.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/calltree.h"
#include "tools/cmd.h"
#include "tools/load.h"
#include "tools/number.h"
#include "tools/page.h"
#include "tools/report.h"
#include "tools/selection.h"
#include "tools/svg.h"

static const char name[] = "flame";

typedef struct {
	Load load;			/* all files, or the one before */
	Load load_after;		/* of --diff; its texts are load's */
	Selection selection;
	char *output, *title, *format;
	gboolean diff, icicle, inverted, is_svg;
	gint width;			/* 0: not said */
	char *width_text;
} Options;

static void options_release(Options *o)
{
	load_release_again(&o->load_after);
	load_release(&o->load);
	selection_release(&o->selection);
	g_free(o->output);
	g_free(o->title);
	g_free(o->format);
	g_free(o->width_text);
}

/* --- command line --------------------------------------------------------- */

static gboolean parse(Options *o, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &o->output,
		  "Write to FILE: a page if it ends in .html, a drawing if in "
		  ".svg; - for standard output", "FILE" },
		{ "diff", 0, 0, G_OPTION_ARG_NONE, &o->diff,
		  "Compare two profiles: before and after", NULL },
		{ "title", 0, 0, G_OPTION_ARG_STRING, &o->title,
		  "What the picture is called", "TEXT" },
		{ "format", 0, 0, G_OPTION_ARG_STRING, &o->format,
		  "html or svg, whatever FILE is called", "FORMAT" },
		{ "width", 0, 0, G_OPTION_ARG_STRING, &o->width_text,
		  "Width of a drawing in pixels (1200)", "PX" },
		{ "icicle", 0, 0, G_OPTION_ARG_NONE, &o->icicle,
		  "Drawing with its root above", NULL },
		{ "inverted", 0, 0, G_OPTION_ARG_NONE, &o->inverted,
		  "Drawing of callers on top of what they call", NULL },
		{ NULL }
	};
	g_autoptr(GOptionContext) context =
		g_option_context_new("FILE... -o out.html|out.svg");

	g_option_context_set_summary(context, "Draws where the time went: an "
		"interactive page that needs nothing else, or a drawing.");
	g_option_context_set_description(context,
		"The options that select are for drawings: a page holds it "
		"all and is filtered\nwhile looking at it. Read more in the "
		"manual page profagent-flame(1).");
	g_option_context_add_main_entries(context, entries, NULL);
	selection_add_options(&o->selection, context, FALSE);
	load_add_options(&o->load, context);
	return g_option_context_parse(context, argc, argv, error);
}

/* Which of the two, from --format or the file's name; NULL: it is fine. */
static const char *choose_format(Options *o)
{
	if (o->format) {
		o->is_svg = strcmp(o->format, "svg") == 0;
		return o->is_svg || strcmp(o->format, "html") == 0 ? NULL :
			"--format is html or svg";
	}
	o->is_svg = g_str_has_suffix(o->output, ".svg");
	if (o->is_svg || g_str_has_suffix(o->output, ".html") ||
	    g_str_has_suffix(o->output, ".htm") ||
	    strcmp(o->output, "-") == 0)
		return NULL;
	return "the output's name must end in .html or .svg, "
		"or --format must say which";
}

/* Whether an option was given that only a drawing can follow. */
static gboolean is_for_drawing(const Options *o)
{
	const Selection *s = &o->selection;

	return o->width_text || o->icicle || o->inverted || s->thread || s->from ||
		s->to || s->group_threads || s->focus || s->ignore ||
		s->hide || s->root_at || s->end_at || s->fold || s->pid_text ||
		s->labels;
}

/* What is wrong with the command line; NULL if nothing. */
static const char *find_mistake(Options *o)
{
	const char *wrong;

	if (!o->load.files)
		return "which profile? Usage: profagent flame FILE "
			"-o out.html";
	if (!o->output)
		return "where to? Say -o out.html for a page, -o out.svg for "
			"a drawing";
	if (o->diff && g_strv_length(o->load.files) != 2)
		return "--diff takes two files: before and after";
	wrong = choose_format(o);
	if (wrong)
		return wrong;
	if (!o->is_svg && is_for_drawing(o))
		return "options that select or shape are for drawings (.svg); "
			"a page is filtered while looking at it";
	return NULL;
}

static gboolean check(Options *o, GError **error)
{
	const char *wrong = find_mistake(o);

	if (wrong) {
		g_set_error_literal(error, G_OPTION_ERROR,
				    G_OPTION_ERROR_BAD_VALUE, wrong);
		return FALSE;
	}
	o->load.no_system_names = TRUE;
	o->load.moments = !o->is_svg ||
		selection_needs_moments(&o->selection);
	o->selection.options.inverted = o->inverted;
	o->selection.options.no_inlines = o->load.no_inlines;
	return number_take_int("--width", o->width_text, SVG_WIDTH_MIN,
			       SVG_WIDTH_MAX, "in pixels", &o->width,
			       error) &&
	       load_check_files(o->load.files, error) &&
	       selection_check(&o->selection, error);
}

/* --- pictures ------------------------------------------------------------- */

/* "redis-server (4711) on db7", or what the file is called. */
static char *make_title(const Options *o, const Profile *p)
{
	const ProfileProcess *first = p->processes->len == 0 ? NULL :
		profile_at(p->processes, ProfileProcess, 0);
	g_autofree char *file = g_path_get_basename(o->load.files[0]);
	g_autofree char *who = NULL;

	if (o->title)
		return g_strdup(o->title);
	if (o->diff) {
		g_autofree char *after = g_path_get_basename(o->load.files[1]);

		return g_strdup_printf("%s → %s", file, after);
	}
	if (!first || first->foreign || !*profile_text(p, first->program))
		return g_steal_pointer(&file);
	who = report_programs(p);
	return g_strdup_printf("%s on %s", who, profile_text(p, first->host));
}

static GString *make_page(const Options *o, Profile *before, Profile *after,
			  GError **error)
{
	g_autofree char *title = make_title(o, before);
	g_autofree char *first = g_path_get_basename(o->load.files[0]);
	g_autofree char *second = after ?
		g_path_get_basename(o->load.files[1]) : NULL;
	const PageContent content = {
		.title = title,
		.type = (gint)o->selection.options.type,
		.no_inlines = o->load.no_inlines,
		.profile = { before, after },
		.name = { first, second },
		.notes = { o->load.notes, o->load_after.notes },
	};
	const char *wrong = page_content_check(&content);

	if (!wrong)
		return page_new(&content);
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "%s and %s cannot be compared: %s", o->load.files[0],
		    o->load.files[1], wrong);
	return NULL;
}

/* `after` NULL: `p` by itself. */
static GString *make_drawing(Options *o, Profile *p, Profile *after,
			     GError **error)
{
	const CalltreeOptions *selected = &o->selection.options;
	g_autofree char *title = make_title(o, p);
	g_autoptr(Calltree) first = calltree_new(p, selected);
	g_autoptr(Calltree) second = NULL;
	SvgOptions options = {
		.title = title, .icicle = o->icicle,
		.width = o->width ? (guint)o->width : SVG_WIDTH_DEFAULT,
		.unit = profile_text(p, p->type[selected->type].unit),
	};

	if (!after)
		return svg_new(first, &options);
	/* its sample types may be in another order */
	if (!selection_apply(&o->selection, after, error))
		return NULL;
	second = calltree_new(after, selected);
	options.before = first;
	return svg_new(second, &options);
}

static gboolean write_out(const char *path, const GString *text,
			  GError **error)
{
	if (strcmp(path, "-") != 0)
		return g_file_set_contents(path, text->str, (gssize)text->len,
					   error);
	if (fwrite(text->str, 1, text->len, stdout) == text->len)
		return TRUE;
	g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
		    "cannot write: %s", g_strerror(errno));
	return FALSE;
}

/* The second file of --diff, under the options that the first was read with. */
static Profile *load_after(Options *o)
{
	o->load_after = load_again(&o->load, o->load.files + 1);
	return load_profile(&o->load_after, name);
}

static Profile *load_first(Options *o)
{
	char *second = o->diff ? g_steal_pointer(&o->load.files[1]) : NULL;
	Profile *p = load_profile(&o->load, name);

	if (o->diff)
		o->load.files[1] = second;
	return p;
}

/* FALSE without an error: loading has said what was wrong. */
static gboolean make_picture(Options *o, GError **error)
{
	g_autoptr(Profile) p = load_first(o);
	g_autoptr(Profile) after = p && o->diff ? load_after(o) : NULL;
	g_autoptr(GString) text = NULL;

	if (!p || (o->diff && !after) ||
	    !selection_apply(&o->selection, p, error))
		return FALSE;
	if (o->is_svg)
		load_say_skipped(p, name);
	text = o->is_svg ? make_drawing(o, p, after, error)
			 : make_page(o, p, after, error);
	return text && write_out(o->output, text, error);
}

int cmd_flame(int argc, char **argv)
{
	Options o = { 0 };
	g_autoptr(GError) error = NULL;
	int status = CMD_DONE;

	if (!parse(&o, &argc, &argv, &error) || !check(&o, &error))
		status = cmd_usage(name, "%s", error->message);
	else if (!make_picture(&o, &error))
		status = !error ? CMD_FAILED :
			error->domain == G_OPTION_ERROR ?
			cmd_usage(name, "%s", error->message) :
			cmd_fail(name, "%s", error->message);
	else if (o.load.failed > 0)
		status = CMD_FAILED;
	options_release(&o);
	return status;
}
