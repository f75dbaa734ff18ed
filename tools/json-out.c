/* SPDX-License-Identifier: MIT */
/*
 * json-out: see json-out.h.
 */
#include "tools/json-out.h"

#include <math.h>
#include <string.h>

#include "tools/text.h"

void json_out_init(JsonOut *out, GString *text)
{
	out->text = text;
	out->follows = FALSE;
}

static void begin_value(JsonOut *out)
{
	if (out->follows)
		g_string_append_c(out->text, ',');
	out->follows = TRUE;
}

void json_out_key(JsonOut *out, const char *name)
{
	begin_value(out);
	g_string_append_c(out->text, '"');
	g_string_append(out->text, name);
	g_string_append(out->text, "\":");
	out->follows = FALSE;
}

void json_out_open(JsonOut *out, char bracket)
{
	begin_value(out);
	g_string_append_c(out->text, bracket);
	out->follows = FALSE;
}

void json_out_close(JsonOut *out, char bracket)
{
	g_string_append_c(out->text, bracket);
	out->follows = TRUE;
}

/* Not the first byte of anything that may have to be escaped. */
static gboolean is_plain(guchar c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != '<' && c != '>' &&
		c != '&' && c != 0x7f && c != 0xc2 && c != 0xd8 && c != 0xe2;
}

static void append_escaped(GString *text, gunichar c)
{
	char utf8[6];

	if (text_is_unsafe(c) || c == '<' || c == '>' || c == '&') {
		g_string_append_printf(text, "\\u%04x", c);
		return;
	}
	if (c == '"' || c == '\\')
		g_string_append_c(text, '\\');
	g_string_append_len(text, utf8, g_unichar_to_utf8(c, utf8));
}

void json_out_string(JsonOut *out, const char *s)
{
	g_autofree char *valid = g_utf8_make_valid(s ? s : "", -1);
	const char *at = valid;

	begin_value(out);
	g_string_append_c(out->text, '"');
	while (*at) {
		gsize plain = 0;

		while (is_plain((guchar)at[plain]))
			plain++;
		g_string_append_len(out->text, at, (gssize)plain);
		at += plain;
		if (!*at)
			break;
		append_escaped(out->text, g_utf8_get_char(at));
		at = g_utf8_next_char(at);
	}
	g_string_append_c(out->text, '"');
}

void json_out_int(JsonOut *out, gint64 n)
{
	char digits[24];
	char *at = digits + sizeof(digits);
	guint64 rest = n < 0 ? 0 - (guint64)n : (guint64)n;

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (n < 0)
		*--at = '-';
	begin_value(out);
	g_string_append_len(out->text, at, digits + sizeof(digits) - at);
}

void json_out_double(JsonOut *out, double x)
{
	char digits[G_ASCII_DTOSTR_BUF_SIZE];

	begin_value(out);
	g_string_append(out->text, g_ascii_formatd(digits, sizeof(digits),
						   "%.6g",
						   isfinite(x) ? x : 0));
}

void json_out_bool(JsonOut *out, gboolean b)
{
	begin_value(out);
	g_string_append(out->text, b ? "true" : "false");
}

void json_out_count(JsonOut *out, const char *key, guint64 n)
{
	json_out_key(out, key);
	json_out_int(out, (gint64)MIN(n, G_MAXINT64));
}
