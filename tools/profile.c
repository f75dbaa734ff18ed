/* SPDX-License-Identifier: MIT */
/*
 * profile: see profile.h. Storage and the string pool; who fills it is
 * pprof-read.
 */
#include "tools/profile.h"

#include <string.h>

#include "tools/texthash.h"

static void process_clear(gpointer data)
{
	ProfileProcess *process = data;

	g_clear_pointer(&process->notes, g_ptr_array_unref);
	g_clear_pointer(&process->skipped, g_ptr_array_unref);
	g_clear_pointer(&process->spans, g_array_unref);
}

Profile *profile_new(void)
{
	Profile *p = g_new0(Profile, 1);

	p->mappings = g_array_new(FALSE, TRUE, sizeof(ProfileMapping));
	p->locations = g_array_new(FALSE, TRUE, sizeof(ProfileLocation));
	p->lines = g_array_new(FALSE, TRUE, sizeof(ProfileLine));
	p->functions = g_array_new(FALSE, TRUE, sizeof(ProfileFunction));
	p->samples = g_array_new(FALSE, FALSE, sizeof(ProfileSample));
	p->frames = g_array_new(FALSE, FALSE, sizeof(guint32));
	p->labels = g_array_new(FALSE, TRUE, sizeof(ProfileLabel));
	p->moments = g_array_new(FALSE, FALSE, sizeof(ProfileMoment));
	p->threads = g_array_new(FALSE, TRUE, sizeof(ProfileThread));
	p->processes = g_array_new(FALSE, TRUE, sizeof(ProfileProcess));
	g_array_set_clear_func(p->processes, process_clear);
	p->strings = g_ptr_array_new();
	p->string_index = g_hash_table_new(texthash, g_str_equal);
	p->string_data = g_string_chunk_new(4096);
	p->kept = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
	profile_string(p, "", 0);
	return p;
}

void profile_free(Profile *p)
{
	GArray *arrays[] = { p->mappings, p->locations, p->lines,
			     p->functions, p->samples, p->frames, p->labels,
			     p->moments, p->threads, p->processes };
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(arrays); i++)
		g_array_free(arrays[i], TRUE);
	g_hash_table_destroy(p->string_index);
	g_ptr_array_free(p->strings, TRUE);
	g_string_chunk_free(p->string_data);
	g_ptr_array_free(p->kept, TRUE);
	g_free(p);
}

/* `s` lives as long as the Profile. */
static ProfileString intern(Profile *p, const char *s)
{
	g_ptr_array_add(p->strings, (char *)s);
	g_hash_table_insert(p->string_index, (char *)s,
			    GUINT_TO_POINTER(p->strings->len - 1));
	return p->strings->len - 1;
}

/* Most names: quicker than g_utf8_validate(), which goes byte by byte. */
static gboolean is_ascii(const char *s, gsize size)
{
	guint64 word, all = 0;

	for (; size >= sizeof(word); size -= sizeof(word), s += sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		all |= word;
	}
	word = 0;
	memcpy(&word, s, size);
	return ((all | word) & G_GUINT64_CONSTANT(0x8080808080808080)) == 0;
}

ProfileString profile_string(Profile *p, const char *s, gssize len)
{
	gsize size = len < 0 ? strlen(s) : (gsize)len;
	g_autofree char *valid = NULL;
	gpointer found;

	/* g_utf8_validate() with a length refuses NUL as well */
	if ((len >= 0 || !is_ascii(s, size)) &&
	    !g_utf8_validate(s, (gssize)size, NULL))
		valid = g_utf8_make_valid(s, (gssize)size);
	else if (len >= 0)
		valid = g_strndup(s, size);
	if (valid) {
		s = valid;
		size = strlen(valid);
	}
	if (g_hash_table_lookup_extended(p->string_index, s, NULL, &found))
		return GPOINTER_TO_UINT(found);
	return intern(p, g_string_chunk_insert_len(p->string_data, s,
						   (gssize)size));
}

ProfileString profile_string_kept(Profile *p, const char *s)
{
	gpointer found;

	if (!is_ascii(s, strlen(s)))
		return profile_string(p, s, -1);
	if (g_hash_table_lookup_extended(p->string_index, s, NULL, &found))
		return GPOINTER_TO_UINT(found);
	return intern(p, s);
}

void profile_keep(Profile *p, GArray *text)
{
	g_ptr_array_add(p->kept, g_array_ref(text));
}

const char *profile_text(const Profile *p, ProfileString s)
{
	return s < p->strings->len ? g_ptr_array_index(p->strings, s) : "";
}

gint profile_find_type(const Profile *p, const char *name)
{
	guint i;

	for (i = 0; i < p->type_count; i++)
		if (strcmp(profile_text(p, p->type[i].type), name) == 0)
			return (gint)i;
	return -1;
}

guint32 profile_add_process(Profile *p)
{
	ProfileProcess process = {
		.notes = g_ptr_array_new_with_free_func(g_free),
		.skipped = g_ptr_array_new_with_free_func(g_free),
	};

	g_array_append_val(p->processes, process);
	return p->processes->len - 1;
}

/* As pprof-link puts it there: two of one boot are compared by one clock. */
guint64 profile_begin_of(const Profile *p, const ProfileProcess *process)
{
	gint64 delta = p->base_boot == process->boot_id
			? (gint64)(process->start_mono_ns - p->base_mono_ns)
			: (gint64)((guint64)process->start_unix_ns -
				   p->base_unix_ns);

	return p->has_base && delta > 0 ? (guint64)delta : 0;
}

void profile_put_span(ProfileProcess *process, const ProfileSpan *span)
{
	guint i;

	if (!process->spans)
		process->spans = g_array_new(FALSE, FALSE,
					     sizeof(ProfileSpan));
	for (i = 0; i < process->spans->len; i++) {
		ProfileSpan *row = profile_at(process->spans, ProfileSpan, i);

		if (row->number == span->number) {
			*row = *span;
			return;
		}
	}
	g_array_append_vals(process->spans, span, 1);
}
