/* SPDX-License-Identifier: MIT */
/*
 * Callgrind's format (valgrind's cl-format.html): cost of lines, and for each
 * call its inclusive cost. Samples do not count calls: where the format wants
 * a number of calls stands the number of stacks that the call was seen in.
 */
#include <string.h>

#include "tools/export-frames.h"
#include "tools/export-text.h"
#include "tools/export.h"
#include "tools/numhash.h"

/* A call, or with callee G_MAXUINT32 the line's own cost. */
struct cost {
	guint32 function, callee;	/* ExportFrames.functions */
	gint32 line;			/* in function */
	gint64 value;
	guint64 stacks;
};

#define OWN G_MAXUINT32

static gint cost_compare(gconstpointer a, gconstpointer b)
{
	const struct cost *x = a, *y = b;

	if (x->function != y->function)
		return x->function < y->function ? -1 : 1;
	/* Its own cost comes first. */
	if (x->callee != y->callee)
		return x->callee + 1 < y->callee + 1 ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

/* Recursion: the same call counts once in one stack. */
static guint costs_unique(GArray *costs)
{
	guint kept = 0;

	g_array_sort(costs, cost_compare);
	for (guint i = 0; i < costs->len; i++) {
		struct cost *c = &g_array_index(costs, struct cost, i);

		if (i == 0 || cost_compare(c, c - 1) != 0)
			g_array_index(costs, struct cost, kept++) = *c;
	}
	return kept;
}

static void stack_costs(const ExportFrames *f, const GArray *stack,
			gint64 value, GArray *costs)
{
	g_array_set_size(costs, 0);
	for (guint i = 0; i < stack->len; i++) {
		const ExportFrame *frame = &g_array_index(f->frames,
			ExportFrame, g_array_index(stack, guint32, i));
		struct cost c = { frame->function, OWN, frame->line, value, 1 };

		if (i + 1 < stack->len)
			c.callee = g_array_index(f->frames, ExportFrame,
				g_array_index(stack, guint32, i + 1)).function;
		g_array_append_val(costs, c);
	}
}

static guint cost_hash(gconstpointer key)
{
	const struct cost *c = key;
	guint64 call = (guint64)c->function << 32 | c->callee;
	guint64 line = (guint32)c->line;

	return numhash(&call) ^ numhash(&line);
}

static gboolean cost_equal(gconstpointer a, gconstpointer b)
{
	return cost_compare(a, b) == 0;
}

static void cost_add(GHashTable *all, const struct cost *c)
{
	struct cost *sum = g_hash_table_lookup(all, c);

	if (!sum) {
		g_hash_table_add(all, g_memdup2(c, sizeof(*c)));
		return;
	}
	profile_add(&sum->value, c->value);
	sum->stacks += c->stacks;
}

/* All costs (struct cost), by function, own ones first. */
static GArray *costs_collect(const ExportInput *in, const ExportFrames *f)
{
	const Profile *p = in->profile;
	g_autoptr(GHashTable) all = g_hash_table_new_full(cost_hash,
						cost_equal, g_free, NULL);
	g_autoptr(GArray) stack = g_array_new(FALSE, FALSE, sizeof(guint32));
	GArray *costs = g_array_new(FALSE, FALSE, sizeof(struct cost));
	GHashTableIter iter;
	gpointer key;

	for (guint i = 0; i < p->samples->len; i++) {
		const ProfileSample *s = profile_at(p->samples, ProfileSample,
						    i);
		guint count;

		export_frames_stack(f, s, stack);
		stack_costs(f, stack, s->value[in->type], costs);
		count = costs_unique(costs);
		for (guint k = 0; k < count; k++)
			cost_add(all, &g_array_index(costs, struct cost, k));
	}
	g_array_set_size(costs, 0);
	g_hash_table_iter_init(&iter, all);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		g_array_append_vals(costs, key, 1);
	g_array_sort(costs, cost_compare);
	return costs;
}

/* "fn=(3) name"; the name only the first time. */
static void name_write(ExportText *t, const Profile *p, GHashTable *seen,
		       const char *key, ProfileString name)
{
	gpointer id = GUINT_TO_POINTER(name + 1);

	g_string_append_printf(t->text, "%s=(%u)", key, name + 1);
	if (g_hash_table_add(seen, id)) {
		g_string_append_c(t->text, ' ');
		export_text_word(t, name ? profile_text(p, name) : "???", "",
				 ' ');
	}
	g_string_append_c(t->text, '\n');
}

struct writer {
	ExportText text;
	const Profile *profile;
	const ExportFrames *frames;
	GHashTable *objects, *files, *functions;	/* names written */
};

static void place_write(struct writer *w, guint32 function, const char *ob,
			const char *fl, const char *fn)
{
	const ExportFunction *f = &g_array_index(w->frames->functions,
						 ExportFunction, function);

	name_write(&w->text, w->profile, w->objects, ob, f->module);
	name_write(&w->text, w->profile, w->files, fl, f->file);
	name_write(&w->text, w->profile, w->functions, fn, f->name);
}

static void cost_write(struct writer *w, const struct cost *c)
{
	if (c->callee != OWN) {
		place_write(w, c->callee, "cob", "cfi", "cfn");
		g_string_append_printf(w->text.text,
			"calls=%" G_GUINT64_FORMAT " %d\n", c->stacks,
			g_array_index(w->frames->functions, ExportFunction,
				      c->callee).start_line);
	}
	g_string_append_printf(w->text.text, "%d %" G_GINT64_FORMAT "\n",
			       c->line, c->value);
	export_text_pump(&w->text);
}

static void header_write(ExportText *t, const ExportInput *in, gint64 total)
{
	const Profile *p = in->profile;
	const ProfileValueType *type = &p->type[in->type];

	g_string_append(t->text, "# callgrind format\nversion: 1\n"
			"creator: profagent\ncmd: ");
	export_text_word(t, in->title, "", ' ');
	g_string_append(t->text, "\npositions: line\nevents: ");
	export_text_word(t, profile_text(p, type->type), " :", '_');
	g_string_append_c(t->text, '_');
	export_text_word(t, profile_text(p, type->unit), " :", '_');
	g_string_append_printf(t->text, "\nsummary: %" G_GINT64_FORMAT "\n",
			       total);
}

static gint64 costs_total(const GArray *costs)
{
	gint64 total = 0;

	for (guint i = 0; i < costs->len; i++)
		if (g_array_index(costs, struct cost, i).callee == OWN)
			profile_add(&total, g_array_index(
				costs, struct cost, i).value);
	return total;
}

gboolean export_callgrind(const ExportInput *in, GOutputStream *to,
			  GError **error)
{
	g_autoptr(ExportFrames) f = export_frames_new(in->profile);
	g_autoptr(GArray) costs = costs_collect(in, f);
	struct writer w = { .profile = in->profile, .frames = f };
	guint32 function = OWN;

	w.objects = g_hash_table_new(NULL, NULL);
	w.files = g_hash_table_new(NULL, NULL);
	w.functions = g_hash_table_new(NULL, NULL);
	export_text_init(&w.text, to);
	header_write(&w.text, in, costs_total(costs));
	for (guint i = 0; i < costs->len; i++) {
		const struct cost *c = &g_array_index(costs, struct cost, i);

		if (c->function != function) {
			function = c->function;
			g_string_append_c(w.text.text, '\n');
			place_write(&w, function, "ob", "fl", "fn");
		}
		cost_write(&w, c);
	}
	g_hash_table_destroy(w.objects);
	g_hash_table_destroy(w.files);
	g_hash_table_destroy(w.functions);
	return export_text_finish(&w.text, error);
}
