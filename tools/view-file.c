/* SPDX-License-Identifier: MIT */
/* view-file: see view.h. */
#include <glib.h>

#include "tools/cmd.h"
#include "tools/screen.h"
#include "tools/view.h"
#include "tools/viewer.h"

typedef struct {
	GMainLoop *loop;
	int signo;
} FileView;

static void quit(gpointer data, int signo)
{
	FileView *f = data;

	f->signo = signo;
	g_main_loop_quit(f->loop);
}

static void fill_info(ViewerInfo *info, const View *view, const Profile *p)
{
	guint i, n = g_strv_length(view->load.files);
	gboolean done = TRUE;

	viewer_info_set(&info->title, n == 1
			? g_path_get_basename(view->load.files[0])
			: g_strdup_printf("%u files", n));
	viewer_info_count(info, p);
	for (i = 0; i < p->processes->len; i++) {
		const ProfileProcess *row = profile_at(p->processes,
						       ProfileProcess, i);

		done &= row->done || row->foreign;
		info->cpu_ns += row->cpu_ns;
		info->wall_ns = MAX(info->wall_ns, row->duration_ns);
	}
	if (info->wall_ns == 0)
		info->wall_ns = (guint64)MAX(p->duration_nanos, 0);
	viewer_info_set(&info->state, g_strdup(done ? "ended"
						    : "not ended"));
	viewer_info_set(&info->window, g_strdup("all time"));
	viewer_info_set(&info->missing, g_strdup("there is no sample in it"));
	info->at_us = p->time_nanos / 1000 + p->duration_nanos / 1000;
}

int view_file_show(View *view, Profile *p)
{
	static const ViewerFuncs funcs = { .quit = quit };
	FileView f = { .loop = g_main_loop_new(NULL, FALSE) };
	g_autoptr(GError) error = NULL;
	Viewer *v;

	if (!screen_open(&error)) {
		g_main_loop_unref(f.loop);
		return cmd_fail("view", "%s", error->message);
	}
	v = viewer_new(&funcs, &f);
	fill_info(viewer_info(v), view, p);
	viewer_set_profile(v, p, &view->selection.options);
	viewer_draw(v);
	g_main_loop_run(f.loop);
	viewer_free(v);
	g_main_loop_unref(f.loop);
	return view_end(f.signo);
}
