/* SPDX-License-Identifier: MIT */
/* viewer-model: see viewer-model.h. */
#include "tools/viewer-model.h"

#include <string.h>

#include "tools/viewer-path.h"

struct _ViewerModel {
	ViewerPaths *paths;
	Profile *profile;
	const CalltreeOptions *options;
	Calltree *tree;
	ViewerLayout layout;
	gboolean threads;
	ViewerBase base;
	ViewerOrder order;
	gboolean reverse;
	GHashTable *expanded;		/* paths */
	guint32 focus[VIEWER_LAYOUTS * 2]; /* path by view, its root: none */
	GArray *rows;			/* ViewerRow */
	gboolean stale;			/* rows are to be made anew */
};

ViewerModel *viewer_model_new(void)
{
	ViewerModel *m = g_new0(ViewerModel, 1);
	guint32 i;

	m->paths = viewer_paths_new(G_N_ELEMENTS(m->focus));
	m->expanded = g_hash_table_new(NULL, NULL);
	m->rows = g_array_new(FALSE, TRUE, sizeof(ViewerRow));
	m->order = VIEWER_BY_DEEP;
	for (i = 0; i < G_N_ELEMENTS(m->focus); i++)
		m->focus[i] = i;
	return m;
}

void viewer_model_free(ViewerModel *m)
{
	g_clear_pointer(&m->tree, calltree_free);
	viewer_paths_free(m->paths);
	g_hash_table_destroy(m->expanded);
	g_array_unref(m->rows);
	g_free(m);
}

/* --- views and paths --------------------------------------------------------- */

/* A view is a layout with or without threads; its number is its root's path. */
static guint32 root_of(const ViewerModel *m)
{
	return (guint32)m->layout * 2 + (m->threads ? 1 : 0);
}

static guint32 *focus_of(ViewerModel *m)
{
	return &m->focus[root_of(m)];
}

static guint32 path_below(ViewerModel *m, guint32 parent,
			  const CalltreeItem *item)
{
	const ViewerPathStep step = {
		.name = profile_text(m->profile, item->name),
		.module = profile_text(m->profile, item->module),
		.file = profile_text(m->profile, item->file),
		.line = item->line,
	};

	return viewer_paths_child(m->paths, parent, &step);
}

static guint32 path_of(ViewerModel *m, const CalltreeNode *node)
{
	g_autoptr(GPtrArray) chain = g_ptr_array_new();
	guint32 path = root_of(m);
	guint i;

	for (; node->parent; node = node->parent)
		g_ptr_array_add(chain, (gpointer)node);
	for (i = chain->len; i-- > 0;)
		path = path_below(m, path,
				  calltree_item(m->tree, chain->pdata[i]));
	return path;
}

static gboolean is_expanded(const ViewerModel *m, guint32 path)
{
	return g_hash_table_contains(m->expanded, GUINT_TO_POINTER(path));
}

static void set_expanded(ViewerModel *m, guint32 path, gboolean expanded)
{
	if (expanded)
		g_hash_table_add(m->expanded, GUINT_TO_POINTER(path));
	else
		g_hash_table_remove(m->expanded, GUINT_TO_POINTER(path));
	m->stale = TRUE;
}

/* --- order ------------------------------------------------------------------- */

/* What both kinds of rows are compared by. */
typedef struct {
	gint64 own, deep;
	const CalltreeItem *item;
} Weight;

static const char *place_text(const ViewerModel *m, const CalltreeItem *item)
{
	return profile_text(m->profile, calltree_place(m->tree, item));
}

static gint compare_names(const ViewerModel *m, const Weight *a,
			  const Weight *b)
{
	gint by_name = strcmp(profile_text(m->profile, a->item->name),
			      profile_text(m->profile, b->item->name));

	return by_name ? by_name
		       : strcmp(place_text(m, a->item), place_text(m, b->item));
}

static gint compare(const ViewerModel *m, const Weight *a, const Weight *b)
{
	gint64 x = m->order == VIEWER_BY_OWN ? a->own : a->deep;
	gint64 y = m->order == VIEWER_BY_OWN ? b->own : b->deep;
	gint result = 0;

	if (m->order != VIEWER_BY_FUNCTION && x != y)
		result = x > y ? -1 : 1;
	else if (m->order == VIEWER_BY_OWN && a->deep != b->deep)
		result = a->deep > b->deep ? -1 : 1;
	if (result == 0)
		result = compare_names(m, a, b);
	return m->reverse ? -result : result;
}

static gint compare_nodes(gconstpointer a, gconstpointer b, gpointer data)
{
	const ViewerModel *m = data;
	const CalltreeNode *x = *(CalltreeNode *const *)a;
	const CalltreeNode *y = *(CalltreeNode *const *)b;
	const Weight first = { x->self, x->total, calltree_item(m->tree, x) };
	const Weight second = { y->self, y->total,
				calltree_item(m->tree, y) };

	return compare(m, &first, &second);
}

static gint compare_items(gconstpointer a, gconstpointer b, gpointer data)
{
	const CalltreeItem *x = *(CalltreeItem *const *)a;
	const CalltreeItem *y = *(CalltreeItem *const *)b;
	const Weight first = { x->self, x->total, x };
	const Weight second = { y->self, y->total, y };

	return compare(data, &first, &second);
}

/* Into an empty array, in order. */
static void sorted_children(const ViewerModel *m, const CalltreeNode *node,
			    GPtrArray *to)
{
	const CalltreeNode *child;

	g_ptr_array_set_size(to, 0);
	for (child = node->child; child; child = child->sibling)
		g_ptr_array_add(to, (gpointer)child);
	g_ptr_array_sort_with_data(to, compare_nodes, (gpointer)m);
}

static const CalltreeNode *first_child(const ViewerModel *m,
				       const CalltreeNode *node)
{
	const CalltreeNode *best = node->child, *child;

	for (child = best; child; child = child->sibling)
		if (compare_nodes(&child, &best, (gpointer)m) < 0)
			best = child;
	return best;
}

/* --- rows -------------------------------------------------------------------- */

/* A node whose row is still to be made. */
typedef struct {
	const CalltreeNode *node;
	guint32 parent;			/* path */
	guint depth;
} Pending;

static void push_children(const ViewerModel *m, const CalltreeNode *node,
			  guint32 path, guint depth, GArray *stack,
			  GPtrArray *scratch)
{
	guint i;

	sorted_children(m, node, scratch);
	for (i = scratch->len; i-- > 0;) {
		Pending p = { scratch->pdata[i], path, depth };

		g_array_append_val(stack, p);
	}
}

static double base_of_node(const ViewerModel *m, const CalltreeNode *node)
{
	if (m->base == VIEWER_OF_PARENT)
		return (double)node->parent->total;
	return (double)m->tree->total + (double)m->tree->dropped;
}

static ViewerRow make_node_row(ViewerModel *m, const Pending *p)
{
	const CalltreeNode *n = p->node;
	ViewerRow row = {
		.node = n, .item = calltree_item(m->tree, n),
		.depth = p->depth, .has_children = n->child != NULL,
		.own = (double)n->self, .deep = (double)n->total,
		.own_count = (double)n->self_count,
		.deep_count = (double)n->total_count,
		.base = base_of_node(m, n),
	};

	row.path = path_below(m, p->parent, row.item);
	row.expanded = row.has_children && is_expanded(m, row.path);
	return row;
}

/* Without recursion: trees are as deep as the program's stacks. */
static void make_tree_rows(ViewerModel *m)
{
	g_autoptr(GArray) stack = g_array_new(FALSE, FALSE, sizeof(Pending));
	g_autoptr(GPtrArray) scratch = g_ptr_array_new();

	push_children(m, &m->tree->root, root_of(m), 0, stack, scratch);
	while (stack->len > 0) {
		Pending p = g_array_index(stack, Pending, stack->len - 1);
		ViewerRow row = make_node_row(m, &p);

		g_array_set_size(stack, stack->len - 1);
		g_array_append_val(m->rows, row);
		if (row.expanded)
			push_children(m, p.node, row.path, p.depth + 1, stack,
				      scratch);
	}
}

static void make_flat_rows(ViewerModel *m)
{
	g_autoptr(GPtrArray) items = g_ptr_array_new();
	guint i;

	for (i = 0; i < m->tree->items->len; i++)
		g_ptr_array_add(items, &g_array_index(m->tree->items,
						      CalltreeItem, i));
	g_ptr_array_sort_with_data(items, compare_items, m);
	for (i = 0; i < items->len; i++) {
		const CalltreeItem *item = items->pdata[i];
		ViewerRow row = {
			.item = item, .path = path_below(m, root_of(m), item),
			.own = (double)item->self,
			.deep = (double)item->total,
			.own_count = (double)item->self_count,
			.deep_count = (double)item->total_count,
			.base = (double)m->tree->total + (double)m->tree->dropped,
		};

		g_array_append_val(m->rows, row);
	}
}

const GArray *viewer_model_rows(ViewerModel *m)
{
	if (!m->stale)
		return m->rows;
	m->stale = FALSE;
	g_array_set_size(m->rows, 0);
	if (!m->tree)
		return m->rows;
	if (m->layout == VIEWER_FLAT)
		make_flat_rows(m);
	else
		make_tree_rows(m);
	return m->rows;
}

static const ViewerRow *row_at(ViewerModel *m, guint index)
{
	const GArray *rows = viewer_model_rows(m);

	return index < rows->len ? &g_array_index(rows, ViewerRow, index)
				 : NULL;
}

static guint find_path(ViewerModel *m, guint32 path)
{
	const GArray *rows = viewer_model_rows(m);
	guint i;

	for (i = 0; i < rows->len; i++)
		if (g_array_index(rows, ViewerRow, i).path == path)
			return i;
	return VIEWER_NO_ROW;
}

/* Where the row has gone, its nearest ancestor takes its place meanwhile. */
guint viewer_model_focus(ViewerModel *m)
{
	guint32 path = *focus_of(m), root = root_of(m);
	guint row = VIEWER_NO_ROW;

	while (path != root && row == VIEWER_NO_ROW) {
		row = find_path(m, path);
		path = viewer_paths_parent(m->paths, path);
	}
	return row;
}

static const ViewerRow *focused_row(ViewerModel *m)
{
	return row_at(m, viewer_model_focus(m));
}

/* --- the tree ---------------------------------------------------------------- */

static void rebuild(ViewerModel *m)
{
	CalltreeOptions o;

	g_clear_pointer(&m->tree, calltree_free);
	m->stale = TRUE;
	if (!m->profile)
		return;
	o = *m->options;
	o.flat = m->layout == VIEWER_FLAT;
	o.inverted = m->layout == VIEWER_CALLERS;
	o.threads = m->threads;
	if (o.flat && m->threads)
		o.by = CALLTREE_BY_THREAD;
	m->tree = calltree_new(m->profile, &o);
}

void viewer_model_update(ViewerModel *m, Profile *p,
			 const CalltreeOptions *options)
{
	m->profile = p;
	m->options = options;
	rebuild(m);
}

const Calltree *viewer_model_tree(const ViewerModel *m)
{
	return m->tree;
}

void viewer_model_set_layout(ViewerModel *m, ViewerLayout layout)
{
	m->layout = layout;
	rebuild(m);
}

ViewerLayout viewer_model_layout(const ViewerModel *m)
{
	return m->layout;
}

void viewer_model_set_threads(ViewerModel *m, gboolean threads)
{
	m->threads = threads;
	rebuild(m);
}

gboolean viewer_model_threads(const ViewerModel *m)
{
	return m->threads;
}

void viewer_model_set_base(ViewerModel *m, ViewerBase base)
{
	m->base = base;
	m->stale = TRUE;
}

ViewerBase viewer_model_base(const ViewerModel *m)
{
	return m->base;
}

void viewer_model_set_order(ViewerModel *m, ViewerOrder order,
			    gboolean reverse)
{
	m->order = order;
	m->reverse = reverse;
	m->stale = TRUE;
}

ViewerOrder viewer_model_order(const ViewerModel *m)
{
	return m->order;
}

gboolean viewer_model_reverse(const ViewerModel *m)
{
	return m->reverse;
}

/* --- moving ------------------------------------------------------------------ */

void viewer_model_move_to(ViewerModel *m, guint row)
{
	const ViewerRow *r = row_at(m, row);

	if (r)
		*focus_of(m) = r->path;
}

/* From the root, down is the first row and up is nowhere. */
void viewer_model_move(ViewerModel *m, gint rows)
{
	gint64 at = viewer_model_focus(m);
	gint64 last = (gint64)viewer_model_rows(m)->len - 1;

	if (at == VIEWER_NO_ROW)
		at = -1;
	if (last >= 0 && (at >= 0 || rows > 0))
		viewer_model_move_to(m, (guint)CLAMP(at + rows, 0, last));
}

void viewer_model_expand(ViewerModel *m)
{
	const ViewerRow *row = focused_row(m);

	if (!row || !row->has_children)
		return;
	if (row->expanded)
		viewer_model_move(m, 1);
	else
		set_expanded(m, row->path, TRUE);
}

void viewer_model_fold(ViewerModel *m)
{
	const ViewerRow *row = focused_row(m);

	if (!row || m->layout == VIEWER_FLAT)
		return;
	if (row->expanded)
		set_expanded(m, row->path, FALSE);
	else if (row->depth > 0)
		*focus_of(m) = viewer_paths_parent(m->paths, row->path);
}

void viewer_model_toggle(ViewerModel *m)
{
	const ViewerRow *row = focused_row(m);

	if (row && row->has_children)
		set_expanded(m, row->path, !row->expanded);
}

void viewer_model_hotspot(ViewerModel *m)
{
	const ViewerRow *row = focused_row(m);
	const CalltreeNode *node, *next;
	guint32 path;

	if (!m->tree || m->layout == VIEWER_FLAT)
		return;
	node = row && row->has_children ? row->node : &m->tree->root;
	path = row && row->has_children ? row->path : root_of(m);
	while ((next = first_child(m, node)) != NULL) {
		set_expanded(m, path, TRUE);
		path = path_below(m, path, calltree_item(m->tree, next));
		node = next;
	}
	*focus_of(m) = path;
}

void viewer_model_defocus(ViewerModel *m)
{
	*focus_of(m) = root_of(m);
}

/* --- searching --------------------------------------------------------------- */

static gboolean has_text(const ViewerModel *m, ProfileString s,
			 const char *folded)
{
	g_autofree char *text = g_utf8_casefold(profile_text(m->profile, s),
						-1);

	return strstr(text, folded) != NULL;
}

/* Which items match. */
static guint8 *match_items(const ViewerModel *m, const char *text)
{
	g_autofree char *folded = g_utf8_casefold(text, -1);
	guint8 *matches = g_new0(guint8, m->tree->items->len + 1);
	guint i;

	for (i = 0; i < m->tree->items->len; i++) {
		const CalltreeItem *item = &g_array_index(
			m->tree->items, CalltreeItem, i);

		matches[i] = has_text(m, item->name, folded) ||
			     has_text(m, calltree_place(m->tree, item), folded);
	}
	return matches;
}

/* Matching nodes in the order of a screen that shows all of them. */
typedef struct {
	const guint8 *matches;
	const CalltreeNode *focus;
	GPtrArray *found;
	guint before;			/* of them, those before the focus */
	gboolean is_past, focus_matches;
} Search;

static void look_at(Search *s, const CalltreeNode *node)
{
	if (node == s->focus) {
		s->is_past = TRUE;
		s->focus_matches = s->matches[node->item];
	}
	if (!s->matches[node->item])
		return;
	if (!s->is_past)
		s->before++;
	g_ptr_array_add(s->found, (gpointer)node);
}

static void search_tree(const ViewerModel *m, Search *s)
{
	g_autoptr(GArray) stack = g_array_new(FALSE, FALSE, sizeof(Pending));
	g_autoptr(GPtrArray) scratch = g_ptr_array_new();

	push_children(m, &m->tree->root, 0, 0, stack, scratch);
	while (stack->len > 0) {
		Pending p = g_array_index(stack, Pending, stack->len - 1);

		g_array_set_size(stack, stack->len - 1);
		look_at(s, p.node);
		push_children(m, p.node, 0, 0, stack, scratch);
	}
}

/* Which of `n` comes next, `before` of them lying before the focus. */
static guint choose(guint n, guint before, gboolean focus_matches,
		    gboolean backwards)
{
	if (backwards)
		return (before + n - 1) % n;
	return (before + (focus_matches ? 1 : 0)) % n;
}

static void show_node(ViewerModel *m, const CalltreeNode *node)
{
	guint32 path = path_of(m, node), root = root_of(m);

	*focus_of(m) = path;
	while ((path = viewer_paths_parent(m->paths, path)) != root)
		set_expanded(m, path, TRUE);
}

static guint search_nodes(ViewerModel *m, const guint8 *matches,
			  gboolean backwards)
{
	const ViewerRow *row = focused_row(m);
	g_autoptr(GPtrArray) found = g_ptr_array_new();
	Search s = { .matches = matches, .focus = row ? row->node : NULL,
		     .found = found, .is_past = row == NULL };

	search_tree(m, &s);
	if (found->len > 0)
		show_node(m, found->pdata[choose(found->len, s.before,
						 s.focus_matches,
						 backwards)]);
	return found->len;
}

static guint search_rows(ViewerModel *m, const guint8 *matches,
			 gboolean backwards)
{
	const GArray *rows = viewer_model_rows(m);
	guint focus = viewer_model_focus(m), i, before = 0;
	gboolean focus_matches = FALSE;
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(guint));

	for (i = 0; i < rows->len; i++) {
		const CalltreeItem *item = g_array_index(rows, ViewerRow,
							 i).item;

		if (!matches[item - &g_array_index(m->tree->items,
						   CalltreeItem, 0)])
			continue;
		g_array_append_val(found, i);
		focus_matches |= i == focus;
		before += focus != VIEWER_NO_ROW && i < focus;
	}
	if (found->len > 0)
		viewer_model_move_to(m, g_array_index(
			found, guint, choose(found->len, before,
					     focus_matches, backwards)));
	return found->len;
}

guint viewer_model_search(ViewerModel *m, const char *text,
			  gboolean backwards)
{
	g_autofree guint8 *matches = NULL;

	if (!m->tree || !text[0])
		return 0;
	matches = match_items(m, text);
	return m->layout == VIEWER_FLAT ? search_rows(m, matches, backwards)
					: search_nodes(m, matches, backwards);
}
