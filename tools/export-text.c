/* SPDX-License-Identifier: MIT */
#include "tools/export-text.h"

#include <string.h>

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

void export_text_word(ExportText *t, const char *s, const char *avoid,
		      char instead)
{
	for (; *s; s++) {
		/* U+0080 to U+009F: a terminal may obey these as well */
		gboolean c1 = s[0] == '\xc2' && (guchar)s[1] >= 0x80 &&
			      (guchar)s[1] < 0xa0;
		gboolean bad = c1 || g_ascii_iscntrl(*s) || strchr(avoid, *s);

		g_string_append_c(t->text, bad ? instead : *s);
		s += c1;
	}
}
