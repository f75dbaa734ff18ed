/* SPDX-License-Identifier: MIT */
/* viewer-header: see viewer-header.h. */
#include "tools/viewer-header.h"

#include "tools/health.h"
#include "tools/text.h"
#include "tools/viewer-format.h"

void viewer_info_release(ViewerInfo *info)
{
	g_free(info->title);
	g_free(info->state);
	g_free(info->window);
	g_free(info->missing);
}

void viewer_info_set(char **text, char *to)
{
	g_free(*text);
	*text = to;
}

void viewer_info_count(ViewerInfo *info, const Profile *p)
{
	Health h;

	health_init(&h, p, NULL);
	info->samples = h.samples;
	info->lost = h.lost;
	info->threads = h.threads;
	info->asked_hz = h.asked_hz;
	info->achieved_hz = h.achieved_hz;
	health_release(&h);
}

double viewer_info_cpu(const ViewerInfo *info)
{
	if (info->wall_ns == 0)
		return 0;
	return (double)info->cpu_ns / (double)info->wall_ns;
}

char *viewer_header_fraction(const ViewerInfo *info)
{
	char cpu[VIEWER_FORMAT_SIZE], wall[VIEWER_FORMAT_SIZE];

	viewer_format_time(cpu, (double)info->cpu_ns);
	viewer_format_time(wall, (double)info->wall_ns);
	return g_strdup_printf("(%s/%s)%s", cpu, wall,
			       viewer_info_cpu(info) > 1.01 ? " of one core"
							    : "");
}

static void add_rate(GString *to, const ViewerInfo *info)
{
	g_autofree char *asked = text_rate(info->asked_hz);

	if (info->achieved_hz > 0 && info->asked_hz > 0)
		g_string_append_printf(to, ", %.*f of %s Hz",
				       info->achieved_hz < 100 ? 1 : 0,
				       info->achieved_hz, asked);
	else if (info->asked_hz > 0)
		g_string_append_printf(to, ", %s Hz", asked);
}

char *viewer_header_status(const ViewerInfo *info)
{
	GString *to = g_string_new(NULL);
	char samples[VIEWER_FORMAT_SIZE], lost[VIEWER_FORMAT_SIZE];
	char age[VIEWER_FORMAT_SIZE];

	viewer_format_int(samples, (double)info->samples);
	viewer_format_int(lost, (double)info->lost);
	if (info->state)
		g_string_append_printf(to, "%s, ", info->state);
	if (info->window)
		g_string_append_printf(to, "%s, ", info->window);
	g_string_append_printf(to, "%s samples", samples);
	add_rate(to, info);
	g_string_append_printf(to, ", %s lost", lost);
	if (info->threads > 0)
		g_string_append_printf(to, ", %" G_GUINT64_FORMAT " thread%s",
				       info->threads,
				       info->threads == 1 ? "" : "s");
	if (info->age_us > 0) {
		viewer_format_time(age, (double)info->age_us * 1e3);
		g_string_append_printf(to, ", %s old", age);
	}
	return g_string_free(to, FALSE);
}

char *viewer_header_title(const ViewerInfo *info)
{
	g_autoptr(GDateTime) utc = NULL;
	g_autoptr(GDateTime) local = NULL;
	g_autofree char *time = NULL;

	if (info->at_us > 0)
		utc = g_date_time_new_from_unix_utc(info->at_us / 1000000);
	if (utc)
		local = g_date_time_to_local(utc);
	if (local)
		time = g_date_time_format(local, "%H:%M:%S");
	return g_strdup_printf("%s%s%s", info->title ? info->title : "",
			       info->title && time ? " " : "",
			       time ? time : "");
}
