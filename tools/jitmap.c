/* SPDX-License-Identifier: MIT */
/*
 * Code pieces never overlap in the map: adding one cuts away what it covers.
 * Format of jitdump: tools/perf/Documentation/jitdump-specification.txt in the
 * Linux sources.
 */
#include "tools/jitmap.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A map of a long-lived browser has some 50 MiB. */
#define FILE_MAX_BYTES (1024 * 1024 * 1024)

struct code {
	guint64 start, end;
	guint64 moved;			/* add it to get the first address */
	const char *name;
	GArray *lines;			/* struct code_line, owned by the map */
};

struct code_line {
	guint64 address;		/* before the code was moved */
	gint32 line;
	const char *file;
};

struct _JitMap {
	GSequence *codes;		/* struct code *, by start, disjoint */
	GStringChunk *texts;
	GPtrArray *lines;		/* GArray *, all tables ever made */
	GArray *pending;		/* lines for the next code load */
	guint64 pending_address;
};

JitMap *jitmap_new(void)
{
	JitMap *m = g_new0(JitMap, 1);

	m->codes = g_sequence_new(g_free);
	m->texts = g_string_chunk_new(64 * 1024);
	m->lines = g_ptr_array_new_with_free_func(
				(GDestroyNotify)g_array_unref);
	return m;
}

void jitmap_free(JitMap *m)
{
	if (!m)
		return;
	g_sequence_free(m->codes);
	g_string_chunk_free(m->texts);
	g_ptr_array_free(m->lines, TRUE);
	g_free(m);
}

/* --- the map ------------------------------------------------------------- */

static gint code_compare(gconstpointer a, gconstpointer b, gpointer data)
{
	const struct code *x = a, *y = b;

	(void)data;
	return (x->start > y->start) - (x->start < y->start);
}

/* The first piece that starts behind `address`. */
static GSequenceIter *code_after(const JitMap *m, guint64 address)
{
	struct code key = { .start = address };

	return g_sequence_search(m->codes, &key, code_compare, NULL);
}

/* The piece that covers `address`, or NULL. */
static GSequenceIter *code_at(const JitMap *m, guint64 address)
{
	GSequenceIter *i = code_after(m, address);
	const struct code *c;

	if (g_sequence_iter_is_begin(i))
		return NULL;
	i = g_sequence_iter_prev(i);
	c = g_sequence_get(i);
	return address < c->end ? i : NULL;
}

static void code_insert(JitMap *m, struct code c)
{
	g_sequence_insert_sorted(m->codes, g_memdup2(&c, sizeof(c)),
				 code_compare, NULL);
}

/* Leaves of what begins before `start` the ends outside [start, end). */
static void code_cut(JitMap *m, guint64 start, guint64 end)
{
	GSequenceIter *i = code_at(m, start);
	struct code *c, tail;

	if (!i)
		return;
	c = g_sequence_get(i);
	tail = *c;
	tail.start = end;
	c->end = start;
	if (c->end <= c->start)
		g_sequence_remove(i);
	if (tail.end > tail.start)
		code_insert(m, tail);
}

static void code_add(JitMap *m, struct code c)
{
	GSequenceIter *i;

	if (c.end <= c.start)
		return;
	code_cut(m, c.start, c.end);
	code_cut(m, c.end, c.end);
	i = code_after(m, c.start);
	while (!g_sequence_iter_is_end(i)) {
		GSequenceIter *next = g_sequence_iter_next(i);

		if (((struct code *)g_sequence_get(i))->start >= c.end)
			break;
		g_sequence_remove(i);
		i = next;
	}
	code_insert(m, c);
}

static void lines_find(const struct code *c, guint64 address, JitCode *code)
{
	guint low = 0, high = c->lines ? c->lines->len : 0;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(c->lines, struct code_line, middle).address <=
		    address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return;
	code->file = g_array_index(c->lines, struct code_line, low - 1).file;
	code->line = g_array_index(c->lines, struct code_line, low - 1).line;
}

gboolean jitmap_find(const JitMap *m, guint64 address, JitCode *code)
{
	GSequenceIter *i = code_at(m, address);
	const struct code *c;

	if (!i)
		return FALSE;
	c = g_sequence_get(i);
	code->name = c->name;
	code->file = "";
	code->line = 0;
	lines_find(c, address + c->moved, code);
	return TRUE;
}

/* --- files --------------------------------------------------------------- */

static GMappedFile *file_map(const char *path, gint64 not_before,
			     GError **error)
{
	int fd = g_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	GMappedFile *file = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
			    "%s: %s", path, g_strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
			    "%s: not a regular file up to 1 GiB", path);
	else if (st.st_mtime < not_before)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
			    "%s: older than the process, so of another one",
			    path);
	else
		file = g_mapped_file_new_from_fd(fd, FALSE, error);
	if (fd >= 0)
		close(fd);
	return file;
}

gboolean jitmap_read_perf(JitMap *m, const char *path, gint64 not_before,
			  GError **error)
{
	g_autoptr(GMappedFile) file = file_map(path, not_before, error);

	if (!file)
		return FALSE;
	jitmap_parse_perf(m, g_mapped_file_get_contents(file),
			  g_mapped_file_get_length(file));
	return TRUE;
}

gboolean jitmap_read_jitdump(JitMap *m, const char *path, gint64 not_before,
			     GError **error)
{
	g_autoptr(GMappedFile) file = file_map(path, not_before, error);

	if (!file)
		return FALSE;
	if (jitmap_parse_jitdump(m, (const guint8 *)
				 g_mapped_file_get_contents(file),
				 g_mapped_file_get_length(file)))
		return TRUE;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
		    "%s: not a jitdump file of this machine", path);
	return FALSE;
}

/* --- /tmp/perf-PID.map --------------------------------------------------- */

/* Some writers put 0x before the numbers. NULL: no number here. */
static const char *hex_parse(const char *at, guint64 *value)
{
	char *end;

	if (!g_ascii_isxdigit(*at))
		return NULL;
	*value = g_ascii_strtoull(at, &end, 16);
	return end;
}

static void perf_line(JitMap *m, const char *line)
{
	struct code c = { 0 };
	guint64 size;
	const char *at = hex_parse(line, &c.start);

	if (!at || *at != ' ')
		return;
	at = hex_parse(at + 1, &size);
	if (!at || *at != ' ' || !at[1])
		return;
	c.end = c.start + size;
	c.name = g_string_chunk_insert_const(m->texts, at + 1);
	code_add(m, c);
}

void jitmap_parse_perf(JitMap *m, const char *text, gsize size)
{
	const char *end = text + size, *newline;

	/* The last line counts only if it was written to its end. */
	while (text < end && (newline = memchr(text, '\n', end - text))) {
		g_autofree char *line = g_strndup(text, newline - text);

		perf_line(m, line);
		text = newline + 1;
	}
}

/* --- jitdump ------------------------------------------------------------- */

#define JITDUMP_MAGIC 0x4a695444	/* "JiTD" in the writer's byte order */
#define JITDUMP_VERSION 1

enum { JIT_CODE_LOAD, JIT_CODE_MOVE, JIT_CODE_DEBUG_INFO };

struct jit_header {
	guint32 magic, version, total_size, elf_mach, pad, pid;
	guint64 timestamp, flags;
};

struct jit_record {
	guint32 id, total_size;
	guint64 timestamp;
};

struct jit_load {
	guint32 pid, tid;
	guint64 vma, address, size, index;	/* then the name, then code */
};

struct jit_move {
	guint32 pid, tid;
	guint64 vma, from, to, size, index;
};

struct jit_debug {
	guint64 address, count;			/* then the entries */
};

struct jit_entry {
	guint64 address;
	gint32 line, discriminator;		/* then the file's name */
};

static void jit_load(JitMap *m, const guint8 *data, gsize size)
{
	struct jit_load load;
	struct code c = { 0 };

	if (size <= sizeof(load) || !memchr(data + sizeof(load), 0,
					    size - sizeof(load)))
		return;
	memcpy(&load, data, sizeof(load));
	c.start = load.address;
	c.end = load.address + load.size;
	c.name = g_string_chunk_insert(m->texts, (const char *)data +
				       sizeof(load));
	if (m->pending && m->pending_address == load.address)
		c.lines = m->pending;
	m->pending = NULL;
	code_add(m, c);
}

static void jit_move(JitMap *m, const guint8 *data, gsize size)
{
	struct jit_move move;
	GSequenceIter *i;
	struct code c;

	if (size < sizeof(move))
		return;
	memcpy(&move, data, sizeof(move));
	i = code_at(m, move.from);
	if (!i)
		return;
	c = *(struct code *)g_sequence_get(i);
	if (c.start != move.from)
		return;
	g_sequence_remove(i);
	c.start = move.to;
	c.end = move.to + move.size;
	c.moved += move.from - move.to;
	code_add(m, c);
}

static gint line_compare(gconstpointer a, gconstpointer b)
{
	const struct code_line *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

/* "\xff" stands for the name before. */
static const char *jit_file(JitMap *m, const char *name, const char *before)
{
	if (strcmp(name, "\xff") == 0)
		return before;
	return g_string_chunk_insert_const(m->texts, name);
}

static void jit_debug(JitMap *m, const guint8 *data, gsize size)
{
	const guint8 *at = data + sizeof(struct jit_debug);
	const guint8 *end = data + size;
	struct jit_debug debug;
	const char *file = "";

	if (size < sizeof(debug))
		return;
	memcpy(&debug, data, sizeof(debug));
	m->pending = g_array_new(FALSE, FALSE, sizeof(struct code_line));
	m->pending_address = debug.address;
	g_ptr_array_add(m->lines, m->pending);
	while (debug.count-- > 0 && at < end &&
	       (gsize)(end - at) > sizeof(struct jit_entry)) {
		struct jit_entry entry;
		struct code_line line;
		const guint8 *name = at + sizeof(entry);
		const guint8 *nul = memchr(name, 0, end - name);

		if (!nul)
			break;
		memcpy(&entry, at, sizeof(entry));
		file = jit_file(m, (const char *)name, file);
		line.address = entry.address;
		line.line = entry.line;
		line.file = file;
		g_array_append_val(m->pending, line);
		at = nul + 1;
	}
	g_array_sort(m->pending, line_compare);
}

static void jit_record(JitMap *m, guint32 id, const guint8 *data, gsize size)
{
	static void (*const read[])(JitMap *, const guint8 *, gsize) = {
		[JIT_CODE_LOAD] = jit_load,
		[JIT_CODE_MOVE] = jit_move,
		[JIT_CODE_DEBUG_INFO] = jit_debug,
	};

	if (id < G_N_ELEMENTS(read))
		read[id](m, data, size);
}

gboolean jitmap_parse_jitdump(JitMap *m, const guint8 *data, gsize size)
{
	struct jit_header header;
	gsize at;

	if (size < sizeof(header))
		return FALSE;
	memcpy(&header, data, sizeof(header));
	if (header.magic != JITDUMP_MAGIC ||
	    header.version != JITDUMP_VERSION ||
	    header.total_size < sizeof(header))
		return FALSE;
	at = header.total_size;
	while (at < size && size - at >= sizeof(struct jit_record)) {
		struct jit_record r;

		memcpy(&r, data + at, sizeof(r));
		if (r.total_size < sizeof(r) || r.total_size > size - at)
			break;
		jit_record(m, r.id, data + at + sizeof(r),
			   r.total_size - sizeof(r));
		at += r.total_size;
	}
	m->pending = NULL;
	return TRUE;
}
