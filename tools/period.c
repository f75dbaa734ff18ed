/* SPDX-License-Identifier: MIT */
/* period: see period.h. */
#include "tools/period.h"

#include <string.h>

#include "agent/control-proto.h"
#include "tools/number.h"

static const struct {
	const char *unit;
	double ns;			/* of one; negative: a rate */
} units[] = {
	{ "ns", 1 },   { "us", 1e3 },	 { "ms", 1e6 },
	{ "s", 1e9 },  { "Hz", -1e9 },	 { "hz", -1e9 },
	{ "kHz", -1e6 },
};

static gboolean wrong(const char *text, GError **error)
{
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "'%s' is no interval: it is a time such as 5ms or 250us, "
		    "or a rate such as 99Hz; from 100us to 10s", text);
	return FALSE;
}

gboolean period_parse(const char *text, guint64 *ns, GError **error)
{
	const char *end;
	double n, period = 0;
	gsize i;

	if (!number_begins(text, &n, &end) || n <= 0)
		return wrong(text, error);
	while (*end == ' ')
		end++;
	for (i = 0; i < G_N_ELEMENTS(units); i++)
		if (strcmp(end, units[i].unit) == 0)
			period = units[i].ns > 0 ? n * units[i].ns
						 : -units[i].ns / n;
	if (!(period >= (double)CONTROL_INTERVAL_MIN &&
	      period <= (double)CONTROL_INTERVAL_MAX))
		return wrong(text, error);
	*ns = (guint64)(period + 0.5);
	return TRUE;
}

char *period_rate(guint64 ns)
{
	double hz = ns > 0 ? 1e9 / (double)ns : 0;

	if (hz >= 1000)
		return g_strdup_printf("%.4g kHz", hz / 1000);
	return g_strdup_printf("%.3g Hz", hz);
}
