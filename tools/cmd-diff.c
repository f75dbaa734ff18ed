/* SPDX-License-Identifier: MIT */
/* profagent diff: what changed between two profiles, or sets of them. */
#include <string.h>

#include "tools/cmd.h"
#include "tools/diff.h"
#include "tools/load.h"
#include "tools/number.h"
#include "tools/selection.h"

static const char name[] = "diff";

#define ROWS 30			/* of the table, unless --limit says otherwise */
#define UNSET -1
#define NS_PER_SECOND 1e9

typedef struct {
	Load load;
	Selection selection;
	char **paths[DIFF_SIDES];
	char *sort, *filter, *fail_over, *limit_text;
	gint limit;
	gboolean total, absolute, json;
	GRegex *filter_regex;
	DiffSort sort_by;
	double fail_least;		/* as DiffRow.change */
	gboolean fail_growth;
	char *type;			/* of the first run, of all */
	gboolean inlines[DIFF_SIDES];	/* there are inlined functions */
} Options;

static const struct {
	const char *word;
	DiffSort sort;
} sorts[] = {
	{ "change", DIFF_BY_CHANGE },
	{ "growth", DIFF_BY_GROWTH },
	{ "p", DIFF_BY_P },
	{ "name", DIFF_BY_NAME },
};

/* --- the command line -------------------------------------------------------- */

/*
 * "--before A B C" as GOption understands it: "--before A --before B --before
 * C". The words themselves stay the caller's.
 */
static char **spread_lists(int *argc, char **argv)
{
	GPtrArray *words = g_ptr_array_new();
	char *option = NULL;
	int i, of_option = 0;

	for (i = 0; i < *argc; i++) {
		gboolean begins = strcmp(argv[i], "--before") == 0 ||
				  strcmp(argv[i], "--after") == 0;

		if (begins || argv[i][0] == '-') {
			option = begins ? argv[i] : NULL;
			of_option = 0;
		} else if (option && of_option++ > 0) {
			g_ptr_array_add(words, option);
		}
		g_ptr_array_add(words, argv[i]);
	}
	*argc = (int)words->len;
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

static gboolean parse(Options *o, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "before", 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
		  &o->paths[DIFF_BEFORE], "Repeated runs before", "FILE..." },
		{ "after", 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
		  &o->paths[DIFF_AFTER], "Repeated runs after", "FILE..." },
		{ "total", 0, 0, G_OPTION_ARG_NONE, &o->total,
		  "Compare totals: with what was called", NULL },
		{ "absolute", 0, 0, G_OPTION_ARG_NONE, &o->absolute,
		  "Per cent of one CPU, per second of time, not of the profile",
		  NULL },
		{ "fail-over", 0, 0, G_OPTION_ARG_STRING, &o->fail_over,
		  "Exit with 3 if a significant change is P or more; +P: if "
		  "growth is", "P%" },
		{ "json", 0, 0, G_OPTION_ARG_NONE, &o->json, "JSON", NULL },
		{ "sort", 's', 0, G_OPTION_ARG_STRING, &o->sort,
		  "change, growth, p or name (change)", "KEY" },
		{ "limit", 'n', 0, G_OPTION_ARG_STRING, &o->limit_text,
		  "Rows to show, 0: all", "N" },
		{ "filter", 'f', 0, G_OPTION_ARG_STRING, &o->filter,
		  "Rows whose name matches", "REGEX" },
		{ NULL }
	};
	g_autoptr(GOptionContext) context =
		g_option_context_new("BEFORE AFTER");
	g_autofree char **words = spread_lists(&argc, argv);
	char **rest = words;

	g_option_context_set_summary(context, "Shows what changed between two "
		"profiles, and what of it is more than chance.\nEach is a file "
		"or a directory; --before and --after take repeated runs.");
	g_option_context_set_description(context,
		"FILE@2s..10s is the part of a profile between these times.\n"
		"Read more in the manual page profagent-diff(1).");
	g_option_context_add_main_entries(context, entries, NULL);
	selection_add_options(&o->selection, context, TRUE);
	load_add_options(&o->load, context);
	return g_option_context_parse(context, &argc, &rest, error);
}

static guint count_of(char *const *paths)
{
	guint n = 0;

	while (paths && paths[n])
		n++;
	return n;
}

/* Two profiles without an option are before and after. */
static const char *take_paths(Options *o)
{
	guint alone = count_of(o->load.files);
	guint before = count_of(o->paths[DIFF_BEFORE]);
	guint after = count_of(o->paths[DIFF_AFTER]);

	if (alone > 0 && before + after > 0)
		return "either BEFORE AFTER, or --before FILE... "
		       "--after FILE...";
	if (alone == 2) {
		o->paths[DIFF_BEFORE] = g_new0(char *, 2);
		o->paths[DIFF_AFTER] = g_new0(char *, 2);
		o->paths[DIFF_BEFORE][0] = o->load.files[0];
		o->paths[DIFF_AFTER][0] = o->load.files[1];
		g_clear_pointer(&o->load.files, g_free);
		return NULL;
	}
	if (alone > 0 || before == 0 || after == 0)
		return "which two profiles? Usage: profagent diff BEFORE "
		       "AFTER, or --before FILE... --after FILE...";
	if (before > DIFF_RUNS_MAX || after > DIFF_RUNS_MAX)
		return "more than 1000 runs on a side";
	return NULL;
}

static gboolean set_error(GError **error, const char *option,
			  const char *value, const char *valid)
{
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "%s %s: %s", option, value, valid);
	return FALSE;
}

static gboolean check_sort(Options *o, GError **error)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(sorts); i++)
		if (!o->sort || strcmp(o->sort, sorts[i].word) == 0) {
			o->sort_by = sorts[i].sort;
			return TRUE;
		}
	return set_error(error, "--sort", o->sort,
			 "it is change, growth, p or name");
}

static gboolean check_fail_over(Options *o, GError **error)
{
	const char *text = o->fail_over;
	const char *end;
	double percent;

	if (!text)
		return TRUE;
	o->fail_growth = text[0] == '+';
	text += o->fail_growth;
	if (number_begins(text, &percent, &end) &&
	    (strcmp(end, "") == 0 || strcmp(end, "%") == 0) &&
	    percent <= 1e6) {
		o->fail_least = percent / 100;
		return TRUE;
	}
	return set_error(error, "--fail-over", o->fail_over,
			 "it is a number of per cent, such as 5%, or +5% for "
			 "growth alone");
}

static gboolean check(Options *o, GError **error)
{
	const char *wrong = take_paths(o);

	if (wrong) {
		g_set_error_literal(error, G_OPTION_ERROR,
				    G_OPTION_ERROR_BAD_VALUE, wrong);
		return FALSE;
	}
	if (o->filter) {
		o->filter_regex = selection_regex("--filter", o->filter,
						  error);
		if (!o->filter_regex)
			return FALSE;
	}
	return check_sort(o, error) && check_fail_over(o, error) &&
	       number_take_int("--limit", o->limit_text, 0, G_MAXINT,
			       "0 for all", &o->limit, error) &&
	       load_check_files(o->paths[DIFF_BEFORE], error) &&
	       load_check_files(o->paths[DIFF_AFTER], error) &&
	       selection_check(&o->selection, error);
}

static void set_defaults(Options *o)
{
	if (o->limit == UNSET)
		o->limit = o->json ? 0 : ROWS;
	o->load.no_system_names = TRUE;
	o->load.moments = selection_needs_moments(&o->selection);
	o->selection.options.flat = TRUE;
	o->selection.options.no_inlines = o->load.no_inlines;
}

/* --- runs ----------------------------------------------------------------------- */

/* Seconds that the samples looked at were taken in. */
static double seconds_of(const Options *o, const Profile *p)
{
	const CalltreeOptions *c = &o->selection.options;
	double end = (double)p->duration_nanos;

	if (c->to_ns != 0 && (double)c->to_ns < end)
		end = (double)c->to_ns;
	return MAX(0, end - (double)c->from_ns) / NS_PER_SECOND;
}

/* A run that cannot be compared with the others. */
static gboolean check_run(Options *o, const Profile *p, const char *path,
			  GError **error)
{
	const ProfileValueType *type;
	const char *text;

	if (!selection_apply(&o->selection, p, error))
		return FALSE;
	type = &p->type[o->selection.options.type];
	text = profile_text(p, type->type);
	if (!o->type)
		o->type = g_strdup(text);
	if (strcmp(text, o->type) != 0)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "%s: it has %s, the first profile %s; --type "
			    "chooses one that all have", path, text, o->type);
	else if (o->absolute &&
		 strcmp(profile_text(p, type->unit), "nanoseconds") != 0)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--absolute: %s is no time", text);
	else if (o->absolute && !(seconds_of(o, p) > 0))
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--absolute: %s does not say how long it took",
			    path);
	else
		return TRUE;
	return FALSE;
}

static const ProfileLocation *frame_at(const Profile *p, guint32 i)
{
	return profile_at(p->locations, ProfileLocation,
			  g_array_index(p->frames, guint32, i));
}

/* As lines of one place, or, from perf script, as frames of one address. */
static gboolean has_inlines(const Profile *p)
{
	guint i;
	guint32 k;

	for (i = 0; i < p->samples->len; i++) {
		const ProfileSample *s = profile_at(p->samples, ProfileSample,
						    i);
		guint64 before = 0;

		for (k = 0; k < s->frame_count; k++) {
			const ProfileLocation *l = frame_at(
				p, s->first_frame + k);

			if (l->line_count > 1 ||
			    (l->address != 0 && l->address == before))
				return TRUE;
			before = l->address;
		}
	}
	return FALSE;
}

/* Where one side has no inlined calls, all of theirs are changes. */
static void warn_of_inlines(const Options *o)
{
	if (o->selection.options.no_inlines ||
	    o->selection.options.by > CALLTREE_BY_LINE ||
	    o->inlines[DIFF_BEFORE] == o->inlines[DIFF_AFTER])
		return;
	cmd_say(name, "%s has no inlined functions: --no-inlines counts them "
		"as their callers on both sides",
		o->paths[o->inlines[DIFF_BEFORE] ? DIFF_AFTER
						 : DIFF_BEFORE][0]);
}

static int add_run(Options *o, Diff *d, DiffSide side, char *path)
{
	char *files[] = { path, NULL };
	Load load = load_again(&o->load, files);
	g_autoptr(GError) error = NULL;
	g_autoptr(Profile) p = NULL;
	g_autoptr(Calltree) tree = NULL;
	DiffRun *run;

	p = load_profile(&load, name);
	load_release_again(&load);
	if (!p || load.failed)
		return CMD_FAILED;
	if (!check_run(o, p, path, &error))
		return cmd_usage(name, "%s", error->message);
	load_say_skipped(p, name);
	o->inlines[side] |= has_inlines(p);
	tree = calltree_new(p, &o->selection.options);
	run = diff_add_calltree(d, side, tree, o->selection.options.by,
				seconds_of(o, p));
	run->path = g_strdup(path);
	if (run->all.value > 0)
		return CMD_DONE;
	return cmd_fail(name, "%s: there is no time in it to compare", path);
}

static int add_runs(Options *o, Diff *d)
{
	int side, status = CMD_DONE;
	guint i;

	for (side = 0; side < DIFF_SIDES; side++)
		for (i = 0; o->paths[side][i] && status == CMD_DONE; i++)
			status = add_run(o, d, (DiffSide)side,
					 o->paths[side][i]);
	return status;
}

static void print(const Options *o, const Diff *d, const GPtrArray *rows)
{
	static const char *const titles[][2] = {
		[CALLTREE_BY_FUNCTION] = { "function", "where" },
		[CALLTREE_BY_LINE] = { "function", "line" },
		[CALLTREE_BY_ADDRESS] = { "function", "address" },
		[CALLTREE_BY_MODULE] = { "module", "path" },
		[CALLTREE_BY_THREAD] = { "thread", "" },
		[CALLTREE_BY_PROCESS] = { "process", "command" },
		[CALLTREE_BY_LABEL] = { "label", "" },
	};

	if (o->json)
		diff_print_json(d, rows, (guint)o->limit, stdout);
	else
		diff_print(d, rows, (guint)o->limit,
			   titles[o->selection.options.by], stdout);
}

static int run(Options *o)
{
	g_autoptr(Diff) d = NULL;
	g_autoptr(GPtrArray) rows = NULL;
	int status;

	set_defaults(o);
	d = diff_new(count_of(o->paths[DIFF_BEFORE]) +
		     count_of(o->paths[DIFF_AFTER]));
	d->total = o->total;
	d->absolute = o->absolute;
	status = add_runs(o, d);
	if (status != CMD_DONE)
		return status;
	warn_of_inlines(o);
	diff_test(d);
	rows = diff_sorted(d, o->sort_by, o->filter_regex);
	print(o, d, rows);
	if (o->fail_over && diff_exceeds(rows, o->fail_least, o->fail_growth))
		return CMD_SIGNIFICANT;
	return CMD_DONE;
}

int cmd_diff(int argc, char **argv)
{
	Options o = { .limit = UNSET };
	g_autoptr(GError) error = NULL;
	int status;

	if (!parse(&o, argc, argv, &error) || !check(&o, &error))
		status = cmd_usage(name, "%s", error->message);
	else
		status = run(&o);
	load_release(&o.load);
	selection_release(&o.selection);
	g_strfreev(o.paths[DIFF_BEFORE]);
	g_strfreev(o.paths[DIFF_AFTER]);
	g_clear_pointer(&o.filter_regex, g_regex_unref);
	g_free(o.sort);
	g_free(o.filter);
	g_free(o.fail_over);
	g_free(o.limit_text);
	g_free(o.type);
	return status;
}
