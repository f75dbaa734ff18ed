/* SPDX-License-Identifier: MIT */
/*
 * The processed format of the Firefox profiler, version 48 (its
 * docs-developer/CHANGELOG-formats.md); newer versions of it read older files.
 *
 * Everything is a table of columns, and every thread has tables of its own:
 *
 *	samples -> stackTable (a tree: prefix) -> frameTable -> funcTable
 *		-> stringArray, resourceTable -> libs (of the whole profile)
 */
#include <string.h>

#include "tools/export-frames.h"
#include "tools/export-text.h"
#include "tools/export-threads.h"
#include "tools/export.h"
#include "tools/json-out.h"
#include "tools/numhash.h"

#define FORMAT_VERSION 48
#define GECKO_VERSION 27

/* Kind of resource that a shared object is. */
#define RESOURCE_LIBRARY 1

#define NONE G_MAXUINT32		/* null in the columns below */

/* Things of the whole profile, numbered again within one thread. */
struct local {
	GHashTable *index;		/* global: local + 1 */
	GArray *global;			/* guint32, by local */
};

struct tables {
	const ExportFrames *frames;
	const Profile *profile;
	struct local strings;		/* ProfileString */
	struct local functions, used;	/* ExportFrames.functions, .frames */
	struct local modules;		/* ProfileString */
	GHashTable *stack_index;	/* prefix and frame: local + 1 */
	GArray *stack_prefix, *stack_frame; /* guint32 */
	GArray *sample_stack;		/* guint32, by event */
};

static void local_init(struct local *l)
{
	l->index = g_hash_table_new(NULL, NULL);
	l->global = g_array_new(FALSE, FALSE, sizeof(guint32));
}

static void local_release(struct local *l)
{
	g_hash_table_destroy(l->index);
	g_array_free(l->global, TRUE);
}

static guint32 local_add(struct local *l, guint32 global)
{
	gpointer key = GUINT_TO_POINTER(global);
	gpointer known = g_hash_table_lookup(l->index, key);

	if (known)
		return GPOINTER_TO_UINT(known) - 1;
	g_array_append_val(l->global, global);
	g_hash_table_insert(l->index, key,
			    GUINT_TO_POINTER(l->global->len));
	return l->global->len - 1;
}

static void tables_init(struct tables *t, const ExportFrames *f,
			const Profile *p)
{
	t->frames = f;
	t->profile = p;
	local_init(&t->strings);
	local_init(&t->functions);
	local_init(&t->used);
	local_init(&t->modules);
	t->stack_index = g_hash_table_new_full(numhash, g_int64_equal,
					       g_free, NULL);
	t->stack_prefix = g_array_new(FALSE, FALSE, sizeof(guint32));
	t->stack_frame = g_array_new(FALSE, FALSE, sizeof(guint32));
	t->sample_stack = g_array_new(FALSE, FALSE, sizeof(guint32));
}

static void tables_release(struct tables *t)
{
	local_release(&t->strings);
	local_release(&t->functions);
	local_release(&t->used);
	local_release(&t->modules);
	g_hash_table_destroy(t->stack_index);
	g_array_free(t->stack_prefix, TRUE);
	g_array_free(t->stack_frame, TRUE);
	g_array_free(t->sample_stack, TRUE);
}

/* --- filling ------------------------------------------------------------- */

static guint32 frame_add(struct tables *t, guint32 frame)
{
	const ExportFrame *f = &g_array_index(t->frames->frames, ExportFrame,
					      frame);
	const ExportFunction *function = export_frames_function(t->frames,
								frame);

	local_add(&t->strings, function->name);
	if (function->file)
		local_add(&t->strings, function->file);
	if (function->module) {
		local_add(&t->strings, function->module);
		local_add(&t->modules, function->module);
	}
	local_add(&t->functions, f->function);
	return local_add(&t->used, frame);
}

static guint32 stack_add(struct tables *t, guint32 prefix, guint32 frame)
{
	guint64 key = (guint64)prefix << 32 | frame;
	gpointer known = g_hash_table_lookup(t->stack_index, &key);

	if (known)
		return GPOINTER_TO_UINT(known) - 1;
	g_array_append_val(t->stack_prefix, prefix);
	g_array_append_val(t->stack_frame, frame);
	g_hash_table_insert(t->stack_index, g_memdup2(&key, sizeof(key)),
			    GUINT_TO_POINTER(t->stack_frame->len));
	return t->stack_frame->len - 1;
}

static void tables_fill(struct tables *t, const ExportThread *thread)
{
	g_autoptr(GArray) stack = g_array_new(FALSE, FALSE, sizeof(guint32));

	for (guint i = 0; i < thread->events->len; i++) {
		const ProfileSample *s = profile_at(t->profile->samples,
			ProfileSample, g_array_index(thread->events,
						     ExportEvent, i).sample);
		guint32 at = NONE;

		export_frames_stack(t->frames, s, stack);
		for (guint k = 0; k < stack->len; k++)
			at = stack_add(t, at, frame_add(t,
				g_array_index(stack, guint32, k)));
		g_array_append_val(t->sample_stack, at);
	}
}

/* --- columns ------------------------------------------------------------- */

static void column_begin(JsonOut *j, const char *name)
{
	json_out_key(j, name);
	json_out_open(j, '[');
}

static void number(JsonOut *j, guint32 n)
{
	if (n == NONE) {
		g_string_append(j->text, j->follows ? ",null" : "null");
		j->follows = TRUE;
	} else {
		json_out_int(j, n);
	}
}

static void column(JsonOut *j, const char *name, const GArray *values)
{
	column_begin(j, name);
	for (guint i = 0; i < values->len; i++)
		number(j, g_array_index(values, guint32, i));
	json_out_close(j, ']');
}

/* The same value in every row. */
static void column_of(JsonOut *j, const char *name, guint32 value, guint rows)
{
	column_begin(j, name);
	for (guint i = 0; i < rows; i++)
		number(j, value);
	json_out_close(j, ']');
}

static void table_begin(JsonOut *j, const char *name, guint rows)
{
	json_out_key(j, name);
	json_out_open(j, '{');
	json_out_key(j, "length");
	json_out_int(j, rows);
}

/* --- tables -------------------------------------------------------------- */

static void stack_table(JsonOut *j, const struct tables *t)
{
	guint rows = t->stack_frame->len;

	table_begin(j, "stackTable", rows);
	column(j, "frame", t->stack_frame);
	column(j, "prefix", t->stack_prefix);
	column_of(j, "category", 0, rows);
	column_of(j, "subcategory", 0, rows);
	json_out_close(j, '}');
}

static guint32 line_of(const struct tables *t, guint row)
{
	gint32 line = g_array_index(t->frames->frames, ExportFrame,
		g_array_index(t->used.global, guint32, row)).line;

	return line > 0 ? (guint32)line : NONE;
}

static void frame_table(JsonOut *j, struct tables *t)
{
	guint rows = t->used.global->len;

	table_begin(j, "frameTable", rows);
	column_begin(j, "func");
	for (guint i = 0; i < rows; i++)
		number(j, local_add(&t->functions, g_array_index(
			t->frames->frames, ExportFrame, g_array_index(
			t->used.global, guint32, i)).function));
	json_out_close(j, ']');
	column_begin(j, "line");
	for (guint i = 0; i < rows; i++)
		number(j, line_of(t, i));
	json_out_close(j, ']');
	column_begin(j, "address");
	for (guint i = 0; i < rows; i++)
		json_out_int(j, -1);
	json_out_close(j, ']');
	column_of(j, "inlineDepth", 0, rows);
	column_of(j, "category", 0, rows);
	column_of(j, "subcategory", 0, rows);
	column_of(j, "nativeSymbol", NONE, rows);
	column_of(j, "innerWindowID", 0, rows);
	column_of(j, "implementation", NONE, rows);
	column_of(j, "column", NONE, rows);
	json_out_close(j, '}');
}

static const ExportFunction *function_at(const struct tables *t, guint row)
{
	return &g_array_index(t->frames->functions, ExportFunction,
		g_array_index(t->functions.global, guint32, row));
}

static void flags(JsonOut *j, const char *name, guint rows)
{
	column_begin(j, name);
	for (guint i = 0; i < rows; i++)
		json_out_bool(j, FALSE);
	json_out_close(j, ']');
}

static void function_table(JsonOut *j, struct tables *t)
{
	guint rows = t->functions.global->len;

	table_begin(j, "funcTable", rows);
	column_begin(j, "name");
	for (guint i = 0; i < rows; i++)
		number(j, local_add(&t->strings, function_at(t, i)->name));
	json_out_close(j, ']');
	column_begin(j, "fileName");
	for (guint i = 0; i < rows; i++) {
		ProfileString file = function_at(t, i)->file;

		number(j, file ? local_add(&t->strings, file) : NONE);
	}
	json_out_close(j, ']');
	column_begin(j, "resource");
	for (guint i = 0; i < rows; i++) {
		ProfileString module = function_at(t, i)->module;

		json_out_int(j, module ? (gint64)local_add(&t->modules,
							   module) : -1);
	}
	json_out_close(j, ']');
	column_begin(j, "lineNumber");
	for (guint i = 0; i < rows; i++) {
		gint32 start = function_at(t, i)->start_line;

		number(j, start > 0 ? (guint32)start : NONE);
	}
	json_out_close(j, ']');
	column_of(j, "columnNumber", NONE, rows);
	flags(j, "isJS", rows);
	flags(j, "relevantForJS", rows);
	json_out_close(j, '}');
}

/* `libs`: numbers of modules in the whole profile. */
static void resource_table(JsonOut *j, struct tables *t, struct local *libs)
{
	guint rows = t->modules.global->len;

	table_begin(j, "resourceTable", rows);
	column_begin(j, "lib");
	for (guint i = 0; i < rows; i++)
		number(j, local_add(libs, g_array_index(t->modules.global,
							guint32, i)));
	json_out_close(j, ']');
	column_begin(j, "name");
	for (guint i = 0; i < rows; i++)
		number(j, local_add(&t->strings, g_array_index(
				t->modules.global, guint32, i)));
	json_out_close(j, ']');
	column_of(j, "host", NONE, rows);
	column_of(j, "type", RESOURCE_LIBRARY, rows);
	json_out_close(j, '}');
}

static void empty_tables(JsonOut *j)
{
	static const char *const symbols[] = { "libIndex", "address", "name",
					       "functionSize" };
	static const char *const markers[] = { "data", "name", "startTime",
					       "endTime", "phase",
					       "category" };

	table_begin(j, "nativeSymbols", 0);
	for (guint i = 0; i < G_N_ELEMENTS(symbols); i++)
		column_of(j, symbols[i], 0, 0);
	json_out_close(j, '}');
	table_begin(j, "markers", 0);
	for (guint i = 0; i < G_N_ELEMENTS(markers); i++)
		column_of(j, markers[i], 0, 0);
	json_out_close(j, '}');
}

static void string_array(JsonOut *j, ExportText *out, const struct tables *t)
{
	column_begin(j, "stringArray");
	for (guint i = 0; i < t->strings.global->len; i++) {
		json_out_string(j, profile_text(t->profile, g_array_index(
				t->strings.global, guint32, i)));
		export_text_pump(out);
	}
	json_out_close(j, ']');
}

/* --- samples ------------------------------------------------------------- */

struct units {
	const char *weight;		/* weightType */
	double divisor;			/* of values, to get weights */
	gint64 time_ns;			/* a unit of value; 0: no time */
};

/* Weights are milliseconds, bytes or counts. */
static struct units units_of(const Profile *p, guint type)
{
	const char *unit = profile_text(p, p->type[type].unit);
	struct units u = { "samples", 1, 0 };

	if (strcmp(unit, "bytes") == 0)
		u.weight = "bytes";
	if (g_str_has_suffix(unit, "seconds")) {
		u.weight = "tracing-ms";
		u.time_ns = export_threads_unit_ns(p, type);
		u.divisor = 1e6 / u.time_ns;
	}
	return u;
}

static void samples_table(JsonOut *j, ExportText *out, const struct tables *t,
			  const ExportThread *thread, const struct units *u)
{
	const GArray *events = thread->events;

	table_begin(j, "samples", events->len);
	json_out_key(j, "weightType");
	json_out_string(j, u->weight);
	column(j, "stack", t->sample_stack);
	column_begin(j, "time");
	for (guint i = 0; i < events->len; i++)
		json_out_double(j, g_array_index(events, ExportEvent,
						 i).time_ns / 1e6);
	json_out_close(j, ']');
	export_text_pump(out);
	column_begin(j, "weight");
	for (guint i = 0; i < events->len; i++)
		json_out_double(j, g_array_index(events, ExportEvent,
						 i).value / u->divisor);
	json_out_close(j, ']');
	export_text_pump(out);
	if (u->time_ns) {
		column_begin(j, "threadCPUDelta");
		for (guint i = 0; i < events->len; i++)
			json_out_int(j, (gint64)((guint64)g_array_index(
				events, ExportEvent, i).value *
				(guint64)u->time_ns));
		json_out_close(j, ']');
	}
	json_out_close(j, '}');
}

static void text_value(JsonOut *j, const char *key, const char *text)
{
	json_out_key(j, key);
	json_out_string(j, text);
}

static void int_value(JsonOut *j, const char *key, gint64 value)
{
	json_out_key(j, key);
	json_out_int(j, value);
}

static void null_value(JsonOut *j, const char *key)
{
	json_out_key(j, key);
	g_string_append(j->text, "null");
	j->follows = TRUE;
}

static void thread_head(JsonOut *j, const ExportThread *thread)
{
	g_autofree char *pid = g_strdup_printf("%d", thread->pid);

	text_value(j, "processType", "default");
	text_value(j, "processName", thread->program);
	text_value(j, "name", thread->name);
	text_value(j, "pid", pid);
	int_value(j, "tid", thread->tid);
	json_out_key(j, "isMainThread");
	json_out_bool(j, thread->tid == thread->pid);
	int_value(j, "processStartupTime", 0);
	null_value(j, "processShutdownTime");
	int_value(j, "registerTime", 0);
	null_value(j, "unregisterTime");
	column_of(j, "pausedRanges", 0, 0);
}

static void thread_write(JsonOut *j, ExportText *out, const ExportInput *in,
			 const ExportFrames *f, const ExportThread *thread,
			 struct local *libs)
{
	struct units u = units_of(in->profile, in->type);
	struct tables t;

	tables_init(&t, f, in->profile);
	tables_fill(&t, thread);
	json_out_open(j, '{');
	thread_head(j, thread);
	samples_table(j, out, &t, thread, &u);
	stack_table(j, &t);
	frame_table(j, &t);
	function_table(j, &t);
	resource_table(j, &t, libs);
	empty_tables(j);
	string_array(j, out, &t);
	json_out_close(j, '}');
	tables_release(&t);
	export_text_pump(out);
}

/* --- the whole ----------------------------------------------------------- */

static void sample_units(JsonOut *j)
{
	json_out_key(j, "sampleUnits");
	json_out_open(j, '{');
	text_value(j, "time", "ms");
	text_value(j, "eventDelay", "ms");
	text_value(j, "threadCPUDelta", "ns");
	json_out_close(j, '}');
}

static void categories(JsonOut *j)
{
	column_begin(j, "categories");
	json_out_open(j, '{');
	text_value(j, "name", "Other");
	text_value(j, "color", "grey");
	column_begin(j, "subcategories");
	json_out_string(j, "Other");
	json_out_close(j, ']');
	json_out_close(j, '}');
	json_out_close(j, ']');
}

static void meta_write(JsonOut *j, const ExportInput *in)
{
	const Profile *p = in->profile;

	json_out_key(j, "meta");
	json_out_open(j, '{');
	json_out_key(j, "interval");
	json_out_double(j, p->period > 0 ? p->period / 1e6 : 1);
	json_out_key(j, "startTime");
	json_out_double(j, p->time_nanos / 1e6);
	text_value(j, "product", in->title);
	text_value(j, "importedFrom", "profagent");
	text_value(j, "oscpu", "Linux");
	text_value(j, "platform", "Linux");
	text_value(j, "abi", "x86_64");
	text_value(j, "misc", "");
	text_value(j, "toolkit", "");
	int_value(j, "processType", 0);
	int_value(j, "stackwalk", 1);
	int_value(j, "version", GECKO_VERSION);
	int_value(j, "preprocessedProfileVersion", FORMAT_VERSION);
	json_out_key(j, "symbolicated");
	json_out_bool(j, TRUE);
	json_out_key(j, "usesOnlyOneStackType");
	json_out_bool(j, TRUE);
	json_out_key(j, "doesNotUseFrameImplementation");
	json_out_bool(j, TRUE);
	json_out_key(j, "sourceCodeIsNotOnSearchfox");
	json_out_bool(j, TRUE);
	column_of(j, "markerSchema", 0, 0);
	sample_units(j);
	categories(j);
	json_out_close(j, '}');
}

static const char *build_id_of(const Profile *p, ProfileString path)
{
	for (guint i = 0; i < p->mappings->len; i++) {
		const ProfileMapping *m = profile_at(p->mappings,
						     ProfileMapping, i);

		if (m->path == path)
			return profile_text(p, m->build_id);
	}
	return "";
}

static void libs_write(JsonOut *j, const Profile *p, const struct local *libs)
{
	column_begin(j, "libs");
	for (guint i = 0; i < libs->global->len; i++) {
		ProfileString path = g_array_index(libs->global, guint32, i);
		const char *text = profile_text(p, path);
		g_autofree char *base = g_path_get_basename(text);

		json_out_open(j, '{');
		text_value(j, "arch", "x86_64");
		text_value(j, "name", base);
		text_value(j, "path", text);
		text_value(j, "debugName", base);
		text_value(j, "debugPath", text);
		text_value(j, "breakpadId", "");
		text_value(j, "codeId", build_id_of(p, path));
		json_out_close(j, '}');
	}
	json_out_close(j, ']');
}

gboolean export_firefox(const ExportInput *in, GOutputStream *to,
			GError **error)
{
	g_autoptr(ExportFrames) f = export_frames_new(in->profile);
	g_autoptr(GPtrArray) threads = export_threads_new(in->profile,
							  in->type);
	struct local libs;
	ExportText out;
	JsonOut j;

	local_init(&libs);
	export_text_init(&out, to);
	json_out_init(&j, out.text);
	json_out_open(&j, '{');
	meta_write(&j, in);
	column_begin(&j, "threads");
	for (guint i = 0; i < threads->len; i++)
		thread_write(&j, &out, in, f, threads->pdata[i], &libs);
	json_out_close(&j, ']');
	/* Written last: the threads have said which there are. */
	libs_write(&j, in->profile, &libs);
	json_out_close(&j, '}');
	g_string_append_c(out.text, '\n');
	local_release(&libs);
	return export_text_finish(&out, error);
}
