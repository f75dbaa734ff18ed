/* SPDX-License-Identifier: MIT */
/*
 * program: what kind of program a file is, before it is run: whether a library
 * can be preloaded into it.
 */
#ifndef PROFAGENT_TOOLS_PROGRAM_H
#define PROFAGENT_TOOLS_PROGRAM_H

#include <glib.h>

typedef enum {
	PROGRAM_FINE,
	PROGRAM_STATIC,		/* no dynamic loader reads LD_PRELOAD */
	PROGRAM_SETUID,		/* the loader ignores LD_PRELOAD there */
	PROGRAM_OTHER_ARCH,	/* of another word size or processor */
	PROGRAM_UNKNOWN,	/* no ELF, no script: let exec say it */
} ProgramKind;

typedef struct {
	ProgramKind kind;
	char *asan;		/* libasan's name if it is linked to it */
} Program;

/*
 * `path` is opened as it is; a script is looked at as its interpreter.
 * program_release() in any case.
 */
void program_init(Program *program, const char *path);
void program_release(Program *program);

/* A clause for a message: "it is statically linked"; NULL if it is fine. */
const char *program_trouble(ProgramKind kind);

/* As execvp() finds it: g_free() it; NULL if there is none. */
char *program_find(const char *name);

#endif
