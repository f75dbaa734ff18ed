/* SPDX-License-Identifier: MIT */
/* Locations are expanded once, into one array; samples only copy from it. */
#include "tools/export-frames.h"

#include <string.h>

#include "tools/symbols.h"

static guint function_hash(gconstpointer key)
{
	const ExportFunction *f = key;

	return (f->name * 31 + f->file) * 31 + f->module;
}

/* The start does not count: it differs where compilers disagree about it. */
static gboolean function_equal(gconstpointer a, gconstpointer b)
{
	const ExportFunction *x = a, *y = b;

	return x->name == y->name && x->file == y->file &&
	       x->module == y->module;
}

static guint frame_hash(gconstpointer key)
{
	const ExportFrame *f = key;

	return f->function * 31 + (guint)f->line;
}

static gboolean frame_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, sizeof(ExportFrame)) == 0;
}

static guint32 intern(GArray *all, GHashTable *index, gconstpointer item)
{
	gpointer known = g_hash_table_lookup(index, item);

	if (known)
		return GPOINTER_TO_UINT(known) - 1;
	g_array_append_vals(all, item, 1);
	g_hash_table_insert(index,
			    g_memdup2(item, g_array_get_element_size(all)),
			    GUINT_TO_POINTER(all->len));
	return all->len - 1;
}

static void expand(ExportFrames *f, const ExportFunction *function,
		   gint32 line)
{
	ExportFrame frame;
	guint32 index;

	memset(&frame, 0, sizeof(frame));
	frame.function = intern(f->functions, f->function_index, function);
	frame.line = line;
	index = intern(f->frames, f->frame_index, &frame);
	g_array_append_val(f->expanded, index);
}

static void expand_unknown(ExportFrames *f, const ProfileLocation *l,
			   ProfileString module)
{
	g_autofree char *name = symbols_unknown_function(f->profile, l);
	ExportFunction function = { 0 };

	function.name = profile_string(f->profile, name, -1);
	function.module = module;
	expand(f, &function, 0);
}

static void expand_line(ExportFrames *f, const ProfileLine *line,
			ProfileString module)
{
	const Profile *p = f->profile;
	ExportFunction function = { 0 };

	if (line->function < p->functions->len) {
		const ProfileFunction *from = profile_at(p->functions,
					ProfileFunction, line->function);

		function.name = from->name ? from->name : from->system_name;
		function.file = from->file;
		function.start_line = from->start_line;
	}
	if (!function.name)
		function.name = profile_string(f->profile, "?", -1);
	function.module = module;
	expand(f, &function, line->line);
}

static void location_expand(ExportFrames *f, const ProfileLocation *l)
{
	const Profile *p = f->profile;
	ProfileString module = 0;

	if (l->mapping < p->mappings->len)
		module = profile_at(p->mappings, ProfileMapping,
				    l->mapping)->path;
	if (l->line_count == 0)
		expand_unknown(f, l, module);
	for (guint i = l->line_count; i-- > 0;)
		expand_line(f, profile_at(p->lines, ProfileLine,
					  l->first_line + i), module);
}

ExportFrames *export_frames_new(Profile *p)
{
	ExportFrames *f = g_new0(ExportFrames, 1);

	f->profile = p;
	f->functions = g_array_new(FALSE, FALSE, sizeof(ExportFunction));
	f->frames = g_array_new(FALSE, FALSE, sizeof(ExportFrame));
	f->expanded = g_array_new(FALSE, FALSE, sizeof(guint32));
	f->first = g_new(guint32, p->locations->len + 1);
	f->function_index = g_hash_table_new_full(function_hash,
						  function_equal, g_free, NULL);
	f->frame_index = g_hash_table_new_full(frame_hash, frame_equal,
					       g_free, NULL);
	for (guint i = 0; i < p->locations->len; i++) {
		f->first[i] = f->expanded->len;
		location_expand(f, profile_at(p->locations, ProfileLocation,
					      i));
	}
	f->first[p->locations->len] = f->expanded->len;
	return f;
}

void export_frames_free(ExportFrames *f)
{
	if (!f)
		return;
	g_array_free(f->functions, TRUE);
	g_array_free(f->frames, TRUE);
	g_array_free(f->expanded, TRUE);
	g_free(f->first);
	g_hash_table_destroy(f->function_index);
	g_hash_table_destroy(f->frame_index);
	g_free(f);
}

void export_frames_stack(const ExportFrames *f, const ProfileSample *sample,
			 GArray *stack)
{
	g_array_set_size(stack, 0);
	for (guint32 i = sample->frame_count; i-- > 0;) {
		guint32 location = g_array_index(f->profile->frames, guint32,
						 sample->first_frame + i);
		guint32 first = f->first[location];

		g_array_append_vals(stack, &g_array_index(f->expanded, guint32,
							  first),
				    f->first[location + 1] - first);
	}
}
