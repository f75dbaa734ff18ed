/* SPDX-License-Identifier: MIT */
/* A hash table over the Profile's own array: what is known is found without a scan. */
#include "tools/profile-functions.h"

struct _ProfileFunctions {
	Profile *profile;
	GHashTable *index;		/* ProfileFunction *: index + 1 */
};

static guint function_hash(gconstpointer key)
{
	const ProfileFunction *f = key;
	guint h = f->name;

	h = h * 31 + f->system_name;
	h = h * 31 + f->file;
	return h * 31 + (guint)f->start_line;
}

static gboolean function_equal(gconstpointer a, gconstpointer b)
{
	const ProfileFunction *x = a, *y = b;

	return x->name == y->name && x->system_name == y->system_name &&
	       x->file == y->file && x->start_line == y->start_line;
}

static void index_add(ProfileFunctions *f, guint32 i)
{
	const ProfileFunction *function = profile_at(f->profile->functions,
						     ProfileFunction, i);

	g_hash_table_insert(f->index, g_memdup2(function, sizeof(*function)),
			    GUINT_TO_POINTER(i + 1));
}

ProfileFunctions *profile_functions_new(Profile *p)
{
	ProfileFunctions *f = g_new0(ProfileFunctions, 1);

	f->profile = p;
	f->index = g_hash_table_new_full(function_hash, function_equal,
					 g_free, NULL);
	for (guint i = 0; i < p->functions->len; i++)
		index_add(f, i);
	return f;
}

void profile_functions_free(ProfileFunctions *f)
{
	if (!f)
		return;
	g_hash_table_destroy(f->index);
	g_free(f);
}

guint32 profile_functions_add(ProfileFunctions *f,
			      const ProfileFunction *function)
{
	gpointer known = g_hash_table_lookup(f->index, function);

	if (known)
		return GPOINTER_TO_UINT(known) - 1;
	g_array_append_val(f->profile->functions, *function);
	index_add(f, f->profile->functions->len - 1);
	return f->profile->functions->len - 1;
}
