/* SPDX-License-Identifier: MIT */
/*
 * import-gperftools: what gperftools' libprofiler writes (CPUPROFILE).
 *
 * gperftools' cpuprofile-fileformat.html has the layout, in words of the
 * machine that wrote it:
 *
 *	0, words that follow in the header (3), version 0, period in us, 0
 *	samples, depth, depth x address, leaf first	each stack
 *	0, 1, 0						the end of them
 *	lines of /proc/self/maps
 *
 * Addresses above the leaf are return addresses.
 */
#include "tools/import.h"

#include <stdio.h>
#include <string.h>

#include "tools/pprof-read.h"

#define HEADER_WORDS 5
#define HEADER_MORE 3			/* words the second one counts */
#define DEPTH_MAX 65536			/* libprofiler's own bound is 254 */
#define MICROSECOND 1000

typedef struct {
	gsize size;			/* 4 or 8 bytes */
	gboolean swapped;		/* not in our byte order */
} Word;

typedef struct {
	guint64 start, end, id;
} Piece;

typedef struct {
	gint64 count;
	guint first, depth;		/* in addresses */
} Stack;

typedef struct {
	ImportFeed *to;
	Word word;
	gint64 period_us;
	GArray *stacks;			/* Stack; the maps follow them */
	GArray *addresses;		/* guint64 */
	GArray *pieces;			/* Piece */
} Reader;

static guint64 word_at(const Word *w, const guint8 *at)
{
	guint64 wide;
	guint32 narrow;

	if (w->size == 8) {
		memcpy(&wide, at, 8);
		return w->swapped ? GUINT64_SWAP_LE_BE(wide) : wide;
	}
	memcpy(&narrow, at, 4);
	return w->swapped ? GUINT32_SWAP_LE_BE(narrow) : narrow;
}

/* How the words of a file that begins so are written. */
static gboolean find_word(const guint8 *head, gsize size, Word *word)
{
	static const Word words[] = {
		{ 8, FALSE }, { 4, FALSE }, { 8, TRUE }, { 4, TRUE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
		const Word *w = &words[i];

		if (size < HEADER_WORDS * w->size ||
		    word_at(w, head) != 0 ||
		    word_at(w, head + w->size) != HEADER_MORE ||
		    word_at(w, head + 2 * w->size) != 0)
			continue;
		*word = *w;
		return TRUE;
	}
	return FALSE;
}

gboolean import_gperftools_detect(const guint8 *head, gsize size)
{
	Word word;

	return find_word(head, size, &word);
}

/* --- stacks ------------------------------------------------------------------ */

static gboolean read_word(ImportSource *from, const Reader *r, guint64 *value,
			  GError **error)
{
	const guint8 *at = import_source_bytes(from, r->word.size, error);

	if (!at)
		return FALSE;
	*value = word_at(&r->word, at);
	return TRUE;
}

static gboolean read_header(ImportSource *from, Reader *r, GError **error)
{
	guint64 value = 0;
	const guint8 *at = import_source_bytes(from, HEADER_WORDS * 4, error);

	/* the widest reading needs more: put them back and look again */
	if (!at)
		return FALSE;
	from->begin -= HEADER_WORDS * 4;
	at = import_source_bytes(from, HEADER_WORDS * 8, NULL);
	if (at)
		from->begin -= HEADER_WORDS * 8;
	if (!find_word(from->data + from->begin, from->end - from->begin,
		       &r->word)) {
		g_set_error(error, PPROF_READ_ERROR, PPROF_READ_ERROR_FOREIGN,
			    "not a profile of gperftools");
		return FALSE;
	}
	for (gsize i = 0; i < HEADER_WORDS; i++) {
		if (!read_word(from, r, &value, error))
			return FALSE;
		if (i == 3)
			r->period_us = (gint64)MIN(value, G_MAXINT32);
	}
	return TRUE;
}

/* One stack. FALSE: it was the last, or there is no more. */
static gboolean read_stack(ImportSource *from, Reader *r, GError **error)
{
	Stack s = { .first = r->addresses->len };
	guint64 count, depth, address;

	if (!read_word(from, r, &count, error) ||
	    !read_word(from, r, &depth, error))
		return FALSE;
	if (depth == 0 || depth > DEPTH_MAX) {
		r->to->not_understood++;
		return FALSE;
	}
	for (guint64 i = 0; i < depth; i++) {
		if (!read_word(from, r, &address, error))
			return FALSE;
		if (count == 0 && depth == 1 && address == 0)
			return FALSE;
		address -= i > 0 && address > 0 ? 1 : 0;
		g_array_append_val(r->addresses, address);
	}
	s.count = (gint64)MIN(count, G_MAXINT32);
	s.depth = (guint)depth;
	g_array_append_val(r->stacks, s);
	return TRUE;
}

/* --- maps ---------------------------------------------------------------------- */

/* "start-end perms offset device inode   path"; only code is of interest. */
static void take_map(Reader *r, const char *line)
{
	guint64 start, end, offset;
	char perms[5];
	int path = 0;
	Piece piece;

	if (sscanf(line, "%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER
		   "x %4s %" G_GINT64_MODIFIER "x %*s %*s %n", &start, &end,
		   perms, &offset, &path) != 4 || path == 0 ||
	    perms[2] != 'x' || !line[path])
		return;
	piece = (Piece){ start, end, 0 };
	piece.id = import_feed_mapping(r->to, line + path, start, end, offset);
	g_array_append_val(r->pieces, piece);
}

static gint compare_pieces(gconstpointer a, gconstpointer b)
{
	const Piece *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Pieces are in order, and as the kernel has them do not overlap. */
static guint64 mapping_of(const Reader *r, guint64 address)
{
	guint low = 0, high = r->pieces->len;
	const Piece *p;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(r->pieces, Piece, middle).start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return 0;
	p = &g_array_index(r->pieces, Piece, low - 1);
	return address < p->end ? p->id : 0;
}

static gboolean read_maps(ImportSource *from, Reader *r, GError **error)
{
	GError *local = NULL;
	char *line;
	gsize size;

	while ((line = import_source_line(from, &size, &local)))
		take_map(r, g_strchomp(line));
	g_array_sort(r->pieces, compare_pieces);
	if (local)
		g_propagate_error(error, local);
	return local == NULL;
}

/* --- all of it ------------------------------------------------------------------- */

static guint64 location_of(Reader *r, guint64 address)
{
	char key[20];
	guint64 id;

	g_snprintf(key, sizeof(key), "%" G_GINT64_MODIFIER "x", address);
	id = import_feed_find(r->to, key);
	return id ? id : import_feed_address(r->to, key, address,
					     mapping_of(r, address));
}

/* CPU time of a stack; what no file of a real run holds is as much as fits. */
static gint64 time_of(const Reader *r, const Stack *s)
{
	gint64 ns;

	if (__builtin_mul_overflow(s->count, r->period_us * MICROSECOND, &ns))
		return G_MAXINT64;
	return ns;
}

static void feed(Reader *r)
{
	gint cpu = import_feed_type(r->to, "cpu", "nanoseconds");

	import_feed_period(r->to, "cpu", "nanoseconds",
			   r->period_us * MICROSECOND);
	for (guint i = 0; i < r->stacks->len; i++) {
		const Stack *s = &g_array_index(r->stacks, Stack, i);
		guint64 *ids = &g_array_index(r->addresses, guint64, s->first);
		ImportSample sample = { .locations = ids, .count = s->depth };

		for (guint k = 0; k < s->depth; k++)
			ids[k] = location_of(r, ids[k]);
		sample.value[0] = s->count;
		sample.value[cpu] = time_of(r, s);
		import_feed_sample(r->to, &sample);
	}
}

gboolean import_gperftools_read(ImportSource *from, ImportFeed *to,
				GError **error)
{
	g_autoptr(GArray) stacks = g_array_new(FALSE, FALSE, sizeof(Stack));
	g_autoptr(GArray) words = g_array_new(FALSE, FALSE, sizeof(guint64));
	g_autoptr(GArray) pieces = g_array_new(FALSE, FALSE, sizeof(Piece));
	Reader r = { .to = to, .stacks = stacks, .addresses = words,
		     .pieces = pieces };
	GError *local = NULL;

	if (read_header(from, &r, &local))
		while (read_stack(from, &r, &local))
			continue;
	if (local || !read_maps(from, &r, &local)) {
		g_propagate_error(error, local);
		return FALSE;
	}
	feed(&r);
	return TRUE;
}
