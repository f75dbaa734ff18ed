/* SPDX-License-Identifier: MIT */
/*
 * period: how often the clock expires, as people write it: "5ms", "250us",
 * "99Hz".
 */
#ifndef PROFAGENT_TOOLS_PERIOD_H
#define PROFAGENT_TOOLS_PERIOD_H

#include <glib.h>

/*
 * Into ns; *error (of GOption) says what is wrong with the text, or that an
 * agent takes 100 us to 10 s only.
 */
gboolean period_parse(const char *text, guint64 *ns, GError **error);

/* "99 Hz", "10 kHz", "0.1 Hz"; g_free() it. */
char *period_rate(guint64 ns);

#endif
