/* SPDX-License-Identifier: MIT */
/*
 * cmd: the table of subcommands. A new one is a file cmd-NAME.c with a
 * function of this shape, and one line in profagent.c.
 */
#ifndef PROFAGENT_TOOLS_CMD_H
#define PROFAGENT_TOOLS_CMD_H

#define CMD_DONE 0	/* exit status: it worked */
#define CMD_FAILED 1	/* one clear line on stderr says why */
#define CMD_USAGE 2	/* the command line is wrong */
#define CMD_SIGNIFICANT 3 /* diff --fail-over: a change was found */

typedef struct {
	const char *name;
	int (*run)(int argc, char **argv);	/* argv[0]: "profagent NAME" */
	const char *summary;			/* for the list in --help */
} Cmd;

/* Ends the command with one line "profagent NAME: message" on stderr. */
int cmd_fail(const char *name, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int cmd_usage(const char *name, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same line, and the command goes on. */
void cmd_say(const char *name, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

int cmd_annotate(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_flame(int argc, char **argv);
int cmd_live(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_query(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_repair(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_spans(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_steer(int argc, char **argv);
int cmd_symbolize(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_view(int argc, char **argv);

#endif
