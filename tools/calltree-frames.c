/* SPDX-License-Identifier: MIT */
/* calltree-frames: see calltree-frames.h. */
#include "tools/calltree-frames.h"

#include <string.h>

#include "tools/symbols.h"

#define KNOWN 128	/* in CalltreeFunction.flags: they were worked out */

/* What makes two frames the same; without padding, for the Seqtable. */
typedef struct {
	ProfileString name, module, file;
	gint32 line;
	guint64 address;
} FrameKey;

/* The item of a key; *is_new: what else it holds is still to be filled in. */
static guint32 find_item(CalltreeFrames *f, const FrameKey *key,
			 gboolean *is_new)
{
	CalltreeItem item = {
		.name = key->name, .module = key->module,
		.file = key->file, .line = key->line,
		.location = PROFILE_NONE,
	};
	guint32 found = seqtable_intern(&f->index, key, 1);

	*is_new = found == f->items->len;
	if (*is_new)
		g_array_append_val(f->items, item);
	return found;
}

/* --- expressions ------------------------------------------------------------ */

static guint32 match(const CalltreeOptions *o, const char *name)
{
	const struct {
		GRegex *regex;
		guint32 flag;
	} all[] = {
		{ o->focus, FRAME_FOCUS }, { o->ignore, FRAME_IGNORE },
		{ o->hide, FRAME_HIDE }, { o->root_at, FRAME_ROOT },
		{ o->fold, FRAME_FOLD }, { o->end_at, FRAME_END },
	};
	guint32 flags = 0;
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(all); i++)
		if (all[i].regex && g_regex_match(all[i].regex, name, 0, NULL))
			flags |= all[i].flag;
	return flags;
}

static guint32 function_flags(CalltreeFrames *f, guint32 function)
{
	CalltreeFunction *known = &f->functions[function];

	if (!known->flags)
		known->flags = KNOWN | match(f->o, profile_text(
			f->p, profile_at(f->p->functions, ProfileFunction,
					 function)->name));
	return known->flags & ~(guint32)KNOWN;
}

/* --- names ------------------------------------------------------------------ */

/* Valid until the next text is added. */
static const char *base_text(const Profile *p, ProfileString path)
{
	const char *text = profile_text(p, path);
	const char *slash = strrchr(text, '/');

	return slash && slash[1] ? slash + 1 : text;
}

static ProfileString base_name(Profile *p, ProfileString path)
{
	return profile_string(p, base_text(p, path), -1);
}

static ProfileString file_and_line(Profile *p, ProfileString file, gint32 line)
{
	g_autofree char *text = NULL;

	if (line == 0)
		return base_name(p, file);
	text = g_strdup_printf("%s:%d", base_text(p, file), line);
	return profile_string(p, text, -1);
}

static ProfileString module_path(const Profile *p, const ProfileLocation *l)
{
	if (l->mapping == PROFILE_NONE)
		return 0;
	return profile_at(p->mappings, ProfileMapping, l->mapping)->path;
}

static ProfileString unknown_name(Profile *p, const ProfileLocation *l)
{
	g_autofree char *text = symbols_unknown_function(p, l);

	return profile_string(p, text, -1);
}

static ProfileString address_place(Profile *p, const CalltreeItem *item)
{
	g_autofree char *where = symbols_unknown_name(p, profile_at(
		p->locations, ProfileLocation, item->location));
	g_autofree char *both = NULL;

	if (!item->file)
		return profile_string(p, where, -1);
	both = g_strdup_printf("%s %s", where, profile_text(
		p, file_and_line(p, item->file, item->line)));
	return profile_string(p, both, -1);
}

ProfileString calltree_frames_place(Profile *p, CalltreeBy by,
				    const CalltreeItem *item)
{
	if (by == CALLTREE_BY_MODULE)
		return item->module;
	if (by == CALLTREE_BY_ADDRESS && item->location != PROFILE_NONE)
		return address_place(p, item);
	if (item->file)
		return file_and_line(p, item->file, item->line);
	return base_name(p, item->module);
}

static guint32 location_index(const Profile *p, const ProfileLocation *l)
{
	return (guint32)(l - profile_at(p->locations, ProfileLocation, 0));
}

/* The item of a key at a location. */
static guint32 locate_item(CalltreeFrames *f, const FrameKey *key,
			  const ProfileLocation *l)
{
	gboolean is_new;
	guint32 index = find_item(f, key, &is_new);

	if (is_new)
		g_array_index(f->items, CalltreeItem, index).location =
			location_index(f->p, l);
	return index;
}

/*
 * One frame: `line` NULL for code that has no name. By function the line is
 * where the function begins, else the one that ran.
 */
static CalltreeFrame make_frame(CalltreeFrames *f, const ProfileLocation *l,
				const ProfileLine *line)
{
	CalltreeBy by = f->o->by;
	FrameKey key = { .module = module_path(f->p, l) };
	const ProfileFunction *function = NULL;
	CalltreeFrame frame = { 0, 0 };

	if (line) {
		function = profile_at(f->p->functions, ProfileFunction,
				      line->function);
		key.name = function->name;
		key.file = function->file;
		key.line = by == CALLTREE_BY_FUNCTION ? function->start_line
						      : line->line;
		frame.flags = function_flags(f, line->function);
	}
	if (key.name == 0) {
		key.name = unknown_name(f->p, l);
		frame.flags = match(f->o, profile_text(f->p, key.name));
	}
	if (by == CALLTREE_BY_MODULE) {
		key.name = key.module ? base_name(f->p, key.module) : key.name;
		key.file = 0;
		key.line = 0;
	}
	if (by == CALLTREE_BY_ADDRESS)
		key.address = l->address;
	frame.item = locate_item(f, &key, l);
	return frame;
}

/* The same of a function's line: by function a module's are all one. */
static CalltreeFrame line_frame(CalltreeFrames *f, const ProfileLocation *l,
				const ProfileLine *line)
{
	CalltreeFunction *known = &f->functions[line->function];
	ProfileString module = module_path(f->p, l);
	CalltreeFrame frame;

	if (known->item && known->module == module)
		return (CalltreeFrame){ known->item - 1,
					function_flags(f, line->function) };
	frame = make_frame(f, l, line);
	if (f->o->by == CALLTREE_BY_FUNCTION &&
	    profile_at(f->p->functions, ProfileFunction,
		       line->function)->name) {
		known->module = module;
		known->item = frame.item + 1;
	}
	return frame;
}

static void add_location(CalltreeFrames *f, const ProfileLocation *l)
{
	CalltreeFrame frame;
	guint i = 0;

	if (l->line_count == 0) {
		frame = make_frame(f, l, NULL);
		g_array_append_val(f->frames, frame);
		return;
	}
	/* the last line is that of the function all the others are inlined
	 * into */
	if (f->o->no_inlines)
		i = l->line_count - 1u;
	for (; i < l->line_count; i++) {
		frame = line_frame(f, l, profile_at(f->p->lines, ProfileLine,
						    l->first_line + i));
		g_array_append_val(f->frames, frame);
	}
}

void calltree_frames_init(CalltreeFrames *f, Profile *p,
			  const CalltreeOptions *o)
{
	guint n = p->locations->len, i;

	*f = (CalltreeFrames){ .p = p, .o = o };
	f->items = g_array_new(FALSE, TRUE, sizeof(CalltreeItem));
	f->frames = g_array_new(FALSE, FALSE, sizeof(CalltreeFrame));
	f->keys = g_array_new(FALSE, FALSE, sizeof(FrameKey));
	seqtable_init(&f->index, f->keys);
	f->first = g_new(guint32, n + 1);
	f->functions = g_new0(CalltreeFunction, p->functions->len + 1);
	for (i = 0; i < n; i++) {
		f->first[i] = f->frames->len;
		add_location(f, profile_at(p->locations, ProfileLocation, i));
	}
	f->first[n] = f->frames->len;
}

void calltree_frames_release(CalltreeFrames *f)
{
	g_array_free(f->frames, TRUE);
	seqtable_release(&f->index);
	g_array_free(f->keys, TRUE);
	g_free(f->first);
	g_free(f->functions);
}

/* --- samples as one frame ------------------------------------------------------ */

gboolean calltree_frames_is_whole(const CalltreeOptions *o)
{
	return o->by == CALLTREE_BY_THREAD || o->by == CALLTREE_BY_PROCESS ||
	       o->by == CALLTREE_BY_LABEL;
}

ProfileString calltree_frames_thread(Profile *p, const CalltreeOptions *o,
				     guint32 thread)
{
	g_autoptr(GMatchInfo) info = NULL;
	g_autofree char *pool = NULL;
	const ProfileThread *t;

	if (thread == PROFILE_NONE)
		return 0;
	t = profile_at(p->threads, ProfileThread, thread);
	if (!o->group_threads ||
	    !g_regex_match(o->group_threads, profile_text(p, t->name), 0,
			   &info))
		return t->name;
	pool = g_match_info_fetch(info,
				  g_match_info_get_match_count(info) > 1);
	return pool && pool[0] ? profile_string(p, pool, -1) : t->name;
}

static FrameKey thread_key(CalltreeFrames *f, const ProfileSample *s)
{
	FrameKey key = { .name = calltree_frames_thread(f->p, f->o,
							s->thread) };

	if (s->thread == PROFILE_NONE)
		key.name = profile_string(f->p, s->taken ? "[no thread]"
					  : PROFILE_NOT_SAMPLED, -1);
	else if (key.name == 0)
		key.name = profile_string(f->p, "[no name]", -1);
	return key;
}

static FrameKey process_key(CalltreeFrames *f, const ProfileSample *s)
{
	FrameKey key = { .name = 0 };
	const ProfileProcess *process;
	g_autofree char *text = NULL;

	process = profile_at(f->p->processes, ProfileProcess, s->process);
	if (process->foreign) {
		key.name = process->program;
	} else {
		text = g_strdup_printf("%s (%d)",
				       profile_text(f->p, process->program),
				       process->pid);
		key.name = profile_string(f->p, text, -1);
	}
	key.address = s->process;
	return key;
}

char *calltree_frames_label(const Profile *p, const ProfileLabel *l)
{
	const char *unit = profile_text(p, l->unit);

	if (l->text != 0)
		return g_strdup(profile_text(p, l->text));
	return g_strdup_printf("%" G_GINT64_FORMAT "%s%s", l->number,
			       *unit ? " " : "", unit);
}

static gint compare_texts(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All labels of a sample, as "key=value, key=value", whatever their order. */
static char *all_labels(const Profile *p, const ProfileSample *s)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < s->label_count; i++) {
		const ProfileLabel *l = profile_at(p->labels, ProfileLabel,
						   s->first_label + i);
		g_autofree char *value = calltree_frames_label(p, l);

		g_ptr_array_add(all, g_strdup_printf("%s=%s", profile_text(
			p, l->key), value));
	}
	g_ptr_array_sort(all, compare_texts);
	g_ptr_array_add(all, NULL);
	return g_strjoinv(", ", (char **)all->pdata);
}

/* What a sample says for the label asked for; NULL: it has no such. */
static char *label_of(const CalltreeFrames *f, const ProfileSample *s)
{
	if (!f->o->label)
		return s->label_count ? all_labels(f->p, s) : NULL;
	for (guint i = 0; i < s->label_count; i++) {
		const ProfileLabel *l = profile_at(f->p->labels, ProfileLabel,
						   s->first_label + i);

		if (strcmp(profile_text(f->p, l->key), f->o->label) == 0)
			return calltree_frames_label(f->p, l);
	}
	return NULL;
}

static FrameKey label_key(CalltreeFrames *f, const ProfileSample *s)
{
	g_autofree char *text = label_of(f, s);

	return (FrameKey){ .name = profile_string(
		f->p, text ? text : "[no label]", -1) };
}

guint32 calltree_frames_thread_of(CalltreeFrames *f, const ProfileSample *s)
{
	FrameKey key = thread_key(f, s);
	gboolean is_new;

	return find_item(f, &key, &is_new);
}

guint32 calltree_frames_small(CalltreeFrames *f)
{
	FrameKey key = { .name = profile_string(f->p, PROFILE_SMALL_STACKS,
						-1) };
	gboolean is_new;

	return find_item(f, &key, &is_new);
}

guint32 calltree_frames_of_sample(CalltreeFrames *f, const ProfileSample *s)
{
	gboolean is_new;
	FrameKey key;
	guint32 item;

	if (f->o->by == CALLTREE_BY_THREAD)
		key = thread_key(f, s);
	else if (f->o->by == CALLTREE_BY_PROCESS)
		key = process_key(f, s);
	else
		key = label_key(f, s);
	item = find_item(f, &key, &is_new);
	if (is_new && f->o->by == CALLTREE_BY_PROCESS)
		g_array_index(f->items, CalltreeItem, item).command =
			profile_at(f->p->processes, ProfileProcess,
				   s->process)->command;
	return item;
}
