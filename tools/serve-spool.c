/* SPDX-License-Identifier: MIT */
/* serve-spool: see serve-spool.h. */
#include "tools/serve-spool.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define SUFFIX ".push"
#define FILE_MAX (512u << 20)	/* none is larger: see TAKE_BYTES_MAX */
#define DIGITS 20		/* of a number: all that 64 bits hold */
#define HEAD "profagent-push 1 "
#define HEAD_BYTES (sizeof(HEAD) - 1 + 8 + 1)	/* with CRC and newline */

struct _Spool {
	GQueue parcels;			/* Parcel */
	gsize most, bytes;
	guint64 dropped, number;	/* number: of the next one */
	char *dir;			/* NULL: none */
	int lock;			/* the directory, held; -1: none */
	gboolean has_complained;
};

/* --- life ------------------------------------------------------------------------- */

static void parcel_free(gpointer data)
{
	Parcel *p = data;

	g_free(p->query);
	g_bytes_unref(p->profile);
	g_free(p);
}

Spool *spool_new(gsize most)
{
	Spool *s = g_new0(Spool, 1);

	s->most = most;
	s->lock = -1;
	g_queue_init(&s->parcels);
	return s;
}

void spool_free(Spool *s)
{
	g_queue_clear_full(&s->parcels, parcel_free);
	if (s->lock >= 0)
		close(s->lock);
	g_free(s->dir);
	g_free(s);
}

const Parcel *spool_first(const Spool *s)
{
	return s->parcels.head ? s->parcels.head->data : NULL;
}

gsize spool_bytes(const Spool *s)
{
	return s->bytes;
}

guint64 spool_dropped(const Spool *s)
{
	return s->dropped;
}

/* --- files -------------------------------------------------------------------------- */

static char *path_of(const Spool *s, guint64 number)
{
	g_autofree char *name = g_strdup_printf("%0*" G_GUINT64_FORMAT SUFFIX,
						DIGITS, number);

	return g_build_filename(s->dir, name, NULL);
}

static guint32 checksum(const char *data, gsize size)
{
	return (guint32)crc32_z(0, (const Bytef *)data, size);
}

/* No fsync: a file that a power cut left half empty has a wrong checksum. */
static gboolean write_file(const Spool *s, const Parcel *p, GError **error)
{
	g_autofree char *path = path_of(s, p->number);
	g_autoptr(GString) text = g_string_new(HEAD "00000000\n");
	gsize size;
	const char *profile = g_bytes_get_data(p->profile, &size);
	char sum[10];

	g_string_append(text, p->query);
	g_string_append_c(text, '\n');
	g_string_append_len(text, profile, (gssize)size);
	g_snprintf(sum, sizeof(sum), "%08x\n",
		   checksum(text->str + HEAD_BYTES, text->len - HEAD_BYTES));
	memcpy(text->str + sizeof(HEAD) - 1, sum, sizeof(sum) - 1);
	return g_file_set_contents_full(path, text->str, (gssize)text->len,
					G_FILE_SET_CONTENTS_CONSISTENT |
						G_FILE_SET_CONTENTS_ONLY_EXISTING,
					0600, error);
}

static void remove_file(const Spool *s, guint64 number)
{
	g_autofree char *path = s->dir ? path_of(s, number) : NULL;

	if (path)
		g_unlink(path);
}

/* The query is put into an address: it has none but visible characters. */
static gboolean is_query(const char *text, gsize size)
{
	gsize i;

	for (i = 0; i < size; i++)
		if (!g_ascii_isgraph(text[i]))
			return FALSE;
	return size > 0;
}

static Parcel *parse(const char *data, gsize size, guint64 number)
{
	guint64 sum;
	g_autofree char *digits = NULL;
	const char *query = data + HEAD_BYTES, *end;
	Parcel *p;

	if (size <= HEAD_BYTES || memcmp(data, HEAD, sizeof(HEAD) - 1) != 0)
		return NULL;
	digits = g_strndup(data + sizeof(HEAD) - 1, 8);
	size -= HEAD_BYTES;
	end = memchr(query, '\n', size);
	if (!g_ascii_string_to_unsigned(digits, 16, 0, G_MAXUINT32, &sum,
					NULL) ||
	    checksum(query, size) != sum || !end ||
	    !is_query(query, (gsize)(end - query)))
		return NULL;
	p = g_new(Parcel, 1);
	p->query = g_strndup(query, (gsize)(end - query));
	p->profile = g_bytes_new(end + 1, size - (gsize)(end + 1 - query));
	p->number = number;
	return p;
}

static GBytes *read_all(int fd, gsize size)
{
	g_autofree char *data = size <= FILE_MAX ? g_try_malloc(size) : NULL;
	gsize used = 0;
	gssize n = 1;

	while (data && used < size && (n = read(fd, data + used, size - used)) > 0)
		used += (gsize)n;
	return data && used == size
		       ? g_bytes_new_take(g_steal_pointer(&data), size)
		       : NULL;
}

/* NULL: *why says what it is instead; of a literal. */
static Parcel *read_file(const Spool *s, guint64 number, const char **why)
{
	g_autofree char *path = path_of(s, number);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	g_autoptr(GBytes) bytes = NULL;
	struct stat st;
	Parcel *p;

	*why = fd < 0 ? g_strerror(errno) : "no plain file";
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*why = "not whole, or of another kind";
		bytes = read_all(fd, (gsize)st.st_size);
	}
	close(fd);
	p = bytes ? parse(g_bytes_get_data(bytes, NULL),
			  g_bytes_get_size(bytes), number) : NULL;
	return p;
}

/* --- what an earlier one left --------------------------------------------------------- */

/* One that was about to be written: "NUMBER.push.XXXXXX". */
static gboolean is_unfinished(const char *name)
{
	return strspn(name, "0123456789") == DIGITS &&
	       g_str_has_prefix(name + DIGITS, SUFFIX ".");
}

static gboolean parse_name(const char *name, guint64 *number)
{
	g_autofree char *digits = g_strndup(name, DIGITS);

	return strlen(name) == DIGITS + strlen(SUFFIX) &&
	       g_str_has_suffix(name, SUFFIX) &&
	       g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT64 - 1,
					  number, NULL);
}

static gint newest_first(gconstpointer a, gconstpointer b)
{
	guint64 x = *(const guint64 *)a, y = *(const guint64 *)b;

	return x > y ? -1 : x < y;
}

/* Numbers, newest first; what was not finished is removed. */
static GArray *list_files(const Spool *s, GDir *dir)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(guint64));
	const char *name;
	guint64 number;

	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(s->dir, name, NULL);

		if (parse_name(name, &number))
			g_array_append_val(list, number);
		else if (is_unfinished(name))
			g_unlink(path);
	}
	g_array_sort(list, newest_first);
	return list;
}

static void say_skipped(const Spool *s, guint count, guint64 number,
			const char *why)
{
	g_autofree char *path = path_of(s, number);

	if (count == 1)
		g_printerr("profagent serve: %s: %s; it is skipped\n", path,
			   why);
	else if (count > 1)
		g_printerr("profagent serve: %s: %s; it and %u others are "
			   "skipped\n", path, why, count - 1);
}

static void read_files(Spool *s, const GArray *numbers)
{
	const char *why, *why_first = NULL;
	guint64 skipped = 0;
	guint i, count = 0;

	for (i = 0; i < numbers->len; i++) {
		guint64 number = g_array_index(numbers, guint64, i);
		Parcel *p = read_file(s, number, &why);

		if (!p && count++ == 0) {
			skipped = number;
			why_first = why;
		}
		if (!p)
			continue;
		if (s->parcels.length > 0 &&
		    s->bytes + g_bytes_get_size(p->profile) > s->most) {
			remove_file(s, number);
			parcel_free(p);
			s->dropped++;
			continue;
		}
		s->bytes += g_bytes_get_size(p->profile);
		g_queue_push_head(&s->parcels, p);
	}
	say_skipped(s, count, skipped, why_first);
}

/* One that others may write to could send anything in our name. */
static gboolean take_directory(Spool *s, GError **error)
{
	const char *why = NULL;
	struct stat st;

	if (g_mkdir_with_parents(s->dir, 0700) == 0)
		s->lock = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->lock < 0 || fstat(s->lock, &st) != 0)
		why = g_strerror(errno);
	else if (st.st_uid != geteuid() || (st.st_mode & 022))
		why = "others may write to it";
	else if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
		why = "another server uses it";
	else if (access(s->dir, W_OK) != 0)
		why = g_strerror(errno);
	if (why)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s",
			    s->dir, why);
	return !why;
}

gboolean spool_open(Spool *s, const char *dir, GError **error)
{
	g_autoptr(GArray) numbers = NULL;
	g_autoptr(GDir) open = NULL;

	s->dir = g_strdup(dir);
	if (!take_directory(s, error))
		return FALSE;
	open = g_dir_open(dir, 0, error);
	if (!open)
		return FALSE;
	numbers = list_files(s, open);
	if (numbers->len > 0)
		s->number = g_array_index(numbers, guint64, 0) + 1;
	read_files(s, numbers);
	return TRUE;
}

/* --- the queue -------------------------------------------------------------------------- */

static void keep_bounded(Spool *s)
{
	while (s->bytes > s->most && s->parcels.length > 1) {
		Parcel *second = g_queue_pop_nth(&s->parcels, 1);

		remove_file(s, second->number);
		s->bytes -= g_bytes_get_size(second->profile);
		parcel_free(second);
		s->dropped++;
	}
}

static void keep_file(Spool *s, const Parcel *p)
{
	g_autoptr(GError) error = NULL;

	if (write_file(s, p, &error)) {
		s->has_complained = FALSE;
		return;
	}
	if (!s->has_complained)
		g_printerr("profagent serve: profiles wait in memory alone: "
			   "%s\n", error->message);
	s->has_complained = TRUE;
}

void spool_put(Spool *s, char *query, GBytes *profile)
{
	Parcel *p = g_new(Parcel, 1);

	*p = (Parcel){ query, g_bytes_ref(profile), s->number++ };
	g_queue_push_tail(&s->parcels, p);
	s->bytes += g_bytes_get_size(profile);
	keep_bounded(s);
	/* it may be gone already, where one alone is too large */
	if (s->dir && s->parcels.tail->data == p)
		keep_file(s, p);
}

void spool_remove_first(Spool *s)
{
	Parcel *first = g_queue_pop_head(&s->parcels);

	remove_file(s, first->number);
	s->bytes -= g_bytes_get_size(first->profile);
	parcel_free(first);
}
