/* SPDX-License-Identifier: MIT */
/*
 * profagent export: profiles in the formats of other tools. The format is the
 * one asked for or the one that the output's name ends in.
 */
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixoutputstream.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/export.h"
#include "tools/load.h"
#include "tools/report.h"

static const char name[] = "export";

typedef struct {
	Load load;
	char *output, *format, *type, *title;
	const Exporter *exporter;
} Options;

static void options_release(Options *o)
{
	load_release(&o->load);
	g_free(o->output);
	g_free(o->format);
	g_free(o->type);
	g_free(o->title);
}

/* --- command line -------------------------------------------------------- */

/* g_free() it. */
static char *formats_describe(void)
{
	GString *text = g_string_new("Formats, and what a file of each is "
				     "called:\n");

	for (guint i = 0; i < exporter_count; i++)
		g_string_append_printf(text, "  %-11s %-17s %s\n",
				       exporters[i].name,
				       exporters[i].extension,
				       exporters[i].summary);
	g_string_append(text, "\nRead more in the manual page "
			"profagent-export(1).");
	return g_string_free(text, FALSE);
}

static gboolean parse(Options *o, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &o->output,
		  "Write to FILE; - for standard output", "FILE" },
		{ "format", 'f', 0, G_OPTION_ARG_STRING, &o->format,
		  "Format, whatever FILE is called", "FORMAT" },
		{ "type", 0, 0, G_OPTION_ARG_STRING, &o->type,
		  "Sample type that has the weights (cpu)", "TYPE" },
		{ "title", 0, 0, G_OPTION_ARG_STRING, &o->title,
		  "What the profile is called", "TEXT" },
		{ NULL }
	};
	g_autoptr(GOptionContext) context =
		g_option_context_new("FILE... -o OUTPUT");
	g_autofree char *formats = formats_describe();

	g_option_context_set_summary(context,
		"Writes profiles in the formats of other tools.");
	g_option_context_set_description(context, formats);
	g_option_context_add_main_entries(context, entries, NULL);
	load_add_options(&o->load, context);
	return g_option_context_parse(context, argc, argv, error);
}

static char *format_names(void)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < exporter_count; i++)
		g_string_append_printf(text, "%s%s", i ? ", " : "",
				       exporters[i].name);
	return g_string_free(text, FALSE);
}

/* What is wrong with the command line, g_free() it; NULL if nothing. */
static char *find_mistake(Options *o)
{
	g_autofree char *names = format_names();

	if (!o->load.files)
		return g_strdup("which profile? Usage: profagent export "
				"FILE... -o OUTPUT");
	if (!o->output)
		return g_strdup("where to? Say -o OUTPUT, - for standard "
				"output");
	o->exporter = o->format ? exporter_find(o->format) :
				  exporter_find_by_file(o->output);
	if (o->exporter)
		return NULL;
	if (o->format)
		return g_strdup_printf("there is no format '%s'; there are %s",
				       o->format, names);
	return g_strdup_printf("'%s' says no format; say it with --format: %s",
			       o->output, names);
}

/* --- output -------------------------------------------------------------- */

static gboolean write_stream(const Exporter *e, const ExportInput *in, int fd,
			     GError **error)
{
	g_autoptr(GOutputStream) raw = g_unix_output_stream_new(fd, TRUE);
	g_autoptr(GOutputStream) to = g_buffered_output_stream_new_sized(raw,
								1 << 16);

	return e->write(in, to, error) &&
	       g_output_stream_close(to, NULL, error);
}

static gboolean fail_errno(const char *path, GError **error)
{
	int number = errno;

	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(number),
		    "%s: %s", path, g_strerror(number));
	return FALSE;
}

/* A new file beside `path` that takes its place only when it is whole. */
static gboolean write_file(const Exporter *e, const ExportInput *in,
			   const char *path, GError **error)
{
	g_autofree char *temporary = g_strconcat(path, ".XXXXXX", NULL);
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0666 & ~mask);
	if (fd < 0)
		return fail_errno(path, error);
	if (!write_stream(e, in, fd, error)) {
		g_unlink(temporary);
		return FALSE;
	}
	if (g_rename(temporary, path) == 0)
		return TRUE;
	fail_errno(path, error);
	g_unlink(temporary);
	return FALSE;
}

/* A pipe or a device is written to as it is. */
static gboolean write_output(const Options *o, const ExportInput *in,
			     GError **error)
{
	struct stat st;
	int fd;

	if (strcmp(o->output, "-") == 0)
		return write_stream(o->exporter, in,
				    fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3),
				    error);
	if (stat(o->output, &st) != 0 || S_ISREG(st.st_mode))
		return write_file(o->exporter, in, o->output, error);
	fd = open(o->output, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(o->output, error);
	return write_stream(o->exporter, in, fd, error);
}

/* --- running ------------------------------------------------------------- */

static char *make_title(const Options *o, const Profile *p)
{
	const ProfileProcess *first = p->processes->len == 0 ? NULL :
		profile_at(p->processes, ProfileProcess, 0);

	if (o->title)
		return g_strdup(o->title);
	if (!first || first->foreign || !*profile_text(p, first->program))
		return g_path_get_basename(o->load.files[0]);
	return report_programs(p);
}

static int export_profile(const Options *o, Profile *p)
{
	g_autofree char *title = make_title(o, p);
	g_autoptr(GError) error = NULL;
	ExportInput in = { p, p->default_type, title };
	gint type = o->type ? profile_find_type(p, o->type) : 0;

	if (p->type_count == 0)
		return cmd_fail(name, "%s: no samples of any type",
				o->load.files[0]);
	if (type < 0)
		return cmd_usage(name, "%s has no sample type '%s'",
				 o->load.files[0], o->type);
	if (o->type)
		in.type = (guint)type;
	if (!write_output(o, &in, &error))
		return cmd_fail(name, "%s", error->message);
	return o->load.failed ? CMD_FAILED : CMD_DONE;
}

static int run(Options *o)
{
	g_autofree char *mistake = find_mistake(o);
	g_autoptr(GError) error = NULL;
	g_autoptr(Profile) p = NULL;

	if (mistake)
		return cmd_usage(name, "%s", mistake);
	if (!load_check_files(o->load.files, &error))
		return cmd_usage(name, "%s", error->message);
	o->load.moments = o->exporter->moments;
	o->load.rows = o->exporter->by_row;
	p = load_profile(&o->load, name);
	if (!p)
		return CMD_FAILED;
	for (guint i = 0; i < o->load.notes->len; i++)
		cmd_say(name, "%s", (char *)o->load.notes->pdata[i]);
	load_say_skipped(p, name);
	return export_profile(o, p);
}

int cmd_export(int argc, char **argv)
{
	Options o = { 0 };
	g_autoptr(GError) error = NULL;
	int status;

	if (parse(&o, &argc, &argv, &error))
		status = run(&o);
	else
		status = cmd_usage(name, "%s", error->message);
	options_release(&o);
	return status;
}
