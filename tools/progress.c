/* SPDX-License-Identifier: MIT */
#include "tools/progress.h"

#include <stdio.h>
#include <unistd.h>

#define WAIT_US G_USEC_PER_SEC		/* shorter work shows nothing */
#define REDRAW_US (G_USEC_PER_SEC / 10)
#define BAR_WIDTH 40

void progress_init(Progress *p, const char *what, gboolean off)
{
	p->what = what;
	p->begun = g_get_monotonic_time();
	p->shown = 0;
	p->off = off || !isatty(STDERR_FILENO);
}

static void bar_draw(const Progress *p, guint64 done, guint64 total)
{
	char bar[BAR_WIDTH + 1];
	guint filled = total ? MIN(done, total) * BAR_WIDTH / total : 0;

	for (guint i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r%s [%s] %3u%%", p->what, bar,
		total ? (guint)(MIN(done, total) * 100 / total) : 0);
	fflush(stderr);
}

void progress_update(Progress *p, guint64 done, guint64 total)
{
	gint64 now;

	if (p->off)
		return;
	now = g_get_monotonic_time();
	if (now - p->begun < WAIT_US || now - p->shown < REDRAW_US)
		return;
	p->shown = now;
	bar_draw(p, done, total);
}

void progress_release(Progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = 0;
}
