/* SPDX-License-Identifier: MIT */
/*
 * number: the numbers that people write behind options, and what is said of
 * those that are none. They are decimal: 010 is ten, 0x10 is no number.
 */
#ifndef PROFAGENT_TOOLS_NUMBER_H
#define PROFAGENT_TOOLS_NUMBER_H

#include <glib.h>

/*
 * A whole number of `option` from `least` to `most`, into *to. `text` NULL, the
 * option was not given: *to stays. FALSE: *to stays too, and *error (of
 * G_OPTION_ERROR, one line) says what was written and what is valid; `note`,
 * where not NULL, stands behind that: "in seconds".
 */
gboolean number_take(const char *option, const char *text, gint64 least,
		     gint64 most, const char *note, gint64 *to,
		     GError **error);

/* The same into an int. */
gboolean number_take_int(const char *option, const char *text, gint least,
			 gint most, const char *note, gint *to,
			 GError **error);

/* Per cent, 0 to 100, with or without a % behind it. */
gboolean number_take_percent(const char *option, const char *text,
			     double *to, GError **error);

/*
 * The number that `text` begins with: digits, perhaps a point, perhaps an
 * exponent; no sign, blank, hexadecimal, inf or nan. *end: what is behind it.
 * FALSE: there is none, or none that a double can hold.
 */
gboolean number_begins(const char *text, double *to, const char **end);

#endif
