/* SPDX-License-Identifier: MIT */
#include "tools/export-text.h"

#include <string.h>

#include "tools/text.h"

#define PIECE (256 * 1024)

void export_text_init(ExportText *t, GOutputStream *to)
{
	t->text = g_string_sized_new(PIECE);
	t->to = to;
	t->error = NULL;
}

static void text_write(ExportText *t)
{
	if (!t->error)
		g_output_stream_write_all(t->to, t->text->str, t->text->len,
					  NULL, NULL, &t->error);
	g_string_truncate(t->text, 0);
}

void export_text_pump(ExportText *t)
{
	if (t->text->len >= PIECE)
		text_write(t);
}

gboolean export_text_finish(ExportText *t, GError **error)
{
	text_write(t);
	g_string_free(t->text, TRUE);
	if (!t->error)
		return TRUE;
	g_propagate_error(error, t->error);
	return FALSE;
}

/* Bytes of a character at `s` that is text_is_unsafe(), 0: it is not. */
static gsize unsafe_bytes(const char *s)
{
	guchar lead = (guchar)*s;

	/* no other byte begins one */
	if (lead >= 0x80 && lead != 0xc2 && lead != 0xd8 && lead != 0xe2)
		return 0;
	return text_is_unsafe(g_utf8_get_char(s)) ?
		(gsize)(g_utf8_next_char(s) - s) : 0;
}

void export_text_word(ExportText *t, const char *s, const char *avoid,
		      char instead)
{
	while (*s) {
		gsize bytes = unsafe_bytes(s);
		gboolean bad = bytes > 0 || strchr(avoid, *s);

		g_string_append_c(t->text, bad ? instead : *s);
		s += MAX(bytes, 1);
	}
}
