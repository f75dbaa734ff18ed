/* SPDX-License-Identifier: MIT */
/*
 * profagent symbolize: puts names into files, so that they need no binaries
 * any more. profagent repair: makes torn files whole. Both rewrite in place.
 */
#include <string.h>

#include "tools/cmd.h"
#include "tools/pprof-read.h"
#include "tools/rewrite.h"

typedef struct {
	const char *name;		/* of the command */
	char *output, *sysroot, **symbol_dirs, **files;
	gboolean no_inlines, full_names, quiet;
} Options;

static gboolean parse(Options *o, gboolean names, int *argc, char ***argv,
		      GError **error)
{
	const GOptionEntry common[] = {
		{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &o->output,
		  "Write to another file instead (one FILE only)", "OUTPUT" },
		{ "quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet,
		  "Say nothing unless it fails", NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
		  &o->files, NULL, NULL },
		{ NULL }
	};
	const GOptionEntry symbols[] = {
		{ "symbols", 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
		  &o->symbol_dirs, "Also look for symbols in DIR", "DIR" },
		{ "sysroot", 0, 0, G_OPTION_ARG_FILENAME, &o->sysroot,
		  "Look for programs and libraries below DIR", "DIR" },
		{ "no-inlines", 0, 0, G_OPTION_ARG_NONE, &o->no_inlines,
		  "Leave inlined functions out", NULL },
		{ "full-names", 0, 0, G_OPTION_ARG_NONE, &o->full_names,
		  "C++ and Rust names with their arguments", NULL },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new("FILE...");

	g_option_context_set_summary(context, names
		? "Adds functions and lines to profiles, in place: they need "
		  "the program no more."
		: "Makes torn profiles whole, in place, keeping all that can be "
		  "read.");
	g_option_context_set_description(context,
		"Read more in the manual page profagent-symbolize(1).");
	g_option_context_add_main_entries(context, common, NULL);
	if (names)
		g_option_context_add_main_entries(context, symbols, NULL);
	return g_option_context_parse(context, argc, argv, error);
}

static void print_notes(const Options *o, const GPtrArray *notes)
{
	guint i;

	for (i = 0; !o->quiet && notes && i < notes->len; i++)
		cmd_say(o->name, "%s", (const char *)notes->pdata[i]);
}

static gboolean rewrite(const Options *o, const char *path, Symbols *symbols)
{
	g_autoptr(GError) error = NULL;
	RewriteResult result;
	gboolean ok = rewrite_file(path, o->output, symbols, &result, &error);

	if (ok) {
		print_notes(o, result.skipped);
		if (result.salvaged && !o->quiet)
			cmd_say(o->name, "%s: the last samples were taken from "
				"the process's memory", path);
	} else {
		cmd_say(o->name, "%s", error->message);
	}
	rewrite_result_release(&result);
	return ok;
}

static gboolean rewrite_directory(const Options *o, const char *path,
				  Symbols *symbols)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) files = pprof_read_list(path, &error);
	gboolean ok = TRUE;
	guint i;

	if (!files || files->len == 0) {
		cmd_say(o->name, "%s%s", error ? error->message : path,
			error ? "" : ": no profile (*.pb.gz) in it");
		return FALSE;
	}
	for (i = 0; i < files->len; i++)
		ok &= rewrite(o, files->pdata[i], symbols);
	return ok;
}

static int run(const Options *o, Symbols *symbols)
{
	int status = CMD_DONE;
	gboolean ok;
	guint i;

	for (i = 0; o->files[i]; i++) {
		if (g_file_test(o->files[i], G_FILE_TEST_IS_DIR))
			ok = rewrite_directory(o, o->files[i], symbols);
		else
			ok = rewrite(o, o->files[i], symbols);
		if (!ok)
			status = CMD_FAILED;
	}
	if (symbols)
		print_notes(o, symbols_notes(symbols));
	return status;
}

static const char *check(const Options *o)
{
	if (!o->files)
		return "which profile?";
	if (o->output && o->files[1])
		return "--output takes one FILE";
	return NULL;
}

static int symbolize(Options *o, gboolean names, int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Symbols) symbols = NULL;
	const char *wrong;
	int status;

	if (!parse(o, names, &argc, &argv, &error))
		wrong = error->message;
	else
		wrong = check(o);
	if (wrong) {
		status = cmd_usage(o->name, "%s", wrong);
	} else {
		const SymbolsOptions options = {
			.sysroot = o->sysroot, .symbol_dirs = o->symbol_dirs,
			.no_inlines = o->no_inlines,
			.full_names = o->full_names, .quiet = o->quiet,
		};

		if (names)
			symbols = symbols_new(&options);
		status = run(o, symbols);
	}
	g_free(o->output);
	g_free(o->sysroot);
	g_strfreev(o->symbol_dirs);
	g_strfreev(o->files);
	return status;
}

int cmd_symbolize(int argc, char **argv)
{
	Options o = { .name = "symbolize" };

	return symbolize(&o, TRUE, argc, argv);
}

int cmd_repair(int argc, char **argv)
{
	Options o = { .name = "repair" };

	return symbolize(&o, FALSE, argc, argv);
}
