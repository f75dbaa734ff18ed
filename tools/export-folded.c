/* SPDX-License-Identifier: MIT */
/* FlameGraph's format: "root;...;leaf value", each stack once, sorted. */
#include <string.h>

#include "tools/export-frames.h"
#include "tools/export-text.h"
#include "tools/export.h"
#include "tools/texthash.h"

static void stack_name(ExportText *t, const ExportFrames *f, const Profile *p,
		       const GArray *stack)
{
	for (guint i = 0; i < stack->len; i++) {
		const ExportFunction *function = export_frames_function(f,
				g_array_index(stack, guint32, i));

		if (i > 0)
			g_string_append_c(t->text, ';');
		export_text_word(t, profile_text(p, function->name), ";", ':');
	}
}

/* By text: stacks that differ in lines only become one. */
static GHashTable *stacks_merge(const ExportInput *in, const ExportFrames *f)
{
	GHashTable *stacks = g_hash_table_new_full(texthash, g_str_equal,
						   g_free, g_free);
	const Profile *p = in->profile;
	GArray *stack = g_array_new(FALSE, FALSE, sizeof(guint32));
	ExportText t = { .text = g_string_new(NULL) };

	for (guint i = 0; i < p->samples->len; i++) {
		const ProfileSample *s = profile_at(p->samples, ProfileSample,
						    i);
		gint64 *sum;

		if (s->value[in->type] == 0 || s->frame_count == 0)
			continue;
		export_frames_stack(f, s, stack);
		g_string_truncate(t.text, 0);
		stack_name(&t, f, p, stack);
		sum = g_hash_table_lookup(stacks, t.text->str);
		if (!sum) {
			sum = g_new0(gint64, 1);
			g_hash_table_insert(stacks, g_strdup(t.text->str),
					    sum);
		}
		profile_add(sum, s->value[in->type]);
	}
	g_string_free(t.text, TRUE);
	g_array_free(stack, TRUE);
	return stacks;
}

gboolean export_folded(const ExportInput *in, GOutputStream *to,
		       GError **error)
{
	g_autoptr(ExportFrames) f = export_frames_new(in->profile);
	g_autoptr(GHashTable) stacks = stacks_merge(in, f);
	g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(stacks),
					     (GCompareFunc)strcmp);
	ExportText t;

	export_text_init(&t, to);
	for (GList *l = names; l; l = l->next) {
		const gint64 *sum = g_hash_table_lookup(stacks, l->data);

		g_string_append_printf(t.text, "%s %" G_GINT64_FORMAT "\n",
				       (char *)l->data, *sum);
		export_text_pump(&t);
	}
	return export_text_finish(&t, error);
}
