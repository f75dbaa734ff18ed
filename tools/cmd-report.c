/* SPDX-License-Identifier: MIT */
/* profagent report: where the time went, as text or JSON. */
#include <string.h>

#include "tools/cmd.h"
#include "tools/load.h"
#include "tools/number.h"
#include "tools/report.h"
#include "tools/selection.h"
#include "tools/text.h"
#include "tools/timeline.h"

static const char name[] = "report";

#define ROWS 30			/* of a table, unless --limit says otherwise */
#define TREE_ROWS 200
#define TREE_PERCENT 1.0	/* smaller branches of a tree are left out */
#define UNSET -1

typedef struct {
	Load load;
	Selection selection;
	char *sort, *filter, *interval, *limit_text, *min_percent_text;
	guint64 interval_ns;
	gint limit;
	double min_percent;
	gboolean tree, callers, folded, timeline, json, no_pager;
	GRegex *filter_regex;
	ReportSort sort_by;
} Options;

static const struct {
	const char *word;
	ReportSort sort;
} sorts[] = {
	{ "self", REPORT_BY_SELF },
	{ "total", REPORT_BY_TOTAL },
	{ "name", REPORT_BY_NAME },
};

static gboolean parse(Options *o, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "tree", 0, 0, G_OPTION_ARG_NONE, &o->tree,
		  "Call tree: who calls what", NULL },
		{ "callers", 0, 0, G_OPTION_ARG_NONE, &o->callers,
		  "Caller tree: by whom what is called", NULL },
		{ "folded", 0, 0, G_OPTION_ARG_NONE, &o->folded,
		  "A line a stack, root first, for other programs", NULL },
		{ "timeline", 0, 0, G_OPTION_ARG_NONE, &o->timeline,
		  "How busy it was over time, and with what", NULL },
		{ "interval", 0, 0, G_OPTION_ARG_STRING, &o->interval,
		  "Length of a piece of the timeline (100ms, 2s)", "TIME" },
		{ "json", 0, 0, G_OPTION_ARG_NONE, &o->json,
		  "JSON; with --tree, --callers or --timeline that is in it",
		  NULL },
		{ "sort", 's', 0, G_OPTION_ARG_STRING, &o->sort,
		  "self, total or name (self)", "KEY" },
		{ "limit", 'n', 0, G_OPTION_ARG_STRING, &o->limit_text,
		  "Rows to show, 0: all", "N" },
		{ "filter", 'f', 0, G_OPTION_ARG_STRING, &o->filter,
		  "Show rows whose name matches", "REGEX" },
		{ "min-percent", 0, 0, G_OPTION_ARG_STRING,
		  &o->min_percent_text, "Leave out what is less in total", "P" },
		{ "no-pager", 0, 0, G_OPTION_ARG_NONE, &o->no_pager,
		  "Write to the terminal itself, not through $PAGER", NULL },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new("FILE...");

	g_option_context_set_summary(context, "Shows where the time went. "
		"Several files, or a directory of them, are one view of all "
		"their processes.");
	g_option_context_set_description(context,
		"FILE@2s..10s is the part of a profile between these times.\n"
		"Read more in the manual page profagent-report(1).");
	g_option_context_add_main_entries(context, entries, NULL);
	selection_add_options(&o->selection, context, TRUE);
	load_add_options(&o->load, context);
	return g_option_context_parse(context, argc, argv, error);
}

static gboolean check_sort(Options *o, GError **error)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(sorts); i++)
		if (!o->sort || strcmp(o->sort, sorts[i].word) == 0) {
			o->sort_by = sorts[i].sort;
			return TRUE;
		}
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--sort %s: it is self, total or name", o->sort);
	return FALSE;
}

static gboolean check(Options *o, GError **error)
{
	const char *wrong = NULL;

	if (!o->load.files)
		wrong = "which profile? Usage: profagent report FILE...";
	else if (o->tree + o->callers + o->folded + o->timeline > 1)
		wrong = "one of --tree, --callers, --folded and --timeline";
	else if (o->interval && !o->timeline)
		wrong = "--interval goes with --timeline";
	else if (o->folded && o->json)
		wrong = "one of --folded and --json";
	else if (o->filter && !o->json &&
		 (o->tree || o->folded || o->timeline))
		wrong = "--filter is for the rows of a table and for --callers; "
			"--focus chooses stacks";
	if (wrong) {
		g_set_error_literal(error, G_OPTION_ERROR,
				    G_OPTION_ERROR_BAD_VALUE, wrong);
		return FALSE;
	}
	if (o->interval &&
	    !selection_take_length("--interval", o->interval, &o->interval_ns,
				   error))
		return FALSE;
	if (o->filter) {
		o->filter_regex = selection_regex("--filter", o->filter,
						  error);
		if (!o->filter_regex)
			return FALSE;
	}
	return check_sort(o, error) &&
	       number_take_int("--limit", o->limit_text, 0, G_MAXINT,
			       "0 for all", &o->limit, error) &&
	       number_take_percent("--min-percent", o->min_percent_text,
				   &o->min_percent, error) &&
	       load_check_files(o->load.files, error) &&
	       selection_check(&o->selection, error);
}

static void set_defaults(Options *o)
{
	gboolean text_tree = (o->tree || o->callers) && !o->json;

	if (o->limit == UNSET)
		o->limit = o->json ? 0 : text_tree ? TREE_ROWS : ROWS;
	if (o->min_percent < 0)
		o->min_percent = text_tree ? TREE_PERCENT : 0;
	o->load.no_system_names = TRUE;
	o->load.moments = o->timeline ||
			  selection_needs_moments(&o->selection);
	o->selection.options.flat = !o->tree && !o->callers && !o->folded;
	o->selection.options.inverted = o->callers;
	/* callers also of what calls others */
	if (o->callers && o->filter_regex && !o->selection.options.end_at)
		o->selection.options.end_at = g_regex_ref(o->filter_regex);
	o->selection.options.no_inlines = o->load.no_inlines;
}

static void print(const Report *r, const Options *o)
{
	if (o->json) {
		report_print_json(r, stdout);
	} else if (o->folded) {
		report_print_folded(r, stdout);
		load_say_skipped(r->profile, name);
	} else {
		if (!o->no_pager)
			text_page_begin();
		report_print_head(r, stdout);
		if (r->tree->items->len == 0)
			puts("(no sample matches)");
		else if (r->with_timeline)
			report_print_timeline(r, stdout);
		else if (r->with_tree)
			report_print_tree(r, stdout);
		else
			report_print_flat(r, stdout);
		text_page_end();
	}
}

static gboolean check_timeline(const Options *o, const Profile *p,
			       GError **error)
{
	g_autofree char *least_text = NULL;
	guint64 least;

	if (p->moments->len == 0) {
		g_set_error_literal(error, G_OPTION_ERROR,
				    G_OPTION_ERROR_BAD_VALUE,
				    "--timeline: the profile has no times");
		return FALSE;
	}
	least = timeline_least_interval(p, &o->selection.options);
	if (o->interval_ns == 0 || o->interval_ns >= least)
		return TRUE;
	least_text = text_time((double)timeline_round_interval(least, 1));
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "--interval %s: that makes more than %u pieces of this "
		    "profile; it is %s or more, or --from and --to choose a "
		    "part", o->interval, TIMELINE_PIECES_MAX, least_text);
	return FALSE;
}

static gboolean show(Options *o, Profile *p, GError **error)
{
	g_autoptr(Calltree) tree = NULL;
	Health health;
	Report r = {
		.profile = p, .options = &o->selection.options,
		.sort = o->sort_by, .filter = o->filter_regex,
		.limit = (guint)o->limit, .min_percent = o->min_percent,
		.with_tree = o->tree || o->callers,
		.with_timeline = o->timeline, .interval_ns = o->interval_ns,
	};

	if (!selection_apply(&o->selection, p, error))
		return FALSE;
	if (o->timeline && !check_timeline(o, p, error))
		return FALSE;
	tree = calltree_new(p, &o->selection.options);
	health_init(&health, p, o->load.notes);
	r.tree = tree;
	r.health = &health;
	print(&r, o);
	health_release(&health);
	return TRUE;
}

static int run(Options *o)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Profile) p = NULL;

	set_defaults(o);
	p = load_profile(&o->load, name);
	if (!p)
		return CMD_FAILED;
	if (!show(o, p, &error))
		return cmd_usage(name, "%s", error->message);
	return o->load.failed ? CMD_FAILED : CMD_DONE;
}

int cmd_report(int argc, char **argv)
{
	Options o = { .limit = UNSET, .min_percent = UNSET };
	g_autoptr(GError) error = NULL;
	int status;

	if (!parse(&o, &argc, &argv, &error) || !check(&o, &error))
		status = cmd_usage(name, "%s", error->message);
	else
		status = run(&o);
	load_release(&o.load);
	selection_release(&o.selection);
	g_clear_pointer(&o.filter_regex, g_regex_unref);
	g_free(o.sort);
	g_free(o.filter);
	g_free(o.interval);
	g_free(o.limit_text);
	g_free(o.min_percent_text);
	return status;
}
