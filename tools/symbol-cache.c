/* SPDX-License-Identifier: MIT */
/*
 * The file is the arrays of SymbolNames as they lie in memory, so it is for
 * this machine's byte order; another one's has another magic number.
 *
 *	| header | stamp | text | functions | lines | addresses |
 */
#include "tools/symbol-cache.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <zlib.h>

/* Changes with SymbolNames, and with what resolving puts into it. */
#define CACHE_MAGIC G_GUINT64_CONSTANT(0x3630736d79736670)

#define CACHE_MAX_BYTES (256 * 1024 * 1024)

struct header {
	guint64 magic;
	guint32 crc;			/* of all that follows it */
	guint32 stamp_size;		/* with its NUL */
	guint32 text_size;
	guint32 functions, lines, addresses;
};

/* Where the checksum begins. */
#define CRC_FROM offsetof(struct header, stamp_size)

/* --- bytes --------------------------------------------------------------- */

static guint32 bytes_crc(const guint8 *data, gsize size)
{
	return crc32_z(crc32_z(0, NULL, 0), data + CRC_FROM, size - CRC_FROM);
}

static gsize array_bytes(const GArray *a)
{
	return (gsize)a->len * g_array_get_element_size((GArray *)a);
}

GByteArray *symbol_cache_encode(const char *stamp, const SymbolNames *n)
{
	const GArray *const parts[] = { n->text, n->functions, n->lines,
					n->addresses };
	gsize stamp_size = strlen(stamp) + 1;
	gsize size = sizeof(struct header) + stamp_size;
	struct header h = { 0 };
	GByteArray *bytes;

	h.magic = CACHE_MAGIC;
	h.stamp_size = stamp_size;
	h.text_size = n->text->len;
	h.functions = n->functions->len;
	h.lines = n->lines->len;
	h.addresses = n->addresses->len;
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
		size += array_bytes(parts[i]);
	bytes = g_byte_array_sized_new(size);
	g_byte_array_append(bytes, (const guint8 *)&h, sizeof(h));
	g_byte_array_append(bytes, (const guint8 *)stamp, stamp_size);
	for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
		g_byte_array_append(bytes, (const guint8 *)parts[i]->data,
				    array_bytes(parts[i]));
	h.crc = bytes_crc(bytes->data, bytes->len);
	memcpy(bytes->data, &h, sizeof(h));
	return bytes;
}

/* The sum cannot overflow: five 32-bit counts of small things. */
static gboolean header_fits(const struct header *h, gsize size)
{
	guint64 need = sizeof(*h);

	need += h->stamp_size;
	need += h->text_size;
	need += (guint64)h->functions * sizeof(SymbolFunction);
	need += (guint64)h->lines * sizeof(SymbolLine);
	need += (guint64)h->addresses * sizeof(SymbolAddress);
	return h->magic == CACHE_MAGIC && need == size && h->stamp_size > 0 &&
	       h->text_size > 0;
}

static gboolean functions_are_sane(const SymbolNames *n)
{
	for (guint i = 0; i < n->functions->len; i++) {
		const SymbolFunction *f = &g_array_index(n->functions,
						SymbolFunction, i);

		if (f->name >= n->text->len || f->file >= n->text->len ||
		    f->system_name >= n->text->len)
			return FALSE;
	}
	return TRUE;
}

/* A checksum says that nothing rotted, not that a sane program wrote it. */
static gboolean names_are_sane(const SymbolNames *n)
{
	guint64 before = 0;

	if (n->text->data[0] || n->text->data[n->text->len - 1])
		return FALSE;
	for (guint i = 0; i < n->lines->len; i++)
		if (g_array_index(n->lines, SymbolLine, i).function >=
		    n->functions->len)
			return FALSE;
	for (guint i = 0; i < n->addresses->len; i++) {
		const SymbolAddress *a = &g_array_index(n->addresses,
						SymbolAddress, i);

		if (a->first_line > n->lines->len ||
		    a->line_count > n->lines->len - a->first_line ||
		    (i > 0 && a->offset <= before))
			return FALSE;
		before = a->offset;
	}
	return functions_are_sane(n);
}

static const guint8 *array_get(GArray *to, const guint8 *from, guint32 count)
{
	g_array_append_vals(to, from, count);
	return from + (gsize)count * g_array_get_element_size(to);
}

SymbolNames *symbol_cache_decode(const guint8 *data, gsize size,
				 const char *stamp)
{
	g_autoptr(SymbolNames) n = NULL;
	const guint8 *at = data + sizeof(struct header);
	struct header h;

	if (size < sizeof(h))
		return NULL;
	memcpy(&h, data, sizeof(h));
	if (!header_fits(&h, size) || bytes_crc(data, size) != h.crc ||
	    at[h.stamp_size - 1] != 0 ||
	    (stamp && strcmp((const char *)at, stamp) != 0))
		return NULL;
	at += h.stamp_size;
	n = symbol_names_new();
	g_array_set_size(n->text, 0);
	at = array_get(n->text, at, h.text_size);
	at = array_get(n->functions, at, h.functions);
	at = array_get(n->lines, at, h.lines);
	array_get(n->addresses, at, h.addresses);
	return names_are_sane(n) ? g_steal_pointer(&n) : NULL;
}

/* --- files --------------------------------------------------------------- */

static char *cache_directory(void)
{
	return g_build_filename(g_get_user_cache_dir(), "profagent",
				"symbols", NULL);
}

/* NULL: not a build id; it comes from a file, so it is not trusted as a path. */
static char *cache_path(const char *build_id)
{
	g_autofree char *directory = cache_directory();
	gsize length = strlen(build_id);

	if (length < 8 || length > 128 ||
	    strspn(build_id, "0123456789abcdef") != length)
		return NULL;
	return g_build_filename(directory, build_id, NULL);
}

SymbolNames *symbol_cache_load(const char *build_id, const char *stamp)
{
	g_autofree char *path = cache_path(build_id);
	g_autoptr(GMappedFile) file = NULL;

	if (path)
		file = g_mapped_file_new(path, FALSE, NULL);
	if (!file)
		return NULL;
	return symbol_cache_decode((const guint8 *)
				   g_mapped_file_get_contents(file),
				   g_mapped_file_get_length(file), stamp);
}

struct cached {
	char *path;
	gint64 used;
	guint64 size;
};

static void cached_free(gpointer data)
{
	struct cached *c = data;

	g_free(c->path);
	g_free(c);
}

static gint cached_compare(gconstpointer a, gconstpointer b)
{
	const struct cached *x = *(struct cached *const *)a;
	const struct cached *y = *(struct cached *const *)b;

	return (x->used > y->used) - (x->used < y->used);
}

static GPtrArray *cached_list(const char *directory, guint64 *total)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(cached_free);
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	const char *name;

	*total = 0;
	while (dir && (name = g_dir_read_name(dir))) {
		char *path = g_build_filename(directory, name, NULL);
		struct cached *c = g_new0(struct cached, 1);
		GStatBuf st;

		c->path = path;
		if (g_stat(path, &st) == 0) {
			c->used = st.st_mtime;
			c->size = st.st_size;
			*total += c->size;
		}
		g_ptr_array_add(all, c);
	}
	return all;
}

static void cache_prune(const char *directory)
{
	guint64 total;
	g_autoptr(GPtrArray) all = cached_list(directory, &total);

	if (total <= CACHE_MAX_BYTES)
		return;
	g_ptr_array_sort(all, cached_compare);
	for (guint i = 0; i < all->len && total > CACHE_MAX_BYTES; i++) {
		struct cached *c = all->pdata[i];

		if (g_unlink(c->path) == 0)
			total -= c->size;
	}
}

void symbol_cache_store(const char *build_id, const char *stamp,
			const SymbolNames *names)
{
	g_autofree char *path = cache_path(build_id);
	g_autofree char *directory = cache_directory();
	g_autoptr(GByteArray) bytes = NULL;

	if (!path || g_mkdir_with_parents(directory, 0700) != 0)
		return;
	bytes = symbol_cache_encode(stamp, names);
	if (g_file_set_contents_full(path, (const char *)bytes->data,
				     bytes->len,
				     G_FILE_SET_CONTENTS_CONSISTENT, 0600,
				     NULL))
		cache_prune(directory);
}
