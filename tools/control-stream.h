/* SPDX-License-Identifier: MIT */
/*
 * control-stream: what comes from an agent's socket (agent/control-proto.h):
 * lines of JSON, and fragments of profiles. Any bytes are safe.
 */
#ifndef PROFAGENT_TOOLS_CONTROL_STREAM_H
#define PROFAGENT_TOOLS_CONTROL_STREAM_H

#include <gio/gio.h>
#include <json-glib/json-glib.h>

/* Longest line, and largest fragment: an agent's own are far below. */
#define CONTROL_STREAM_LINE (256u << 10)
#define CONTROL_STREAM_FRAGMENT (256u << 20)

typedef struct {
	GByteArray *bytes;		/* not yet looked at */
	gsize searched;			/* of them, for a newline */
	gsize fragment;			/* size of the one that comes */
	gboolean in_fragment;
	guint64 number;			/* of the last one, as the agent counts */
} ControlStream;

typedef enum {
	CONTROL_STREAM_MORE,		/* bytes are wanted */
	CONTROL_STREAM_ANSWER,		/* *answer, owned by the caller */
	CONTROL_STREAM_MEMBER,		/* *fragment, the same */
	CONTROL_STREAM_BROKEN,		/* *error: nobody speaks so */
} ControlStreamEvent;

void control_stream_init(ControlStream *s);
void control_stream_release(ControlStream *s);

void control_stream_push(ControlStream *s, const guint8 *data, gsize size);

/* To be called until it wants more. After BROKEN there is nothing more. */
ControlStreamEvent control_stream_next(ControlStream *s, JsonObject **answer,
				       GBytes **fragment, GError **error);

/* Members of an answer; what is missing or of another kind is 0, "". */
gint64 control_stream_number(JsonObject *answer, const char *name);
const char *control_stream_text(JsonObject *answer, const char *name);

#endif
