/* SPDX-License-Identifier: MIT */
/* idmap: see idmap.h. */
#include "tools/idmap.h"

#include "tools/numhash.h"

/* How far beyond twice the ids seen so far the dense part may reach. */
#define DENSE_SLACK 4096u

void idmap_init(Idmap *m)
{
	m->dense = g_array_new(FALSE, TRUE, sizeof(guint32));
	m->sparse = g_hash_table_new_full(numhash, g_int64_equal, g_free,
					  NULL);
}

void idmap_release(Idmap *m)
{
	g_array_free(m->dense, TRUE);
	g_hash_table_destroy(m->sparse);
}

gsize idmap_memory(const Idmap *m)
{
	/* a hashed entry: key, its allocation, three words of the table */
	return (gsize)m->dense->len * sizeof(guint32) +
	       (gsize)g_hash_table_size(m->sparse) * 64;
}

guint32 idmap_find(const Idmap *m, guint64 id)
{
	guint32 found = 0;

	if (id < m->dense->len)
		found = g_array_index(m->dense, guint32, id);
	if (found == 0 && g_hash_table_size(m->sparse) > 0)
		found = GPOINTER_TO_UINT(
			g_hash_table_lookup(m->sparse, &id));
	return found == 0 ? G_MAXUINT32 : found - 1;
}

void idmap_set(Idmap *m, guint64 id, guint32 index)
{
	if (id >= m->dense->len && id < 2 * (guint64)m->dense->len + DENSE_SLACK)
		g_array_set_size(m->dense, (guint)id + 1);
	if (id < m->dense->len)
		g_array_index(m->dense, guint32, id) = index + 1;
	else
		g_hash_table_replace(m->sparse, g_memdup2(&id, sizeof(id)),
				     GUINT_TO_POINTER(index + 1));
}
