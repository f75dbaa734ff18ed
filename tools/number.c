/* SPDX-License-Identifier: MIT */
/* number: see number.h. */
#include "tools/number.h"

#include <math.h>
#include <string.h>

#define DIGITS "0123456789"

/* g_ascii_strtod() goes on where ours ends: with 0x, and at "1e" and "1.5p". */
static gsize length_of(const char *text)
{
	gsize n = strspn(text, DIGITS), digits = n, e;

	if (text[n] == '.') {
		n += 1 + strspn(text + n + 1, DIGITS);
		digits = n - 1;
	}
	if (digits == 0)
		return 0;
	if (text[n] != 'e' && text[n] != 'E')
		return n;
	e = n + 1 + (text[n + 1] == '+' || text[n + 1] == '-');
	return g_ascii_isdigit(text[e]) ? e + strspn(text + e, DIGITS) : n;
}

gboolean number_begins(const char *text, double *to, const char **end)
{
	gsize n = length_of(text);
	g_autofree char *number = g_strndup(text, n);
	double value = g_ascii_strtod(number, NULL);

	if (n == 0 || !isfinite(value))
		return FALSE;
	*to = value;
	*end = text + n;
	return TRUE;
}

static gboolean wrong(const char *option, const char *text, const char *valid,
		      GError **error)
{
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "%s '%s': it is %s", option, text, valid);
	return FALSE;
}

gboolean number_take(const char *option, const char *text, gint64 least,
		     gint64 most, const char *note, gint64 *to,
		     GError **error)
{
	g_autofree char *valid = NULL;

	if (!text ||
	    (text[0] != '+' && text[0] != ' ' &&
	     g_ascii_string_to_signed(text, 10, least, most, to, NULL)))
		return TRUE;
	valid = g_strdup_printf("a whole number from %" G_GINT64_FORMAT
				" to %" G_GINT64_FORMAT "%s%s", least, most,
				note ? ", " : "", note ? note : "");
	return wrong(option, text, valid, error);
}

gboolean number_take_int(const char *option, const char *text, gint least,
			 gint most, const char *note, gint *to,
			 GError **error)
{
	gint64 n = *to;

	if (!number_take(option, text, least, most, note, &n, error))
		return FALSE;
	*to = (gint)n;
	return TRUE;
}

gboolean number_take_percent(const char *option, const char *text,
			     double *to, GError **error)
{
	const char *end = "";
	double value;

	if (!text)
		return TRUE;
	if (number_begins(text, &value, &end) && value <= 100 &&
	    (*end == '\0' || strcmp(end, "%") == 0)) {
		*to = value;
		return TRUE;
	}
	return wrong(option, text, "per cent, from 0 to 100", error);
}
