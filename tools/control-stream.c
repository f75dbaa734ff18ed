/* SPDX-License-Identifier: MIT */
/* control-stream: see control-stream.h. */
#include "tools/control-stream.h"

#include <string.h>

void control_stream_init(ControlStream *s)
{
	*s = (ControlStream){ .bytes = g_byte_array_new() };
}

void control_stream_release(ControlStream *s)
{
	g_clear_pointer(&s->bytes, g_byte_array_unref);
}

void control_stream_push(ControlStream *s, const guint8 *data, gsize size)
{
	g_byte_array_append(s->bytes, data, (guint)size);
}

static void take(ControlStream *s, gsize size)
{
	g_byte_array_remove_range(s->bytes, 0, (guint)size);
	s->searched = 0;
}

static ControlStreamEvent broken(GError **error, const char *what)
{
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
		    "what answers is no agent of ours: %s", what);
	return CONTROL_STREAM_BROKEN;
}

gint64 control_stream_number(JsonObject *answer, const char *name)
{
	JsonNode *node = json_object_get_member(answer, name);

	return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_int(node)
						   : 0;
}

const char *control_stream_text(JsonObject *answer, const char *name)
{
	JsonNode *node = json_object_get_member(answer, name);
	const char *text = NULL;

	if (node && JSON_NODE_HOLDS_VALUE(node))
		text = json_node_get_string(node);
	return text ? text : "";
}

static JsonObject *parse(const char *line, gsize size)
{
	g_autoptr(JsonParser) parser = json_parser_new_immutable();
	JsonNode *root;

	if (!g_utf8_validate(line, (gssize)size, NULL) ||
	    !json_parser_load_from_data(parser, line, (gssize)size, NULL))
		return NULL;
	root = json_parser_get_root(parser);
	return root && JSON_NODE_HOLDS_OBJECT(root)
		       ? json_node_dup_object(root)
		       : NULL;
}

static ControlStreamEvent next_line(ControlStream *s, JsonObject **answer,
				    GError **error)
{
	const guint8 *data = s->bytes->data;
	const guint8 *end = s->bytes->len > s->searched
		? memchr(data + s->searched, '\n', s->bytes->len - s->searched)
		: NULL;
	g_autoptr(JsonObject) object = NULL;
	gsize size;
	gint64 member;

	size = end ? (gsize)(end - data) : s->bytes->len;
	if (size > CONTROL_STREAM_LINE)
		return broken(error, "a line without an end");
	s->searched = s->bytes->len;
	if (!end)
		return CONTROL_STREAM_MORE;
	object = parse((const char *)data, size);
	take(s, size + 1);
	if (!object)
		return broken(error, "a line that is no JSON object");
	if (!json_object_has_member(object, "member")) {
		*answer = g_steal_pointer(&object);
		return CONTROL_STREAM_ANSWER;
	}
	member = control_stream_number(object, "member");
	if (member <= 0 || member > CONTROL_STREAM_FRAGMENT)
		return broken(error, "a fragment of no sensible size");
	s->fragment = (gsize)member;
	s->in_fragment = TRUE;
	s->number = (guint64)control_stream_number(object, "number");
	return CONTROL_STREAM_MEMBER;
}

ControlStreamEvent control_stream_next(ControlStream *s, JsonObject **answer,
				       GBytes **fragment, GError **error)
{
	ControlStreamEvent event;

	if (!s->in_fragment) {
		event = next_line(s, answer, error);
		if (event != CONTROL_STREAM_MEMBER)
			return event;
	}
	if (s->bytes->len < s->fragment)
		return CONTROL_STREAM_MORE;
	*fragment = g_bytes_new(s->bytes->data, s->fragment);
	take(s, s->fragment);
	s->in_fragment = FALSE;
	return CONTROL_STREAM_MEMBER;
}
