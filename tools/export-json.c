/* SPDX-License-Identifier: MIT */
/*
 * All of a Profile as JSON; profagent-export(1) documents it. Things refer to
 * each other by index into the arrays of the same document. Addresses are
 * strings: they do not fit the numbers of JavaScript.
 */
#include <string.h>

#include "agent/unwind.h"
#include "tools/export-text.h"
#include "tools/export.h"
#include "tools/health.h"
#include "tools/json-out.h"
#include "tools/symbols.h"

#define SCHEMA "profagent-profile-1"

struct writer {
	JsonOut json;
	ExportText text;
	const Profile *profile;
};

static void put_text(struct writer *w, const char *key, ProfileString s)
{
	if (!s)
		return;
	json_out_key(&w->json, key);
	json_out_string(&w->json, profile_text(w->profile, s));
}

static void put_int(struct writer *w, const char *key, gint64 n)
{
	json_out_key(&w->json, key);
	json_out_int(&w->json, n);
}

/* Left out where there is none. */
static void put_index(struct writer *w, const char *key, guint32 n, guint count)
{
	if (n < count)
		put_int(w, key, n);
}

static void put_address(struct writer *w, const char *key, guint64 n)
{
	char text[24];

	g_snprintf(text, sizeof(text), "0x%" G_GINT64_MODIFIER "x", n);
	json_out_key(&w->json, key);
	json_out_string(&w->json, text);
}

static void put_type(struct writer *w, const ProfileValueType *type)
{
	json_out_open(&w->json, '{');
	put_text(w, "type", type->type);
	put_text(w, "unit", type->unit);
	json_out_close(&w->json, '}');
}

static void array_begin(struct writer *w, const char *key)
{
	json_out_key(&w->json, key);
	json_out_open(&w->json, '[');
}

/* --- rows ---------------------------------------------------------------- */

static void put_process(struct writer *w, guint32 i)
{
	const ProfileProcess *p = profile_at(w->profile->processes,
					     ProfileProcess, i);

	if (!p->foreign) {
		put_int(w, "pid", p->pid);
		put_int(w, "ppid", p->ppid);
		put_int(w, "start_unix_ns", p->start_unix_ns);
		put_int(w, "cpu_ns", p->cpu_ns);
		put_int(w, "samples", p->samples);
		put_int(w, "expirations", p->expirations);
		json_out_key(&w->json, "ended");
		json_out_bool(&w->json, p->done);
	}
	put_int(w, "duration_ns", p->duration_ns);
	put_text(w, "program", p->program);
	put_text(w, "exe", p->exe);
	put_text(w, "command", p->command);
	put_text(w, "host", p->host);
	put_text(w, "run_id", p->run_id);
	put_text(w, "clock", p->clock);
	put_text(w, "unwinder", p->unwind);
	put_text(w, "read_from", p->path);
}

static void put_thread(struct writer *w, guint32 i)
{
	const ProfileThread *t = profile_at(w->profile->threads, ProfileThread,
					    i);

	put_index(w, "process", t->process, w->profile->processes->len);
	put_int(w, "tid", t->tid);
	put_text(w, "name", t->name);
	put_int(w, "start_ns", t->start_ns);
	if (t->end_ns)
		put_int(w, "end_ns", t->end_ns);
	put_int(w, "cpu_ns", t->cpu_ns);
	put_int(w, "sampled_ns", t->sampled_ns);
}

static void put_mapping(struct writer *w, guint32 i)
{
	const ProfileMapping *m = profile_at(w->profile->mappings,
					     ProfileMapping, i);

	put_index(w, "process", m->process, w->profile->processes->len);
	put_address(w, "start", m->start);
	put_address(w, "end", m->end);
	put_address(w, "offset", m->offset);
	put_text(w, "path", m->path);
	put_text(w, "build_id", m->build_id);
}

static void put_function(struct writer *w, guint32 i)
{
	const ProfileFunction *f = profile_at(w->profile->functions,
					      ProfileFunction, i);

	put_text(w, "name", f->name);
	put_text(w, "system_name", f->system_name);
	put_text(w, "file", f->file);
	if (f->start_line > 0)
		put_int(w, "start_line", f->start_line);
}

static void put_location(struct writer *w, guint32 i)
{
	const Profile *p = w->profile;
	const ProfileLocation *l = profile_at(p->locations, ProfileLocation, i);
	JsonOut *j = &w->json;

	put_address(w, "address", l->address);
	put_index(w, "mapping", l->mapping, p->mappings->len);
	if (l->line_count == 0) {
		g_autofree char *name = symbols_unknown_function(p, l);

		json_out_key(j, "name");
		json_out_string(j, name);
		return;
	}
	array_begin(w, "lines");
	for (guint k = 0; k < l->line_count; k++) {
		const ProfileLine *line = profile_at(p->lines, ProfileLine,
						     l->first_line + k);

		json_out_open(j, '{');
		put_int(w, "function", line->function);
		if (line->line > 0)
			put_int(w, "line", line->line);
		json_out_close(j, '}');
	}
	json_out_close(j, ']');
}

static void put_labels(struct writer *w, const ProfileSample *s)
{
	JsonOut *j = &w->json;

	array_begin(w, "labels");
	for (guint i = 0; i < s->label_count; i++) {
		const ProfileLabel *l = profile_at(w->profile->labels,
						   ProfileLabel,
						   s->first_label + i);

		json_out_open(j, '{');
		put_text(w, "key", l->key);
		if (l->text)
			put_text(w, "text", l->text);
		else
			put_int(w, "number", l->number);
		put_text(w, "unit", l->unit);
		json_out_close(j, '}');
	}
	json_out_close(j, ']');
}

static void put_moments(struct writer *w, const ProfileSample *s)
{
	JsonOut *j = &w->json;

	array_begin(w, "moments");
	for (guint32 i = 0; i < s->moment_count; i++) {
		const ProfileMoment *m = profile_at(w->profile->moments,
						    ProfileMoment,
						    s->first_moment + i);

		json_out_open(j, '[');
		json_out_int(j, m->time_ns);
		json_out_int(j, m->weight_ns);
		json_out_close(j, ']');
	}
	json_out_close(j, ']');
}

static void put_sample(struct writer *w, guint32 index)
{
	const Profile *p = w->profile;
	const ProfileSample *s = profile_at(p->samples, ProfileSample, index);
	JsonOut *j = &w->json;

	put_index(w, "process", s->process, p->processes->len);
	put_index(w, "thread", s->thread, p->threads->len);
	array_begin(w, "stack");
	for (guint32 i = 0; i < s->frame_count; i++)
		json_out_int(j, g_array_index(p->frames, guint32,
					      s->first_frame + i));
	json_out_close(j, ']');
	array_begin(w, "values");
	for (guint i = 0; i < p->type_count; i++)
		json_out_int(j, s->value[i]);
	json_out_close(j, ']');
	if (s->end > 0 && s->end < UNWIND_ENDS) {
		json_out_key(j, "cut_short");
		json_out_string(j, unwind_end_names[s->end]);
	}
	if (s->label_count)
		put_labels(w, s);
	if (s->moment_count)
		put_moments(w, s);
}

/* --- the whole ----------------------------------------------------------- */

typedef void (*RowFunc)(struct writer *w, guint32 i);

static void put_rows(struct writer *w, const char *key, const GArray *rows,
		     RowFunc put)
{
	array_begin(w, key);
	for (guint i = 0; i < rows->len; i++) {
		json_out_open(&w->json, '{');
		put(w, i);
		json_out_close(&w->json, '}');
		export_text_pump(&w->text);
	}
	json_out_close(&w->json, ']');
}

static void put_head(struct writer *w, const ExportInput *in)
{
	const Profile *p = w->profile;
	JsonOut *j = &w->json;

	json_out_key(j, "schema");
	json_out_string(j, SCHEMA);
	json_out_key(j, "title");
	json_out_string(j, in->title);
	put_int(w, "time_unix_ns", p->time_nanos);
	put_int(w, "duration_ns", p->duration_nanos);
	array_begin(w, "sample_types");
	for (guint i = 0; i < p->type_count; i++)
		put_type(w, &p->type[i]);
	json_out_close(j, ']');
	put_int(w, "sample_type", in->type);
	json_out_key(j, "period_type");
	put_type(w, &p->period_type);
	put_int(w, "period", p->period);
}

static void put_health(struct writer *w)
{
	Health health;

	health_init(&health, w->profile, NULL);
	json_out_key(&w->json, "health");
	health_json(&health, &w->json);
	health_release(&health);
}

gboolean export_json(const ExportInput *in, GOutputStream *to,
		     GError **error)
{
	const Profile *p = in->profile;
	struct writer w = { .profile = p };
	const struct {
		const char *key;
		const GArray *rows;
		RowFunc put;
	} arrays[] = {
		{ "processes", p->processes, put_process },
		{ "threads", p->threads, put_thread },
		{ "mappings", p->mappings, put_mapping },
		{ "functions", p->functions, put_function },
		{ "locations", p->locations, put_location },
		{ "samples", p->samples, put_sample },
	};

	export_text_init(&w.text, to);
	json_out_init(&w.json, w.text.text);
	json_out_open(&w.json, '{');
	put_head(&w, in);
	put_health(&w);
	for (guint i = 0; i < G_N_ELEMENTS(arrays); i++)
		put_rows(&w, arrays[i].key, arrays[i].rows, arrays[i].put);
	json_out_close(&w.json, '}');
	g_string_append_c(w.text.text, '\n');
	return export_text_finish(&w.text, error);
}
