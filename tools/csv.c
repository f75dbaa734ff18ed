/* SPDX-License-Identifier: MIT */
/* csv: see csv.h. */
#include "tools/csv.h"

#include <string.h>

void csv_init(Csv *csv, GString *text)
{
	csv->text = text;
	csv->follows = FALSE;
}

static void begin(Csv *csv)
{
	if (csv->follows)
		g_string_append_c(csv->text, ',');
	csv->follows = TRUE;
}

void csv_text(Csv *csv, const char *s)
{
	g_autofree char *valid = g_utf8_make_valid(s, -1);
	const char *at;

	begin(csv);
	if (!strpbrk(valid, ",\"\r\n")) {
		g_string_append(csv->text, valid);
		return;
	}
	g_string_append_c(csv->text, '"');
	for (at = valid; *at; at++) {
		if (*at == '"')
			g_string_append_c(csv->text, '"');
		g_string_append_c(csv->text, *at);
	}
	g_string_append_c(csv->text, '"');
}

void csv_int(Csv *csv, guint64 n)
{
	begin(csv);
	g_string_append_printf(csv->text, "%" G_GUINT64_FORMAT, n);
}

void csv_double(Csv *csv, double x)
{
	char digits[G_ASCII_DTOSTR_BUF_SIZE];

	begin(csv);
	g_string_append(csv->text, g_ascii_formatd(digits, sizeof(digits),
						   "%.6g", x));
}

void csv_end_row(Csv *csv)
{
	g_string_append(csv->text, "\r\n");
	csv->follows = FALSE;
}

void csv_titles(Csv *csv, const char *const *titles)
{
	for (; *titles; titles++)
		csv_text(csv, *titles);
	csv_end_row(csv);
}
