/* SPDX-License-Identifier: MIT */
/* profagent view: a profile, or a running program, on a terminal with keys. */
#include <string.h>

#include "tools/cmd.h"
#include "tools/screen.h"
#include "tools/targets.h"
#include "tools/view.h"
#include "tools/viewer-text.h"

static const char name[] = "view";

#define GATHER "5s"	/* where there is no terminal */

static gboolean parse(View *v, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "tree", 0, 0, G_OPTION_ARG_NONE, &v->tree,
		  "Of processes: with all that came from them", NULL },
		{ "duration", 0, 0, G_OPTION_ARG_STRING, &v->duration,
		  "Of processes, without a terminal: gather for TIME "
		  "(" GATHER ")", "TIME" },
		{ "token", 0, 0, G_OPTION_ARG_STRING, &v->token,
		  "Of a server: what lets us in ($PROFAGENT_TOKEN)",
		  "TOKEN" },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = 
		g_option_context_new("FILE...|PID...|NAME...|HOST:PORT[/PID]");

	g_option_context_set_summary(context, "Shows on a terminal where the "
		"time goes; '?' lists the keys. Where there is no terminal it "
		"writes text.");
	g_option_context_set_description(context,
		"Read more in the manual page profagent-view(1).");
	g_option_context_add_main_entries(context, entries, NULL);
	selection_add_options(&v->selection, context, TRUE);
	load_add_options(&v->load, context);
	return g_option_context_parse(context, argc, argv, error);
}

static gboolean check(View *v, GError **error)
{
	if (!v->load.files) {
		g_set_error_literal(error, G_OPTION_ERROR,
				    G_OPTION_ERROR_BAD_VALUE,
				    "what? Usage: profagent view "
				    "FILE...|PID...|NAME...|HOST:PORT[/PID]");
		return FALSE;
	}
	return selection_take_length("--duration",
				     v->duration ? v->duration : GATHER,
				     &v->duration_ns, error) &&
	       load_check_files(v->load.files, error) &&
	       selection_check(&v->selection, error);
}

static int show_file(View *v)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Profile) p = NULL;

	v->load.no_system_names = TRUE;
	v->load.moments = selection_needs_moments(&v->selection);
	v->selection.options.no_inlines = v->load.no_inlines;
	p = load_profile(&v->load, name);
	if (!p)
		return CMD_FAILED;
	if (!selection_apply(&v->selection, p, &error))
		return cmd_usage(name, "%s", error->message);
	if (screen_is_possible())
		return view_file_show(v, p);
	viewer_text_print(p, &v->selection.options, v->load.notes);
	return v->load.failed ? CMD_FAILED : CMD_DONE;
}

/* What is surely meant: a path, or the name of a profile. */
static gboolean is_path(const char *word)
{
	return strchr(word, '/') || g_str_has_suffix(word, ".gz") ||
	       g_str_has_suffix(word, ".pb") ||
	       g_str_has_suffix(word, ".region") ||
	       g_file_test(word, G_FILE_TEST_IS_DIR);
}

static int show_remote(View *v, const char *word)
{
	const char *token = v->token ? v->token : g_getenv("PROFAGENT_TOKEN");
	g_autoptr(GError) error = NULL;
	Remote remote;
	int status;

	if (v->load.files[1])
		return cmd_usage(name, "one server at a time");
	if (selection_needs_moments(&v->selection))
		return cmd_usage(name, "--from and --to are for files only");
	if (!remote_init(&remote, word, token, &error))
		return cmd_usage(name, "%s", error->message);
	v->selection.options.no_inlines = v->load.no_inlines;
	status = view_remote(v, &remote);
	remote_release(&remote);
	return status;
}

/* Processes; then files, for a program may lie here under its name. */
static int show(View *v)
{
	const TargetQuery query = { .words = v->load.files, .tree = v->tree };
	const char *first = v->load.files[0];
	g_autoptr(GPtrArray) targets = NULL;
	g_autoptr(GError) error = NULL;

	if (remote_is_address(first) &&
	    !g_file_test(first, G_FILE_TEST_EXISTS))
		return show_remote(v, first);
	if (is_path(first))
		return show_file(v);
	targets = targets_find(&query, &error);
	if (!targets && g_file_test(first, G_FILE_TEST_EXISTS))
		return show_file(v);
	if (!targets)
		return cmd_fail(name, "no file '%s', and %s", first,
				error->message);
	if (selection_needs_moments(&v->selection))
		return cmd_usage(name, "--from and --to are for files only");
	v->selection.options.no_inlines = v->load.no_inlines;
	return view_processes(v, targets);
}

int cmd_view(int argc, char **argv)
{
	View v = { 0 };
	g_autoptr(GError) error = NULL;
	int status;

	if (!parse(&v, &argc, &argv, &error) || !check(&v, &error))
		status = cmd_usage(name, "%s", error->message);
	else
		status = show(&v);
	g_free(v.duration);
	g_free(v.token);
	load_release(&v.load);
	selection_release(&v.selection);
	return status;
}
