/* SPDX-License-Identifier: MIT */
/* report: see report.h. Text; JSON is in report-json.c. */
#include "tools/report.h"

#include <math.h>
#include <string.h>

#include "tools/stats.h"
#include "tools/text.h"
#include "tools/timeline.h"

/* Deeper nodes of a tree are not indented further, but numbered: on a narrow
 * terminal earlier, as names need room beside the numbers. */
#define INDENT_MAX 40u
#define INDENT_MIN 8u
#define NUMBERS_WIDTH 40u

/* --- rows ---------------------------------------------------------------------- */

double report_whole(const Report *r)
{
	return (double)r->tree->total + (double)r->tree->dropped;
}

static const CalltreeItem *item_at(const Report *r, guint32 i)
{
	return &g_array_index(r->tree->items, CalltreeItem, i);
}

static gint compare_rows(gconstpointer a, gconstpointer b, gpointer data)
{
	const Report *r = data;
	guint32 i = *(const guint32 *)a, k = *(const guint32 *)b;
	const CalltreeItem *x = item_at(r, i), *y = item_at(r, k);
	int by_name = 0;

	if (r->sort == REPORT_BY_NAME)
		by_name = strcmp(profile_text(r->profile, x->name),
				 profile_text(r->profile, y->name));
	if (by_name != 0)
		return by_name;
	if (r->sort == REPORT_BY_SELF && x->self != y->self)
		return x->self > y->self ? -1 : 1;
	/* items are in order of total */
	return i < k ? -1 : i > k;
}

GArray *report_rows(const Report *r)
{
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(guint32));
	double least = r->min_percent / 100 * report_whole(r);
	guint32 i;

	for (i = 0; i < r->tree->items->len; i++) {
		const CalltreeItem *item = item_at(r, i);
		const char *name = profile_text(r->profile, item->name);

		if ((double)item->total < least)
			continue;
		if (r->filter && !g_regex_match(r->filter, name, 0, NULL))
			continue;
		g_array_append_val(rows, i);
	}
	g_array_sort_with_data(rows, compare_rows, (gpointer)(guintptr)r);
	return rows;
}

/* --- head ------------------------------------------------------------------------ */

static const char *unit_of(const Report *r)
{
	return profile_text(r->profile,
			    r->profile->type[r->options->type].unit);
}

#define PROGRAMS_NAMED 5	/* the others are counted */

/* The processes of one program, as "nginx (3 processes)" or "redis (42)". */
typedef struct {
	ProfileString program;
	guint count;
	gint32 pid;
} Program;

/* By how many processes they have, else as they come. */
static gint compare_programs(gconstpointer a, gconstpointer b)
{
	const Program *x = a, *y = b;

	return x->count != y->count ? (x->count > y->count ? -1 : 1) : 0;
}

static GArray *list_programs(const Profile *p)
{
	g_autoptr(GHashTable) rows = g_hash_table_new(NULL, NULL);
	GArray *programs = g_array_new(FALSE, FALSE, sizeof(Program));
	guint i;

	for (i = 0; i < p->processes->len; i++) {
		const ProfileProcess *process = profile_at(
			p->processes, ProfileProcess, i);
		gpointer key = GUINT_TO_POINTER(process->program), at;
		Program row = { process->program, 1, process->pid };

		if (g_hash_table_lookup_extended(rows, key, NULL, &at)) {
			g_array_index(programs, Program,
				      GPOINTER_TO_UINT(at)).count++;
			continue;
		}
		g_hash_table_insert(rows, key, GUINT_TO_POINTER(programs->len));
		g_array_append_val(programs, row);
	}
	g_array_sort(programs, compare_programs);
	return programs;
}

char *report_programs(const Profile *p)
{
	g_autoptr(GArray) programs = list_programs(p);
	GString *text = g_string_new(NULL);
	guint n = programs->len > PROGRAMS_NAMED ? PROGRAMS_NAMED - 1
						 : programs->len;
	guint i;

	for (i = 0; i < n; i++) {
		const Program *row = &g_array_index(programs, Program, i);

		g_string_append_printf(text, "%s%s", i ? ", " : "",
				       profile_text(p, row->program));
		if (row->count > 1)
			g_string_append_printf(text, " (%u processes)",
					       row->count);
		else if (row->pid != 0)
			g_string_append_printf(text, " (%d)", row->pid);
	}
	if (n < programs->len)
		g_string_append_printf(text, " and %u more programs",
				       programs->len - n);
	if (programs->len > 1)
		g_string_append_printf(text, ": %u processes",
				       p->processes->len);
	return g_string_free(text, FALSE);
}

static void print_process(const Profile *p, FILE *to)
{
	const ProfileProcess *first = profile_at(p->processes, ProfileProcess,
						 0);
	g_autofree char *host = text_escape(profile_text(p, first->host));
	g_autofree char *duration = text_time((double)p->duration_nanos);
	g_autofree char *programs = report_programs(p);
	g_autofree char *escaped = text_escape(programs);

	fputs(escaped, to);
	if (host[0])
		fprintf(to, " on %s", host);
	/* folded stacks, for one, know of no time */
	if (p->duration_nanos != 0)
		fprintf(to, ", %s", duration);
}

/* Times that were asked for. */
static void print_range(const CalltreeOptions *o, FILE *to)
{
	g_autofree char *from = text_time((double)o->from_ns);
	g_autofree char *until = text_time((double)o->to_ns);

	if (o->from_ns != 0)
		fprintf(to, " from %s", from);
	if (o->to_ns != 0)
		fprintf(to, " up to %s", until);
}

static void print_type(const Report *r, FILE *to)
{
	const Profile *p = r->profile;
	g_autofree char *type = text_escape(profile_text(
		p, p->type[r->options->type].type));
	g_autofree char *all = text_value(report_whole(r), unit_of(r));
	g_autofree char *shown = text_value((double)r->tree->total,
					    unit_of(r));

	fprintf(to, "; %s: %s", type, all);
	print_range(r->options, to);
	if (r->tree->dropped != 0)
		fprintf(to, ", of which %s are shown", shown);
	fputc('\n', to);
}

void report_print_head(const Report *r, FILE *to)
{
	if (r->profile->processes->len > 0)
		print_process(r->profile, to);
	print_type(r, to);
	health_print(r->health, to);
	fputc('\n', to);
}

/* --- flat ------------------------------------------------------------------------- */

static const struct {
	CalltreeBy by;
	const char *name, *place;
} titles[] = {
	{ CALLTREE_BY_FUNCTION, "function", "where" },
	{ CALLTREE_BY_LINE, "function", "line" },
	{ CALLTREE_BY_ADDRESS, "function", "address" },
	{ CALLTREE_BY_MODULE, "module", "path" },
	{ CALLTREE_BY_THREAD, "thread", "" },
	{ CALLTREE_BY_PROCESS, "process", "command" },
	{ CALLTREE_BY_LABEL, "label", "" },
};

char *report_share(const StatsShare *s)
{
	/* as many digits as the error bar leaves a meaning to */
	if (s->error < 0.0995e-2)
		return g_strdup_printf("%.2f ±%.2f", 100 * s->share,
				       100 * s->error);
	return g_strdup_printf("%.1f ±%.1f", 100 * s->share, 100 * s->error);
}

static void add_share(const Report *r, TextTable *t, gint64 value,
		      double square, gint64 exact)
{
	StatsShare s = calltree_share(r->tree, value, square, exact);

	text_table_cell(t, report_share(&s), text_share_color(s.share));
	text_table_cell(t, text_value((double)value, unit_of(r)), NULL);
}

static void add_row(const Report *r, TextTable *t, const CalltreeItem *item)
{
	const Profile *p = r->profile;

	add_share(r, t, item->self, item->self_square, item->self_exact);
	add_share(r, t, item->total, item->total_square, item->total_exact);
	text_table_cell(t, text_escape(profile_text(p, item->name)), NULL);
	text_table_cell(t, text_escape(profile_text(p, calltree_place(
		r->tree, item))), text_dim);
}

void report_print_flat(const Report *r, FILE *to)
{
	TextColumn columns[] = {
		{ "self %", TRUE, 0, 0 }, { "self", TRUE, 0, 1 },
		{ "total %", TRUE, 0, 0 }, { "total", TRUE, 0, 2 },
		{ titles[0].name, FALSE, 16, 0 },
		{ titles[0].place, FALSE, 15, 3 },
	};
	g_autoptr(GArray) rows = report_rows(r);
	g_autoptr(TextTable) t = text_table_new(columns,
						G_N_ELEMENTS(columns));
	guint n = r->limit ? MIN(r->limit, rows->len) : rows->len, i;

	for (i = 0; i < G_N_ELEMENTS(titles); i++)
		if (titles[i].by == r->options->by) {
			columns[4].title = titles[i].name;
			columns[5].title = titles[i].place;
		}
	for (i = 0; i < n; i++)
		add_row(r, t, item_at(r, g_array_index(rows, guint32, i)));
	text_table_print(t, to);
	if (rows->len == 0)
		fputs("(no name matches)\n", to);
	if (n < rows->len)
		fprintf(to, "(%u more; --limit 0 shows all)\n", rows->len - n);
}

/* --- tree ---------------------------------------------------------------------------- */

typedef struct {
	const Report *r;
	TextTable *table;
	double least;			/* smaller nodes are left out */
	guint indent;			/* at most */
	guint shown, small, cut;	/* small, cut: nodes not shown */
} TreePrinter;

static guint indent_max(guint width)
{
	if (width == 0)
		return INDENT_MAX;
	if (width < NUMBERS_WIDTH)
		return INDENT_MIN;
	return CLAMP((width - NUMBERS_WIDTH) / 5, INDENT_MIN, INDENT_MAX);
}

static char *indented(const TreePrinter *t, const CalltreeNode *node,
		      guint depth)
{
	const Report *r = t->r;
	g_autofree char *name = text_escape(profile_text(
		r->profile, calltree_item(r->tree, node)->name));

	if (depth > t->indent)
		return g_strdup_printf("%*s[%u] %s", (int)t->indent, "", depth,
				       name);
	return g_strdup_printf("%*s%s", (int)depth, "", name);
}

static void add_node(TreePrinter *t, const CalltreeNode *node, guint depth)
{
	const Report *r = t->r;
	const CalltreeItem *item = calltree_item(r->tree, node);
	StatsShare total = calltree_share(r->tree, node->total,
					  node->total_square,
					  node->total_exact);
	StatsShare self = calltree_share(r->tree, node->self,
					 node->self_square, node->self_exact);

	text_table_cell(t->table, report_share(&total),
			text_share_color(total.share));
	text_table_cell(t->table, text_value((double)node->total, unit_of(r)),
			NULL);
	text_table_cell(t->table, node->self != 0 ? report_share(&self)
						  : g_strdup(""), NULL);
	text_table_cell(t->table, indented(t, node, depth), NULL);
	text_table_cell(t->table, text_escape(profile_text(
		r->profile, calltree_place(r->tree, item))), text_dim);
	t->shown++;
}

/* Whether to go on below a node. */
static gboolean visit(TreePrinter *t, const CalltreeNode *node, guint depth)
{
	const Report *r = t->r;

	if (depth == 0 && r->filter &&
	    !g_regex_match(r->filter, profile_text(
		    r->profile, calltree_item(r->tree, node)->name), 0, NULL))
		return FALSE;
	if ((double)node->total < t->least) {
		t->small++;
		return FALSE;
	}
	if (r->limit > 0 && t->shown >= r->limit) {
		t->cut++;
		return FALSE;
	}
	add_node(t, node, depth);
	return TRUE;
}

/* Callees before siblings, without recursion: stacks are thousands deep. */
static void walk(TreePrinter *t)
{
	const CalltreeNode *node = t->r->tree->root.child;
	guint depth = 0;

	while (node) {
		if (visit(t, node, depth) && node->child) {
			node = node->child;
			depth++;
			continue;
		}
		while (node && !node->sibling) {
			node = node->parent;
			depth--;
		}
		if (node)
			node = node->sibling;
	}
}

void report_print_tree(const Report *r, FILE *to)
{
	static const TextColumn columns[] = {
		{ "total %", TRUE, 0, 0 }, { "total", TRUE, 0, 2 },
		{ "self %", TRUE, 0, 1 }, { "function", FALSE, 28, 0 },
		{ "where", FALSE, 15, 3 },
	};
	g_autoptr(TextTable) table = text_table_new(columns,
						    G_N_ELEMENTS(columns));
	TreePrinter t = {
		.r = r, .table = table,
		.least = r->min_percent / 100 * report_whole(r),
		.indent = indent_max(text_width(to)),
	};

	walk(&t);
	text_table_print(table, to);
	if (r->tree->folded > 0)
		fprintf(to, "(%" G_GUINT64_FORMAT " small branches are "
			PROFILE_SMALL_STACKS ": the tree would be too large)\n",
			r->tree->folded);
	if (t.cut > 0)
		fprintf(to, "(it ends here; --limit 0 shows the rest)\n");
	if (t.small > 0)
		fprintf(to, "(branches below %.4g %% are left out: %u; "
			"--min-percent 0 shows them)\n", r->min_percent,
			t.small);
}

/* --- timeline ------------------------------------------------------------------------- */

#define TIMELINE_ROWS 30
#define BAR_COLUMNS 20

static char *bar(double share)
{
	int n = (int)(CLAMP(share, 0, 1) * BAR_COLUMNS + 0.5);
	g_autofree char *full = g_strnfill((gsize)n, '#');
	g_autofree char *rest = g_strnfill((gsize)(BAR_COLUMNS - n), '.');

	return g_strconcat(full, rest, NULL);
}

/* How many CPUs were busy: only time divided by time says that. */
static char *busy(const Report *r, const TimelinePiece *piece)
{
	if (strcmp(unit_of(r), "nanoseconds") != 0)
		return g_strdup("");
	return g_strdup_printf("%.2f", (double)piece->value /
			       (double)(piece->to_ns - piece->from_ns));
}

static void add_piece(const Report *r, TextTable *t,
		      const TimelinePiece *piece, gint64 most)
{
	g_autofree char *name = text_escape(profile_text(r->profile,
							 piece->top));

	text_table_cell(t, text_time((double)piece->from_ns), NULL);
	text_table_cell(t, text_value((double)piece->value, unit_of(r)), NULL);
	text_table_cell(t, busy(r, piece), NULL);
	text_table_cell(t, bar(most > 0 ? (double)piece->value / (double)most
					: 0), text_dim);
	text_table_cell(t, piece->value <= 0 ? g_strdup("")
			: g_strdup_printf("%.0f", 100 * (double)piece->top_self
					  / (double)piece->value), NULL);
	text_table_cell(t, g_steal_pointer(&name), NULL);
}

void report_print_timeline(const Report *r, FILE *to)
{
	g_autofree char *type = text_escape(profile_text(
		r->profile, r->profile->type[r->options->type].type));
	const TextColumn columns[] = {
		{ "from", TRUE, 0, 0 }, { type, TRUE, 0, 3 },
		{ "CPUs", TRUE, 0, 2 }, { "", FALSE, 0, 1 },
		{ "%", TRUE, 0, 0 }, { "most of it in", FALSE, 14, 0 },
	};
	g_autoptr(TextTable) t = text_table_new(columns,
						G_N_ELEMENTS(columns));
	g_autoptr(GArray) pieces = timeline_new(r->profile, r->options,
						r->interval_ns,
						TIMELINE_ROWS);
	gint64 most = 0;
	guint i;

	for (i = 0; i < pieces->len; i++)
		most = MAX(most, g_array_index(pieces, TimelinePiece,
					       i).value);
	for (i = 0; i < pieces->len; i++)
		add_piece(r, t, &g_array_index(pieces, TimelinePiece, i),
			  most);
	text_table_print(t, to);
}

/* --- folded ---------------------------------------------------------------------------- */

typedef struct {
	const Report *r;
	FILE *to;
	GPtrArray *names;		/* of items, escaped */
} Folder;

/* A name in one word of the format: no ';' and no line end in it. */
static char *folded_name(const char *name)
{
	return g_strdelimit(text_escape(name), ";", ':');
}

static void print_stack(gpointer data, const guint32 *items, guint32 count,
			gint64 value)
{
	Folder *f = data;
	guint32 i;

	for (i = 0; i < count; i++)
		fprintf(f->to, "%s%s", i ? ";" : "",
			(const char *)f->names->pdata[items[i]]);
	fprintf(f->to, " %" G_GINT64_FORMAT "\n", value);
}

void report_print_folded(const Report *r, FILE *to)
{
	Folder f = { r, to, g_ptr_array_new_with_free_func(g_free) };
	guint i;

	for (i = 0; i < r->tree->items->len; i++)
		g_ptr_array_add(f.names, folded_name(profile_text(
			r->profile, item_at(r, i)->name)));
	calltree_stacks(r->tree, print_stack, &f);
	g_ptr_array_unref(f.names);
}
