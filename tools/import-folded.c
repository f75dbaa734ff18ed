/* SPDX-License-Identifier: MIT */
/*
 * import-folded: FlameGraph's stacks, "main;work;leaf 12", root first.
 *
 * Names are names alone; the number is what the file counts, taken as
 * samples. A number with a fraction is rounded; awk prints 2.5e+09.
 */
#include "tools/import.h"

#include <math.h>
#include <string.h>

#define LINES_LOOKED_AT 16

#define DIGITS "0123456789"

/* FALSE: `text` is no number, or one that no column can hold. */
static gboolean parse_number(const char *text, gint64 *value)
{
	char *end;
	double number = g_ascii_strtod(text, &end);

	/* nor is one in hexadecimal, which strtod() takes as well */
	if (!g_ascii_isdigit(*text) || *end != '\0' || !(number < 9e18) ||
	    text[strspn(text, DIGITS ".eE+-")] != '\0')
		return FALSE;
	/* doubles are exact only up to 2^53 */
	*value = text[strspn(text, DIGITS)] != '\0' ?
			 (gint64)llrint(number) :
			 g_ascii_strtoll(text, NULL, 10);
	return TRUE;
}

/* Where the number begins, and its value; NULL: this is no such line. */
static char *find_number(char *line, gsize size, gint64 *value)
{
	char *at;

	while (size > 0 && g_ascii_isspace(line[size - 1]))
		line[--size] = '\0';
	at = strrchr(line, ' ');
	return at && at != line && parse_number(at + 1, value) ? at : NULL;
}

gboolean import_folded_detect(const guint8 *head, gsize size)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	guint n, i, good = 0;
	gint64 value;

	if (!import_is_text(head, size))
		return FALSE;
	text = g_strndup((const char *)head, size);
	lines = g_strsplit(text, "\n", LINES_LOOKED_AT);
	n = g_strv_length(lines);
	/* the last one may go on behind the head */
	for (i = 0; i < n && (i < n - 1 || good == 0); i++) {
		if (!*g_strchug(lines[i]) || *lines[i] == '#')
			continue;
		if (!find_number(lines[i], strlen(lines[i]), &value))
			return FALSE;
		good++;
	}
	return good > 0;
}

static guint64 frame_of(ImportFeed *to, const char *name)
{
	guint64 id = import_feed_find(to, name);

	return id ? id : import_feed_name(to, name, name, 0, 0);
}

static void take_line(ImportFeed *to, char *line, gsize size, GArray *ids)
{
	ImportSample sample = { 0 };
	char *end = find_number(line, size, &sample.value[0]), *at, *next;

	if (!end) {
		to->not_understood++;
		return;
	}
	while (end > line && end[-1] == ' ')
		end--;
	*end = '\0';
	g_array_set_size(ids, 0);
	for (at = line; at; at = next) {
		guint64 id;

		next = strchr(at, ';');
		if (next)
			*next++ = '\0';
		if (!*at)
			continue;
		id = frame_of(to, at);
		g_array_append_val(ids, id);
	}
	for (guint i = 0; i < ids->len / 2; i++) {
		guint64 *a = &g_array_index(ids, guint64, i);
		guint64 *b = &g_array_index(ids, guint64, ids->len - 1 - i);
		guint64 kept = *a;

		*a = *b;
		*b = kept;
	}
	sample.locations = (const guint64 *)(gpointer)ids->data;
	sample.count = ids->len;
	import_feed_sample(to, &sample);
}

gboolean import_folded_read(ImportSource *from, ImportFeed *to, GError **error)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint64));
	GError *local = NULL;
	char *line;
	gsize size;

	while ((line = import_source_line(from, &size, &local))) {
		gsize blank = strspn(line, " \t\r");

		if (line[blank] == '#' || line[blank] == '\0')
			continue;
		take_line(to, line + blank, size - blank, ids);
	}
	if (local)
		g_propagate_error(error, local);
	return local == NULL;
}
