/* SPDX-License-Identifier: MIT */
/*
 * speedscope's own format (its file-format-spec.ts): all frames once, then one
 * "sampled" profile a thread, in order of time where times are known.
 */
#include <string.h>

#include "tools/export-frames.h"
#include "tools/export-text.h"
#include "tools/export-threads.h"
#include "tools/export.h"
#include "tools/json-out.h"

static const char schema[] =
	"https://www.speedscope.app/file-format-schema.json";

static const char *unit_name(const char *unit)
{
	static const char *const known[] = {
		"nanoseconds", "microseconds", "milliseconds", "seconds",
		"bytes",
	};

	for (guint i = 0; i < G_N_ELEMENTS(known); i++)
		if (strcmp(unit, known[i]) == 0)
			return known[i];
	return "none";
}

static void frames_write(JsonOut *j, ExportText *t, const Profile *p,
			 const ExportFrames *f)
{
	json_out_key(j, "shared");
	json_out_open(j, '{');
	json_out_key(j, "frames");
	json_out_open(j, '[');
	for (guint i = 0; i < f->frames->len; i++) {
		const ExportFunction *function = export_frames_function(f, i);
		gint32 line = g_array_index(f->frames, ExportFrame, i).line;

		json_out_open(j, '{');
		json_out_key(j, "name");
		json_out_string(j, profile_text(p, function->name));
		json_out_key(j, "file");
		json_out_string(j, profile_text(p, function->file ?
				function->file : function->module));
		if (line > 0) {
			json_out_key(j, "line");
			json_out_int(j, line);
		}
		json_out_close(j, '}');
		export_text_pump(t);
	}
	json_out_close(j, ']');
	json_out_close(j, '}');
}

static void samples_write(JsonOut *j, ExportText *t, const Profile *p,
			  const ExportFrames *f, const ExportThread *thread)
{
	g_autoptr(GArray) stack = g_array_new(FALSE, FALSE, sizeof(guint32));

	json_out_key(j, "samples");
	json_out_open(j, '[');
	for (guint i = 0; i < thread->events->len; i++) {
		const ExportEvent *e = &g_array_index(thread->events,
						      ExportEvent, i);

		export_frames_stack(f, profile_at(p->samples, ProfileSample,
						  e->sample), stack);
		json_out_open(j, '[');
		for (guint k = 0; k < stack->len; k++)
			json_out_int(j, g_array_index(stack, guint32, k));
		json_out_close(j, ']');
		export_text_pump(t);
	}
	json_out_close(j, ']');
	json_out_key(j, "weights");
	json_out_open(j, '[');
	for (guint i = 0; i < thread->events->len; i++) {
		json_out_int(j, g_array_index(thread->events, ExportEvent,
					      i).value);
		export_text_pump(t);
	}
	json_out_close(j, ']');
}

static void thread_write(JsonOut *j, ExportText *t, const ExportInput *in,
			 const ExportFrames *f, const ExportThread *thread)
{
	const Profile *p = in->profile;
	g_autofree char *name = thread->tid == 0 ? g_strdup(thread->name) :
		g_strdup_printf("%s (%s, %d)", thread->name, thread->program,
				thread->tid);

	json_out_open(j, '{');
	json_out_key(j, "type");
	json_out_string(j, "sampled");
	json_out_key(j, "name");
	json_out_string(j, name);
	json_out_key(j, "unit");
	json_out_string(j, unit_name(profile_text(p, p->type[in->type].unit)));
	json_out_key(j, "startValue");
	json_out_int(j, 0);
	json_out_key(j, "endValue");
	json_out_int(j, thread->total);
	samples_write(j, t, p, f, thread);
	json_out_close(j, '}');
}

gboolean export_speedscope(const ExportInput *in, GOutputStream *to,
			   GError **error)
{
	g_autoptr(ExportFrames) f = export_frames_new(in->profile);
	g_autoptr(GPtrArray) threads = export_threads_new(in->profile,
							  in->type);
	ExportText t;
	JsonOut j;

	export_text_init(&t, to);
	json_out_init(&j, t.text);
	json_out_open(&j, '{');
	json_out_key(&j, "$schema");
	json_out_string(&j, schema);
	json_out_key(&j, "exporter");
	json_out_string(&j, "profagent");
	json_out_key(&j, "name");
	json_out_string(&j, in->title);
	json_out_key(&j, "activeProfileIndex");
	json_out_int(&j, 0);
	frames_write(&j, &t, in->profile, f);
	json_out_key(&j, "profiles");
	json_out_open(&j, '[');
	for (guint i = 0; i < threads->len; i++)
		thread_write(&j, &t, in, f, threads->pdata[i]);
	json_out_close(&j, ']');
	json_out_close(&j, '}');
	g_string_append_c(t.text, '\n');
	return export_text_finish(&t, error);
}
