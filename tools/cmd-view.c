/* SPDX-License-Identifier: MIT */
/* profagent view: a profile, or a running program, on a terminal with keys. */
#include "tools/cmd.h"
#include "tools/screen.h"
#include "tools/view.h"
#include "tools/viewer-text.h"

static const char name[] = "view";

static gboolean parse(View *v, int *argc, char ***argv, GError **error)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_summary(context, "Shows on a terminal where the "
		"time goes; '?' lists the keys. Where there is no terminal it "
		"writes text.");
	g_option_context_set_description(context,
		"Read more in the manual page profagent-view(1).");
	selection_add_options(&v->selection, context, TRUE);
	load_add_options(&v->load, context);
	return g_option_context_parse(context, argc, argv, error);
}

static gboolean check(View *v, GError **error)
{
	if (!v->load.files) {
		g_set_error_literal(error, G_OPTION_ERROR,
				    G_OPTION_ERROR_BAD_VALUE,
				    "what? Usage: profagent view FILE...");
		return FALSE;
	}
	return selection_check(&v->selection, error);
}

static int show_file(View *v)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Profile) p = NULL;

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

int cmd_view(int argc, char **argv)
{
	View v = { 0 };
	g_autoptr(GError) error = NULL;
	int status;

	if (!parse(&v, &argc, &argv, &error) || !check(&v, &error))
		status = cmd_usage(name, "%s", error->message);
	else
		status = show_file(&v);
	load_release(&v.load);
	selection_release(&v.selection);
	return status;
}
