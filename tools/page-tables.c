/* SPDX-License-Identifier: MIT */
/* page-tables: see page-tables.h. */
#include "tools/page-tables.h"

#include <string.h>

#include "tools/health.h"
#include "tools/symbols.h"
#include "tools/texthash.h"

/* A run of frames that a location stands for, the outermost first. */
typedef struct {
	guint32 first, count;
} FrameRun;

static guint hash_frame(gconstpointer key)
{
	const PageFrame *f = key;
	guint h = f->name * 2654435761u;

	h = (h ^ f->file) * 2246822519u;
	h = (h ^ (guint)f->module) * 3266489917u;
	return (h ^ (guint)f->line ^ f->flags << 28) * 668265263u;
}

static gboolean equal_frame(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, sizeof(PageFrame)) == 0;
}

void page_tables_init(PageTables *t)
{
	memset(t, 0, sizeof(*t));
	t->strings = g_ptr_array_new();
	t->string_index = g_hash_table_new(texthash, g_str_equal);
	t->modules = g_ptr_array_new();
	t->module_index = g_hash_table_new(texthash, g_str_equal);
	t->frames = g_array_new(FALSE, FALSE, sizeof(PageFrame));
	t->frame_index = g_hash_table_new_full(hash_frame, equal_frame, g_free,
					       NULL);
	stack_tree_init(&t->stacks);
	t->texts = g_string_chunk_new(4096);
	t->ends = g_array_new(FALSE, FALSE, sizeof(guint32));
	t->run_frames = g_array_new(FALSE, FALSE, sizeof(guint32));
	g_ptr_array_add(t->strings, (gpointer)"");
	g_hash_table_insert(t->string_index, (gpointer)"", GUINT_TO_POINTER(1));
}

void page_tables_release(PageTables *t)
{
	g_ptr_array_free(t->strings, TRUE);
	g_hash_table_destroy(t->string_index);
	g_ptr_array_free(t->modules, TRUE);
	g_hash_table_destroy(t->module_index);
	g_array_free(t->frames, TRUE);
	g_hash_table_destroy(t->frame_index);
	stack_tree_release(&t->stacks);
	g_string_chunk_free(t->texts);
	g_array_free(t->ends, TRUE);
	g_array_free(t->run_frames, TRUE);
}

/* Index of `s`, which lives as long as the tables. */
static guint32 intern(GPtrArray *list, GHashTable *index, const char *s)
{
	guint at = GPOINTER_TO_UINT(g_hash_table_lookup(index, s));

	if (at == 0) {
		g_ptr_array_add(list, (gpointer)s);
		at = list->len;
		g_hash_table_insert(index, (gpointer)s, GUINT_TO_POINTER(at));
	}
	return at - 1;
}

static guint32 tables_add_string(PageTables *t, const char *s)
{
	return intern(t->strings, t->string_index, s);
}

static guint32 tables_add_frame(PageTables *t, const PageFrame *f)
{
	guint at = GPOINTER_TO_UINT(g_hash_table_lookup(t->frame_index, f));

	if (at == 0) {
		g_array_append_val(t->frames, *f);
		at = t->frames->len;
		g_hash_table_insert(t->frame_index,
				    g_memdup2(f, sizeof(*f)),
				    GUINT_TO_POINTER(at));
	}
	return at - 1;
}

/* --- a profile's own frames ----------------------------------------------- */

static gint32 location_module(PageTables *t, const Profile *p,
			      const ProfileLocation *l)
{
	const char *path;

	if (l->mapping == PROFILE_NONE)
		return -1;
	path = profile_text(p, profile_at(p->mappings, ProfileMapping,
					  l->mapping)->path);
	return *path ? (gint32)intern(t->modules, t->module_index, path) : -1;
}

static guint32 add_unknown(PageTables *t, const Profile *p,
			   const ProfileLocation *l, gint32 module)
{
	g_autofree char *name = symbols_unknown_function(p, l);
	PageFrame f = { .name = tables_add_string(t,
				g_string_chunk_insert_const(t->texts, name)),
		    .module = module, .flags = PAGE_FRAME_UNKNOWN };

	return tables_add_frame(t, &f);
}

static guint32 add_function(PageTables *t, const Profile *p,
			    const ProfileFunction *function, gint32 module,
			    guint32 flags)
{
	const char *name = profile_text(p, function->name);
	PageFrame f = { .name = tables_add_string(t, name),
		    .file = tables_add_string(t,
					      profile_text(p, function->file)),
		    .module = module, .line = function->start_line,
		    .flags = flags };

	if (strcmp(name, PROFILE_NOT_SAMPLED) == 0) {
		f.flags |= PAGE_FRAME_UNSAMPLED;
		f.module = -1;
	}
	return tables_add_frame(t, &f);
}

static FrameRun add_location(PageTables *t, const Profile *p,
			     const ProfileLocation *l, gboolean no_inlines)
{
	guint innermost = no_inlines && l->line_count ? l->line_count - 1u : 0;
	FrameRun run = { t->run_frames->len,
			 MAX(l->line_count - innermost, 1) };
	gint32 module = location_module(t, p, l);
	guint32 frame;

	if (l->line_count == 0) {
		frame = add_unknown(t, p, l, module);
		g_array_append_val(t->run_frames, frame);
	}
	for (guint i = l->line_count; i-- > innermost;) {
		guint32 function = profile_at(p->lines, ProfileLine,
					      l->first_line + i)->function;

		frame = add_function(t, p, profile_at(p->functions,
						      ProfileFunction,
						      function), module,
				     i + 1 < l->line_count ?
				     PAGE_FRAME_INLINED : 0);
		g_array_append_val(t->run_frames, frame);
	}
	return run;
}

/* --- stacks --------------------------------------------------------------- */

static guint32 add_truncation(PageTables *t, guint end)
{
	const char *reason = health_truncated_name(end);
	g_autofree char *name = g_strdup_printf("[truncated: %s]",
						reason ? reason : "other");
	PageFrame f = { .name = tables_add_string(t,
				g_string_chunk_insert_const(t->texts, name)),
		    .module = -1, .flags = PAGE_FRAME_TRUNCATED };

	return stack_tree_add(&t->stacks, 0, tables_add_frame(t, &f));
}

/* What a walk along the frames of a stack, root first, does with each; FALSE:
 * it ends. */
typedef struct {
	PageTables *tables;
	guint32 node;
	TreePath at;
	double weight;
} Walk;

typedef gboolean (*WalkStep)(Walk *w, guint32 frame);

static void walk_stack(Walk *w, const Profile *p, const ProfileSample *s,
		       const FrameRun *runs, WalkStep step)
{
	for (guint32 i = s->frame_count; i-- > 0;) {
		guint32 location = *profile_at(p->frames, guint32,
					       s->first_frame + i);
		const FrameRun *run = &runs[location];

		for (guint32 k = 0; k < run->count; k++)
			if (!step(w, g_array_index(w->tables->run_frames,
						   guint32, run->first + k)))
				return;
	}
}

static gboolean weigh_frame(Walk *w, guint32 frame)
{
	tree_sieve_weigh(w->tables->sieve, &w->at, frame, w->weight);
	return TRUE;
}

/* By chance more nodes may be heavy than were asked for: that has an end. */
static gboolean has_node(Walk *w, guint32 frame)
{
	const PageTables *t = w->tables;

	if (!t->sieve)
		return TRUE;
	return tree_sieve_has(t->sieve, &w->at, frame) &&
	       (t->stacks.nodes->len < 2 * t->sieve->weights.room ||
		stack_tree_find(&t->stacks, w->node, frame));
}

static gboolean add_frame(Walk *w, guint32 frame)
{
	PageTables *t = w->tables;
	gboolean whole = has_node(w, frame);

	w->node = stack_tree_add(&t->stacks, w->node,
				 whole ? frame : t->small);
	t->folded += !whole;
	return whole;
}

static guint32 add_stack(PageTables *t, const Profile *p,
			 const ProfileSample *s, const FrameRun *runs)
{
	Walk w = { .tables = t };

	w.node = s->end ? add_truncation(t, s->end) : 0;
	walk_stack(&w, p, s, runs, add_frame);
	return w.node;
}

static FrameRun *add_locations(PageTables *t, const Profile *p,
			       gboolean no_inlines)
{
	FrameRun *runs = g_new(FrameRun, p->locations->len + 1);

	for (guint i = 0; i < p->locations->len; i++)
		runs[i] = add_location(t, p, profile_at(p->locations,
							ProfileLocation, i),
				       no_inlines);
	return runs;
}

static void weigh_profile(PageTables *t, const Profile *p, const FrameRun *runs)
{
	for (guint i = 0; i < p->samples->len; i++) {
		const ProfileSample *s = profile_at(p->samples, ProfileSample,
						    i);
		Walk w = { .tables = t,
			   .weight = ABS((double)s->value[p->default_type]) };

		walk_stack(&w, p, s, runs, weigh_frame);
	}
}

static void add_profile(PageTables *t, const Profile *p, const FrameRun *runs)
{
	for (guint i = 0; i < p->samples->len; i++) {
		guint32 end = add_stack(t, p, profile_at(p->samples,
							 ProfileSample, i),
					runs);

		g_array_append_val(t->ends, end);
	}
}

/* As many nodes as there may be: every stack may share none with others. */
static guint64 count_frames(const Profile *p)
{
	guint64 frames = 0;

	for (guint i = 0; i < p->samples->len; i++)
		frames += profile_at(p->samples, ProfileSample, i)->frame_count;
	return frames * p->lines->len / MAX(p->locations->len, 1) + frames;
}

static void sieve_begin(PageTables *t, TreeSieve *sieve, guint nodes)
{
	PageFrame f = { .name = tables_add_string(t, PROFILE_SMALL_STACKS),
		    .module = -1 };

	t->small = tables_add_frame(t, &f);
	tree_sieve_init(sieve, nodes);
	t->sieve = sieve;
}

void page_tables_add(PageTables *t, Profile *const profile[2],
		     gboolean no_inlines, guint nodes)
{
	FrameRun *runs[2] = { NULL, NULL };
	TreeSieve sieve = { 0 };
	guint64 frames = 0;
	guint set;

	for (set = 0; set < 2 && profile[set]; set++) {
		runs[set] = add_locations(t, profile[set], no_inlines);
		frames += count_frames(profile[set]);
	}
	if (frames > 2 * (guint64)nodes) {
		sieve_begin(t, &sieve, nodes);
		for (set = 0; set < 2 && runs[set]; set++)
			weigh_profile(t, profile[set], runs[set]);
		tree_sieve_cut(&sieve);
	}
	for (set = 0; set < 2 && runs[set]; set++) {
		add_profile(t, profile[set], runs[set]);
		g_free(runs[set]);
	}
	tree_sieve_release(&sieve);
}
