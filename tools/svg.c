/* SPDX-License-Identifier: MIT */
/*
 * svg: see svg.h. Two walks over the tree: one finds how many rows have a box
 * that can be seen, one draws.
 */
#include "tools/svg.h"

#include <string.h>

#include "tools/compare.h"
#include "tools/stats.h"
#include "tools/text.h"
#include "tools/texthash.h"

#define ROW 18.0		/* px from row to row */
#define MARGIN 12.0
#define HEAD 46.0		/* for title and total */
#define FOOT 30.0		/* for the legend */
#define NARROWEST 0.5		/* px; what is less is not drawn */
#define TEXT_FROM 24.0		/* px a box needs before it has a name */
#define CHAR 6.65		/* px of a character: 11 px monospace */

/* Of modules by weight, the heaviest first; the last is for all the rest. */
static const char *const fills[] = {
	"#edc58d", "#a9d0fa", "#9fdcb4", "#e7bce2", "#d6d08a", "#8fdbdf",
	"#f7bab1", "#c9c3f8", "#dcdcd8",
};
#define REST (G_N_ELEMENTS(fills) - 1)

typedef struct {
	const Calltree *tree;
	const SvgOptions *options;
	GString *out;
	GHashTable *rank;	/* module, a ProfileString -> place + 1 */
	GHashTable *was;	/* node -> the same one before; or NULL */
	double gone;		/* share of before in stacks that are gone */
	double scale;		/* px for each unit of value */
	guint rows;
	double height;		/* of the whole picture, px */
} Picture;

/* --- colours -------------------------------------------------------------- */

typedef struct {
	ProfileString module;
	double weight;
} Module;

static gint compare_modules(gconstpointer a, gconstpointer b)
{
	const Module *x = a, *y = b;

	return (x->weight < y->weight) - (x->weight > y->weight);
}

/* Modules ordered by the totals of their functions. */
static GArray *weigh_modules(const Calltree *tree)
{
	GArray *modules = g_array_new(FALSE, FALSE, sizeof(Module));
	g_autoptr(GHashTable) index = g_hash_table_new(NULL, NULL);

	for (guint i = 0; i < tree->items->len; i++) {
		const CalltreeItem *item = profile_at(tree->items,
						      CalltreeItem, i);
		gpointer key = GUINT_TO_POINTER(item->module);
		guint at = GPOINTER_TO_UINT(g_hash_table_lookup(index, key));

		if (item->module == 0)
			continue;
		if (at == 0) {
			Module fresh = { item->module, 0 };

			g_array_append_val(modules, fresh);
			at = modules->len;
			g_hash_table_insert(index, key, GUINT_TO_POINTER(at));
		}
		g_array_index(modules, Module, at - 1).weight +=
			(double)item->total;
	}
	g_array_sort(modules, compare_modules);
	return modules;
}

static const char *module_fill(const Picture *p, ProfileString module)
{
	guint place = GPOINTER_TO_UINT(
		g_hash_table_lookup(p->rank, GUINT_TO_POINTER(module)));

	return fills[place == 0 ? REST : MIN(place - 1, REST)];
}

/* --- what was before -------------------------------------------------------- */

/* Preorder over all nodes; NULL behind the last. */
static const CalltreeNode *node_after(const CalltreeNode *node)
{
	if (node->child)
		return node->child;
	while (node->parent && !node->sibling)
		node = node->parent;
	return node->sibling;
}

/* Names are of different pools: they are compared in that of the picture. */
static ProfileString name_in(Profile *pool, const Calltree *t,
			     const CalltreeNode *node)
{
	return profile_string(pool, profile_text(t->profile,
				calltree_item(t, node)->name), -1);
}

/* "parent, name" of a node before -> that node. */
static char *node_key(const CalltreeNode *parent, ProfileString name)
{
	return g_strdup_printf("%p %u", (const void *)parent, name);
}

static GHashTable *index_nodes(const Calltree *t, Profile *pool)
{
	GHashTable *index = g_hash_table_new_full(texthash, g_str_equal,
						  g_free, NULL);
	const CalltreeNode *node = node_after(&t->root);

	for (; node; node = node_after(node))
		g_hash_table_insert(index, node_key(node->parent,
						    name_in(pool, t, node)),
				    (gpointer)(guintptr)node);
	return index;
}

/* Pairs the nodes of both trees from their roots on, by name. */
static void pair_nodes(Picture *p)
{
	const Calltree *before = p->options->before, *tree = p->tree;
	g_autoptr(GHashTable) index = index_nodes(before, tree->profile);
	const CalltreeNode *node = node_after(&tree->root);
	double kept = 0;

	p->was = g_hash_table_new(NULL, NULL);
	g_hash_table_insert(p->was, (gpointer)(guintptr)&tree->root,
			    (gpointer)(guintptr)&before->root);
	for (; node; node = node_after(node)) {
		const CalltreeNode *parent = g_hash_table_lookup(
			p->was, node->parent);
		g_autofree char *key = node_key(parent, name_in(
			tree->profile, tree, node));
		CalltreeNode *same = parent ? g_hash_table_lookup(index, key)
					    : NULL;

		if (!same)
			continue;
		g_hash_table_insert(p->was, (gpointer)(guintptr)node, same);
		kept += (double)same->self;
	}
	if (before->root.total > 0)
		p->gone = 1 - kept / (double)before->root.total;
}

static StatsShare share_in(const Calltree *t, const CalltreeNode *node)
{
	if (!node)
		return calltree_share(t, 0, 0, 0);
	return calltree_share(t, node->total, node->total_square,
			      node->total_exact);
}

typedef struct {
	StatsShare before, after;
	double low, high;		/* of the change, 95 % */
} Change;

static Change change_of(const Picture *p, const CalltreeNode *node)
{
	Change c = { share_in(p->options->before,
			      g_hash_table_lookup(p->was, node)),
		     share_in(p->tree, node), 0, 0 };

	compare_interval(&c.before, &c.after, &c.low, &c.high);
	return c;
}

/* More is red, less is blue, the stronger the larger; from the colour of none. */
static char *change_fill(const Change *c)
{
	static const guint8 none[3] = { 0xe4, 0xe4, 0xe0 };
	static const guint8 ends[2][3] = { { 0xd9, 0x4f, 0x3d },
					   { 0x3d, 0x79, 0xd9 } };
	double change = c->after.share - c->before.share;
	double most = MAX(c->after.share, c->before.share);
	const guint8 *end = ends[change < 0];
	double t = 0;
	guint rgb[3];

	/* relative to the box, not to the program: small ones count as well */
	if (most > 0 && (c->low > 0 || c->high < 0))
		t = 0.3 + 0.7 * MIN(ABS(change) / most, 1);
	for (guint i = 0; i < 3; i++)
		rgb[i] = (guint)(none[i] + t * (end[i] - none[i]) + 0.5);
	return g_strdup_printf("#%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
}

/* --- text ----------------------------------------------------------------- */

/* XML has no way to write most control characters at all; marks of direction
 * would move the text around them. */
static void append_text(GString *out, const char *s)
{
	g_autofree char *valid = g_utf8_make_valid(s, -1);
	g_autoptr(GString) plain = g_string_new(NULL);
	g_autofree char *escaped = NULL;

	for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		if (c == 0xfffe || c == 0xffff || text_is_unsafe(c))
			c = 0xfffd;
		g_string_append_unichar(plain, c);
	}
	escaped = g_markup_escape_text(plain->str, (gssize)plain->len);
	g_string_append(out, escaped);
}

/* A coordinate, always with a point whatever the locale. */
static void append_px(GString *out, const char *name, double x)
{
	char digits[G_ASCII_DTOSTR_BUF_SIZE];

	g_string_append_printf(out, " %s=\"%s\"", name,
		g_ascii_formatd(digits, sizeof(digits), "%.1f", x));
}

static guint char_columns(gunichar c)
{
	return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

/* Bytes of `s` that fit into `room` columns. */
static gsize fitting_bytes(const char *s, guint room)
{
	const char *at = s;
	guint used = 0;

	while (*at) {
		used += char_columns(g_utf8_get_char(at));
		if (used > room)
			break;
		at = g_utf8_next_char(at);
	}
	return (gsize)(at - s);
}

/*
 * What is behind the last :: of a name: of those in brackets, as in the
 * arguments of a template or in Rust's "<T as a::Trait>::f", none is the last.
 */
static const char *last_part(const char *name)
{
	const char *last = name;
	guint depth = 0;

	for (const char *at = name; *at; at++) {
		if (*at == '<' || *at == '(')
			depth++;
		else if (depth > 0 && (*at == ')' ||
				       (*at == '>' && at[-1] != '-')))
			depth--;
		else if (depth == 0 && at[0] == ':' && at[1] == ':' && at[2])
			last = at + 2;
	}
	return last;
}

/* The whole name, or its last part, or a beginning of that. */
static char *box_label(const char *name, guint room)
{
	const char *last = last_part(name);

	if (fitting_bytes(name, room) == strlen(name))
		return g_strdup(name);
	if (fitting_bytes(last, room) == strlen(last))
		return g_strdup(last);
	if (room < 3)
		return NULL;
	return g_strdup_printf("%.*s…", (int)fitting_bytes(last, room - 1),
			       last);
}

static void append_title(Picture *p, const char *name,
			 const CalltreeNode *node)
{
	StatsShare share = calltree_share(p->tree, node->total,
					  node->total_square,
					  node->total_exact);
	g_autofree char *figure = text_value((double)node->total,
					     p->options->unit);
	g_autofree char *numbers = NULL;

	if (p->was) {
		Change c = change_of(p, node);

		numbers = g_strdup_printf(
			"%s, %.2f %%, before %.2f %%: %+.2f (95 %%: %+.2f to "
			"%+.2f)", figure, 100 * c.after.share,
			100 * c.before.share,
			100 * (c.after.share - c.before.share), 100 * c.low,
			100 * c.high);
	} else {
		numbers = g_strdup_printf(
			"%s, %.2f %% (95 %%: %.2f to %.2f)", figure,
			100 * share.share, 100 * share.low, 100 * share.high);
	}
	g_string_append(p->out, "<title>");
	append_text(p->out, name);
	g_string_append(p->out, "\n");
	append_text(p->out, numbers);
	g_string_append(p->out, "</title>");
}

/* --- boxes ---------------------------------------------------------------- */

static double row_top(const Picture *p, guint row)
{
	if (p->options->icicle)
		return HEAD + row * ROW;
	return p->height - FOOT - (row + 1) * ROW;
}

static void draw_box(Picture *p, const char *name, const char *fill,
		     const CalltreeNode *node, double x, guint row)
{
	double width = (double)node->total * p->scale;
	double top = row_top(p, row);
	g_autofree char *label = width < TEXT_FROM ? NULL :
		box_label(name, (guint)((width - 7) / CHAR));

	g_string_append(p->out, "<g>");
	append_title(p, name, node);
	g_string_append(p->out, "<rect");
	append_px(p->out, "x", x);
	append_px(p->out, "y", top);
	append_px(p->out, "width", width > 3 ? width - 0.8 : width);
	append_px(p->out, "height", ROW - 1);
	g_string_append_printf(p->out, " fill=\"%s\"/>", fill);
	if (label) {
		g_string_append(p->out, "<text");
		append_px(p->out, "x", x + 4);
		append_px(p->out, "y", top + 12.5);
		g_string_append_c(p->out, '>');
		append_text(p->out, label);
		g_string_append(p->out, "</text>");
	}
	g_string_append(p->out, "</g>\n");
}

static void draw_node(Picture *p, const CalltreeNode *node, double x,
		      guint row)
{
	const CalltreeItem *item = calltree_item(p->tree, node);
	const Profile *profile = p->tree->profile;
	g_autofree char *changed = NULL;

	if (p->was) {
		Change c = change_of(p, node);

		changed = change_fill(&c);
	}
	draw_box(p, profile_text(profile, item->name),
		 changed ? changed : module_fill(p, item->module), node, x,
		 row);
}

typedef void (*Visit)(Picture *p, const CalltreeNode *node, double x,
		      guint row);

/* The next node of a walk that leaves out what `down` says is not entered. */
static const CalltreeNode *next_node(const CalltreeNode *node, gboolean down,
				     guint *row)
{
	if (down && node->child) {
		++*row;
		return node->child;
	}
	while (node && !node->sibling) {
		node = node->parent;
		--*row;
	}
	return node ? node->sibling : NULL;
}

/*
 * Every node below the root that can be seen, parents first, the left edge of
 * each: stacks are too deep for a function that calls itself.
 */
static void walk(Picture *p, Visit visit)
{
	g_autoptr(GArray) edge = g_array_new(FALSE, FALSE, sizeof(double));
	const CalltreeNode *node = p->tree->root.child;
	guint row = 1;
	double x = MARGIN;

	g_array_set_size(edge, 2);
	g_array_index(edge, double, 0) = g_array_index(edge, double, 1) = x;
	while (node && node != &p->tree->root) {
		double width = (double)node->total * p->scale;
		gboolean seen = width >= NARROWEST;

		x = g_array_index(edge, double, row);
		g_array_index(edge, double, row) = x + width;
		if (seen)
			visit(p, node, x, row);
		node = next_node(node, seen, &row);
		if (edge->len <= row)
			g_array_set_size(edge, row + 1);
		if (seen && node && node->parent && row > 0 &&
		    node == node->parent->child)
			g_array_index(edge, double, row) = x;
	}
}

static void measure(Picture *p, const CalltreeNode *node, double x, guint row)
{
	(void)node;
	(void)x;
	p->rows = MAX(p->rows, row + 1);
}

/* --- around the boxes ----------------------------------------------------- */

static void begin(Picture *p)
{
	g_string_append_printf(p->out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" "
		"height=\"%.0f\" viewBox=\"0 0 %u %.0f\" role=\"img\">\n",
		p->options->width, p->height, p->options->width, p->height);
	g_string_append(p->out, "<title>");
	append_text(p->out, p->options->title);
	g_string_append(p->out, "</title>\n<style>"
		"text{font:11px ui-monospace,Menlo,Consolas,"
		"'DejaVu Sans Mono',monospace;fill:#1b1d22}"
		".head{font:600 15px system-ui,'Segoe UI',Roboto,"
		"'DejaVu Sans',sans-serif}"
		".note{font:12px system-ui,'Segoe UI',Roboto,"
		"'DejaVu Sans',sans-serif;fill:#6a6d76}</style>\n"
		"<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
}

static void draw_words(Picture *p, const char *class, double x, double y,
		       const char *words)
{
	g_string_append_printf(p->out, "<text class=\"%s\"", class);
	append_px(p->out, "x", x);
	append_px(p->out, "y", y);
	g_string_append_c(p->out, '>');
	append_text(p->out, words);
	g_string_append(p->out, "</text>\n");
}

static void draw_head(Picture *p)
{
	const CalltreeNode *root = &p->tree->root;
	g_autofree char *figure = text_value((double)root->total,
					     p->options->unit);
	g_autofree char *note = g_strdup_printf(
		"%s in %" G_GUINT64_FORMAT " samples", figure,
		root->total_count);

	draw_words(p, "head", MARGIN, 20, p->options->title);
	draw_words(p, "note", MARGIN, 37, note);
}

/* What the colours stand for, as many as fit. */
static void draw_legend(Picture *p, const GArray *modules)
{
	double x = MARGIN, y = p->height - 10;

	for (guint i = 0; i < MIN(modules->len, REST); i++) {
		const char *path = profile_text(p->tree->profile,
			g_array_index(modules, Module, i).module);
		g_autofree char *name = g_path_get_basename(path);
		double width = 26 + 7.2 * (double)g_utf8_strlen(name, -1);

		if (x + width > p->options->width - MARGIN)
			break;
		g_string_append(p->out, "<rect");
		append_px(p->out, "x", x);
		append_px(p->out, "y", y - 10);
		g_string_append_printf(p->out, " width=\"11\" height=\"11\" "
				       "rx=\"2\" fill=\"%s\"/>", fills[i]);
		draw_words(p, "note", x + 16, y, name);
		x += width;
	}
}

static void draw_diff_legend(Picture *p)
{
	g_autofree char *words = g_strdup_printf(
		"red: a larger share than before; blue: a smaller one; grey: "
		"may be chance; %.1f %% of before is in stacks that are gone",
		100 * p->gone);

	draw_words(p, "note", MARGIN, p->height - 10, words);
}

static void rank_modules(Picture *p, const GArray *modules)
{
	for (guint i = 0; i < modules->len; i++)
		g_hash_table_insert(p->rank,
			GUINT_TO_POINTER(g_array_index(modules, Module,
						       i).module),
			GUINT_TO_POINTER(i + 1));
}

GString *svg_new(const Calltree *tree, const SvgOptions *options)
{
	g_autoptr(GArray) modules = weigh_modules(tree);
	g_autoptr(GHashTable) rank = g_hash_table_new(NULL, NULL);
	Picture p = { .tree = tree, .options = options, .rank = rank,
		      .out = g_string_new(NULL), .rows = 1 };

	if (tree->root.total > 0)
		p.scale = (options->width - 2 * MARGIN) /
			(double)tree->root.total;
	rank_modules(&p, modules);
	if (options->before)
		pair_nodes(&p);
	walk(&p, measure);
	p.height = HEAD + p.rows * ROW + FOOT;
	begin(&p);
	draw_head(&p);
	draw_box(&p, "all", fills[REST], &tree->root, MARGIN, 0);
	walk(&p, draw_node);
	if (p.was)
		draw_diff_legend(&p);
	else
		draw_legend(&p, modules);
	g_clear_pointer(&p.was, g_hash_table_unref);
	g_string_append(p.out, "</svg>\n");
	return p.out;
}
