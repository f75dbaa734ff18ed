/* SPDX-License-Identifier: MIT */
/*
 * profagent run: runs a program with the agent preloaded, finishes the profiles
 * that it leaves, and ends as the program did.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/config.h"
#include "tools/child.h"
#include "tools/cmd.h"
#include "tools/harvest.h"
#include "tools/pprof-read.h"
#include "tools/program.h"
#include "tools/rewrite.h"
#include "tools/text.h"

static const char name[] = "run";

#define LIBRARY "libprofagent.so"
#define OUTPUT_PRESET "%e.%p.pb.gz"	/* the agent's own */
#define FILES_NAMED 5			/* of many only the first are named */

typedef struct {
	char *rate, *output, *clock, *unwind, *depth;
	gboolean no_children, quiet, report;
	char **program;
} Options;

typedef struct {
	const Options *o;
	char **env;
	char *pattern;			/* absolute PROFAGENT_OUTPUT */
	char id[17];			/* the run's, 16 hex digits */
	gint64 since;
	GPtrArray *files;		/* char *: profiles */
	GPtrArray *live;		/* of processes that still run */
} Run;

/* --- command line ----------------------------------------------------------------- */

static gboolean parse(Options *o, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "rate", 'r', 0, G_OPTION_ARG_STRING, &o->rate,
		  "Samples a second of CPU time (99)", "HZ" },
		{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &o->output,
		  "Where profiles go; %e program, %p pid, %h host, %t time "
		  "(" OUTPUT_PRESET ")", "PATTERN" },
		{ "clock", 0, 0, G_OPTION_ARG_STRING, &o->clock,
		  "What takes the samples: " CLOCK_NAMES, "CLOCK" },
		{ "unwind", 0, 0, G_OPTION_ARG_STRING, &o->unwind,
		  "How stacks are walked: cfi or fp", "HOW" },
		{ "depth", 0, 0, G_OPTION_ARG_STRING, &o->depth,
		  "Frames of a stack to keep", "N" },
		{ "no-children", 0, 0, G_OPTION_ARG_NONE, &o->no_children,
		  "Leave programs alone that the program starts", NULL },
		{ "quiet", 'q', 0, G_OPTION_ARG_NONE, &o->quiet,
		  "Say nothing of our own unless it fails", NULL },
		{ "report", 0, 0, G_OPTION_ARG_NONE, &o->report,
		  "Show the report at the end, on standard error", NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
		  &o->program, NULL, "PROGRAM [ARGUMENT...]" },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_strict_posix(context, TRUE);
	g_option_context_set_summary(context, "Runs a program and writes a "
		"profile of each of its processes. The exit status is the "
		"program's.");
	g_option_context_set_description(context,
		"Read more in the manual page profagent-run(1); the agent's "
		"own settings are\nin profagent(7).");
	g_option_context_add_main_entries(context, entries, NULL);
	return g_option_context_parse(context, argc, argv, error);
}

static void options_release(Options *o)
{
	char **texts[] = { &o->rate, &o->output, &o->clock, &o->unwind,
			   &o->depth };
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(*texts[i]);
	g_strfreev(o->program);
}

/* --- environment ------------------------------------------------------------------ */

/* The library beside us in a build tree, else where it was installed to. */
static char *find_library(GError **error)
{
	const char *asked = g_getenv("PROFAGENT_LIBRARY");
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *dir = self ? g_path_get_dirname(self) : NULL;
	char *candidates[] = {
		asked && asked[0] ? g_strdup(asked) : NULL,
		g_build_filename(dir ? dir : "/", "..", "agent", ".libs",
				 LIBRARY, NULL),
		g_build_filename(PROFAGENT_LIBDIR, LIBRARY, NULL),
		g_build_filename(dir ? dir : "/", "..", "lib", LIBRARY, NULL),
	};
	char *found = NULL;
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(candidates); i++) {
		if (candidates[i] && !found)
			found = realpath(candidates[i], NULL);
		g_free(candidates[i]);
		if (asked && asked[0] && i == 0 && !found)
			break;
	}
	if (found && !strpbrk(found, ": "))
		return found;
	if (found)
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
			    "%s cannot be preloaded: there is a space or colon "
			    "in its path", found);
	else
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
			    "%s is not there, nor in " PROFAGENT_LIBDIR,
			    asked && asked[0] ? asked : LIBRARY);
	free(found);
	return NULL;
}

static void set(Run *r, const char *variable, const char *value)
{
	if (value)
		r->env = g_environ_setenv(r->env, variable, value, TRUE);
}

/* Ours before the user's own; libasan refuses to be anything but first. */
static void set_preload(Run *r, const char *library, const char *asan)
{
	const char *before = g_environ_getenv(r->env, "LD_PRELOAD");
	g_autoptr(GString) all = g_string_new(NULL);

	if (asan)
		g_string_append_printf(all, "%s:", asan);
	g_string_append(all, library);
	if (before && before[0])
		g_string_append_printf(all, ":%s", before);
	set(r, "LD_PRELOAD", all->str);
}

/* Absolute, so that children that change directory write to the same place. */
static void set_output(Run *r)
{
	const char *asked = r->o->output;

	if (!asked)
		asked = g_environ_getenv(r->env, "PROFAGENT_OUTPUT");
	if (!asked || !asked[0])
		asked = OUTPUT_PRESET;
	if (g_path_is_absolute(asked)) {
		r->pattern = g_strdup(asked);
	} else {
		g_autofree char *here = g_get_current_dir();
		g_auto(GStrv) parts = g_strsplit(here, "%", -1);
		g_autofree char *safe = g_strjoinv("%%", parts);

		r->pattern = g_build_filename(safe, asked, NULL);
	}
	set(r, "PROFAGENT_OUTPUT", r->pattern);
}

static void set_id(Run *r)
{
	guint64 id = 0;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		id = (guint64)g_get_real_time() << 20 ^ (guint64)getpid();
	g_snprintf(r->id, sizeof(r->id), "%016" G_GINT64_MODIFIER "x", id);
	set(r, "PROFAGENT_PARENT_RUN", r->id);
	set(r, "PROFAGENT_ROOT_RUN", r->id);
}

/* What the agent would say of its settings is said before the program runs. */
static gboolean check_settings(Run *r, GError **error)
{
	struct config_error wrong = { "" };
	struct config *config = g_new0(struct config, 1);
	int err = config_read(config, r->env, &wrong);

	g_free(config);
	if (err == 0)
		return TRUE;
	g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    wrong.text);
	return FALSE;
}

static gboolean set_environment(Run *r, const char *asan, GError **error)
{
	g_autofree char *library = find_library(error);

	if (!library)
		return FALSE;
	r->env = g_get_environ();
	/* for us alone: the agent does not know it */
	r->env = g_environ_unsetenv(r->env, "PROFAGENT_LIBRARY");
	set_preload(r, library, asan);
	set_output(r);
	set_id(r);
	set(r, "PROFAGENT_RATE", r->o->rate);
	set(r, "PROFAGENT_CLOCK", r->o->clock);
	set(r, "PROFAGENT_UNWIND", r->o->unwind);
	set(r, "PROFAGENT_DEPTH", r->o->depth);
	set(r, "PROFAGENT_CHILDREN", r->o->no_children ? "0" : NULL);
	return check_settings(r, error);
}

/* --- after the end ------------------------------------------------------------------ */

static void finish_files(Run *r)
{
	const SymbolsOptions options = { .quiet = r->o->quiet };
	g_autoptr(Symbols) symbols = symbols_new(&options);
	guint i;

	for (i = 0; i < r->files->len; i++) {
		g_autoptr(GError) error = NULL;

		if (rewrite_file(r->files->pdata[i], NULL, symbols, NULL,
				 &error))
			continue;
		if (g_error_matches(error, REWRITE_ERROR, REWRITE_ERROR_LIVE))
			g_ptr_array_add(r->live, r->files->pdata[i]);
		else
			cmd_say(name, "%s", error->message);
	}
}

/* Shorter than absolute where it is below the current directory. */
static const char *shown_path(const char *path)
{
	g_autofree char *here = g_get_current_dir();
	gsize size = strlen(here);

	if (strncmp(path, here, size) == 0 && path[size] == '/')
		return path + size + 1;
	return path;
}

static void print_files(const Run *r)
{
	guint i;

	for (i = 0; i < r->files->len && i < FILES_NAMED; i++)
		cmd_say(name, "profile: %s", shown_path(r->files->pdata[i]));
	if (r->files->len > FILES_NAMED)
		cmd_say(name, "and %u more profiles beside it",
			r->files->len - FILES_NAMED);
	for (i = 0; i < r->live->len; i++)
		cmd_say(name, "%s: its process still runs; when it has ended: "
			"profagent symbolize FILE",
			shown_path(r->live->pdata[i]));
}

/* As one would type it. */
static void append_word(GString *line, const char *word)
{
	g_autofree char *quoted = g_shell_quote(word);

	g_string_append_c(line, ' ');
	g_string_append(line, strpbrk(word, " \t\n'\"\\$`*?<>|&;()[]#~!{}")
				      ? quoted : word);
}

/* Whether there is nothing but this run's in the directory. */
static gboolean is_all_there(const Run *r, const char *dir)
{
	g_autoptr(GPtrArray) there = pprof_read_list(dir, NULL);

	return there && there->len == r->files->len;
}

/* The directory for all, unless profiles of other runs are in it. */
static void print_next(const Run *r)
{
	g_autofree char *dir = g_path_get_dirname(
		shown_path(r->files->pdata[0]));
	g_autoptr(GString) line = g_string_new("next: profagent report");
	guint i;

	if (r->files->len == 1 ||
	    (r->files->len <= FILES_NAMED && !is_all_there(r, dir)))
		for (i = 0; i < r->files->len; i++)
			append_word(line, shown_path(r->files->pdata[i]));
	else
		append_word(line, dir);
	cmd_say(name, "%s", line->str);
}

static void print_report(const Run *r)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	guint i;

	g_ptr_array_add(argv, (gpointer)(guintptr)"report");
	g_ptr_array_add(argv, (gpointer)(guintptr)"--");
	for (i = 0; i < r->files->len; i++)
		g_ptr_array_add(argv, r->files->pdata[i]);
	g_ptr_array_add(argv, NULL);
	/* standard output is the program's */
	fflush(stdout);
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return;
	cmd_report((int)argv->len - 1, (char **)argv->pdata);
	fflush(stdout);
}

static void harvest(Run *r, gboolean could_work)
{
	r->files = harvest_files(r->pattern, r->id, r->since);
	r->live = g_ptr_array_new();
	finish_files(r);
	if (r->files->len == 0) {
		if (!r->o->quiet && could_work)
			cmd_say(name, "no profile: the program used too little "
				"CPU time for a sample");
		return;
	}
	if (!r->o->quiet) {
		print_files(r);
		print_next(r);
	}
	if (r->o->report)
		print_report(r);
}

/* --- running ----------------------------------------------------------------------------- */

static void warn_of_program(const Run *r, const Program *program)
{
	const char *trouble = program_trouble(program->kind);

	if (trouble)
		cmd_say(name, "%s: preloading cannot work there, %s; it runs "
			"without a profile", r->o->program[0], trouble);
}

static void say_not_started(const Run *r, const Child *child)
{
	cmd_say(name, "%s: %s", r->o->program[0],
		child->error == ENOENT ? "there is no such program"
				       : g_strerror(child->error));
}

/* Ends the process, but for what is wrong before the program runs. */
static int run(Run *r)
{
	g_autofree char *path = program_find(r->o->program[0]);
	g_autoptr(GError) error = NULL;
	Program program;
	Child child;

	program_init(&program, path ? path : r->o->program[0]);
	if (!set_environment(r, program.asan, &error)) {
		program_release(&program);
		return error->domain == G_OPTION_ERROR
			       ? cmd_usage(name, "%s", error->message)
			       : cmd_fail(name, "%s", error->message);
	}
	warn_of_program(r, &program);
	r->since = g_get_real_time() / G_USEC_PER_SEC;
	child_run(&child, r->o->program, r->env);
	if (child.error)
		say_not_started(r, &child);
	else
		harvest(r, program.kind == PROGRAM_FINE);
	child_end_likewise(&child);
}

int cmd_run(int argc, char **argv)
{
	Options o = { 0 };
	Run r = { .o = &o };
	g_autoptr(GError) error = NULL;
	int status;

	if (!parse(&o, &argc, &argv, &error))
		status = cmd_usage(name, "%s", error->message);
	else if (!o.program)
		status = cmd_usage(name, "which program? Usage: profagent run "
				   "[OPTION...] [--] PROGRAM [ARGUMENT...]");
	else
		status = run(&r);
	g_strfreev(r.env);
	g_free(r.pattern);
	options_release(&o);
	return status;
}
