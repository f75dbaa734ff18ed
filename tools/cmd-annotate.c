/* SPDX-License-Identifier: MIT */
/* profagent annotate: the lines or instructions of a function. */
#include <string.h>

#include "tools/annotate.h"
#include "tools/cmd.h"
#include "tools/load.h"
#include "tools/number.h"
#include "tools/selection.h"
#include "tools/text.h"

static const char name[] = "annotate";

#define CONTEXT 5		/* lines, unless told otherwise */
#define CONTEXT_MAX 1000000

typedef struct {
	Load load;
	Selection selection;
	char *source;
	char *context_text;
	gint context;
	gboolean instructions, no_pager;
	char *function;
} Options;

static gboolean parse(Options *o, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "asm", 'a', 0, G_OPTION_ARG_NONE, &o->instructions,
		  "Instructions instead of source lines (needs objdump)",
		  NULL },
		{ "source", 0, 0, G_OPTION_ARG_FILENAME, &o->source,
		  "Look for source below DIR as well", "DIR" },
		{ "context", 'c', 0, G_OPTION_ARG_STRING, &o->context_text,
		  "Lines around those that took time (5)", "N" },
		{ "no-pager", 0, 0, G_OPTION_ARG_NONE, &o->no_pager,
		  "Write to the terminal itself, not through $PAGER", NULL },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new(
		"FUNCTION FILE...");

	g_option_context_set_summary(context, "Shows which lines, or "
		"instructions, of a function took the time. FUNCTION may be a "
		"part of a name that no other has.");
	g_option_context_set_description(context,
		"Read more in the manual page profagent-annotate(1).");
	g_option_context_add_main_entries(context, entries, NULL);
	selection_add_options(&o->selection, context, FALSE);
	load_add_options(&o->load, context);
	return g_option_context_parse(context, argc, argv, error);
}

/* The first argument is the function, the others are files. */
static gboolean split_arguments(Options *o, GError **error)
{
	guint i;

	if (!o->load.files || !o->load.files[1]) {
		g_set_error_literal(error, G_OPTION_ERROR,
				    G_OPTION_ERROR_BAD_VALUE,
				    "which function of which profile? Usage: "
				    "profagent annotate FUNCTION FILE...");
		return FALSE;
	}
	o->function = o->load.files[0];
	for (i = 0; o->load.files[i]; i++)
		o->load.files[i] = o->load.files[i + 1];
	return TRUE;
}

static gboolean check(Options *o, GError **error)
{
	if (!split_arguments(o, error))
		return FALSE;
	if (!number_take_int("--context", o->context_text, 0, CONTEXT_MAX,
			     "of lines", &o->context, error))
		return FALSE;
	return load_check_files(o->load.files, error) &&
	       selection_check(&o->selection, error);
}

static int print(const Options *o, const Report *r, const char *function)
{
	const Annotate a = {
		.report = r, .function = function, .source_dir = o->source,
		.sysroot = o->load.sysroot, .context = (guint)o->context,
	};
	g_autoptr(GError) error = NULL;
	gboolean ok = TRUE;

	if (!o->no_pager)
		text_page_begin();
	if (o->instructions)
		ok = annotate_instructions(&a, stdout, &error);
	else
		annotate_source(&a, stdout);
	text_page_end();
	return ok ? CMD_DONE : cmd_fail(name, "%s", error->message);
}

static int show(const Options *o, const Report *r)
{
	g_autofree char *similar = NULL;
	const char *function = annotate_find(r, o->function, &similar);

	if (function)
		return print(o, r, function);
	if (similar[0])
		return cmd_fail(name, "%s: which one? There are %s",
				o->function, similar);
	return cmd_fail(name, "%s: no such function in the profile",
			o->function);
}

static int run(Options *o)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Calltree) tree = NULL;
	g_autoptr(Profile) p = NULL;
	CalltreeOptions *options = &o->selection.options;
	Report r = { .options = options };

	o->load.moments = selection_needs_moments(&o->selection);
	options->by = o->instructions ? CALLTREE_BY_ADDRESS : CALLTREE_BY_LINE;
	options->flat = TRUE;
	p = load_profile(&o->load, name);
	if (!p)
		return CMD_FAILED;
	if (!selection_apply(&o->selection, p, &error))
		return cmd_usage(name, "%s", error->message);
	tree = calltree_new(p, options);
	r.profile = p;
	r.tree = tree;
	return show(o, &r);
}

int cmd_annotate(int argc, char **argv)
{
	Options o = { .context = CONTEXT };
	g_autoptr(GError) error = NULL;
	int status;

	if (!parse(&o, &argc, &argv, &error) || !check(&o, &error))
		status = cmd_usage(name, "%s", error->message);
	else
		status = run(&o);
	load_release(&o.load);
	selection_release(&o.selection);
	g_free(o.function);
	g_free(o.source);
	g_free(o.context_text);
	return status;
}
