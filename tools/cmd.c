/* SPDX-License-Identifier: MIT */
/* cmd: see cmd.h. */
#include "tools/cmd.h"

#include <stdarg.h>
#include <stdio.h>

#include "tools/text.h"

/* One line, whatever is in the names that it mentions. */
static void say(const char *name, const char *format, va_list args)
{
	g_autofree char *raw = g_strdup_vprintf(format, args);
	g_autofree char *text = text_escape(raw);

	fprintf(stderr, "profagent %s: %s\n", name, text);
}

int cmd_fail(const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(name, format, args);
	va_end(args);
	return CMD_FAILED;
}

int cmd_usage(const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(name, format, args);
	va_end(args);
	return CMD_USAGE;
}

void cmd_say(const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(name, format, args);
	va_end(args);
}
