/* SPDX-License-Identifier: MIT */
/*
 * pprof-read: see pprof-read.h. Bytes come through gzip-stream, are cut by
 * fields, stored by pprof-decode and linked by pprof-link.
 */
#include "tools/pprof-read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/gzip-stream.h"
#include "tools/import.h"
#include "tools/pprof-decode.h"
#include "tools/region-read.h"

G_DEFINE_QUARK(pprof-read-error-quark, pprof_read_error)

/*
 * Memory a file may take: a real one takes a few times its compressed size,
 * one that takes a hundred times as much and more is made to hurt.
 */
#define MEMORY_FREE (512ull << 20)
#define MEMORY_RATIO 100
#define MEMORY_MAX (3ull << 30)		/* GArray counts in 32 bits */
#define INFLATED_FREE (256ull << 20)
#define INFLATED_RATIO 200		/* deflate itself ends at 1032 */
#define FIELDS_FREE (8ull << 20)
#define FIELDS_RATIO 8			/* a byte makes no more of them */
#define FIELDS_BETWEEN_CHECKS 1024
/* As much memory as places that are too many take: it may be stacks. */
#define CROWD_MEMORY (512ull << 20)
/* The least part of a crowd that a file keeps, however much others have, and
 * that is tried before a file is refused. */
#define CROWD_LEAST 64
/* Of what is only held there is room for more than of what is shown. */
#define CROWD_LATE (2 * PPROF_READ_CROWD)
/* The process is among the first fields of a file. */
#define ORIGIN_BYTES_MAX (4u << 20)
#define SKIPPED_MAX 20	/* sentences about one file */

#define TORN_TEXT "%s: it is torn: too little of it is left to show anything"

typedef struct {
	const char *name;		/* for messages */
	const char *path;		/* NULL: from memory */
	GzipStream *stream;
	Fields fields;
	PprofDecode decode;
	GPtrArray *skipped;		/* char * */
	guint64 inflated;		/* bytes */
	guint64 count;			/* fields */
	gboolean lost;			/* until the next member */
	gboolean torn;			/* the compression ends too early */
	gboolean strange;		/* not all were fields of a message */

	guint crowd;			/* places that are too many; 0: none */
	gboolean crowded;		/* there are, or too much memory */
	PprofSieve *walk;		/* takes the fields; NULL: `decode` */
} Reader;

static gssize read_file(gpointer source, guint64 offset, guint8 *to,
			gsize size, GError **error)
{
	int fd = GPOINTER_TO_INT(source);
	gssize got;

	do
		got = pread(fd, to, size, (off_t)offset);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
			    "%s", g_strerror(errno));
	return got;
}

/* --- one file ------------------------------------------------------------- */

static void skip(Reader *r, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void skip(Reader *r, const char *format, ...)
{
	va_list args;

	if (r->skipped->len >= SKIPPED_MAX)
		return;
	va_start(args, format);
	g_ptr_array_add(r->skipped, g_strdup_vprintf(format, args));
	va_end(args);
}

/* Of a file that is small beside the others all is kept. */
static gboolean is_crowded(const Reader *r)
{
	const Profile *p = r->decode.p;
	const ProfileMark *mark = &r->decode.mark;
	guint places = p->locations->len + p->functions->len +
		       p->mappings->len;
	guint before = mark->locations + mark->functions + mark->mappings;
	gboolean late = (r->decode.flags & PPROF_READ_SIEVE_LATE) != 0;
	/* of what is kept each place may have a function and a mapping */
	guint most = late ? G_MAXUINT
		     : r->decode.sieve ? 2 * r->crowd : r->crowd;

	if (r->crowd == 0 || r->walk)
		return FALSE;
	return (places > most &&
		places - before > r->crowd / CROWD_LEAST) ||
	       pprof_decode_memory(&r->decode) > CROWD_MEMORY;
}

/* FALSE without an error: the file has too much to be looked at. */
static gboolean check_size(Reader *r, GError **error)
{
	guint64 consumed = gzip_stream_consumed(r->stream);
	guint64 memory = MIN(MEMORY_FREE + MEMORY_RATIO * consumed,
			     MEMORY_MAX);

	if (pprof_decode_memory(&r->decode) <= memory &&
	    r->inflated <= INFLATED_FREE + INFLATED_RATIO * consumed &&
	    r->count <= FIELDS_FREE + FIELDS_RATIO * consumed) {
		r->crowded = is_crowded(r);
		return !r->crowded;	/* without an error, then */
	}
	g_set_error(error, PPROF_READ_ERROR, PPROF_READ_ERROR_TOO_LARGE,
		    "%s: expands to more than a profile of its size can hold",
		    r->name);
	return FALSE;
}

/* All fields that are whole by now. */
static gboolean take_fields(Reader *r, GError **error)
{
	FieldsState state = FIELDS_MORE;
	Field field;

	while (!r->lost &&
	       (state = fields_next(&r->fields, &field)) == FIELDS_FIELD) {
		if (r->walk)
			pprof_sieve_field(r->walk, &field);
		else
			pprof_decode_field(&r->decode, &field);
		if (++r->count % FIELDS_BETWEEN_CHECKS == 0 &&
		    !check_size(r, error))
			return FALSE;
	}
	if (state == FIELDS_LOST) {
		r->lost = r->strange = TRUE;
		if (r->decode.types->len > 0)
			skip(r, "%s: what follows byte %" G_GUINT64_FORMAT
			     " is no profile and was left out", r->name,
			     r->inflated);
	}
	if (r->lost)
		fields_restart(&r->fields);
	return TRUE;
}

/* Something is broken; what comes next begins with a field. */
static void start_over(Reader *r, const char *what)
{
	skip(r, "%s: %s", r->name, what);
	fields_restart(&r->fields);
	r->lost = FALSE;
}

static gboolean take_event(Reader *r, GzipStreamEvent event, GError **error)
{
	g_autofree char *text = NULL;
	guint members = gzip_stream_members(r->stream);

	if (!take_fields(r, error))
		return FALSE;
	if (event == GZIP_STREAM_DAMAGED) {
		text = g_strdup_printf("part %u is damaged, what could be "
				       "read of it was used", members + 1);
		start_over(r, text);
	} else if (event == GZIP_STREAM_TORN) {
		text = g_strdup_printf("it ends in the middle of part %u",
				       members + 1);
		start_over(r, text);
		r->torn = TRUE;
	} else if (event == GZIP_STREAM_JUNK) {
		start_over(r, "what follows its last part is no profile");
	} else if (event == GZIP_STREAM_END &&
		   !fields_at_boundary(&r->fields)) {
		start_over(r, "it ends in the middle of a record");
	}
	return TRUE;
}

static gboolean read_stream(Reader *r, GError **error)
{
	GzipStreamEvent event;
	guint members = 0;
	guint8 *to;
	gsize size;

	do {
		to = fields_room(&r->fields, &size);
		event = gzip_stream_next(r->stream, to, &size, error);
		if (event == GZIP_STREAM_FAILED) {
			g_prefix_error(error, "%s: ", r->name);
			return FALSE;
		}
		r->inflated += size;
		fields_added(&r->fields, size);
		if (!take_event(r, event, error) || !check_size(r, error))
			return FALSE;
		/* the next member of one of ours begins with a field */
		if (gzip_stream_members(r->stream) != members)
			r->lost = FALSE;
		members = gzip_stream_members(r->stream);
	} while (event != GZIP_STREAM_END);
	return TRUE;
}

static gboolean is_empty(Reader *r, GError **error)
{
	if (r->inflated > 0)
		return FALSE;
	g_set_error(error, PPROF_READ_ERROR, PPROF_READ_ERROR_EMPTY,
		    r->torn ? TORN_TEXT : "%s: the file is empty", r->name);
	return TRUE;
}

/* What looks like the beginning of a profile is not called another thing. */
static void explain_torn(const Reader *r, GError **error)
{
	if (!r->torn || r->strange || r->count == 0 ||
	    !g_error_matches(error ? *error : NULL, PPROF_READ_ERROR,
			     PPROF_READ_ERROR_FOREIGN))
		return;
	g_clear_error(error);
	g_set_error(error, PPROF_READ_ERROR, PPROF_READ_ERROR_DAMAGED,
		    TORN_TEXT, r->name);
}

static gboolean link_file(Reader *r, GError **error)
{
	PprofDecode *d = &r->decode;
	ProfileProcess *row;
	guint32 process;
	guint i;

	if (is_empty(r, error)) {
		pprof_decode_undo(d);
		return FALSE;
	}
	if (!(d->flags & PPROF_READ_NO_REGION) && d->has_process)
		region_read_rest(d, r->skipped);
	if (r->fields.huge > 0)
		skip(r, "%s: %" G_GUINT64_FORMAT " records of more than %u MiB "
		     "were left out", r->name, r->fields.huge,
		     FIELDS_LENGTH_MAX >> 20);
	process = pprof_decode_finish(d, r->name, r->path, error);
	if (process == PROFILE_NONE) {
		explain_torn(r, error);
		return FALSE;
	}
	row = profile_at(d->p->processes, ProfileProcess, process);
	for (i = 0; i < r->skipped->len; i++)
		g_ptr_array_add(row->skipped,
				g_strdup(g_ptr_array_index(r->skipped, i)));
	return TRUE;
}

/* --- what others wrote --------------------------------------------------- */

/* The first bytes of what is inside; how many. */
static gsize read_head(GzipStreamRead read, gpointer source, guint8 *head)
{
	g_autoptr(GzipStream) stream = gzip_stream_new(read, source);
	GzipStreamEvent event = GZIP_STREAM_DATA;
	gsize have = 0, size;

	while (event == GZIP_STREAM_DATA && have < IMPORT_HEAD) {
		size = IMPORT_HEAD - have;
		event = gzip_stream_next(stream, head + have, &size, NULL);
		have += size;
	}
	return have;
}

static gboolean check_import(gpointer data, guint64 bytes, GError **error)
{
	Reader *r = data;

	r->inflated = bytes;
	return check_size(r, error);
}

static void say_left_out(Reader *r, const ImportSource *from,
			 const ImportFeed *to)
{
	if (from->torn)
		skip(r, "%s: it is damaged or not whole; what could be read "
		     "was used", r->name);
	if (from->cut > 0)
		skip(r, "%s: %" G_GUINT64_FORMAT " lines of more than %u MiB "
		     "were cut", r->name, from->cut, IMPORT_LINE_MAX >> 20);
	if (to->not_understood > 0)
		skip(r, "%s: %" G_GUINT64_FORMAT " lines or records were not "
		     "understood and left out", r->name, to->not_understood);
}

static gboolean read_import(Reader *r, const Importer *importer,
			    GError **error)
{
	ImportSource from;
	ImportFeed to;
	gboolean ok;

	import_source_init(&from, r->stream);
	from.check = check_import;
	from.check_data = r;
	import_feed_init(&to, &r->decode);
	ok = importer->read(&from, &to, error);
	if (ok && to.samples == 0) {
		g_set_error(error, PPROF_READ_ERROR, PPROF_READ_ERROR_DAMAGED,
			    "%s: there is no sample in this %s file", r->name,
			    importer->name);
		ok = FALSE;
	}
	say_left_out(r, &from, &to);
	import_feed_release(&to);
	import_source_release(&from);
	return ok;
}

/* Of a pprof profile, or of what another tool wrote. */
static gboolean read_content(Reader *r, GzipStreamRead read, gpointer source,
			     GError **error)
{
	g_autofree guint8 *head = g_malloc(IMPORT_HEAD);
	gsize size = read_head(read, source, head);
	const Importer *importer = import_detect(head, size);
	const char *advice = import_advise(head, size);

	if (importer) {
		r->crowd = 0;	/* its lines are not walked, but decoded */
		return read_import(r, importer, error);
	}
	if (!advice)
		return read_stream(r, error);
	g_set_error(error, PPROF_READ_ERROR, PPROF_READ_ERROR_FOREIGN,
		    "%s: not a profile: %s", r->name, advice);
	return FALSE;
}

static void rewind_source(Reader *r, GzipStreamRead read, gpointer source)
{
	gzip_stream_free(r->stream);
	r->stream = gzip_stream_new(read, source);
	fields_release(&r->fields);
	fields_init(&r->fields);
	g_ptr_array_set_size(r->skipped, 0);
	r->inflated = r->count = 0;
	r->lost = r->crowded = r->torn = r->strange = FALSE;
}

static gboolean read_through(Reader *r, PprofSieve *sieve,
			     GzipStreamRead read, gpointer source,
			     GError **error)
{
	Profile *p = r->decode.p;
	PprofReadFlags flags = r->decode.flags;
	gboolean ok;

	pprof_decode_undo(&r->decode);
	pprof_decode_release(&r->decode);
	pprof_decode_init(&r->decode, p, flags);
	r->walk = sieve;
	do {
		rewind_source(r, read, source);
		ok = read_stream(r, error);
	} while (ok && pprof_sieve_next(sieve));
	r->walk = NULL;
	if (!ok)
		return FALSE;
	rewind_source(r, read, source);
	pprof_decode_sieve(&r->decode, sieve);
	ok = read_stream(r, error);
	r->decode.sieve = NULL;
	return ok;
}

static void say_sieved(Reader *r, const PprofSieve *sieve)
{
	g_autofree char *what = pprof_sieve_describe(sieve);

	if (what)
		skip(r, "%s: %s", r->name, what);
}

/*
 * Too much was found. What the files before have is not looked at again, so
 * that of this one less is kept; still less if that is still too much, and at
 * last as much memory is taken as any file may.
 */
static gboolean read_sieved(Reader *r, GzipStreamRead read, gpointer source,
			    GError **error)
{
	guint least = MAX(r->crowd / CROWD_LEAST, 1);
	guint keep = r->crowd / 2, before = r->decode.mark.locations;
	gboolean ok;

	keep = MAX(keep - MIN(before, keep), least);
	do {
		g_autoptr(PprofSieve) sieve = pprof_sieve_new(keep, 2 * keep);

		if (keep == least)
			r->crowd = 0;
		ok = read_through(r, sieve, read, source, error);
		if (ok)
			say_sieved(r, sieve);
		keep = MAX(keep / 4, least);
	} while (!ok && r->crowded);
	return ok;
}

static gboolean read_source(Profile *p, const char *name, const char *path,
			    GzipStreamRead read, gpointer source,
			    PprofReadFlags flags, guint crowd, GError **error)
{
	Reader r = { .name = name, .path = path };
	gboolean ok;

	if (flags & PPROF_READ_SIEVE)
		r.crowd = crowd;
	else if (flags & PPROF_READ_SIEVE_LATE)
		r.crowd = CROWD_LATE;
	r.stream = gzip_stream_new(read, source);
	r.skipped = g_ptr_array_new_with_free_func(g_free);
	fields_init(&r.fields);
	pprof_decode_init(&r.decode, p, flags);
	ok = read_content(&r, read, source, error);
	if (!ok && r.crowded)
		ok = read_sieved(&r, read, source, error);
	if (!ok)
		pprof_decode_undo(&r.decode);
	else
		ok = link_file(&r, error);
	pprof_decode_release(&r.decode);
	fields_release(&r.fields);
	g_ptr_array_unref(r.skipped);
	gzip_stream_free(r.stream);
	return ok;
}

gboolean pprof_read_bytes(Profile *p, const char *name, const guint8 *data,
			  gsize size, PprofReadFlags flags, GError **error)
{
	GzipStreamBytes bytes = { data, size };

	return read_source(p, name, NULL, gzip_stream_read_bytes, &bytes, flags,
			   PPROF_READ_CROWD, error);
}

gboolean pprof_read_crowd(Profile *p, const char *name, const guint8 *data,
			  gsize size, guint crowd, GError **error)
{
	GzipStreamBytes bytes = { data, size };

	return read_source(p, name, NULL, gzip_stream_read_bytes, &bytes,
			   PPROF_READ_NO_REGION | PPROF_READ_SIEVE, crowd,
			   error);
}

/* --- paths ------------------------------------------------------------------- */

/* A pipe, or what else has no offsets, is read whole. */
static gboolean read_pipe(Profile *p, const char *path, int fd,
			  PprofReadFlags flags, GError **error)
{
	g_autoptr(GByteArray) all = g_byte_array_new();
	guint8 chunk[65536];
	gssize got;

	while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || all->len > G_MAXINT32) {
			g_set_error(error, G_IO_ERROR,
				    g_io_error_from_errno(errno), "%s: %s",
				    path, got < 0 ? g_strerror(errno)
						  : "too large");
			return FALSE;
		}
		g_byte_array_append(all, chunk, (guint)got);
	}
	return pprof_read_bytes(p, path, all->data, all->len, flags, error);
}

static gboolean read_fd(Profile *p, const char *path, int fd,
			PprofReadFlags flags, GError **error)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return read_pipe(p, path, fd, flags, error);
	if (region_read_is_region(fd))
		return region_read_alone(p, path, fd, flags, error);
	if (region_read_is_unborn(path, fd)) {
		g_set_error(error, PPROF_READ_ERROR, PPROF_READ_ERROR_EMPTY,
			    "%s: empty: its process ended as it began", path);
		return FALSE;
	}
	return read_source(p, path, path, read_file, GINT_TO_POINTER(fd),
			   flags, PPROF_READ_CROWD, error);
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *pprof_read_list(const char *directory, GError **error)
{
	g_autoptr(GDir) dir = g_dir_open(directory, 0, error);
	GPtrArray *names;
	const char *name;

	if (!dir)
		return NULL;
	names = g_ptr_array_new_with_free_func(g_free);
	while ((name = g_dir_read_name(dir)))
		if (g_str_has_suffix(name, ".pb.gz") && name[0] != '.')
			g_ptr_array_add(names,
					g_build_filename(directory, name,
							 NULL));
	g_ptr_array_sort(names, compare_names);
	return names;
}

static gboolean read_one(Profile *p, const char *path, PprofReadFlags flags,
			 GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	gboolean ok;

	if (fd < 0) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
			    "%s: %s", path, g_strerror(errno));
		return FALSE;
	}
	ok = read_fd(p, path, fd, flags, error);
	close(fd);
	return ok;
}

/* Of several files one bad one does not take the good ones with it. */
static gboolean read_directory(Profile *p, const char *path,
			       PprofReadFlags flags, GError **error)
{
	g_autoptr(GPtrArray) names = pprof_read_list(path, error);
	g_autoptr(GPtrArray) bad = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) first = NULL;
	guint i, good = 0;

	if (!names)
		return FALSE;
	for (i = 0; i < names->len; i++) {
		g_autoptr(GError) local = NULL;

		if (read_one(p, g_ptr_array_index(names, i), flags, &local)) {
			good++;
			continue;
		}
		g_ptr_array_add(bad, g_strdup(local->message));
		if (!first)
			first = g_steal_pointer(&local);
	}
	if (good == 0 && first) {
		g_propagate_error(error, g_steal_pointer(&first));
		return FALSE;
	}
	if (good == 0) {
		g_set_error(error, PPROF_READ_ERROR, PPROF_READ_ERROR_EMPTY,
			    "%s: no profile (*.pb.gz) in this directory", path);
		return FALSE;
	}
	for (i = 0; i < bad->len; i++)
		g_ptr_array_add(profile_at(p->processes, ProfileProcess,
					   0)->skipped,
				g_strdup(g_ptr_array_index(bad, i)));
	return TRUE;
}

gboolean pprof_read_path(Profile *p, const char *path, PprofReadFlags flags,
			 GError **error)
{
	if (strcmp(path, "-") == 0)
		return read_pipe(p, "(standard input)", STDIN_FILENO, flags,
				 error);
	if (g_file_test(path, G_FILE_TEST_IS_DIR))
		return read_directory(p, path, flags, error);
	return read_one(p, path, flags, error);
}

/* --- who wrote it ---------------------------------------------------------------- */

static void copy_id(char to[17], const Profile *p, ProfileString id)
{
	g_strlcpy(to, profile_text(p, id), 17);
}

/* Fields up to the process, which the first member has. */
static gboolean read_until_process(Reader *r)
{
	GzipStreamEvent event;
	Field field;
	guint8 *to;
	gsize size;

	while (r->inflated < ORIGIN_BYTES_MAX) {
		to = fields_room(&r->fields, &size);
		event = gzip_stream_next(r->stream, to, &size, NULL);
		r->inflated += size;
		fields_added(&r->fields, size);
		while (!r->decode.has_process &&
		       fields_next(&r->fields, &field) == FIELDS_FIELD)
			pprof_decode_field(&r->decode, &field);
		if (r->decode.has_process || event != GZIP_STREAM_DATA)
			break;
	}
	return r->decode.has_process;
}

gboolean pprof_read_origin(const char *path, PprofOrigin *origin)
{
	g_autoptr(Profile) p = profile_new();
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	Reader r = { .name = path, .path = path };
	const ProfileProcess *process = &r.decode.process;
	gboolean ok;

	if (fd < 0)
		return FALSE;
	r.stream = gzip_stream_new(read_file, GINT_TO_POINTER(fd));
	fields_init(&r.fields);
	pprof_decode_init(&r.decode, p, PPROF_READ_NO_MOMENTS);
	ok = read_until_process(&r);
	if (ok) {
		copy_id(origin->run_id, p, process->run_id);
		copy_id(origin->parent_run_id, p, process->parent_run_id);
		copy_id(origin->root_run_id, p, process->root_run_id);
		origin->pid = process->pid;
		origin->part = r.decode.part;
	}
	pprof_decode_release(&r.decode);
	fields_release(&r.fields);
	gzip_stream_free(r.stream);
	close(fd);
	return ok;
}
