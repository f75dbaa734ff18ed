/* SPDX-License-Identifier: MIT */
/*
 * export-text: text on its way into a stream, in pieces of some size.
 */
#ifndef PROFAGENT_TOOLS_EXPORT_TEXT_H
#define PROFAGENT_TOOLS_EXPORT_TEXT_H

#include <gio/gio.h>

typedef struct {
	GString *text;			/* append to it */
	GOutputStream *to;		/* not owned */
	GError *error;			/* the first; nothing is written after it */
} ExportText;

void export_text_init(ExportText *t, GOutputStream *to);

/* Call it now and then: writes what is there if it is much. */
void export_text_pump(ExportText *t);

/* Writes the rest and frees all; FALSE if anything could not be written. */
gboolean export_text_finish(ExportText *t, GError **error);

/* Appends `s`, which is UTF-8, on one line: what is text_is_unsafe()
 * (tools/text.h) and the characters of `avoid` become `instead`. */
void export_text_word(ExportText *t, const char *s, const char *avoid,
		      char instead);

#endif
