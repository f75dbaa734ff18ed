/* SPDX-License-Identifier: MIT */
/*
 * Text like that of `perf script`, which many tools read:
 *
 *	program  pid/tid  seconds:  weight event:
 *		address function (file)
 *		...
 *
 * leaf first, an empty line after each stack. Inlined functions come as perf
 * writes them, with the name of the file they were inlined into.
 */
#include "tools/export-text.h"
#include "tools/export-threads.h"
#include "tools/export.h"
#include "tools/symbols.h"

static void frame_write(ExportText *t, guint64 address, const char *name,
			const char *module)
{
	g_string_append_printf(t->text, "\t%16" G_GINT64_MODIFIER "x ",
			       address);
	export_text_word(t, name, "", ' ');
	g_string_append(t->text, " (");
	export_text_word(t, *module ? module : "[unknown]", " ()", '_');
	g_string_append(t->text, ")\n");
}

static void location_write(ExportText *t, const Profile *p,
			   const ProfileLocation *l)
{
	const char *module = "";

	if (l->mapping < p->mappings->len)
		module = profile_text(p, profile_at(p->mappings,
				ProfileMapping, l->mapping)->path);
	if (l->line_count == 0) {
		g_autofree char *name = symbols_unknown_function(p, l);

		frame_write(t, l->address, name, module);
	}
	for (guint i = 0; i < l->line_count; i++) {
		const ProfileLine *line = profile_at(p->lines, ProfileLine,
						     l->first_line + i);
		const ProfileFunction *f = profile_at(p->functions,
					ProfileFunction, line->function);

		frame_write(t, l->address, profile_text(p, f->name), module);
	}
}

static void event_write(ExportText *t, const ExportInput *in,
			const ExportThread *thread, const ExportEvent *e)
{
	const Profile *p = in->profile;
	const ProfileSample *s = profile_at(p->samples, ProfileSample,
					    e->sample);

	/* As perf does, a thread's own name if it has one. */
	export_text_word(t, thread->tid || !*thread->program ? thread->name :
			 thread->program, "", ' ');
	g_string_append_printf(t->text, " %d/%d %" G_GUINT64_FORMAT
			       ".%06" G_GUINT64_FORMAT ": %" G_GINT64_FORMAT
			       " ", thread->pid, thread->tid,
			       e->time_ns / 1000000000,
			       e->time_ns / 1000 % 1000000, e->value);
	export_text_word(t, profile_text(p, p->type[in->type].type), " :",
			 '_');
	g_string_append(t->text, ": \n");
	for (guint32 i = 0; i < s->frame_count; i++)
		location_write(t, p, profile_at(p->locations, ProfileLocation,
			g_array_index(p->frames, guint32, s->first_frame + i)));
	g_string_append_c(t->text, '\n');
	export_text_pump(t);
}

gboolean export_perf(const ExportInput *in, GOutputStream *to,
		     GError **error)
{
	g_autoptr(GPtrArray) threads = export_threads_new(in->profile,
							  in->type);
	ExportText t;

	export_text_init(&t, to);
	for (guint i = 0; i < threads->len; i++) {
		const ExportThread *thread = threads->pdata[i];

		for (guint k = 0; k < thread->events->len; k++)
			event_write(&t, in, thread,
				    &g_array_index(thread->events,
						   ExportEvent, k));
	}
	return export_text_finish(&t, error);
}
