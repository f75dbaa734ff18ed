/* SPDX-License-Identifier: MIT */
/* viewer-path: see viewer-path.h. */
#include "tools/viewer-path.h"

typedef struct {
	guint32 parent;
	ViewerPathStep step;		/* equal texts are equal pointers */
} Step;

struct _ViewerPaths {
	GStringChunk *texts;
	GHashTable *paths;		/* Step, owned -> path */
	GArray *parents;		/* guint32, by path */
};

static guint step_hash(gconstpointer key)
{
	const Step *s = key;
	guint64 h = (guint64)s->parent << 32 | (guint32)s->step.line;

	h = (h ^ GPOINTER_TO_SIZE(s->step.name)) * 0x9e3779b97f4a7c15ull;
	h = (h ^ GPOINTER_TO_SIZE(s->step.module)) * 0x9e3779b97f4a7c15ull;
	h = (h ^ GPOINTER_TO_SIZE(s->step.file)) * 0x9e3779b97f4a7c15ull;
	return (guint)(h >> 32);
}

static gboolean step_equal(gconstpointer a, gconstpointer b)
{
	const Step *x = a, *y = b;

	return x->parent == y->parent && x->step.name == y->step.name &&
	       x->step.module == y->step.module &&
	       x->step.file == y->step.file && x->step.line == y->step.line;
}

ViewerPaths *viewer_paths_new(guint32 roots)
{
	ViewerPaths *p = g_new0(ViewerPaths, 1);
	guint32 i;

	p->texts = g_string_chunk_new(4096);
	p->paths = g_hash_table_new_full(step_hash, step_equal, g_free, NULL);
	p->parents = g_array_new(FALSE, FALSE, sizeof(guint32));
	for (i = 0; i < roots; i++)
		g_array_append_val(p->parents, i);
	return p;
}

void viewer_paths_free(ViewerPaths *p)
{
	g_hash_table_destroy(p->paths);
	g_string_chunk_free(p->texts);
	g_array_unref(p->parents);
	g_free(p);
}

static const char *copy(ViewerPaths *p, const char *text)
{
	return g_string_chunk_insert_const(p->texts, text);
}

guint32 viewer_paths_child(ViewerPaths *p, guint32 parent,
			   const ViewerPathStep *step)
{
	Step key = { parent, { copy(p, step->name), copy(p, step->module),
			       copy(p, step->file), step->line } };
	gpointer found;

	if (g_hash_table_lookup_extended(p->paths, &key, NULL, &found))
		return GPOINTER_TO_UINT(found);
	g_array_append_val(p->parents, parent);
	g_hash_table_insert(p->paths, g_memdup2(&key, sizeof(key)),
			    GUINT_TO_POINTER(p->parents->len - 1));
	return p->parents->len - 1;
}

guint32 viewer_paths_parent(const ViewerPaths *p, guint32 path)
{
	return g_array_index(p->parents, guint32, path);
}
