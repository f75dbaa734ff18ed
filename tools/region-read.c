/* SPDX-License-Identifier: MIT */
/* region-read: see region-read.h. */
#include "tools/region-read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/region.h"
#include "tools/alive.h"

typedef struct {
	int fd;
	const char *path;		/* for messages */
	struct region_header header;
	guint8 *buffer;			/* RING_BYTES, one ring */
	struct region_label *labels;	/* REGION_LABELS of them */
	guint damaged;			/* slots */
} Region;

static gboolean read_at(int fd, void *to, gsize size, guint64 offset)
{
	guint8 *at = to;
	gssize got;

	while (size > 0) {
		got = pread(fd, at, size, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return FALSE;
		at += got;
		offset += (guint64)got;
		size -= (gsize)got;
	}
	return TRUE;
}

gboolean region_read_is_region(int fd)
{
	guint64 magic = 0;

	return read_at(fd, &magic, sizeof(magic), 0) && magic == REGION_MAGIC;
}

gboolean region_read_is_unborn(const char *path, int fd)
{
	guint64 magic = 0;

	return g_str_has_suffix(path, ".region") &&
	       (!read_at(fd, &magic, sizeof(magic), 0) || magic == 0);
}

/* Its owner must be us; root may read everybody's. */
static gboolean is_trusted(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (st.st_uid == geteuid() || geteuid() == 0);
}

static gboolean read_header(Region *r)
{
	struct region_header *h = &r->header;

	if (!read_at(r->fd, h, sizeof(*h), 0) || h->magic != REGION_MAGIC ||
	    h->version != REGION_VERSION ||
	    h->header_bytes != REGION_SLOTS_AT ||
	    h->slot_bytes != REGION_SLOT_BYTES ||
	    h->ring_bytes != RING_BYTES || h->slots > REGION_SLOTS_MAX)
		return FALSE;
	h->run_id[REGION_RUN_ID] = '\0';
	return TRUE;
}

/* --- labels ------------------------------------------------------------------ */

static void read_labels(Region *r)
{
	guint i;

	r->labels = g_new0(struct region_label, REGION_LABELS);
	if (!read_at(r->fd, r->labels,
		     REGION_LABELS * sizeof(r->labels[0]), REGION_PAGE))
		memset(r->labels, 0, REGION_LABELS * sizeof(r->labels[0]));
	for (i = 0; i < REGION_LABELS; i++) {
		struct region_label *l = &r->labels[i];

		l->key[sizeof(l->key) - 1] = '\0';
		l->value[sizeof(l->value) - 1] = '\0';
	}
}

static gboolean is_hidden(const PprofRingLabel *inner, guint n, const char *key)
{
	while (n-- > 0)
		if (strcmp(inner[n].key, key) == 0)
			return TRUE;
	return FALSE;
}

/* The pairs of a set, the innermost first. Returns how many. */
static guint find_labels(const Region *r, guint32 set,
			 PprofRingLabel to[PPROF_RING_LABELS])
{
	guint n = 0, depth;

	for (depth = 0; depth < PPROF_RING_LABELS && set != 0 &&
			set < REGION_LABELS && r->labels[set].whole == 1;
	     depth++) {
		const struct region_label *l = &r->labels[set];

		if (!is_hidden(to, n, l->key))
			to[n++] = (PprofRingLabel){ l->key, l->value };
		set = l->parent;
	}
	return n;
}

/* --- one slot --------------------------------------------------------------- */

static guint64 slot_offset(guint32 slot)
{
	return REGION_SLOTS_AT + (guint64)slot * REGION_SLOT_BYTES;
}

static gboolean read_record(const Region *r, guint32 slot,
			    struct thread_record *t)
{
	return read_at(r->fd, t, sizeof(*t), slot_offset(slot));
}

/* How far the file has it; 0: not at all. */
static guint64 written_position(PprofDecode *d, guint32 slot,
				guint32 generation)
{
	guint64 key = (guint64)slot << 32 | generation;
	guint64 *position = g_hash_table_lookup(d->rings, &key);

	return position ? *position : 0;
}

static void add_samples(PprofDecode *d, Region *r,
			const struct thread_record *t, guint64 from,
			guint64 overwritten, guint64 head)
{
	const struct ring_sample *s;
	char name[sizeof(t->name) + 1] = "";
	PprofRingLabel labels[PPROF_RING_LABELS];
	guint64 pos = from, start;
	bool bad = false;

	memcpy(name, t->name, sizeof(t->name));
	for (;;) {
		start = pos;
		s = ring_next(r->buffer, head, &pos, &bad);
		if (!s)
			break;
		if (start < overwritten)
			continue;
		pprof_decode_ring_sample(d, &(PprofRingSample){
			.pcs = s->pcs,
			.frames = s->frames,
			.count = s->count,
			.end = s->end,
			.time_ns = s->time_ns,
			.cpu_ns = s->cpu_ns,
			.tid = t->tid,
			.thread = name,
			.labels = labels,
			.label_count = find_labels(r, s->label, labels),
		});
	}
	if (bad && from >= overwritten)
		r->damaged++;
}

/*
 * A ring may go on while it is read: the record is read before and after, and
 * what the flusher released in between, which may be overwritten, is left out:
 * it is in the file by now.
 */
static void read_slot(PprofDecode *d, Region *r, guint32 slot)
{
	struct thread_record before, after;
	guint64 head, from;

	if (!read_record(r, slot, &before) ||
	    (before.state != SLOT_LIVE && before.state != SLOT_ENDED))
		return;
	from = MAX(ring_oldest(&before.ring, &head),
		   written_position(d, slot, before.generation));
	if (from >= head)
		return;
	if (head - from > RING_BYTES || (from & 7) != 0) {
		r->damaged++;
		return;
	}
	memset(r->buffer, 0, RING_BYTES);
	if (!read_at(r->fd, r->buffer, RING_BYTES,
		     slot_offset(slot) + REGION_PAGE) ||
	    !read_record(r, slot, &after)) {
		r->damaged++;
		return;
	}
	if (after.generation != before.generation ||
	    after.state == SLOT_FREE)
		return;		/* drained and written meanwhile */
	add_samples(d, r, &before, from, after.ring.tail, head);
}

static void read_slots(PprofDecode *d, Region *r, GPtrArray *skipped)
{
	guint32 i;

	r->buffer = g_malloc(RING_BYTES);
	read_labels(r);
	for (i = 0; i < r->header.slots; i++)
		read_slot(d, r, i);
	g_free(r->buffer);
	g_free(r->labels);
	if (r->damaged > 0)
		g_ptr_array_add(skipped, g_strdup_printf(
			"%s: %u of its rings are damaged", r->path,
			r->damaged));
}

/* --- the region of a file ------------------------------------------------------ */

/* Whether its samples were taken with an earlier file of this process. */
static gboolean is_salvaged(const PprofDecode *d)
{
	guint32 i;

	for (i = 0; i < d->mark.processes; i++) {
		ProfileProcess *row = profile_at(d->p->processes,
						 ProfileProcess, i);

		if (row->run_id == d->process.run_id && row->salvaged)
			return TRUE;
	}
	return FALSE;
}

void region_read_rest(PprofDecode *d, GPtrArray *skipped)
{
	Region r = { .path = profile_text(d->p, d->process.region) };
	const char *run_id = profile_text(d->p, d->process.run_id);

	if (d->process.done || r.path[0] != '/' || run_id[0] == '\0' ||
	    !alive_is_this_boot(profile_text(d->p, d->process.boot_id)) ||
	    is_salvaged(d))
		return;
	r.fd = open(r.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (r.fd < 0)
		return;
	if (is_trusted(r.fd) && read_header(&r) &&
	    strcmp(r.header.run_id, run_id) == 0 && r.header.part == d->part) {
		read_slots(d, &r, skipped);
		d->process.salvaged = TRUE;
	}
	close(r.fd);
}

/* --- a region alone -------------------------------------------------------------- */

/* What a file's first member would have said. */
static void describe(PprofDecode *d, const Region *r)
{
	static const char *const names[] = { "", "samples", "count", "cpu",
					     "nanoseconds" };
	RawValueType types[] = { { 1, 2 }, { 3, 4 } };
	g_autofree char *program = NULL;
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(names); i++) {
		ProfileString s = profile_string(d->p, names[i], -1);

		g_array_append_val(d->strings, s);
	}
	g_array_append_vals(d->types, types, G_N_ELEMENTS(types));
	d->period_type = types[1];
	program = g_strdup_printf("[pid %d]", r->header.pid);
	d->has_process = TRUE;
	d->part = r->header.part;
	d->process.pid = r->header.pid;
	d->process.program = profile_string(d->p, program, -1);
	d->process.run_id = profile_string(d->p, r->header.run_id, -1);
	d->process.region = profile_string(d->p, r->path, -1);
	d->process.pid_start = r->header.pid_start;
	d->process.salvaged = TRUE;
}

gboolean region_read_alone(Profile *p, const char *path, int fd,
			   PprofReadFlags flags, GError **error)
{
	g_autoptr(GPtrArray) skipped = g_ptr_array_new_with_free_func(g_free);
	Region r = { .fd = fd, .path = path };
	PprofDecode d;
	gboolean ok = TRUE;

	if (!is_trusted(fd) || !read_header(&r)) {
		g_set_error(error, PPROF_READ_ERROR, PPROF_READ_ERROR_DAMAGED,
			    "%s: not a region that can be read here", path);
		return FALSE;
	}
	pprof_decode_init(&d, p, flags);
	describe(&d, &r);
	if (!is_salvaged(&d)) {
		read_slots(&d, &r, skipped);
		ok = pprof_decode_finish(&d, path, path, error) !=
		     PROFILE_NONE;
	}
	pprof_decode_release(&d);
	return ok;
}
