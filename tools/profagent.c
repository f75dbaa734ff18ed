/* SPDX-License-Identifier: MIT */
/*
 * profagent: finds the subcommand in a table and runs it.
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "tools/cmd.h"

static const Cmd cmds[] = {
	{ "annotate", cmd_annotate, "show the lines or instructions of a "
	  "function" },
	{ "diff", cmd_diff, "show what changed between profiles" },
	{ "export", cmd_export, "write the formats of other tools" },
	{ "flame", cmd_flame, "draw where the time went: a page or a drawing" },
	{ "flush", cmd_steer, "have the samples of a running program written" },
	{ "interval", cmd_steer, "change how often samples are taken" },
	{ "live", cmd_live, "run a program and watch it on a terminal" },
	{ "pause", cmd_steer, "pause the profiling of a running program" },
	{ "ps", cmd_ps, "list the preloaded processes" },
	{ "query", cmd_query, "show which functions of a running program are "
	  "hot" },
	{ "record", cmd_record, "profile a running program for a while" },
	{ "repair", cmd_repair, "make a torn profile whole" },
	{ "report", cmd_report, "show where the time went" },
	{ "reset", cmd_steer, "begin a new file" },
	{ "resume", cmd_steer, "go on with profiling" },
	{ "run", cmd_run, "run a program and profile it" },
	{ "serve", cmd_serve, "show running programs in a browser, and to "
	  "other tools" },
	{ "snapshot", cmd_snapshot, "show where all threads of a process are "
	  "now" },
	{ "spans", cmd_spans, "show how long pieces of work took" },
	{ "start", cmd_steer, "begin to profile a running program" },
	{ "status", cmd_status, "show how the agent of a process does" },
	{ "stop", cmd_steer, "stop the profiling of a running program" },
	{ "symbolize", cmd_symbolize, "put names into a profile" },
	{ "top", cmd_top, "watch all preloaded processes" },
	{ "view", cmd_view, "look at a profile or a running program on a terminal" },
};

static void print_help(FILE *to)
{
	gsize i;

	fputs("Usage: profagent COMMAND [OPTION...] ...\n\n"
	      "Finds out where a program spends its time. To begin:\n\n"
	      "  profagent run ./app                      writes "
	      "app.PID.pb.gz\n"
	      "  profagent report app.1234.pb.gz          tables\n"
	      "  profagent view app.1234.pb.gz            the same to move "
	      "about in\n"
	      "  profagent flame app.1234.pb.gz -o a.html a picture for the "
	      "browser\n\n", to);
	for (i = 0; i < G_N_ELEMENTS(cmds); i++)
		fprintf(to, "  %-10s %s\n", cmds[i].name, cmds[i].summary);
	fputs("\n'profagent COMMAND --help' says more of each, and so does "
	      "the manual page\nprofagent-COMMAND(1).\n", to);
}

static const Cmd *find_cmd(const char *name)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(cmds); i++)
		if (strcmp(cmds[i].name, name) == 0)
			return &cmds[i];
	return NULL;
}

/* Output that could not be written is a failure, but for a closed pipe. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno != EPIPE)
		fprintf(stderr, "profagent: cannot write the output: %s\n",
			g_strerror(errno));
	return CMD_FAILED;
}

int main(int argc, char **argv)
{
	const Cmd *cmd;

	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");	/* a point, in tables as in JSON */
	if (argc < 2) {
		print_help(stderr);
		return CMD_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return finish(CMD_DONE);
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("profagent " PACKAGE_VERSION);
		return finish(CMD_DONE);
	}
	cmd = find_cmd(argv[1]);
	if (!cmd) {
		fprintf(stderr, "profagent: there is no command '%s'; "
			"'profagent --help' lists them\n", argv[1]);
		return CMD_USAGE;
	}
	/* for the usage that GOption prints */
	argv[1] = g_strconcat("profagent ", cmd->name, NULL);
	g_set_prgname(argv[1]);
	return finish(cmd->run(argc - 1, argv + 1));
}
