/* SPDX-License-Identifier: MIT */
/*
 * json-out: JSON written as it comes, for documents of millions of numbers that
 * a tree of nodes would need a hundred times the memory for.
 *
 * The text is plain JSON and also safe inside a <script> element and on a
 * terminal: <, >, & and what is text_is_unsafe() (tools/text.h) are written as
 * \uXXXX, so that no name can end the element or be a command. Text that is no
 * UTF-8 is made so (U+FFFD).
 */
#ifndef PROFAGENT_TOOLS_JSON_OUT_H
#define PROFAGENT_TOOLS_JSON_OUT_H

#include <glib.h>

typedef struct {
	GString *text;			/* not owned */
	gboolean follows;		/* a comma before the next value */
} JsonOut;

/* Appends to `text`, which outlives it. */
void json_out_init(JsonOut *out, GString *text);

/* Name of the next value within an object; `name` needs no escaping. */
void json_out_key(JsonOut *out, const char *name);

/* '{' '[' and their ends. */
void json_out_open(JsonOut *out, char bracket);
void json_out_close(JsonOut *out, char bracket);

void json_out_string(JsonOut *out, const char *s);	/* NULL: "" */
void json_out_int(JsonOut *out, gint64 n);
void json_out_double(JsonOut *out, double x);	/* not finite: 0 */
void json_out_bool(JsonOut *out, gboolean b);

/* A member of an object; at most G_MAXINT64 is said. */
void json_out_count(JsonOut *out, const char *key, guint64 n);

#endif
